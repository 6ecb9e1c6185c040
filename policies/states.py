"""What state a role assignment is in: in effect, or what keeps it from having any. In Python for a row, as Q for lists."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from django.db.models import Case, CharField, Q, Value, When
from django.db.models.functions import Now

from policies.holdings import LIVE
from policies.models import RoleAssignment
from policies.rulebook import Rulebook, rulebook

SOON = timedelta(days=7)


class State(StrEnum):
    """In this order: what stands first is said, whatever else is true."""

    EXPIRED = "expired"
    DISABLED = "disabled"  # its subject is
    SWITCHED_OFF = "switched_off"  # nobody has anything from the role now (RUN-07, RUN-08)
    PENDING = "pending"  # without effect until it is given at a narrower scope (RUN-05)
    IN_EFFECT = "in_effect"


class Told(NamedTuple):
    """A state, and why it is so as a sentence; none for what is in effect."""

    state: State
    why: str = ""


def state_of(assignment: RoleAssignment, now: datetime, book: Rulebook) -> Told:
    """The state at a moment; `now` is the database's."""
    role = assignment.role
    if assignment.expires_at is not None and assignment.expires_at <= now:
        return Told(State.EXPIRED, "It has ended.")
    if assignment.user is not None and not assignment.user.is_active:
        return Told(State.DISABLED, f"{assignment.user} is disabled.")
    if role.pk in book.switched_off:
        return Told(State.SWITCHED_OFF, why_switched_off(book, role.pk))
    if role.needs_scope and assignment.scope_id == book.root_id:
        return Told(State.PENDING, why_pending(role.binds))
    return Told(State.IN_EFFECT)


def why_switched_off(book: Rulebook, role_id: int) -> str:
    """ "Needs the module Inference, which is not installed." """
    why = book.switched_off[role_id]
    return f"{why[:1].upper()}{why[1:]}."


def why_pending(kinds: list[str]) -> str:
    return f"Without effect until it is given in a {' or '.join(kinds)}."


def in_state(state: str) -> Q:
    """The assignments that are in this state."""
    return _conditions(rulebook())[State(state)]


def ends_soon() -> Q:
    """Those in time that end within a week."""
    return Q(expires_at__gt=Now(), expires_at__lte=Now() + SOON)


def state_rank() -> Case:
    """To order by state: what is in effect first."""
    ranks = {State.IN_EFFECT: "1", State.PENDING: "2", State.SWITCHED_OFF: "3", State.DISABLED: "4", State.EXPIRED: "5"}
    found = _conditions(rulebook())
    return Case(*(When(found[state], then=Value(rank)) for state, rank in ranks.items()), output_field=CharField())


def _conditions(book: Rulebook) -> dict[State, Q]:
    off = Q(role__in=list(book.switched_off))
    pending = Q(scope=book.root_id, role__in=[pk for pk, role in book.roles.items() if role.needs_scope])
    enabled = Q(user=None) | Q(user__is_active=True)
    return {
        State.EXPIRED: Q(expires_at__lte=Now()),
        State.DISABLED: LIVE & Q(user__is_active=False),
        State.SWITCHED_OFF: LIVE & enabled & off,
        State.PENDING: LIVE & enabled & ~off & pending,
        State.IN_EFFECT: LIVE & enabled & ~off & ~pending,
    }
