"""The commands that ask who may do what, give and take roles and shares, and register what services run."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import Project, Scope, ServiceToken, User
from policies import access
from policies.actions.assignments import give_role
from policies.actions.groups import create_group, update_group
from policies.actions.resources import register_resource
from policies.actions.sample import load_sample
from policies.actions.scopes import create_scope
from policies.actions.shares import share
from policies.actions.users import add_person, add_project_user, disable_user, update_user
from policies.actor import Actor
from policies.models import AuditEvent, EntityType, Resource, Role, RoleAssignment
from policies.naming import find_entity_type, find_thing
from policies.protected import PROTECTED, At, protection_of

COMMAND = Actor.of_command()
ALLOWED, DENIED, BAD = 0, 3, 2
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def run(*arguments: str) -> tuple[int, str, str]:
    """(exit status, stdout, stderr) of a command; a refusal is told on stderr."""
    stdout, stderr = StringIO(), StringIO()
    try:
        call_command(*arguments, stdout=stdout, stderr=stderr)
    except CommandError as refusal:
        return refusal.returncode, stdout.getvalue(), stderr.getvalue() + str(refusal)
    except SystemExit as ended:
        return int(str(ended.code)), stdout.getvalue(), stderr.getvalue()
    return 0, stdout.getvalue(), stderr.getvalue()


def printed(*arguments: str, status: int = 0) -> Any:
    """What a command prints as JSON."""
    ended, stdout, stderr = run(*arguments, "--format", "json")
    assert (ended, stderr) == (status, "")
    return json.loads(stdout)


def refused(*arguments: str, status: int = 1) -> str:
    """What a command says when it refuses: one line."""
    ended, stdout, stderr = run(*arguments)
    assert (ended, stdout) == (status, "")
    assert "\n" not in stderr
    assert len(stderr) < 1000
    return stderr


def role(name: str) -> Role:
    catalogue, _, code = name.partition(":")
    return Role.objects.select_related("catalogue").get(catalogue__code=catalogue, code=code)


def person(username: str) -> User:
    return add_person(actor=COMMAND, username=username, description=username.title(), password="")[0]


def given(subject: str, name: str) -> list[str]:
    """Slugs of the places where somebody was given a role."""
    holder = {"group__name": subject[6:]} if subject.startswith("group:") else {"user__username": subject}
    rows = RoleAssignment.objects.filter(role=role(name), **holder)
    return sorted(rows.values_list("scope__slug", flat=True))


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Projects vision (in a department in a cluster) and speech; a notebook and an app of each vendor in vision; people
    with and without rights. Made once: each test is rolled back to it."""
    with django_db_blocker.unblock(), transaction.atomic():
        build()
        yield
        transaction.set_rollback(True)


def build() -> None:
    north = create_scope(actor=COMMAND, kind="cluster", name="North")
    perception = create_scope(actor=COMMAND, kind="department", name="Perception", parent=north)
    vision = create_scope(actor=COMMAND, kind="project", name="Vision", parent=perception)
    speech = create_scope(actor=COMMAND, kind="project", name="Speech")
    users = {name: person(name) for name in ("ann", "kim", "vera", "olaf", "root")}
    give_role(actor=COMMAND, role=role("roster:administrator"), subject=users["root"], scope=Scope.objects.root())
    give_role(actor=COMMAND, role=role("roster:project_administrator"), subject=users["kim"], scope=vision)
    give_role(actor=COMMAND, role=role("roster:project_viewer"), subject=users["vera"], scope=vision)
    team = create_group(actor=COMMAND, name="Team: Vision")
    update_group(actor=COMMAND, group=team, add=[users["ann"]])
    pipeline, _ = add_project_user(
        actor=COMMAND, project=vision, description="Nightly", username="pipeline", password="",
        roles=[role("ovhcloud:ai_training_operator")],
    )  # fmt: skip
    kinds = {kind.full_name: kind for kind in EntityType.objects.select_related("catalogue")}
    for name, kind, scope in (("train", "ovhcloud:notebook", vision), ("train", "ovhcloud:notebook", speech),
                              ("masks", "ovhcloud:notebook", vision), ("demo", "ovhcloud:app", vision),
                              ("demo", "h2o:app", vision)):  # fmt: skip
        owner = pipeline if name == "masks" else None
        register_resource(actor=COMMAND, entity_type=kinds[kind], scope=scope, name=name, owner=owner)
    Resource.objects.filter(name="masks").update(external_id="nb-Ä:1")


@pytest.fixture
def world(built: None, db: None) -> None:
    pass


def uid(name: str, project: str = "vision") -> str:
    return Resource.objects.get(name=name, scope__slug=project).uid


# ---- check_access


def test_an_answer_is_an_exit_status_and_its_reasons(world: None) -> None:
    """OVH-02: an AI Training Operator launches notebooks, in its own project alone."""
    said = printed("check_access", "pipeline", "launch", "notebook:masks")
    assert said == {"allowed": True, "reasons": ["Holds AI Training Operator in Vision, which allows it."]}
    said = printed("check_access", "pipeline", "launch", "notebook:train", "--project", "speech", status=DENIED)
    assert said["allowed"] is False
    assert said["reasons"] == ["Holds AI Training Operator in Vision, but the role is held in another scope."]


def test_an_answer_as_text(world: None) -> None:
    assert run("check_access", "pipeline", "launch", "notebook:masks") == (
        ALLOWED,
        "pipeline may launch notebook masks.\n- Holds AI Training Operator in Vision, which allows it.\n",
        "",
    )
    status, stdout, stderr = run("check_access", "olaf", "read", "project:vision")
    assert (status, stderr) == (DENIED, "")
    assert stdout.splitlines() == [
        "olaf may not read project Vision.",
        "- Holds none of the roles that allow it: Administrator, Project Administrator, Project Viewer.",
    ]
    assert run("check_access", "kim", "list", "project_user", "--project", "vision")[1].startswith(
        "kim may list some project user in Vision."
    )
    assert run("check_access", "kim", "list", "project_user")[1].startswith("kim may list some project user anywhere.")


@pytest.mark.parametrize(
    ("question", "answer"),
    {
        # Every way to name a type, and a thing of it.
        "pipeline launch notebook": ALLOWED,
        "pipeline launch ovhcloud:notebook": ALLOWED,
        "pipeline launch OVHcloud:Notebook:masks": ALLOWED,
        "pipeline LAUNCH notebook:nb-Ä:1": ALLOWED,
        "pipeline launch ovhcloud:notebook:nb-Ä:1": ALLOWED,
        "pipeline launch notebook --project vision": ALLOWED,
        "pipeline launch notebook --project speech": DENIED,
        "pipeline launch notebook --scope perception": DENIED,
        "pipeline launch notebook:train --project vision": ALLOWED,
        "olaf launch notebook": DENIED,
        "ann view h2o:app:demo": DENIED,
        "pipeline access ovhcloud:app:demo": ALLOWED,
        # Roster's own things.
        "kim read project:vision": ALLOWED,
        "kim read project:VISION": ALLOWED,
        "kim read project:speech": DENIED,
        "kim update project:vision": ALLOWED,
        "vera update project:vision": DENIED,
        "kim create project --scope perception": DENIED,
        "root create project --scope perception": ALLOWED,
        "root create project --scope organization": ALLOWED,
        "root read organization:organization": ALLOWED,
        "root read department:perception": ALLOWED,
        "root update cluster:north": ALLOWED,
        "kim update cluster:north": DENIED,
        "root disable user:ann": ALLOWED,
        "kim disable user:ann": DENIED,
        "kim disable project_user:pipeline": ALLOWED,
        "kim disable project_user:pipeline --project vision": ALLOWED,
        "vera give_role project_user:pipeline": DENIED,
        "root update group:Team: Vision": ALLOWED,
        "kim create org_assignment --project vision": ALLOWED,
        "kim create org_assignment --project speech": DENIED,
        "kim create role_assignment:roster:project_viewer --project vision": ALLOWED,
        "kim create role_assignment:roster:project_viewer --project speech": DENIED,
        "kim create role_assignment:roster:administrator": DENIED,
        "vera read role:roster:project_viewer": DENIED,
        "root read role:roster:project_viewer": ALLOWED,
        "root update catalogue:h2o": ALLOWED,
        "root update resource:masks": ALLOWED,
        "kim update resource:masks": DENIED,
        "kim ask decision --project vision": ALLOWED,
        "kim administer installation": DENIED,
        "root administer roster:installation": ALLOWED,
    }.items(),
)
def test_every_kind_of_thing_can_be_asked_about(world: None, question: str, answer: int) -> None:
    user, action, rest = question.split(" ", 2)
    thing, *place = rest.split(" --")
    options = [text for one in place for text in (f"--{one.split()[0]}", one.split()[1])]
    status, stdout, stderr = run("check_access", user, action, thing, *options)
    assert (status, stderr) == (answer, ""), stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["an", "read", "project:vision"], "There is no user 'an'. Near names: ann."),
        (["kim", "reed", "project:vision"], "There is no action 'reed' on projects. Near names: read,"),
        (["kim", "open", "project:vision"], "There is no action 'open' on projects. Near names: read."),
        (["kim", "xxx", "project"], "There is no action 'xxx' on projects. Near names: create, read, update, delete, share."),
        (["kim", "read", "projct:vision"], "There is no entity type 'projct'. Near names: project"),
        (["kim", "read", "ovhcloud:notbook:x"], "There is no entity type 'ovhcloud:notbook'. Near names: ovhcloud:notebook"),
        (["kim", "read", "project:visoin"], "There is no project 'visoin'. Near names: vision."),
        (["kim", "read", "project:"], "No id stands behind 'project:'."),
        (["kim", "launch", "ovhcloud:notebook:"], "No id stands behind 'ovhcloud:notebook:'."),
        (["kim", "read", ""], "There is no entity type ''."),
        (["kim", "read", ":vision"], "There is no entity type ''."),
        (["kim", "launch", "notebook:tain"], "There is no notebook 'tain'. Near names: train"),
        (["kim", "launch", "notebook:masks", "--project", "speech"], "There is no notebook 'masks' in Speech."),
        (["kim", "disable", "user:pipeline"], "There is no user 'pipeline'."),
        (["kim", "disable", "project_user:ann"], "There is no project user 'ann'."),
        (["kim", "update", "group:Team"], "There is no group 'Team'. Near names: Team: Vision."),
        (["kim", "read", "settings:1"], "There is no settings '1'."),
        (["kim", "read", "event_history:1"], "There is no event history '1'."),
        (["kim", "read", "project", "--project", "visoin"], "There is no project 'visoin'. Near names: vision."),
        (["kim", "read", "project", "--scope", "perc"], "There is no place 'perc'. Near names: perception."),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_told_from_a_no(world: None, arguments: list[str], said: str) -> None:
    assert refused("check_access", *arguments, status=BAD).startswith(said)


def test_ambiguous_names_list_their_candidates(world: None) -> None:
    assert refused("check_access", "kim", "view", "app:demo", status=BAD) == (
        "'app' means more than one entity type. Say which: h2o:app, ovhcloud:app."
    )
    assert refused("who_can", "view", "app", status=BAD).endswith("Say which: h2o:app, ovhcloud:app.")
    said = refused("check_access", "kim", "launch", "notebook:train", status=BAD)
    assert said.startswith("'train' means more than one notebook. Say which: ")
    assert f"{uid('train')} in Vision" in said
    assert f"{uid('train', 'speech')} in Speech" in said
    assert run("check_access", "pipeline", "launch", f"notebook:{uid('train').upper()}")[0] == ALLOWED


def test_a_shared_type_stands_before_one_of_the_same_code(world: None) -> None:
    """`project` is Roster's own, whatever a catalogue calls so."""
    from policies.models import Catalogue, RulebookVersion

    mine = Catalogue.objects.create(code="mine", label="Mine", is_enabled=True)
    EntityType.objects.create(catalogue=mine, code="project", label="Plans", action_labels=[["draw", "Draw"]])
    RulebookVersion.renew()
    assert find_entity_type("project").full_name == "roster:project"
    assert run("check_access", "kim", "read", "project:vision")[0] == ALLOWED
    assert run("check_access", "kim", "draw", "mine:project")[0] == DENIED


def test_no_name_takes_the_place_of_an_id(world: None) -> None:
    real = Resource.objects.get(name="masks")
    speech, kind = Project.objects.get(slug="speech"), real.entity_type
    register_resource(actor=COMMAND, entity_type=kind, scope=speech, name=real.uid)
    trap = register_resource(actor=COMMAND, entity_type=kind, scope=speech, name="nb-Ä:1")
    assert find_thing(f"notebook:{real.uid}")[1] == real
    assert find_thing("notebook:nb-Ä:1")[1] == real != trap
    create_scope(actor=COMMAND, kind="project", name="Trap", slug=speech.uid)
    assert find_thing(f"project:{speech.uid}")[1] == speech


def test_who_is_disabled_or_bound_to_other_clusters_is_denied_with_the_reason(world: None) -> None:
    """RUN-14, RUN-16."""
    kim = User.objects.get(username="kim")
    south = create_scope(actor=COMMAND, kind="cluster", name="South")
    update_user(actor=COMMAND, user=kim, all_clusters=False, clusters=[south])
    said = printed("check_access", "kim", "read", "project:vision", status=DENIED)
    assert said["reasons"] == ["It lies outside the clusters that this user is bound to."]
    disable_user(actor=COMMAND, user=kim)
    said = printed("check_access", "kim", "read", "project:vision", status=DENIED)
    assert said["reasons"] == ["The user is disabled."]
    assert "no action" in refused("check_access", "kim", "reed", "project:vision", status=BAD)


# ---- who_can


def test_who_can(world: None) -> None:
    rows = printed("who_can", "read", "project:vision")
    assert rows == [{"username": name, "label": name.title(), "kind": "person"} for name in ("kim", "root", "vera")]
    assert printed("who_can", "launch", "notebook:masks") == [
        {"username": "pipeline", "label": "Nightly", "kind": "project_user"}
    ]
    assert [row["username"] for row in printed("who_can", "read", "project:vision", "--limit", "2")] == ["kim", "root"]
    assert run("who_can", "launch", "notebook:train", "--project", "speech") == (0, "USERNAME  LABEL  KIND\n", "")
    assert run("who_can", "update", "cluster:north")[1].splitlines()[1].split() == ["root", "Root", "person"]


@pytest.mark.parametrize(
    ("question", "who"),
    {
        "read project": ["kim", "root", "vera"],  # anywhere: whoever may read some project
        "read project --scope organization": ["root"],
        "read project --scope perception": ["root"],
        "read project --project vision": ["kim", "root", "vera"],
        "launch notebook": ["pipeline"],
        "launch notebook --scope organization": [],
        "create org_assignment --project vision": ["kim", "root"],
    }.items(),
)
def test_who_can_agrees_with_check_access(world: None, question: str, who: list[str]) -> None:
    action, *rest = question.split()
    assert [row["username"] for row in printed("who_can", action, *rest)] == who
    for name in ("ann", "kim", "olaf", "pipeline", "root", "vera"):
        assert run("check_access", name, action, *rest)[0] == (ALLOWED if name in who else DENIED), name


@pytest.mark.once
def test_who_can_asks_no_query_per_row(world: None) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            run("who_can", "read", "project:vision")
        return len(captured)

    few, users = queries(), [User(username=f"many-{n:03}") for n in range(600)]
    made = User.objects.bulk_create(users)
    viewer, vision = role("roster:project_viewer"), Project.objects.get(slug="vision")
    RoleAssignment.objects.bulk_create(RoleAssignment(role=viewer, user=user, scope=vision) for user in made)
    assert queries() == few
    assert len(printed("who_can", "read", "project:vision")) == 603


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", "9" * 30])
def test_a_limit_is_a_number_from_1_on(world: None, limit: str) -> None:
    with pytest.raises(CommandError, match="a number from 1 on"):
        call_command("who_can", "read", "project", f"--limit={limit}")


# ---- what_can


def test_what_can(world: None) -> None:
    rows = printed("what_can", "vera", "--project", "vision")
    assert rows[0] == {
        "type": "roster:project", "action": "read", "conditions": [], "source": "Project Viewer in Vision",
    }  # fmt: skip
    assert {(row["type"], row["action"]) for row in rows} == {
        ("roster:project", "read"), ("roster:project_user", "list"), ("roster:role_assignment", "read"),
        ("roster:role", "read"), ("roster:event_history", "read"), ("roster:app_token", "read"),
    }  # fmt: skip
    assert printed("what_can", "vera") == rows
    mine = [tuple(map(str, row.values())) for row in printed("what_can", "pipeline")]
    assert len(set(mine)) == len(mine)  # two permissions of a role may allow the same (OVH-02)
    assert printed("what_can", "vera", "--project", "speech") == printed("what_can", "olaf") == []
    heading, first, *_ = run("what_can", "vera")[1].splitlines()
    assert heading.split() == ["TYPE", "ACTION", "CONDITIONS", "SOURCE"]
    assert re.split(r"  +", first) == ["roster:project", "read", "-", "Project Viewer in Vision"]


def test_what_can_tells_conditions_groups_and_shares(world: None) -> None:
    team, vision = Group.objects.get(name="Team: Vision"), Project.objects.get(slug="vision")
    give_role(actor=COMMAND, role=role("roster:project_administrator"), subject=team, scope=vision)
    share(actor=COMMAND, thing=vision, action="read", subject=User.objects.get(username="ann"))
    share(actor=COMMAND, thing=Resource.objects.get(name="masks"), action="access", subject=team)
    rows = {(row["type"], row["action"], row["source"]): row["conditions"] for row in printed("what_can", "ann")}
    through = "Project Administrator through group Team: Vision, in Vision"
    assert rows["roster:org_assignment", "create", through] == ["the place is a project"]
    assert rows["roster:project", "update", through] == []
    assert rows["roster:project", "read", "Shared with them"] == ["it is Vision"]
    assert rows["ovhcloud:notebook", "access", "Shared with group Team: Vision"] == ["it is masks"]
    assert ("ovhcloud:notebook", "access") not in {
        (row["type"], row["action"]) for row in printed("what_can", "ann", "--project", "speech")
    }


def test_what_can_of_who_can_do_nothing_says_why(world: None) -> None:
    kim = User.objects.get(username="kim")
    south = create_scope(actor=COMMAND, kind="cluster", name="South")
    update_user(actor=COMMAND, user=kim, all_clusters=False, clusters=[south])
    assert run("what_can", "kim", "--project", "vision", "--format", "json") == (
        0, "[]\n", "kim is bound to other clusters: denied everything in Vision.\n",
    )  # fmt: skip
    assert printed("what_can", "kim") == []
    disable_user(actor=COMMAND, user=kim)
    assert run("what_can", "kim", "--format", "json") == (0, "[]\n", "kim is disabled: denied everything.\n")
    assert "Near names: kim" in refused("what_can", "kimm", status=BAD)


# ---- assign_role, revoke_role


def test_assign_and_revoke(world: None) -> None:
    made = printed("assign_role", "ann", "roster:project_viewer", "--project", "speech", "--reason", "Stands in")
    assert list(made) == ["id", "subject", "role", "scope", "expires", "reason", "since", "given_by"]
    assert MOMENT.fullmatch(made["since"])
    assert {key: made[key] for key in ("subject", "role", "scope", "expires", "reason", "given_by")} == {
        "subject": "ann", "role": "roster:project_viewer", "scope": "project:speech", "expires": None,
        "reason": "Stands in", "given_by": COMMAND.name,
    }  # fmt: skip
    assert given("ann", "roster:project_viewer") == ["speech"]
    assert run("check_access", "ann", "read", "project:speech")[0] == ALLOWED
    gone = printed("revoke_role", "ann", "project viewer", "--project", "speech")
    assert gone == made
    assert given("ann", "roster:project_viewer") == []
    actions = [event.action for event in AuditEvent.objects.all()[:2]]
    assert actions == ["role_assignment.delete", "role_assignment.create"]


def test_groups_services_and_wide_places(world: None) -> None:
    printed("assign_role", "group:Team: Vision", "project_viewer", "--scope", "department:perception")
    assert given("group:Team: Vision", "roster:project_viewer") == ["perception"]
    assert printed("check_access", "ann", "read", "project:vision")["reasons"] == [
        "Is in group Team: Vision, which holds Project Viewer in Perception, which allows it."
    ]
    said = refused("revoke_role", "ann", "project_viewer", "--scope", "perception")
    assert said == (
        "ann was not given roster:project_viewer in department:perception. It comes from group:Team: Vision."
    )
    printed("revoke_role", "group:Team: Vision", "project_viewer", "--scope", "perception")
    service = User.objects.create(kind="service", username="scheduler")
    assert printed("assign_role", service.uid, "decision_client", "--scope", "organization")["subject"] == "scheduler"
    assert run("check_access", "scheduler", "ask", "decision", "--project", "vision")[0] == ALLOWED


def test_assigning_again_changes_the_end_and_the_reason(world: None) -> None:
    give = ["assign_role", "ann", "roster:project_viewer", "--project", "speech"]
    first = printed(*give, "--expires", "2099-12-31")
    assert first["expires"] == "2099-12-31T23:59:59Z"
    before = AuditEvent.objects.count()
    status, stdout, stderr = run(*give, "--format", "json")
    assert (status, json.loads(stdout), stderr) == (0, first, "Held already: nothing was changed.\n")
    assert AuditEvent.objects.count() == before
    changed = printed(*give, "--expires", "2098-01-01T12:00+02:00", "--reason", "Longer")
    assert (changed["id"], changed["expires"], changed["reason"]) == (first["id"], "2098-01-01T10:00:00Z", "Longer")
    RoleAssignment.objects.filter(uid=first["id"]).update(expires_at=timezone.now() - timedelta(days=1))
    assert run("check_access", "ann", "read", "project:speech")[0] == DENIED
    assert printed(*give)["expires"] is None
    assert run("check_access", "ann", "read", "project:speech")[0] == ALLOWED


@pytest.mark.parametrize(("typed", "hours"), [("12h", 12), ("30d", 720), ("8w", 1344)])
def test_a_role_for_some_time(world: None, typed: str, hours: int) -> None:
    made = printed("assign_role", "ann", "roster:project_viewer", "--project", "speech", "--expires", typed)
    ends = datetime.fromisoformat(made["expires"])
    assert abs(ends - datetime.now(UTC) - timedelta(hours=hours)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "typed", ["2020-01-01", "yesterday", "", "0d", "-1d", "2026-02-30", "99999999w", "9999-12-31T23:59-23:59", "１d", "x" * 10_000]
)  # fmt: skip
def test_an_end_that_is_none(world: None, typed: str) -> None:
    with pytest.raises(CommandError) as error:
        call_command("assign_role", "ann", "roster:project_viewer", "--project", "speech", f"--expires={typed}")
    assert "--expires" in str(error.value)
    assert given("ann", "roster:project_viewer") == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ann", "roster:project_vewer", "--project", "vision"], "There is no role"),
        (["group:Nobody", "project_viewer", "--project", "vision"], "There is no group 'Nobody'."),
        (["anna", "project_viewer", "--project", "vision"], "There is no user 'anna'. Near names: ann."),
        (["ann", "roster:administrator", "--project", "vision"], "given in a organization, not in a project"),
        (["pipeline", "ovhcloud:administrator", "--project", "speech"], "belongs to another project (OVH-10)"),
        (["ann", "decision_client", "--project", "vision"], "There is no role"),
        (["ann", "project_viewer", "--scope", "visionn"], "There is no place"),
    ],
)
def test_roles_that_cannot_be_given(world: None, arguments: list[str], said: str) -> None:
    before = RoleAssignment.objects.count()
    assert said in refused("assign_role", *arguments)
    assert RoleAssignment.objects.count() == before


def test_revoking_what_is_not_held_is_refused(world: None) -> None:
    said = refused("revoke_role", "vera", "project_viewer", "--project", "speech")
    assert said == "vera was not given roster:project_viewer in project:speech. It was given in project:vision."
    assert refused("revoke_role", "olaf", "project_viewer", "--project", "speech") == (
        "olaf was not given roster:project_viewer in project:speech."
    )


def test_a_place_must_be_said(world: None) -> None:
    for name in ("assign_role", "revoke_role"):
        with pytest.raises(CommandError, match="--project --scope is required"):
            call_command(name, "ann", "project_viewer")
        with pytest.raises(CommandError, match="not allowed with"):
            call_command(name, "ann", "project_viewer", "--project", "vision", "--scope", "north")


# ---- share, unshare


def test_share_and_unshare(world: None) -> None:
    assert printed("share", "notebook:masks", "access", "ann") == {
        "type": "ovhcloud:notebook", "id": uid("masks"), "name": "masks", "action": "access", "subject": "ann",
    }  # fmt: skip
    assert printed("check_access", "ann", "access", "notebook:masks")["reasons"] == [
        "It is shared with this user or one of their groups."
    ]
    status, _, stderr = run("share", "notebook:masks", "access", "ann")
    assert (status, stderr) == (0, "Shared already: nothing was changed.\n")
    printed("unshare", "notebook:masks", "ACCESS", "ann")
    assert run("check_access", "ann", "access", "notebook:masks")[0] == DENIED
    assert refused("unshare", "notebook:masks", "access", "ann") == "access was not shared with ann."
    printed("share", "project:vision", "read", "group:Team: Vision")
    assert run("check_access", "ann", "read", "project:vision")[0] == ALLOWED
    assert run("check_access", "ann", "update", "project:vision")[0] == DENIED


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["notebook:masks", "launch", "ann"], "There is no action 'launch' that can be shared. Near names: access."),
        (["notebook:nothing", "access", "ann"], "There is no notebook 'nothing'."),
        (["notebook", "access", "ann"], "Say which: notebook:ID."),
        (["notebook:masks", "access", "anna"], "There is no user 'anna'."),
        (["notebook:masks", "access", "pipeline"], "subject: A project user belongs to its project"),
        (["department:perception", "read", "ann"], "There is no action 'read' that can be shared."),
        (["settings:1", "read", "ann"], "There is no settings '1'."),
    ],
)
def test_what_cannot_be_shared(world: None, arguments: list[str], said: str) -> None:
    assert refused("share", *arguments).startswith(said)


# ---- register_resource, update_resource, retire_resource


def test_a_resource_from_its_registration_to_its_end(world: None) -> None:
    made = printed(
        "register_resource", "h2o:app", "Churn", "--project", "vision", "--owner", "ann", "--visibility", "ALL_USERS",
        "--external-id", "app/17", "--tag", "drafts", "weekly", "--lists-role", "project_viewer",
    )  # fmt: skip
    assert list(made) == [
        "id", "type", "name", "external_id", "url", "scope", "owner", "parent", "visibility", "tags", "lists", "created",
    ]  # fmt: skip
    assert (made["type"], made["scope"], made["owner"]) == ("h2o:app", "project:vision", "ann")
    assert (made["tags"], made["lists"], made["parent"]) == (["drafts", "weekly"], ["roster:project_viewer"], None)
    inside = printed("register_resource", "h2o:instance", "Run 1", "--project", "vision", "--parent", "h2o:app:app/17")
    assert inside["parent"] == made["id"]
    changed = printed("update_resource", made["id"], "--owner", "", "--tag", "--name", "Churn 2", "--external-id", "")
    assert (changed["owner"], changed["tags"], changed["name"], changed["external_id"]) == (None, [], "Churn 2", "")
    assert (changed["id"], changed["visibility"], changed["lists"]) == (made["id"], "ALL_USERS", made["lists"])
    assert printed("retire_resource", "h2o:app:Churn 2") == changed
    assert not Resource.objects.filter(uid=made["id"]).exists()
    assert Resource.objects.get(uid=inside["id"]).parent is None
    actions = [event.action for event in AuditEvent.objects.all()[:4]]
    assert actions == ["resource.retire", "resource.update", "resource.register", "resource.register"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["register_resource", "app", "x", "--project", "vision"], "'app' means more than one entity type."),
        (["register_resource", "notebok", "x", "--project", "vision"], "There is no entity type 'notebok'."),
        (["register_resource", "project", "x", "--project", "vision"], "entity_type: Projects live in Roster itself"),
        (
            ["register_resource", "notebook", "x", "--project", "speech", "--owner", "pipeline"],
            "owner: pipeline belongs",
        ),
        (["register_resource", "notebook", "x", "--project", "vision", "--external-id", "nb-Ä:1"], "external_id: "),
        (["register_resource", "notebook", "", "--project", "vision"], "name: "),
        (["update_resource", "notebook:nothing", "--name", "x"], "There is no notebook 'nothing'."),
        (["update_resource", "nothing", "--name", "x"], "There is no resource 'nothing'."),
        (["update_resource", "project:vision", "--name", "x"], "There is no resource 'project:vision'."),
        (["retire_resource", "notebook:train"], "'train' means more than one notebook."),
    ],
)
def test_registrations_that_are_refused(world: None, arguments: list[str], said: str) -> None:
    before = list(Resource.objects.order_by("pk").values())
    assert refused(*arguments).startswith(said)
    assert list(Resource.objects.order_by("pk").values()) == before


def test_update_resource_wants_a_change(world: None) -> None:
    assert refused("update_resource", "notebook:masks", status=BAD) == "Say what to change: see --help."


# ---- Services


def test_a_service_from_its_registration_to_its_end(world: None) -> None:
    status, stdout, stderr = run(
        "register_service", "todo", "--description", "To-do lists", "--trust", "owner", "--format", "json"
    )
    made = json.loads(stdout)
    assert (status, stderr.startswith("It holds no role yet")) == (0, True)
    assert list(made) == ["id", "username", "description", "status", "trusted_attributes", "created", "last_used"]
    assert (made["username"], made["trusted_attributes"], made["status"]) == ("todo", ["owner"], "ok")
    printed("assign_role", "todo", "resource_registrar", "--project", "vision")
    printed("register_resource", "notebook", "list", "--project", "vision", "--as", "todo")
    assert "may not" in refused("register_resource", "notebook", "list", "--project", "speech", "--as", "todo")
    printed("disable_user", "todo")
    assert run("check_access", "todo", "register", "resource", "--project", "vision")[0] == DENIED
    printed("enable_user", "todo")
    assert run("check_access", "todo", "register", "resource", "--project", "vision")[0] == ALLOWED
    assert refused("delete_user", "todo", "--yes") == "todo is a service: retire_service does that."
    assert refused("generate_password", "todo") == "todo is a service: create_service_token does that."
    assert printed("retire_service", made["id"])["username"] == "todo"
    assert not User.objects.filter(username="todo").exists()
    actions = list(AuditEvent.objects.filter(object_name="todo").values_list("action", flat=True))
    assert actions == ["service.delete", "service.enable", "service.disable", "service.create"]


def test_a_token_is_printed_once(world: None) -> None:
    run("register_service", "todo")
    made = printed("create_service_token", "todo", "--name", "Production", "--days", "90")
    assert list(made) == ["id", "service", "name", "expires", "token"]
    assert MOMENT.fullmatch(made["expires"])
    token = ServiceToken.objects.valid().get(uid=made["id"])
    assert token.digest == ServiceToken.digest_of(made["token"])
    assert made["token"] not in json.dumps(list(AuditEvent.objects.values_list("object_name", "before", "after")))


def test_tokens_are_listed_and_revoked(world: None) -> None:
    """13: by id, by how one begins, or by a name that means one alone; never by a secret, which no list shows."""
    run("register_service", "todo")
    made = [
        printed("create_service_token", "todo", "--name", name, "--days", "9") for name in ("one", "two", "two", "x")
    ]
    listed = printed("list_service_tokens", "todo")
    assert [row["name"] for row in listed] == ["x", "two", "two", "one"]
    assert list(listed[0]) == ["id", "name", "begins_with", "created", "last_used", "expires"]
    assert made[3]["token"].startswith(listed[0]["begins_with"])
    assert not [token["token"] for token in made if token["token"] in str(listed)]
    assert "'two' means more than one token" in refused("revoke_service_token", "todo", "two")
    assert "There is no token 'none'" in refused("revoke_service_token", "todo", "none")
    for name in ("one", listed[0]["begins_with"], made[1]["id"]):
        assert printed("revoke_service_token", "todo", name)["id"] in [token["id"] for token in made]
    assert [row["id"] for row in printed("list_service_tokens", "todo")] == [made[2]["id"]]
    assert not ServiceToken.objects.filter(digest=ServiceToken.digest_of(made[0]["token"])).exists()
    assert refused("list_service_tokens", "todo", "--as", "kim").startswith("You may not read todo.")
    assert refused("revoke_service_token", "todo", "two", "--as", "kim").startswith("You may not update todo.")
    assert AuditEvent.objects.filter(outcome="refused").count() == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["register_service", "No Good"], "username: "),
        (["register_service", "ann"], "username: This username is taken."),
        (["register_service", "new", "--trust", "colour"], "trusted_attributes: "),
        (["retire_service", "ann"], "There is no service 'ann'."),
        (["retire_service", "tood"], "There is no service 'tood'. Near names: todo."),
        (["create_service_token", "todo", "--name", "x", "--days", "367"], "expires_at: "),
        (["create_service_token", "todo", "--name", "x", "--days", "999999999"], "expires_at: "),
        (["create_service_token", "todo", "--name", " ", "--days", "1"], "name: "),
        (["create_service_token", "todo", "--name", "x", "--days", "1", "--as", "kim"], "You may not update todo."),
        (["register_service", "new", "--as", "kim"], "You may not create new."),
        (["retire_service", "todo", "--as", "vera"], "You may not delete todo."),
    ],
)
def test_services_and_tokens_that_are_refused(world: None, arguments: list[str], said: str) -> None:
    run("register_service", "todo")
    assert refused(*arguments).startswith(said)
    assert list(User.objects.services().values_list("username", flat=True)) == ["todo"]
    assert not ServiceToken.objects.exists()


# ---- Whose rights


def test_as_somebody_who_may_ask(world: None) -> None:
    """Why is told to those who may explain decisions, and to everybody about themselves."""
    asked = ["check_access", "pipeline", "launch", "notebook:masks"]
    assert printed(*asked, "--as", "kim")["reasons"] == ["Holds AI Training Operator in Vision, which allows it."]
    scheduler = User.objects.create(kind="service", username="scheduler")
    give_role(actor=COMMAND, role=role("roster:decision_client"), subject=scheduler, scope=Scope.objects.root())
    assert printed(*asked, "--as", "scheduler") == {"allowed": True, "reasons": []}
    assert printed("check_access", "olaf", "read", "project:vision", "--as", "olaf", status=DENIED)["reasons"]
    assert printed("what_can", "vera", "--as", "vera") == printed("what_can", "vera")
    assert printed("what_can", "pipeline", "--project", "vision", "--as", "kim")


@pytest.mark.parametrize(
    "arguments",
    [
        ["check_access", "pipeline", "launch", "notebook:masks"],
        ["check_access", "kim", "read", "project:speech"],
        ["who_can", "read", "project:vision"],
        ["who_can", "list", "user"],
        ["what_can", "kim"],
        ["what_can", "kim", "--project", "vision"],
        ["assign_role", "olaf", "project_viewer", "--project", "vision"],
        ["revoke_role", "vera", "project_viewer", "--project", "vision"],
        ["share", "project:vision", "read", "olaf"],
        ["share", "notebook:masks", "access", "olaf"],
        ["unshare", "project:vision", "read", "ann"],
        ["register_resource", "notebook", "x", "--project", "vision"],
        ["update_resource", "notebook:masks", "--name", "x"],
        ["retire_resource", "notebook:masks"],
    ],
)
@pytest.mark.parametrize("name", ["olaf", "vera"])
def test_as_somebody_who_may_not(world: None, arguments: list[str], name: str) -> None:
    """Exit status 1, with the reasons, and nothing changed: 3 and 2 are answers to other questions."""
    share(
        actor=COMMAND, thing=Project.objects.get(slug="vision"), action="read", subject=User.objects.get(username="ann")
    )
    tables = (RoleAssignment, Resource, *(PROTECTED["project"].shares or ()), *(PROTECTED["resource"].shares or ()))
    before = [list(table._default_manager.order_by("pk").values()) for table in tables]
    said = refused(*arguments, "--as", name)
    assert said.startswith("You may not ")
    assert [list(table._default_manager.order_by("pk").values()) for table in tables] == before


def test_a_disabled_user_asks_nothing(world: None) -> None:
    disable_user(actor=COMMAND, user=User.objects.get(username="kim"))
    assert "disabled" in refused("who_can", "read", "project:vision", "--as", "kim")
    assert "no user" in refused("who_can", "read", "project:vision", "--as", "nobody", status=BAD)


# ---- Hostile input

HOSTILE = [
    "NUL \0 inside",
    "half \udcff",
    "%",
    "_",
    "%s%n",
    "' OR 1=1--",
    "x" * 100_000,
    ":" * 1000,
    "\x1b[2J",
    "a\nb",
    "١٢",
    "-",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_find_nothing(world: None, text: str) -> None:
    for arguments in (
        ["check_access", "kim", "read", "--", text],
        ["check_access", "kim", "launch", "--", f"notebook:{text}"],
        ["check_access", "kim", "read", "--", f"project:{text}"],
        ["check_access", "kim", "read", "--", f"role_assignment:{text}"],
        ["check_access", "kim", "read", "--", f"event_history:{text}"],
        ["check_access", "kim", "--", text, "project:vision"],
        ["check_access", "--", text, "read", "project:vision"],
        ["who_can", "--", text, "project:vision"],
        ["who_can", "read", "--", f"user:{text}"],
        ["what_can", "--", text],
    ):
        assert refused(*arguments, status=BAD).isprintable()
    for arguments in (
        ["assign_role", "--project=vision", "--", f"group:{text}", "project_viewer"],
        ["assign_role", "--project=vision", "--", "ann", text],
        ["assign_role", f"--scope={text}", "ann", "project_viewer"],
        ["revoke_role", "--project=vision", "--", text, "project_viewer"],
        ["share", "--", f"notebook:{text}", "access", "ann"],
        ["share", "notebook:masks", "--", text, "ann"],
        ["update_resource", "--name=x", "--", text],
        ["retire_resource", "--", f"resource:{text}"],
        ["register_resource", "--project=vision", f"--owner={text}", "notebook", "x"],
        ["register_resource", "--project=vision", f"--parent={text}", "notebook", "x"],
    ):
        assert refused(*arguments).isprintable()


@pytest.mark.parametrize("text", ["\x1b[2J\x1b]0;owned\x07", "line\r\nroot  Root  person", "left\u202eright\u200b"])
def test_hostile_descriptions_forge_nothing(world: None, text: str) -> None:
    User.objects.filter(username="vera").update(description=text)
    Project.objects.filter(slug="vision").update(name=text)
    for arguments in (
        ["who_can", "read", "project:vision"],
        ["what_can", "vera"],
        ["check_access", "vera", "read", "project:vision"],
        ["check_access", "pipeline", "launch", "notebook:masks"],
        ["share", "project:vision", "read", "vera"],
    ):
        for form in ("table", "json"):
            assert run(*arguments, "--format", form)[1].replace("\n", "").isprintable()
    assert len(run("who_can", "read", "project:vision")[1].splitlines()) == 4


# ---- The sample organization


@pytest.fixture(scope="module")
def sample(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock(), transaction.atomic():
        load_sample(actor=COMMAND)
        yield
        transaction.set_rollback(True)


def question(thing: Any, kind: EntityType) -> str:
    name = kind.code if kind.is_shared else kind.full_name
    return f"{name}:{thing.uid}" if protection_of(kind).model is not Group else f"{name}:{thing.name}"


def test_check_access_who_can_and_what_can_agree_with_access_over_the_sample(sample: None, db: None) -> None:
    """A spread of users x things x actions; what the command says is what may() says, and in both lists."""
    users = list(User.objects.order_by("pk"))[::11]
    things: list[Any] = [*Project.objects.order_by("pk")[:3], *Resource.objects.order_by("pk")[::9]]
    seen = set()
    for number, thing in enumerate(things):
        kind = find_entity_type("project") if isinstance(thing, Project) else thing.entity_type
        asked = question(thing, kind)
        assert find_thing(asked) == (kind, thing)
        action = list(kind.actions)[number % len(kind.actions)]
        who = {row["username"] for row in printed("who_can", action, asked)}
        for user in users:
            status, stdout, _ = run("check_access", user.username, action, asked, "--format", "json")
            expected = access.explain(User.objects.get(pk=user.pk), action, thing)
            assert json.loads(stdout) == {"allowed": expected.allowed, "reasons": list(expected.reasons)}
            assert status == (ALLOWED if expected.allowed else DENIED)
            assert expected.allowed == (user.username in who)
            seen.add(status)
    assert seen == {ALLOWED, DENIED}


def test_every_allowance_that_has_no_condition_is_one(sample: None, db: None) -> None:
    """what_can in a place, against may() about some object there; and nothing that may() allows is left out."""
    kinds = {kind.full_name: kind for kind in EntityType.objects.select_related("catalogue")}
    for user in list(User.objects.order_by("pk"))[::17]:
        project = user.project or Project.objects.order_by("pk")[0]
        rows = printed("what_can", user.username, "--project", project.slug) if user.is_active else []
        told = {(row["type"], row["action"]) for row in rows if not row["conditions"]}
        may = {
            (name, action)
            for name, kind in kinds.items()
            for action in kind.actions
            if access.may(user, action, At(kind.code if kind.is_shared else name, project))
        }
        assert told == may, user
