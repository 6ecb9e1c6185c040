"""The questions of access control, each asked in one way.

    may(user, action, thing)                     yes or no
    explain(user, action, thing)                 the same walk, with its reasons
    actions_for(user, things)                    what may be done with each row of a page, in a constant number of queries
    permitted(user, action, entity_type, within) objects, as a queryset
    visible_resources(user, within)              the resources that the user may see in lists, whatever their types
    people_who_may(action, thing)                users, as a queryset
    permitted_scopes(user, *questions)           scopes, as a queryset; visible_scopes() for those of one kind, with shares

`thing` is an object of a protected model, saved or not yet, or `At(entity_type, scope)` for some object of a type in a
scope, or `At(entity_type)` for one anywhere; a type is named by its code, or in full: `catalogue:code`. An action is
allowed when a rule that speaks of it stands in a role that the user holds, in effect, in the object's scope or above it,
and every condition of the rule holds; or when it was shared. The one thing that subtracts is the boundary of clusters
(RUN-14). Everything else is denied; an undefined question raises.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache, reduce
from operator import or_
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet, prefetch_related_objects
from django.db.models.expressions import RawSQL

from accounts.models import Scope, ScopeClosure, User
from policies.branches import Branch, Reach, all_of, branches_below, scopes_below, united
from policies.compiled import Compiled
from policies.conditions import LISTS, NOTHING, Condition, Listed
from policies.holdings import (
    LIVE,
    Holding,
    Subject,
    holders,
    holders_by_assignment,
    holders_by_default,
    memberships,
    subject_for,
    union,
)
from policies.models import Resource, RoleAssignment
from policies.protected import PROTECTED, At, Protected, entity_type_of, protected_as, scope_of
from policies.rulebook import Line, Rulebook, rulebook

FEW_OBJECTS = 5000  # so many are sorted; of more, those of a page are soon met in the order of their names
FEW = 2000  # users whom one query names by their row numbers


class Missing(NamedTuple):
    """One thing that keeps a holding from allowing an action."""

    kind: str  # expired, switched_off, pending, other_scope or condition
    sentence: str


@dataclass(frozen=True)
class Candidate:
    """One rule that speaks of the action, one holding of its role, and what is missing; nothing missing = allowed."""

    line: Line
    holding: Holding
    missing: tuple[Missing, ...]


@dataclass(frozen=True)
class Decision:
    """The answer, with its reasons as sentences and what they come from."""

    allowed: bool
    reasons: tuple[str, ...]
    candidates: tuple[Candidate, ...] = ()
    shared: bool = False
    refused: str = ""  # "disabled" or "boundary": what denies whatever the roles


def may(user: User, action: str, thing: Any) -> bool:
    """Whether the user may do the action. Raises UnknownQuestion, TypeError for what is not protected."""
    lines = rules_about(book_for(user), action, thing)
    if not user.is_active:
        return False
    subject = subject_for(user)
    if outside(subject, thing):
        return False
    return _allow(subject, lines, thing) or action in shared_actions(user, thing)


def may_at_all(user: User, questions: Iterable[tuple[str, str]]) -> bool:
    """Whether one of the questions (action, entity type) is allowed anywhere, on some object; for menus and pages (RUN-17)."""
    return any(may(user, action, At(entity_type)) for action, entity_type in questions)


def may_some(user: User, action: str, *entity_types: str) -> bool:
    """Whether the action may be allowed on some objects of one of the types: conditions count as met.

    For the doors of pages where it is then decided object by object.
    """
    book = book_for(user)
    lines = [line for name in entity_types for line in book.rules_for(action, book.type_id(name))]
    return user.is_active and any(line.role_id in subject_for(user).role_ids for line in lines)


def _allow(subject: Subject, lines: Iterable[Line], thing: Any) -> bool:
    """Whether one of the rules allows it: whether a candidate of walk() lacks nothing, without making them."""
    above = _above(subject.book, thing)
    for line in lines:
        scopes = subject.scope_ids(line.role_id)
        if scopes and (above is None or not above.isdisjoint(scopes)) and not _unmet(subject, line, thing):
            return True
    return False


def walk(subject: Subject, action: str, thing: Any) -> Iterator[Candidate]:
    """Every (rule, holding) that could allow the action, with what is missing."""
    above = _above(subject.book, thing)
    for line in rules_about(subject.book, action, thing):
        if holdings := subject.held(line.role_id):
            unmet = [Missing("condition", f"only where {c.sentence}") for c in _unmet(subject, line, thing)]
            for holding in holdings:
                yield Candidate(line, holding, (*_without_effect(holding, above, subject.book), *unmet))


def _unmet(subject: Subject, line: Line, thing: Any) -> list[Condition]:
    """The conditions of a rule that the object does not meet.

    Of "some object" nothing is known but its type and scope: a condition about the object is not met.
    """
    seen = PROTECTED.get(entity_type_of(thing)) if line.conditions else None
    return [c for c in line.conditions if seen is None or isinstance(thing, At) or not c.holds(subject, thing, seen)]


def _above(book: Rulebook, thing: Any) -> frozenset[int] | None:
    """Row numbers of the scopes whose holders reach the object; None for some object anywhere: those of every scope."""
    return None if isinstance(thing, At) and thing.scope is None else ancestor_ids(book, thing)


def _without_effect(holding: Holding, above: frozenset[int] | None, book: Rulebook) -> Iterator[Missing]:
    if holding.expired:
        yield Missing("expired", "the assignment has expired")
    if holding.switched_off:
        yield Missing("switched_off", f"the role {book.switched_off[holding.included_in or holding.role_id]}")
    if holding.pending:
        yield Missing("pending", "the role is pending until it is given at a narrower scope")
    if above is not None and holding.scope_id not in above:
        yield Missing("other_scope", "the role is held in another scope")


def outside(subject: Subject, thing: Any) -> bool:
    """Whether the object lies in a cluster outside the user's boundary."""
    scope = scope_of(thing)
    cluster = scope.cluster_above_id if scope else None
    return cluster is not None and subject.cluster_ids is not None and cluster not in subject.cluster_ids


def root_for(user: User) -> Scope:
    """The organization, without asking the database again within a request."""
    return subject_for(user).book.root


def ancestor_ids(book: Rulebook, thing: Any) -> frozenset[int]:
    """Row numbers of the scopes whose holders reach the object."""
    scope = scope_of(thing)
    return frozenset(scope.ancestor_ids if scope else (book.root_id,))


def type_id(book: Rulebook, thing: Any) -> int:
    return thing.entity_type_id if isinstance(thing, Resource) else book.type_id(entity_type_of(thing))


def book_for(user: User) -> Rulebook:
    """The rules that questions about the user are asked of: a bad one is refused, whoever it is about."""
    return subject_for(user).book if user.is_active else rulebook()


def rules_about(book: Rulebook, action: str, thing: Any) -> tuple[Line, ...]:
    """The rules that could allow an action on the object. Raises UnknownQuestion, TypeError for what is not protected."""
    return book.rules_for(action, type_id(book, thing))


def actions_for(user: User, things: Iterable[Any]) -> dict[Any, set[str]]:
    """{row number: actions} for objects of one model; the number of queries does not depend on the rows."""
    rows = list(things)
    if not user.is_active or not rows:
        return {thing.pk: set() for thing in rows}
    subject, shared = subject_for(user), _shared(user, rows)
    if isinstance(rows[0], Resource) and _ask_for_lists(subject):
        prefetch_related_objects(rows, *LISTS)
    lines_of = {kind: _lines_about(subject, kind) for kind in {type_id(subject.book, thing) for thing in rows}}
    alike: dict[tuple[int, int | None], set[str]] = {}  # in one place, as long as no condition asks more
    found: dict[Any, set[str]] = {}
    for thing in rows:
        kind, scope = type_id(subject.book, thing), scope_of(thing)
        place = kind, scope.pk if scope else None
        lines, depends = lines_of[kind]
        if outside(subject, thing):
            found[thing.pk] = set()
            continue
        if depends or place not in alike:
            alike[place] = {action for action, about in lines.items() if _allow(subject, about, thing)}
        found[thing.pk] = alike[place] | shared[thing.pk]
    return found


def _lines_about(subject: Subject, kind: int) -> tuple[dict[str, list[Line]], bool]:
    """{action: the rules about a type by which the subject may do it}, and whether they have conditions."""
    found: dict[str, list[Line]] = {}
    for (action, about), lines in subject.book.lines.items():
        if about == kind and (held := [line for line in lines if line.role_id in subject.role_ids]):
            found[action] = held
    return found, any(line.conditions for lines in found.values() for line in lines)


def _ask_for_lists(subject: Subject) -> bool:
    """Whether rules of the subject's roles look at the roles that things list."""
    every = (line for lines in subject.book.lines.values() for line in lines if line.role_id in subject.role_ids)
    return any(isinstance(condition, Listed) for line in every for condition in line.conditions)


def shared_actions(user: User, thing: Any) -> set[str]:
    """The actions that somebody shared with the user, or with one of their groups, on this one object."""
    protected = None if isinstance(thing, At) or thing.pk is None else PROTECTED.get(entity_type_of(thing))
    if protected is None or protected.shares is None:
        return set()
    return {action for (action,) in _shares_of_one(protected.shares)(user.pk, thing.pk)}


@cache
def _shares_of_one(tables: tuple[Any, Any]) -> Compiled:
    def build(user: int, thing: int) -> QuerySet[Any]:
        rows = _share_rows(user, tables, content_object=thing)
        return union([row.values_list("permission__codename") for row in rows])

    return Compiled(build)


def _shared(user: User, things: list[Any]) -> dict[Any, set[str]]:
    """guardian's own rows: {row number: actions given on the object itself}, for objects of one model."""
    found: dict[Any, set[str]] = defaultdict(set)
    saved = [thing for thing in things if thing.pk is not None]
    protected = PROTECTED.get(entity_type_of(saved[0])) if saved else None
    if protected and protected.shares:
        for pk, action in _shares_of_some(protected.shares)(user.pk, [thing.pk for thing in saved]):
            found[pk].add(action)
    return found


@cache
def _shares_of_some(tables: tuple[Any, Any]) -> Compiled:
    def build(user: int, things: Collection[int]) -> QuerySet[Any]:
        rows = _share_rows(user, tables, content_object__among=things)
        return union([row.values_list("content_object", "permission__codename") for row in rows])

    return Compiled(build)


def _share_rows(user: int, tables: tuple[Any, Any], **which: Any) -> list[QuerySet[Any]]:
    with_user, with_group = tables
    groups = memberships().filter(user=user).values("group")
    return [
        with_user._default_manager.filter(user=user, **which),
        with_group._default_manager.filter(group__in=groups, **which),
    ]


def permitted(user: User, action: str, entity_type: str, within: Scope | None = None) -> QuerySet[Any]:
    """The objects on which the user may do the action (inside a scope), as a queryset of the entity type's model.

    `resource` asks for registered things of whatever type; the name of a type for those of this type.
    Raises UnknownQuestion.
    """
    book = rulebook()
    if entity_type == "resource":
        wanted = [(action, kind) for kind in book.entity_types]
    else:
        wanted = [(action, book.type_id(entity_type))]
        book.rules_for(*wanted[0])
    return _permitted(user, wanted, protected_as(book.entity_types, wanted), within)


def visible_resources(user: User, within: Scope | None = None) -> QuerySet[Resource]:
    """The registered things that the user may see in lists: each type says which actions show it."""
    kinds = rulebook().entity_types
    wanted = [(action, pk) for pk, kind in kinds.items() for action in kind.seen_by]
    return _permitted(user, wanted, PROTECTED["resource"], within)


def visible_assignments(user: User, within: Scope | None = None) -> QuerySet[RoleAssignment]:
    """The role assignments that the user may see: as such, or as somebody's assignment to a place (RUN-12)."""
    book = rulebook()
    wanted = [("read", book.type_id(name)) for name in ("role_assignment", "org_assignment")]
    return _permitted(user, wanted, PROTECTED["role_assignment"], within)


def _permitted(user: User, wanted: list[tuple[str, int]], protected: Protected, within: Scope | None) -> QuerySet[Any]:
    """Objects of one protected model on which one of the (action, entity type) is allowed."""
    rows: QuerySet[Any] = protected.model._default_manager.filter(protected.where)
    if not user.is_active or not wanted:
        return rows.none()
    subject = subject_for(user)
    if within is not None:
        rows = rows.filter(_inside(protected, within))
    above = frozenset(within.ancestor_ids) if within is not None else frozenset((subject.book.root_id,))
    project = within is not None and within.kind == Scope.Kind.PROJECT  # few rows, and nothing lies below
    found: list[Q] = []  # conditions on the rows themselves
    branches: list[Branch] = []
    lower: list[Reach] = []
    for reach in _reaches(subject, wanted):
        if not reach.scopes & above:
            lower.append(reach)
            continue
        asked = _of_kinds(reach.kinds, protected) & all_of(reach.conditions, subject, protected)
        if asked == Q():
            return _bounded(rows, subject, protected)
        if project or all(c.of_the_object_alone for c in reach.conditions):
            found.append(asked)
        else:
            branches.append(rows.filter(asked))
    if protected.scope and not project:
        branches += branches_below(lower, subject, protected, rows)
    if found and not project:
        everywhere = rows.filter(reduce(or_, found)).order_by()
        if everywhere[: FEW_OBJECTS + 1].count() <= FEW_OBJECTS:
            branches, found = [*branches, everywhere], []
    if shown := united([*branches, *_shared_rows(user, wanted, protected)]):
        found.append(Q(pk__in=shown))
    return _bounded(rows.filter(reduce(or_, found)), subject, protected) if found else rows.none()


def _of_kinds(kinds: frozenset[int], protected: Protected) -> Q:
    return Q(entity_type__in=kinds) if protected.model is Resource else Q()


def _reaches(subject: Subject, wanted: Iterable[tuple[str, int]]) -> Iterator[Reach]:
    """Where the user holds roles with rules that allow one of the (action, entity type)."""
    kinds: dict[tuple[int, tuple[Condition, ...]], set[int]] = defaultdict(set)
    for key in wanted:
        for line in subject.book.lines.get(key, ()):
            if line.role_id in subject.role_ids:
                kinds[line.role_id, line.conditions].add(key[1])
    found: dict[tuple[tuple[Condition, ...], frozenset[int]], set[int]] = defaultdict(set)
    for (role, conditions), asked in kinds.items():
        found[conditions, frozenset(asked)] |= subject.scope_ids(role)
    return (Reach(conditions, about, scopes) for (conditions, about), scopes in found.items())


def _shared_rows(user: User, wanted: Iterable[tuple[str, int]], protected: Protected) -> list[RawSQL]:
    """Row numbers of the objects shared with the user for one of the (action, entity type)."""
    if not protected.shares:
        return []
    return [_shares_of_many(protected.shares, frozenset(wanted), protected.model is Resource).subquery(user.pk)]


@lru_cache(maxsize=200)  # pages ask few different questions; those about entity types that are gone fall out
def _shares_of_many(tables: tuple[Any, Any], wanted: frozenset[tuple[str, int]], typed: bool) -> Compiled:
    by_action: dict[str, set[int]] = defaultdict(set)
    for action, kind in wanted:
        by_action[action].add(kind)
    which = (
        reduce(or_, (Q(permission__codename=a, content_object__entity_type__in=k) for a, k in by_action.items()))
        if typed
        else Q(permission__codename__in=by_action)
    )

    def build(user: int) -> QuerySet[Any]:
        return union([rows.filter(which).values_list("content_object") for rows in _share_rows(user, tables)])

    return Compiled(build)


def _inside(protected: Protected, within: Scope) -> Q:
    if not protected.scope:
        return Q()
    if within.kind == Scope.Kind.PROJECT:  # nothing lies below a project: the plain comparison keeps every index usable
        return Q(**{protected.scope: within.pk})
    return Q(**{f"{protected.scope}__in": ScopeClosure.objects.filter(ancestor=within).values("descendant")})


def _bounded(rows: QuerySet[Any], subject: Subject, protected: Protected) -> QuerySet[Any]:
    if subject.cluster_ids is None or not protected.scope:
        return rows
    if protected.cluster:
        path = protected.cluster
        return rows.filter(Q(**{f"{path}__isnull": True}) | Q(**{f"{path}__in": subject.cluster_ids}))
    beyond = Scope.objects.filter(cluster__isnull=False).exclude(cluster__in=subject.cluster_ids).values("pk")
    return rows.exclude(**{f"{protected.scope}__in": beyond})


def permitted_scopes(user: User, *questions: tuple[str, str], on_some: bool = False) -> QuerySet[Scope]:
    """Scopes in which one of the questions (action, entity type) is allowed on every object; for menus.

    `on_some`: or on those objects that meet the conditions.
    """
    roles = _roles_that_answer(book_for(user), questions, on_some=on_some)
    if not user.is_active:
        return Scope.objects.none()
    subject = subject_for(user)
    held, rows = _held(subject, roles), Scope.objects.all()
    if subject.book.root_id not in held:
        rows = rows.filter(pk__in=scopes_below(held))
    return _bounded(rows, subject, PROTECTED["project"])


def visible_scopes(user: User, kind: str, *questions: tuple[str, str]) -> QuerySet[Any]:
    """Scopes of a kind in which one of the questions is allowed on every object, or that are shared to be read.

    One level of subqueries: nested ones make PostgreSQL compare row by row.
    """
    protected = PROTECTED[kind]
    rows: QuerySet[Any] = protected.model._default_manager.all()
    roles = _roles_that_answer(book_for(user), questions)
    if not user.is_active:
        return rows.none()
    subject = subject_for(user)
    held = _held(subject, roles)
    if subject.book.root_id not in held:
        rows = rows.filter(pk__in=_held_or_shared(protected.shares).subquery(held, user.pk))
    return _bounded(rows, subject, protected)


@cache
def _held_or_shared(tables: tuple[Any, Any] | None) -> Compiled:
    """Row numbers of the scopes in or below those of the first argument, and of those that the user of the second may read."""

    def build(held: Collection[int], user: int) -> QuerySet[Any]:
        shared = _share_rows(user, tables, permission__codename="read") if tables else []
        return union([scopes_below(held), *(rows.values("content_object") for rows in shared)])

    return Compiled(build)


def _roles_that_answer(book: Rulebook, questions: Iterable[tuple[str, str]], *, on_some: bool = False) -> set[int]:
    """Row numbers of the roles that answer a question with yes, without conditions (`on_some`: or with them)."""
    return {
        line.role_id
        for action, entity_type in questions
        for line in book.rules_for(action, book.type_id(entity_type))
        if on_some or not line.conditions
    }


def _held(subject: Subject, roles: set[int]) -> set[int]:
    """Row numbers of the scopes where the subject holds one of the roles."""
    return {scope for role in roles & subject.role_ids for scope in subject.scope_ids(role)}


def people_who_may(action: str, thing: Any, when: Q = LIVE) -> QuerySet[User]:
    """Enabled users who may do the action on the object, through roles or sharing. `when`: see holdings.holders."""
    book, seen = rulebook(), PROTECTED.get(entity_type_of(thing))
    above = _above(book, thing)
    roles: dict[tuple[Any, ...], set[int]] = defaultdict(set)
    for line in book.rules_for(action, type_id(book, thing)):
        if seen is None or isinstance(thing, At):
            usable = not line.conditions
        else:
            usable = all(c.holds(None, thing, seen) for c in line.conditions if c.of_the_object_alone)  # type: ignore[arg-type]
        if usable:
            roles[tuple(c for c in line.conditions if not c.of_the_object_alone)].add(line.role_id)
    branches: list[QuerySet[Any]] = []
    by_default: list[Q] = []
    for conditions, held in roles.items():
        if conditions and seen:
            asked = [c.people(thing, seen) for c in conditions]
            branches.append(User.objects.filter(*asked, pk__in=union(holders(held, above, when))).values("pk"))
        else:
            branches += holders_by_assignment(held, above, when)
            by_default += holders_by_default(held, above)
    branches += _shared_with(action, thing, seen)
    found = User.objects.filter(_one_of(branches, by_default), is_active=True)
    scope = scope_of(thing)
    cluster = scope.cluster_above_id if scope else None
    if cluster is not None:
        bound = User.clusters.through.objects.filter(scope=cluster).values("user")
        found = found.filter(Q(all_clusters=True) | Q(pk__in=bound))
    return found


def _one_of(branches: list[QuerySet[Any]], by_default: list[Q]) -> Q:
    """Few users are named by their row numbers. Many are asked one by one: a page in the order of an index is full soon.

    A database that has to choose itself reads everybody, and puts them in order.
    """
    if branches and not by_default:
        some = union(branches)[: FEW + 1]
        numbers = {number for row in some for number in row.values()}
        if len(some) <= FEW:
            return Q(pk__in=numbers)
    return reduce(or_, by_default, Q(pk__in=union(branches)) if branches else NOTHING)


def _shared_with(action: str, thing: Any, seen: Protected | None) -> list[QuerySet[Any]]:
    if isinstance(thing, At) or thing.pk is None or seen is None or not seen.shares:
        return []
    which = {"permission__codename": action, "content_object": thing.pk}
    groups = seen.shares[1]._default_manager.filter(**which).values("group")
    return [
        seen.shares[0]._default_manager.filter(**which).values("user"),
        memberships().filter(group__in=groups).values("user"),
    ]


def explain(user: User, action: str, thing: Any) -> Decision:
    """Why, or why not; `allowed` is what may() answers."""
    from policies.reasons import reasons_for  # sentences are only made where somebody asks for them

    rules_about(book_for(user), action, thing)
    if not user.is_active:
        return Decision(False, ("The user is disabled.",), refused="disabled")
    subject = subject_for(user)
    candidates = tuple(walk(subject, action, thing))
    beyond = outside(subject, thing)
    shared = action in shared_actions(user, thing)
    allowed = not beyond and (shared or any(not c.missing for c in candidates))
    reasons = reasons_for(subject, action, thing, candidates, beyond=beyond, shared=shared)
    return Decision(allowed, reasons, candidates, shared, "boundary" if beyond else "")
