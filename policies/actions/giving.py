"""Giving many roles at once: each is an action of its own, with a result of its own."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError

from accounts.models import Scope, User
from policies.actions.assignments import give_role
from policies.actor import Actor
from policies.errors import Conflict, Denied
from policies.giving import Combination, Effect, foresee, why_denied
from policies.models import Role, RoleAssignment

MOST = 500  # combinations at once


@dataclass(frozen=True)
class Result:
    """What became of one combination: "given", "held" or "refused", and why."""

    assignment: RoleAssignment
    outcome: str
    why: str = ""


def give_roles(
    *,
    actor: Actor,
    subjects: Collection[User | Group],
    roles: Collection[Role],
    scopes: Collection[Scope],
    expires_at: datetime | None = None,
    reason: str = "",
) -> list[Result]:
    """Give each role to each subject in each scope, as far as the actor may. What is refused stops none of the others.

    Raises ValueError for more than MOST combinations.
    """
    if len(subjects) * len(roles) * len(scopes) > MOST:
        raise ValueError(f"At most {MOST} at once.")
    return [_give(actor, combination, expires_at, reason) for combination in foresee(actor, subjects, roles, scopes)]


def _give(actor: Actor, combination: Combination, expires_at: datetime | None, reason: str) -> Result:
    wanted = combination.assignment
    if combination.effect == Effect.UNFIT:
        return Result(wanted, "refused", combination.why)
    try:
        given = give_role(
            actor=actor,
            role=wanted.role,
            subject=wanted.subject,
            scope=wanted.scope,
            expires_at=expires_at,
            reason=reason,
        )
    except Denied:
        return Result(wanted, "refused", why_denied(wanted))
    except Conflict as gone:
        return Result(wanted, "refused", str(gone))
    except ValidationError as error:
        return Result(wanted, "refused", " ".join(error.messages))
    if combination.effect == Effect.HELD:
        return Result(given, "held", combination.why)
    return Result(given, "given", combination.why)
