"""Getting identity tokens and taking them back.

Tries of a password count together with those of the console's sign-in page, and are refused before anything is hashed. A
service shows one of its tokens in the place of a password: those are random, and need no slow hash.
"""

from __future__ import annotations

from django.db.models import Q
from django.utils import timezone

from accounts.models import Project, ServiceToken, User
from policies.actions import sign_in
from policies.actor import Actor
from policies.audit import recording
from policies.last_used import touch
from policies.models import ApplicationCredential, RevokedToken
from policies.protected import At
from policies.rulebook import rulebook
from policies.tokens import ALLOW_EXPIRED, Credential, Token

TRIES_OF_CREDENTIAL = 10


def check_password(*, actor: Actor, username: str, password: str) -> User | None:
    """The project user or person of this username and password, else None. Every outcome hashes exactly once.

    A temporary password gets no token: it is changed in the console first. Raises TooManyTries.
    """
    return sign_in.check_credentials(actor=actor, username=username, password=password, why_not=_why_no_token)


def _why_no_token(user: User | None) -> str:
    if user is None:
        return "unknown username"
    if not user.is_active:
        return "disabled"
    if not user.has_usable_password():
        return "has no password"
    return "the password is temporary" if user.password_is_temporary else ""


def check_service_token(*, name: str, secret: str) -> ServiceToken | None:
    """The token of the service of this username or id, if it has this one and it is valid."""
    rows = ServiceToken.objects.valid().select_related("service").filter(digest=ServiceToken.digest_of(secret))
    token = rows.filter(service__kind=User.Kind.SERVICE).first()
    return token if token and name in (token.service.username, token.service.uid) else None


def check_application_credential(*, actor: Actor, which: Q, said: str, secret: str) -> ApplicationCredential | None:
    """The credential that is meant, if this is its secret and it is valid. `said`: the words that it was named by.

    Raises TooManyTries: users may bring secrets of their own, which might be guessed.
    """
    limits = sign_in.limits_of("application-credential", said, actor.address, TRIES_OF_CREDENTIAL)
    rows = ApplicationCredential.objects.valid().select_related("user", "project")
    credential = rows.filter(which).first()
    user = credential.user if credential else None
    sign_in.count_try(actor=actor, limits=limits, user=user, action="user.sign_in")
    if credential and credential.opens_with(secret):
        sign_in.forgive(limits)
        return credential
    with recording(actor) as trail:
        reason = {"reason": "wrong application credential"}
        trail.add("user.sign_in", user, outcome="refused", after=reason)
    return None


def got_token(*, actor: Actor, user: User, project: Project | None, credential: Credential | None = None) -> None:
    """Note that somebody got a token by what they showed; and when the user, and the credential, were used last."""
    shown = {"with": str(credential)} if credential else {}
    with recording(actor) as trail:
        trail.add("user.get_token", user, after={**shown, "project": project.name if project else ""}, scope=project)
        touch(credential or user, user.pk)


def revoke_token(*, actor: Actor, token: Token, by: Token) -> None:
    """Take a token back, and whatever was made from it: one's own, or for those who may `revoke` them. Raises Denied."""
    with recording(actor) as trail:
        if by.user != token.user:
            actor.require("revoke", At("identity_token", token.project or rulebook().root))
        now = timezone.now()
        RevokedToken.objects.filter(expires_at__lt=now).delete()
        row = RevokedToken(audit_id=token.claims.audit_id.hex(), expires_at=token.expires_at + ALLOW_EXPIRED)
        RevokedToken.objects.bulk_create([row], ignore_conflicts=True)
        trail.add("user.revoke_token", token.user, scope=token.project)
