"""Resources: what services registered, as far as one may see it; what one may do with each, and why; who else may."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.models import User
from console.conflicts import state_of, who_changed
from console.csv import ROWS_AT_ONCE, csv_response
from console.forms.project_users import ConfirmForm
from console.forms.resources import DEFAULT_SORT, SORTS, ResourceForm, listed_resources, type_label
from console.lists import CappedPaginator, render_list, search_text, sorted_page
from console.navigation import crumbs, tabs
from console.protection import PageRequest, requires, signed_in, visible
from console.questions import EXPLAIN, who_url, why_url
from console.views import shares
from console.views.project_users import add_errors
from policies import access, history
from policies.actions.resources import retire_resource, told, update_resource
from policies.actions.shares import shareable_actions, who_shares
from policies.audit import record
from policies.errors import Conflict, Denied
from policies.models import Resource
from policies.protected import At
from policies.resources import (
    changeable_fields,
    roles_reaching,
    seen_resources,
    sees_owner_email,
    with_what_is_asked,
)

EVENTS_SHOWN, CHILDREN_SHOWN = 6, 10
HEADER = ("name", "type", "place", "owner", "owner_email", "visibility", "tags", "actions", "id", "external_id")


@signed_in
def resource_index(request: PageRequest) -> HttpResponse:
    found, filters = listed_resources(request.user, request.GET)
    page, sort = sorted_page(request, with_what_is_asked(found), SORTS, DEFAULT_SORT, CappedPaginator)
    project, way, shown_tabs = filters.within, [("Resources", "")], []
    if project:
        request.project = project
        way, shown_tabs = crumbs(request, project, *way), tabs(request, project)
    return render_list(request, "resources", {
        "project": project, "crumbs": way, "tabs": shown_tabs,
        "q": search_text(request.GET), "filter_form": filters, "chips": filters.chips, "sort": sort,
        "page": page, "rows": rows_of(request.user, page.object_list),
    })  # fmt: skip


def rows_of(user: User, resources: Iterable[Resource]) -> list[dict[str, Any]]:
    """Resources as the list shows them; a constant number of queries."""
    listed = list(resources)
    allowed, in_directory = access.actions_for(user, listed), access.may(user, "list", At("user"))
    return [
        {
            "resource": resource,
            "type": type_label(resource.entity_type),
            "email": email_of(resource, allowed[resource.pk], in_directory=in_directory),
            "allowed": allowed[resource.pk],
            "tags": [tag.name for tag in resource.tags.all()],
            "actions": [
                label for code, label in resource.entity_type.actions_on_one.items() if code in allowed[resource.pk]
            ],
        }
        for resource in listed
    ]


def email_of(resource: Resource, allowed: set[str], *, in_directory: bool) -> str:
    """The owner's e-mail address, where the reader may see it; else nothing (H2O-10, H2O-11)."""
    shown = resource.owner and sees_owner_email(resource.entity_type, allowed, in_directory=in_directory)
    return resource.owner.email if shown and resource.owner else ""


@signed_in
def resource_export(request: PageRequest) -> HttpResponseBase:
    found, filters = listed_resources(request.user, request.GET)
    order = SORTS.get(request.GET.get("sort", ""), SORTS[DEFAULT_SORT])
    place: Any = filters.within or access.root_for(request.user)
    said = {"filters": [f"{c['label']}: {c['value']}" for c in filters.chips], "search": search_text(request.GET)}
    record(request.actor, "resource.export", place, after=said)
    rows = with_what_is_asked(found).order_by(*order).iterator(chunk_size=ROWS_AT_ONCE)
    return csv_response("resources.csv", HEADER, csv_rows(request.user, rows))


def csv_rows(user: User, resources: Iterable[Resource]) -> Iterator[list[Any]]:
    left = iter(resources)
    while some := list(islice(left, ROWS_AT_ONCE)):
        for row in rows_of(user, some):
            resource = row["resource"]
            yield [
                resource.name, row["type"], resource.scope.name, resource.owner.username if resource.owner else "",
                row["email"], resource.visibility, " ".join(row["tags"]), ", ".join(row["actions"]),
                resource.uid, resource.external_id,
            ]  # fmt: skip


@visible
def resource_detail(request: PageRequest, resource: Resource) -> HttpResponse:
    user = request.user
    [row] = rows_of(user, with_what_is_asked(Resource.objects.filter(pk=resource.pk)))
    resource, allowed = row["resource"], row["allowed"]
    seen = seen_resources(user)
    reads = access.may(user, "read", At("event_history", resource.scope))
    events = history.readable(user, within=resource.scope).filter(object_uid=resource.uid) if reads else ()
    return render(request, "console/resources/detail.html", {
        **row, "crumbs": resource_crumbs(request, resource), "able": able(user, resource, allowed),
        "parent": seen.filter(pk=resource.parent_id).first() if resource.parent_id else None,
        "children": seen.filter(parent=resource).select_related("entity_type").order_by("name", "pk")[:CHILDREN_SHOWN],
        "may_change": changeable_fields(request.actor, resource),
        "may_retire": request.actor.may("retire", At("resource", resource.scope)), **who_has_access(request, resource, allowed),
        "may_read_events": reads, "events": history.tell(events[:EVENTS_SHOWN], targets=False),
    })  # fmt: skip


def able(user: User, resource: Resource, allowed: set[str]) -> list[dict[str, str]]:
    """Every action on such a thing, whether the user may do it, and why; for components/able.html."""
    asks = access.may(user, EXPLAIN[0], At(EXPLAIN[1], resource.scope))
    return [
        {
            "state": "yes" if code in allowed else "no",
            "label": label,
            "why": access.explain(user, code, resource).reasons[0] if code in allowed else "",
            "why_url": why_url(code, resource),
            "who_url": who_url(code, resource) if asks else "",
        }
        for code, label in resource.entity_type.actions_on_one.items()
    ]


def who_has_access(request: PageRequest, resource: Resource, allowed: set[str]) -> dict[str, Any]:
    """Roles and shares that reach a resource, as far as the reader, who may do the actions `allowed`, may know of them."""
    may_share = request.actor.may(*who_shares(resource))
    knows_roles = access.may(request.user, "read", At("role_assignment", resource.scope))
    page, _ = sorted_page(request, shares.shares_of(resource), shares.SORTS, "holder")
    return {
        "may_give": may_share and bool(shareable_actions(resource).keys() & allowed),
        "may_take_back": may_share,
        "reaching": roles_reaching(resource) if knows_roles else None,
        "page": page,
        "shares": shares.rows_of(resource, list(page.object_list), "resource_share_delete") if may_share else [],
    }


@visible
def resource_update(request: PageRequest, resource: Resource) -> HttpResponse:
    changeable = changeable_fields(request.actor, resource)
    if not changeable:
        raise Denied("update", At("resource", resource.scope))
    data, status = request.POST if request.method == "POST" else None, 422 if request.method == "POST" else 200
    form = ResourceForm(data, resource=resource, changeable=changeable, seen=state_of(told(resource)))
    if form.is_valid():
        asked = dict(form.cleaned_data)
        try:
            if asked.pop("seen") != state_of(told(resource)):
                raise Conflict(resource)
            update_resource(actor=request.actor, resource=resource, seen=told(resource), **asked)
        except Conflict:
            form, status = conflicting(request, resource, changeable), 409
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{resource} saved")
            return redirect("resource_detail", resource.uid)
    context = {"resource": resource, "form": form, "crumbs": resource_crumbs(request, resource, "Edit")}
    return render(request, "console/resources/form.html", context, status=status)


def conflicting(request: PageRequest, resource: Resource, changeable: set[str]) -> ResourceForm:
    """The form with what was typed, who was faster and what they changed; saved again, it replaces that."""
    now = Resource.objects.filter(pk=resource.pk).select_related("entity_type", "scope", "owner", "parent").first()
    if now is None:
        raise Conflict(f"{resource} was retired.")
    seen = state_of(told(now))
    form = ResourceForm({**request.POST.dict(), "seen": seen}, resource=now, changeable=changeable, seen=seen)
    last = history.last_change(now, "update")
    changes = f" {last.before_and_after}." if last else ""
    form.add_error(None, f"{who_changed(now)}{changes} Save again to replace that with yours, or open the page anew.")
    return form


@visible
def resource_delete(request: PageRequest, resource: Resource) -> HttpResponse:
    """Retire it; what runs goes on running, Roster just knows nothing of it any more."""
    request.actor.require("retire", At("resource", resource.scope))
    form = ConfirmForm(request.POST if request.method == "POST" else None, expected=resource.name)
    if form.is_valid():
        retire_resource(actor=request.actor, resource=resource)
        messages.success(request, f"{resource} retired")
        return redirect("resource_index")
    context = {
        "resource": resource,
        "form": form,
        "crumbs": resource_crumbs(request, resource, "Retire"),
        "shares": shares.shares_of(resource).count(),
    }
    return render(request, "console/resources/confirm_delete.html", context, status=422 if form.is_bound else 200)


@requires("share", "resource")
def resource_share_create(request: PageRequest, resource: Resource) -> HttpResponse:
    way = resource_crumbs(request, resource, "Give access")
    back_url = reverse("resource_detail", args=[resource.uid])
    return shares.share_page(request, resource, way, back_url, "resource_share_search")


@requires("share", "resource")
def resource_share_search(request: PageRequest, resource: Resource) -> HttpResponse:
    return shares.suggestions(request)


@requires("share", "resource")
def resource_share_delete(request: PageRequest, resource: Resource, holder: str, action: str) -> HttpResponse:
    way = resource_crumbs(request, resource, "Take back")
    return shares.unshare_page(request, resource, holder, action, way, reverse("resource_detail", args=[resource.uid]))


def resource_crumbs(request: PageRequest, resource: Resource, page: str = "") -> list[tuple[str, str]]:
    """Resources / resource / page."""
    own = reverse("resource_detail", args=[resource.uid]) if page else ""
    return [("Resources", reverse("resource_index")), (resource.name, own), *([(page, "")] if page else [])]
