"""What a user may do, rule by rule and share by share, each with its conditions and where it comes from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import QuerySet

from accounts.models import Scope, User
from policies.abilities import lines_in_order
from policies.access import outside, type_id
from policies.holdings import Holding, Subject, memberships, subject_for
from policies.models import EntityType
from policies.protected import PROTECTED, At, Protected

ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Allowance:
    """One action on the things of one entity type, in one place or on one object."""

    entity_type: EntityType
    action: str
    conditions: tuple[str, ...]
    source: str


def allowances(user: User, scope: Scope | None = None) -> Iterator[Allowance]:
    """What the user may do on the things in a scope, or anywhere; nothing for who is disabled or bound to other clusters.

    Rules come first, in the order of the catalogues, then what is shared with the user or their groups.
    """
    if not user.is_active:
        return
    subject = subject_for(user)
    if scope is not None and outside(subject, At("", scope)):
        return
    yield from _by_roles(subject, scope)
    for protected in PROTECTED.values():
        # What has no place of its own lies in the organization alone.
        if protected.shares and (protected.scope or scope is None or scope.pk == subject.book.root_id):
            yield from _by_shares(subject, protected, scope)


def _by_roles(subject: Subject, scope: Scope | None) -> Iterator[Allowance]:
    above = None if scope is None else set(scope.ancestor_ids)
    held: dict[int, list[Holding]] = defaultdict(list)
    for holding in subject.holdings:
        if above is None or holding.scope_id in above:
            held[holding.role_id].append(holding)
    every = [holding for holdings in held.values() for holding in holdings]
    places = Scope.objects.in_bulk({holding.scope_id for holding in every})
    groups = Group.objects.in_bulk({holding.group_id for holding in every if holding.group_id})
    for action, kind, line in lines_in_order(subject.book, held):
        conditions = tuple(condition.sentence for condition in line.conditions)
        for holding in held[line.role_id]:
            place = places[holding.scope_id]
            if not outside(subject, place):
                yield Allowance(kind, action, conditions, _source(subject, holding, place, groups))


def _source(subject: Subject, holding: Holding, place: Scope, groups: dict[int, Group]) -> str:
    roles = subject.book.roles
    role = f"{roles[holding.role_id]}, part of {roles[holding.included_in]}," if holding.included_in else ""
    role = role or str(roles[holding.role_id])
    if holding.assignment_id is None:
        return f"{role}, as everybody"
    through = f", through group {groups[holding.group_id]}" if holding.group_id else ""
    return f"{role} in {place}{through}"


def _by_shares(subject: Subject, protected: Protected, scope: Scope | None) -> Iterator[Allowance]:
    assert protected.shares is not None
    things = protected.model._default_manager.filter(protected.where)
    if scope is not None and protected.scope:
        things = things.filter(**{f"{protected.scope}__in": Scope.objects.inside(scope).values("pk")})
    mine = memberships().filter(user=subject.user.pk).values("group")
    for table, holder, them in zip(protected.shares, ("user", "group"), ([subject.user.pk], mine), strict=True):
        rows: QuerySet[Any] = table._default_manager.filter(**{f"{holder}__in": them}, content_object__in=things)
        for share in rows.select_related("permission", "content_object", holder).order_by("pk").iterator(ROWS_AT_ONCE):
            thing = share.content_object
            if not outside(subject, thing):
                kind = subject.book.entity_types[type_id(subject.book, thing)]
                source = "Shared with them" if holder == "user" else f"Shared with group {share.group}"
                yield Allowance(kind, share.permission.codename, (f"it is {thing}",), source)
