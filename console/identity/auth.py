"""Tokens: getting, showing, checking and taking back."""

from __future__ import annotations

from console.identity.errors import IdentityError
from console.identity.protocol import Answer, IdentityRequest, identity


@identity("POST", "GET", "DELETE", token=False)
def auth_tokens(request: IdentityRequest) -> Answer:
    raise IdentityError(501, "Not yet.")


@identity("GET", restricted=("GET",))
def auth_projects(request: IdentityRequest) -> Answer:
    raise IdentityError(501, "Not yet.")
