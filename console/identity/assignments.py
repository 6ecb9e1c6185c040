"""Role assignments: who holds which role where, and giving and taking them.

A role given at the organization is one in the domain; one given in a department or cluster is one in a project of its id.
Both hold in every project below (`OS-INHERIT:inherited_to`). `effective` tells instead what they come to: each user, those
in groups among them, with the roles that a role includes, in each project that is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import QuerySet

from accounts.models import Scope, User
from console.identity.effective import INHERITED, PROJECTS, effective_rows, named
from console.identity.errors import IdentityError, not_found
from console.identity.groups import the_group
from console.identity.projects import the_place as find_place
from console.identity.protocol import DOMAIN, SAFE, Answer, IdentityRequest, identity, link, listing
from console.identity.reading import asked, asked_flag, possible
from console.identity.roles import the_role
from console.identity.roles import told as role_told
from console.identity.users import the_user
from policies import access
from policies.actions.assignments import add_and_take_roles, give_role, take_role
from policies.actor import Actor
from policies.holdings import LIVE
from policies.models import Role, RoleAssignment
from policies.naming import short_role_names
from policies.rulebook import rulebook


@identity("GET")
def assignment_index(request: IdentityRequest) -> Answer:
    """Filters: user.id, group.id, role.id, scope.project.id, scope.domain.id, and what is inherited alone."""
    check_filters(request)
    with_names, rows = bool(asked_flag(request, "include_names")), seen(request.user, asked(request, "user.id"))
    if asked_flag(request, "effective"):
        found = effective_rows(request, rows, with_names)
        return listing(request, "role_assignments", *found, key="key", before=["uid"])
    rows = narrowed(request, rows).values(*COLUMNS)
    return listing(request, "role_assignments", rows, lambda page: told(page, with_names))


@identity("GET")
def assignment_roles(request: IdentityRequest, **named: str) -> Answer:
    """The roles that a user or group holds in one place, given there."""
    subject, scope = the_subject(request, named), the_scope(request, named)
    held = held_by(request.user, subject, scope)
    roles = [rulebook().roles[pk] for pk in held.values_list("role", flat=True)]
    return listing(request, "roles", roles, lambda page: [role_told(role) for role in page])


@identity("GET", "PUT", "DELETE")
def assignment_detail(request: IdentityRequest, role: str, **named: str) -> Answer:
    """Whether a user or group holds a role in one place, given there (204, else 404); give it, take it."""
    subject, scope = the_subject(request, named), the_scope(request, named)
    wanted = the_role(request, role)
    if request.method == "PUT":
        give(request.actor, wanted, subject, scope)
        return None
    found = held_by(request.user, subject, scope).filter(role=wanted.pk).first()
    if found is None:
        raise not_found("role assignment", role)
    if request.method not in SAFE:
        take(request.actor, found)
    return None


def give(actor: Actor, role: Role, subject: User | Group, scope: Scope) -> None:
    """As the page that fits: a project user's roles are edited, others are given. What is held stays as it is."""
    if is_own_project(subject, scope):
        add_and_take_roles(actor=actor, user=subject, add=[role])  # type: ignore[arg-type]
    else:
        give_role(actor=actor, role=role, subject=subject, scope=scope)


def take(actor: Actor, assignment: RoleAssignment) -> None:
    user = assignment.user
    if user and is_own_project(user, assignment.scope):
        add_and_take_roles(actor=actor, user=user, take=[assignment.role])
    else:
        take_role(actor=actor, assignment=assignment)


def is_own_project(subject: User | Group, scope: Scope) -> bool:
    return isinstance(subject, User) and subject.project_id == scope.pk


def the_subject(request: IdentityRequest, named: dict[str, str]) -> User | Group:
    return the_user(request, named["user"]) if "user" in named else the_group(request.user, named["group"])


def the_scope(request: IdentityRequest, named: dict[str, str]) -> Scope:
    """The place of a role: a project, department or cluster that the caller sees, or the organization."""
    if "project" in named:
        return find_place(request.user, named["project"], request.token.project)
    if named["domain"] != DOMAIN["id"]:
        raise not_found("domain", named["domain"])
    return access.root_for(request.user)


def held_by(viewer: User, subject: User | Group, scope: Scope) -> QuerySet[RoleAssignment]:
    """What a user or group was given in one place, as far as the viewer may see it."""
    if isinstance(subject, User):
        return seen(viewer, subject.uid).filter(LIVE, scope=scope, user=subject)
    return seen(viewer, None).filter(LIVE, scope=scope, group=subject)


def seen(viewer: User, narrowed_to: str | None) -> QuerySet[RoleAssignment]:
    """What the viewer may see. `narrowed_to`: the id of the one user whose assignments are then looked at; one's own are
    all there."""
    return RoleAssignment.objects.all() if narrowed_to == viewer.uid else access.visible_assignments(viewer)


# Lists


def check_filters(request: IdentityRequest) -> None:
    """Raises what is answered 400 for filters that contradict each other."""
    for name, other in (("user.id", "group.id"), ("scope.project.id", "scope.domain.id")):
        if asked(request, name) and asked(request, other):
            raise IdentityError(400, f"Give {name} or {other}, not both.")
    if asked_flag(request, "effective") and asked(request, "group.id"):
        raise IdentityError(400, "effective tells of users: it cannot be asked with group.id.")
    if asked(request, INHERITED_FILTER) not in (None, PROJECTS):
        raise IdentityError(400, f"{INHERITED_FILTER}: expected {PROJECTS}.")


INHERITED_FILTER = f"scope.{INHERITED}"

COLUMNS = (
    "uid",
    "role_id",
    "user__uid",
    "user__username",
    "group__profile__uid",
    "group__name",
    "scope__uid",
    "scope__slug",
    "scope__kind",
)


def narrowed(request: IdentityRequest, rows: QuerySet[RoleAssignment]) -> QuerySet[RoleAssignment]:
    """What a list of assignments is asked for, as they were given."""
    wanted = {
        column: asked(request, name)
        for name, column in (
            ("user.id", "user__uid"),
            ("group.id", "group__profile__uid"),
            ("role.id", "role__uid"),
            ("scope.project.id", "scope__uid"),
        )
        if asked(request, name)
    }
    if asked(request, "scope.system") or not all(possible(str(value)) for value in wanted.values()):
        return rows.none()
    if domain := asked(request, "scope.domain.id"):
        wanted |= {"scope__kind": Scope.Kind.ORGANIZATION}
        rows = rows if domain == DOMAIN["id"] else rows.none()
    if asked(request, INHERITED_FILTER):
        rows = rows.exclude(scope__kind=Scope.Kind.PROJECT)
    return rows.filter(LIVE, **wanted)


def told(page: Sequence[dict[str, Any]], with_names: bool) -> list[dict[str, Any]]:
    """Assignments as clients know them."""
    roles, names, root = rulebook().roles, short_role_names(), link("")
    found = []
    for row in page:
        role, user, group = roles[row["role_id"]], row["user__uid"], row["group__profile__uid"]
        scope, place = scope_told(row, with_names)
        one: dict[str, Any] = {"scope": scope}
        one["role"] = {"id": role.uid, "name": names[role.pk]} if with_names else {"id": role.uid}
        if user:
            one["user"] = named(user, row["user__username"], with_names)
        else:
            one["group"] = named(group, row["group__name"], with_names)
        subject = f"users/{user}" if user else f"groups/{group}"
        one["links"] = {"assignment": f"{root}/{place}/{subject}/roles/{role.uid}"}
        found.append(one)
    return found


def scope_told(row: dict[str, Any], with_names: bool) -> tuple[dict[str, Any], str]:
    """The place of an assignment as clients know it, and the beginning of the assignment's path."""
    kind, uid = row["scope__kind"], row["scope__uid"]
    if kind == Scope.Kind.ORGANIZATION:
        domain = DOMAIN if with_names else {"id": DOMAIN["id"]}
        return {"domain": domain, INHERITED: PROJECTS}, f"domains/{DOMAIN['id']}"
    scope: dict[str, Any] = {"project": named(uid, row["scope__slug"], with_names)}
    if kind != Scope.Kind.PROJECT:
        scope[INHERITED] = PROJECTS
    return scope, f"projects/{uid}"
