"""The branches of a list: row numbers of the objects that lie where somebody holds roles, and below.

A list is the union of its branches. How many scopes somebody holds roles in decides how a branch is asked: with few, one
join serves all; with thousands, each kind begins with its own scopes, in a query that is written once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import reduce
from operator import and_, or_
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from accounts.models import Scope, ScopeClosure
from policies.compiled import Compiled
from policies.conditions import Condition
from policies.holdings import Subject
from policies.models import Resource
from policies.protected import Protected

FEW_SCOPES = 20

Branch = QuerySet[Any] | RawSQL


class Reach(NamedTuple):
    """Somebody reaches the objects of these entity types that lie in these scopes, or below, and meet the conditions."""

    conditions: tuple[Condition, ...]
    kinds: frozenset[int]
    scopes: set[int]


def branches_below(
    reaches: Iterable[Reach], subject: Subject, protected: Protected, rows: QuerySet[Any]
) -> Iterator[Branch]:
    """What is reached, of these rows of a protected model."""
    alike: dict[tuple[Condition, ...], list[Reach]] = defaultdict(list)
    for reach in reaches:
        alike[reach.conditions].append(reach)
    for conditions, some in alike.items():
        asked = rows.filter(all_of(conditions, subject, protected))
        if protected.model is Resource:
            yield from _resources_below(some, conditions, asked)
        else:
            scopes = set().union(*(reach.scopes for reach in some))
            yield asked.filter(**{f"{protected.scope}__in": scopes_below(scopes)})


def all_of(conditions: Iterable[Condition], subject: Subject, protected: Protected) -> Q:
    return reduce(and_, (condition.things(subject, protected) for condition in conditions), Q())


def _resources_below(
    reaches: list[Reach], conditions: Collection[Condition], asked: QuerySet[Resource]
) -> Iterator[Branch]:
    together: list[Reach] = []
    many: list[Reach] = []
    for reach in reaches:
        begins_with_them = len(reach.scopes) > FEW_SCOPES and not any(c.met_by_few for c in conditions)
        (many if begins_with_them else together).append(reach)
    if together:
        alike = (Q(entity_type__in=kinds, scope__above__ancestor__among=scopes) for _, kinds, scopes in together)
        yield asked.filter(reduce(or_, alike))
    upper = {pk for (pk,) in _not_projects(set().union(*(reach.scopes for reach in many)))} if many else set()
    for _, kinds, scopes in many:
        ends, more_below = scopes - upper, scopes & upper  # nothing lies below a project
        if conditions:
            here = Q(scope__among=ends) | (Q(scope__in=scopes_below(more_below)) if more_below else Q())
            yield asked.filter(here, entity_type__in=kinds)
            continue
        yield _resources_in.subquery(kinds, ends)
        if more_below:
            yield _resources_in_or_below.subquery(kinds, more_below)


def scopes_below(scopes: Collection[int]) -> QuerySet[Any]:
    """Row numbers of these scopes, and of all that lie below."""
    return ScopeClosure.objects.filter(ancestor__among=scopes).values("descendant")


@Compiled
def _not_projects(scopes: Collection[int]) -> QuerySet[Any]:
    return Scope.objects.filter(~Q(kind=Scope.Kind.PROJECT), pk__among=scopes).order_by().values_list("pk")


@Compiled
def _resources_in(kinds: Collection[int], scopes: Collection[int]) -> QuerySet[Any]:
    return Resource.objects.filter(entity_type__among=kinds, scope__among=scopes).order_by().values("pk")


@Compiled
def _resources_in_or_below(kinds: Collection[int], scopes: Collection[int]) -> QuerySet[Any]:
    return Resource.objects.filter(entity_type__among=kinds, scope__in=scopes_below(scopes)).order_by().values("pk")


def united(branches: Iterable[Branch]) -> RawSQL | None:
    """The row numbers that these give, to stand behind `in`: querysets, and what is written already. None: it gives none.

    UNION ALL: each branch keeps its own index; `|` between branches would lose them.
    """
    written: list[tuple[str, Sequence[Any]]] = []
    for branch in branches:
        with suppress(EmptyResultSet):
            if isinstance(branch, RawSQL):
                written.append((branch.sql, branch.params))
            else:
                written.append(branch.order_by().values("pk").query.sql_with_params())
    params = [param for _, given in written for param in given]
    return RawSQL(" UNION ALL ".join(sql for sql, _ in written), params) if written else None  # noqa: S611  written by Django
