"""One change to many users: a preview that says what will happen, then a job with a result for each."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from accounts.models import Project, User
from console.forms.bulk import BulkForm
from console.forms.project_users import listed_users
from console.lists import PAGE_SIZE, render_list
from console.navigation import crumbs
from console.protection import PageRequest, requires
from console.questions import why_url
from policies import access
from policies.actions.assignments import may_change
from policies.actions.bulk import ASKS, digest_of, run_batch, start_bulk, stop_bulk
from policies.errors import Conflict
from policies.models import BulkItem, BulkJob, Role, RoleAssignment
from policies.protected import At

FILTERS = ("q", "role", "status", "created")
NAMES_SHOWN = 5
STATES = {"done": "yes", "unchanged": "no", "refused": "lost", "not done": "no"}
DOING = {"roles": "Changing roles of", "disable": "Disabling", "enable": "Enabling", "delete": "Deleting"}


@requires("list", "project_user")
def bulk_create(request: PageRequest, project: Project) -> HttpResponse:
    asked = request.POST if request.method == "POST" else request.GET
    action = asked.get("action", "")
    if action not in ASKS:
        raise Http404
    request.actor.require(ASKS[action], At("project_user", project))
    users = chosen_users(request, project, asked)
    form = BulkForm(asked if request.method == "POST" else None, action=action, total=users.count())
    if not form.total:
        messages.info(request, "There was no user to change")
        return redirect("project_user_index", project.uid)
    if not form.is_bound or "preview" in request.POST:
        return preview_page(request, project, users, form)
    digest = request.POST.get("digest", "")
    if (stale := digest != digest_now(users)) or not form.is_valid():
        return preview_page(request, project, users, form, status=409 if stale else 422)
    roles = {"add": form.chosen("add"), "take": form.chosen("remove")}
    try:
        job = start_bulk(actor=request.actor, project=project, change=action, users=users, digest=digest, **roles)
    except Conflict:
        return preview_page(request, project, users, form, status=409)
    run_batch(actor=request.actor, job=job)
    return redirect("bulk_detail", project.uid, job.uid)


def chosen_users(request: PageRequest, project: Project, asked: Any) -> QuerySet[User]:
    """The ticked users, or all that match the filters."""
    users = access.permitted(request.user, "list", "project_user", within=project)
    if asked.get("all"):
        return listed_users(users, asked)[0]
    return users.filter(uid__in=[uid for uid in asked.getlist("user") if uid.isalnum()])


def digest_now(users: QuerySet[User]) -> str:
    return digest_of(users.order_by().values_list("uid", flat=True))


def preview_page(
    request: PageRequest, project: Project, users: QuerySet[User], form: BulkForm, status: int = 200
) -> HttpResponse:
    asked = request.POST if request.method == "POST" else request.GET
    everything = bool(asked.get("all"))
    names = (*FILTERS, "all") if everything else ("user",)
    pinned = [(name, value) for name in names for value in asked.getlist(name) if value]
    form.total = users.count()
    effects, changes = effects_of(users, form), role_changes(request, project, users, form)
    if status != 422:
        form.errors.clear()  # only counted: nothing was asked to be done yet
    return render(request, "console/bulk/form.html", {
        "project": project, "crumbs": bulk_crumbs(request, project, "Change many users"),
        "action": form.action, "total": form.total, "everything": everything,
        "names": list(users.order_by("username").values_list("username", flat=True)[:NAMES_SHOWN]),
        "form": form, "pinned": [*pinned, ("digest", digest_now(users))], "changes": changes, "effects": effects,
        "stale": status == 409,
    }, status=status)  # fmt: skip


def role_changes(request: PageRequest, project: Project, users: QuerySet[User], form: BulkForm) -> list[dict[str, Any]]:
    """A line for each role: how many hold it, what was chosen, whether one may give it."""
    rows = RoleAssignment.objects.filter(scope=project.pk, user__in=users.order_by().values("pk"))
    held = dict(rows.values_list("role").annotate(Count("pk"))) if form.roles else {}
    return [
        {
            "role": role,
            "name": name,
            "value": form[name].value() or "",
            "held": held.get(role.pk, 0),
            "blocked": blocked(request, project, role),
            "why_url": why_url("create", RoleAssignment(role=role, scope=project)),
        }
        for name, role in form.roles.items()
    ]


def blocked(request: PageRequest, project: Project, role: Role) -> str:
    """Why one may not give the role; empty where one may."""
    may = may_change(request.actor, "create", RoleAssignment(role=role, scope=project))
    return "" if may else "You may not give this role."


def effects_of(users: QuerySet[User], form: BulkForm) -> list[dict[str, Any]]:
    """What would happen to how many."""
    if form.action == "delete":
        return [{"state": "lost", "count": form.total, "text": "deleted, with their roles"}]
    if form.action in ("disable", "enable"):
        active = users.filter(is_active=True).count()
        changed = active if form.action == "disable" else form.total - active
        state = "lost" if form.action == "disable" else "yes"
        lines = [(state, changed, f"{form.action}d"), ("no", form.total - changed, f"{form.action}d already")]
        return [{"state": sign, "count": count, "text": text} for sign, count, text in lines if count]
    effects: list[dict[str, Any]] = []
    for role in form.chosen("add"):
        effects.append({"state": "yes", "count": users.filter(~holds(role)).count(), "text": f"get {role}"})
    for role in form.chosen("remove"):
        effects.append({"state": "lost", "count": users.filter(holds(role)).count(), "text": f"lose {role}"})
    return effects


def holds(role: Role) -> Exists:
    return Exists(RoleAssignment.objects.filter(user=OuterRef("pk"), role=role.pk))


@requires("list", "project_user")
def bulk_detail(request: PageRequest, project: Project, job: str) -> HttpResponse:
    found = get_object_or_404(BulkJob.objects.select_related("started_by"), project=project, uid=job)
    asks = ASKS[found.change], At("project_user", project)
    if request.method == "POST":
        request.actor.require(*asks)
        (stop_bulk if "stop" in request.POST else run_batch)(actor=request.actor, job=found)
        if not request.htmx:
            return redirect("bulk_detail", project.uid, found.uid)
    counts = dict(found.items.order_by().values_list("result").annotate(Count("pk")))
    waiting = counts.pop(BulkItem.Result.WAITING, 0)
    left = counts.get(BulkItem.Result.NOT_DONE, 0)
    items = found.items.exclude(result=BulkItem.Result.WAITING).order_by("pk")
    page = Paginator(items, PAGE_SIZE).get_page(request.GET.get("page"))
    return render_list(request, "bulk", {
        "project": project, "crumbs": bulk_crumbs(request, project, found.get_change_display()),
        "job": told(found, sum(counts.values()) - left, waiting, left), "may_continue": access.may(request.user, *asks),
        "summary": [{"state": STATES[result], "count": counts[result], "text": result} for result in sorted(counts)],
        "page": page, "rows": result_rows(request, project, list(page.object_list)),
    }, name="detail")  # fmt: skip


def unfinished_job(project: Project) -> BulkJob | None:
    """The newest job of a project that was left half-way: only its page goes on with it."""
    waiting = project.bulk_jobs.filter(items__result=BulkItem.Result.WAITING)
    return waiting.select_related("started_by").order_by("-pk").first()


def told(job: BulkJob, done: int, waiting: int, left: int) -> dict[str, Any]:
    """A job as its page shows it. `left`: how many were left out when it was stopped."""
    total = done + waiting + left
    return {
        "uid": job.uid,
        "title": job.get_change_display(),
        "done": done,
        "total": total,
        "is_finished": not waiting,
        "is_stopped": bool(left),
        "progress": f"{DOING[job.change]} {done:,} of {total:,} users.",
        "by": job.started_by.label if job.started_by else "a command",
        "at": job.created_at,
    }


def result_rows(request: PageRequest, project: Project, items: list[BulkItem]) -> list[dict[str, str]]:
    """A result for each user; with a link to those who are still there."""
    found = access.permitted(request.user, "list", "project_user", within=project)
    descriptions = dict(found.filter(uid__in=[item.user_uid for item in items]).values_list("uid", "description"))
    return [
        {
            "username": item.username,
            "description": descriptions.get(item.user_uid, ""),
            "outcome": item.result,
            "text": item.message,
            "url": reverse("project_user_detail", args=[project.uid, item.user_uid])
            if item.user_uid in descriptions
            else "",
        }
        for item in items
    ]


def bulk_crumbs(request: PageRequest, project: Project, name: str) -> list[tuple[str, str]]:
    return crumbs(request, project, ("Users & Roles", reverse("project_user_index", args=[project.uid])), (name, ""))
