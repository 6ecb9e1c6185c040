"""Application credentials: a secret for a program that acts as a user in one project, with some of the user's roles there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from accounts.models import User
from console.identity.errors import IdentityError, not_found
from console.identity.protocol import Answer, IdentityRequest, body, identity, link, listing, text
from console.identity.reading import asked, flag, or_taken, possible, refuse_others, required, unchanged
from console.identity.references import role_reference
from policies.actions.credentials import (
    create_application_credential,
    delete_application_credential,
    manages_credentials,
)
from policies.models import ApplicationCredential, Role
from policies.tokens import Token

KNOWN = (
    *("name", "secret", "description", "roles", "expires_at", "unrestricted"),
    *("access_rules", "project_id", "user_id", "system", "id"),
)


@identity("GET", "POST", restricted=("GET",))
def application_credential_index(request: IdentityRequest, user: str) -> Answer:
    owner = owner_of(request, user)
    if request.method == "POST":
        return _create(request, owner)
    rows, name = _credentials(owner), asked(request, "name")
    if name is not None:
        rows = rows.filter(name=name) if possible(name) else rows.none()
    return listing(request, "application_credentials", rows, _told)


@identity("GET", "DELETE", restricted=("GET",))
def application_credential_detail(request: IdentityRequest, user: str, credential: str) -> Answer:
    owner = owner_of(request, user)
    found = _credentials(owner).filter(uid=credential).first() if possible(credential) else None
    if found is None:
        raise not_found("application credential", credential)
    if request.method == "DELETE":
        delete_application_credential(actor=request.actor, credential=found, token=request.token)
        return None
    [told] = _told([found])
    return {"application_credential": told}


def owner_of(request: IdentityRequest, uid: str) -> User:
    """The user of this id, as far as the caller may list their credentials. Raises what is answered 404.

    A restricted application credential reads those of its own user alone.
    """
    if uid == request.user.uid:
        return request.user
    found = User.objects.select_related("project").filter(uid=uid).first() if possible(uid) else None
    if found is None or request.token.is_restricted or not manages_credentials(request.actor, found):
        raise not_found("user", uid)
    return found


def _credentials(owner: User) -> QuerySet[ApplicationCredential]:
    rows = owner.application_credentials.select_related("user", "project")
    return rows.prefetch_related("roles__catalogue")


def _create(request: IdentityRequest, owner: User) -> Answer:
    """Whatever else a body names, a credential is made for the token's own user and project."""
    if owner != request.user:
        raise IdentityError(403, "Application credentials are made by their own users.")
    token, given = request.token, body(request, "application_credential")
    _check(given, token)
    name = required(given, "name")
    try:
        credential, secret = create_application_credential(
            actor=request.actor,
            token=token,
            name=name,
            secret=text(given, "secret"),
            description=text(given, "description"),
            roles=_roles(given, token),
            expires_at=_instant(given, "expires_at"),
            is_unrestricted=flag(given, "unrestricted", default=False),
        )
    except ValidationError as error:
        taken = owner.application_credentials.filter(name=name.strip()).exists()
        raise or_taken(error, taken, "application credential", name) from error
    [told] = _told([credential])
    return 201, {"application_credential": {**told, "secret": secret}}


def _check(given: dict[str, Any], token: Token) -> None:
    refuse_others(given, *KNOWN)
    unchanged(given, "user_id", token.user.uid)
    unchanged(given, "project_id", token.project.uid if token.project else None)
    if given.get("access_rules"):
        raise IdentityError(400, "access_rules: Roster offers none. What a credential may do is said by its roles.")
    if given.get("system") or given.get("id"):
        raise IdentityError(400, "system, id: these cannot be set here.")


def _roles(given: dict[str, Any], token: Token) -> list[Role] | None:
    """The roles that a body names by id or name, among those of the token; None where it names none."""
    named = given.get("roles")
    if named is None:
        return None
    if not isinstance(named, list):
        raise IdentityError(400, "roles: expected a list.")
    known = {
        reference[key]: role for role in token.roles for key in ("id", "name") if (reference := role_reference(role))
    }
    found = []
    for each in named:
        name = (each.get("id") or each.get("name")) if isinstance(each, dict) else None
        if not isinstance(name, str) or name not in known:
            raise IdentityError(400, f"roles: this token has no role {str(name)[:100]}.")
        found.append(known[name])
    return list(dict.fromkeys(found))


def _instant(given: dict[str, Any], name: str) -> datetime | None:
    """A time in UTC, as 2035-01-01T00:00:00 with or without fractions and Z."""
    written = text(given, name)
    if not written:
        return None
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        raise IdentityError(400, f"{name}: expected a time, as 2035-01-01T00:00:00Z.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _told(credentials: Sequence[ApplicationCredential]) -> list[dict[str, Any]]:
    return [
        {
            "id": credential.uid,
            "name": credential.name,
            "description": credential.description,
            "user_id": credential.user.uid,
            "project_id": credential.project.uid,
            "system": None,
            # Without a Z: so clients know it.
            "expires_at": credential.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
            if credential.expires_at
            else None,
            "unrestricted": credential.is_unrestricted,
            "roles": [
                {**role_reference(role), "domain_id": None, "description": role.purpose, "options": {}}
                for role in credential.roles.all()
            ],
            "links": {"self": link(f"/users/{credential.user.uid}/application_credentials/{credential.uid}")},
        }
        for credential in credentials
    ]
