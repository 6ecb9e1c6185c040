"""Random worlds, built twice: as rows of the database and as the dictionaries of the oracle.

A sparse world has few rules and assignments, so that most answers are no; a dense one has many.
"""

import random
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import prefetch_related_objects
from django.utils import timezone

from accounts.models import GroupProfile, Project, Scope, User
from policies.models import (
    AppToken,
    AuditEvent,
    Catalogue,
    EntityType,
    Module,
    Resource,
    Role,
    RoleAssignment,
    RoleSetting,
    Rule,
    RulebookVersion,
    Tag,
)
from policies.protected import PROTECTED, At, OrgAssignment, entity_type_of
from policies.shares import get_content_type
from tests.policies import oracle

# What is asked of each entity type. Both catalogues call theirs `thing`: only its full name is clear.
QUESTIONS = {
    "organization": ["read", "update"],
    "cluster": ["read"],
    "department": ["read"],
    "project": ["read", "update"],
    "user": ["list", "update"],
    "project_user": ["list", "give_role"],
    "service": ["read"],
    "group": ["list"],
    "role": ["read"],
    "catalogue": ["read"],
    "role_assignment": ["create", "read"],
    "org_assignment": ["create", "read"],
    "event_history": ["read"],
    "resource": ["update"],
    "settings": ["read"],
    "c0:thing": ["view", "stop"],
    "c1:thing": ["view", "stop"],
    "app_token": ["read", "update"],
}
RULED = [kind for kind in QUESTIONS if kind != "app_token"]  # those have rules of their own
THINGS = ("c0:thing", "c1:thing")
SET = ("r1", "r2")  # the roles of each catalogue that settings give
SHAREABLE = {"project": ["read", "update"], "user": ["list"], "project_user": ["list"]} | {
    kind: QUESTIONS[kind] for kind in THINGS
}
SEEN_BY = {"c0:thing": ["view"], "c1:thing": ["view", "stop"]}
PAGES = ("project", "project_user", "role_assignment", "resource", "settings", "c0:thing")  # asked of a place, too
CONDITIONS: dict[str, list[dict[str, Any]]] = {
    "thing": [
        {},
        {"owner": True},
        {"parent_owner": True},
        {"listed": True},
        {"visibility": ["OPEN"]},
        {"listed": True, "visibility": ["OPEN", ""]},
        {"owner": True, "visibility": ["OPEN", "PRIVATE"]},
    ],
    "org_assignment": [{}, {"target": ["project"]}, {"target": ["department", "cluster"]}],
    "role_assignment": [{}, {"target": ["project", "organization"]}],
}


class Builder:
    """`rows`: what the product has, by name. `world`: the same for the oracle. Needs the shipped catalogues."""

    def __init__(self, seed: int, dense: bool) -> None:
        self.random = random.Random(seed * 2 + dense)  # noqa: S311  a world that can be made again
        self.many = 3 if dense else 1
        self.rows: dict[str, Any] = {"root": PROTECTED["organization"].model._default_manager.get()}
        self.world: oracle.World = {
            "root": "root",
            "parents": {"root": None},
            "kinds": {"root": "organization"},
            "things": {"root": {"type": "organization", "scope": "root"}},
            **{name: {} for name in ("catalogues", "roles", "users", "groups")},
            **{name: [] for name in ("rules", "settings", "assignments", "shares")},
        }
        self.places()
        self.catalogues()
        self.rules()
        self.people()
        self.assignments()
        self.resources()
        self.events()
        self.questions_of_places()
        self.shares()
        self.app_tokens()
        self.spoken_of = self.what_is_spoken_of()
        RulebookVersion.renew()
        registered = [row for row in self.rows.values() if isinstance(row, Resource) and row.pk]
        prefetch_related_objects(registered, "listed_roles", "tags__roles")

    # ---- Chance

    def pick(self, *names: str) -> str:
        return self.random.choice(names)

    def chance(self, of: float) -> bool:
        return self.random.random() < of

    def some(self, names: Iterable[str], of: float) -> list[str]:
        return [name for name in names if self.chance(of)]

    def scopes(self, *kinds: str) -> list[str]:
        return [name for name, kind in self.world["kinds"].items() if not kinds or kind in kinds]

    def add(self, name: str, row: Any, **what: Any) -> None:
        self.rows[name], self.world["things"][name] = row, what

    # ---- Places, and what the catalogues say

    def places(self) -> None:
        for kind, number in (("cluster", 2), ("department", 2), ("project", 4)):
            for n in range(number):
                parent, name = self.pick(*self.scopes(*Scope.PARENTS[Scope.Kind(kind)])), f"{kind}{n}"
                row: Any = PROTECTED[kind].model(name=name, parent=self.rows[parent])  # type: ignore[call-arg]
                row.save()
                self.world["parents"][name], self.world["kinds"][name] = parent, kind
                self.add(name, row, type=kind, scope=name)
        parent = self.pick(*self.scopes("organization", "department"))
        planned = Project(kind="project", name="planned", parent=self.rows[parent])
        self.add("planned", planned, type="project", scope=parent, unsaved=True)

    def catalogues(self) -> None:
        for code in ("c0", "c1"):
            version = self.pick("", "2.9", "2.10")
            row = Catalogue.objects.create(
                code=code, label=code, is_enabled=code == "c0" or self.chance(0.8), platform_version=version
            )
            module = Module.objects.create(catalogue=row, code="m", label="M", is_installed=self.chance(0.5))
            self.rows[f"{code}:thing"] = EntityType.objects.create(
                catalogue=row,
                code="thing",
                label="T",
                action_labels=[["view", "View"], ["stop", "Stop"]],
                shareable=["view", "stop"],
                seen_by=SEEN_BY[f"{code}:thing"],
            )
            self.add(code, row, type="catalogue", scope="root")
            self.world["catalogues"][code] = {
                "enabled": row.is_enabled,
                "version": version,
                "module": module.is_installed,
                "default": None,
                "unless": None,
            }
            for n in range(4):
                self.role(row, module, f"{code}r{n}")
        for name, role in self.world["roles"].items():
            for other in self.world["roles"]:  # more often those that a setting may set aside
                if other != name and self.chance(0.25 if other[-2:] in SET else 0.1):
                    role["includes"].append(other)
            self.rows[name].includes.add(*(self.rows[other] for other in role["includes"]))
        for code in ("c0", "c1"):
            self.defaults(code)
            self.setting(code, f"{code}{SET[0]}", self.chance(0.7))
            self.setting(code, f"{code}{SET[1]}", False)

    def role(self, catalogue: Catalogue, module: Module, name: str) -> None:
        what = {
            "catalogue": catalogue.code,
            "needs_module": self.chance(0.15),
            "since": self.pick("", "", "", "2.10"),
            "needs_scope": self.chance(0.2),
            "retired": self.chance(0.05),
            "includes": [],
        }
        self.world["roles"][name] = what
        row = Role.objects.create(
            catalogue=catalogue,
            code=name,
            label=name,
            module=module if what["needs_module"] else None,
            since=what["since"],
            needs_scope=what["needs_scope"],
            is_retired=what["retired"],
        )
        self.add(name, row, type="role", scope="root")

    def defaults(self, code: str) -> None:
        if self.chance(0.8):
            default, unless = f"{code}r0", f"{code}r1" if self.chance(0.8) else None
            row = self.rows[code]
            row.default_role, row.default_unless = self.rows[default], self.rows[unless] if unless else None
            row.save()
            self.world["catalogues"][code] |= {"default": default, "unless": unless}

    def setting(self, code: str, role: str, everybody_if_unset: bool) -> None:
        if self.chance(0.7):
            named = self.random.choice([role, None, self.random.choice(list(self.world["roles"]))])
            what = {"catalogue": code, "role": role, "named": named, "everybody_if_unset": everybody_if_unset}
            self.world["settings"].append(what)
            RoleSetting.objects.create(
                catalogue=self.rows[code],
                code=f"{role}Name",
                label="S",
                role=self.rows[role],
                named=self.rows[named] if named else None,
                everybody_if_unset=everybody_if_unset,
            )

    def rules(self) -> None:
        shared = {kind.code: kind for kind in EntityType.objects.filter(is_shared=True)}
        rows = []
        for role in self.world["roles"]:
            for _ in range(self.random.randint(2, 1 + 3 * self.many)):
                kind = self.pick(*RULED, *THINGS * 6, *("role_assignment", "org_assignment") * 2)
                where = dict(self.random.choice(CONDITIONS.get("thing" if kind in THINGS else kind, [{}])))
                if kind == "role_assignment" and self.chance(0.5):
                    where["role"] = self.some(self.world["roles"], 0.4)
                action = self.pick(*QUESTIONS[kind])
                self.world["rules"].append({"role": role, "action": action, "type": kind, "where": where})
                fields = {key: values for key, values in where.items() if values is not True}
                if "role" in fields:
                    fields["role"] = [self.rows[name].full_name for name in fields["role"]]
                flags = {key: True for key, value in where.items() if value is True}
                entity_type = self.rows[kind] if kind in THINGS else shared[kind]
                rows.append(Rule(role=self.rows[role], action=action, entity_type=entity_type, fields=fields, **flags))
        Rule.objects.bulk_create(rows)

    # ---- Who there is, and what they hold

    def people(self) -> None:
        for kind, name, number in (
            ("person", "person", 5),
            ("project_user", "credential", 2),
            ("service", "service", 2),
        ):
            for n in range(number):
                self.user(kind, f"{name}{n}")
        for n in range(2):
            members = self.some((u for u, who in self.world["users"].items() if who["kind"] != "project_user"), 0.4)
            row = Group.objects.create(name=f"group{n}")
            GroupProfile.objects.create(group=row)
            row.user_set.add(*(self.rows[member] for member in members))
            self.world["groups"][f"group{n}"] = members
            self.add(f"group{n}", row, type="group", scope="root")

    def user(self, kind: str, name: str) -> None:
        bound = self.some(self.scopes("cluster"), 0.5) if self.chance(0.3) else None
        project = self.pick(*self.scopes("project")) if kind == "project_user" else None
        row = User.objects.create(
            username=name,
            kind=kind,
            project=self.rows[project] if project else None,
            is_active=self.chance(0.9),
            all_clusters=bound is None,
        )
        row.clusters.add(*(self.rows[cluster] for cluster in bound or ()))
        self.world["users"][name] = {
            "active": row.is_active,
            "kind": kind,
            "clusters": None if bound is None else set(bound),
        }
        self.add(name, row, type="user" if kind == "person" else kind, scope=project or "root")

    def assignments(self) -> None:
        now, taken = timezone.now(), set()
        in_effect = [role for role in self.world["roles"] if oracle.in_effect(self.world, role)]
        for n in range(6 + 7 * self.many):
            to = self.pick(*self.world["users"], *self.world["groups"])
            role, scope = self.pick(*self.world["roles"], *in_effect), self.pick(*self.scopes(), *["root"] * 3)
            if (to, role, scope) in taken:
                continue
            taken.add((to, role, scope))
            expired = self.chance(0.2)
            ends = now - timedelta(minutes=1) if expired else self.random.choice([None, now + timedelta(hours=1)])
            row = self.assignment(to, role, scope)
            row.expires_at = ends
            row.save()
            self.world["assignments"].append({"to": to, "role": role, "scope": scope, "expired": expired})
            self.add(f"assignment{n}", row, **self.told(role, scope))
        for n in range(3):
            role, scope = self.pick(*self.world["roles"]), self.pick(*self.scopes())
            row = self.assignment(self.pick(*self.world["users"]), role, scope)
            self.add(f"wish{n}", row, **self.told(role, scope), unsaved=True)
        for scope, kind in self.world["kinds"].items():
            self.add(f"into {scope}", OrgAssignment(self.rows[scope]), type="org_assignment", scope=scope, target=kind)
            self.world["things"][f"into {scope}"]["unsaved"] = True

    def assignment(self, to: str, role: str, scope: str) -> RoleAssignment:
        holder = {"group" if to in self.world["groups"] else "user": self.rows[to]}
        return RoleAssignment(role=self.rows[role], scope=self.rows[scope], **holder)

    def told(self, role: str, scope: str) -> dict[str, Any]:
        return {"type": "role_assignment", "scope": scope, "role": role, "target": self.world["kinds"][scope]}

    # ---- What is protected beside them

    def resources(self) -> None:
        tags = {
            Tag.objects.create(name=f"tag of {role}"): role
            for role in self.random.sample(sorted(self.world["roles"]), 3)
        }
        for tag, role in tags.items():
            tag.roles.add(self.rows[role])
        made: list[str] = []
        holders = [given["to"] for given in self.world["assignments"] if given["to"] in self.world["users"]]
        for n in range(9):
            kind, scope, visibility = self.pick(*THINGS), self.pick(*self.scopes()), self.pick("", "OPEN", "PRIVATE")
            owner = self.pick("", *self.world["users"], *holders)
            parent = self.pick(*made) if made and self.chance(0.6) else None
            row = Resource(
                entity_type=self.rows[kind],
                scope=self.rows[scope],
                name=f"thing{n}",
                owner=self.rows.get(owner),
                parent=self.rows[parent] if parent else None,
                visibility=visibility,
            )
            what = {"type": kind, "scope": scope, "owner": owner or None, "parent": parent, "visibility": visibility}
            if n == 8:  # asked about before it is registered
                self.add("new thing", row, **what, unsaved=True)
                break
            row.save()
            listed = self.some(self.world["roles"], 0.15)
            row.listed_roles.add(*(self.rows[role] for role in listed))
            for tag, role in tags.items():
                if self.chance(0.3):
                    row.tags.add(tag)
                    listed.append(role)
            self.add(f"thing{n}", row, **what, listed=listed)
            made.append(f"thing{n}")

    def app_tokens(self) -> None:
        """With the rules about them. Last of all: what was chosen by chance before stays what it was."""
        kind = EntityType.objects.get(code="app_token", is_shared=True)
        for n in range(3):
            project, maker = self.pick(*self.scopes("project")), self.pick(*self.world["users"])
            row = AppToken.objects.create(
                project=self.rows[project],
                made_by=self.rows[maker],
                name=f"token{n}",
                role=self.rows[self.pick(*self.world["roles"])],
                digest=f"token{n}",
                expires_at=timezone.now() + timedelta(days=1),
            )
            self.add(f"token{n}", row, type="app_token", scope=project, owner=maker)
            role, action, owner = self.pick(*self.world["roles"]), self.pick(*QUESTIONS["app_token"]), self.chance(0.5)
            where = {"owner": True} if owner else {}
            self.world["rules"].append({"role": role, "action": action, "type": "app_token", "where": where})
            Rule.objects.create(role=self.rows[role], action=action, entity_type=kind, owner=owner)

    def events(self) -> None:
        for n, scope in enumerate(self.random.sample(self.scopes("cluster", "department", "project"), 3)):
            self.event(f"event{n}", self.rows[scope].pk, scope)
        self.event("event of a place that is gone", 10**9, "root")

    def event(self, name: str, scope_id: int, scope: str) -> None:
        row = AuditEvent.objects.create(
            sequence=10**9 + len(self.rows), at=timezone.now(), action="x", actor="x", scope_id=scope_id, mac=""
        )
        self.add(name, row, type="event_history", scope=scope)

    def questions_of_places(self) -> None:
        """Some object of a type, in a place or anywhere: what pages and forms ask."""
        for kind in PAGES:
            for scope in (None, *self.scopes()):
                row = At(kind, self.rows[scope] if scope else None)
                self.add(f"some {kind} in {scope}", row, type=kind, scope=scope, some=True, unsaved=True)

    def shares(self) -> None:
        saved = {name: what for name, what in self.world["things"].items() if not what.get("unsaved")}
        things = [name for name, what in saved.items() if what["type"] in SHAREABLE]
        for _ in range(5 * self.many):
            thing = self.pick(*things)
            action = self.pick(*SHAREABLE[saved[thing]["type"]])
            subjects = (name for name, who in self.world["users"].items() if who["kind"] != "project_user")
            self.share(thing, action, self.pick(*subjects, *self.world["groups"]))

    def share(self, thing: str, action: str, to: str) -> None:
        row, group = self.rows[thing], to in self.world["groups"]
        tables = PROTECTED[entity_type_of(row)].shares
        assert tables is not None
        permission, _ = Permission.objects.get_or_create(
            content_type=get_content_type(row), codename=action, defaults={"name": action}
        )
        tables[group]._default_manager.get_or_create(
            content_object=row, permission=permission, **{"group" if group else "user": self.rows[to]}
        )
        self.world["shares"].append({"thing": thing, "action": action, "with": to})

    # ---- What tests ask

    def names(self, kind: str) -> set[str]:
        """The saved things of an entity type."""
        return {n for n, what in self.world["things"].items() if what["type"] == kind and not what.get("unsaved")}

    def what_is_spoken_of(self) -> set[tuple[str, str]]:
        """(action, entity type) of every rule and share. Whatever else is asked, the answer is no to everybody."""
        things = self.world["things"]
        shared = {(share["action"], things[share["thing"]]["type"]) for share in self.world["shares"]}
        return shared | {(rule["action"], rule["type"]) for rule in self.world["rules"]}

    def often(self, kind: str, *actions: str) -> float:
        """How many of the questions about a type to ask: few where the answer can only be no."""
        return 1 if any((action, kind) in self.spoken_of for action in actions) else 0.15

    def called(self, kind: str) -> str:
        """One of the names of an entity type that a question may use."""
        return kind if ":" in kind else self.pick(kind, f"roster:{kind}")
