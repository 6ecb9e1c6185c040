"""The last administrator is safe from every path (RUN-22).

An administrator is whoever may `administer` the `installation`, without end: which role allows that is the catalogue's
matter. Whatever can take it away does so inside `keep_an_administrator`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from accounts.models import Scope, User
from policies.access import people_who_may
from policies.holdings import LASTING
from policies.protected import At
from policies.rulebook import UnknownQuestion, rulebook

MESSAGE = "This is the last administrator. Make somebody else an administrator first."


@contextmanager
def keep_an_administrator(user: User | None = None) -> Iterator[None]:
    """Raises ValidationError when the body leaves no administrator behind, and there was one before it.

    The root's row is locked meanwhile: of two requests that each take away another administrator, the second waits and
    then sees that it is the last. `user`: the only one the body touches; a project user is never an administrator.
    """
    if user is not None and user.is_project_user:
        yield
        return
    lock_administrators()
    had = administrators().exists()
    yield
    if had and not administrators().exists():
        raise ValidationError(MESSAGE, code="last_administrator")


def lock_administrators() -> None:
    """Until the transaction ends nobody else becomes or stops being an administrator."""
    Scope.objects.select_for_update(no_key=True).filter(pk=rulebook().root_id).first()


def administrators() -> QuerySet[User]:
    """Enabled people with a password of their own who may administer the installation, through roles that do not end.

    Nobody of the sample counts: its removal would end them.
    """
    try:
        who = people_who_may("administer", At("installation", rulebook().root), LASTING)
    except UnknownQuestion:  # before the first catalogue is loaded
        return User.objects.none()
    return who.filter(kind=User.Kind.PERSON, is_sample=False).exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)
