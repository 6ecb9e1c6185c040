"""Access: permissions on one project alone, given to a person or a group beside all roles; and what shares of any object need."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Count, F, QuerySet, Value
from django.db.models.functions import Coalesce, Lower, NullIf
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.models import Project, User
from console.forms.shares import GROUP, ShareForm, purpose
from console.lists import Sorts, render_list, sorted_page
from console.navigation import crumbs, tabs
from console.protection import PageRequest, requires
from console.views.project_users import add_errors
from policies import access
from policies.actions.shares import share, shareable_actions, unshare
from policies.holdings import union
from policies.models import AuditEvent
from policies.protected import PROTECTED, At, entity_type_of

SORTS: Sorts = {"holder": ("label", "kind", "action")}
SHORTEST_SEARCH, SUGGESTED = 3, 10


@requires("share", "project")
def share_index(request: PageRequest, project: Project) -> HttpResponse:
    page, _ = sorted_page(request, shares_of(project), SORTS, "holder")
    return render_list(request, "shares", {
        "project": project, "crumbs": crumbs(request, project, ("Access", "")), "tabs": tabs(request, project),
        "may_share": True, "page": page, "rows": rows_of(project, list(page.object_list), "share_delete"),
    })  # fmt: skip


def shares_of(thing: Any) -> QuerySet[Any]:
    """One row for each share of an object: kind and row number of its holder, and the action."""
    name = Lower(Coalesce(NullIf("user__description", Value("")), "user__username"))
    with_users, with_groups = (rows.objects.filter(content_object=thing) for rows in tables_of(thing))
    action = F("permission__codename")
    return union(
        [
            with_users.values(kind=F("user__kind"), holder=F("user"), label=name, action=action),
            with_groups.values(kind=Value("group"), holder=F("group"), label=Lower("group__name"), action=action),
        ]
    )


def tables_of(thing: Any) -> Any:
    """Where the shares of an object are stored: those with users, those with groups."""
    return PROTECTED[entity_type_of(thing)].shares


def rows_of(thing: Any, found: list[dict[str, Any]], delete_url: str) -> list[dict[str, Any]]:
    """Rows as the list shows them; a constant number of queries. `delete_url`: name of the URL that takes one back."""
    users = User.objects.in_bulk({row["holder"] for row in found if row["kind"] != "group"})
    every_group = Group.objects.select_related("profile").annotate(size=Count("user"))
    groups = every_group.in_bulk({row["holder"] for row in found if row["kind"] == "group"})
    holders = [groups[row["holder"]] if row["kind"] == "group" else users[row["holder"]] for row in found]
    labels, given = shareable_actions(thing), events_of(thing, holders)
    return [
        {
            **told(thing, holder, row["action"], labels),
            "by": event.actor if (event := given.get((str(holder), row["action"]))) else "",
            "at": event.at if event else None,
            "delete_url": reverse(delete_url, args=[thing.uid, uid_of(holder), row["action"]]),
        }
        for row, holder in zip(found, holders, strict=True)
    ]


def told(thing: Any, holder: User | Group, action: str, labels: dict[str, str]) -> dict[str, str]:
    """A share in words."""
    if isinstance(holder, User):
        who = {"holder": holder.label, "kind": holder.kind, "detail": holder.username}
    else:
        size = getattr(holder, "size", 0)
        who = {"holder": holder.name, "kind": "group", "detail": f"{size:,} member{'' if size == 1 else 's'}"}
    return {**who, "permission": labels.get(action, action), "purpose": purpose(thing, action).partition(";")[0]}


def uid_of(holder: User | Group) -> str:
    return holder.uid if isinstance(holder, User) else holder.profile.uid


def events_of(thing: Any, holders: list[User | Group]) -> dict[tuple[str, str], AuditEvent]:
    """{(holder, action): the event that tells who shared it last, and when}."""
    action = f"{entity_type_of(thing)}.share"
    shared = AuditEvent.objects.filter(object_uid=thing.uid, action=action, outcome="done")
    events = shared.filter(after__with__in=[str(holder) for holder in holders]).order_by("sequence")
    return {(event.after["with"], event.after["action"]): event for event in events}


@requires("share", "project")
def share_create(request: PageRequest, project: Project) -> HttpResponse:
    way = share_crumbs(request, project, "Give access")
    return share_page(request, project, way, reverse("share_index", args=[project.uid]), "share_search")


def share_page(
    request: PageRequest, thing: Any, crumbs: list[tuple[str, str]], back_url: str, search_url: str
) -> HttpResponse:
    """The form that shares an object, and what it sends. `search_url`: name of the URL that suggests holders."""
    may_search = access.may(request.user, "list", At("user"))
    data = request.POST if request.method == "POST" else None
    url = reverse(search_url, args=[thing.uid]) if may_search else ""
    form = ShareForm(data, actor=request.actor, thing=thing, search_url=url)
    if form.is_valid():
        holder, action = form.cleaned_data["holder"], form.cleaned_data["permission"]
        try:
            share(actor=request.actor, thing=thing, action=action, subject=holder)
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{holder} may now {shareable_actions(thing)[action].lower()} {thing}")
            return redirect(back_url)
    context = {"thing": thing, "crumbs": crumbs, "back_url": back_url, "form": form, "may_search": may_search}
    return render(request, "console/shares/form.html", context, status=422 if form.is_bound else 200)


@requires("share", "project")
def share_search(request: PageRequest, project: Project) -> HttpResponse:
    return suggestions(request)


def suggestions(request: PageRequest) -> HttpResponse:
    """Suggestions while one types to whom, for those alone who may list people and groups anyway."""
    text = request.GET.get("holder", "").replace("\x00", "").strip()[:200]
    if not access.may(request.user, "list", At("user")):
        raise Http404
    holders = []
    if len(text) >= SHORTEST_SEARCH:
        people = User.objects.people().search(text).order_by("username")[:SUGGESTED]
        holders = [{"value": who.username, "label": f"{who.label} {masked(who.email)}".strip()} for who in people]
        if access.may(request.user, "list", At("group")):
            groups = Group.objects.filter(name__icontains=text).order_by("name")[: SUGGESTED - len(holders)]
            holders += [{"value": f"{GROUP}{group.name}", "label": f"Group {group.name}"} for group in groups]
    return render(request, "console/shares/holders.html", {"holders": holders})


def masked(email: str) -> str:
    """Enough of an address to tell two people of one name apart: m…@example.com."""
    name, _, domain = email.partition("@")
    return f"{name[:1]}…@{domain}" if domain else ""


@requires("share", "project")
def share_delete(request: PageRequest, project: Project, holder: str, action: str) -> HttpResponse:
    way = share_crumbs(request, project, "Take back")
    return unshare_page(request, project, holder, action, way, reverse("share_index", args=[project.uid]))


def unshare_page(
    request: PageRequest, thing: Any, holder: str, action: str, crumbs: list[tuple[str, str]], back_url: str
) -> HttpResponse:
    """Asks whether a share of an object ends, and ends it."""
    subject = holder_of(thing, holder, action)
    if request.method == "POST":
        unshare(actor=request.actor, thing=thing, action=action, subject=subject)
        messages.success(request, f"Access of {subject} taken back")
        return redirect(back_url)
    said = told(thing, subject, action, shareable_actions(thing))
    context = {"thing": thing, "crumbs": crumbs, "back_url": back_url, "share": said}
    return render(request, "console/shares/confirm_delete.html", context)


def holder_of(thing: Any, uid: str, action: str) -> User | Group:
    """Who holds this share, by public id. Raises Http404."""
    which = {"content_object": thing, "permission__codename": action}
    with_users, with_groups = tables_of(thing)
    user = with_users.objects.filter(**which, user__uid=uid).select_related("user").first()
    group = with_groups.objects.filter(**which, group__profile__uid=uid).select_related("group").first()
    if user:
        return user.user
    if group:
        return group.group
    raise Http404


def share_crumbs(request: PageRequest, project: Project, page: str) -> list[tuple[str, str]]:
    return crumbs(request, project, ("Access", reverse("share_index", args=[project.uid])), (page, ""))
