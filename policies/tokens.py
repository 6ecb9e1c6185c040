"""Identity tokens: short signed texts that are stored nowhere.

A token says who, in which project, by which methods and until when. Whether it still opens anything, and with which roles,
is asked of the database each time it is shown: a role taken away, a new password, a disabled user and a deleted project
end it at once, on every worker.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from secrets import token_bytes
from struct import Struct
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Project, ServiceToken, User
from policies import token_rows
from policies.access import may, outside, walk
from policies.compiled import Compiled
from policies.holdings import Subject, subjects_around
from policies.models import ApplicationCredential, EC2Credential, Role
from policies.protected import At
from policies.rulebook import rulebook
from policies.token_rows import EPOCH

ALPHABET = b"-_"  # of base64, in the place of + and /
PREFIX = "roster_t_"  # programs that look for lost secrets find a token by it
METHODS = ("password", "token", "application_credential", "ec2credential")
# What can be shown instead of a password, and the name of its id.
CREDENTIALS: dict[type, str] = {ApplicationCredential: "uid", ServiceToken: "uid", EC2Credential: "access"}
# Services that finish what somebody began may ask about a token that expired meanwhile.
ALLOW_EXPIRED = timedelta(hours=48)

VERSION = 1
# In the order of Claims, behind the version. Ids are kept as bytes, times as microseconds, methods as bits. With the mac
# the length is a multiple of three: base64 then has one way to write it, without padding.
LAYOUT = Struct(">BBB16s16s16s16s16s10sQQ")
MAC_BYTES = 32
FINGERPRINT_BYTES = 10
TEXT_LENGTH = len(PREFIX) + (LAYOUT.size + MAC_BYTES) * 4 // 3
NOTHING = bytes(16)
MICROSECOND = timedelta(microseconds=1)

Credential = ApplicationCredential | ServiceToken | EC2Credential


class InvalidToken(Exception):
    """No token of ours, or one that opens nothing any more. Whoever shows it is told no more than that."""


class Claims(NamedTuple):
    """What a token says, as it stands in its text."""

    methods: int
    credential_kind: int  # 0: a password; else the place in CREDENTIALS, from 1
    user: bytes
    project: bytes
    credential: bytes
    audit_id: bytes
    first_audit_id: bytes  # of the token that it began with
    fingerprint: bytes  # of the user's password
    issued: int
    expires: int


@dataclass(frozen=True)
class Token:
    """A token that is valid now. `roles` are those that its user holds in its project at this moment.

    Behind an application credential nothing counts that its user may do by other roles than the credential's.
    """

    user: User
    project: Project | None
    roles: tuple[Role, ...]
    methods: tuple[str, ...]
    audit_ids: tuple[str, ...]  # its own, and behind it that of the token that it began with
    issued_at: datetime
    expires_at: datetime
    credential: ApplicationCredential | None
    claims: Claims = field(repr=False)
    # What the user holds around the project, and around that of the token read together with this one.
    holder: Subject = field(repr=False)

    @property
    def is_restricted(self) -> bool:
        """Whether a restricted application credential stands behind it: it reads, and changes nothing."""
        return self.credential is not None and not self.credential.is_unrestricted

    @property
    def is_bound(self) -> bool:
        """Whether it was made with a credential, which opens one project only, or is a service's own."""
        return self.claims.credential_kind != 0

    @property
    def is_of_one_project(self) -> bool:
        """Whether it was made with a credential that is for one project, and so cannot be changed for another's."""
        kinds = (0, *CREDENTIALS)
        return kinds[self.claims.credential_kind] in (ApplicationCredential, EC2Credential)

    def may(self, action: str, other: Token) -> bool:
        """Whether its user may do this with a token that was read together with it: where that one holds, or anywhere."""
        thing = At("identity_token", other.project or self.holder.book.root)
        if self.user.only_roles is not None:  # the holder knows them all
            return may(self.user, action, thing)
        allowed = any(not candidate.missing for candidate in walk(self.holder, action, thing))
        return allowed and not outside(self.holder, thing)


def issue(
    user: User,
    project: Project | None,
    methods: Sequence[str],
    *,
    credential: Credential | None = None,
    parent: Token | None = None,
) -> str:
    """The text of a new token. What was checked to get it is the caller's matter; `read` tells whether it opens anything.

    `credential`: what was shown instead of a password; the token ends with it. `parent`: the token that was shown; the new
    one ends with it, and no later. Raises ValueError for an unknown method.
    """
    now = timezone.now()
    ends = [now + timedelta(seconds=settings.ROSTER_TOKEN_SECONDS)]
    kind, shown, first = 0, NOTHING, NOTHING
    if credential is not None:
        kind = list(CREDENTIALS).index(type(credential)) + 1
        shown = bytes.fromhex(getattr(credential, CREDENTIALS[type(credential)]))
        ends += [ends_at] if (ends_at := getattr(credential, "expires_at", None)) else []
    if parent is not None:
        kind, shown = parent.claims.credential_kind, parent.claims.credential
        first = parent.claims.audit_id if parent.claims.first_audit_id == NOTHING else parent.claims.first_audit_id
        ends.append(parent.expires_at)
    key = _keys(settings.SECRET_KEY)[0]
    claims = Claims(
        methods=sum(1 << METHODS.index(method) for method in set(methods)),
        credential_kind=kind,
        user=bytes.fromhex(user.uid),
        project=bytes.fromhex(project.uid) if project else NOTHING,
        credential=shown,
        audit_id=token_bytes(16),
        first_audit_id=first,
        fingerprint=_fingerprint(key, user.password),
        issued=_microseconds(now),
        expires=_microseconds(min(ends)),
    )
    said = LAYOUT.pack(VERSION, *claims)
    return PREFIX + b64encode(said + hmac.digest(key, said, "sha256"), ALPHABET).decode()


def read(text: str, *, allow_expired: bool = False) -> Token:
    """The token of a text. Raises InvalidToken for whatever is wrong with it.

    `allow_expired`: also one that expired in the last 48 hours.
    """
    token = read_together((text, allow_expired))[0]
    if token is None:
        raise InvalidToken
    return token


def read_together(*shown: tuple[str, bool]) -> list[Token | None]:
    """What `read` gives for one or two pairs of text and `allow_expired`, None where it raises: in as many queries as one."""
    opened = {number: claims for number, pair in enumerate(shown) if (claims := _opened(*pair))}
    rows = token_rows.find({number: claims for number, (_, claims) in opened.items()}) if opened else {}
    rows = {number: row for number, row in rows.items() if _still_stands(*opened[number], row)}
    found: dict[int, Token | None] = {}
    if rows:
        scopes = {rulebook().root_id}.union(*(row.project.ancestor_ids for row in rows.values() if row.project))
        holders = subjects_around([row.user for row in rows.values()], scopes)
        found = {
            number: _token(opened[number][1], row, holder)
            for (number, row), holder in zip(rows.items(), holders, strict=True)
        }
    return [found.get(number) for number in range(len(shown))]


def effective_roles(user: User, project: Project) -> list[Role]:
    """The roles that the user was given, or a group of theirs, in the project or above it, and that have effect there now."""
    return _effective(subjects_around([user], project.ancestor_ids)[0], project)


def _opened(text: str, allow_expired: bool) -> tuple[bytes, Claims] | None:
    """The key that signed a text, and what it says; None where no key of ours did, or where it has expired."""
    if len(text) != TEXT_LENGTH or not text.startswith(PREFIX):
        return None
    try:
        whole = b64decode(text[len(PREFIX) :], ALPHABET, validate=True)
    except ValueError:
        return None
    said, mac = whole[: LAYOUT.size], whole[LAYOUT.size :]
    for key in _keys(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        if hmac.compare_digest(mac, hmac.digest(key, said, "sha256")):
            version, *members = LAYOUT.unpack(said)
            claims = Claims(*members)
            end = claims.expires + (ALLOW_EXPIRED // MICROSECOND if allow_expired else 0)
            return (key, claims) if version == VERSION and _microseconds(timezone.now()) < end else None
    return None


def _still_stands(key: bytes, claims: Claims, row: token_rows.Row) -> bool:
    """Whether the user still has the password that they had, and the project is still there."""
    return (claims.project == NOTHING or row.project is not None) and hmac.compare_digest(
        claims.fingerprint, _fingerprint(key, row.user.password)
    )


def _token(claims: Claims, row: token_rows.Row, holder: Subject) -> Token | None:
    """None where the user has no role in the project any more, or an application credential none of its own."""
    roles = _effective(holder, row.project) if row.project else []
    if row.credential:
        kept = row.user.only_roles = frozenset(role for (role,) in _roles_of_credential(row.credential.pk))
        roles = [role for role in roles if role.pk in kept]
    if row.project and not roles:
        return None
    return Token(
        user=row.user,
        project=row.project,
        roles=tuple(roles),
        methods=tuple(method for bit, method in enumerate(METHODS) if claims.methods >> bit & 1),
        audit_ids=tuple(_shown_id(one) for one in (claims.audit_id, claims.first_audit_id) if one != NOTHING),
        issued_at=EPOCH + claims.issued * MICROSECOND,
        expires_at=EPOCH + claims.expires * MICROSECOND,
        credential=row.credential,
        claims=claims,
        holder=holder,
    )


def _effective(subject: Subject, project: Project) -> list[Role]:
    """Without what everybody holds: that opens pages, no project."""
    if outside(subject, project):
        return []
    above = frozenset(project.ancestor_ids)
    return [
        role
        for pk, role in subject.book.roles.items()
        if pk in subject.role_ids
        and any(h.in_effect and h.scope_id in above for h in subject.held(pk) if h.assignment_id is not None)
    ]


@Compiled
def _roles_of_credential(credential: int) -> QuerySet[Any]:
    return ApplicationCredential.roles.through.objects.filter(applicationcredential=credential).values_list("role")


def _shown_id(one: bytes) -> str:
    """22 characters."""
    return b64encode(one, ALPHABET).decode().rstrip("=")


def _microseconds(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


def _fingerprint(key: bytes, password: str) -> bytes:
    """Another one as soon as the password is another one; it tells nothing about it."""
    return hmac.digest(key, password.encode(), "sha256")[:FINGERPRINT_BYTES]


@lru_cache
def _keys(*secrets: str) -> list[bytes]:
    """One key for each key of the installation: the first signs, all of them verify."""
    return [hmac.digest(secret.encode(), b"policies.tokens", "sha256") for secret in secrets]
