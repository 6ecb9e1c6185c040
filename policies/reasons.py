"""Decisions in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import Group

from accounts.models import Scope
from policies.holdings import Subject
from policies.models import Role
from policies.rulebook import Rulebook

if TYPE_CHECKING:
    from policies.access import Candidate


def reasons_for(
    subject: Subject, action: str, thing: Any, candidates: Iterable[Candidate], *, beyond: bool, shared: bool
) -> tuple[str, ...]:
    """Sentences: what allows the action, or else each thing that is missing."""
    from policies.access import type_id

    if beyond:
        return ("It lies outside the clusters that this user is bound to.",)
    met = [candidate for candidate in candidates if not candidate.missing]
    said = [_granted(subject, candidate) for candidate in met]
    if shared:
        said.append("It is shared with this user or one of their groups.")
    if said:
        return tuple(dict.fromkeys(said))
    near = sorted(candidates, key=lambda candidate: len(candidate.missing))
    if near:
        return tuple(
            dict.fromkeys(f"{_held(subject, c)}, but {' and '.join(m.sentence for m in c.missing)}." for c in near)
        )
    names = [str(role) for role in roles_that_allow(subject.book, action, type_id(subject.book, thing))]
    return (f"Holds none of the roles that allow it: {', '.join(names)}." if names else "No role allows it.",)


def roles_that_allow(book: Rulebook, action: str, type_id: int) -> list[Role]:
    """The roles in effect with a rule that speaks of the action, also through what they include; by name."""
    ruled = {line.role_id for line in book.rules_for(action, type_id)}
    allowing = [role for pk, role in book.roles.items() if ruled & book.held_with[pk] and pk not in book.switched_off]
    return sorted(allowing, key=str)


def _granted(subject: Subject, candidate: Candidate) -> str:
    where = [condition.sentence for condition in candidate.line.conditions]
    return _held(subject, candidate) + (
        f", which allows it where {' and '.join(where)}." if where else ", which allows it."
    )


def _held(subject: Subject, candidate: Candidate) -> str:
    holding, roles = candidate.holding, subject.book.roles
    role = (
        f"{roles[holding.role_id]}, part of {roles[holding.included_in]},"
        if holding.included_in
        else str(roles[holding.role_id])
    )
    place = Scope.objects.get(pk=holding.scope_id)
    if holding.assignment_id is None:
        return f"Holds {role} as everybody does"
    if holding.group_id:
        return f"Is in group {Group.objects.get(pk=holding.group_id)}, which holds {role} in {place}"
    return f"Holds {role} in {place}"
