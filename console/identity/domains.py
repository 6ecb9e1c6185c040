"""The one domain: the organization. What nothing of exists here is listed as empty."""

from __future__ import annotations

from typing import Any

from console.identity.errors import IdentityError, not_found
from console.identity.protocol import DOMAIN, Answer, IdentityRequest, identity, link, listing
from console.identity.reading import asked, asked_flag
from policies.access import root_for

ONE = "There is one domain, and it is the organization itself."


@identity("GET", "POST")
def domain_index(request: IdentityRequest) -> Answer:
    if request.method == "POST":
        raise IdentityError(403, ONE)
    fits = asked(request, "name") in (None, DOMAIN["name"]) and asked_flag(request, "enabled") is not False
    return listing(request, "domains", [told(request)] if fits else [], list, key="id")


@identity("GET", "PATCH", "DELETE")
def domain_detail(request: IdentityRequest, domain: str) -> Answer:
    if domain != DOMAIN["id"]:
        raise not_found("domain", domain)
    if request.method in ("PATCH", "DELETE"):
        raise IdentityError(403, ONE)
    return {"domain": told(request)}


def told(request: IdentityRequest) -> dict[str, Any]:
    """The domain as clients know one."""
    return {
        **DOMAIN,
        "description": root_for(request.user).name,
        "enabled": True,
        "tags": [],
        "options": {},
        "links": {"self": link(f"/domains/{DOMAIN['id']}")},
    }


def nothing_of(name: str) -> Any:
    """A view of an empty list."""

    @identity("GET")
    def empty(request: IdentityRequest) -> Answer:
        return listing(request, name, [], list, key="id")

    return empty


limits, registered_limits, trusts = nothing_of("limits"), nothing_of("registered_limits"), nothing_of("trusts")
