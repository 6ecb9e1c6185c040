"""What somebody may ask about, found by what they type. What one may not see is not found, like what does not exist."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Left, Length
from django.db.models.lookups import Contains

from accounts.models import Scope, User
from console.navigation import visible_projects
from console.protection import visible_assignments, visible_catalogues, visible_resources, visible_roles
from console.questions import EXPLAIN, id_of
from policies import access
from policies.holdings import memberships, union
from policies.models import EntityType, Resource, RoleAssignment
from policies.protected import At
from policies.rulebook import rulebook

OFFERED = 10  # of several that fit
UNKNOWN = "Nothing that you may see is called that."
Branches = Sequence[QuerySet[Any]]
Named = Callable[[str], tuple[Q, ...]]


class Several(ValidationError):
    """More than one thing fits; `found` are the first of them."""

    def __init__(self, found: list[Any]) -> None:
        more = " Type more of the name, if it is none of these." if len(found) > OFFERED else ""
        super().__init__(f"Several fit. Which one?{more}")
        self.found = found[:OFFERED]


class Finder(NamedTuple):
    """How things of a kind are found: among which rows, by which conditions (the first that fits counts), in which order."""

    rows: Callable[[User, EntityType, Scope | None], Branches]
    named: Named
    order: tuple[str, ...]


RELATED = {
    "User": ("project",),
    "Role": ("catalogue",),
    "Resource": ("entity_type__catalogue", "scope__cluster", "owner", "parent__owner"),
    "RoleAssignment": ("role__catalogue", "scope", "user", "group"),
    "Scope": ("parent", "cluster"),
    "Group": ("profile",),
}


def find(branches: Branches, text: str, named: Named, order: tuple[str, ...]) -> Any:
    """The one row that a text means. Raises ValidationError for none, Several."""
    for condition in named(text):
        found = _rows(branches, condition, order)
        if len(found) == 1:
            return found[0]
        if found:
            raise Several(found)
    raise ValidationError(UNKNOWN)


def _rows(branches: Branches, condition: Q, order: tuple[str, ...]) -> list[Any]:
    """The first rows that fit; each branch is narrowed by itself, so that it keeps its index."""
    model = branches[0].model
    narrowed = union([branch.filter(condition).values("pk") for branch in branches])
    rows = model._default_manager.filter(pk__in=narrowed).order_by(*order)
    return list(rows.select_related(*RELATED.get(model.__name__, ()))[: OFFERED + 1])


# What one may see


def visible_places(viewer: User) -> Branches:
    """The organization, the projects that one sees, the departments and clusters that one may open, and where one may
    ask about others."""
    return [
        Scope.objects.filter(kind=Scope.Kind.ORGANIZATION),
        _scopes(visible_projects(viewer)),
        _scopes(access.permitted(viewer, "read", "department")),
        _scopes(access.permitted(viewer, "read", "cluster")),
        access.permitted_scopes(viewer, EXPLAIN),
    ]


def _scopes(rows: QuerySet[Any]) -> QuerySet[Scope]:
    return Scope.objects.filter(pk__in=rows.order_by().values("pk"))


def visible_users(viewer: User, scope: Scope) -> Branches:
    """Oneself, the users whom one may list, and whoever has a role that reaches this place, for who may see that."""
    found: list[QuerySet[Any]] = [*listed_users(viewer)]
    if access.may(viewer, "read", At("role_assignment", scope)):
        given = RoleAssignment.objects.filter(scope__in=scope.ancestor_ids)
        groups = memberships().filter(group__in=given.filter(group__isnull=False).values("group")).values("user")
        held = union([given.filter(user__isnull=False).values("user"), groups])
        found.append(User.objects.filter(pk__in=held))
    return found


def listed_users(viewer: User) -> Branches:
    """Oneself, and everybody whom one may list: people, project users, services."""
    return [
        User.objects.filter(pk=viewer.pk),
        access.permitted(viewer, "list", "user"),
        access.permitted(viewer, "list", "project_user"),
        access.permitted(viewer, "read", "service"),
    ]


def _users(viewer: User, kind: EntityType, place: Scope | None) -> Branches:
    """Users of one kind as objects."""
    return [branch.filter(kind="person" if kind.code == "user" else kind.code) for branch in listed_users(viewer)]


def _places(viewer: User, kind: EntityType, place: Scope | None) -> Branches:
    return [branch.filter(kind=kind.code) for branch in visible_places(viewer)]


def _groups(viewer: User, kind: EntityType, place: Scope | None) -> Branches:
    return [access.permitted(viewer, "list", "group"), access.permitted(viewer, "read", "group")]


def _roles(viewer: User, kind: EntityType, place: Scope | None) -> Branches:
    return [visible_roles(viewer)]


def _catalogues(viewer: User, kind: EntityType, place: Scope | None) -> Branches:
    return [visible_catalogues(viewer)]


def _assignments(viewer: User, kind: EntityType, place: Scope | None) -> Branches:
    return [visible_assignments(viewer)]


def _resources(viewer: User, kind: EntityType, place: Scope | None) -> Branches:
    """Resources of the kind that one sees, and those in the places where one may ask about others."""
    action, decision = EXPLAIN
    if access.may(viewer, action, At(decision, rulebook().root)):
        found = [Resource.objects.all()]
    else:
        explained = access.permitted_scopes(viewer, EXPLAIN).order_by().values("pk")
        found = [visible_resources(viewer), Resource.objects.filter(scope__in=explained)]
    if place:
        found = [rows.filter(scope__above__ancestor=place) for rows in found]
    return [rows.filter(entity_type=kind.pk) for rows in found]


# How a text names a row: by its id alone, then by its exact name, then by a part of it


def place_named(text: str) -> tuple[Q, ...]:
    kind, _, slug = text.lower().rpartition(":")
    exact = Q(slug=slug, kind=kind) if kind else Q(slug=slug) | Q(name__iexact=text)
    return Q(uid=text), exact, Q(name__icontains=text)


def user_named(text: str) -> tuple[Q, ...]:
    """E-mail addresses are not looked into: they stand at the end of the search text."""
    folded = text.casefold()
    names = Contains(Left(F("search_text"), Length("search_text") - Length("email")), folded)
    return Q(uid=text), Q(username=folded), Q(description__iexact=text), Q(names)


def user_named_or_written_to(text: str) -> tuple[Q, ...]:
    """By e-mail address too: for those who may list people."""
    *names, _ = user_named(text)
    return *names, Q(email__iexact=text), Q(search_text__contains=text.casefold())


def _named(text: str) -> tuple[Q, ...]:
    """Groups."""
    return Q(profile__uid=text), Q(name__iexact=text), Q(name__icontains=text)


def _coded(text: str) -> tuple[Q, ...]:
    """Roles: by id, full name, code or label."""
    catalogue, _, code = text.lower().rpartition(":")
    exact = Q(code=code, catalogue__code=catalogue) if catalogue else Q(code=code) | Q(label__iexact=text)
    return Q(uid=text), exact, Q(label__icontains=text)


def _resource_named(text: str) -> tuple[Q, ...]:
    return Q(uid=text), Q(external_id=text), Q(name__iexact=text), Q(name__icontains=text)


def _catalogue_named(text: str) -> tuple[Q, ...]:
    return Q(code=text.lower()), Q(label__iexact=text), Q(label__icontains=text)


def _by_id(text: str) -> tuple[Q, ...]:
    return (Q(uid=text),)


# {entity type: how its objects are found}; `resource` for those of all types that Roster does not know.
FINDERS: dict[str, Finder] = {
    **{kind: Finder(_places, place_named, ("name", "pk")) for kind in Scope.Kind.values},
    **{kind: Finder(_users, user_named, ("description", "username")) for kind in ("user", "project_user", "service")},
    "group": Finder(_groups, _named, ("name", "pk")),
    "role": Finder(_roles, _coded, ("label", "pk")),
    "catalogue": Finder(_catalogues, _catalogue_named, ("position", "pk")),
    "role_assignment": Finder(_assignments, _by_id, ("pk",)),
    "resource": Finder(_resources, _resource_named, ("name", "pk")),
}


def named_in_list(thing: Any) -> dict[str, str]:
    """What tells one of several things from the others: label, detail, and the id that asks for it."""
    match thing:
        case User():
            where = f", {thing.project}" if thing.project else ""
            return {"label": thing.label, "detail": f"{thing.username}{where}", "value": thing.uid}
        case Scope():
            above = f" in {thing.parent}" if thing.parent else ""
            return {"label": thing.name, "detail": f"{thing.kind}{above}", "value": thing.uid}
        case Resource():
            return {"label": thing.name, "detail": f"in {thing.scope}", "value": thing.uid}
        case Group():
            return {"label": thing.name, "detail": "group", "value": id_of(thing)}
    detail = getattr(thing, "full_name", "") or getattr(thing, "code", "")
    return {"label": str(thing), "detail": str(detail), "value": id_of(thing)}
