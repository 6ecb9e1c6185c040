"""What role assignments come to: which users hold which roles in which project, whatever they come through.

Counted are groups, roles that include others, and what is given above a project. Without a project or a user that is asked
for, what is given above projects is told once, where it is given: else one administrator of everything would make a line
for each project.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db.models import F, IntegerField, QuerySet, Value
from django.db.models.functions import Coalesce, Concat

from accounts.models import Scope, User
from console.identity.projects import places
from console.identity.protocol import DOMAIN, IdentityRequest, link
from console.identity.reading import asked, possible
from policies import access
from policies.holdings import LIVE, memberships, union
from policies.models import RoleAssignment
from policies.naming import short_role_names
from policies.protected import At
from policies.rulebook import Rulebook, rulebook

INHERITED = "OS-INHERIT:inherited_to"
PROJECTS = "projects"
Told = Callable[[Sequence[dict[str, Any]]], list[dict[str, Any]]]
NOBODY = RoleAssignment.objects.none()

GIVEN = {"place_uid": F("scope__uid"), "place_kind": F("scope__kind"), "group_uid": F("group__profile__uid")}
# Where it holds: the place where it was given, or each project below it.
IN_PLACE = {"project_uid": F("scope__uid"), "project_slug": F("scope__slug"), "cluster": F("scope__cluster")}
BELOW = {
    "project_uid": F("scope__below__descendant__uid"),
    "project_slug": F("scope__below__descendant__slug"),
    "cluster": F("scope__below__descendant__cluster"),
}
# Who holds it: the user that it was given to, or each of the group.
MEMBER = {
    "member_uid": Coalesce("user__uid", "group__user__uid"),
    "member_name": Coalesce("user__username", "group__user__username"),
    "member_everywhere": Coalesce("user__all_clusters", "group__user__all_clusters"),
}
KEY = Concat("uid", Value("/"), "project_uid", Value("/"), "member_uid")


def effective_rows(
    request: IdentityRequest, seen: QuerySet[RoleAssignment], with_names: bool
) -> tuple[QuerySet[Any], Told]:
    """The rows of a list, with a unique `key`, and what makes objects of them. `seen`: what the caller may see."""
    book, wanted = rulebook(), {name: asked(request, name) or "" for name in FILTERS}
    if asked(request, "scope.system") or not all(possible(value) for value in wanted.values()):
        seen, wanted = NOBODY, dict.fromkeys(FILTERS, "")
    user, project, domain = (wanted[name] for name in ("user.id", "scope.project.id", "scope.domain.id"))
    where, member = IN_PLACE, MEMBER
    if project:
        seen, where = reaching(request, seen, project)
    elif domain:
        seen = seen.filter(scope=book.root_id) if domain == DOMAIN["id"] else NOBODY
    elif user:
        seen, where = seen.filter(scope__below__descendant__kind=Scope.Kind.PROJECT), BELOW
    if user:
        seen, member = of_user(seen, user)
    role = next((pk for pk, role in book.roles.items() if role.uid == wanted["role.id"]), None)
    if wanted["role.id"]:
        seen = seen.filter(role__in=book.comes_with[role] if role else ())
    if marker := asked(request, "marker"):
        seen = seen.filter(uid__gte=marker[:32])  # the key begins with it
    columns = {**GIVEN, **where, **member}
    rows: QuerySet[Any] = in_effect(book, seen)
    rows = rows.annotate(**columns).filter(member_uid__isnull=False).annotate(key=KEY)
    return rows.values("key", "role_id", *columns), lambda page: list(lines(book, page, role, with_names))


FILTERS = ("user.id", "role.id", "scope.project.id", "scope.domain.id")


def in_effect(book: Rulebook, rows: QuerySet[RoleAssignment]) -> QuerySet[RoleAssignment]:
    pending = [pk for pk, role in book.roles.items() if role.needs_scope]
    return rows.filter(LIVE).exclude(role__in=book.switched_off).exclude(scope=book.root_id, role__in=pending)


def reaching(
    request: IdentityRequest, seen: QuerySet[RoleAssignment], uid: str
) -> tuple[QuerySet[RoleAssignment], dict[str, Any]]:
    """What reaches one project: all of it for those who may see role assignments there."""
    branches = places(request.user, request.token.project)
    project = next((place for branch in branches for place in branch.filter(uid=uid)), None)
    if project is None:
        return NOBODY, IN_PLACE
    if access.may(request.user, "read", At("role_assignment", project)):
        seen = RoleAssignment.objects.all()
    cluster = Value(project.cluster_above_id, output_field=IntegerField())  # of None no type is known
    where = {"project_uid": Value(project.uid), "project_slug": Value(project.slug), "cluster": cluster}
    return seen.filter(scope__in=project.ancestor_ids), where


def of_user(seen: QuerySet[RoleAssignment], uid: str) -> tuple[QuerySet[RoleAssignment], dict[str, Any]]:
    """What one user holds, as such or in a group: by two indexes, not by one OR."""
    user = User.objects.filter(uid=uid).first()
    if user is None:
        return NOBODY, MEMBER
    groups = memberships().filter(user=user.pk).values("group")
    held = (RoleAssignment.objects.filter(user=user), RoleAssignment.objects.filter(group__in=groups))
    member = {"member_uid": user.uid, "member_name": user.username, "member_everywhere": user.all_clusters}
    found = seen.filter(pk__in=union([rows.values("pk") for rows in held]))
    return found, {name: Value(value) for name, value in member.items()}


def lines(
    book: Rulebook, page: Sequence[dict[str, Any]], wanted: int | None, with_names: bool
) -> Iterator[dict[str, Any]]:
    """One object for each role that a row gives, the roles that it includes among them."""
    names, root, within = short_role_names(), link(""), boundaries(page)
    gives = {
        pk: [book.roles[one] for one in sorted(held) if wanted in (None, one)] for pk, held in book.held_with.items()
    }
    for row in page:
        member, group = row["member_uid"], row["group_uid"]
        if row["cluster"] and not row["member_everywhere"] and (member, row["cluster"]) not in within:
            continue  # in another cluster they may do nothing
        given = book.roles[row["role_id"]]
        subject = f"groups/{group}" if group else f"users/{member}"
        links = {"assignment": f"{root}/{path_of(row)}/{subject}/roles/{given.uid}"}
        if group:
            links["membership"] = f"{root}/groups/{group}/users/{member}"
        for role in gives[row["role_id"]]:
            if role is not given:
                links = links | {"prior_role": f"{root}/roles/{given.uid}"}
            yield {
                "scope": scope_of(row, with_names),
                "user": named(member, row["member_name"], with_names),
                "role": {"id": role.uid, "name": names[role.pk]} if with_names else {"id": role.uid},
                "links": links,
            }


def boundaries(page: Sequence[dict[str, Any]]) -> set[tuple[str, int]]:
    """(user, cluster) of those on the page who are bound to clusters."""
    bound = {row["member_uid"] for row in page if not row["member_everywhere"]}
    through = User.clusters.through.objects.filter(user__uid__in=bound) if bound else ()
    return set(through.values_list("user__uid", "scope_id")) if through else set()


def path_of(row: dict[str, Any]) -> str:
    if row["place_kind"] == Scope.Kind.ORGANIZATION:
        return f"domains/{DOMAIN['id']}"
    return f"projects/{row['place_uid']}"


def scope_of(row: dict[str, Any], with_names: bool) -> dict[str, Any]:
    """The project, or where no project was asked for the place where it was given."""
    if row["place_kind"] == Scope.Kind.ORGANIZATION and row["project_uid"] == row["place_uid"]:
        return {"domain": DOMAIN if with_names else {"id": DOMAIN["id"]}, INHERITED: PROJECTS}
    found = {"project": named(row["project_uid"], row["project_slug"], with_names)}
    in_project = row["place_kind"] == Scope.Kind.PROJECT or row["project_uid"] != row["place_uid"]
    return found if in_project else found | {INHERITED: PROJECTS}


def named(uid: str, name: str, with_names: bool) -> dict[str, Any]:
    return {"id": uid, "name": name, "domain": DOMAIN} if with_names else {"id": uid}
