"""A project user's own username and password, shown with every request.

To hash a password with each request would be too slow, so that one which was right is remembered for a few minutes, in the
memory of this process alone and under a key of this process alone. What is remembered is worth nothing as soon as the user
has another password, is disabled or is gone: the user's row is read every time.
"""

from __future__ import annotations

import hmac
import secrets
import time

from django.http import HttpRequest

from accounts.models import User
from console.signing_in import one_of_few, visitor
from policies.actions.tokens import check_password
from policies.last_used import touch

KEY = secrets.token_bytes(32)
REMEMBERED_SECONDS = 300
MOST = 4096  # passwords that are remembered at once

# {mark of username and password: (row number, mark of the stored password, when it is forgotten)}
_right: dict[bytes, tuple[int, bytes, float]] = {}


def check_basic(request: HttpRequest, username: str, password: str) -> User | None:
    """The project user of this username and password, else None. Raises TooManyTries before anything is hashed."""
    if not username or not password or "\x00" in username:
        return None
    mark = _mark(username, password)
    user = _remembered(mark)
    if user is None:
        with one_of_few():
            user = check_password(actor=visitor(request), username=username, password=password)
        if user is None or not user.is_project_user:
            return None
        _remember(mark, user)
    touch(user, user.pk)
    return user


def _remembered(mark: bytes) -> User | None:
    pk, stored, until = _right.get(mark, (0, b"", 0.0))
    if time.monotonic() > until:
        return None
    user: User | None = User.objects.project_users().filter(pk=pk, is_active=True).select_related("project").first()
    return user if user and hmac.compare_digest(_mark(user.password), stored) else None


def _remember(mark: bytes, user: User) -> None:
    now = time.monotonic()
    if len(_right) >= MOST:
        for old in [old for old, (_, _, until) in list(_right.items()) if until < now]:
            _right.pop(old, None)
    if len(_right) >= MOST:
        _right.clear()
    _right[mark] = (user.pk, _mark(user.password), now + REMEMBERED_SECONDS)


def _mark(*texts: str) -> bytes:
    return hmac.digest(KEY, "\x00".join(texts).encode("utf-8", "surrogatepass"), "sha256")
