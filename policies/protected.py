"""Which models are protected, and how access control sees their objects.

For each entity type that Roster itself knows: the model, and the paths to what rules can ask about. One path serves both
notations: read from an object in Python, looked up in a queryset.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from django.contrib.auth.models import Group
from django.db.models import Model, Q

from accounts.models import Cluster, Department, Organization, Project, Scope, User
from policies.models import (
    AppToken,
    AuditEvent,
    Catalogue,
    EntityType,
    ProjectShareWithGroup,
    ProjectShareWithUser,
    Resource,
    ResourceShareWithGroup,
    ResourceShareWithUser,
    Role,
    RoleAssignment,
    UserShareWithGroup,
    UserShareWithUser,
)


class At(NamedTuple):
    """Some object of an entity type in a scope; without a scope: anywhere (a page)."""

    entity_type: str
    scope: Scope | None = None

    def __str__(self) -> str:
        name = self.entity_type.replace("_", " ")
        return f"{name} in {self.scope}" if self.scope else name


@dataclass(frozen=True)
class OrgAssignment:
    """Putting somebody into a place, whatever the role: asked beside the role assignment itself (RUN-12)."""

    scope: Scope
    pk = None

    def __str__(self) -> str:
        return f"somebody in {self.scope}"


@dataclass(frozen=True)
class Protected:
    """How access control sees the objects of one entity type.

    `scope` is the path to the row number of the scope that an object lies in; empty means the root. `cluster` leads on to
    the cluster of that scope; empty where the object knows but a number (a trail keeps what is gone). `fields` are the
    further paths that a rule's conditions may name. `shares` are guardian's direct tables, for users and for groups.
    """

    model: type[Model]
    where: Q = field(default_factory=Q)
    scope: str = ""
    cluster: str = ""
    owner: str = ""
    parent_owner: str = ""
    listed: bool = False
    fields: dict[str, str] = field(default_factory=dict)
    shares: tuple[type[Model], type[Model]] | None = None


PROTECTED = {
    "organization": Protected(Organization, scope="pk", cluster="cluster"),
    "cluster": Protected(Cluster, scope="pk", cluster="cluster"),
    "department": Protected(Department, scope="pk", cluster="cluster"),
    "project": Protected(Project, scope="pk", cluster="cluster", shares=(ProjectShareWithUser, ProjectShareWithGroup)),
    "user": Protected(User, where=Q(kind=User.Kind.PERSON), shares=(UserShareWithUser, UserShareWithGroup)),
    "project_user": Protected(
        User,
        where=Q(
            project__isnull=False
        ),  # the same as their kind, by a constraint; and an index of the project's users knows it
        scope="project_id",
        cluster="project__cluster",
        shares=(UserShareWithUser, UserShareWithGroup),
    ),
    "service": Protected(User, where=Q(kind=User.Kind.SERVICE)),
    "group": Protected(Group),
    "role": Protected(Role),
    "catalogue": Protected(Catalogue),
    "role_assignment": Protected(
        RoleAssignment, scope="scope_id", cluster="scope__cluster", fields={"role": "role_id", "target": "scope__kind"}
    ),
    "org_assignment": Protected(
        RoleAssignment, scope="scope_id", cluster="scope__cluster", fields={"target": "scope__kind"}
    ),
    "event_history": Protected(AuditEvent, scope="scope_id"),
    "app_token": Protected(AppToken, scope="project_id", owner="made_by_id"),
    "resource": Protected(
        Resource,
        scope="scope_id",
        cluster="scope__cluster",
        owner="owner_id",
        parent_owner="parent__owner_id",
        listed=True,
        fields={"visibility": "visibility"},
        shares=(ResourceShareWithUser, ResourceShareWithGroup),
    ),
}


def entity_type_of(thing: Any) -> str:
    """The key in PROTECTED of an object. Raises TypeError for what is not protected: unknown things are never allowed."""
    if isinstance(thing, At):
        return thing.entity_type
    if isinstance(thing, OrgAssignment):
        return "org_assignment"
    if isinstance(thing, User):
        return "user" if thing.is_person else thing.kind
    if isinstance(thing, Scope):
        return thing.kind
    return _name_of(thing.__class__)


@cache
def _name_of(model: type) -> str:
    for name, protected in PROTECTED.items():
        if issubclass(model, protected.model):
            return name
    raise TypeError(f"{model.__name__} is not protected: nothing can be decided about it.")


def protected_as(types: dict[int, Any], wanted: list[tuple[str, int]]) -> Protected:
    """How objects of these (action, entity type) are seen: things of types that Roster does not know are resources."""
    return protection_of(types[wanted[0][1]])


def protection_of(kind: EntityType) -> Protected:
    """How objects of an entity type are seen."""
    return PROTECTED.get(kind.code, PROTECTED["resource"]) if kind.is_shared else PROTECTED["resource"]


def value(thing: Any, path: str) -> Any:
    """What stands at a path of an object; None where the path breaks off."""
    for name in path.split("__"):
        thing = getattr(thing, name, None)
    return thing


def scope_of(thing: Any) -> Scope | None:
    """The scope that an object lies in; None: the root, or for an At without scope anywhere."""
    if isinstance(thing, At):
        return thing.scope
    if isinstance(thing, Scope):
        return thing
    path = PROTECTED[entity_type_of(thing)].scope
    if path == "scope_id" and isinstance(thing, AuditEvent):
        return Scope.objects.filter(pk=thing.scope_id).first()
    return value(thing, path.removesuffix("_id")) if path else None
