"""Who holds which role where. The only module that reads role assignments for decisions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.db.models.functions import Now

from accounts.models import User
from policies.compiled import Compiled
from policies.models import RoleAssignment
from policies.rulebook import Rulebook, rulebook

# The database's clock decides: a grant dies at its instant, on every worker alike.
LASTING = Q(expires_at=None)
LIVE = LASTING | Q(expires_at__gt=Now())


class Holding(NamedTuple):
    """One role as a subject holds it in one scope, with what takes its effect away.

    A tuple: some hold thousands, and they are made anew in every request.
    """

    role_id: int
    scope_id: int
    assignment_id: int | None = None  # None: the default role of a catalogue
    group_id: int | None = None  # held as a member of this group
    expired: bool | None = False  # None: it never ends
    pending: bool = False
    switched_off: bool = False
    included_in: int | None = None  # held because this role includes it

    @property
    def in_effect(self) -> bool:
        return not (self.expired or self.pending or self.switched_off)


@dataclass
class Subject:
    """A person, project user or service as the rules see them: loaded once per request, in two or three small queries.

    `given` are the roles as they were given, by role; what comes with them is worked out for the roles that are asked.
    """

    user: User
    book: Rulebook
    given: dict[int, list[Holding]] = field(default_factory=dict)

    def held(self, role_id: int) -> list[Holding]:
        """How the subject holds a role, also without effect: given as such, or coming with another."""
        found = self._held.get(role_id)
        if found is None:
            found = self._held[role_id] = [
                holding if giver == role_id else holding._replace(role_id=role_id, included_in=giver)
                for giver in self.book.comes_with.get(role_id, ())
                for holding in self.given.get(giver, ())
            ]
        return found

    @cached_property
    def _held(self) -> dict[int, list[Holding]]:
        return {}

    def scope_ids(self, role_id: int) -> set[int]:
        """Row numbers of the scopes where the subject holds a role in effect."""
        return {holding.scope_id for holding in self.held(role_id) if holding.in_effect}

    @cached_property
    def role_ids(self) -> frozenset[int]:
        """Row numbers of the roles that the subject holds in effect somewhere."""
        return _with_included(self.given, self.book)

    @cached_property
    def holdings(self) -> list[Holding]:
        """Every role in effect, in every scope."""
        return [holding for role in sorted(self.role_ids) for holding in self.held(role) if holding.in_effect]

    @cached_property
    def cluster_ids(self) -> frozenset[int] | None:
        """The boundary: None means every cluster."""
        if self.user.all_clusters:
            return None
        return frozenset(User.clusters.through.objects.filter(user=self.user.pk).values_list("scope", flat=True))


def _with_included(given: dict[int, list[Holding]], book: Rulebook) -> frozenset[int]:
    effective = (role for role, holdings in given.items() if any(holding.in_effect for holding in holdings))
    return frozenset().union(*(book.held_with[role] for role in effective))


def subject_for(user: User) -> Subject:
    """Cached on the user object, that is: for one request."""
    subject = getattr(user, "_subject", None)
    if subject is None:
        subject = user._subject = _load(user)  # type: ignore[attr-defined]
        if user.only_roles is not None:
            given = {role: held for role in user.only_roles if (held := subject.held(role))}
            subject = user._subject = Subject(user, subject.book, given)  # type: ignore[attr-defined]
    return subject


def forget(user: User) -> None:
    """Read the user's roles anew at the next question: inside a transaction, after its locks, or after a change."""
    if hasattr(user, "_subject"):
        del user._subject


def memberships() -> QuerySet[Any]:
    """Rows of (user, group)."""
    return User.groups.through.objects.all()


def _load(user: User) -> Subject:
    book = rulebook()
    root = book.root_id
    given: dict[int, list[Holding]] = {}
    for role, scope, assignment, group, expired in _rows_of(user.pk):
        pending = scope == root and book.roles[role].needs_scope
        holding = Holding(role, scope, assignment, group, expired, pending, role in book.switched_off)
        given.setdefault(role, []).append(holding)
    if user.is_person:
        effective = _with_included(given, book)
        for role, unless in book.defaults:
            if unless not in effective:
                given.setdefault(role, []).append(Holding(role, root))
    return Subject(user, book, given)


@Compiled
def _rows_of(user: int) -> QuerySet[Any]:
    """(role, scope, assignment, group, expired) of what was given to a user and to their groups."""
    columns = ("role_id", "scope_id", "pk", "group_id", "expired")
    expired = ExpressionWrapper(Q(expires_at__lte=Now()), output_field=BooleanField(null=True))
    rows = RoleAssignment.objects.annotate(expired=expired)
    groups = memberships().filter(user=user).values("group")
    return union([rows.filter(user=user).values_list(*columns), rows.filter(group__in=groups).values_list(*columns)])


def subjects_around(users: Sequence[User], scopes: Collection[int]) -> list[Subject]:
    """Users as the rules see them in some scopes: with the roles that they, or groups of theirs, were given in these, and no
    others; not with those that everybody holds. One query, however many roles they hold elsewhere.
    """
    book = rulebook()
    given: dict[int, dict[int, list[Holding]]] = {user.pk: {} for user in users}
    with connection.cursor() as cursor:
        numbers = [*given, *scopes]
        cursor.execute(_rows_around(connection.vendor, len(given), len(scopes)), [*numbers, *numbers])
        rows = cursor.fetchall()
    for user, role, scope, assignment, group, expired in rows:
        pending = scope == book.root_id and book.roles[role].needs_scope
        holding = Holding(role, scope, assignment, group, expired, pending, role in book.switched_off)
        given[user].setdefault(role, []).append(holding)
    return [Subject(user, book, given[user.pk]) for user in users]


@cache
def _rows_around(vendor: str, users: int, scopes: int) -> str:
    """(user, role, scope, assignment, group, expired) of what so many users were given in so many scopes: their numbers are
    asked for twice. By hand: Django would join a table more, and planning it takes longer than all the rest."""
    rows, members = RoleAssignment._meta.db_table, User.groups.through._meta.db_table
    now, _ = RoleAssignment.objects.all().query.get_compiler(connection=connection).compile(Now())
    given = f"a.role_id, a.scope_id, a.id, a.group_id, a.expires_at <= {now}"
    asked, there = (", ".join(["%s"] * count) for count in (users, scopes))
    return (
        f"SELECT a.user_id, {given} FROM {rows} a WHERE a.user_id IN ({asked}) AND a.scope_id IN ({there}) UNION ALL "  # noqa: S608
        f"SELECT m.user_id, {given} FROM {members} m JOIN {rows} a ON a.group_id = m.group_id "
        f"WHERE m.user_id IN ({asked}) AND a.scope_id IN ({there})"
    )


def holders(role_ids: Collection[int], scope_ids: Collection[int] | None = None, when: Q = LIVE) -> list[QuerySet[Any]]:
    """Row numbers of the users who hold one of the roles now (in one of the scopes): a list of subqueries to unite.

    `when`: LIVE, or LASTING for those only who hold it without end.
    """
    book = rulebook()
    wanted = {role for role, held in book.held_with.items() if held & set(role_ids)} - book.switched_off.keys()
    rows = _effective(wanted, book, when)
    if scope_ids is not None:
        rows = rows.filter(scope__in=scope_ids)
    found = _users_of(rows)
    for default, unless in book.defaults:
        if default in wanted and (scope_ids is None or book.root_id in scope_ids):
            having = {role for role, held in book.held_with.items() if unless in held} - book.switched_off.keys()
            rows = union(_users_of(_effective(having, book, LIVE)))
            found.append(User.objects.people().exclude(pk__in=rows).values("pk"))
    return found


def _effective(role_ids: Collection[int], book: Rulebook, when: Q) -> QuerySet[RoleAssignment]:
    pending = [role for role in role_ids if book.roles[role].needs_scope]
    return RoleAssignment.objects.filter(when, role__in=role_ids).exclude(scope=book.root_id, role__in=pending)


def _users_of(rows: QuerySet[RoleAssignment]) -> list[QuerySet[Any]]:
    groups = rows.filter(group__isnull=False).values("group")
    return [rows.filter(user__isnull=False).values("user"), memberships().filter(group__in=groups).values("user")]


def union(querysets: list[QuerySet[Any]]) -> QuerySet[Any]:
    """UNION ALL: each branch keeps its own index; `|` between branches would lose them."""
    first, *others = [queryset.order_by() for queryset in querysets]  # a model's default order has no place in a branch
    return first.union(*others, all=True) if others else first
