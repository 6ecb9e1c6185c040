"""Who holds which role where. The only module that reads role assignments for decisions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from accounts.models import User
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
    included_in: int | None = None  # held because this role includes it
    expired: bool = False
    pending: bool = False
    switched_off: bool = False

    @property
    def in_effect(self) -> bool:
        return not (self.expired or self.pending or self.switched_off)


@dataclass
class Subject:
    """A person, project user or service as the rules see them: loaded once per request, in two or three small queries."""

    user: User
    book: Rulebook
    every: list[Holding] = field(default_factory=list)  # also those without effect: `explain` needs them

    @cached_property
    def holdings(self) -> list[Holding]:
        return [holding for holding in self.every if holding.in_effect]

    @cached_property
    def role_ids(self) -> frozenset[int]:
        return frozenset(holding.role_id for holding in self.holdings)

    @cached_property
    def by_role(self) -> dict[int, list[Holding]]:
        found: dict[int, list[Holding]] = {}
        for holding in self.every:
            found.setdefault(holding.role_id, []).append(holding)
        return found

    @cached_property
    def cluster_ids(self) -> frozenset[int] | None:
        """The boundary: None means every cluster."""
        return None if self.user.all_clusters else frozenset(self.user.clusters.values_list("pk", flat=True))


def subject_for(user: User) -> Subject:
    """Cached on the user object, that is: for one request."""
    subject = getattr(user, "_subject", None)
    if subject is None:
        subject = user._subject = _load(user)  # type: ignore[attr-defined]
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
    columns = ("pk", "role_id", "scope_id", "group_id", "expires_at", "now")
    rows = RoleAssignment.objects.annotate(now=Now())
    direct = rows.filter(user=user.pk).values_list(*columns)
    by_group = rows.filter(group__in=memberships().filter(user=user.pk).values("group")).values_list(*columns)
    given = []
    for pk, role, scope, group, end, now in direct.union(by_group, all=True):
        given.append(
            Holding(
                role,
                scope,
                pk,
                group,
                expired=end is not None and end <= now,
                pending=book.roles[role].needs_scope and scope == book.root_id,
                switched_off=role in book.switched_off,
            )
        )
    if user.is_person:
        effective = {role for holding in given if holding.in_effect for role in book.held_with[holding.role_id]}
        given += [Holding(role, book.root_id) for role, unless in book.defaults if unless not in effective]
    every = []
    for holding in given:
        every.append(holding)
        every += [
            holding._replace(role_id=included, included_in=holding.role_id)
            for included in book.held_with[holding.role_id] - {holding.role_id}
        ]
    return Subject(user, book, every)


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
