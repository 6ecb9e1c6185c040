"""The catalogue of services that a token carries: where each type of service is reached, in which region."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from django.conf import settings

from accounts.models import Endpoint, Project, Region
from policies.actions.services import IDENTITY_TYPE

INTERFACES = tuple(Endpoint.Interface.values)

Entry = dict[str, Any]


def catalog_of(project: Project | None) -> list[Entry]:
    """Every enabled endpoint of every enabled service that has a type, with the project's id in its URL.

    Without a project: those that need none. Roster itself is in it, in every region, as the identity service; so a
    client that asks for one region finds it there.
    """
    found: dict[str, Entry] = {}
    for row in (
        Endpoint.objects.filter(is_enabled=True, service__is_active=True)
        .exclude(service__service_profile__service_type="")
        .order_by("service__service_profile__service_type", "service__username", "region__code", "interface")
        .values_list("uid", "interface", "url", "region__code", *SERVICE)
    ):
        uid, interface, url, region, service, name, service_type = row
        if service_type is None or (project is None and needs_project(url)):
            continue
        entry = found.setdefault(service, {"id": service, "type": service_type, "name": name, "endpoints": []})
        entry["endpoints"].append(endpoint_told(uid, interface, expanded(url, project), region))
    return [own_entry(region_codes()), *found.values()]


SERVICE = ("service__uid", "service__username", "service__service_profile__service_type")


def own_entry(regions: Sequence[str]) -> Entry:
    """Roster, as the catalogue tells of it."""
    return {
        "id": stable_id(IDENTITY_TYPE),
        "type": IDENTITY_TYPE,
        "name": "Roster",
        "endpoints": [endpoint_told(*endpoint) for endpoint in own_endpoints(regions)],
    }


def own_endpoints(regions: Sequence[str]) -> list[tuple[str, str, str, str | None]]:
    """Id, interface, URL and region of Roster's own endpoints: all interfaces, in every region."""
    return [
        (stable_id(IDENTITY_TYPE, region or "", interface), interface, identity_url(), region)
        for region in regions or (None,)
        for interface in INTERFACES
    ]


def region_codes() -> list[str]:
    return list(Region.objects.values_list("code", flat=True))


def identity_url() -> str:
    """Where clients ask for tokens: their `auth_url`."""
    return f"{settings.ROSTER_BASE_URL}/identity/v3"


def endpoint_told(uid: str, interface: str, url: str, region: str | None) -> Entry:
    """An endpoint inside the catalogue."""
    return {"id": uid, "interface": interface, "region_id": region, "region": region, "url": url}


PROJECT_ID = ("%(project_id)s", "%(tenant_id)s", "$(project_id)s", "$(tenant_id)s")


def needs_project(url: str) -> bool:
    return any(name in url for name in PROJECT_ID)


def expanded(url: str, project: Project | None) -> str:
    """The URL with the project's id in its places; nothing else in it means anything."""
    for name in PROJECT_ID if project else ():
        url = url.replace(name, project.uid)  # type: ignore[union-attr]
    return url


def stable_id(*names: str) -> str:
    """The id of something that is in no table: the same one every time, and on every server."""
    return hashlib.sha256("\x00".join(("Roster", *names)).encode()).hexdigest()[:32]
