"""Decisions in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
    """Sentences: what allows the action, or else each thing that is missing. At most two queries."""
    from policies.access import type_id

    if beyond:
        return ("It lies outside the clusters that this user is bound to.",)
    every = list(candidates)
    met = [candidate for candidate in every if not candidate.missing]
    near = [] if met or shared else sorted(every, key=lambda candidate: len(candidate.missing))
    told = _Told.of(subject.book, [*met, *near])
    said = [told.granted(candidate) for candidate in met]
    if shared:
        said.append("It is shared with this user or one of their groups.")
    said += [f"{told.held(c)}, but {' and '.join(m.sentence for m in c.missing)}." for c in near]
    if said:
        return tuple(dict.fromkeys(said))
    names = [str(role) for role in roles_that_allow(subject.book, action, type_id(subject.book, thing))]
    return (f"Holds none of the roles that allow it: {', '.join(names)}." if names else "No role allows it.",)


def roles_that_allow(book: Rulebook, action: str, type_id: int) -> list[Role]:
    """The roles in effect with a rule that speaks of the action, also through what they include; by name."""
    ruled = {line.role_id for line in book.rules_for(action, type_id)}
    allowing = [role for pk, role in book.roles.items() if ruled & book.held_with[pk] and pk not in book.switched_off]
    return sorted(allowing, key=str)


@dataclass(frozen=True)
class _Told:
    """Candidates in words, with the names of their places and groups read at once."""

    book: Rulebook
    places: dict[int, Scope]
    groups: dict[int, Group]

    @classmethod
    def of(cls, book: Rulebook, candidates: Sequence[Candidate]) -> _Told:
        groups = {c.holding.group_id for c in candidates if c.holding.group_id}
        places = {c.holding.scope_id for c in candidates if c.holding.assignment_id}
        return cls(book, Scope.objects.in_bulk(places), Group.objects.in_bulk(groups))

    def granted(self, candidate: Candidate) -> str:
        where = [condition.sentence for condition in candidate.line.conditions]
        allows = f"which allows it where {' and '.join(where)}." if where else "which allows it."
        return f"{self.held(candidate)}, {allows}"

    def held(self, candidate: Candidate) -> str:
        holding, roles = candidate.holding, self.book.roles
        role = str(roles[holding.role_id])
        if holding.included_in:
            role = f"{role}, part of {roles[holding.included_in]},"
        if holding.assignment_id is None:
            return f"Holds {role} as everybody does"
        if holding.group_id:
            return f"Is in group {self.groups[holding.group_id]}, which holds {role} in {self.places[holding.scope_id]}"
        return f"Holds {role} in {self.places[holding.scope_id]}"
