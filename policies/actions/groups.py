"""Groups and who is in them."""

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError

from accounts.models import GroupProfile, User
from policies.actions.administrators import keep_an_administrator
from policies.actions.saving import save
from policies.actor import Actor
from policies.audit import recording
from policies.holdings import forget


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


def update_group(*, actor: Actor, group: Group, name: str, description: str = "") -> Group:
    """Raises Denied, ValidationError for a name that is taken."""
    with recording(actor) as trail:
        actor.require("update", group)
        before = {"name": Group.objects.get(pk=group.pk).name, "description": group.profile.description}
        group.name, group.profile.description = name.strip(), description.strip()
        group.full_clean()
        save(group)
        group.profile.save()
        trail.add(
            "group.update", group, before=before, after={"name": group.name, "description": group.profile.description}
        )
    return group


def delete_group(*, actor: Actor, group: Group) -> None:
    """Its members lose what they had through it. Raises Denied, ValidationError when that ends the last administrator."""
    with recording(actor) as trail:
        actor.require("delete", group)
        members = sorted(group.user_set.values_list("username", flat=True)[:100])
        trail.add("group.delete", group, before={"name": group.name, "members": members})
        with keep_an_administrator():
            group.delete()


def change_members(
    *, actor: Actor, group: Group, add: list[User] | None = None, remove: list[User] | None = None
) -> None:
    """Put people into a group and take others out. Raises Denied, ValidationError (project users; the last administrator)."""
    with recording(actor) as trail:
        actor.require("update", group)
        if any(user.is_project_user for user in add or []):
            raise ValidationError("A project user belongs to its project, not to groups.")
        with keep_an_administrator():
            group.user_set.add(*(add or []))
            group.user_set.remove(*(remove or []))
        for user in [*(add or []), *(remove or [])]:
            forget(user)
        trail.add(
            "group.change_members",
            group,
            after={"added": sorted(map(str, add or [])), "removed": sorted(map(str, remove or []))},
        )
