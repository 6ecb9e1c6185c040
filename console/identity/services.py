"""Identity v3: services, their endpoints, regions, and the catalogue of one's token.

A service of the protocol is a registered service that has a type. Roster itself is listed as the identity service; what
it says of itself cannot be changed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import Endpoint, Region, User
from console.identity import catalog
from console.identity.errors import IdentityError, not_found
from console.identity.protocol import Answer, IdentityRequest, body, identity, link, listing, text
from console.identity.reading import asked, flag, or_taken, possible, refuse_others, required, unchanged
from policies import access
from policies.actions import endpoints as actions
from policies.actions import services as service_actions
from policies.audit import recording
from policies.protected import At

READ = "read", At("service")
OURS = "This is Roster itself: it stays as it is."


# ---- Services


@identity("GET", "POST")
def service_index(request: IdentityRequest) -> Answer:
    if request.method == "POST":
        return 201, {"service": service_told(_create_service(request))}
    request.actor.require(*READ)
    kind, name = asked(request, "type"), asked(request, "name")
    rows = [own_service(), *map(service_told, _services(request.user))]
    return listing(
        request,
        "services",
        [row for row in rows if kind in (None, row["type"]) and name in (None, row["name"])],
        list,
        key="id",
    )


@identity("GET", "PATCH", "DELETE")
def service_detail(request: IdentityRequest, service: str) -> Answer:
    if service == own_service()["id"]:
        request.actor.require(*READ)
        _refuse_write(request)
        return {"service": own_service()}
    found = _service(request, service)
    if request.method == "DELETE":
        service_actions.retire_service(actor=request.actor, service=found)
        return None
    if request.method == "PATCH":
        _update_service(request, found)
        found = _service(request, service)
    return {"service": service_told(found)}


def _create_service(request: IdentityRequest) -> User:
    given = body(request, "service")
    refuse_others(given, "name", "type", "description", "enabled")
    kind = required(given, "type")
    name = text(given, "name") or kind
    with recording(request.actor):
        try:
            service = service_actions.register_service(
                actor=request.actor, username=name, description=text(given, "description"), service_type=kind
            )
        except ValidationError as error:
            taken = User.objects.filter(username=name).exists()
            raise or_taken(error, taken, "service", name) from error
        if not flag(given, "enabled", True):
            service = service_actions.disable_service(actor=request.actor, service=service)
    return service


def _update_service(request: IdentityRequest, service: User) -> None:
    given = body(request, "service")
    refuse_others(given, "name", "type", "description", "enabled", "id")
    unchanged(given, "id", service.uid)
    unchanged(given, "name", service.username)
    changes: dict[str, Any] = {ours: text(given, name) for name, ours in SERVICE_FIELDS.items() if name in given}
    if changes.get("service_type") == "":
        raise IdentityError(400, "type: a service has one.")
    with recording(request.actor):
        if changes:
            service_actions.update_service(actor=request.actor, service=service, **changes)
        if flag(given, "enabled", service.is_active) != service.is_active:
            switch = service_actions.disable_service if service.is_active else service_actions.enable_service
            switch(actor=request.actor, service=service)


SERVICE_FIELDS = {"description": "description", "type": "service_type"}


def service_told(service: User) -> dict[str, Any]:
    return {
        "id": service.uid,
        "name": service.username,
        "type": service.service_profile.service_type,
        "description": service.description,
        "enabled": service.is_active,
        "links": {"self": link(f"/services/{service.uid}")},
    }


def own_service() -> dict[str, Any]:
    """Roster, as a service among the others."""
    entry = catalog.own_entry(regions=())
    return {
        **{name: entry[name] for name in ("id", "name", "type")},
        "description": "Users, roles and tokens",
        "enabled": True,
        "links": {"self": link(f"/services/{entry['id']}")},
    }


def _services(user: User) -> Any:
    """The services that the user may see and that clients look for."""
    found = access.permitted(user, "read", "service").filter(service_profile__isnull=False)
    return found.exclude(service_profile__service_type="").select_related("service_profile")


def _service(request: IdentityRequest, uid: str) -> User:
    found: User | None = _services(request.user).filter(uid=uid).first() if possible(uid) else None
    if found is None:
        raise not_found("service", uid)
    return found


# ---- Endpoints


@identity("GET", "POST")
def endpoint_index(request: IdentityRequest) -> Answer:
    if request.method == "POST":
        return 201, {"endpoint": endpoint_told(_create_endpoint(request))}
    request.actor.require(*READ)
    service, interface, region = (asked(request, name) for name in ("service_id", "interface", "region_id"))
    rows = [*own_endpoints(), *map(endpoint_told, _endpoints(request.user))]
    wanted = [
        row
        for row in rows
        if service in (None, row["service_id"])
        and interface in (None, row["interface"])
        and region in (None, row["region_id"])
    ]
    return listing(request, "endpoints", wanted, list, key="id")


@identity("GET", "PATCH", "DELETE")
def endpoint_detail(request: IdentityRequest, endpoint: str) -> Answer:
    own = next((row for row in own_endpoints() if row["id"] == endpoint), None)
    if own:
        request.actor.require(*READ)
        _refuse_write(request)
        return {"endpoint": own}
    found = _endpoints(request.user).filter(uid=endpoint).first() if possible(endpoint) else None
    if found is None:
        raise not_found("endpoint", endpoint)
    if request.method == "DELETE":
        actions.delete_endpoint(actor=request.actor, endpoint=found)
        return None
    if request.method == "PATCH":
        found = _update_endpoint(request, found)
    return {"endpoint": endpoint_told(found)}


def _create_endpoint(request: IdentityRequest) -> Endpoint:
    given = body(request, "endpoint")
    refuse_others(given, "service_id", "interface", "url", "region", "region_id", "enabled", "name")
    if text(given, "service_id") == own_service()["id"]:
        raise IdentityError(403, OURS)
    service = _service(request, required(given, "service_id"))
    with recording(request.actor):
        return actions.create_endpoint(
            actor=request.actor,
            service=service,
            region=_region_of(request, given),
            url=required(given, "url"),
            interface=required(given, "interface"),
            is_enabled=flag(given, "enabled", True),
        )


def _update_endpoint(request: IdentityRequest, endpoint: Endpoint) -> Endpoint:
    given = body(request, "endpoint")
    refuse_others(given, "id", "service_id", "interface", "url", "region", "region_id", "enabled", "name")
    unchanged(given, "id", endpoint.uid)
    unchanged(given, "service_id", endpoint.service.uid)
    changes: dict[str, Any] = {name: required(given, name) for name in ("url", "interface") if name in given}
    if "enabled" in given:
        changes["is_enabled"] = flag(given, "enabled", True)
    with recording(request.actor):
        if text(given, "region_id") or text(given, "region"):
            changes["region"] = _region_of(request, given)
        return actions.update_endpoint(actor=request.actor, endpoint=endpoint, **changes)


def _region_of(request: IdentityRequest, given: dict[str, Any]) -> Region:
    """The region that a body names. Old clients say `region`, and expect that one is made where there is none."""
    code, old = text(given, "region_id"), text(given, "region")
    if not code and not old:
        raise IdentityError(400, "region_id: an endpoint stands in a region.")
    found = Region.objects.filter(code=code or old).first() if possible(code or old) else None
    if found is None and code:
        raise IdentityError(400, f"region_id: there is no region {code[:100]}.")
    return found or actions.create_region(actor=request.actor, code=old)


def endpoint_told(endpoint: Endpoint) -> dict[str, Any]:
    region = endpoint.region.code
    return _endpoint(endpoint.uid, endpoint.interface, endpoint.url, region, endpoint.service.uid, endpoint.is_enabled)


def own_endpoints() -> list[dict[str, Any]]:
    service = own_service()["id"]
    return [_endpoint(*row, service, True) for row in catalog.own_endpoints(catalog.region_codes())]


def _endpoint(uid: str, interface: str, url: str, region: str | None, service: str, is_enabled: bool) -> dict[str, Any]:
    told = catalog.endpoint_told(uid, interface, url, region)
    return {**told, "service_id": service, "enabled": is_enabled, "links": {"self": link(f"/endpoints/{uid}")}}


def _endpoints(user: User) -> Any:
    return Endpoint.objects.filter(service__in=_services(user).values("pk")).select_related("service", "region")


# ---- Regions: their codes stand in everybody's catalogue, so whoever has a token may list them


@identity("GET", "POST")
def region_index(request: IdentityRequest) -> Answer:
    if request.method == "POST":
        given = body(request, "region")
        return 201, {"region": region_told(_create_region(request, given, required(given, "id")))}
    parent = asked(request, "parent_region_id")  # no region lies in another one
    return listing(request, "regions", Region.objects.all() if not parent else [], _regions_told, key="code")


@identity("GET", "PUT", "PATCH", "DELETE")
def region_detail(request: IdentityRequest, region: str) -> Answer:
    if request.method == "PUT":
        given = body(request, "region")
        unchanged(given, "id", region)
        return 201, {"region": region_told(_create_region(request, given, region))}
    found = Region.objects.filter(code=region).first() if possible(region) else None
    if found is None:
        raise not_found("region", region)
    if request.method == "DELETE":
        actions.delete_region(actor=request.actor, region=found)
        return None
    if request.method == "PATCH":
        given = body(request, "region")
        refuse_others(given, "id", "description", "parent_region_id")
        unchanged(given, "id", found.code)
        unchanged(given, "parent_region_id", None)
        description = text(given, "description", found.description)
        found = actions.update_region(actor=request.actor, region=found, description=description)
    return {"region": region_told(found)}


def _create_region(request: IdentityRequest, given: dict[str, Any], code: str) -> Region:
    refuse_others(given, "id", "description", "parent_region_id")
    unchanged(given, "parent_region_id", None)
    if possible(code) and Region.objects.filter(code=code).exists():
        request.actor.require("create", actions.REGIONS)
        raise IdentityError(409, f"The region {code} exists already.")
    return actions.create_region(actor=request.actor, code=code, description=text(given, "description"))


def region_told(region: Region) -> dict[str, Any]:
    return {
        "id": region.code,
        "description": region.description,
        "parent_region_id": None,
        "links": {"self": link(f"/regions/{region.code}")},
    }


def _regions_told(regions: Sequence[Region]) -> list[dict[str, Any]]:
    return [region_told(region) for region in regions]


# ---- The catalogue


@identity("GET", restricted=("GET", "HEAD"))
def auth_catalog(request: IdentityRequest) -> Answer:
    links = {"self": link("/auth/catalog"), "next": None, "previous": None}
    return {"catalog": catalog.catalog_of(request.token.project), "links": links}


def _refuse_write(request: IdentityRequest) -> None:
    if request.method not in ("GET", "HEAD"):
        raise IdentityError(403, OURS)
