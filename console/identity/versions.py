"""Which versions there are: what clients ask before they sign in, with no token."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from console.identity.errors import IdentityError
from console.identity.protocol import Answer, IdentityRequest, identity, link

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@identity("GET", token=False)
def version_index(request: IdentityRequest) -> Answer:
    """300, as one choice of one: clients take the version from it."""
    return 300, {"versions": {"values": [version()]}}


@identity("GET", token=False)
def version_detail(request: IdentityRequest) -> Answer:
    return {"version": version()}


@identity(*METHODS, token=False)
def nothing(request: IdentityRequest, rest: str) -> HttpResponse:
    """Every other path."""
    raise IdentityError(404, "There is nothing of this name here.")


def version() -> dict[str, Any]:
    """Version 3 of the API, as of the last release that changed it."""
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": link("/")}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }
