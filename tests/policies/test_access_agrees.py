"""Every way of asking gives one answer: that of an independent oracle, on random worlds.

security.md 26: what lists contain, what pages ask and what reasons say is one answer. `make mutants` shows that this
test notices whatever condition or check is taken out of the product.
"""

import random
from typing import Any
from unittest.mock import patch

import pytest
from django.db.models import Model

from accounts.models import Scope, User
from policies import access, branches
from policies.models import Resource
from policies.protected import PROTECTED, At
from policies.rulebook import UnknownQuestion, asked_once
from tests.policies import oracle
from tests.policies.authzen import AskedByService
from tests.policies.worlds import PAGES, QUESTIONS, SEEN_BY, SHAREABLE, THINGS, Builder

SEEDS = (1, 9, 13, 19, 21, 33)  # worlds where much is allowed, for many reasons: one where all is denied proves little
OTHER_PAGE = ("read", "settings")


@pytest.mark.django_db
@pytest.mark.parametrize("dense", [False, True], ids=["sparse", "dense"])
@pytest.mark.parametrize("seed", SEEDS)
def test_every_answer_is_the_same(seed: int, dense: bool) -> None:
    check_world(seed, dense)


def check_world(seed: int, dense: bool) -> None:
    """Raises AssertionError at the first answer that is not the oracle's."""
    built = Builder(seed, dense)
    # There is more than "few" of everything in a dense world: who may do something, and what, is asked otherwise.
    few, objects, scopes = (3, 1, 0) if dense else (access.FEW, access.FEW_OBJECTS, branches.FEW_SCOPES)
    with (
        asked_once(),
        patch.multiple(access, FEW=few, FEW_OBJECTS=objects),
        patch.object(branches, "FEW_SCOPES", scopes),
    ):
        people = {user.username: user for user in User.objects.filter(username__in=built.world["users"])}
        yes = sum(check_questions(built, people, name) for name in built.world["things"])
        assert yes, "a world in which nobody may do anything proves nothing"
        for name, person in people.items():
            Asked(built, name, person).check()
    AskedByService(built, people).check()


# ---- One object, one action: may, has_perm, explain, people_who_may


def check_questions(built: Builder, people: dict[str, User], name: str) -> int:
    """How many of the people may do something with the thing. What costs a query is asked of some of them."""
    what, row, yes = built.world["things"][name], built.rows[name], 0
    for action in QUESTIONS[what["type"]]:
        expected = {user for user in people if oracle.allowed(built.world, user, action, name)}
        often = built.often(what["type"], action)
        asked = built.some(people, often * (0.4 if what["type"] in SHAREABLE else 1))
        assert {user for user in asked if access.may(people[user], action, row)} == expected & {*asked}, (action, name)
        if built.chance(often * 0.4):
            who_may = set(access.people_who_may(action, row).values_list("username", flat=True))
            assert who_may & people.keys() == expected, f"who may {action} {name}"
        for user in built.some(people, often * 0.15):
            check_reasons(built, user, people[user], action, name)
        yes += len(expected)
    return yes


def check_reasons(built: Builder, user: str, person: User, action: str, name: str) -> None:
    """explain() tells what the oracle knows; Django's own question gets the same answer."""
    world, row, case = built.world, built.rows[name], f"{user} {action} {name}"
    who, what = world["users"][user], world["things"][name]
    expected = oracle.allowed(world, user, action, name)
    decision = access.explain(person, action, row)
    assert decision.allowed == expected, case
    assert any("which allows it" in said or "is shared" in said for said in decision.reasons) == expected, case
    refused = (
        "" if who["active"] and not oracle.beyond(world, who, what) else "boundary" if who["active"] else "disabled"
    )
    assert decision.refused == refused, case
    if who["active"]:
        assert decision.shared == oracle.shared(world, user, action, name), case
        met = any(not candidate.missing for candidate in decision.candidates)
        assert met == oracle.by_role(world, user, action, what), case
    if isinstance(row, Model):
        assert person.has_perm(f"roster.{action}", row) == expected, case


# ---- Lists: permitted, actions_for, visible_resources, permitted_scopes, visible_scopes, may_at_all


class Asked:
    """What one user sees, compared with the oracle's answers about them."""

    def __init__(self, built: Builder, user: str, person: User) -> None:
        self.built, self.world, self.user, self.person = built, built.world, user, person

    def check(self) -> None:
        for kind, actions in QUESTIONS.items():
            if built_of_rows(kind):
                if self.built.chance(self.built.often(kind, *actions)):
                    self.check_page(kind, actions)
                for action in actions:
                    if self.built.chance(self.built.often(kind, action)):
                        self.check_list(kind, action)
        self.check_resources()
        self.check_assignments()
        self.check_places()

    def allowed(self, action: str, names: set[str]) -> set[str]:
        return {name for name in names if oracle.allowed(self.world, self.user, action, name)}

    def check_page(self, kind: str, actions: list[str]) -> None:
        names = self.built.names(kind)
        found = access.actions_for(self.person, [self.built.rows[name] for name in names])
        for action in actions:
            may = {name for name in names if action in found[self.built.rows[name].pk]}
            assert may == self.allowed(action, names), f"{self.user} {action} {kind}"
        if names and self.built.chance(0.1):
            name = random.Random(self.user).choice(sorted(names))  # noqa: S311
            row = self.built.rows[name]
            assert self.person.get_all_permissions(row) == found[row.pk], f"{self.user} {name}"

    def check_list(self, kind: str, action: str) -> None:
        expected, called = self.allowed(action, self.built.names(kind)), self.built.called(kind)
        assert self.named(access.permitted(self.person, action, called)) == expected, f"{self.user} {action} {kind}"
        if self.built.chance(0.15) and PROTECTED.get(kind, PROTECTED["resource"]).scope:
            place = self.built.pick(*self.built.scopes("cluster", "department", "project"))
            inside = {n for n in expected if place in oracle.above(self.world, self.world["things"][n]["scope"])}
            rows = access.permitted(self.person, action, called, within=self.place(place))
            assert self.named(rows) == inside, f"{self.user} {action} {kind} in {place}"

    def check_resources(self) -> None:
        """Registered things of whatever type: by an action, and those that lists show."""
        view = {name for kind in THINGS for name in self.allowed("view", self.built.names(kind))}
        assert self.named(access.permitted(self.person, "view", "resource")) == view, self.user
        seen = {
            n for kind, actions in SEEN_BY.items() for a in actions for n in self.allowed(a, self.built.names(kind))
        }
        assert self.named(access.visible_resources(self.person)) == seen, self.user
        place = self.built.pick(*self.built.scopes())
        inside = {n for n in seen if place in oracle.above(self.world, self.world["things"][n]["scope"])}
        assert self.named(access.visible_resources(self.person, self.place(place))) == inside, f"{self.user} in {place}"

    def check_places(self) -> None:
        """Pages and menus (RUN-17): a page opens for what is allowed anywhere, and tells of the places where it is."""
        scopes = self.built.scopes()
        for kind in PAGES:
            action = self.built.pick(*QUESTIONS[kind])
            expected = {s for s in scopes if oracle.allowed(self.world, self.user, action, f"some {kind} in {s}")}
            question, case = (action, kind), f"{self.user} {action} {kind}"
            assert self.named(access.permitted_scopes(self.person, question)) == expected, case
            anywhere = [
                oracle.allowed(self.world, self.user, a, f"some {k} in None") for a, k in (question, OTHER_PAGE)
            ]
            assert access.may_at_all(self.person, [question, OTHER_PAGE]) == any(anywhere), case
            shared = {s for s in self.built.names("project") if self.shared_to_read(s)}
            projects = {s for s in expected if self.world["kinds"][s] == "project"} | shared
            assert self.named(access.visible_scopes(self.person, "project", question)) == projects, case

            self.check_places_of_some(kind, action, question)

    def check_places_of_some(self, kind: str, action: str, question: tuple[str, str]) -> None:
        """Doors of pages that decide object by object: conditions count as met."""
        expected = {scope for scope in self.built.scopes() if self.on_some(action, kind, scope)}
        found = access.permitted_scopes(self.person, question, on_some=True)
        assert self.named(found) == expected, f"{self.user} {action} some {kind}"
        assert access.may_some(self.person, *question) == self.on_some(action, kind, None), (
            f"{self.user} {action} {kind}"
        )

    def on_some(self, action: str, kind: str, scope: str | None) -> bool:
        what, who = {"type": kind, "scope": scope, "some": "that meets the conditions"}, self.world["users"][self.user]
        reach = who["active"] and not oracle.beyond(self.world, who, what)
        return reach and oracle.by_role(self.world, self.user, action, what)

    def check_assignments(self) -> None:
        """Who sees an assignment: who reads it as such, or as somebody's place."""
        names = self.built.names("role_assignment")
        seen = self.allowed("read", names)
        into = {name: f"into {self.world['things'][name]['scope']}" for name in names}
        as_places = self.allowed("read", {*into.values()})
        seen |= {name for name in names if into[name] in as_places}
        assert self.named(access.visible_assignments(self.person)) == seen, self.user

    def shared_to_read(self, scope: str) -> bool:
        who, what = self.world["users"][self.user], self.world["things"][scope]
        reach = who["active"] and not oracle.beyond(self.world, who, what)
        return reach and oracle.shared(self.world, self.user, "read", scope)

    def place(self, name: str) -> Scope:
        place: Scope = self.built.rows[name]
        return place

    def named(self, rows: Any) -> set[str]:
        """The world's names of the rows that a list contains; of other things of its model too, where it contains them."""
        model = Scope if issubclass(rows.model, Scope) else rows.model
        found = set(rows.values_list("pk", flat=True))
        saved = (n for n, what in self.world["things"].items() if not what.get("unsaved"))
        return {n for n in saved if isinstance(self.built.rows[n], model) and self.built.rows[n].pk in found}


def built_of_rows(kind: str) -> bool:
    """Whether objects of the entity type are rows that a list can hold."""
    return kind in THINGS or (kind in PROTECTED and kind not in ("org_assignment", "resource"))


# ---- What cannot be asked


@pytest.mark.django_db
def test_what_is_not_clear_or_not_declared_raises() -> None:
    """A question that nobody declared is an error, never a quiet no."""
    check_undeclared()


def check_undeclared() -> None:
    built = Builder(0, dense=False)
    people = User.objects.filter(username__startswith="person")
    for person in (people.filter(is_active=True)[0], people.filter(is_active=False)[0]):
        check_undeclared_of(built, person)


def check_undeclared_of(built: Builder, person: User) -> None:
    for name in ("thing", "nothing", "c0:nothing", "c2:thing"):
        with pytest.raises(UnknownQuestion):
            access.may(person, "view", At(name))
        with pytest.raises(UnknownQuestion):
            access.permitted(person, "view", name)
    with pytest.raises(UnknownQuestion):
        access.may(person, "fly", built.rows["thing0"])
    with pytest.raises(UnknownQuestion):
        access.permitted(person, "fly", "c0:thing")
    for ask in (access.may, access.explain):
        with pytest.raises(UnknownQuestion):
            ask(person, "fly", built.rows["thing0"])
        with pytest.raises(TypeError):
            ask(person, "view", object())
    with pytest.raises(UnknownQuestion):
        access.permitted_scopes(person, ("fly", "c0:thing"))
    with pytest.raises(UnknownQuestion):
        access.visible_scopes(person, "project", ("fly", "c0:thing"))
    with pytest.raises(UnknownQuestion):
        access.may_some(person, "fly", "c0:thing")
    assert not person.has_perm("roster.fly", built.rows["thing0"])
    assert not person.has_perm("roster.view", object())


def test_the_world_asks_of_every_protected_model() -> None:
    """A model that becomes protected must be asked about here, too."""
    assert {*PROTECTED} <= {*QUESTIONS}
    assert {name for name, protected in PROTECTED.items() if protected.shares} - {"resource"} == {*SHAREABLE} - {
        *THINGS
    }
    assert PROTECTED["resource"].model is Resource
