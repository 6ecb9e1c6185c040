"""App tokens of a project: make, renew, revoke. A token acts for its maker, so nobody else ever gets a secret of it."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import Project
from policies.actions.saving import save
from policies.actor import Actor
from policies.app_tokens import LABEL, offered_roles, shown_prefix
from policies.audit import recording
from policies.errors import Conflict, Denied
from policies.models import AppToken, Role
from policies.nonces import use_up
from policies.protected import At

AT_ONCE = timedelta(0)
OVERLAPS = (AT_ONCE, timedelta(hours=1), timedelta(hours=24))  # how long a renewed token's old secret may go on


def longest_life() -> timedelta:
    return timedelta(days=settings.ROSTER_APP_TOKEN_DAYS)


def create_app_token(
    *,
    actor: Actor,
    project: Project,
    name: str,
    role: Role,
    expires_at: datetime,
    selector: str = "",
    nonce: str = "",
) -> tuple[AppToken, str]:
    """Make a token that opens the project's resources, all or those with a label, as its role and its maker may (OVH-17).

    Returns it and its secret, of which only a digest is kept. Raises Denied, AlreadyDone, ValidationError by field.
    """
    if actor.user is None:
        raise Denied("create", At("app_token", project))
    token = AppToken(
        project=project,
        made_by=actor.user,
        name=name.strip(),
        role=role,
        selector=selector.strip(),
        expires_at=expires_at,
    )
    secret = _new_secret(token)
    with recording(actor) as trail:
        actor.require("create", token)
        use_up(nonce)
        _check(token)
        save(token)
        trail.add("app_token.create", token, after=told(token))
    return token, secret


def renew_app_token(
    *, actor: Actor, token: AppToken, expires_at: datetime, overlap: timedelta = AT_ONCE, nonce: str = ""
) -> tuple[AppToken, str]:
    """Give the token a new secret and a new end. The old secret dies at once, or after one of OVERLAPS, but no later than
    it would have died.

    Raises Denied for everybody but its maker, AlreadyDone, Conflict where it is gone, ValidationError by field.
    """
    with recording(actor) as trail:
        token = _lock(token)
        actor.require("update", token)
        if token.made_by != actor.user:  # whatever the rules say: it would open what its maker may do
            raise Denied("update", token)
        use_up(nonce)
        if overlap not in OVERLAPS:
            raise ValidationError({"overlap": "Choose one of the times offered."})
        before, old = told(token), token.digest
        ends = min(token.expires_at, timezone.now() + overlap)
        token.old_digest, token.old_expires_at = (old, ends) if overlap else (None, None)
        token.expires_at = expires_at
        secret = _new_secret(token)
        _check(token)
        save(token)
        trail.add("app_token.update", token, before=before, after={**told(token), "old_secret_until": _moment(ends)})
    return token, secret


def revoke_app_token(*, actor: Actor, token: AppToken) -> None:
    """Refuse both its secrets from the next request on. Raises Denied, Conflict where it was revoked already."""
    with recording(actor) as trail:
        token = _lock(token)
        actor.require("delete", token)
        trail.add("app_token.delete", token, before=told(token))
        token.delete()


def told(token: AppToken) -> dict[str, Any]:
    """A token as the audit trail tells it."""
    return {
        "role": token.role.full_name,
        "label": token.selector,
        "expires": _moment(token.expires_at),
        "begins_with": shown_prefix(token),
    }


def _new_secret(token: AppToken) -> str:
    secret = f"{shown_prefix(token)}{secrets.token_urlsafe(32)}"
    token.digest = AppToken.digest_of(secret)
    return secret


def _lock(token: AppToken) -> AppToken:
    rows = AppToken.objects.select_for_update(of=("self",)).select_related("made_by", "project", "role__catalogue")
    found = rows.filter(pk=token.pk).first()
    if found is None:
        raise Conflict(f"{token} was revoked already.")
    return found


def _check(token: AppToken) -> None:
    """Raises ValidationError by field."""
    wrong = {}
    if token.role not in offered_roles():
        wrong["role"] = "An app token cannot have this role."
    if token.selector and not LABEL.fullmatch(token.selector):
        wrong["selector"] = "Write a label as name=value, without blanks."
    longest, now = longest_life(), timezone.now()
    if not now < token.expires_at <= now + longest:
        wrong["expires_at"] = f"Choose a day within the next {longest.days} days."
    if wrong:
        raise ValidationError(wrong)
    token.full_clean(exclude=["project", "made_by", "role"])


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
