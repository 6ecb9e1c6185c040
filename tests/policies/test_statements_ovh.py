"""OVH-01 to OVH-10: what OVHcloud's roles allow, asked of the access layer cell by cell."""

from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.exceptions import ValidationError

from accounts.models import Project, User
from policies import access
from policies.abilities import abilities_of
from policies.actions.assignments import add_and_take_roles, edit_roles
from policies.actions.users import add_project_user, delete_user, disable_user
from policies.models import EntityType, Resource, Role
from policies.offers import hints, presets, roles_of_project_users
from policies.protected import At
from tests.factories import COMMAND, a_project, give, role
from tests.factories import a_person as person

FACTS = yaml.safe_load((Path(__file__).parent.parent / "facts/ovh_roles.yaml").read_text())
OPERATOR, READER, STORAGE = "ai_training_operator", "ai_training_read", "objectstore_operator"
AI_TYPES, AI_ACTIONS = ("notebook", "job", "app"), ("launch", "stop", "delete", "access")
AI_CELLS = list(product(AI_TYPES, AI_ACTIONS))
STORAGE_CELLS = [("object_storage", "read"), ("object_storage", "write")]
pytestmark = pytest.mark.django_db


def every_cell() -> list[tuple[str, str]]:
    """(entity type, action) of everything that the table of facts speaks about."""
    cells = set()
    for permissions in FACTS["services"].values():
        for rule in permissions.values():
            cells |= cells_of(rule)
    return sorted(cells)


def cells_of(rule: dict[str, Any]) -> set[tuple[str, str]]:
    cells = set(product(rule["to"], rule["can"]))
    return cells | cells_of(rule["and"]) if "and" in rule else cells


def allowed_by_facts(code: str) -> set[tuple[str, str]]:
    """What the table of facts says that a role allows."""
    rules = {name: rule for service in FACTS["services"].values() for name, rule in service.items()}
    named = FACTS["roles"][code]["permissions"]
    return {cell for name in (rules if named == "all" else named) for cell in cells_of(rules[name])}


CELLS = every_cell()


@pytest.fixture
def project(db: None) -> Project:
    return a_project("Alpha")


def a_user(project: Project, *codes: str) -> User:
    roles = [role(f"ovhcloud:{code}") for code in codes]
    return add_project_user(actor=COMMAND, project=project, description="x", roles=roles, password="")[0]


def allowed(user: User, project: Project) -> set[tuple[str, str]]:
    """The cells that access.may allows on a thing in the project, that somebody else owns."""
    types = {kind.code: kind for kind in EntityType.objects.filter(catalogue__code="ovhcloud")}
    return {
        (kind, action)
        for kind, action in CELLS
        if access.may(user, action, Resource(entity_type=types[kind], scope=project, name="x"))
    }


def test_the_table_of_facts_is_whole() -> None:
    assert set(AI_CELLS) <= set(CELLS)
    assert len(AI_CELLS) == 12
    assert set(FACTS["roles"]) == set(Role.objects.filter(catalogue__code="ovhcloud").values_list("code", flat=True))
    declared = {
        (kind.code, action) for kind in EntityType.objects.filter(catalogue__code="ovhcloud") for action in kind.actions
    }
    assert declared == set(CELLS)


@pytest.mark.parametrize("code", FACTS["roles"])
def test_every_role_allows_what_the_facts_say_and_nothing_else(project: Project, code: str) -> None:
    """OVH-02 to OVH-05 and the other eight roles: every role x every action, and the facts' labels and aliases (OVH-15)."""
    fact, found = FACTS["roles"][code], role(f"ovhcloud:{code}")
    assert allowed(a_user(project, code), project) == allowed_by_facts(code)
    assert (found.label, list(found.aliases)) == (fact["label"], fact.get("alias", []))


def test_without_a_role_nothing(project: Project) -> None:
    """OVH-01: 12 cells, all deny; and nothing else either."""
    assert allowed(a_user(project), project) == set()


def test_the_operator_does_all_four_on_all_three(project: Project) -> None:
    """OVH-02: launch, stop, delete, access x notebook, job, app: 12 cells, all allow."""
    assert set(AI_CELLS) <= allowed(a_user(project, OPERATOR), project)


def test_the_reader_opens_what_exists_and_nothing_more(project: Project) -> None:
    """OVH-03: access allows on three; OVH-04: launch, stop, delete: 9 cells, all deny."""
    found = allowed(a_user(project, READER), project)
    assert {cell for cell in AI_CELLS if cell in found} == {(kind, "access") for kind in AI_TYPES}
    assert len([cell for cell in AI_CELLS if cell not in found]) == 9


def test_storage_is_a_role_of_its_own(project: Project) -> None:
    """OVH-05: read and write; OVH-06: an AI role gives no storage, the storage role no notebook, job or app."""
    assert allowed(a_user(project, STORAGE), project) == set(STORAGE_CELLS)
    for code in (OPERATOR, READER):
        assert not allowed(a_user(project, code), project) & set(STORAGE_CELLS)


@pytest.mark.once
@pytest.mark.parametrize(("first", "second"), list(combinations(FACTS["roles"], 2)))
def test_roles_add_up(project: Project, first: str, second: str) -> None:
    """OVH-07: what two roles allow is what either allows: nothing is lost, nothing comes of the pair."""
    found = allowed(a_user(project, first, second), project)
    assert found == allowed_by_facts(first) | allowed_by_facts(second)


def test_the_command_line_is_the_operators(project: Project) -> None:
    """OVH-08: the Operator may sign in to the command line; the Reader may not."""
    assert ("cli", "login") in allowed(a_user(project, OPERATOR), project)
    assert ("cli", "login") not in allowed(a_user(project, READER), project)
    assert ("cli", "login") not in allowed(a_user(project, STORAGE), project)


def test_access_ends_with_the_role_and_storage_stays(project: Project) -> None:
    """OVH-09: at the very next decision, by taking the role, disabling or deleting the user."""
    user = a_user(project, OPERATOR, STORAGE)
    add_and_take_roles(actor=COMMAND, user=user, take=[role(f"ovhcloud:{OPERATOR}")])
    assert allowed(User.objects.get(pk=user.pk), project) == set(STORAGE_CELLS)
    edit_roles(actor=COMMAND, user=user, roles=[])
    assert allowed(User.objects.get(pk=user.pk), project) == set()
    other = a_user(project, OPERATOR)
    disable_user(actor=COMMAND, user=other)
    assert allowed(User.objects.get(pk=other.pk), project) == set()
    delete_user(actor=COMMAND, user=User.objects.get(pk=other.pk))
    assert not User.objects.filter(pk=other.pk).exists()


def test_nothing_in_another_project(project: Project) -> None:
    """OVH-10: a user of A has nothing in B, and cannot be given anything there."""
    beta, user = a_project("Beta"), a_user(project, *FACTS["roles"])
    assert allowed(user, project) == set(CELLS)
    assert allowed(user, beta) == set()
    assert not access.permitted(user, "access", "resource", within=beta).exists()
    with pytest.raises(ValidationError, match="OVH-10"):
        give(user, f"ovhcloud:{READER}", beta)
    assert abilities_of(user, beta) == []


def test_a_credential_has_no_say_in_the_console(project: Project) -> None:
    """However many roles a project user holds, the console's own rights are not among them."""
    user = a_user(project, *FACTS["roles"])
    for action in ("list", "create", "give_role", "generate_password", "delete"):
        assert not access.may(user, action, At("project_user", project))
    assert not access.may(user, "read", project)


def test_the_same_roles_for_people(project: Project) -> None:
    """A directory person with the Reader's role here reads here, and nowhere else."""
    somebody = person("somebody")
    give(somebody, f"ovhcloud:{READER}", project)
    assert allowed(User.objects.get(pk=somebody.pk), project) == allowed_by_facts(READER)
    assert allowed(User.objects.get(pk=somebody.pk), a_project("Beta")) == set()


def test_recommendations_are_data() -> None:
    """OVH-14: (Operator or Reader) + ObjectStore Operator, as presets and hints of the catalogue."""

    def said(*codes: str) -> list[str]:
        return [hint.text for hint in hints([role(f"ovhcloud:{code}") for code in codes])]

    without_storage, includes_the_reader, covers_all = (hint["say"] for hint in FACTS["hints"])
    found = {preset.label: [each.code for each in preset.roles] for preset in presets(roles_of_project_users())}
    assert found == FACTS["presets"]
    for code in (OPERATOR, READER):
        assert said(code) == [without_storage]
        assert hints([role(f"ovhcloud:{code}")])[0].offer == role(f"ovhcloud:{STORAGE}")
        assert said(code, STORAGE) == []
    assert said(OPERATOR, READER, STORAGE) == [includes_the_reader]
    assert said("administrator") == []
    assert said("administrator", STORAGE) == [covers_all]
