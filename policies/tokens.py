"""Identity tokens: short signed texts that are stored nowhere.

A token says who, in which project, by which methods and until when. Whether it still opens anything, and with which roles,
is asked of the database each time it is shown: a role taken away, a new password, a disabled user and a deleted project
end it at once, on every worker.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import Project, ServiceToken, User
from policies.models import ApplicationCredential, EC2Credential, Role

PREFIX = "roster_t_"  # programs that look for lost secrets find a token by it
METHODS = ("password", "token", "application_credential", "ec2credential")
VERSION = 1
# Services that finish what somebody began may ask about a token that expired meanwhile.
ALLOW_EXPIRED = timedelta(hours=48)

# Version, methods, kind of credential; user, project, credential, own audit id, that of the first token; fingerprint of the
# password; issued and expires in microseconds.
CLAIMS = struct.Struct(">BBB16s16s16s16s16s8sQQ")
MAC_BYTES = 32
NONE = bytes(16)
CREDENTIALS = (ApplicationCredential, ServiceToken, EC2Credential)
Credential = ApplicationCredential | ServiceToken | EC2Credential


class InvalidToken(Exception):
    """No token of ours, or one that opens nothing any more. Whoever shows it is told no more than that."""


@dataclass(frozen=True)
class Token:
    """A token that is valid now. `roles` are those that its user holds in its project at this moment."""

    user: User
    project: Project | None
    roles: tuple[Role, ...]
    methods: tuple[str, ...]
    audit_ids: tuple[str, ...]  # its own, and behind it that of the token that it began with
    issued_at: datetime
    expires_at: datetime
    credential: ApplicationCredential | None = None

    @property
    def is_restricted(self) -> bool:
        """Whether a restricted application credential stands behind it: it reads, and changes nothing."""
        return self.credential is not None and not self.credential.is_unrestricted


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
    one ends with it, and no later. Raises KeyError for an unknown method.
    """
    raise NotImplementedError


def read(text: str, *, allow_expired: bool = False) -> Token:
    """The token of a text. Raises InvalidToken for whatever is wrong with it.

    `allow_expired`: also one that expired in the last 48 hours.
    """
    raise NotImplementedError


def effective_roles(user: User, project: Project) -> list[Role]:
    """The roles that the user was given, or a group of theirs, in the project or above it, and that have effect there now."""
    raise NotImplementedError
