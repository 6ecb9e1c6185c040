"""Projects: the list, the overview of one, create, edit, delete."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from accounts.models import Project, Scope, User
from console.conflicts import who_changed
from console.forms.project_users import ConfirmForm
from console.forms.projects import DEFAULT_SORT, SORTS, ProjectForm, state_of
from console.lists import render_list, searched, sorted_page
from console.navigation import crumbs, first_page, tabs, visible_projects
from console.protection import PageRequest, requires, signed_in
from console.views.project_users import add_errors
from policies import access, history
from policies.actions.scopes import create_scope, delete_scope, told, update_scope
from policies.errors import Conflict
from policies.models import Resource, RoleAssignment
from policies.protected import At

EVENTS_SHOWN = 6


@signed_in
def project_index(request: PageRequest) -> HttpResponse:
    text = searched(request)
    found: Any = visible_projects(request.user)
    projects = found.search(text).select_related("parent")
    page, sort = sorted_page(request, projects, SORTS, DEFAULT_SORT)
    may_delete_sample = access.may(request.user, "delete", At("sample"))
    return render_list(request, "projects", {
        "crumbs": [("Projects", "")],
        "may_create": access.may(request.user, "create", At("project")),
        "may_delete_sample": may_delete_sample,
        "sample_loaded": may_delete_sample and Project.objects.filter(is_sample=True).exists(),
        "q": text, "sort": sort, "page": page, "rows": rows_of(request.user, list(page.object_list)),
    })  # fmt: skip


def rows_of(user: User, projects: list[Project]) -> list[dict[str, Any]]:
    """Projects as the list shows them; a constant number of queries."""
    allowed, places = access.actions_for(user, projects), places_of(projects)
    listed = [project.pk for project in projects if access.may(user, "list", At("project_user", project))]
    counted = User.objects.filter(project__in=listed).order_by().values_list("project").annotate(Count("pk"))
    users = dict.fromkeys(listed, 0) | dict(counted)
    return [
        {
            "project": project,
            "place": places[project.pk],
            "users": users.get(project.pk),
            "actions": allowed[project.pk] | ({"list_users"} if project.pk in users else set()),
        }
        for project in projects
    ]


def places_of(projects: Iterable[Project]) -> dict[int, str]:
    """{row number: names above it, without the organization}: "Cluster A / Perception"."""
    above = {project.pk: project.ancestor_ids[1:-1] for project in projects}
    names = dict(Scope.objects.filter(pk__in={pk for pks in above.values() for pk in pks}).values_list("pk", "name"))
    return {project: " / ".join(names[pk] for pk in pks) for project, pks in above.items()}


@requires("create", "project")
def project_create(request: PageRequest) -> HttpResponse:
    form = ProjectForm(request.POST if request.method == "POST" else None, user=request.user)
    if form.is_valid():
        try:
            project: Any = create_scope(actor=request.actor, kind=Scope.Kind.PROJECT, **form.cleaned_data)
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, f"Project {project.name} created")
            return redirect(first_page(request, project))
    way = [("Projects", reverse("project_index")), ("Create project", "")]
    context = {"project": None, "form": form, "crumbs": way}
    return render(request, "console/projects/form.html", context, status=422 if form.is_bound else 200)


@requires("read", "project")
def project_detail(request: PageRequest, project: Project) -> HttpResponse:
    actions = access.actions_for(request.user, [project])[project.pk]
    if access.may(request.user, "create", At("project_user", project)):
        actions.add("create_user")
    events = None
    if access.may(request.user, "read", At("event_history", project)):
        events = history.tell(history.readable(request.user, within=project)[:EVENTS_SHOWN])
    return render(request, "console/projects/detail.html", {
        "project": project, "crumbs": crumbs(request, project), "tabs": tabs(request, project), "actions": actions,
        "place": places_of([project])[project.pk], "counts": counts(request.user, project), "events": events,
    })  # fmt: skip


def counts(user: User, project: Project) -> list[dict[str, Any]]:
    """How many users and roles given here, as far as one may see them."""
    found = []
    if access.may(user, "list", At("project_user", project)):
        users = User.objects.filter(project=project).count()
        found.append({"label": "Users", "count": users, "url": reverse("project_user_index", args=[project.uid])})
    if access.may(user, "read", At("role_assignment", project)):
        roles = members_roles(project).count()
        found.append({"label": "Roles given here", "count": roles, "url": reverse("member_index", args=[project.uid])})
    return found


@requires("update", "project")
def project_update(request: PageRequest, project: Project) -> HttpResponse:
    form = ProjectForm(request.POST if request.method == "POST" else None, user=request.user, project=project)
    status = 422 if form.is_bound else 200
    if form.is_valid():
        asked = dict(form.cleaned_data)
        try:
            if asked.pop("seen") != state_of(project):
                raise Conflict(project)
            update_scope(actor=request.actor, scope=project, seen=told(project), **asked)
        except Conflict:
            form, status = conflicting(request, form), 409
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, "Project saved")
            return redirect(first_page(request, project))
    context = {"project": project, "form": form, "crumbs": crumbs(request, project, ("Edit", ""))}
    return render(request, "console/projects/form.html", context, status=status)


def conflicting(request: PageRequest, form: ProjectForm) -> ProjectForm:
    """The form with what was typed, who was faster and what they changed; saved again, it replaces that."""
    assert form.project is not None
    now = get_object_or_404(Project.objects.select_related("parent"), pk=form.project.pk)
    anew = ProjectForm({**request.POST.dict(), "seen": state_of(now)}, user=request.user, project=now)
    last = history.last_change(now, "update")
    changes = f" {last.before_and_after}." if last else ""
    anew.add_error(None, f"{who_changed(now)}{changes} Save again to replace that with yours, or open the page anew.")
    return anew


@requires("delete", "project")
def project_delete(request: PageRequest, project: Project) -> HttpResponse:
    form = ConfirmForm(request.POST if request.method == "POST" else None, expected=project.slug)
    if form.is_valid():
        try:
            delete_scope(actor=request.actor, scope=project)
        except Conflict as gone:
            raise Http404 from gone
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, f"Project {project.name} deleted")
            return redirect("project_index")
    way = crumbs(request, project, ("Delete", ""))
    context = {"project": project, "crumbs": way, "form": form, "stops": stops(project)}
    return render(request, "console/projects/confirm_delete.html", context, status=422 if form.is_bound else 200)


def stops(project: Project) -> list[str]:
    """What ends with a project, in words."""
    counted = (
        (User.objects.filter(project=project).count(), "user stops working", "users stop working"),
        (members_roles(project).count(), "role of a member ends", "roles of members end"),
        (Resource.objects.filter(scope=project).count(), "resource is gone", "resources are gone"),
    )
    said = [f"{number:,} {one if number == 1 else many}." for number, one, many in counted if number]
    return said or ["It is empty: nothing else is lost."]


def members_roles(project: Project) -> QuerySet[RoleAssignment]:
    """Roles that people and groups were given in the project itself."""
    return RoleAssignment.objects.filter(scope=project).exclude(user__kind=User.Kind.PROJECT_USER)
