"""Groups and who is in them."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError

from accounts.models import GroupProfile, User
from policies.actions.administrators import keep_an_administrator
from policies.actions.assignments import require
from policies.actions.saving import save
from policies.actor import Actor
from policies.audit import recording
from policies.holdings import forget
from policies.models import RoleAssignment


def create_group(*, actor: Actor, name: str, description: str = "", is_sample: bool = False) -> Group:
    """Raises Denied, ValidationError for a name that is taken."""
    group = Group(name=name.strip())
    with recording(actor) as trail:
        actor.require("create", group)
        group.full_clean()
        save(group)
        GroupProfile.objects.create(group=group, description=description.strip(), is_sample=is_sample)
        trail.add("group.create", group, after={"name": group.name, "description": description})
    return group


def update_group(
    *,
    actor: Actor,
    group: Group,
    name: str | None = None,
    description: str | None = None,
    add: Iterable[User] = (),
    remove: Iterable[User] = (),
) -> Group:
    """Rename or describe a group, put people into it and take others out.

    Whoever changes the members gives and takes what the group holds, so they must be allowed to give and take that.
    Raises Denied, ValidationError (a name that is taken; project users; the last administrator).
    """
    add, remove = list(add), list(remove)
    with recording(actor) as trail:
        actor.require("update", group)
        for action, people in (("create", add), ("delete", remove)):
            _require_what_it_holds(actor, action, group, people)
        if any(user.is_project_user for user in add):
            raise ValidationError({"members": "A project user belongs to its project, not to groups."})
        before = _told(group)
        group.name = group.name if name is None else name.strip()
        group.profile.description = group.profile.description if description is None else description.strip()
        group.full_clean()
        save(group)
        group.profile.save()
        with keep_an_administrator():
            group.user_set.add(*add)
            group.user_set.remove(*remove)
        for user in [*add, *remove]:
            forget(user)
        members = {"added": sorted(map(str, add)), "removed": sorted(map(str, remove))} if add or remove else {}
        trail.add("group.update", group, before=before, after=_told(group) | members)
    return group


def _require_what_it_holds(actor: Actor, action: str, group: Group, people: list[User]) -> None:
    for held in group.role_assignments.select_related("role__catalogue", "scope") if people else ():
        for user in people:
            require(actor, action, RoleAssignment(role=held.role, scope=held.scope, user=user))


def _told(group: Group) -> dict[str, Any]:
    stored = Group.objects.select_related("profile").get(pk=group.pk)
    return {"name": stored.name, "description": stored.profile.description}


def delete_group(*, actor: Actor, group: Group) -> None:
    """Its members lose what they had through it. Raises Denied, ValidationError when that ends the last administrator."""
    with recording(actor) as trail:
        actor.require("delete", group)
        members = sorted(group.user_set.values_list("username", flat=True)[:100])
        trail.add("group.delete", group, before={"name": group.name, "members": members})
        with keep_an_administrator():
            group.delete()
