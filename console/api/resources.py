"""Resources as services register, read, change and retire them, by what their roles allow in each place.

    POST    /api/v1/resources/        register; again with the same external id and the same values: 200, nothing changes
    GET     /api/v1/resources/        what the service sees, some at a time: ?type= scope= external_id= limit= after=
    GET     /api/v1/resources/<id>/   one, by its id or by the service's own (with ?type= where two types have it)
    PATCH   /api/v1/resources/<id>/   change what the body names
    DELETE  /api/v1/resources/<id>/   retire

What a service may not see is not there (404). Each change is one event of the audit trail.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, JsonResponse, QueryDict
from django.http.response import HttpResponseBase
from django.urls import reverse

from accounts.models import User
from console.api.bearer import APIError, ServiceRequest, json_body, service_api
from console.api.entities import places_called
from console.api.registrations import (
    LONGEST,
    bad_members,
    by_member,
    read_changes,
    read_registration,
    refuse_foreign_owner,
)
from console.times import iso
from policies import access
from policies.actions.resources import register_resource, retire_resource, update_resource
from policies.errors import Denied
from policies.models import Resource
from policies.naming import NotFound, find_entity_type
from policies.protected import At
from policies.resources import seen_resources, sees_owner_email, with_what_is_asked

PAGE, LARGEST_PAGE = 100, 1000
PARAMETERS = ("type", "scope", "external_id", "limit", "after")


@service_api("GET", "POST")
def api_resource_index(request: ServiceRequest) -> HttpResponseBase:
    return registered(request) if request.method == "POST" else listed(request)


@service_api("GET", "PATCH", "DELETE")
def api_resource_detail(request: ServiceRequest, resource: str) -> HttpResponseBase:
    found = the_resource(request, resource)
    if request.method == "DELETE":
        retire_resource(actor=request.actor, resource=found)
        return HttpResponse(status=204)
    if request.method == "PATCH":
        fields = read_changes(request.service, json_body(request))
        refuse_foreign_owner(fields, found.scope)
        try:
            update_resource(actor=request.actor, resource=found, **fields)
        except ValidationError as error:
            raise by_member(error) from error
    return JsonResponse(the_row(request.service, found))


def registered(request: ServiceRequest) -> JsonResponse:
    fields = read_registration(request.service, json_body(request))
    if fields["scope"] is None:
        raise nowhere()
    if request.actor.may("register", At("resource", fields["scope"])):
        refuse_foreign_owner(fields, fields["scope"])
        if existing := same_external_id(fields):
            return again(request, existing, fields)
    try:
        resource = register_resource(actor=request.actor, **fields)
    except Denied as denied:
        raise nowhere() from denied
    except ValidationError as error:
        if existing := same_external_id(fields):  # of two at once, the later one
            return again(request, existing, fields)
        raise by_member(error) from error
    row = the_row(request.service, resource)
    return JsonResponse(row, status=201, headers={"Location": row["links"]["self"]})


def nowhere() -> APIError:
    """The same for a place that there is not and for one that is not this service's."""
    return APIError(403, "There is no such place, or this service may not register things there.")


def same_external_id(fields: dict[str, Any]) -> Resource | None:
    """What is registered under this type and external id."""
    name = fields.get("external_id")
    rows = with_what_is_asked(Resource.objects.filter(entity_type=fields["entity_type"], external_id=name))
    return rows.first() if name else None


def again(request: ServiceRequest, existing: Resource, fields: dict[str, Any]) -> JsonResponse:
    """200 where it is registered with these values already. Raises APIError, 409, else."""
    if not seen_resources(request.service).filter(pk=existing.pk).exists():
        raise APIError(409, "Another thing of this type is registered under this external_id.")
    now: dict[str, Any] = {name: getattr(existing, name) for name in ("scope", "name", "owner", "parent", "visibility")}
    now |= {"tags": {tag.name for tag in existing.tags.all()}, "listed_roles": set(existing.listed_roles.all())}
    asked = {name: set(value) if isinstance(value, list) else value for name, value in fields.items() if name in now}
    asked.get("tags", set()).discard("")
    if different := sorted(name for name, value in asked.items() if value != now[name]):
        said = f"It is registered with another value of {', '.join(different)}. PATCH changes it."
        raise APIError(409, said, id=existing.uid)
    return JsonResponse(the_row(request.service, existing))


def the_resource(request: ServiceRequest, name: str) -> Resource:
    """By its id, or else by the service's own. Raises Http404 for what the service does not see, APIError for several."""
    name_is_possible = len(name) <= LONGEST and "\x00" not in name
    if unknown := request.GET.keys() - {"type"}:
        raise bad_members({name: ["There is no such parameter."] for name in sorted(unknown)})
    rows = with_what_is_asked(of_type(seen_resources(request.service), request.GET))
    found = list(rows.filter(uid=name) or rows.filter(external_id=name)[:2]) if name and name_is_possible else []
    if len(found) > 1:
        raise APIError(400, "Things of several types are called that. Say which: ?type=")
    if not found:
        raise Http404
    return found[0]


def listed(request: ServiceRequest) -> JsonResponse:
    """Some of the resources that the service sees, in the order of their ids, and where the next ones are."""
    asked = request.GET
    if unknown := asked.keys() - set(PARAMETERS):
        raise bad_members({name[:LONGEST]: ["There is no such parameter."] for name in sorted(unknown)[:20]})
    size, after = page_size(asked), asked.get("after", "")
    rows = of_type(in_place(request.service, asked), asked).order_by("uid")
    if asked.get("external_id"):
        rows = rows.filter(external_id=without_nul(asked["external_id"]))
    if after:
        rows = rows.filter(uid__gt=without_nul(after))
    found = list(with_what_is_asked(rows)[: size + 1])
    links = {"next": next_page(asked, found[size - 1].uid) if len(found) > size else None}
    return JsonResponse({"items": rows_of(request.service, found[:size]), "links": links})


def in_place(service: User, asked: QueryDict) -> QuerySet[Resource]:
    """What the service sees, in the place that is asked for."""
    name = asked.get("scope", "")
    if not name:
        return seen_resources(service)
    scope = places_called([name]).get(name)
    return seen_resources(service, within=scope) if scope else Resource.objects.none()


def of_type(rows: QuerySet[Resource], asked: QueryDict) -> QuerySet[Resource]:
    if not asked.get("type"):
        return rows
    try:
        return rows.filter(entity_type=find_entity_type(str(asked["type"])))
    except NotFound as error:
        raise bad_members({"type": [str(error)]}) from error


def page_size(asked: QueryDict) -> int:
    text = asked.get("limit", str(PAGE))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LARGEST_PAGE and len(text) < 9):
        raise bad_members({"limit": [f"Expected a number from 1 to {LARGEST_PAGE:,}."]})
    return int(text)


def next_page(asked: QueryDict, last: str) -> str:
    query = asked.copy()
    query["after"] = last
    return f"{reverse('api_resource_index')}?{query.urlencode()}"


def without_nul(text: str) -> str:
    """No database looks for NUL."""
    return text.replace("\x00", "")[:LONGEST]


def the_row(service: User, resource: Resource) -> dict[str, Any]:
    [row] = rows_of(service, with_what_is_asked(Resource.objects.filter(pk=resource.pk)))
    return row


def rows_of(service: User, resources: Iterable[Resource]) -> list[dict[str, Any]]:
    """Resources as JSON; a constant number of queries. What a resource belongs to is named as far as the service sees it,
    the owner's e-mail address where the service may see that (H2O-10, H2O-11)."""
    found = list(resources)
    allowed, in_directory = access.actions_for(service, found), access.may(service, "list", At("user"))
    parents = {resource.parent_id for resource in found if resource.parent_id}
    seen = set(seen_resources(service).filter(pk__in=parents).values_list("pk", flat=True)) if parents else set()
    return [
        row_of(
            resource,
            with_parent=resource.parent_id in seen,
            with_email=sees_owner_email(resource.entity_type, allowed[resource.pk], in_directory=in_directory),
        )
        for resource in found
    ]


def row_of(resource: Resource, *, with_parent: bool, with_email: bool) -> dict[str, Any]:
    row = {
        "id": resource.uid,
        "type": resource.entity_type.full_name,
        "name": resource.name,
        "external_id": resource.external_id,
        "url": resource.url,
        "scope": f"{resource.scope.kind}:{resource.scope.slug}",
        "owner": resource.owner.username if resource.owner else None,
        "parent": resource.parent.uid if resource.parent and with_parent else None,
        "visibility": resource.visibility,
        "tags": sorted(tag.name for tag in resource.tags.all()),
        "lists": sorted(role.full_name for role in resource.listed_roles.all()),
        "created": iso(resource.created_at),
        "links": {"self": reverse("api_resource_detail", args=[resource.uid])},
    }
    if with_email and resource.owner:
        row["owner_email"] = resource.owner.email
    return row
