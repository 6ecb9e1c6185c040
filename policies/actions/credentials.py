"""What users make for their programs: application credentials and S3 keys. Users make them for themselves alone.

A credential never opens more, nor longer, than what it was made with (security 17): roles are among those of the token, and
what was signed in with an application credential makes no S3 keys, which could not be held to its roles.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import UTC, datetime

from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import Project, User
from policies.actions.saving import save
from policies.actions.users import lock
from policies.actor import Actor
from policies.audit import recording
from policies.ec2 import secret_of
from policies.errors import Conflict, Denied
from policies.models import ApplicationCredential, EC2Credential, Role
from policies.protected import At
from policies.tokens import Token, effective_roles

MOST = 100  # of each kind, for one user
SHORTEST = 32  # characters of a secret that somebody brings: nothing that can be guessed

Credential = ApplicationCredential | EC2Credential


def create_application_credential(
    *,
    actor: Actor,
    token: Token,
    name: str,
    secret: str = "",
    description: str = "",
    roles: Collection[Role] | None = None,
    expires_at: datetime | None = None,
    is_unrestricted: bool = False,
) -> tuple[ApplicationCredential, str]:
    """Make a credential for the user and project of a token. Returns it and its secret, of which only a digest is kept.

    `roles`: some of the token's; all of them where it is None. An expiry that the token's own credential has is the latest.
    Raises Denied, ValidationError by field.
    """
    credential = ApplicationCredential(
        user=token.user,
        project=_project_of(token),
        name=name.strip(),
        description=description.strip(),
        expires_at=expires_at,
        is_unrestricted=is_unrestricted,
    )
    secret = secret or secrets.token_urlsafe(48)
    credential.digest = credential.digest_of(secret)
    with recording(actor) as trail:
        _require_own(actor, token, "create", credential)
        user = lock(token.user)
        _check_number(user.application_credentials.count())
        if len(secret) < SHORTEST:
            said = f"Use at least {SHORTEST} random characters, or leave it out: then one is made."
            raise ValidationError({"secret": said})
        credential.expires_at = _end(token, expires_at)
        given = _some_of(token, roles)
        credential.full_clean(exclude=["user", "project"])
        save(credential)
        credential.roles.set(given)
        trail.add("application_credential.create", user, after=_told(credential), scope=credential.project)
    return credential, secret


def delete_application_credential(
    *, actor: Actor, credential: ApplicationCredential, token: Token | None = None
) -> None:
    """Refuse the credential, and tokens made with it, from the next request on. `token`: what the actor shows, if any.

    For its user, and whoever may give that user a new password. Raises Denied, Conflict where it is gone already.
    """
    with recording(actor) as trail:
        _require_manages(actor, token, "delete", credential)
        before = _told(credential)
        gone, _ = ApplicationCredential.objects.filter(pk=credential.pk).delete()
        if not gone:
            raise Conflict(f"{credential} was deleted already.")
        trail.add("application_credential.delete", credential.user, before=before, scope=credential.project)


def create_ec2_credential(*, actor: Actor, token: Token, project: Project) -> tuple[EC2Credential, str]:
    """Make S3 keys for the user of a token in a project where they hold a role. Returns them and their secret.

    Raises Denied, ValidationError.
    """
    credential = EC2Credential(user=token.user, project=project)
    with recording(actor) as trail:
        _require_own(actor, token, "create", credential)
        user = lock(token.user)
        if token.is_bound or not effective_roles(user, project):
            raise _denied("create", credential)
        _check_number(user.ec2_credentials.count())
        credential.save()
        trail.add("ec2_credential.create", user, after={"keys": credential.access}, scope=project)
    return credential, secret_of(credential.access)


def delete_ec2_credential(*, actor: Actor, credential: EC2Credential, token: Token | None = None) -> None:
    """Refuse what is signed with the keys from the next request on. Otherwise as delete_application_credential."""
    with recording(actor) as trail:
        _require_manages(actor, token, "delete", credential)
        gone, _ = EC2Credential.objects.filter(pk=credential.pk).delete()
        if not gone:
            raise Conflict(f"{credential} was deleted already.")
        trail.add(
            "ec2_credential.delete", credential.user, before={"keys": credential.access}, scope=credential.project
        )


def delete_credentials(*, actor: Actor, user: User) -> None:
    """Delete all application credentials and S3 keys of a user, or none. Raises Denied, Conflict."""
    with recording(actor):
        for credential in user.application_credentials.select_related("user", "project"):
            delete_application_credential(actor=actor, credential=credential)
        for keys in user.ec2_credentials.select_related("user", "project"):
            delete_ec2_credential(actor=actor, credential=keys)


def key_count(user: User) -> int:
    """How many application credentials and S3 keys a user has."""
    return user.application_credentials.count() + user.ec2_credentials.count()


def manages_credentials(actor: Actor, user: User) -> bool:
    """Whether the actor may list and take back a user's credentials: their own, and those of whom they could lock out."""
    return user.is_active if actor.user == user else actor.may(_managing(user), user)


def _managing(user: User) -> str:
    """The action that decides about somebody else's credentials."""
    return "update" if user.is_service else "generate_password"


def _denied(action: str, credential: Credential) -> Denied:
    kind = "application_credential" if isinstance(credential, ApplicationCredential) else "ec2_credential"
    return Denied(action, At(kind, credential.project))


def _require_own(actor: Actor, token: Token, action: str, thing: Credential) -> None:
    """Only the user, for themselves. Raises Denied."""
    if not (actor.user == token.user == thing.user and token.user.is_active and _may_change(token)):
        raise _denied(action, thing)


def _require_manages(actor: Actor, token: Token | None, action: str, thing: Credential) -> None:
    if actor.user != thing.user:
        actor.require(_managing(thing.user), thing.user)
    if not (manages_credentials(actor, thing.user) and (token is None or _may_change(token))):
        raise _denied(action, thing)


def _may_change(token: Token) -> bool:
    """Signed in with a password, or with an application credential that was made for this; not with S3 keys, nor as a
    service: what those make would outlive them."""
    return not token.is_bound or (token.credential is not None and not token.is_restricted)


def _project_of(token: Token) -> Project:
    if token.project is None:
        raise ValidationError("Sign in to a project: an application credential belongs to one.")
    return token.project


def _check_number(number: int) -> None:
    if number >= MOST:
        raise ValidationError(f"At most {MOST} for one user. Delete some of them first.")


def _end(token: Token, asked: datetime | None) -> datetime | None:
    if asked is not None and asked <= timezone.now():
        raise ValidationError({"expires_at": "This has passed already."})
    latest = token.credential.expires_at if token.credential else None
    if latest is None or (asked is not None and asked <= latest):
        return asked
    if asked is None:
        return latest
    raise ValidationError({"expires_at": "It cannot outlive the credential that makes it."})


def _some_of(token: Token, wanted: Collection[Role] | None) -> list[Role]:
    """The roles that are given on: among those of the token, and held at this moment."""
    assert token.project is not None
    now = {role.pk for role in effective_roles(token.user, token.project)}
    held = [role for role in token.roles if role.pk in now]
    given = held if wanted is None else list(wanted)
    if not given:
        raise ValidationError({"roles": "Name at least one role."})
    if lacking := [role.full_name for role in given if role not in held]:
        raise ValidationError({"roles": f"You do not hold {', '.join(lacking)} in {token.project}."})
    return given


def _told(credential: ApplicationCredential) -> dict[str, str | list[str] | bool]:
    ends = credential.expires_at
    return {
        "credential": credential.name,
        "with_roles": sorted(role.full_name for role in credential.roles.select_related("catalogue")),
        "unrestricted": credential.is_unrestricted,
        "expires": ends.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if ends else "",
    }
