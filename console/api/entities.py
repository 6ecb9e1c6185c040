"""Whom and what services name in their questions: found in the database, all of a request's together.

    subject   user (whoever it is), project_user or service; by id, username, or a person's e-mail
    resource  of an entity type, by its code or in full (`catalogue:code`); by id, by the name that its kind has (slug of a
              place, name of a group, what the service that runs it calls it), or `project:vision-lab` instead of an id:
              some thing of the type in that place
    A thing that is not registered is taken as the service states it, where its type says which properties mean what
    (`attributes` in the catalogue) and the service is trusted for them. What Roster knows is stronger.

Everything here answers None for what there is not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Model, Q, QuerySet
from django.db.models.functions import Upper

from accounts.models import Scope, User
from policies.compiled import Compiled, columns_of, made
from policies.conditions import LISTS
from policies.models import EntityType, Resource
from policies.protected import PROTECTED, At, OrgAssignment
from policies.rulebook import Rulebook, rulebook

# The columns that decisions read; of each one more, Django makes objects longer at the query.
SUBJECT = columns_of(User, "uid", "username", "kind", "is_active", "all_clusters")
RESOURCE = columns_of(Resource, "uid", "external_id", "entity_type", "owner", "parent", "visibility")
PLACE = columns_of(Scope, "kind", "path", "cluster", "name")
LONGEST = 255  # characters; no id or name is longer


class Entity(NamedTuple):
    """A subject or resource as a question names it."""

    type: str
    id: str = ""
    properties: dict[str, Any] = {}


class Question(NamedTuple):
    subject: Entity
    action: str
    resource: Entity


SUBJECTS: dict[str, list[str]] = {
    "user": User.Kind.values,
    "project_user": [User.Kind.PROJECT_USER],
    "service": [User.Kind.SERVICE],
}
# {code of a type of Roster's own: the columns that name its objects}, the last one strongest.
NAMES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(Scope.Kind.values, ("slug", "uid")),
    **dict.fromkeys(SUBJECTS, ("username", "uid")),
    "group": ("name", "profile__uid"),
    "role": ("full_name", "uid"),
    "catalogue": ("code",),
    "role_assignment": ("uid",),
    "org_assignment": ("uid",),
    "app_token": ("uid",),
}
OF_RESOURCES = ("external_id", "uid")
RELATED = {
    "group": ("profile",),
    "role_assignment": ("scope",),
    "org_assignment": ("scope",),
    "app_token": ("project",),
}


def type_of(book: Rulebook, name: str, action: str | None) -> EntityType | None:
    """The entity type that a question means: among those of this name the one that has the action, Roster's own first."""
    code = name.rpartition(":")[2]
    found = [kind for kind in book.entity_types.values() if kind.code == code and name in (code, kind.full_name)]
    if action is not None:
        found = [kind for kind in found if action in kind.actions]
    own = [kind for kind in found if kind.is_shared]
    return (own or found)[0] if len(own or found) == 1 else None


def kinds_of_subjects(book: Rulebook, name: str) -> Collection[str]:
    """The kinds of users that a type of subjects means; empty for a type that nobody is of."""
    kind = book.type_called(name)
    return SUBJECTS.get(kind.code, ()) if kind and kind.is_shared else ()


def users_called(names: Iterable[str], as_things: bool = False) -> dict[str, User]:
    """{name as it was asked: user}, by id or username, else by a person's e-mail; one that two people have is nobody's.

    `as_things`: decisions are about them, which need to know where they lie.
    """
    folded = {name: name.lower() for name in names if _is_possible(name)}
    if not folded:
        return {}
    wanted = set(folded.values())
    found: dict[str, User] = {}
    users = User.objects.select_related("project") if as_things else User.objects.only(*SUBJECT)
    users = users.order_by()
    if len(wanted) == 1 and not as_things:
        rows = [made(User, SUBJECT, row) for row in _subjects(*wanted)]
    else:
        rows = list(users.filter(Q(username__in=wanted) | Q(uid__in=wanted)))
    found.update((user.username, user) for user in rows)
    found.update((user.uid, user) for user in rows)
    addresses = {name for name in wanted - found.keys() if "@" in name}
    if addresses:
        people = users.filter(kind=User.Kind.PERSON).annotate(address=Upper("email"))
        by_address: dict[str, list[User]] = defaultdict(list)
        for user in people.filter(address__in=[address.upper() for address in addresses]):
            by_address[user.address.lower()].append(user)
        found.update((address, users[0]) for address, users in by_address.items() if len(users) == 1)
    return {name: found[known] for name, known in folded.items() if known in found}


@Compiled
def _subjects(name: str) -> QuerySet[Any]:
    return User.objects.filter(Q(username=name) | Q(uid=name)).order_by().values_list(*SUBJECT)


def places_called(names: Iterable[str]) -> dict[str, Scope]:
    """{name as it was asked: place}, by id, `kind:slug`, or by slug where one place alone has it."""
    parts = {name: name.rpartition(":") for name in names if _is_possible(name)}
    slugs = {slug for _, _, slug in parts.values()}
    if not slugs:
        return {}
    by_name: dict[str, list[Scope]] = defaultdict(list)
    for scope in Scope.objects.filter(Q(slug__in=slugs) | Q(uid__in=slugs)).order_by():
        for name in {scope.uid, scope.slug, f"{scope.kind}:{scope.slug}", f"{scope.kind}:{scope.uid}"}:
            by_name[name].append(scope)
    return {name: by_name[name][0] for name in parts if len(by_name.get(name, ())) == 1}


def id_of(thing: Any) -> str:
    """How answers name an object: so that it is found by this name when it is asked about."""
    if isinstance(thing, Resource):
        return thing.external_id or thing.uid
    if isinstance(thing, Scope):
        return thing.slug
    if isinstance(thing, User):
        return thing.username
    return str(getattr(thing, "uid", "") or getattr(thing, "code", "") or thing)


def order_of(model: type[Model]) -> str:
    """The unique column by which answers put objects in order: no row number leaves the house."""
    if issubclass(model, Scope):
        return "slug"  # once for each kind
    columns = {column.name for column in model._meta.fields}
    return next(name for name in ("username", "uid", "code", "name") if name in columns)


@dataclass
class Named:
    """Everybody and everything that the questions of one request name."""

    service: User
    questions: list[Question]
    book: Rulebook = field(default_factory=rulebook)
    any_action: bool = False  # which actions are allowed is what is asked
    users: dict[str, User] = field(init=False)
    places: dict[str, Scope] = field(init=False)
    registered: dict[tuple[int, str], Any] = field(init=False)

    def __post_init__(self) -> None:
        profile = getattr(self.service, "service_profile", None)
        self.trusted = frozenset(profile.trusted_attributes if profile else ())
        self.types = {
            (q.resource.type, q.action): type_of(self.book, q.resource.type, None if self.any_action else q.action)
            for q in self.questions
        }
        stated = [self.stated(q) for q in self.questions]
        names = {q.subject.id for q in self.questions} | {s["owner"] for s in stated if "owner" in s}
        about_users = False
        ids: dict[int, set[str]] = defaultdict(set)
        for question in self.questions:
            kind = self.types[question.resource.type, question.action]
            if kind and _is_possible(question.resource.id):
                ids[kind.pk].add(question.resource.id)
                if _own(kind) in SUBJECTS:
                    about_users = True
                    names.add(question.resource.id)
        self.users = users_called(names, about_users)
        self.registered = {
            (pk, name): thing for pk in ids for name, thing in self._found(self.book.entity_types[pk], ids[pk]).items()
        }
        places = {s["place"] for s in stated if "place" in s}
        places |= {name for pk in ids for name in ids[pk] if ":" in name and (pk, name) not in self.registered}
        self.places = places_called(places)

    def subject(self, question: Question) -> User | None:
        user = self.users.get(question.subject.id)
        return user if user and user.kind in kinds_of_subjects(self.book, question.subject.type) else None

    def thing(self, question: Question) -> Any:
        """The object that a question is about: registered, some thing in a place, or as the service states it."""
        kind, asked = self.types[question.resource.type, question.action], question.resource
        if kind is None:
            return None
        if (kind.pk, asked.id) in self.registered:
            return self.registered[kind.pk, asked.id]
        if asked.id in self.places and ":" in asked.id:
            return At(kind.code if kind.is_shared else kind.full_name, self.places[asked.id])
        return self._as_stated(kind, self.stated(question)) if kind.attributes and not _own(kind) else None

    def stated(self, question: Question) -> dict[str, str]:
        """{owner, visibility or place: value} that the service may state, and does."""
        kind = self.types[question.resource.type, question.action]
        given = question.resource.properties
        return {
            means: given[name]
            for name, means in (kind.attributes.items() if kind else ())
            if means in self.trusted and isinstance(given.get(name), str)
        }

    def _as_stated(self, kind: EntityType, stated: dict[str, str]) -> Resource | None:
        place = self.places.get(stated["place"]) if "place" in stated else self.book.root
        if place is None:
            return None
        owner = self.users.get(stated.get("owner", ""))
        return Resource(entity_type=kind, scope=place, owner=owner, visibility=stated.get("visibility", ""))

    def _found(self, kind: EntityType, ids: set[str]) -> dict[str, Any]:
        """{id as it was asked: object of an entity type}."""
        own = _own(kind)
        if own in SUBJECTS:
            return {name: user for name in ids if (user := self.users.get(name)) and _own_type(user) == own}
        if own == "role":
            return _by_names(self.book.roles.values(), ids, NAMES[own])
        if own == "resource":  # registering and retiring: decided where it lies, whatever type it is of
            some = Resource.objects.filter(uid__in=ids).select_related("scope")
            return {thing.uid: At(own, thing.scope) for thing in some}
        if own and own not in NAMES:
            return {}
        if not own and len(ids) == 1:  # of one, only a rule that asks reads what it lists and belongs to
            return _by_names(_resource_called(kind.pk, *ids), ids, OF_RESOURCES)
        columns = NAMES[own] if own else OF_RESOURCES
        which = Q()
        for column in columns:
            which |= Q(**{f"{column}__in": ids})
        rows = _rows_of(kind).filter(which)
        if not own:
            rows = rows.prefetch_related("parent", *LISTS)
        found = _by_names(rows, ids, columns)
        return {n: OrgAssignment(a.scope) for n, a in found.items()} if own == "org_assignment" else found


def _resource_called(kind: int, name: str) -> list[Resource]:
    found = []
    for row in _resources(kind, name):
        found.append(made(Resource, RESOURCE, row[: len(RESOURCE)]))
        found[-1].scope = made(Scope, PLACE, row[len(RESOURCE) :])
    return found


@Compiled
def _resources(kind: int, name: str) -> QuerySet[Any]:
    rows = Resource.objects.filter(Q(external_id=name) | Q(uid=name), entity_type=kind).order_by()
    return rows.values_list(*RESOURCE, *(f"scope__{column}" for column in PLACE))


def _rows_of(kind: EntityType) -> QuerySet[Any]:
    own = _own(kind)
    if not own:
        some = Resource.objects.select_related("scope").only(*RESOURCE, *(f"scope__{column}" for column in PLACE))
        return some.filter(entity_type=kind.pk).order_by()
    rows: QuerySet[Any] = PROTECTED[own].model._default_manager.order_by()
    return rows.select_related(*RELATED[own]) if own in RELATED else rows


def _by_names(rows: Iterable[Model], ids: Collection[str], columns: tuple[str, ...]) -> dict[str, Any]:
    things = list(rows)
    found = {}
    for column in columns:
        for thing in things:
            name = _value(thing, column)
            if name in ids:
                found[name] = thing
    return found


def _value(thing: Any, path: str) -> Any:
    for name in path.split("__"):
        thing = getattr(thing, name)
    return thing


def _own(kind: EntityType) -> str:
    """The code of a type whose objects Roster itself keeps, or has nothing of; empty for things that services run."""
    return kind.code if kind.is_shared else ""


def _own_type(user: User) -> str:
    return "user" if user.is_person else user.kind


def _is_possible(name: str) -> bool:
    """No database looks for NUL, and none keeps so long a name."""
    return 0 < len(name) <= LONGEST and "\x00" not in name
