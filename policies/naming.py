"""Finding things by the names that people type: a project, a place, a user, a role.

Every finder raises NotFound, whose words list the near names, or the candidates where a name fits several things.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from difflib import get_close_matches

from django.db.models import Q

from accounts.models import Project, Scope, User
from policies.models import Role
from policies.rulebook import rulebook

LONGEST = 100  # characters of a name that are looked at where it is unknown; no real one is longer
COMPARED = 2000  # names that an unknown one is compared with


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
    typed = name.strip().lower()
    kind, _, slug = typed.rpartition(":")
    kinds = [kind] if kind else [Scope.Kind.DEPARTMENT, Scope.Kind.CLUSTER]
    found = list(Scope.objects.filter(Q(uid=slug) | Q(slug=slug), kind__in=kinds))
    if len(found) > 1:
        raise NotFound("place", name, sorted(f"{scope.kind}:{scope.slug}" for scope in found), ambiguous=True)
    if not found:
        raise NotFound("department or cluster", name, _near_scopes(slug, Scope.Kind.DEPARTMENT, Scope.Kind.CLUSTER))
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


def find_role(name: str, kind: str, among: Iterable[Role] = ()) -> Role:
    """By code, label or alias, bare or as `catalogue:code`, whatever its case.

    Looked for among the roles in effect that a subject of this kind can hold, and those given in `among` (to take away
    one that is no longer in effect). A code is stronger than a label, a label than an alias.
    """
    roles = {role.pk: role for role in (*roles_for(kind), *among)}.values()
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


def _beginning(typed: str) -> str:
    return typed[: max(1, min(len(typed), LONGEST) // 3)]


def _nearest(typed: str, names: Iterable[str]) -> list[str]:
    """At most five names: those that hold what was typed, then those that look like it."""
    typed, names = typed[:LONGEST], list(names)
    holding = [name for name in names if typed and typed in name][:3]
    return list(dict.fromkeys([*holding, *get_close_matches(typed, names, n=5, cutoff=0.5)]))[:5]
