"""Who gains and who loses what by a change of the rules, told before it is saved.

    effects_of(actor, lambda: change_catalogue(...)) -> Effects(lost, gained)

The change is done and undone. The rules that it would leave are compared with those of now: through which roles each
permission (an action on a kind of thing, under conditions) is held. Permissions that pass from the same holders to the
same holders are counted together; so the number of queries depends on the rules that change, never on the users. Whoever
keeps a permission in the same place or above it, or one that asks for less, is not counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import BigIntegerField, Count, Exists, F, OuterRef, Q, QuerySet, Sum

from accounts.models import User
from policies.actor import Actor
from policies.audit import recording
from policies.conditions import Condition, Field
from policies.holdings import LIVE, union
from policies.models import Role, RoleAssignment
from policies.protected import At
from policies.rulebook import Rulebook, forget_rulebook, rulebook
from policies.sentences import joined, lowered, said

NAMES_SHOWN = 3
# {kind of user: the question that lets somebody read their names in the whole organization}
SEES = {
    User.Kind.PERSON: ("list", "user"),
    User.Kind.PROJECT_USER: ("list", "project_user"),
    User.Kind.SERVICE: ("read", "service"),
}
WORDS = {
    User.Kind.PERSON: ("person", "people"),
    User.Kind.PROJECT_USER: ("project user", "project users"),
    User.Kind.SERVICE: ("service", "services"),
}


class Permission(NamedTuple):
    action: str
    type_id: int
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Effect:
    """Permissions that the same users gain, or lose."""

    permissions: tuple[str, ...]  # "launch, stop · Notebooks"
    counts: tuple[tuple[str, int], ...]  # (kind of user, how many of them)
    names: tuple[str, ...] = ()  # of a few, as far as the actor may know them

    @property
    def users(self) -> int:
        return sum(count for _, count in self.counts)

    @property
    def who(self) -> str:
        """ "1,204 people and 1 service"."""
        return joined([f"{count:,} {WORDS[User.Kind(kind)][count != 1]}" for kind, count in self.counts])

    @property
    def others(self) -> int:
        return self.users - len(self.names)


@dataclass(frozen=True)
class Effects:
    lost: tuple[Effect, ...] = ()
    gained: tuple[Effect, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lost or self.gained)


class _Undone(Exception):
    """Rolls everything back."""


def effects_of(actor: Actor, change: Callable[[], Any]) -> Effects:
    """What a change of roles, rules or catalogues would do. Nothing of it stays, no audit event either.

    Raises what the change raises: Denied (recorded), Conflict, ValidationError.
    """
    before = after = None
    try:
        with recording(actor):  # its own: the change joins it, and its events go with the rest
            before = rulebook()
            change()
            after = rulebook()
            raise _Undone
    except _Undone:
        pass
    finally:
        forget_rulebook()
        actor.forget()
    assert before is not None
    assert after is not None
    # Asked when the change is undone again: nobody waits for its locks meanwhile.
    return compare(actor, before, after)


def compare(actor: Actor, before: Rulebook, after: Rulebook) -> Effects:
    """What users have by the rules before and not by those after, and the other way round."""
    known = [kind for kind, (action, name) in SEES.items() if actor.may(action, At(name, before.root))]
    given = _given()
    return Effects(_lost(before, after, given, known), _lost(after, before, given, known))


def _given() -> frozenset[int]:
    """Row numbers of the roles that somebody was given. The others have no holders to count: left out, more permissions pass
    between the same roles, and one count serves them all."""
    assignments = RoleAssignment.objects.filter(LIVE, role=OuterRef("pk"))
    return frozenset(Role.objects.order_by().filter(Exists(assignments)).values_list("pk", flat=True))


def _lost(before: Rulebook, after: Rulebook, given: frozenset[int], known: list[User.Kind]) -> tuple[Effect, ...]:
    alike: dict[Any, tuple[QuerySet[User], list[Permission]]] = {}
    for (had, kept), permissions in _passing(before, after, given).items():
        users = _users(had, kept, before.root_id)
        if marks := _marks(users):
            alike.setdefault(marks, (users, []))[1].extend(permissions)
    found = []
    for marks, (users, permissions) in alike.items():
        counts = {kind: count for kind, count, *_ in marks}
        named = users.filter(kind__in=known).order_by("pk")[:NAMES_SHOWN]
        kinds = tuple((kind.value, counts[kind]) for kind in WORDS if kind in counts)
        found.append(Effect(tuple(in_words(before, permissions)), kinds, tuple(str(user.label) for user in named)))
    return tuple(sorted(found, key=lambda effect: (-effect.users, effect.permissions)))


def _marks(users: QuerySet[User]) -> tuple[Any, ...]:
    """(kind of user, how many, sums over their row numbers) of each kind: the same for the same users."""
    rows = users.order_by("kind").values_list("kind")
    return tuple(rows.annotate(Count("pk"), a=Sum("pk"), b=Sum(F("pk") * F("pk"), output_field=BigIntegerField())))


@dataclass(frozen=True)
class _Held:
    """Through what something is held: assignments of roles; and by every person, unless they hold other roles."""

    roles: frozenset[int] = frozenset()
    pending: frozenset[int] = frozenset()  # those of the roles without effect at the organization
    unless: frozenset[_Held] = frozenset()

    def covers(self, other: _Held) -> bool:
        return other.roles <= self.roles and self.pending & other.roles <= other.pending and other.unless <= self.unless


def _held(book: Rulebook, ruled: Iterable[int], given: frozenset[int]) -> _Held:
    """Through what the permissions of these roles are held, of the roles that somebody was given."""
    wanted = {role for role, held in book.held_with.items() if not held.isdisjoint(ruled)} - book.switched_off.keys()
    unless = [_assigned(book, _having(book, but) & given) for default, but in book.defaults if default in wanted]
    return _assigned(book, wanted & given, unless)


def _having(book: Rulebook, role: int | None) -> set[int]:
    return {pk for pk, held in book.held_with.items() if role in held} - book.switched_off.keys()


def _assigned(book: Rulebook, roles: Iterable[int], unless: Iterable[_Held] = ()) -> _Held:
    roles = frozenset(roles)
    return _Held(roles, frozenset(pk for pk in roles if book.roles[pk].needs_scope), frozenset(unless))


def _passing(
    before: Rulebook, after: Rulebook, given: frozenset[int]
) -> dict[tuple[_Held, tuple[_Held, ...]], list[Permission]]:
    """{(through what it was held, through what it is kept): permissions}, of those that somebody may lose."""
    found: dict[tuple[_Held, tuple[_Held, ...]], list[Permission]] = defaultdict(list)
    for permission, roles in _ruled(before).items():
        had = _held(before, roles, given)
        kept = (
            _held(after, _asking_no_more(after, permission), given),
            # What asks for less is told for itself.
            _held(before, _asking_no_more(before, permission, less=True), given),
        )
        if not any(held.covers(had) for held in kept):
            found[had, kept].append(permission)
    return found


def _ruled(book: Rulebook) -> dict[Permission, set[int]]:
    """{permission: roles with this very rule}."""
    found: dict[Permission, set[int]] = defaultdict(set)
    for (action, kind), lines in book.lines.items():
        for line in lines:
            found[Permission(action, kind, line.conditions)].add(line.role_id)
    return found


def _asking_no_more(book: Rulebook, permission: Permission, *, less: bool = False) -> set[int]:
    """Roles that give the permission, under the same conditions or fewer (`less`: only those that ask for less)."""
    wanted = permission.conditions
    return {
        line.role_id
        for line in book.lines.get((permission.action, permission.type_id), ())
        if _within(line.conditions, wanted) and not (less and _within(wanted, line.conditions))
    }


def _within(conditions: tuple[Condition, ...], others: tuple[Condition, ...]) -> bool:
    """Whether all of these conditions hold wherever the others do."""
    return all(any(_follows(condition, other) for other in others) for condition in conditions)


def _follows(condition: Condition, other: Condition) -> bool:
    if isinstance(condition, Field) and isinstance(other, Field):
        return condition.name == other.name and condition.values >= other.values
    return condition == other


def _users(had: _Held, kept: tuple[_Held, ...], root: int) -> QuerySet[User]:
    """Enabled users who hold it somewhere in the one way, and neither there nor above in any of the others."""
    stay = frozenset().union(*(held.roles - (held.pending - had.pending) for held in kept))
    rows = _assignments(_Held(had.roles - stay, had.pending), root)
    branches: list[QuerySet[Any]] = []
    for holder in ("user", "group__user"):
        those = rows.filter(**{f"{holder}__isnull": False}).annotate(holder=F(holder))
        for held in kept:
            those = those.exclude(_holds(held, OuterRef("holder"), OuterRef("scope"), root))
        branches.append(those.values("holder"))
    for unless in had.unless:
        people = User.objects.people().exclude(_holds(unless, OuterRef("pk"), None, root))
        for held in kept:
            people = people.exclude(_holds(held, OuterRef("pk"), root, root))
        branches.append(people.values("pk"))
    return User.objects.filter(is_active=True, pk__in=union(branches))


def _assignments(held: _Held, root: int) -> QuerySet[RoleAssignment]:
    return RoleAssignment.objects.filter(LIVE, role__in=held.roles).exclude(scope=root, role__in=held.pending)


def _holds(held: _Held, holder: Any, scope: Any, root: int) -> Q:
    """Whether a user holds it in a scope or above (without one: anywhere)."""
    rows = _assignments(held, root)
    if scope is not None:
        rows = rows.filter(scope__below__descendant=scope)
    found = Q(Exists(rows.filter(user=holder))) | Q(Exists(rows.filter(group__user=holder)))
    for unless in held.unless:
        person = User.objects.people().filter(pk=holder)
        found |= Q(Exists(person.exclude(_holds(unless, OuterRef("pk"), None, root))))
    return found


def in_words(book: Rulebook, permissions: Iterable[Permission]) -> Iterator[str]:
    """ "launch, stop · Notebooks and jobs", "view · Apps where they own it": in the order of the catalogues."""
    actions: dict[tuple[int, str], list[str]] = defaultdict(list)
    for permission in sorted(permissions, key=lambda p: _place(book, p)):
        label = lowered(book.entity_types[permission.type_id].actions.get(permission.action, permission.action))
        where = " and ".join(said(book, condition) for condition in permission.conditions)
        actions[permission.type_id, where].append(label)
    alike: dict[tuple[tuple[str, ...], str], list[str]] = defaultdict(list)
    for (kind, where), labels in actions.items():
        alike[tuple(labels), where].append(str(book.entity_types[kind]))
    for (done, where), (first, *others) in alike.items():
        things = joined([first, *map(lowered, others)])
        yield f"{', '.join(done)} · {things}{f' where {where}' if where else ''}"


def _place(book: Rulebook, permission: Permission) -> tuple[int, int, int, int]:
    kind = book.entity_types[permission.type_id]
    actions = list(kind.actions)
    action = actions.index(permission.action) if permission.action in actions else len(actions)
    return kind.catalogue.position, kind.position, kind.pk, action
