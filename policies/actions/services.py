"""Services: programs that ask Roster. Register, describe, disable, retire; make and revoke their tokens.

Whoever may change a service may make a token of it, and so act as the service: with its roles, and no others.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import ServiceProfile, ServiceToken, User
from policies.actions.saving import save
from policies.actions.users import lock
from policies.actor import Actor
from policies.audit import recording
from policies.catalogue_files import STATED
from policies.errors import Conflict
from policies.nonces import use_up

LONGEST_LIFE = timedelta(days=366)
TYPE = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
IDENTITY_TYPE = "identity"  # of Roster itself
PREFIX = "roster_"  # programs that look for lost secrets find a token by it


def register_service(
    *,
    actor: Actor,
    username: str,
    description: str = "",
    trusted_attributes: Iterable[str] = (),
    service_type: str = "",
    nonce: str = "",
    is_sample: bool = False,
) -> User:
    """Register a program. It may nothing until it is given a role, and asks nothing without a token.

    `service_type`: what clients look for in the catalogue of a token; empty for a program that they do not call.

    Raises Denied, AlreadyDone, ValidationError by field.
    """
    service = User(
        kind=User.Kind.SERVICE,
        username=username.strip(),
        description=description.strip(),
        is_sample=is_sample,
        password=make_password(None),
    )
    trusted = _trusted(trusted_attributes)
    with recording(actor) as trail:
        actor.require("create", service)
        use_up(nonce)
        service.full_clean()
        save(service)
        ServiceProfile.objects.create(service=service, trusted_attributes=trusted, service_type=_type(service_type))
        trail.add("service.create", service, after=told(service))
    return service


def update_service(*, actor: Actor, service: User, seen: dict[str, Any] | None = None, **fields: Any) -> User:
    """Change the description, the type, or the attributes that it is trusted for. `seen`: the values the form was shown with.

    Raises Denied, Conflict when a field has another value than was seen, ValidationError by field.
    """
    with recording(actor) as trail:
        service = lock_service(service)
        actor.require("update", service)
        before = told(service)
        if seen and any(seen.get(name, value) != value for name, value in before.items()):
            raise Conflict(service)
        if unknown := fields.keys() - before.keys():
            raise ValidationError(dict.fromkeys(unknown, "This cannot be changed."))
        service.description = fields.get("description", service.description).strip()
        if "trusted_attributes" in fields:
            service.service_profile.trusted_attributes = _trusted(fields["trusted_attributes"])
        if "service_type" in fields:
            service.service_profile.service_type = _type(fields["service_type"])
        after = told(service)
        if before != after:
            service.full_clean()
            save(service)
            service.service_profile.save()
            changed = [name for name in before if before[name] != after[name]]
            trail.add(
                "service.update",
                service,
                before={name: before[name] for name in changed},
                after={name: after[name] for name in changed},
            )
    return service


def disable_service(*, actor: Actor, service: User) -> User:
    """Its tokens are refused from the next request on, and it is denied everything. Raises Denied, Conflict."""
    return _switch(actor, service, False)


def enable_service(*, actor: Actor, service: User) -> User:
    """Its tokens work again, as far as they have not expired. Raises Denied, Conflict."""
    return _switch(actor, service, True)


def _switch(actor: Actor, service: User, enabled: bool) -> User:
    with recording(actor) as trail:
        service = lock_service(service)
        actor.require("update", service)
        if service.is_active != enabled:
            before = {"status": service.status}
            service.is_active = enabled
            service.tokens_since = service.tokens_since if enabled else timezone.now()
            service.save(update_fields=["is_active", "tokens_since"])
            action = "enable" if enabled else "disable"
            trail.add(f"service.{action}", service, before=before, after={"status": service.status})
    return service


def retire_service(*, actor: Actor, service: User) -> None:
    """Delete the service with its tokens and roles; what it owns stays, without owner. Raises Denied, Conflict."""
    with recording(actor) as trail:
        service = lock_service(service)
        actor.require("delete", service)
        roles = sorted(str(a) for a in service.role_assignments.select_related("role", "scope", "user"))
        tokens = sorted(service.service_tokens.values_list("name", flat=True))
        trail.add("service.delete", service, before={**told(service), "roles": roles, "tokens": tokens})
        service.delete()


def create_token(
    *, actor: Actor, service: User, name: str, expires_at: datetime, nonce: str = ""
) -> tuple[ServiceToken, str]:
    """Make a bearer token. Returns it and the secret, which is stored nowhere: only its digest is kept.

    Raises Denied, Conflict, AlreadyDone, ValidationError by field: it has to expire, within a year.
    """
    token = ServiceToken(
        service=service, name=name.strip(), expires_at=expires_at, created_by=actor.name[:120], digest="-"
    )
    secret = f"{shown_prefix(token)}{secrets.token_urlsafe(32)}"
    token.digest = ServiceToken.digest_of(secret)
    with recording(actor) as trail:
        service = token.service = lock_service(service)
        actor.require("update", service)
        use_up(nonce)
        now = timezone.now()
        if not now < expires_at <= now + LONGEST_LIFE:
            raise ValidationError({"expires_at": f"Choose a day within the next {LONGEST_LIFE.days} days."})
        token.full_clean(exclude=["service"])  # an object, not an id: it exists
        token.save()
        trail.add("service.create_token", service, after=_token_told(token))
    return token, secret


def revoke_token(*, actor: Actor, token: ServiceToken) -> None:
    """Refuse the token from the next request on. Raises Denied, Conflict where it was revoked already."""
    with recording(actor) as trail:
        service = lock_service(token.service)
        actor.require("update", service)
        gone, _ = ServiceToken.objects.filter(pk=token.pk).delete()
        if not gone:
            raise Conflict(f"{token} was revoked already.")
        trail.add("service.delete_token", service, before=_token_told(token))


def shown_prefix(token: ServiceToken) -> str:
    """How the secret begins: pages show it, so that people recognize a token that they find."""
    return f"{PREFIX}{token.uid[:8]}_"


def told(service: User) -> dict[str, Any]:
    """What forms and the audit trail say of a service."""
    return {
        "description": service.description,
        "service_type": service.service_profile.service_type,
        "trusted_attributes": sorted(service.service_profile.trusted_attributes),
    }


def lock_service(service: User) -> User:
    """The service's row, locked until the transaction ends. Raises Conflict where somebody retired it meanwhile."""
    found = lock(service)
    ServiceProfile.objects.get_or_create(service=found)
    return found


def _token_told(token: ServiceToken) -> dict[str, str]:
    ends = token.expires_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return {"token": token.name, "begins_with": shown_prefix(token), "expires": ends}


def _type(name: str) -> str:
    """A type as catalogues of tokens name it. Raises ValidationError."""
    name = name.strip()
    if name and not TYPE.fullmatch(name):
        raise ValidationError({"service_type": "Use lower-case letters, digits and hyphens, such as object-store."})
    if name == IDENTITY_TYPE:
        raise ValidationError({"service_type": "That is what Roster itself is."})
    return name


def _trusted(names: Iterable[str]) -> list[str]:
    wanted = set(names)
    if unknown := wanted - set(STATED):
        said = f"Expected {', '.join(STATED)}, not {', '.join(sorted(unknown))}."
        raise ValidationError({"trusted_attributes": said})
    return sorted(wanted)
