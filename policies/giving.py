"""What somebody may give: the roles and places that a form offers them, and what giving would do (RUN-10 to RUN-13).

Offered is what the rules allow for some subject in some place of a kind; each combination is then decided as it is.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import product

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from accounts.models import Scope, User
from policies import access
from policies.actions.assignments import check_fits, may_change
from policies.actor import Actor
from policies.errors import Denied
from policies.holdings import LIVE, subject_for
from policies.models import Role, RoleAssignment
from policies.protected import At
from policies.rulebook import Rulebook, rulebook
from policies.states import why_pending, why_switched_off

QUESTIONS = (("create", "role_assignment"), ("create", "org_assignment"))


@dataclass(frozen=True)
class Offer:
    """A role as the form shows it: `blocked` says why this giver cannot give it; empty where they can."""

    role: Role
    blocked: str = ""


class Effect(StrEnum):
    """What giving one role to one subject in one place does."""

    NEW = "new"
    PENDING = "pending"  # given, without effect until it is given at a narrower scope as well (RUN-05)
    HELD = "held"  # they hold it there: it stays as it is
    DENIED = "denied"  # the giver may not give this
    UNFIT = "unfit"  # nobody may: the subject cannot hold it, or it cannot be given there


@dataclass(frozen=True)
class Combination:
    """One role for one subject in one place, not saved; what giving it does, and why."""

    assignment: RoleAssignment
    effect: Effect
    why: str = ""


def offers(giver: User) -> list[Offer]:
    """Every role of the catalogues in use, in their order, with those that the giver may give to somebody."""
    book = rulebook()
    givable = {role.pk for role in _givable(giver)[0]}
    shown = [role for role in book.roles.values() if role.catalogue.is_enabled and not role.is_retired]
    return [
        Offer(role, _blocked(book, role, role.pk in givable))
        for role in sorted(shown, key=lambda role: (role.catalogue.position, role.position, role.code))
    ]


def may_give(giver: User, role: Role) -> bool:
    """Whether the form offers the giver this role."""
    return role in _givable(giver)[0] and role.pk not in rulebook().switched_off


def _blocked(book: Rulebook, role: Role, givable: bool) -> str:
    if role.pk in book.switched_off:
        return why_switched_off(book, role.pk)
    return "" if givable else "You may not give this role."


def places(giver: User) -> QuerySet[Scope]:
    """Where the giver may give some role."""
    return access.permitted_scopes(giver, *QUESTIONS, on_some=True).filter(kind__in=_givable(giver)[1])


def _givable(giver: User) -> tuple[set[Role], set[str]]:
    """The roles that the giver may give, and the kinds of place where they may give one.

    Whoever may only put people in places (RUN-12) may give there whatever role the subject holds besides.
    """
    subject = subject_for(giver)
    known: tuple[set[Role], set[str]] | None = getattr(subject, "_givable", None)  # for one request, as the subject is
    if known is None:
        known = subject._givable = _find_givable(giver)  # type: ignore[attr-defined]
    return known


def _find_givable(giver: User) -> tuple[set[Role], set[str]]:
    actor, targets = Actor("", giver), list(_targets(giver))
    fitting = [
        RoleAssignment(role=role, scope=place)
        for role in rulebook().roles.values()
        for place in targets
        if _fits(role, place.kind)
    ]
    roles = {wanted.role for wanted in fitting if actor.may("create", wanted)}
    kinds = {wanted.scope.kind for wanted in fitting if may_change(actor, "create", wanted)}
    if not roles:
        into = [wanted for wanted in fitting if may_change(actor, "create", wanted, held_besides=True)]
        roles, kinds = {wanted.role for wanted in into}, {wanted.scope.kind for wanted in into}
    return roles, kinds


def _targets(giver: User) -> Iterator[Scope]:
    """The places where the giver holds roles that speak of giving, and a place of each kind below: one for each role and
    kind, because the rules ask no more of a place."""
    subject, kinds = subject_for(giver), list(Scope.Kind)
    asked = {
        line.role_id
        for action, name in QUESTIONS
        for line in subject.book.rules_for(action, subject.book.type_id(name))
    }
    held: dict[int, set[int]] = defaultdict(set)
    for holding in subject.holdings:
        if holding.role_id in asked:
            held[holding.scope_id].add(holding.role_id)
    seen: set[tuple[int, str]] = set()
    for place in Scope.objects.filter(pk__in=held):
        new = {(role, place.kind) for role in held[place.pk]} - seen
        if not new or access.outside(subject, At("project", place)):
            continue
        seen |= new
        yield place
        for kind in kinds[kinds.index(Scope.Kind(place.kind)) + 1 :]:
            yield Scope(kind=kind, parent=place)


def _fits(role: Role, kind: str) -> bool:
    return not role.binds or kind in role.binds or (role.needs_scope and kind == Scope.Kind.ORGANIZATION)


def require_offered(
    giver: User, subjects: Collection[User | Group], roles: Iterable[Role], scopes: Collection[Scope]
) -> None:
    """Raises Denied for a place or a role that the form does not offer: nobody chose it there, the request is forged."""
    if len(scopes) > places(giver).filter(pk__in=[scope.pk for scope in scopes]).count():
        raise Denied("create", At("role_assignment"))  # as for a place that does not exist
    offered = {
        offer.role.pk for offer in offers(giver) if not offer.blocked or offer.role.pk in rulebook().switched_off
    }
    for role in roles:
        if role.pk not in offered:
            raise Denied("create", next(_wanted(subjects, [role], scopes), At("role_assignment")))


def _wanted(
    subjects: Iterable[User | Group], roles: Iterable[Role], scopes: Iterable[Scope]
) -> Iterator[RoleAssignment]:
    for subject, role, scope in product(subjects, roles, scopes):
        holder = {"user": subject} if isinstance(subject, User) else {"group": subject}
        yield RoleAssignment(role=role, scope=scope, **holder)


def foresee(
    actor: Actor, subjects: Collection[User | Group], roles: Collection[Role], scopes: Collection[Scope]
) -> list[Combination]:
    """What giving each role to each subject in each place would do; the number of queries does not depend on how many."""
    held = _held(subjects, roles)
    return [_foreseen(actor, wanted, held.get(_key(wanted), {})) for wanted in _wanted(subjects, roles, scopes)]


def _key(assignment: RoleAssignment) -> tuple[int, int | None, int | None]:
    return assignment.role_id, assignment.user_id, assignment.group_id


def _held(
    subjects: Iterable[User | Group], roles: Iterable[Role]
) -> dict[tuple[int, int | None, int | None], dict[int, datetime | None]]:
    """{(role, user, group): {scope: end}} of what they hold now."""
    users = [subject.pk for subject in subjects if isinstance(subject, User)]
    groups = [subject.pk for subject in subjects if isinstance(subject, Group)]
    rows = RoleAssignment.objects.filter(Q(user__in=users) | Q(group__in=groups), role__in=[role.pk for role in roles])
    held: dict[tuple[int, int | None, int | None], dict[int, datetime | None]] = {}
    for row in rows.annotate(now=Now()):
        if row.expires_at is None or row.expires_at > row.now:
            held.setdefault(_key(row), {})[row.scope_id] = row.expires_at
    return held


def _foreseen(actor: Actor, wanted: RoleAssignment, held: dict[int, datetime | None]) -> Combination:
    book, role, scope = rulebook(), wanted.role, wanted.scope
    if scope.pk in held:
        return Combination(wanted, Effect.HELD, "They hold it already; it stays as it is.")
    try:
        check_fits(wanted)
    except ValidationError as error:
        return Combination(wanted, Effect.UNFIT, " ".join(error.messages))
    if role.pk in book.switched_off:
        return Combination(wanted, Effect.UNFIT, why_switched_off(book, role.pk))
    if not may_change(actor, "create", wanted, held_besides=bool(held) and _is_movable(wanted)):
        return Combination(wanted, Effect.DENIED, why_denied(wanted))
    if role.needs_scope and scope.pk == book.root_id:
        return Combination(wanted, Effect.PENDING, why_pending(role.binds))
    return Combination(wanted, Effect.NEW)


def why_denied(wanted: RoleAssignment) -> str:
    return f"You may not give {wanted.role} in {wanted.scope}."


def changes_for(actor: Actor, assignments: Collection[RoleAssignment]) -> dict[int, set[str]]:
    """{row number: "update" and "delete", as far as the actor may}; the number of queries does not depend on the rows."""
    users, groups = {a.user_id for a in assignments}, {a.group_id for a in assignments}
    rows = RoleAssignment.objects.filter(LIVE, Q(user__in=users - {None}) | Q(group__in=groups - {None}))
    keys = rows.filter(role__in={a.role_id for a in assignments}).values_list("role", "user", "group", "pk")
    holding: dict[tuple[int, int | None, int | None], set[int]] = defaultdict(set)
    for role, user, group, pk in keys:
        holding[role, user, group].add(pk)
    return {
        a.pk: {
            action
            for action in ("update", "delete")
            if may_change(actor, action, a, held_besides=_is_movable(a) and bool(holding[_key(a)] - {a.pk}))
        }
        for a in assignments
    }


def _is_movable(assignment: RoleAssignment) -> bool:
    return not (assignment.user and assignment.user.is_project_user)
