"""The conditions of a rule. Each is asked in three notations, written side by side so that they can be compared:

    holds(subject, thing, seen)    is it true for this subject and this object?    Python
    things(subject, seen)          for which objects is it true?                   Q over the protected model
    people(thing, seen)            for which users is it true?                     Q over User

`seen` says where the object keeps what the condition asks about (policies.protected).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Q, prefetch_related_objects

from policies.protected import Protected, value

if TYPE_CHECKING:
    from policies.holdings import Subject
    from policies.models import Resource, Rule

NOTHING = Q(pk__in=())
LISTS = ("listed_roles", "tags__roles")  # where a resource lists roles: for prefetch_related


class Condition:
    sentence: str
    of_the_object_alone = False  # where it is, holds() answers for everybody: people() is not asked
    met_by_few = False  # of all objects: a list begins with those

    def holds(self, subject: Subject, thing: Any, seen: Protected) -> bool:
        raise NotImplementedError

    def things(self, subject: Subject, seen: Protected) -> Q:
        raise NotImplementedError

    def people(self, thing: Any, seen: Protected) -> Q:
        raise NotImplementedError


@dataclass(frozen=True)
class Owner(Condition):
    """The subject owns the object (or, `parent`, the object's parent)."""

    parent: bool = False
    met_by_few = True

    @property
    def sentence(self) -> str:  # type: ignore[override]
        return "they own what it belongs to" if self.parent else "they own it"

    def path(self, seen: Protected) -> str:
        return seen.parent_owner if self.parent else seen.owner

    def holds(self, subject: Subject, thing: Any, seen: Protected) -> bool:
        return self.owner(thing, seen) == subject.user.pk

    def things(self, subject: Subject, seen: Protected) -> Q:
        return Q(**{self.path(seen): subject.user.pk}) if self.path(seen) else NOTHING

    def people(self, thing: Any, seen: Protected) -> Q:
        return Q(pk=self.owner(thing, seen)) if self.owner(thing, seen) else NOTHING

    def owner(self, thing: Any, seen: Protected) -> int | None:
        return value(thing, self.path(seen)) if self.path(seen) else None


@dataclass(frozen=True)
class Listed(Condition):
    """The object, or one of its tags, lists a role that the subject holds."""

    sentence = "it, or one of its tags, lists a role that they hold"
    met_by_few = True

    def holds(self, subject: Subject, thing: Any, seen: Protected) -> bool:
        return seen.listed and not subject.role_ids.isdisjoint(listed_role_ids(thing))

    def things(self, subject: Subject, seen: Protected) -> Q:
        if not seen.listed:
            return NOTHING
        from policies.models import Resource

        listing, tagging = Resource.listed_roles.through.objects, Resource.tags.through.objects
        return Q(
            pk__in=listing.filter(role__in=subject.role_ids)
            .values("resource")
            .union(tagging.filter(tag__roles__in=subject.role_ids).values("resource"), all=True)
        )

    def people(self, thing: Any, seen: Protected) -> Q:
        from policies.holdings import holders, union

        return Q(pk__in=union(holders(listed_role_ids(thing)))) if seen.listed else NOTHING


@dataclass(frozen=True)
class Field(Condition):
    """A field of the object has one of these values: asked of the object alone, never of people."""

    name: str
    values: frozenset[Any]
    said: str
    of_the_object_alone = True

    @property
    def sentence(self) -> str:  # type: ignore[override]
        return f"its {self.name} is {self.said}"

    def holds(self, subject: Subject | None, thing: Any, seen: Protected) -> bool:
        return self.name in seen.fields and value(thing, seen.fields[self.name]) in self.values

    def things(self, subject: Subject, seen: Protected) -> Q:
        return Q(**{f"{seen.fields[self.name]}__in": self.values}) if self.name in seen.fields else NOTHING


def conditions_of(rule: Rule, roles_by_name: dict[str, int]) -> tuple[Condition, ...]:
    """The conditions of a rule. A field named `role` holds full names of roles; they become row numbers here, once."""
    found: list[Condition] = []
    if rule.owner:
        found.append(Owner())
    if rule.parent_owner:
        found.append(Owner(parent=True))
    if rule.listed:
        found.append(Listed())
    for name, values in sorted(rule.fields.items()):
        known = [roles_by_name.get(v, 0) for v in values] if name == "role" else values
        found.append(Field(name, frozenset(known), " or ".join(str(v) for v in values)))
    return tuple(found)


def listed_role_ids(thing: Resource) -> set[int]:
    """Row numbers of the roles that a resource or its tags list; none for one not saved yet."""
    if thing._state.adding:
        return set()
    prefetch_related_objects([thing], *LISTS)  # once, however many rules ask; lists have done it
    return {role.pk for role in thing.listed_roles.all()} | {
        role.pk for tag in thing.tags.all() for role in tag.roles.all()
    }
