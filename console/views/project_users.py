"""Users & Roles: the users of a project, from list to one-time secret."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Prefetch, QuerySet
from django.forms import Form
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.models import Project, Region, User
from console import role_choices
from console.conflicts import roles_conflict, who_changed
from console.credential_files import FILES
from console.csv import csv_response
from console.forms.project_users import (
    DEFAULT_SORT,
    SORTS,
    ConfirmForm,
    DescriptionForm,
    RolesForm,
    UpdateForm,
    listed_users,
)
from console.lists import render_list, search_text, sorted_page
from console.navigation import crumbs, tabs
from console.protection import PageRequest, requires, visible_user
from console.questions import ask_url, what_url
from console.views.bulk import unfinished_job
from console.views.credentials import of_project_user
from policies import access, history
from policies.abilities import abilities, abilities_of
from policies.actions import users as actions
from policies.actions.assignments import edit_roles
from policies.actions.credentials import key_count
from policies.audit import record
from policies.errors import AlreadyDone, Conflict
from policies.matrix import role_matrix
from policies.models import Role, RoleAssignment
from policies.nonces import is_used, new_nonce
from policies.offers import roles_of_project_users
from policies.protected import At, OrgAssignment
from policies.rulebook import Rulebook, rulebook

EVENTS_SHOWN = 6
ACTIONS = ("create", "update", "give_role", "generate_password", "disable", "delete")


@requires("list", "project_user")
def project_user_index(request: PageRequest, project: Project) -> HttpResponse:
    users, filters = listed_users(access.permitted(request.user, "list", "project_user", within=project), request.GET)
    page, sort = sorted_page(request, with_roles(users), SORTS, DEFAULT_SORT)
    allowed, text = may_do(request, project), search_text(request.GET)
    bulk = bool(allowed & {"give_role", "disable", "delete"})
    narrowed = bool(filters.chips or text)
    return render_list(request, "project_users", {
        "project": project,
        "crumbs": crumbs(request, project, ("Users & Roles", "")),
        "tabs": tabs(request, project, **({} if narrowed else {"project_user_index": page.paginator.count})),
        "actions": allowed | {"export"},
        "bulk": bulk, "unfinished": unfinished_job(project) if bulk and not request.htmx else None,
        "onboarding": not narrowed and page.paginator.count == 0,
        "q": text, "filter_form": filters, "chips": filters.chips, "sort": sort,
        "page": page, "rows": rows_of(request, project, page.object_list),
        "matrix": role_matrix(roles_of_project_users()),
    })  # fmt: skip


def with_roles(users: QuerySet[User]) -> QuerySet[User]:
    """Users with their assignments in `held`."""
    return users.prefetch_related(Prefetch("role_assignments", to_attr="held"))


def roles_of(user: Any, book: Rulebook) -> list[Role]:
    """The roles of one of with_roles, in the order in which a row shows them; the rules have read them already."""
    return sorted((book.roles.get(a.role_id) or a.role for a in user.held), key=lambda role: role.label)


def rows_of(request: PageRequest, project: Project, users: Iterable[Any]) -> list[dict[str, Any]]:
    """Users as the list shows them; a constant number of queries."""
    listed, book = list(users), rulebook()
    for user in listed:
        user.project = project
    allowed = access.actions_for(request.user, listed)
    return [
        {
            "user": user,
            "roles": roles_of(user, book),
            "status": status_of(user, user.held),
            "actions": allowed[user.pk],
        }
        for user in listed
    ]


def status_of(user: User, held: list[RoleAssignment]) -> str:
    if not user.is_active:
        return "disabled"
    return "ok" if any(not role_choices.is_expired(a) for a in held) else "no_role"


def may_do(request: PageRequest, project: Project) -> set[str]:
    """What one may do with the users of this project."""
    return {action for action in ACTIONS if access.may(request.user, action, At("project_user", project))}


@requires("list", "project_user")
def project_user_export(request: PageRequest, project: Project) -> StreamingHttpResponse:
    users, filters = listed_users(access.permitted(request.user, "list", "project_user", within=project), request.GET)
    order, book = SORTS.get(request.GET.get("sort", ""), SORTS[DEFAULT_SORT]), rulebook()
    said = {"filters": [f"{c['label']}: {c['value']}" for c in filters.chips], "search": search_text(request.GET)}
    record(request.actor, "project_user.export", project, after=said)
    rows = map(partial(csv_row, book), with_roles(users).order_by(*order).iterator(chunk_size=1000))
    header = ["username", "description", "roles", "status", "created", "last_used"]
    return csv_response(f"{project.slug}-users.csv", header, rows)


def csv_row(book: Rulebook, user: Any) -> list[Any]:
    roles = " ".join(role.code for role in roles_of(user, book))
    return [user.username, user.description, roles, user.status, user.created_at, user.last_used_at]


@requires("create", "project_user")
def project_user_create(request: PageRequest, project: Project) -> HttpResponse:
    """Two steps in one URL; what was typed travels in the form, so Back and errors lose nothing."""
    ticked = role_choices.ticked_roles(request.POST, request.actor)
    if request.method != "POST" or "back" in request.POST:
        return description_page(request, project, DescriptionForm(initial=request.POST.dict()), ticked)
    form, roles_form, nonce = DescriptionForm(request.POST), RolesForm(request.POST), request.POST.get("nonce", "")
    if not form.is_valid():
        if is_used(nonce):  # by now its own username is taken, by itself
            return already_generated(request, project)
        return description_page(request, project, form, ticked, status=422)
    if request.POST.get("step") != "2" or asks_again(request) or not nonce:
        return roles_page(request, project, ticked)
    if no_role_unconfirmed(roles_form, ticked):
        return roles_page(request, project, ticked, roles_form, status=422)
    try:
        user, password = actions.add_project_user(
            actor=request.actor, project=project, roles=ticked, nonce=nonce, **form.cleaned_data
        )
    except AlreadyDone:
        return already_generated(request, project)
    except ValidationError as error:
        add_errors(form, error)
        return description_page(request, project, form, ticked, status=422)
    return secret_page(request, user, password, created=True)


def description_page(
    request: PageRequest, project: Project, form: DescriptionForm, ticked: Iterable[Role] = (), status: int = 200
) -> HttpResponse:
    way = users_crumbs(request, project, "Add user")
    context = {"project": project, "crumbs": way, "form": form, "ticked": [role.uid for role in ticked]}
    return render(request, "console/project_users/create_description.html", context, status=status)


def roles_page(
    request: PageRequest, project: Project, ticked: list[Role], form: Form | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "project": project,
        "crumbs": users_crumbs(request, project, "Add user"),
        "form": form or RolesForm(),
        "description": request.POST.get("description", "").strip(),
        "username": request.POST.get("username", "").strip().lower(),
        "nonce": request.POST.get("nonce") or new_nonce(),
        "confirm_no_role": form is not None and not ticked,
        **role_choices.choices_context(request.actor, project, ticked),
    }
    return render(request, "console/project_users/create_roles.html", context, status=status)


def asks_again(request: PageRequest) -> bool:
    """Whether a button was pressed that only shows the form anew: preset, hint or Refresh."""
    return any(name in request.POST for name in ("preset", "add", "refresh"))


def no_role_unconfirmed(form: RolesForm, roles: list[Role]) -> bool:
    """A role that cannot be given is an error; none at all has to be confirmed. The form says which."""
    if form.is_valid() and not roles and not form.cleaned_data["no_role"]:
        form.add_error("no_role", "No role: no access. Tick a role, or confirm below that it gets none.")
    return bool(form.errors)


def already_generated(request: PageRequest, project: Project, user: User | None = None) -> HttpResponse:
    context = {
        "project": project,
        "user": user,
        "crumbs": users_crumbs(request, project, "Already done"),
        "actions": access.actions_for(request.user, [user])[user.pk] if user else set(),
    }
    return render(request, "console/project_users/already_generated.html", context, status=409)


def secret_page(request: PageRequest, user: User, password: str, *, created: bool) -> HttpResponse:
    """The one answer that carries a password; nothing of it is stored."""
    assert user.project is not None
    context = {
        "project": user.project,
        "crumbs": users_crumbs(request, user.project, user.username),
        "user": user,
        "password": password,
        "created": created,
        "files": FILES.values(),
        "regions": Region.objects.all(),
        "roles": [a.role for a in role_choices.held_roles(user)],
        "key_count": key_count(user),
    }
    response = render(request, "console/project_users/secret.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@requires("list", "project_user")
def project_user_secret_download(request: PageRequest, project: Project, user: User) -> HttpResponse:
    """The secret of the page that posts it, as a file; it comes from the form and goes nowhere else."""
    password = request.POST.get("password", "")
    if not is_generated_password(password):
        return HttpResponse("This is no generated password.", status=400, content_type="text/plain")
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{user.username}.txt"'}
    text = f"username: {user.username}\npassword: {password}\n"
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)


def is_generated_password(text: str) -> bool:
    """Whether this could be one: nothing else gets into a file that somebody downloads."""
    return text.isascii() and text.isalnum() and len(text) <= 64


@require_POST
@requires("list", "project_user")
def project_user_preview(request: PageRequest, project: Project) -> HttpResponse:
    """What the ticked roles mean, while a form is filled in."""
    uid, held = request.POST.get("user", ""), None
    if uid:
        held = role_choices.held_roles(visible_user(request.user, project, uid))
    ticked = role_choices.ticked_roles(request.POST, request.actor, held or ())
    context = role_choices.preview_context(ticked, None if held is None else [a.role for a in held])
    return render(request, "console/project_users/preview.html", context)


@requires("list", "project_user")
def project_user_detail(request: PageRequest, project: Project, user: User) -> HttpResponse:
    held = role_choices.held_roles(user)
    may_read_events = access.may(request.user, "read", At("event_history", project))
    events = history.about(history.readable(request.user, within=project), user) if may_read_events else None
    able = abilities_of(user, project) if user.is_active else abilities(live_roles(held))
    actions_on_it = access.actions_for(request.user, [user])[user.pk]
    return render(request, "console/project_users/detail.html", {
        "project": project, "user": user, "crumbs": users_crumbs(request, project, user.username),
        "status": status_of(user, held),
        "actions": actions_on_it,
        "may_give": "give_role" in actions_on_it and request.actor.may("create", OrgAssignment(project)),
        "assignments": [told(assignment) for assignment in held],
        "able": role_choices.able(able, why=True),
        "ask_url": ask_url(user, project) if access.may(request.user, "explain", At("decision", project)) else "",
        "what_url": what_url(user, project),
        "credentials": of_project_user(user) if "generate_password" in actions_on_it else [],
        "may_read_events": may_read_events,
        "events": history.tell(events[:EVENTS_SHOWN], targets=False) if events is not None else [],
        "event_count": events.count() if events is not None else 0,
    })  # fmt: skip


def live_roles(held: list[RoleAssignment]) -> list[Role]:
    return [a.role for a in held if not role_choices.is_expired(a)]


def told(assignment: RoleAssignment) -> dict[str, Any]:
    """A role of a project user, as its page shows it."""
    return {
        "role": assignment.role,
        "source": "Given here",
        "by": assignment.granted_by,
        "at": assignment.granted_at,
        "expires_at": assignment.expires_at,
        "expired": role_choices.is_expired(assignment),
        "reason": assignment.reason,
    }


@requires("update", "project_user")
def project_user_update(request: PageRequest, project: Project, user: User) -> HttpResponse:
    now = {"description": user.description, "seen": user.description}
    form = UpdateForm(request.POST if request.method == "POST" else None, initial=now)
    status = 422 if form.is_bound else 200
    if form.is_valid():
        description, seen = form.cleaned_data["description"], form.cleaned_data["seen"]
        try:
            actions.update_user(actor=request.actor, user=user, description=description, seen={"description": seen})
        except Conflict:
            form, status = conflicting(visible_user(request.user, project, user.uid), description), 409
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, "Description saved")
            return redirect("project_user_detail", project.uid, user.uid)
    way = users_crumbs(request, project, user.username, "Edit description", user)
    context = {"project": project, "user": user, "crumbs": way, "form": form}
    return render(request, "console/project_users/form.html", context, status=status)


def conflicting(user: User, description: str) -> UpdateForm:
    """The form with what was typed, and what somebody else saved meanwhile; saved again, it replaces that."""
    form = UpdateForm({"description": description, "seen": user.description})
    said = f"{who_changed(user)} It now reads “{user.description}”. Save again to replace it with yours."
    form.add_error("description", said)
    return form


@requires("give_role", "project_user")
def project_user_roles(request: PageRequest, project: Project, user: User) -> HttpResponse:
    held = role_choices.held_roles(user)
    if request.method != "POST":
        return edit_page(request, user, [a.role for a in held], held, RolesForm())
    ticked = role_choices.ticked_roles(request.POST, request.actor, held)
    form = RolesForm(request.POST, held=held)
    if asks_again(request):
        return edit_page(request, user, ticked, held, RolesForm(initial=request.POST.dict()))
    if no_role_unconfirmed(form, ticked):
        return edit_page(request, user, ticked, held, form, status=422)
    try:
        seen = role_choices.roles_seen(request.POST.get("version", ""))
        change = edit_roles(actor=request.actor, user=user, roles=ticked, seen=seen, reason=form.cleaned_data["reason"])
    except Conflict:
        held = role_choices.held_roles(visible_user(request.user, project, user.uid))
        conflict = roles_conflict(user, seen, [a.role for a in held])
        return edit_page(request, user, ticked, held, form, status=409, conflict=conflict)
    except ValidationError as error:
        add_errors(form, error)
        return edit_page(request, user, ticked, held, form, status=422)
    changed = change.added or change.removed
    messages.success(request, f"Roles of {user} {'saved' if changed else 'stay as they were'}")
    return redirect("project_user_detail", project.uid, user.uid)


def edit_page(
    request: PageRequest, user: User, ticked: list[Role], held: list[RoleAssignment], form: RolesForm,
    status: int = 200, conflict: dict[str, Any] | None = None,
) -> HttpResponse:  # fmt: skip
    """A shown form starts from the roles held now; one that comes back keeps the version that it started from,
    except after a conflict."""
    assert user.project is not None
    kept = None if conflict else request.POST.get("version")
    return render(request, "console/project_users/roles.html", {
        "project": user.project, "user": user, "form": form,
        "crumbs": users_crumbs(request, user.project, user.username, "Edit roles", user),
        "version": role_choices.version_of(held) if kept is None else kept, "conflict": conflict,
        "confirm_no_role": bool(form.errors) and not ticked,
        **role_choices.choices_context(request.actor, user.project, ticked, held),
    }, status=status)  # fmt: skip


@requires("generate_password", "project_user")
def project_user_password(request: PageRequest, project: Project, user: User) -> HttpResponse:
    if request.method != "POST" or not request.POST.get("nonce"):
        way = users_crumbs(request, project, user.username, "Generate a password", user)
        context = {
            "project": project, "user": user, "crumbs": way, "nonce": new_nonce(), "keys": of_project_user(user),
        }  # fmt: skip
        return render(request, "console/project_users/password.html", context)
    nonce, and_keys = request.POST["nonce"], "and_keys" in request.POST
    try:
        password = actions.generate_password(actor=request.actor, user=user, nonce=nonce, and_keys=and_keys)
    except AlreadyDone:
        return already_generated(request, project, user)
    return secret_page(request, user, password, created=False)


@requires("disable", "project_user")
def project_user_disable(request: PageRequest, project: Project, user: User) -> HttpResponse:
    if request.method == "POST":
        actions.disable_user(actor=request.actor, user=user)
        messages.success(request, f"{user} disabled")
        return redirect("project_user_detail", project.uid, user.uid)
    way = users_crumbs(request, project, user.username, "Disable", user)
    context = {"project": project, "user": user, "crumbs": way}
    return render(request, "console/project_users/confirm_disable.html", context)


@requires("disable", "project_user")
def project_user_enable(request: PageRequest, project: Project, user: User) -> HttpResponse:
    if request.method == "POST":
        actions.enable_user(actor=request.actor, user=user)
        messages.success(request, f"{user} enabled")
        return redirect("project_user_detail", project.uid, user.uid)
    held = role_choices.held_roles(user)
    context = {
        "project": project,
        "user": user,
        "crumbs": users_crumbs(request, project, user.username, "Enable", user),
        "roles": [a.role for a in held],
        "able": role_choices.able(abilities(live_roles(held))),
    }
    return render(request, "console/project_users/confirm_enable.html", context)


@requires("delete", "project_user")
def project_user_delete(request: PageRequest, project: Project, user: User) -> HttpResponse:
    form = ConfirmForm(request.POST if request.method == "POST" else None, expected=user.username)
    if form.is_valid():
        actions.delete_user(actor=request.actor, user=user)
        messages.success(request, f"{user} deleted")
        return redirect("project_user_index", project.uid)
    owned = user.resources.count()
    stops = [f"{owned} resource{'s' if owned > 1 else ''} it owns stay, without an owner."] if owned else []
    context = {
        "project": project,
        "user": user,
        "crumbs": users_crumbs(request, project, user.username, "Delete", user),
        "form": form,
        "stops": stops,
        "actions": access.actions_for(request.user, [user])[user.pk],
    }
    status = 422 if form.is_bound else 200
    return render(request, "console/project_users/confirm_delete.html", context, status=status)


def users_crumbs(
    request: PageRequest, project: Project, name: str, page: str = "", user: User | None = None
) -> list[tuple[str, str]]:
    """Project / Users & Roles / user / page."""
    way = [("Users & Roles", reverse("project_user_index", args=[project.uid]))]
    way.append((name, reverse("project_user_detail", args=[project.uid, user.uid]) if user else ""))
    return crumbs(request, project, *way, *([(page, "")] if page else []))


def add_errors(form: Form, error: ValidationError) -> None:
    """An action's errors, beside the fields that the form has, else on top."""
    by_field = error.message_dict if hasattr(error, "error_dict") else {None: error.messages}
    for field, said in by_field.items():
        form.add_error(field if field in form.fields else None, said)
