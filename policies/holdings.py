"""Who holds which role where. The only module that reads role assignments for decisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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

# Role, scope, assignment (None: by default), group, whether it has expired: a row of _rows_of().
Given = Sequence[Any]


class Holding(NamedTuple):
    """One role as a subject holds it in one scope, with what takes its effect away.

    A tuple: some hold thousands, and those that are asked for are made anew in every request.
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

    `given` are the rows that gave roles, by role; how a role is held is worked out for the roles that are asked. A Holding
    among them is taken as it is: that of another subject, of which this one is a part.
    """

    user: User
    book: Rulebook
    given: Mapping[int, Sequence[Given]] = field(default_factory=dict)

    def held(self, role_id: int) -> list[Holding]:
        """How the subject holds a role, also without effect: given as such, or coming with another."""
        found = self._held.get(role_id)
        if found is None:
            found = self._held[role_id] = [
                holding if giver == role_id else holding._replace(role_id=role_id, included_in=giver)
                for giver in self.book.comes_with.get(role_id, ())
                for holding in self._itself(giver)
            ]
        return found

    @cached_property
    def _held(self) -> dict[int, list[Holding]]:
        return {}

    def _itself(self, role_id: int) -> Iterator[Holding]:
        """How a role was given, or is held by default; one after the other: whether it has effect, the first may tell."""
        off, root = role_id in self.book.switched_off, self.book.root_id
        needs_scope = self.book.roles[role_id].needs_scope
        for row in self.given.get(role_id, ()):
            if isinstance(row, Holding):
                yield row
                continue
            role, scope, assignment, group, expired = row
            if assignment is None:
                yield Holding(role, scope)
            else:
                yield Holding(role, scope, assignment, group, expired, needs_scope and scope == root, off)

    def scope_ids(self, role_id: int) -> set[int]:
        """Row numbers of the scopes where the subject holds a role in effect."""
        givers = self.book.comes_with.get(role_id, frozenset()) & self.given.keys()
        return set().union(*map(self._scopes_given, givers))

    def _scopes_given(self, role_id: int) -> set[int]:
        """Row numbers of the scopes where the role itself was given, or is held by default, in effect."""
        found = self._given_in.get(role_id)
        if found is None:
            found = self._given_in[role_id] = set(self._in_effect(role_id))
        return found

    def _in_effect(self, role_id: int) -> Iterable[int]:
        """Scopes of the holdings in effect. What only expiry can end is not made into holdings first: some hold thousands."""
        rows = self.given.get(role_id, ())
        may_lack_more = role_id in self.book.switched_off or self.book.roles[role_id].needs_scope
        if may_lack_more or (rows and isinstance(rows[0], Holding)):
            return (holding.scope_id for holding in self._itself(role_id) if holding.in_effect)
        return (scope for _, scope, _, _, expired in rows if not expired)

    @cached_property
    def _given_in(self) -> dict[int, set[int]]:
        return {}

    @cached_property
    def role_ids(self) -> frozenset[int]:
        """Row numbers of the roles that the subject holds in effect somewhere."""
        return self.roles_in_effect()

    def roles_in_effect(self) -> frozenset[int]:
        """The same, asked anew: before and after the default roles are known."""
        effective = (role for role in self.given if any(holding.in_effect for holding in self._itself(role)))
        return frozenset().union(*(self.book.held_with[role] for role in effective))

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
    given: defaultdict[int, list[Given]] = defaultdict(list)
    for row in _rows_of(user.pk):
        given[row[0]].append(row)
    subject = Subject(user, book, given)
    if user.is_person:
        effective = subject.roles_in_effect()
        for role, unless in book.defaults:
            if unless not in effective:
                given[role].append((role, book.root_id, None, None, False))
    return subject


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
    given: dict[int, defaultdict[int, list[Given]]] = {user.pk: defaultdict(list) for user in users}
    with connection.cursor() as cursor:
        numbers = [*given, *scopes]
        cursor.execute(_rows_around(connection.vendor, len(given), len(scopes)), [*numbers, *numbers])
        rows = cursor.fetchall()
    for user, *row in rows:
        given[user][row[0]].append(row)
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
    by_default = (User.objects.filter(who).values("pk") for who in holders_by_default(role_ids, scope_ids))
    return [*holders_by_assignment(role_ids, scope_ids, when), *by_default]


def holders_by_assignment(
    role_ids: Collection[int], scope_ids: Collection[int] | None = None, when: Q = LIVE
) -> list[QuerySet[Any]]:
    """Those of them who were given such a role, or one that it comes with."""
    book = rulebook()
    rows = _effective(_givers(role_ids, book), book, when)
    return _users_of(rows if scope_ids is None else rows.filter(scope__in=scope_ids))


def holders_by_default(role_ids: Collection[int], scope_ids: Collection[int] | None = None) -> list[Q]:
    """Those of them who hold it unless they hold another, as what is asked of a user: nearly everybody."""
    book = rulebook()
    wanted, found = _givers(role_ids, book), []
    for default, unless in book.defaults:
        if default in wanted and (scope_ids is None or book.root_id in scope_ids):
            having = {role for role, held in book.held_with.items() if unless in held} - book.switched_off.keys()
            rows = union(_users_of(_effective(having, book, LIVE)))
            found.append(Q(kind=User.Kind.PERSON) & ~Q(pk__in=rows))
    return found


def _givers(role_ids: Collection[int], book: Rulebook) -> set[int]:
    """The roles in effect that bring one of these."""
    return {role for role, held in book.held_with.items() if held & set(role_ids)} - book.switched_off.keys()


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
