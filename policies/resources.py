"""Resources as somebody meets them: which they see, which of their fields they see or change, which roles reach one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from accounts.models import Scope, User
from policies import access
from policies.access import ancestor_ids
from policies.actor import Actor
from policies.conditions import Field
from policies.holdings import LIVE
from policies.models import EntityType, Resource, Role, RoleAssignment
from policies.protected import PROTECTED, At
from policies.rulebook import Line, Rulebook, rulebook

MANAGING = (("register", "resource"), ("update", "resource"), ("retire", "resource"))
# What may be changed of a registered thing; one of another type or place is another thing.
CHANGEABLE = ("name", "external_id", "url", "owner", "parent", "visibility", "listed_roles", "tags")


def managed_resources(user: User, within: Scope | None = None) -> QuerySet[Resource]:
    """What lies where somebody may register, change or retire things, whether or not they may use them."""
    rows = Resource.objects.all()
    if within is not None:
        rows = rows.filter(scope__in=Scope.objects.inside(within).values("pk"))
    if _manages_everything(user):
        return rows
    return rows.filter(scope__in=access.permitted_scopes(user, *MANAGING).values("pk"))


def seen_resources(user: User, within: Scope | None = None) -> QuerySet[Resource]:
    """What somebody may see in lists, and what they manage: whoever changes a registration has to find it."""
    managed = managed_resources(user, within)
    if _manages_everything(user):
        return managed
    seen = access.visible_resources(user, within)
    if not access.permitted_scopes(user, *MANAGING).exists():
        return seen
    both = seen.order_by().values("pk").union(managed.order_by().values("pk"), all=True)
    return Resource.objects.filter(pk__in=both)


def _manages_everything(user: User) -> bool:
    everywhere = At("resource", access.root_for(user))
    return user.is_active and user.all_clusters and any(access.may(user, action, everywhere) for action, _ in MANAGING)


def with_what_is_asked(rows: QuerySet[Resource]) -> QuerySet[Resource]:
    """With everything that access.actions_for() and a line of a list read, so that rows cost no queries."""
    rows = rows.select_related("entity_type__catalogue", "scope", "owner", "parent")
    return rows.prefetch_related("listed_roles__catalogue", "tags__roles")


def registrable_types() -> list[EntityType]:
    """The types of things that services register, those of catalogues that are switched on."""
    kinds = rulebook().entity_types.values()
    found = [kind for kind in kinds if kind.catalogue.is_enabled and kind.seen_by and not lives_in_roster(kind)]
    return sorted(found, key=lambda kind: (kind.catalogue.position, kind.position))


def lives_in_roster(kind: EntityType) -> bool:
    """Whether objects of the type are Roster's own: projects, users … These are not registered."""
    return kind.is_shared and kind.code in PROTECTED


def sees_owner_email(kind: EntityType, allowed: Collection[str], *, in_directory: bool) -> bool:
    """Whether the owner's e-mail address is shown to somebody who may do these actions with a thing (H2O-10, H2O-11).

    Where the type names an action for it, that action alone decides; else it is shown to those who may list people.
    """
    action = kind.field_actions.get("owner_email")
    return action in allowed if action else in_directory


def changeable_fields(actor: Actor, resource: Resource) -> set[str]:
    """Which of CHANGEABLE the actor may change: all who may change the registration; else those that the type names
    an action for which they may do (H2O-06)."""
    if actor.may("update", At("resource", resource.scope)):
        return set(CHANGEABLE)
    named = resource.entity_type.field_actions.items()
    return {field for field, action in named if field in CHANGEABLE and actor.may(action, resource)}


def visibilities(kind: EntityType) -> list[str]:
    """The values that the type names for its visibility, and those that some rule about it asks for."""
    lines = (line for (_, of), found in rulebook().lines.items() if of == kind.pk for line in found)
    asked = (condition for line in lines for condition in line.conditions if isinstance(condition, Field))
    ruled = sorted(str(value) for field in asked if field.name == "visibility" for value in field.values)
    return list(dict.fromkeys([*kind.visibilities, *ruled]))


@dataclass(frozen=True)
class Reach:
    """A role that allows something on an object, where it is given, and to how many."""

    role: Role
    scope: Scope | None  # None: people hold it by default
    people: int
    groups: int
    services: int
    actions: tuple[tuple[str, str], ...]  # (label, "they own it": on which condition)

    @property
    def given_to(self) -> str:
        """ "20 users, 1 group"; empty for a role that people hold by default."""
        counts = ((self.people, "user"), (self.groups, "group"), (self.services, "service"))
        return ", ".join(f"{count:,} {noun}{'' if count == 1 else 's'}" for count, noun in counts if count)

    @property
    def by_condition(self) -> list[tuple[str, str]]:
        """("View, Launch", on which condition), in the order of the catalogue."""
        found: dict[str, list[str]] = defaultdict(list)
        for label, where in self.actions:
            found[where].append(label)
        return [(", ".join(labels), where) for where, labels in found.items()]


def roles_reaching(resource: Resource) -> list[Reach]:
    """The roles by which somebody may do something with the object now, nearest place first; two queries."""
    book = rulebook()
    allowing = {pk: _allows(book, pk, resource) for pk in book.roles.keys() - book.switched_off.keys()}
    allows = {pk: actions for pk, actions in allowing.items() if actions}
    above = ancestor_ids(book, resource)
    rows = RoleAssignment.objects.filter(LIVE, role__in=allows, scope__in=above).order_by()
    counted = rows.values("role", "scope").annotate(
        users=Count("user"), groups=Count("group"), services=Count("user", filter=Q(user__kind=User.Kind.SERVICE))
    )
    scopes = Scope.objects.in_bulk(above)
    found = [
        Reach(book.roles[row["role"]], scopes[row["scope"]], row["users"] - row["services"], row["groups"],
              row["services"], allows[row["role"]])
        for row in counted
        if not (book.roles[row["role"]].needs_scope and row["scope"] == book.root_id)
    ]  # fmt: skip
    found += [Reach(book.roles[pk], None, 0, 0, 0, allows[pk]) for pk, _ in book.defaults if pk in allows]
    return sorted(found, key=_nearest_first)


def _nearest_first(reach: Reach) -> tuple[int, str]:
    return -len(reach.scope.ancestor_ids) if reach.scope else 0, str(reach.role)


def _allows(book: Rulebook, role: int, resource: Resource) -> tuple[tuple[str, str], ...]:
    """What a role allows with the object: the label of each action, and the condition that nothing but the holder meets."""
    wheres: dict[str, set[str]] = defaultdict(set)
    for action, line in _lines(book, resource):
        if line.role_id in book.held_with[role] and _may_hold(line, resource):
            wheres[action].add(" and ".join(c.sentence for c in line.conditions if not c.of_the_object_alone))
    labels = resource.entity_type.actions_on_one
    return tuple(
        (label, "" if "" in wheres[action] else " or ".join(sorted(wheres[action])))
        for action, label in labels.items()
        if action in wheres
    )


def _lines(book: Rulebook, resource: Resource) -> Iterator[tuple[str, Line]]:
    for action in resource.entity_type.actions_on_one:
        for line in book.lines.get((action, resource.entity_type_id), ()):
            yield action, line


def _may_hold(line: Line, resource: Resource) -> bool:
    """Whether what the rule asks of the object alone is true."""
    seen = PROTECTED["resource"]
    alone = (condition for condition in line.conditions if condition.of_the_object_alone)
    return all(condition.holds(None, resource, seen) for condition in alone)  # type: ignore[arg-type]
