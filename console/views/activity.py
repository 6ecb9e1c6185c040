"""Who did what: the activity of a user, of a project and of the installation."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from accounts.models import Project, User
from console.csv import csv_response
from console.forms.activity import ActivityFilter
from console.lists import PAGE_SIZE, render_list, searched
from console.navigation import crumbs, tabs
from console.protection import PageRequest, requires
from policies import access, history
from policies.audit import record
from policies.models import AuditEvent
from policies.protected import At

HEADER = ("when", "who", "what", "to", "changes", "reason", "outcome", "where", "from", "request")


@requires("read", "event_history")
def project_activity(request: PageRequest, project: Project) -> HttpResponse:
    context = {
        "title": "Activity",
        "lede": f"Who did what in {project.name}, and who tried.",
        "crumbs": crumbs(request, project, ("Activity", "")),
        "tabs": tabs(request, project),
        "export_url": export_url(request, project, "project_activity_export", project.uid),
    }
    return activity_page(request, history.readable(request.user, within=project), context)


@requires("export", "event_history")
def project_activity_export(request: PageRequest, project: Project) -> HttpResponseBase:
    return export(request, history.readable(request.user, within=project), project, f"{project.slug}-activity.csv")


@requires("read", "event_history")
def project_user_activity(request: PageRequest, project: Project, user: User) -> HttpResponse:
    way = [
        ("Users & Roles", reverse("project_user_index", args=[project.uid])),
        (user.username, reverse("project_user_detail", args=[project.uid, user.uid])),
    ]
    context = {
        "title": f"Activity of {user}",
        "lede": user.description or "What happened to this user, and who did it.",
        "crumbs": crumbs(request, project, *way, ("Activity", "")),
        "export_url": export_url(request, project, "project_user_activity_export", project.uid, user.uid),
    }
    events = history.about(history.readable(request.user, within=project), user)
    return activity_page(request, events, context)


@requires("export", "event_history")
def project_user_activity_export(request: PageRequest, project: Project, user: User) -> HttpResponseBase:
    events = history.about(history.readable(request.user, within=project), user)
    return export(request, events, user, f"{user.username}-activity.csv")


@requires("read", "event_history", of_installation=True)
def activity_index(request: PageRequest) -> HttpResponse:
    context = {
        "title": "All activity",
        "lede": "Everything that happened in this installation, sign-ins and exports included.",
        "crumbs": [("All activity", "")],
        "export_url": export_url(request, access.root_for(request.user), "activity_export"),
        "places": True,
    }
    return activity_page(request, history.readable(request.user), context)


@requires("export", "event_history", of_installation=True)
def activity_export(request: PageRequest) -> HttpResponseBase:
    return export(request, history.readable(request.user), access.root_for(request.user), "activity.csv")


def activity_page(request: PageRequest, events: QuerySet[AuditEvent], context: dict[str, Any]) -> HttpResponse:
    """A window of events, newest first, with the links to the newer and the older ones."""
    filters, text = ActivityFilter(request.GET), searched(request)
    window = history.window(
        filters.apply(events, text), PAGE_SIZE, before=number(request, "before"), after=number(request, "after")
    )
    told = history.tell(window.events)
    link_targets(request.user, told)
    return render_list(request, "activity", {
        **context,
        "q": text, "filter_form": filters, "chips": filters.chips,
        "window": window, "events": told,
    })  # fmt: skip


def number(request: HttpRequest, name: str) -> int | None:
    """A number of an event in the URL; None for what is none."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def link_targets(user: User, told: list[history.Told]) -> None:
    """Links to the users and projects among the targets that still exist and may be opened."""
    uids = {t.event.object_uid for t in told if t.target and t.event.object_uid}
    users = access.permitted(user, "list", "project_user").filter(uid__in=uids).values_list("uid", "project__uid")
    urls = {uid: reverse("project_user_detail", args=[project, uid]) for uid, project in users}
    projects = access.permitted(user, "read", "project").filter(uid__in=uids).values_list("uid", flat=True)
    urls |= {uid: reverse("project_detail", args=[uid]) for uid in projects}
    for event in told:
        event.target_url = urls.get(event.event.object_uid, "")


def export_url(request: PageRequest, scope: Any, name: str, *args: str) -> str:
    """Where the export is; empty for those who may not export."""
    return reverse(name, args=args) if access.may(request.user, "export", At("event_history", scope)) else ""


def export(request: PageRequest, events: QuerySet[AuditEvent], thing: Any, filename: str) -> HttpResponseBase:
    """All the events that search and filters leave, as CSV. The export is an event itself."""
    filters, text = ActivityFilter(request.GET), searched(request)
    said = {chip["label"]: chip["value"] for chip in filters.chips} | ({"search": text} if text else {})
    record(request.actor, "event_history.export", thing, after=said)
    return csv_response(filename, HEADER, csv_rows(filters.apply(events, text)))


def csv_rows(events: QuerySet[AuditEvent]) -> Iterator[tuple[Any, ...]]:
    for told in history.every(events):
        event = told.event
        yield (
            event.at, event.actor, told.what, told.target, told.before_and_after, told.reason, event.outcome,
            event.scope_name, event.address, event.request_id,
        )  # fmt: skip
