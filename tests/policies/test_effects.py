"""What a change of the rules would do to whom, told before it is done."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Scope, User
from policies import access
from policies.actions.assignments import give_role
from policies.actions.groups import create_group
from policies.actions.roles import RoleDraft, create_role, draft_of, update_role
from policies.actions.switches import change_catalogue, install_module, name_role, switch_catalogue
from policies.actions.users import add_person, add_project_user
from policies.actor import Actor
from policies.catalogue_files import RuleEntry
from policies.effects import Effect, Effects, effects_of
from policies.errors import Denied
from policies.models import AuditEvent, Catalogue, Module, Role, RoleAssignment, RulebookVersion
from policies.protected import At
from policies.rulebook import rulebook
from tests.factories import COMMAND, a_project, a_scope, role

pytestmark = pytest.mark.usefixtures("catalogues")


def person(name: str, *roles: str, scope: Scope | None = None) -> User:
    user, _ = add_person(actor=COMMAND, username=name, description=f"{name.title()} Person", password="")
    for given in roles:
        give_role(actor=COMMAND, role=role(given), subject=user, scope=scope or Scope.objects.root())
    return user


def a_role(label: str, *rules: tuple[str, str], **fields: Any) -> Role:
    draft = RoleDraft(label, rules=tuple(RuleEntry(action, kind) for action, kind in rules), **fields)
    return create_role(actor=COMMAND, draft=draft)


def give(given: Role, subject: Any, scope: Scope | None = None) -> RoleAssignment:
    return give_role(actor=COMMAND, role=given, subject=subject, scope=scope or Scope.objects.root())


def changed(given: Role, *rules: RuleEntry, **fields: Any) -> Effects:
    """What it would do to give a role these rules instead."""
    before = draft_of(given)
    draft = RoleDraft(**{**vars(before), "rules": rules, **fields})
    return effects_of(COMMAND, partial(update_role, actor=COMMAND, role=given, draft=draft))


def told(effects: tuple[Effect, ...]) -> dict[str, set[str]]:
    """{permissions: names}"""
    return {"; ".join(effect.permissions): set(effect.names) for effect in effects}


READ = RuleEntry("read", "roster:project")
UPDATE = RuleEntry("update", "roster:project")


def test_who_loses_and_who_gains() -> None:
    reader = a_role("Reader", ("read", "roster:project"), ("read", "roster:cluster"))
    give(reader, person("ada"))
    give(reader, person("bob"), a_project())
    group = create_group(actor=COMMAND, name="Team")
    group.user_set.add(person("cleo"))
    give(reader, group)
    effects = changed(reader, READ, UPDATE)
    assert told(effects.lost) == {"open · Clusters": {"Ada Person", "Bob Person", "Cleo Person"}}
    assert told(effects.gained) == {"change · Projects": {"Ada Person", "Bob Person", "Cleo Person"}}
    assert effects.lost[0].who == "3 people"
    assert effects.lost[0].others == 0


def test_nothing_of_it_stays() -> None:
    reader = a_role("Reader", ("read", "roster:project"))
    ada = person("ada")
    give(reader, ada)
    version, events = RulebookVersion.objects.get().token, AuditEvent.objects.count()
    actor = Actor.of_command()
    assert changed(reader)
    assert (RulebookVersion.objects.get().token, AuditEvent.objects.count()) == (version, events)
    assert rulebook().version == version
    assert access.may(ada, "read", At("project"))
    assert actor.may("read", At("project"))


def test_of_the_actor_is_forgotten_what_they_would_hold() -> None:
    """The change is tried with the rules as they would be; the next question is asked of those of now."""
    root = person("root", "roster:administrator")
    own = a_role("Own", ("read", "roster:settings"))
    ada = person("ada", "roster:administrator")
    give(own, ada)
    assert access.may(root, "update", At("role"))
    draft = RoleDraft("Own", rules=(RuleEntry("create", "roster:settings"),))
    effects_of(Actor("ada", ada), partial(update_role, actor=Actor("ada", ada), role=own, draft=draft))
    assert access.may(ada, "read", At("settings"))


def test_who_keeps_it_through_another_role_is_not_counted() -> None:
    """In the same place or above it; what is held below or elsewhere keeps nothing here."""
    department = a_scope("department")
    project = a_project(parent=department)
    reader, other = (a_role(label, ("read", "roster:cluster")) for label in ("Reader", "Other"))
    ada = person("ada")
    give(reader, ada, department)
    group = create_group(actor=COMMAND, name="Team")
    group.user_set.add(ada)
    for holder, scope, keeps in (
        (ada, department, True),
        (ada, Scope.objects.root(), True),
        (group, department, True),
        (ada, project, False),
        (ada, a_project(), False),
    ):
        given = give(other, holder, scope)
        effects = changed(reader)
        assert bool(effects.lost) != keeps, (holder, scope)
        assert not effects.gained, (holder, scope)
        given.delete()


def test_a_condition_that_falls_away_is_a_gain_and_no_loss() -> None:
    owning = RoleDraft("Owner", rules=(RuleEntry("delete", "ovhcloud:notebook", owner=True),))
    owner = create_role(actor=COMMAND, draft=owning)
    give(owner, person("ada"))
    effects = changed(owner, RuleEntry("delete", "ovhcloud:notebook"))
    assert told(effects.gained) == {"delete · Notebooks": {"Ada Person"}}
    assert not effects.lost
    give(owner, person("bob"))
    effects = changed(owner, RuleEntry("delete", "ovhcloud:notebook", fields={"visibility": ["A", "B"]}))
    assert [e.permissions for e in effects.lost] == [("delete · Notebooks where they own it",)]
    assert [e.permissions for e in effects.gained] == [("delete · Notebooks where its visibility is A or B",)]


def test_more_values_of_a_condition_are_a_gain_alone() -> None:
    def rule(*values: str) -> RuleEntry:
        return RuleEntry("delete", "ovhcloud:notebook", fields={"visibility": list(values)})

    some = create_role(actor=COMMAND, draft=RoleDraft("Some", rules=(rule("A"),)))
    give(some, person("ada"))
    effects = changed(some, rule("A", "B"))
    assert not effects.lost
    assert effects.gained[0].users == 1
    assert changed(some, rule("B")).lost[0].users == 1


def test_disabled_users_and_ended_assignments_are_not_counted() -> None:
    reader = a_role("Reader", ("read", "roster:cluster"))
    give(reader, person("ada"))
    User.objects.filter(username="ada").update(is_active=False)
    ended = give(reader, person("bob"))
    RoleAssignment.objects.filter(pk=ended.pk).update(expires_at=timezone.now())
    assert not changed(reader)


def test_every_kind_of_user_is_counted_with_the_names_that_one_may_know() -> None:
    project = a_project("Alpha")
    operator = Catalogue.objects.get(code="ovhcloud")
    add_project_user(
        actor=COMMAND, project=project, description="Nightly", username="nightly", password="",
        roles=[role("ovhcloud:ai_training_read")],
    )  # fmt: skip
    switch = partial(switch_catalogue, actor=COMMAND, catalogue=operator, enabled=False)
    effect = effects_of(COMMAND, switch).lost[0]
    assert (effect.who, effect.names) == ("1 project user", ("Nightly",))
    assert effect.permissions == ("open · Notebooks, training jobs and deployed apps",)
    keeper = a_role("Switcher", ("update", "roster:catalogue"))
    some = person("some")
    give(keeper, some)
    mine = Actor("some", User.objects.get(pk=some.pk))
    effect = effects_of(mine, partial(switch_catalogue, actor=mine, catalogue=operator, enabled=False)).lost[0]
    assert (effect.who, effect.names, effect.others) == ("1 project user", (), 1)


@pytest.fixture
def h2o() -> SimpleNamespace:
    catalogue = Catalogue.objects.get(code="h2o")
    Catalogue.objects.filter(pk=catalogue.pk).update(is_enabled=True)
    RulebookVersion.renew()
    settings = {setting.code: setting for setting in catalogue.settings.all()}
    return SimpleNamespace(full=settings["fullAccessRoleName"], admin=settings["adminRoleName"])


def test_full_access_for_a_label_role(h2o: SimpleNamespace) -> None:
    """H2O-02: whoever holds the named role gains, and is no visitor any more; whoever held the old one loses."""
    label = a_role("Data team")
    give(label, person("ada"))
    person("bob", "h2o:full_access")
    person("cleo")
    effects = effects_of(COMMAND, partial(name_role, actor=COMMAND, setting=h2o.full, role=label))
    gained, lost = told(effects.gained), told(effects.lost)
    assert [who for line, who in gained.items() if line.startswith("upload · Apps")] == [{"Ada Person"}]
    assert [who for line, who in lost.items() if line.startswith("upload · Apps")] == [{"Bob Person"}]
    assert "Cleo Person" not in set().union(*gained.values(), *lost.values())
    # What a visitor may do, full access allows under fewer conditions.
    assert not any("lists a role" in line for line in lost)


def test_full_access_for_everybody(h2o: SimpleNamespace) -> None:
    """H2O-01: not set, every person has it; services and project users have not."""
    person("ada")
    person("bob", "h2o:full_access")
    add_project_user(actor=COMMAND, project=a_project(), description="Nightly", password="")
    effects = effects_of(COMMAND, partial(name_role, actor=COMMAND, setting=h2o.full, role=None))
    everybody = User.objects.people().filter(is_active=True).count()
    assert {effect.who for effect in effects.gained} == {f"{everybody - 1} {'people' if everybody > 2 else 'person'}"}


def test_a_module_that_goes_takes_its_roles_along() -> None:
    """RUN-07."""
    Catalogue.objects.filter(code="runai").update(is_enabled=True)
    module = Module.objects.get(code="inference")
    install_module(actor=COMMAND, module=module, installed=True)
    person("ada", "runai:ml_engineer")
    person("bob", "runai:ml_engineer", "runai:editor")
    gone = partial(install_module, actor=COMMAND, module=module, installed=False)
    lost = told(effects_of(COMMAND, gone).lost)
    [deployments] = [names for line, names in lost.items() if "Deployments" in line and "create" in line]
    assert deployments == {"Ada Person", "Bob Person"}
    [departments] = [names for line, names in lost.items() if "departments" in line]
    assert departments == {"Ada Person"}  # Bob reads them as an Editor


@pytest.mark.once
def test_the_number_of_queries_does_not_depend_on_the_users() -> None:
    reader = a_role("Reader", ("read", "roster:cluster"), ("read", "roster:department"))
    other = a_role("Other", ("read", "roster:cluster"))
    root = Scope.objects.root()
    counts = []
    for size in (3, 60):
        people = User.objects.bulk_create(User(username=f"p{size}-{number}") for number in range(size))
        RoleAssignment.objects.bulk_create(RoleAssignment(role=reader, user=user, scope=root) for user in people)
        RoleAssignment.objects.bulk_create(RoleAssignment(role=other, user=user, scope=root) for user in people[::3])
        changed(reader, READ)  # what a process learns once is not counted
        with CaptureQueriesContext(connection) as captured:
            effects = changed(reader, READ)
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert {effect.permissions[0]: effect.users for effect in effects.lost} == {
        "open · Departments": 63,
        "open · Clusters": 42,
    }


def test_what_the_change_refuses_is_refused_and_recorded() -> None:
    nobody = Actor("nobody", person("nobody"))
    catalogue = Catalogue.objects.get(code="h2o")
    before = AuditEvent.objects.count()
    with pytest.raises(Denied):
        effects_of(nobody, partial(change_catalogue, actor=nobody, catalogue=catalogue, enabled=True))
    assert [e.outcome for e in AuditEvent.objects.order_by("sequence")[before:]] == ["refused"]
