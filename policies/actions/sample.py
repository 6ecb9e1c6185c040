"""The sample organization: a world to look around in, loaded and removed as a whole.

It is described by the files in policies/sample and made by the same actions as everything else, in the name of whoever
loads it, so its activity is real; only `last_used_at` is invented. Nobody in it has a password, so nobody can sign in,
and nobody may administer the installation.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import Scope, User
from policies.actions.assignments import give_role
from policies.actions.groups import create_group, update_group
from policies.actions.resources import register_resource, update_tag
from policies.actions.scopes import create_scope
from policies.actions.services import register_service
from policies.actions.shares import share
from policies.actions.users import add_person, add_project_user, disable_user, update_user
from policies.actor import Actor
from policies.audit import Trail, recording
from policies.models import Catalogue, EntityType, Resource, Role, RulebookVersion, Tag
from policies.protected import At
from policies.rulebook import rulebook
from policies.sample.contents import read, real_additions, sample_counts

ORGANIZATION = "organization"  # what the files call the root
INSIDE = "Something real was added inside the sample. Move or delete it first:"


def load_sample(*, actor: Actor) -> dict[str, int]:
    """Make the sample, and switch on the catalogues whose roles it uses. Returns what there is of it: sample_counts().

    Raises Denied, ValidationError where a sample is there already, where something real has one of its names, or where
    a catalogue that it needs is not loaded.
    """
    root = rulebook().root
    with recording(actor) as trail:
        actor.require("load", At("sample", root))
        Scope.objects.select_for_update(no_key=True).get(pk=root.pk)  # of two at once, the second finds a sample
        if any(sample_counts().values()):
            raise ValidationError("The sample is loaded already.")
        world = _World(actor, root)
        if problems := [*world.missing(), *world.taken()]:
            raise ValidationError(problems)
        _switch_on(actor, trail, {name.partition(":")[0] for name in world.role_names()})
        world.build()
        trail.add("sample.load", scope=root, after=sample_counts())
    return sample_counts()


def delete_sample(*, actor: Actor) -> dict[str, int]:
    """Remove everything of the sample, and nothing else. Returns what went, as sample_counts().

    What sample people and groups hold or own outside goes with them, or stays without owner; catalogues stay switched
    on, because real roles may have been given since. Raises Denied, ValidationError where no sample is there, and,
    as a list, where something real stands inside: see real_additions().
    """
    root = rulebook().root
    with recording(actor) as trail:
        actor.require("delete", At("sample", root))
        _lock()
        counts = sample_counts()
        if not any(counts.values()):
            raise ValidationError("There is no sample here.")
        if real := real_additions():
            raise ValidationError([INSIDE, *(addition.label for addition in real)])
        Tag.objects.filter(name__in=read("resources")["tags"]).delete()
        Resource.objects.filter(is_sample=True).delete()
        Group.objects.filter(profile__is_sample=True).delete()
        User.objects.filter(is_sample=True).delete()
        _delete_scopes()
        trail.add("sample.delete", scope=root, before=counts)
    return counts


def _lock() -> None:
    """Whoever puts something real into the sample now waits, and then finds it gone. Users first, as others lock."""
    for rows in (
        User.objects.filter(is_sample=True),
        Group.objects.filter(profile__is_sample=True),
        Resource.objects.filter(is_sample=True),
        Scope.objects.filter(is_sample=True),
    ):
        list(rows.order_by("pk").select_for_update(of=("self",)).values_list("pk"))


def _delete_scopes() -> None:
    inside = Scope.objects.filter(is_sample=True)
    inside.update(cluster=None)  # a cluster lies in itself, which would protect it
    for kind in (Scope.Kind.PROJECT, Scope.Kind.DEPARTMENT, Scope.Kind.CLUSTER):
        inside.filter(kind=kind).delete()


def _switch_on(actor: Actor, trail: Trail, codes: set[str]) -> None:
    for catalogue in Catalogue.objects.select_for_update().filter(code__in=codes, is_enabled=False):
        actor.require("update", At("catalogue"))
        catalogue.is_enabled = True
        catalogue.save(update_fields=["is_enabled"])
        trail.add("catalogue.update", catalogue, before={"enabled": False}, after={"enabled": True})
    RulebookVersion.renew()
    actor.forget()  # what it may do was read from the rules before


class _World:
    """The sample in the making: its files, and what was made from them so far by the names that they use."""

    def __init__(self, actor: Actor, root: Scope) -> None:
        self.actor = actor
        self.places, self.people, self.credentials, self.programs, self.assigned, self.things = map(
            read, ("places", "people", "project_users", "services", "roles", "resources")
        )
        self.scopes: dict[str, Any] = {ORGANIZATION: root}
        self.users: dict[str, User] = {}
        self.groups: dict[str, Group] = {}
        self.roles = {
            role.full_name: role for role in Role.objects.filter(is_retired=False).select_related("catalogue")
        }
        self.types = {
            f"{kind.catalogue.code}:{kind.code}": kind for kind in EntityType.objects.select_related("catalogue")
        }

    # What must be so before anything is made

    def role_names(self) -> set[str]:
        return {
            *(row["role"] for row in self.assigned["assignments"]),
            *(name for users in self.credentials["projects"].values() for row in users for name in row["roles"]),
            *(name for names in self.things["tags"].values() for name in names),
            *(
                name
                for kinds in self.things["resources"].values()
                for rows in kinds.values()
                for row in rows.values()
                for name in row.get("roles", ())
            ),
        }

    def missing(self) -> list[str]:
        """What the catalogues do not bring: none is loaded, or somebody took something out."""
        types = {name for kinds in self.things["resources"].values() for name in kinds}
        names = [*(self.role_names() - self.roles.keys()), *(types - self.types.keys())]
        return [f"{name} is in no catalogue: load the catalogues first." for name in sorted(names)]

    def taken(self) -> Iterator[str]:
        """Names of the sample that something real has already."""
        usernames = [
            row["username"] for users in self.credentials["projects"].values() for row in users if "username" in row
        ]
        top = [_name(row)[1] for row in self.places if "in" not in row]
        root = self.scopes[ORGANIZATION]
        for rows, column, names in (
            (User.objects.all(), "username", [*self.people["people"], *usernames, *self.programs["services"]]),
            (Group.objects.all(), "name", self.people["groups"]),
            (Scope.objects.filter(parent=root), "name", top),
            (Tag.objects.all(), "name", self.things["tags"]),
        ):
            for name in rows.filter(**{f"{column}__in": list(names)}).order_by(column).values_list(column, flat=True):
                yield f"The sample needs the name {name}, which is taken."

    # Making it, in an order in which everything finds what it points to

    def build(self) -> None:
        self.make_places()
        self.make_people()
        self.make_groups()
        self.make_project_users()
        self.make_services()
        self.give_roles()
        self.make_resources()

    def make_places(self) -> None:
        for row in self.places:
            kind, name = _name(row)
            self.scopes[name] = create_scope(
                actor=self.actor,
                kind=kind,
                name=name,
                description=row["description"],
                parent=self.scopes[row.get("in", ORGANIZATION)],
                is_sample=True,
            )

    def make_people(self) -> None:
        for username, row in self.people["people"].items():
            user, _ = add_person(
                actor=self.actor,
                username=username,
                description=row["name"],
                email=f"{username}@{self.people['email_domain']}",
                password="",
                is_sample=True,
            )
            if "clusters" in row:
                clusters = [self.scopes[name] for name in row["clusters"]]
                update_user(actor=self.actor, user=user, all_clusters=False, clusters=clusters)
            self.finish(user, row)

    def make_groups(self) -> None:
        for name, row in self.people["groups"].items():
            group = self.groups[name] = create_group(
                actor=self.actor, name=name, description=row["description"], is_sample=True
            )
            update_group(actor=self.actor, group=group, add=[self.users[member] for member in row["members"]])

    def make_project_users(self) -> None:
        for project, rows in self.credentials["projects"].items():
            for row in rows:
                user, _ = add_project_user(
                    actor=self.actor,
                    project=self.scopes[project],
                    description=row["for"],
                    username=row.get("username", ""),
                    roles=[self.roles[name] for name in row["roles"]],
                    password="",
                    is_sample=True,
                )
                self.finish(user, row)

    def make_services(self) -> None:
        for username, row in self.programs["services"].items():
            service = register_service(
                actor=self.actor,
                username=username,
                description=row["name"],
                trusted_attributes=row.get("trusts", ()),
                is_sample=True,
            )
            self.finish(service, row)

    def finish(self, user: User, row: dict[str, Any]) -> None:
        """What users of all kinds have in common: when they were last seen, and whether they are disabled."""
        self.users[user.username] = user
        if "used" in row:
            User.objects.filter(pk=user.pk).update(last_used_at=timezone.now() - _span(row["used"]))
        if row.get("disabled"):
            disable_user(actor=self.actor, user=user)

    def give_roles(self) -> None:
        for row in self.assigned["assignments"]:
            give_role(
                actor=self.actor,
                role=self.roles[row["role"]],
                subject=self.holder(row["to"]),
                scope=self.scopes[row.get("in", ORGANIZATION)],
                reason=row.get("reason", ""),
                expires_at=timezone.now() + _span(row["ends"]) if "ends" in row else None,
            )
        for row in self.assigned["shares"]:
            share(
                actor=self.actor, thing=self.scopes[row["of"]], action=row["action"], subject=self.holder(row["with"])
            )

    def holder(self, name: str) -> User | Group:
        return self.groups.get(name) or self.users[name]

    def make_resources(self) -> None:
        for tag, names in self.things["tags"].items():
            update_tag(actor=self.actor, name=tag, roles=[self.roles[name] for name in names])
        for place, kinds in self.things["resources"].items():
            made: dict[str, Resource] = {}
            for kind, rows in kinds.items():
                for name, row in rows.items():
                    made[name] = register_resource(
                        actor=self.actor,
                        entity_type=self.types[kind],
                        scope=self.scopes[place],
                        name=name,
                        owner=self.users[row["owner"]] if "owner" in row else None,
                        parent=made.get(row.get("parent")),
                        visibility=row.get("visibility", ""),
                        tags=row.get("tags", ()),
                        listed_roles=[self.roles[name] for name in row.get("roles", ())],
                        is_sample=True,
                    )


def _name(row: dict[str, str]) -> tuple[str, str]:
    """(kind, name) of a place: the first key of its line and what stands there."""
    return next(iter(row.items()))


def _span(text: str) -> timedelta:
    """How long `2 hours` or `1 day` is."""
    number, unit = text.split()
    return timedelta(**{f"{unit.removesuffix('s')}s": int(number)})
