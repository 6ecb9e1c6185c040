"""The installation itself: its first administrator. From a terminal only; no page leads here."""

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from accounts.models import Scope, User
from policies.actions.administrators import administrators, lock_administrators
from policies.actions.assignments import give_role
from policies.actions.users import add_person, enable_user, generate_password
from policies.actor import Actor
from policies.audit import recording
from policies.holdings import LASTING, holders, union
from policies.models import Role
from policies.naming import roles_for
from policies.rulebook import rulebook


def create_first_administrator(*, actor: Actor, username: str) -> tuple[User, str] | None:
    """Add a person who may administer the installation. None where somebody may already: nothing is done then.

    Returns the person and a temporary password. Raises Denied, ValidationError for a username that is taken, and where
    no role allows it.
    """
    with recording(actor):
        lock_administrators()
        if administrators().exists():
            return None
        user, secret = add_person(actor=actor, username=username, description="Administrator")
        for role in _roles_to_give():
            give_role(actor=actor, role=role, subject=user, scope=Scope.objects.root(), reason="first administrator")
    return user, secret


def reset_first_administrator(*, actor: Actor, username: str = "") -> tuple[User, str]:
    """Give the first administrator (or the one named) a new temporary password, and enable them.

    Raises Denied, ValidationError where there is none.
    """
    with recording(actor):
        found = _administrators_ever()
        user = (found.filter(username=username.lower()) if username else found).first()
        if user is None:
            raise ValidationError(
                f"{username} is not an administrator."
                if username
                else "There is no administrator: bootstrap makes one."
            )
        user = enable_user(actor=actor, user=user)
        secret = generate_password(actor=actor, user=user)
        user.refresh_from_db()
    return user, secret


def _administering_roles() -> set[int]:
    """Row numbers of the roles that allow to administer the installation, as the rules say."""
    book = rulebook()
    if book.type_called("installation") is None:  # before the first catalogue is loaded
        return set()
    lines = book.rules_for("administer", book.type_id("installation"))
    return {line.role_id for line in lines if not line.conditions} - book.switched_off.keys()


def _roles_to_give() -> list[Role]:
    """Those of them that a person can hold in the organization."""
    allowing = _administering_roles()
    roles = [
        role
        for role in roles_for(User.Kind.PERSON)
        if role.pk in allowing and (not role.binds or Scope.Kind.ORGANIZATION in role.binds)
    ]
    if not roles:
        raise ValidationError("No role allows to administer the installation: load the catalogues.")
    return roles


def _administrators_ever() -> QuerySet[User]:
    """People who hold such a role without end, the disabled ones too; the first is the one who was there first."""
    holding = holders(_administering_roles(), {rulebook().root_id}, LASTING)
    return User.objects.people().filter(pk__in=union(holding), is_sample=False).order_by("created_at", "pk")
