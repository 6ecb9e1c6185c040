"""may, permitted, people_who_may, actions_for and explain agree with each other and with an independent oracle on random worlds.

security.md 26: what lists contain, what pages ask and what reasons say is one answer.
"""

import random
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.models import Project, Scope, User
from policies import access
from policies.actions.shares import permission_for
from policies.models import (
    Catalogue,
    EntityType,
    Module,
    Resource,
    Role,
    RoleAssignment,
    Rule,
    RulebookVersion,
    Tag,
)
from policies.protected import PROTECTED, OrgAssignment, entity_type_of
from tests.policies import oracle

SEEDS = range(4)
QUESTIONS = {  # what is asked of each entity type
    "project": ["read", "update", "delete"],
    "department": ["read"],
    "cluster": ["read"],
    "project_user": ["list", "update", "give_role"],
    "user": ["list", "update"],
    "role_assignment": ["create", "delete"],
    "org_assignment": ["create"],
    "alpha": ["view", "stop"],
    "beta": ["view", "stop"],
}


class Builder:
    """A random world, built twice: as rows of the database and as the oracle's dictionaries."""

    def __init__(self, seed: int, dense: bool) -> None:
        self.random = random.Random(seed * 2 + dense)  # noqa: S311  a world that can be made again
        self.many = 3 if dense else 1
        self.rows: dict[str, Any] = {}
        root = Scope.objects.root()
        self.world: oracle.World = {
            "root": "root",
            "parents": {"root": None},
            "kinds": {"root": "organization"},
            "users": {},
            "groups": {},
            "roles": {},
            "rules": [],
            "defaults": [],
            "assignments": [],
            "shares": [],
            "things": {},
        }
        self.rows["root"] = root
        for step in (self.places, self.catalogues, self.people, self.assignments, self.resources, self.shares):
            step()
        RulebookVersion.renew()

    def pick(self, *names: str) -> str:
        return self.random.choice(names)

    def chance(self, of: float) -> bool:
        return self.random.random() < of

    def places(self) -> None:
        for kind, number in (("cluster", 2), ("department", 3), ("project", 5)):
            for n in range(number):
                fitting = [s for s, k in self.world["kinds"].items() if k in Scope.PARENTS[Scope.Kind(kind)]]
                parent, name = self.pick(*fitting), f"{kind}{n}"
                model = PROTECTED[kind].model
                self.rows[name] = model.objects.create(
                    kind=kind, name=name, parent=Scope.objects.get(pk=self.rows[parent].pk)
                )  # type: ignore[attr-defined]
                self.world["parents"][name], self.world["kinds"][name] = parent, kind
                self.world["things"][name] = {"type": kind, "scope": name}

    def catalogues(self) -> None:
        for c in range(2):
            catalogue = Catalogue.objects.create(
                code=f"c{c}",
                label=f"C{c}",
                is_enabled=c == 0 or self.chance(0.7),
                platform_version=self.pick("", "2.9", "2.10"),
            )
            module = Module.objects.create(catalogue=catalogue, code="m", label="M", is_installed=self.chance(0.5))
            kind = EntityType.objects.create(
                catalogue=catalogue,
                code=("alpha", "beta")[c],
                label="T",
                action_labels=[["view", "View"], ["stop", "Stop"]],
                shareable=["view", "stop"],
            )
            self.rows[kind.code] = kind
            for r in range(4):
                self.role(catalogue, module, f"c{c}r{r}")
            if self.chance(0.5):
                default, unless = f"c{c}r0", f"c{c}r1"
                catalogue.default_role, catalogue.default_unless = self.rows[default], self.rows[unless]
                catalogue.save()
                if catalogue.is_enabled:
                    self.world["defaults"].append({"role": default, "unless": unless})
        for name in self.world["roles"]:
            for _ in range(self.random.randint(1, 2 + 2 * self.many)):
                self.rule(name)

    def role(self, catalogue: Catalogue, module: Module, name: str) -> None:
        needs_module, since = self.chance(0.2), self.pick("", "", "2.10")
        role = Role.objects.create(
            catalogue=catalogue,
            code=name,
            label=name,
            module=module if needs_module else None,
            since=since,
            needs_scope=self.chance(0.2),
        )
        new_enough = not since or not catalogue.platform_version or catalogue.platform_version == "2.10"
        includes = [other for other in self.world["roles"] if other.startswith(catalogue.code) and self.chance(0.2)]
        role.includes.set([self.rows[other] for other in includes])
        self.rows[name] = role
        self.world["roles"][name] = {
            "in_effect": catalogue.is_enabled and (module.is_installed or not needs_module) and new_enough,
            "includes": includes,
            "needs_scope": role.needs_scope,
        }

    def rule(self, role: str) -> None:
        kind = self.pick(*QUESTIONS)
        where: dict[str, Any] = {}
        if kind in ("alpha", "beta"):
            where = self.random.choice(
                [
                    {},
                    {"owner": True},
                    {"parent_owner": True},
                    {"listed": True},
                    {"visibility": ["OPEN"]},
                    {"listed": True, "visibility": ["OPEN", ""]},
                ]
            )
        elif kind == "role_assignment":
            where = self.random.choice([{}, {"role": [self.pick(*self.world["roles"])]}, {"target": ["project"]}])
        elif kind == "org_assignment":
            where = self.random.choice([{}, {"target": ["project"]}, {"target": ["department", "cluster"]}])
        action = self.pick(*QUESTIONS[kind])
        entity = self.rows[kind] if kind in self.rows else EntityType.objects.get(code=kind, is_shared=True)
        fields = {key: value for key, value in where.items() if value is not True}
        if "role" in fields:
            fields["role"] = [self.rows[name].full_name for name in fields["role"]]
        Rule.objects.create(
            role=self.rows[role],
            action=action,
            entity_type=entity,
            fields=fields,
            **{k: True for k, v in where.items() if v is True},
        )
        self.world["rules"].append({"role": role, "action": action, "type": kind, "where": where})

    def people(self) -> None:
        clusters = [s for s, k in self.world["kinds"].items() if k == "cluster"]
        for n in range(6):
            name, bound = f"person{n}", self.chance(0.3)
            user = User.objects.create(username=name, is_active=self.chance(0.9), all_clusters=not bound)
            chosen = [c for c in clusters if self.chance(0.5)] if bound else None
            user.clusters.set([self.rows[c] for c in chosen or []])
            self.rows[name] = user
            self.world["users"][name] = {
                "active": user.is_active,
                "kind": "person",
                "clusters": None if chosen is None else set(chosen),
            }
            self.world["things"][name] = {"type": "user", "scope": "root"}
        for n in range(4):
            name, project = f"credential{n}", self.pick(*(s for s, k in self.world["kinds"].items() if k == "project"))
            self.rows[name] = User.objects.create(
                username=name, kind="project_user", project=self.rows[project], is_active=self.chance(0.9)
            )
            self.world["users"][name] = {"active": self.rows[name].is_active, "kind": "project_user", "clusters": None}
            self.world["things"][name] = {"type": "project_user", "scope": project}
        for n in range(2):
            members = [p for p in self.world["users"] if p.startswith("person") and self.chance(0.4)]
            self.rows[f"group{n}"] = Group.objects.create(name=f"group{n}")
            self.rows[f"group{n}"].user_set.set([self.rows[m] for m in members])
            self.world["groups"][f"group{n}"] = members

    def assignments(self) -> None:
        now = timezone.now()
        for n in range(8 * self.many):
            to, role, scope = (
                self.pick(*self.world["users"], *self.world["groups"]),
                self.pick(*self.world["roles"]),
                self.pick(*self.world["kinds"]),
            )
            holder = {"group" if to in self.world["groups"] else "user": self.rows[to]}
            place = Scope.objects.get(pk=self.rows[scope].pk)
            if RoleAssignment.objects.filter(role=self.rows[role], scope=place, **holder).exists():
                continue
            expired = self.chance(0.2)
            ends = now - timedelta(minutes=1) if expired else self.random.choice([None, now + timedelta(hours=1)])
            self.rows[f"assignment{n}"] = RoleAssignment.objects.create(
                role=self.rows[role], scope=place, expires_at=ends, **holder
            )
            self.world["assignments"].append({"to": to, "role": role, "scope": scope, "expired": expired})
            self.world["things"][f"assignment{n}"] = {
                "type": "role_assignment",
                "scope": scope,
                "role": role,
                "target": self.world["kinds"][scope],
            }
        for scope, kind in self.world["kinds"].items():
            self.rows[f"into {scope}"] = OrgAssignment(Scope.objects.get(pk=self.rows[scope].pk))
            self.world["things"][f"into {scope}"] = {"type": "org_assignment", "scope": scope, "target": kind}

    def resources(self) -> None:
        tag_lists = self.random.sample(sorted(self.world["roles"]), 4)
        tag = Tag.objects.create(name="tag")
        tag.roles.set([self.rows[name] for name in tag_lists])
        made: list[str] = []
        for n in range(8):
            name, kind, scope = f"thing{n}", self.pick("alpha", "beta"), self.pick(*self.world["kinds"])
            owner = self.pick("", *self.world["users"])
            parent = self.pick(*made) if made and self.chance(0.4) else None
            listed = [r for r in self.world["roles"] if self.chance(0.1)]
            row = Resource.objects.create(
                entity_type=self.rows[kind],
                scope=Scope.objects.get(pk=self.rows[scope].pk),
                name=name,
                owner=self.rows.get(owner),
                parent=self.rows[parent] if parent else None,
                visibility=self.pick("", "OPEN", "PRIVATE"),
            )
            row.listed_roles.set([self.rows[r] for r in listed])
            if self.chance(0.5):
                row.tags.add(tag)
                listed = listed + tag_lists
            self.rows[name] = row
            made.append(name)
            self.world["things"][name] = {
                "type": kind,
                "scope": scope,
                "owner": owner or None,
                "parent": parent,
                "visibility": row.visibility,
                "listed": listed,
            }

    def shares(self) -> None:
        for _ in range(4 * self.many):
            things = [t for t, what in self.world["things"].items() if what["type"] in ("project", "alpha", "beta")]
            thing = self.pick(*things)
            row = self.rows[thing]
            action = "read" if isinstance(row, Project) else self.pick("view", "stop")
            to = self.pick(*(u for u in self.world["users"] if u.startswith("person")), *self.world["groups"])
            RulebookVersion.renew()
            tables = PROTECTED[entity_type_of(row)].shares
            assert tables is not None
            self.permission(row, action)
            holder = {"group" if to in self.world["groups"] else "user": self.rows[to]}
            table: Any = tables["group" in holder]
            table._default_manager.get_or_create(content_object=row, permission=permission_for(row, action), **holder)
            self.world["shares"].append({"thing": thing, "action": action, "with": to})

    def permission(self, row: Any, action: str) -> None:
        """guardian's row for an action that no shipped catalogue has."""
        from django.contrib.auth.models import Permission

        from policies.shares import get_content_type

        Permission.objects.get_or_create(content_type=get_content_type(row), codename=action, defaults={"name": action})


@pytest.mark.django_db
@pytest.mark.parametrize("dense", [False, True], ids=["sparse", "dense"])
@pytest.mark.parametrize("seed", SEEDS)
def test_every_answer_is_the_same(seed: int, dense: bool) -> None:
    built = Builder(seed, dense)
    people = {name: User.objects.get(pk=built.rows[name].pk) for name in built.world["users"]}
    yes = 0
    for name, what in built.world["things"].items():
        for action in QUESTIONS[what["type"]]:
            who_may = set(access.people_who_may(action, built.rows[name]).values_list("username", flat=True))
            for user, person in people.items():
                expected = oracle.allowed(built.world, user, action, name)
                case = f"{user} {action} {name}"
                assert access.may(person, action, built.rows[name]) == expected, case
                decision = access.explain(person, action, built.rows[name])
                assert decision.allowed == expected, case
                assert any("which allows it" in said or "is shared" in said for said in decision.reasons) == expected
                assert (user in who_may) == expected, case
                yes += expected
    check_lists(built, people)
    assert yes, "a world in which nobody may do anything proves nothing"


def check_lists(built: Builder, people: dict[str, User]) -> None:
    """The permitted queryset and the actions of a page, for every user and type."""
    for user, person in people.items():
        check_scopes(built, user, person)
        for kind, actions in QUESTIONS.items():
            if kind == "org_assignment":
                continue  # not rows of their own
            names = {n for n, w in built.world["things"].items() if w["type"] == kind}
            pages = access.actions_for(person, [built.rows[n] for n in names])
            for action in actions:
                expected = {n for n in names if oracle.allowed(built.world, user, action, n)}
                listed = set(
                    access.permitted(person, action, kind if kind in PROTECTED else "resource").values_list(
                        "pk", flat=True
                    )
                )
                assert {n for n in names if built.rows[n].pk in listed} == expected, f"{user} {action} {kind}"
                assert {n for n in names if action in pages[built.rows[n].pk]} == expected, f"{user} {action} {kind}"
                check_within(built, person, action, kind, expected)


def check_within(built: Builder, person: User, action: str, kind: str, expected: set[str]) -> None:
    """Inside a place the list is the same, cut to the place."""
    for place in ("root", "department0", "project0"):
        if kind == "user" and place != "root":
            continue
        inside = {n for n in expected if place in oracle.above(built.world, built.world["things"][n]["scope"])}
        scope = Scope.objects.get(pk=built.rows[place].pk)
        rows = access.permitted(person, action, kind if kind in PROTECTED else "resource", within=scope)
        names = {n for n, w in built.world["things"].items() if w["type"] == kind}
        listed = set(rows.values_list("pk", flat=True))
        assert {n for n in names if built.rows[n].pk in listed} == inside, f"{person} {action} {kind} in {place}"


def check_scopes(built: Builder, user: str, person: User) -> None:
    """Places for menus: where a rule without conditions reaches, within the clusters that the user is bound to."""
    world = built.world
    for kind, action in (("project_user", "list"), ("project", "read"), ("role_assignment", "create")):
        roles = {r["role"] for r in world["rules"] if (r["type"], r["action"], r["where"]) == (kind, action, {})}
        held = {scope for role, scope in oracle.holdings(world, user) if role in roles}
        expected = {
            place
            for place in world["kinds"]
            if world["users"][user]["active"]
            and held & oracle.above(world, place)
            and not oracle.beyond(world, world["users"][user], {"scope": place})
        }
        rows = set(access.permitted_scopes(person, (action, kind)).values_list("pk", flat=True))
        assert {place for place in world["kinds"] if built.rows[place].pk in rows} == expected, (
            f"{user} {action} {kind}"
        )
