"""What one user may do, kind by kind, with the conditions and the roles that it comes from; and through what many may."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.contrib.auth.models import Group
from django.db.models import QuerySet

from accounts.models import Scope, User
from policies.access import ancestor_ids, outside, type_id
from policies.conditions import Condition
from policies.holdings import LIVE, Holding, Subject, memberships, subject_for
from policies.models import EntityType, Role, RoleAssignment
from policies.protected import PROTECTED, At, Protected, entity_type_of
from policies.rulebook import Rulebook, rulebook
from policies.sentences import said

ROWS_AT_ONCE = 500


class Source(NamedTuple):
    """A role that allows something: held directly or through a group, in a place; without a place everybody holds it."""

    role: Role
    group: str = ""
    place: str = ""

    @property
    def where(self) -> str:
        """The source as a sentence part, without the role."""
        if not self.place:
            return "as everybody does"
        return f"through group {self.group}, in {self.place}" if self.group else f"in {self.place}"


@dataclass
class Power:
    """What may be done with one kind of thing: {action: [(where, sources)]}; an empty `where` has no condition."""

    kind: EntityType
    actions: dict[str, dict[str, list[Source]]] = field(default_factory=dict)

    @property
    def told(self) -> list[dict[str, Any]]:
        """Actions in the order of the catalogue: label, and the conditions where none goes without."""
        order = list(self.kind.actions)
        return [
            {
                "label": self.kind.actions.get(action, action),
                "where": "" if "" in found else " or ".join(found),
            }
            for action, found in sorted(self.actions.items(), key=lambda pair: order.index(pair[0]))
        ]

    @property
    def sources(self) -> list[Source]:
        """Where it comes from, each once."""
        return list(
            dict.fromkeys(source for found in self.actions.values() for some in found.values() for source in some)
        )


def powers_of(user: User, place: Scope | None = None) -> list[Power]:
    """What the user may do in a place, or without one anywhere, in the order of the catalogues. A few queries."""
    subject = subject_for(user)
    if not user.is_active or (place and outside(subject, place)):
        return []
    above = set(place.ancestor_ids) if place else None
    holdings = [h for h in subject.holdings if above is None or h.scope_id in above]
    sources = _sources(subject, holdings)
    found: dict[int, Power] = {}
    for (action, pk), lines in subject.book.lines.items():
        for line in lines:
            if line.role_id in sources:
                power = found.setdefault(pk, Power(subject.book.entity_types[pk]))
                where = " and ".join(said(subject.book, condition) for condition in line.conditions)
                known = power.actions.setdefault(action, {}).setdefault(where, [])
                known[:] = dict.fromkeys([*known, *sources[line.role_id]])  # two permissions may say the same
    return sorted(found.values(), key=lambda power: (power.kind.catalogue.position, power.kind.position, power.kind.pk))


def _sources(subject: Subject, holdings: Iterable[Holding]) -> dict[int, list[Source]]:
    """{role that rules speak of: where the user has it from}; what lies outside their clusters gives nothing (RUN-14)."""
    book, every = subject.book, list(holdings)
    groups = Group.objects.in_bulk({h.group_id for h in every if h.group_id})
    places = Scope.objects.in_bulk({h.scope_id for h in every if h.assignment_id})
    found: dict[int, list[Source]] = defaultdict(list)
    for holding in every:
        if holding.assignment_id and outside(subject, places[holding.scope_id]):
            continue
        role = book.roles[holding.included_in or holding.role_id]
        group = groups[holding.group_id].name if holding.group_id else ""
        place = places[holding.scope_id].name if holding.assignment_id else ""
        found[holding.role_id].append(Source(role, group, place))
    return dict(found)


class Shared(NamedTuple):
    """One action on one object, given beside all roles to a user or a group of theirs."""

    kind: EntityType
    action: str
    thing: Any
    group: str = ""


def shares_with(user: User, place: Scope | None = None) -> Iterator[Shared]:
    """What is shared with the user or their groups: everything, or what lies in a place. Read in a stream."""
    subject = subject_for(user)
    if not user.is_active:
        return
    for protected in PROTECTED.values():
        # What has no place of its own lies in the organization alone.
        if protected.shares and (protected.scope or place is None or place.pk == subject.book.root_id):
            things = protected.model._default_manager.filter(protected.where)
            if place and protected.scope:
                things = things.filter(**{f"{protected.scope}__in": Scope.objects.inside(place).values("pk")})
            yield from _shares_of(subject, protected, things)


def _shares_of(subject: Subject, protected: Protected, things: QuerySet[Any]) -> Iterator[Shared]:
    assert protected.shares is not None
    groups = memberships().filter(user=subject.user.pk).values("group")
    place = protected.scope.removesuffix("_id")
    thing = f"content_object__{place}" if place != protected.scope else "content_object"
    for table, holder, them in zip(protected.shares, ("user", "group"), ([subject.user.pk], groups), strict=True):
        rows: QuerySet[Any] = table._default_manager.filter(**{f"{holder}__in": them}, content_object__in=things)
        for row in rows.select_related("permission", thing, holder).order_by("pk").iterator(ROWS_AT_ONCE):
            if not outside(subject, row.content_object):
                kind = subject.book.entity_types[type_id(subject.book, row.content_object)]
                group = row.group.name if holder == "group" else ""
                yield Shared(kind, row.permission.codename, row.content_object, group)


def held_roles(user: User, place: Scope | None = None) -> QuerySet[RoleAssignment]:
    """The assignments that reach the user, also without effect: directly and through groups, in the place or above it."""
    groups = memberships().filter(user=user.pk).values("group")
    direct, by_group = RoleAssignment.objects.filter(user=user.pk), RoleAssignment.objects.filter(group__in=groups)
    rows = RoleAssignment.objects.filter(pk__in=direct.values("pk").union(by_group.values("pk"), all=True))
    if place:
        rows = rows.filter(scope__in=place.ancestor_ids)
    return rows.select_related("role__catalogue", "scope", "group").order_by("scope__name", "role__label", "pk")


def through(users: Collection[User], action: str, thing: Any) -> dict[int, list[Source]]:
    """{row number: roles by which these users may do the action on the thing}, in two queries.

    Roles that ask for something of the user (to own the thing, say) stand only where no other role is found.
    """
    book = rulebook()
    sure, perhaps = _allowing(book, action, thing)
    rows = RoleAssignment.objects.filter(LIVE, scope__in=ancestor_ids(book, thing), role__in=sure | perhaps)
    rows = rows.select_related("group", "scope").order_by("pk")
    groups = defaultdict(list)
    for user, group in memberships().filter(user__in=users).values_list("user", "group"):
        groups[group].append(user)
    given = rows.filter(user__in=users) | rows.filter(group__in=groups)
    found: dict[Any, list[tuple[bool, Source]]] = defaultdict(list)
    for assignment in given:
        role = book.roles[assignment.role_id]
        if role.needs_scope and assignment.scope_id == book.root_id:
            continue
        source = Source(role, assignment.group.name if assignment.group else "", assignment.scope.name)
        for user in groups[assignment.group_id] if assignment.group_id else [assignment.user_id]:
            found[user].append((role.pk in sure, source))
    return {
        user.pk: [source for certain, source in found[user.pk] if certain] or [source for _, source in found[user.pk]]
        for user in users
    }


def _allowing(book: Rulebook, action: str, thing: Any) -> tuple[set[int], set[int]]:
    """Roles in effect that allow it to whoever holds them, and those that ask for something of the user besides."""
    seen = PROTECTED.get(entity_type_of(thing))

    def met(condition: Condition) -> bool:
        if seen is None or isinstance(thing, At) or not condition.of_the_object_alone:
            return False
        return condition.holds(None, thing, seen)  # type: ignore[arg-type]

    plain: set[int] = set()
    asking: set[int] = set()
    for line in book.rules_for(action, type_id(book, thing)):
        (plain if all(met(c) for c in line.conditions) else asking).add(line.role_id)
    live = {pk: held for pk, held in book.held_with.items() if pk not in book.switched_off}
    return {pk for pk, held in live.items() if held & plain}, {pk for pk, held in live.items() if held & asking}
