"""Groups of people and who is in them, as far as the caller may see groups."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from accounts.models import User
from console.finders import listed_users
from console.identity.errors import not_found
from console.identity.protocol import DOMAIN, SAFE, Answer, IdentityRequest, body, identity, link, listing, text
from console.identity.reading import (
    asked,
    is_other_domain,
    or_taken,
    possible,
    refuse_others,
    required,
)
from console.identity.users import the_user, told_rows
from console.identity.users import told as user_told
from policies import access
from policies.actions.groups import create_group, delete_group, update_group
from policies.actor import Actor
from policies.holdings import union


@identity("GET", "POST")
def group_index(request: IdentityRequest) -> Answer:
    if request.method == "POST":
        return 201, {"group": told(created(request.actor, body(request, "group")))}
    rows = narrowed(request, seen_groups(request.user))
    return listing(request, "groups", rows, lambda page: [told(group) for group in page], key="profile__uid")


@identity("GET", "PATCH", "DELETE")
def group_detail(request: IdentityRequest, group: str) -> Answer:
    found = the_group(request.user, group)
    if request.method == "DELETE":
        delete_group(actor=request.actor, group=found)
        return None
    if request.method == "PATCH":
        found = changed(request.actor, found, body(request, "group"))
    return {"group": told(found)}


@identity("GET")
def group_users(request: IdentityRequest, group: str) -> Answer:
    """Of the members those whom the caller may list."""
    found = the_group(request.user, group)
    seen = union([branch.values("pk") for branch in listed_users(request.user)])
    rows = told_rows(User.objects.filter(groups=found, pk__in=seen))
    return listing(request, "users", rows, lambda page: [user_told(user) for user in page])


@identity("GET", "PUT", "DELETE")
def group_user(request: IdentityRequest, group: str, user: str) -> Answer:
    """Whether somebody is in a group (204, else 404); put them in, take them out."""
    place, member = the_group(request.user, group), the_user(request, user)
    is_in = place.user_set.filter(pk=member.pk).exists()
    if request.method == "PUT":
        if not is_in:
            update_group(actor=request.actor, group=place, add=[member])
    elif not is_in:
        raise not_found("user in the group", user)
    elif request.method not in SAFE:
        update_group(actor=request.actor, group=place, remove=[member])
    return None


@identity("GET")
def user_groups(request: IdentityRequest, user: str) -> Answer:
    """The groups that somebody is in: one's own, or those that one may see."""
    found = the_user(request, user)
    rows = Group.objects.filter(user=found).select_related("profile")
    if found.pk != request.user.pk:
        rows = rows.filter(pk__in=seen_groups(request.user).values("pk"))
    rows = narrowed(request, rows)
    return listing(request, "groups", rows, lambda page: [told(group) for group in page], key="profile__uid")


def seen_groups(viewer: User) -> QuerySet[Group]:
    found = union([access.permitted(viewer, action, "group").values("pk") for action in ("list", "read")])
    return Group.objects.filter(pk__in=found).select_related("profile")


def the_group(viewer: User, uid: str) -> Group:
    """A group that the viewer sees. Raises what is answered 404."""
    found = seen_groups(viewer).filter(profile__uid=uid).first() if possible(uid) else None
    if found is None:
        raise not_found("group", uid)
    return found


def narrowed(request: IdentityRequest, rows: QuerySet[Group]) -> QuerySet[Group]:
    name = asked(request, "name")
    if is_other_domain(request) or not possible(name or ""):
        return rows.none()
    return rows if name is None else rows.filter(name=name)


def created(actor: Actor, given: dict[str, Any]) -> Group:
    """Raises what is answered 400 and 409, and Denied."""
    refuse_others(given, "name", "description")
    name = required(given, "name")
    try:
        return create_group(actor=actor, name=name, description=text(given, "description"))
    except ValidationError as error:
        raise or_taken(error, Group.objects.filter(name=name.strip()).exists(), "group", name) from error


def changed(actor: Actor, group: Group, given: dict[str, Any]) -> Group:
    """Raises what is answered 400 and 409, and Denied."""
    refuse_others(given, "name", "description")
    name = required(given, "name") if "name" in given else None
    description = text(given, "description") if "description" in given else None
    try:
        return update_group(actor=actor, group=group, name=name, description=description)
    except ValidationError as error:
        others = Group.objects.filter(name=(name or "").strip()).exclude(pk=group.pk)
        raise or_taken(error, others.exists(), "group", name or "") from error


def told(group: Group) -> dict[str, Any]:
    """A group as clients know one."""
    return {
        "id": group.profile.uid,
        "name": group.name,
        "domain_id": DOMAIN["id"],
        "description": group.profile.description,
        "links": {"self": link(f"/groups/{group.profile.uid}")},
    }
