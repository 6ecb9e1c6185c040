"""RUN-01 to RUN-23, as far as they are about access: asked of pages, the command, the API and the permitted lists.

The cells of Run:ai's table come from tests/facts/runai_matrix.yaml, which nothing of the product reads.
"""

from collections.abc import Callable
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from accounts.models import Project, Scope, User
from policies import access
from policies.actions.assignments import give_role, may_change, take_role, update_assignment
from policies.actions.groups import create_group, delete_group, update_group
from policies.actions.roles import RoleDraft, create_role
from policies.actions.users import add_person, delete_user, disable_user, enable_user, update_user
from policies.actor import Actor
from policies.errors import Denied
from policies.models import AuditEvent, Catalogue, RoleAssignment
from policies.offers import roles_for
from policies.protected import At, OrgAssignment
from tests.console.conftest import person
from tests.console.pages import Page
from tests.console.platforms import Console, a_thing, switched_on
from tests.console.services import EVALUATION, Caller, a_service, a_token, question
from tests.factories import COMMAND, a_project, a_scope, an_administrator, give, role, signed_in

FACTS = yaml.safe_load((Path(__file__).parent.parent / "facts/runai_matrix.yaml").read_text())
ROLES, MATRIX, LETTERS = list(FACTS["roles"]), FACTS["matrix"], FACTS["actions"]
CELLS = [(code, entity) for entity in MATRIX for code in ROLES]
# Where each role is held in these tests: the widest place that it binds to.
HELD_AT = {"department_admin": "department", "researcher": "project"}
WORKLOADS = ("job", "deployment", "workspace")
OF_PLATFORM = ("settings",)  # not inside any project: only a role held at the organization reaches it
PAGES = ("settings", "event_history", "dashboard_overview", "dashboard_analytics", "dashboard_consumption")


def letters(code: str, entity: str) -> set[str]:
    """The actions of a cell: {"create", "read"}."""
    cell = MATRIX[entity][code]
    said = cell["actions"] if isinstance(cell, dict) else cell
    return set() if said == "N/A" else {LETTERS[letter] for letter in said}


def full_name(entity: str) -> str:
    """Run:ai's own kinds of things by their full name; those that it shares with every catalogue by their code."""
    own = {kind.code for kind in Catalogue.objects.get(code="runai").entity_types.all()}
    return f"runai:{entity}" if entity in own else entity


def make_platform() -> SimpleNamespace:
    """Project vision in department perception in cluster north, with a thing of every kind, and somebody for each role."""
    switched_on("runai", modules={"inference": True})
    p = SimpleNamespace(root=Scope.objects.root(), people={}, things={})
    p.north, p.south = a_scope("cluster", "North"), a_scope("cluster", "South")
    p.department = a_scope("department", "Perception", p.north)
    p.project, p.elsewhere = a_project("Vision", p.department), a_project("Elsewhere")
    for code in ROLES:
        p.people[code] = person(code.replace("_", "-"))
        give(p.people[code], f"runai:{code}", getattr(p, HELD_AT.get(code, "root")))
    somebody = person("somebody")
    p.assignment = give_role(actor=COMMAND, role=role("runai:researcher"), subject=somebody, scope=p.project)
    p.things = {"department": p.department, "project": p.project, "cluster": p.north}
    p.things |= dict.fromkeys(("role_assignment", "org_assignment"), p.assignment)
    p.things |= dict.fromkeys(PAGES, p.project) | dict.fromkeys(OF_PLATFORM, p.root)
    for kind in Catalogue.objects.get(code="runai").entity_types.all():
        p.things[kind.code] = a_thing(kind.full_name, p.project)
    p.job_elsewhere = a_thing("runai:job", p.elsewhere)
    p.console = Console()
    return p


def fresh(user: User) -> User:
    """As the next request sees the user."""
    return User.objects.get(pk=user.pk)


def asked(p: SimpleNamespace, entity: str) -> Any:
    """What access.may is asked about: an object, a putting into a place, or some object of a kind in a place."""
    if entity == "org_assignment":
        return OrgAssignment(p.assignment.scope)
    return At(entity, p.things[entity]) if entity in PAGES else p.things[entity]


def allowed_cells(p: SimpleNamespace, user: User) -> set[tuple[str, str]]:
    return {
        (entity, action)
        for entity in MATRIX
        for action in LETTERS.values()
        if access.may(user, action, asked(p, entity))
    }


def may_give(user: User, name: str, scope: Scope, subject: User) -> bool:
    assignment = RoleAssignment(role=role(name), scope=scope, user=subject)
    return may_change(Actor(user.username, fresh(user)), "create", assignment)


# ---- The table


def test_the_table_of_facts_is_whole() -> None:
    assert (len(MATRIX), len(ROLES), len(CELLS)) == (19, 7, 133)
    assert len({(entity, code) for entity, row in MATRIX.items() for code in row if code != "label"}) == 133


@pytest.mark.once
@pytest.mark.parametrize(("code", "entity"), CELLS, ids=[f"{code}-{entity}" for code, entity in CELLS])
def test_a_cell_allows_its_letters_and_no_other(p: SimpleNamespace, code: str, entity: str) -> None:
    """RUN-15 and the 133 cells x C, R, U, D: may, the permitted list and the API say what the table says."""
    user, expected, kind = p.people[code], letters(code, entity), full_name(entity)
    thing = asked(p, entity)
    assert {action for action in LETTERS.values() if access.may(user, action, thing)} == expected
    assert p.console.actions(user, kind, p.things[entity]) & set(LETTERS.values()) == expected
    if entity in PAGES:
        found = {a for a in LETTERS.values() if access.permitted_scopes(user, (a, kind)).filter(pk=p.things[entity].pk)}
    else:
        found = {a for a in LETTERS.values() if access.permitted(user, a, kind).filter(pk=p.things[entity].pk)}
    assert found == expected


def test_the_commands_say_the_same(p: SimpleNamespace) -> None:
    """RUN-15: one letter of every row, by check_access and by an evaluation of the API."""
    for number, entity in enumerate(MATRIX):
        code, action = ROLES[number % len(ROLES)], list(LETTERS.values())[number % 4]
        expected = action in letters(code, entity)
        assert p.console.may(p.people[code], action, full_name(entity), p.things[entity]) == expected, (code, entity)


def test_only_administrators_manage_users(p: SimpleNamespace) -> None:
    """RUN-01: list, create, update and delete users: Administrator only."""
    for code, user in p.people.items():
        for action in ("list", "create", "read", "update", "delete"):
            assert p.console.may(user, action, "user", p.people["viewer"]) == (code == "administrator"), (code, action)
        assert access.permitted(user, "list", "user").exists() == (code == "administrator")


@pytest.mark.parametrize(("first", "second"), list(combinations(ROLES, 2)))
def test_permissions_are_the_union_of_the_roles(p: SimpleNamespace, first: str, second: str) -> None:
    """RUN-04: what two roles allow is what either allows."""
    both = person("both")
    for code in (first, second):
        give(both, f"runai:{code}", getattr(p, HELD_AT.get(code, "root")))
    union = {(entity, action) for entity in MATRIX for code in (first, second) for action in letters(code, entity)}
    assert allowed_cells(p, both) == union


# ---- Where roles reach


def test_researchers_work_in_their_project_alone(p: SimpleNamespace) -> None:
    """RUN-05: job and workspace CRUD in an assigned project, nothing in another."""
    researcher = p.people["researcher"]
    for kind in ("job", "workspace"):
        mine, other = p.things[kind], a_thing(f"runai:{kind}", p.elsewhere, "other")
        assert p.console.actions(researcher, f"runai:{kind}", mine) == {"create", "read", "update", "delete"}
        assert p.console.actions(researcher, f"runai:{kind}", other) == set()
        assert list(access.permitted(researcher, "read", f"runai:{kind}")) == [mine]
    assert not p.console.may(researcher, "read", "project", p.elsewhere)
    assert not access.permitted(researcher, "read", "project", within=p.elsewhere).exists()


def test_a_researcher_without_a_project_is_pending(p: SimpleNamespace) -> None:
    """RUN-05: given at the organization the role is pending: without effect, not refused, and told so."""
    waiting = person("waiting")
    give(waiting, "runai:researcher", p.root)
    assert allowed_cells(p, waiting) == set()
    assert not p.console.may(waiting, "create", "runai:job", p.project)
    assert not access.permitted(waiting, "read", "runai:job").exists()
    decision = access.explain(waiting, "read", p.things["job"])
    assert {missing.kind for candidate in decision.candidates for missing in candidate.missing} == {"pending"}
    give(waiting, "runai:researcher", p.project)
    assert p.console.may(fresh(waiting), "create", "runai:job", p.project)
    assert not p.console.may(fresh(waiting), "create", "runai:job", p.elsewhere)


def test_research_managers_reach_every_project(p: SimpleNamespace) -> None:
    """RUN-06: every project, also one created later; R on jobs, as the table says."""
    manager = p.people["research_manager"]
    later = a_project("Later", p.department)
    job = a_thing("runai:job", later, "later")
    for thing in (p.things["job"], p.job_elsewhere, job):
        assert p.console.actions(manager, "runai:job", thing) == {"read"}
    assert p.console.may(manager, "read", "project", later)
    assert set(access.permitted(manager, "read", "runai:job")) == {p.things["job"], p.job_elsewhere, job}


def test_ml_engineers_need_the_inference_module(p: SimpleNamespace) -> None:
    """RUN-07: offered and effective only while it is installed; the assignment stays."""
    engineer, deployment = p.people["ml_engineer"], p.things["deployment"]
    held = RoleAssignment.objects.filter(user=engineer)
    assert role("runai:ml_engineer") in roles_for("person", "project")
    assert p.console.may(engineer, "create", "runai:deployment", deployment)
    switched_on("runai", modules={"inference": False})
    assert role("runai:ml_engineer") not in roles_for("person", "project")
    assert allowed_cells(p, fresh(engineer)) == set()
    assert not p.console.may(engineer, "create", "runai:deployment", deployment)
    assert held.count() == 1
    assert "Inference" in " ".join(access.explain(fresh(engineer), "create", deployment).reasons)
    switched_on("runai", modules={"inference": True})
    assert p.console.may(engineer, "create", "runai:deployment", deployment)


def test_a_role_that_includes_ml_engineer_needs_the_module_too(p: SimpleNamespace) -> None:
    """RUN-07: no other role brings the grants of one whose module is gone."""
    create_role(actor=COMMAND, draft=RoleDraft("Lead", includes=("runai:ml_engineer",)))
    somebody = person("lead")
    give(somebody, "custom:lead", p.project)
    for installed in (True, False):
        switched_on("runai", modules={"inference": installed})
        assert access.may(fresh(somebody), "create", p.things["deployment"]) == installed
        assert access.permitted(fresh(somebody), "read", "runai:deployment").exists() == installed


def test_department_administrators_come_with_version_2_10(p: SimpleNamespace) -> None:
    """RUN-08: offered, and effective, from platform version 2.10 on; 2.9 is before it."""
    administrator = p.people["department_admin"]
    for version, offered in (("2.9", False), ("2.10", True), ("2.13", True), ("2.8.5", False), ("3.0", True)):
        switched_on("runai", platform_version=version)
        assert (role("runai:department_admin") in roles_for("person", "department")) == offered, version
        assert p.console.may(administrator, "create", "project", p.project) == offered, version


def test_department_administrators_work_inside_their_departments(p: SimpleNamespace) -> None:
    """RUN-09: the assigned departments, their projects and workloads; nothing of another department."""
    administrator = p.people["department_admin"]
    other = a_scope("department", "Other")
    theirs = a_project("Theirs", other)
    later = a_project("Later", p.department)
    for place, expected in ((p.project, True), (later, True), (theirs, False), (p.elsewhere, False)):
        assert p.console.may(administrator, "update", "project", place) == expected
        assert p.console.may(administrator, "create", "project", place.parent) == expected
        for kind in WORKLOADS:
            assert p.console.may(administrator, "read", f"runai:{kind}", place) == expected
            assert not p.console.may(administrator, "create", f"runai:{kind}", place)
    assert p.console.may(administrator, "read", "department", p.department)
    assert not p.console.may(administrator, "read", "department", other)
    assert set(access.permitted(administrator, "read", "project")) == {p.project, later}
    assert list(access.permitted(administrator, "read", "runai:job")) == [p.things["job"]]


# ---- Giving roles


def test_department_administrators_give_two_roles(p: SimpleNamespace) -> None:
    """RUN-10: give, change and take only Researcher and ML Engineer; whatever else is asked for is refused."""
    administrator = p.people["department_admin"]
    actor, subject = Actor("department", administrator), person("subject")
    for code in ROLES:
        theirs = code in ("researcher", "ml_engineer")
        assert may_give(administrator, f"runai:{code}", p.project, subject) == theirs, code
        scope = p.project if "project" in (role(f"runai:{code}").binds or ["project"]) else p.root
        if theirs:
            give_role(actor=actor, role=role(f"runai:{code}"), subject=subject, scope=p.project)
        else:
            with pytest.raises(Denied):
                give_role(actor=actor, role=role(f"runai:{code}"), subject=subject, scope=scope)
    held = RoleAssignment.objects.filter(user=subject)
    assert {a.role.code for a in held} == {"researcher", "ml_engineer"}
    for assignment in held:
        update_assignment(actor=actor, assignment=assignment, expires_at=None, reason="for now")
        take_role(actor=actor, assignment=assignment)
    with pytest.raises(Denied):
        take_role(actor=actor, assignment=RoleAssignment.objects.get(user=p.people["viewer"]))
    assert not may_give(administrator, "runai:researcher", p.elsewhere, subject)  # their department, no further


def test_administrators_give_all_seven(p: SimpleNamespace) -> None:
    """RUN-11: Administrator may give all seven roles; none of the console's own (security 21)."""
    actor, subject = Actor("administrator", p.people["administrator"]), person("subject")
    own = RoleAssignment(role=role("roster:administrator"), scope=p.root)
    assert not access.may(p.people["administrator"], "create", own)
    with pytest.raises(Denied):
        give_role(actor=actor, role=own.role, subject=p.people["administrator"], scope=p.root)
    for code in ROLES:
        assert access.may(p.people["administrator"], "create", RoleAssignment(role=role(f"runai:{code}"), scope=p.root))
    for code in ("administrator", "editor", "research_manager", "researcher", "ml_engineer", "viewer"):
        give_role(actor=actor, role=role(f"runai:{code}"), subject=subject, scope=p.root)
    assert RoleAssignment.objects.filter(user=subject).count() == 6
    for code in ("editor", "research_manager", "viewer", "researcher", "ml_engineer"):
        with pytest.raises(Denied):
            give_role(
                actor=Actor(code, p.people[code]), role=role("runai:viewer"), subject=person(f"by-{code}"), scope=p.root
            )


def test_an_administrator_alone_puts_nobody_in_a_project(p: SimpleNamespace) -> None:
    """RUN-11, RUN-12: an Administrator creates a Researcher; an Editor puts them in a project."""
    administrator, editor, subject = p.people["administrator"], p.people["editor"], person("subject")
    with pytest.raises(Denied):
        give_role(actor=Actor("a", administrator), role=role("runai:researcher"), subject=subject, scope=p.project)
    with pytest.raises(Denied):
        give_role(actor=Actor("e", editor), role=role("runai:researcher"), subject=subject, scope=p.project)
    give_role(actor=Actor("a", administrator), role=role("runai:researcher"), subject=subject, scope=p.root)
    give_role(actor=Actor("e", editor), role=role("runai:researcher"), subject=subject, scope=p.project)
    assert p.console.may(subject, "create", "runai:job", p.project)


def test_assigning_to_places(p: SimpleNamespace) -> None:
    """RUN-12: Administrator reads; Department Administrator CRUD, projects only; Editor CRUD, both; others nothing."""
    every = set(LETTERS.values())
    in_project, in_department, in_cluster, at_root = (
        OrgAssignment(scope) for scope in (p.project, p.department, p.north, p.root)
    )
    expected = {"administrator": ({"read"}, {"read"}), "department_admin": (every, set()), "editor": (every, every)}
    for code, user in p.people.items():
        for thing, actions in zip((in_project, in_department), expected.get(code, (set(), set())), strict=True):
            assert {action for action in every if access.may(user, action, thing)} == actions, (code, thing)
        for thing in (in_cluster, at_root):  # the table speaks of projects and departments
            assert not [action for action in every if access.may(user, action, thing)], (code, thing)


def test_a_project_needs_an_editor(p: SimpleNamespace) -> None:
    """RUN-13: Administrator alone cannot create a project; Administrator and Editor can: on the page, too."""
    administrator = p.people["administrator"]
    form = {"name": "New", "slug": "new", "description": "", "parent": ""}
    assert signed_in(administrator).post(reverse("project_create"), form).status_code == 403
    assert not p.console.may(administrator, "create", "project", p.root)
    give(administrator, "runai:editor", p.root)
    assert signed_in(fresh(administrator)).post(reverse("project_create"), form).status_code == 302
    assert Project.objects.filter(name="New").exists()


# ---- What takes away


@pytest.mark.parametrize("code", ROLES)
def test_a_user_bound_to_clusters_has_nothing_in_another(p: SimpleNamespace, code: str) -> None:
    """RUN-14: denied for every role, Administrator included; what lies in no cluster is unaffected."""
    user = p.people[code]
    before = allowed_cells(p, fresh(user))
    update_user(actor=COMMAND, user=user, all_clusters=False, clusters=[p.south])
    outside_clusters = {(e, a) for e, a in before if e in OF_PLATFORM}
    assert allowed_cells(p, fresh(user)) == outside_clusters
    assert not access.permitted(fresh(user), "read", "project", within=p.north).exists()
    assert not p.console.may(user, "read", "project", p.project)
    in_no_cluster = "read" in letters(code, "project") and code not in HELD_AT
    assert p.console.may(user, "read", "project", p.elsewhere) == in_no_cluster
    update_user(actor=COMMAND, user=user, all_clusters=False, clusters=[p.south, p.north])
    assert allowed_cells(p, fresh(user)) == before


def test_all_clusters_is_a_flag_and_not_an_empty_list(p: SimpleNamespace) -> None:
    """RUN-14: bound to no cluster at all, somebody has nothing in any; "all clusters" says so itself."""
    viewer = p.people["viewer"]
    update_user(actor=COMMAND, user=viewer, all_clusters=False, clusters=[])
    assert not p.console.may(viewer, "read", "cluster", p.north)
    assert not p.console.may(viewer, "read", "runai:job", p.things["job"])
    assert p.console.may(viewer, "read", "runai:job", p.job_elsewhere)
    update_user(actor=COMMAND, user=viewer, all_clusters=True, clusters=[])
    assert p.console.may(viewer, "read", "cluster", p.north)


def test_not_applicable_is_not_even_visible(p: SimpleNamespace) -> None:
    """RUN-15: N/A: no menu entry, a direct URL is refused. R: the page without buttons, a forged change is refused."""
    researcher, viewer = signed_in(p.people["researcher"]), signed_in(p.people["viewer"])
    page = Page(researcher.get(reverse("project_detail", args=[p.project.uid])))
    assert reverse("activity_index") not in page.links
    assert reverse("project_activity", args=[p.project.uid]) not in page.links
    for path in (reverse("activity_index"), reverse("project_activity", args=[p.project.uid])):
        assert researcher.get(path).status_code == 403
    change = reverse("project_update", args=[p.project.uid])
    response = viewer.get(reverse("project_detail", args=[p.project.uid]))
    assert response.status_code == 200
    assert change not in Page(response).links
    assert reverse("project_delete", args=[p.project.uid]) not in Page(response).links
    forged = {"name": "Stolen", "slug": "stolen", "description": "", "parent": ""}
    assert viewer.post(change, forged).status_code == 403
    assert Project.objects.get(pk=p.project.pk).name == "Vision"
    assert signed_in(person("nobody")).get(change).status_code == 404


def test_who_is_disabled_or_deleted_has_nothing_at_once(p: SimpleNamespace) -> None:
    """RUN-16: everything is denied, and sessions and tokens end."""
    administrator = p.people["administrator"]
    browser = signed_in(administrator)
    page = reverse("project_detail", args=[p.project.uid])
    assert browser.get(page).status_code == 200
    disable_user(actor=COMMAND, user=administrator)
    assert allowed_cells(p, fresh(administrator)) == set()
    assert not p.console.may(administrator, "read", "project", p.project)
    assert not access.permitted(fresh(administrator), "read", "project").exists()
    assert fresh(administrator) not in access.people_who_may("read", p.project)
    assert browser.get(page).status_code == 302
    enable_user(actor=COMMAND, user=administrator)
    browser = signed_in(fresh(administrator))
    delete_user(actor=COMMAND, user=fresh(administrator))
    assert browser.get(page).status_code == 302


def test_the_tokens_of_a_disabled_service_end(p: SimpleNamespace) -> None:
    """RUN-16: a registered service is a user, too."""
    service = a_service("platform", "roster:decision_client")
    api = Caller(a_token(service))
    body = question("viewer", "read", "project", p.project.uid)
    assert api.ask(EVALUATION, body)["decision"] is True
    disable_user(actor=COMMAND, user=service)
    assert api.send(EVALUATION, body).status_code == 401
    enable_user(actor=COMMAND, user=fresh(service))
    delete_user(actor=COMMAND, user=fresh(service))
    assert api.send(EVALUATION, body).status_code == 401


def test_a_page_opens_if_the_action_is_held_anywhere(p: SimpleNamespace) -> None:
    """RUN-17: a dashboard opens for whoever holds it in any scope, filtered to those; the platform's own things do not."""
    researcher = p.people["researcher"]
    assert access.may(researcher, "read", At("dashboard_overview"))
    assert set(access.permitted_scopes(researcher, ("read", "dashboard_overview"))) == {
        Scope.objects.get(pk=p.project.pk)
    }
    assert not access.may(researcher, "read", At("dashboard_overview", p.root))
    assert not access.may(researcher, "read", At("dashboard_consumption"))
    keeper = person("keeper")
    give(keeper, "roster:project_viewer", p.project)
    assert p.console.may(keeper, "read", "event_history", p.project)
    assert not p.console.may(keeper, "read", "event_history", p.root)
    assert signed_in(keeper).get(reverse("activity_index")).status_code == 403


# ---- Who holds roles


def test_roles_go_to_users_groups_and_services(p: SimpleNamespace) -> None:
    """RUN-20: a member has the union of their own and their groups' roles; a registered service holds roles itself."""
    member, service = person("member"), a_service("app")
    group = create_group(actor=COMMAND, name="Vision team")
    update_group(actor=COMMAND, group=group, add=[member])
    give(member, "runai:viewer", p.root)
    give(group, "runai:researcher", p.project)
    give(service, "runai:ml_engineer", p.project)
    expected = {(e, a) for e in MATRIX for code in ("viewer", "researcher") for a in letters(code, e)}
    assert allowed_cells(p, fresh(member)) == expected
    assert p.console.may(fresh(member), "delete", "runai:job", p.things["job"])
    assert p.console.may(service, "create", "runai:deployment", p.project)
    assert not p.console.may(service, "create", "runai:deployment", p.elsewhere)
    assert member in access.people_who_may("delete", p.things["job"])
    assert service in access.people_who_may("create", p.things["deployment"])
    update_group(actor=COMMAND, group=Group.objects.get(pk=group.pk), remove=[member])
    assert not p.console.may(fresh(member), "delete", "runai:job", p.things["job"])


def test_an_expired_role_ends_at_its_instant(p: SimpleNamespace) -> None:
    """RUN-16, for one role: by the database's clock, without a job; the row stays, and tells why."""
    researcher = p.people["researcher"]
    RoleAssignment.objects.filter(user=researcher).update(expires_at=timezone.now())
    assert allowed_cells(p, fresh(researcher)) == set()
    assert not p.console.may(researcher, "read", "runai:job", p.things["job"])
    assert "expired" in " ".join(access.explain(fresh(researcher), "read", p.things["job"]).reasons)


def test_a_new_person_gets_a_temporary_password(p: SimpleNamespace) -> None:
    """RUN-18: it is answered once, stored nowhere, and must be changed at the first sign-in."""
    newcomer, secret = add_person(actor=COMMAND, username="newcomer", email="newcomer@example.com")
    assert newcomer.check_password(secret)
    assert secret not in str(AuditEvent.objects.order_by("-sequence").values_list("after", flat=True)[0])
    answer = signed_in(newcomer).get(reverse("home"))
    assert (answer.status_code, answer["Location"]) == (302, reverse("account_change_password"))


def test_the_last_administrator_is_safe_from_every_path(p: SimpleNamespace) -> None:
    """RUN-22: not deleted, disabled, without the role, with one that ends, nor through a group that is deleted."""
    last, second = an_administrator("last"), person("second")
    held = RoleAssignment.objects.get(user=last)
    group = create_group(actor=COMMAND, name="Administrators")
    paths: list[Callable[[], Any]] = [
        lambda: delete_user(actor=COMMAND, user=fresh(last)),
        lambda: disable_user(actor=COMMAND, user=last),
        lambda: take_role(actor=COMMAND, assignment=held),
        lambda: update_assignment(actor=COMMAND, assignment=held, expires_at=timezone.now() + timedelta(1), reason=""),
    ]
    for path in paths:
        with pytest.raises(ValidationError, match="last administrator"):
            path()
    update_group(actor=COMMAND, group=group, add=[last])
    give(group, "roster:administrator")
    take_role(actor=COMMAND, assignment=held)  # the group keeps them one
    for path in (
        lambda: delete_group(actor=COMMAND, group=Group.objects.get(pk=group.pk)),
        lambda: update_group(actor=COMMAND, group=group, remove=[last], add=[second]),  # without a password
        lambda: take_role(actor=COMMAND, assignment=RoleAssignment.objects.get(group=group)),
    ):
        with pytest.raises(ValidationError, match="last administrator"):
            path()
    assert access.may(fresh(last), "administer", At("installation", p.root))
