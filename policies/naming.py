"""Finding things by the names that people type: a place, a user, a group, a role, an entity type, `TYPE:ID`.

Every finder raises NotFound, whose words list the near names, or the candidates where a name fits several things.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Model, Q, QuerySet

from accounts.models import Project, Scope, User
from policies.models import AppToken, Catalogue, EntityType, Resource, Role, RoleAssignment
from policies.protected import At, OrgAssignment, protection_of
from policies.resources import lives_in_roster
from policies.rulebook import UnknownQuestion, rulebook

LONGEST = 100  # characters of a name that are looked at where it is unknown; no real one is longer
CANDIDATES = 5  # things of one name that are listed
COMPARED = 2000  # names that an unknown one is compared with
GROUP = "group"  # what stands before the name of a group that holds something

# How the objects of each model are named, the strongest first: ids are random, so no name can be made to look like one.
NAMED_BY: dict[type[Model], tuple[str, ...]] = {
    Scope: ("uid", "slug"),
    User: ("uid", "username"),
    Group: ("profile__uid", "name"),
    Catalogue: ("code",),
    RoleAssignment: ("uid",),
    Resource: ("uid", "external_id", "name"),
    AppToken: ("uid",),
}
LOWER_CASE = {"uid", "profile__uid", "slug", "username", "code"}


class NotFound(LookupError):
    """Nothing, or more than one thing, has this name."""

    def __init__(
        self, kind: str, name: str, near: Collection[str] = (), *, where: str = "", ambiguous: bool = False
    ) -> None:
        shown = name if len(name) <= LONGEST else f"{name[:LONGEST]}…"
        said = f"{shown!r} means more than one {kind}" if ambiguous else f"There is no {kind} {shown!r}{where}"
        offered = f"{'Say which' if ambiguous else 'Near names'}: {', '.join(near)}." if near else ""
        super().__init__(f"{said}. {offered}".rstrip())


def find_project(name: str) -> Project:
    """By id, or by slug whatever its case."""
    typed = name.strip().lower()
    found = {project.uid == typed: project for project in Project.objects.filter(Q(uid=typed) | Q(slug=typed))}
    if not found:
        raise NotFound("project", name, _near_scopes(typed, Scope.Kind.PROJECT))
    return found.get(True) or found[False]  # ids first: they are random, so no slug can be made to look like another's


def find_place(name: str) -> Scope:
    """A department or cluster, by id or slug; `department:SLUG` or `cluster:SLUG` where both have it."""
    return _find_scope(name, "department or cluster", Scope.Kind.DEPARTMENT, Scope.Kind.CLUSTER)


def find_scope(name: str) -> Scope:
    """A place of whatever kind, by id or slug, as `KIND:SLUG` where several have it; `organization` is the whole one."""
    return _find_scope(name, "place", *Scope.Kind)


def _find_scope(name: str, said: str, *kinds: str) -> Scope:
    typed = name.strip().lower()
    if typed == Scope.Kind.ORGANIZATION and typed in kinds:
        return Scope.objects.root()
    kind, _, slug = typed.rpartition(":")
    rows = Scope.objects.filter(kind__in=[kind] if kind in kinds else () if kind else kinds)
    found = list(rows.filter(uid=slug)) or list(rows.filter(slug=slug))
    if len(found) > 1:
        raise NotFound("place", name, sorted(f"{scope.kind}:{scope.slug}" for scope in found), ambiguous=True)
    if not found:
        raise NotFound(said, name, _near_scopes(slug, *kinds))
    return found[0]


def find_user(name: str, project: Project | None = None) -> User:
    """By id, or by username whatever its case: a person or a project user; with a project, one of its users."""
    typed = name.strip().lower()
    users = User.objects.select_related("project").filter(Q(project=project) if project else Q())
    found = {user.uid == typed: user for user in users.filter(Q(uid=typed) | Q(username=typed))}
    if not found:
        near = users.filter(Q(username__startswith=_beginning(typed)) | Q(search_text__contains=typed[:LONGEST]))
        where = f" in project {project.slug}" if project else ""
        raise NotFound("user", name, _nearest(typed, near.values_list("username", flat=True)[:COMPARED]), where=where)
    return found.get(True) or found[False]


def find_group(name: str) -> Group:
    """By id or name."""
    typed = name.strip()
    found = Group.objects.filter(profile__uid=typed.lower()).first() or Group.objects.filter(name=typed).first()
    if found is None:
        raise NotFound("group", name, near_names(typed, Group.objects.all(), "name"))
    return found


def find_subject(name: str) -> User | Group:
    """Whoever can hold a role: `group:NAME`, or a user of whatever kind by id or username."""
    kind, _, group = name.strip().partition(":")
    return find_group(group) if kind.lower() == GROUP else find_user(name)


def subject_kind(subject: User | Group) -> str:
    """What roles say can hold them: person, project_user, service or group."""
    return subject.kind if isinstance(subject, User) else GROUP


def find_role(name: str, kind: str, among: Iterable[Role] = ()) -> Role:
    """By code, label or alias, bare or as `catalogue:code`, whatever its case.

    Looked for among the roles in effect that a subject of this kind can hold, and those given in `among` (to take away
    one that is no longer in effect). A code is stronger than a label, a label than an alias.
    """
    return find_role_among(name, {role.pk: role for role in (*roles_for(kind), *among)}.values())


def find_role_among(name: str, roles: Collection[Role]) -> Role:
    """One of these roles, by code, label or alias, bare or as `catalogue:code`, whatever its case."""
    catalogue, _, typed = _folded(name).rpartition(":")
    for names in (_codes, _labels, _aliases):
        found = [role for role in roles if typed in names(role) and catalogue in ("", _folded(role.catalogue.code))]
        if len(found) > 1:
            raise NotFound("role", name, sorted(role.full_name for role in found), ambiguous=True)
        if found:
            return found[0]
    known = {one: role.full_name for role in roles for one in (*_codes(role), *_labels(role), *_aliases(role))}
    near = [known[one] for one in _nearest(typed, known)] or sorted(known.values())
    raise NotFound("role", name, list(dict.fromkeys(near)))


def find_entity_type(name: str) -> EntityType:
    """By code where that is clear, or `catalogue:code`, whatever its case."""
    book, typed = rulebook(), name.strip().lower()
    found = [book.entity_types[pk] for pk in book.types_by_name.get(typed, ())]
    if len(found) > 1:
        raise NotFound("entity type", name, sorted(kind.full_name for kind in found), ambiguous=True)
    if not found:
        raise NotFound("entity type", name, _nearest(typed, book.types_by_name))
    return found[0]


def find_action(name: str, kind: EntityType) -> str:
    """An action of an entity type, by its code."""
    typed = name.strip().lower()
    if typed in kind.actions:
        return typed
    codes = {**{label.lower(): code for code, label in kind.actions.items()}, **{code: code for code in kind.actions}}
    near = dict.fromkeys(codes[one] for one in _nearest(typed, codes))
    raise NotFound("action", name, list(near) or list(kind.actions), where=f" on {kind.label.lower()}")


def find_thing(name: str, scope: Scope | None = None) -> tuple[EntityType, Any]:
    """What a question about `TYPE[:ID]` is about: (its entity type, what `policies.access` is asked).

    Without an id it is some object of the type: in the scope, or anywhere. With one it is an object, sought in the scope.
    `resource:ID` asks about the registration of a thing, `notebook:ID` about the thing; `role_assignment:ROLE` about one
    that is not given yet.
    """
    kind, key = _type_and_id(name)
    found = _find_row(kind, key, scope) if key else None
    place = found.scope if isinstance(found, Resource | RoleAssignment) else scope
    if place is not None and kind.is_shared and kind.code == "org_assignment":
        return kind, OrgAssignment(place)
    if found is not None and not (isinstance(found, Resource) and lives_in_roster(kind)):
        return kind, found
    return kind, At(kind.code if kind.is_shared else kind.full_name, place)


def find_object(name: str, scope: Scope | None = None) -> Any:
    """One object, by `TYPE:ID`. An id is what Roster calls it, or the slug, username, name or what its service calls it."""
    kind, key = _type_and_id(name)
    if not key:
        raise UnknownQuestion(f"Say which: {name.strip()}:ID.")
    return _find_row(kind, key, scope)


def find_resource(name: str) -> Resource:
    """A registered thing, by `TYPE:ID`, or by its id alone."""
    found = find_object(name) if ":" in name else Resource.objects.filter(uid=name.strip().lower()).first()
    if not isinstance(found, Resource):
        raise NotFound("resource", name)
    return found


def find_service(name: str) -> User:
    """A service, by id or username."""
    service: User = find_object(f"{User.Kind.SERVICE}:{name}")
    return service


def _type_and_id(name: str) -> tuple[EntityType, str]:
    """`TYPE` or `TYPE:ID`, where a type is `code` or `catalogue:code`: the longest beginning that names a type is it."""
    names, parts = rulebook().types_by_name, name.strip().split(":")
    for length in (2, 1):
        kind, key = ":".join(parts[:length]), ":".join(parts[length:]).strip()
        if kind.lower() in names:
            if len(parts) > length and not key:
                raise UnknownQuestion(f"No id stands behind {name.strip()!r}.")
            return find_entity_type(kind), key
    catalogues = {one.partition(":")[0] for one in names if ":" in one}
    return find_entity_type(":".join(parts[: 2 if parts[0].lower() in catalogues else 1])), ""  # raises


def _find_row(kind: EntityType, key: str, scope: Scope | None) -> Any:
    protected, said = protection_of(kind), kind.code.replace("_", " ")
    if protected.model is Role:
        return _find_any_role(key)
    rows: QuerySet[Any] = protected.model._default_manager.filter(protected.where)
    where = ""
    if protected.model is Resource and not lives_in_roster(kind):
        rows = rows.filter(entity_type=kind.pk)
    if scope is not None and protected.scope:
        rows = rows.filter(**{f"{protected.scope}__in": Scope.objects.inside(scope).values("pk")})
        where = f" in {scope}"
    if protected.model is RoleAssignment and not rows.filter(uid=key.lower()).exists():
        return RoleAssignment(role=_find_any_role(key), scope=scope or Scope.objects.root())
    columns = NAMED_BY.get(protected.model._meta.concrete_model or protected.model, ())
    for column in columns:
        found = list(rows.filter(**{column: key.lower() if column in LOWER_CASE else key})[:CANDIDATES])
        if len(found) == 1:
            return found[0]
        if found:
            raise NotFound(said, key, [f"{one.uid} in {one.scope}" for one in found], ambiguous=True)
    named = [column for column in columns if column != "uid"][-1:]
    raise NotFound(said, key, [near for column in named for near in near_names(key, rows, column)], where=where)


def _find_any_role(name: str) -> Role:
    """By id, or like others by code, label or alias, in effect or not."""
    roles = rulebook().roles.values()
    by_id = [role for role in roles if role.uid == name.lower()]
    return by_id[0] if by_id else find_role_among(name, roles)


def roles_for(kind: str) -> list[Role]:
    """The roles in effect that a subject of this kind (person, project_user …) can hold."""
    book = rulebook()
    return [
        role
        for pk, role in book.roles.items()
        if pk not in book.switched_off and (not role.subjects or kind in role.subjects)
    ]


def role_names(kind: str) -> dict[int, str]:
    """{row number of a role: its code, or `catalogue:code` where this kind of subject can hold two of that code}."""
    alike = Counter(role.code for role in roles_for(kind))
    return {pk: role.full_name if alike[role.code] > 1 else role.code for pk, role in rulebook().roles.items()}


def short_role_names() -> dict[int, str]:
    """{row number of a role: its code, or `catalogue:code` where two catalogues have one of that code}."""
    return rulebook().short_role_names


def _codes(role: Role) -> list[str]:
    return [_folded(role.code)]


def _labels(role: Role) -> list[str]:
    return [_folded(role.label)]


def _aliases(role: Role) -> list[str]:
    return [_folded(alias) for alias in role.aliases]


def _folded(name: str) -> str:
    return " ".join(name[:LONGEST].casefold().split())


def _near_scopes(typed: str, *kinds: str) -> list[str]:
    text = typed[:LONGEST]
    alike = Q(slug__startswith=_beginning(typed)) | Q(slug__contains=text) | Q(name__icontains=text)
    near = Scope.objects.filter(alike, kind__in=kinds)
    return _nearest(typed, near.values_list("slug", flat=True)[:COMPARED])


def near_names(typed: str, rows: QuerySet[Any], column: str) -> list[str]:
    """Names in a column that look like what was typed, at most five."""
    alike = Q(**{f"{column}__startswith": _beginning(typed)}) | Q(**{f"{column}__contains": typed[:LONGEST]})
    names = rows.filter(alike).order_by(column).values_list(column, flat=True).distinct()
    return _nearest(typed, names[:COMPARED])


def _beginning(typed: str) -> str:
    return typed[: max(1, min(len(typed), LONGEST) // 3)]


def _nearest(typed: str, names: Iterable[str]) -> list[str]:
    """At most five names: those that hold what was typed, then those that look like it."""
    typed, names = typed[:LONGEST], list(names)
    holding = [name for name in names if typed and typed in name][:3]
    return list(dict.fromkeys([*holding, *get_close_matches(typed, names, n=5, cutoff=0.5)]))[:5]
