"""The commands: what they print, what they refuse and how, and whose rights count."""

import json
import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Project, User
from policies.actions.scopes import create_scope
from policies.actor import Actor
from policies.models import AuditEvent, Catalogue, Role, RoleAssignment, RoleSetting, RulebookVersion
from tests.factories import a_person, a_project, a_scope

ACTOR = Actor.of_command()
USER_KEYS = ["username", "description", "roles", "status", "created", "last_used"]
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def run(*arguments: str) -> tuple[str, str]:
    """(stdout, stderr) of a command; CommandError where it refuses."""
    stdout, stderr = StringIO(), StringIO()
    call_command(*arguments, stdout=stdout, stderr=stderr)
    return stdout.getvalue(), stderr.getvalue()


def run_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--format", "json")[0])


def refused(*arguments: str) -> str:
    """What a command says when it refuses: one line."""
    with pytest.raises(CommandError) as error:
        run(*arguments)
    said = str(error.value)
    assert "\n" not in said
    assert len(said) < 1000
    return said


def roles_of(username: str) -> list[str]:
    return sorted(RoleAssignment.objects.filter(user__username=username).values_list("role__code", flat=True))


@pytest.fixture
def alpha(db: None) -> Project:
    return a_project("Alpha")


@pytest.fixture
def beta(db: None) -> Project:
    return a_project("Beta")


@pytest.fixture
def job(alpha: Project) -> dict[str, Any]:
    """A user of alpha with two roles, as add_user printed it."""
    roles = ["--role", "ai_training_operator", "objectstore_operator"]
    return run_json("add_user", "alpha", "--description", "Nightly job", "--username", "job", *roles)


# ---- Users


def test_add_user_prints_the_credentials_once(alpha: Project) -> None:
    """OVH-11: a description and roles; username and password are generated. The password is stored and told nowhere."""
    made = run_json("add_user", "alpha", "--description", "Nightly job", "--role", "ai_training_operator")
    assert list(made) == [*USER_KEYS, "password"]
    assert re.fullmatch(r"user-[a-z0-9]{12}", made["username"])
    assert (made["description"], made["roles"], made["status"]) == ("Nightly job", ["ai_training_operator"], "ok")
    assert MOMENT.fullmatch(made["created"])
    assert made["last_used"] is None
    user = User.objects.get(username=made["username"])
    assert user.check_password(made["password"])
    assert not user.password_is_temporary
    events = json.dumps(list(AuditEvent.objects.values_list("object_name", "before", "after")))
    later = run("list_users", "alpha")[0] + run("disable_user", made["username"])[0]
    assert made["password"] not in events + later + user.password


def test_add_user_as_a_table(alpha: Project) -> None:
    stdout, stderr = run("add_user", "alpha", "--description", "Nightly job", "--username", "job")
    lines = dict(re.split(r"  +", line) for line in stdout.splitlines())
    assert list(lines) == ["username", "description", "roles", "status", "created", "last used", "password"]
    assert (lines["username"], lines["roles"], lines["last used"]) == ("job", "-", "-")
    assert stderr == "No role: this user has no access to anything. edit_roles gives roles.\n"


@pytest.mark.parametrize(
    "roles", [["objectstore_operator"], ["ai_training_read"], ["ai_training_operator", "Administrator"]]
)
def test_recommendations_are_never_forced(alpha: Project, roles: list[str]) -> None:
    """OVH-14: any combination of roles is accepted without a word."""
    assert run("add_user", "alpha", "--description", "x", "--role", *roles)[1] == ""


@pytest.mark.parametrize(
    ("typed", "code"),
    {
        "ai_training_operator": "ai_training_operator",
        "AI_TRAINING_OPERATOR": "ai_training_operator",
        "ai training operator": "ai_training_operator",
        " ObjectStore  Operator ": "objectstore_operator",
        "objectstore_operator": "objectstore_operator",
        "ai_training_read": "ai_training_read",
        "ai_training_reader": "ai_training_read",
        "AI Training Reader": "ai_training_read",
        "ovhcloud:ai_training_reader": "ai_training_read",
        "OVHcloud:Administrator": "administrator",
        "administrator": "administrator",
    }.items(),
)
def test_roles_by_code_label_or_alias(alpha: Project, typed: str, code: str) -> None:
    """OVH-15: the codes, and ai_training_reader for ai_training_read. A bare name is one that such users can hold."""
    assert run_json("add_user", "alpha", "--description", "x", "--role", typed)["roles"] == [code]
    assert RoleAssignment.objects.get().role.full_name == f"ovhcloud:{code}"


def test_edit_roles(job: dict[str, Any]) -> None:
    """OVH-13: sets, adds, removes, clears; prints what changed."""
    edit = ["edit_roles", "alpha", "job"]
    changed = run_json(*edit, "--role", "ai_training_read", "--role", "objectstore_operator", "volume_operator")
    assert list(changed) == [*USER_KEYS, "added", "removed"]
    assert changed["roles"] == ["ai_training_read", "objectstore_operator", "volume_operator"] == roles_of("job")
    assert (changed["added"], changed["removed"]) == (["ai_training_read", "volume_operator"], ["ai_training_operator"])
    changed = run_json(*edit, "--add", "administrator", "volume_operator", "--remove", "ai_training_reader")
    assert changed["roles"] == ["administrator", "objectstore_operator", "volume_operator"] == roles_of("job")
    assert (changed["added"], changed["removed"]) == (["administrator"], ["ai_training_read"])
    before = AuditEvent.objects.count()
    unchanged = run_json(*edit, "--remove", "ai_training_read")
    assert (unchanged["added"], unchanged["removed"]) == ([], [])
    assert AuditEvent.objects.count() == before
    assert run_json(*edit, "--no-roles")["roles"] == [] == roles_of("job")


@pytest.mark.parametrize(
    "options", [[], ["--no-roles", "--add", "administrator"], ["--role", "administrator", "--add", "administrator"]]
)
def test_edit_roles_takes_one_way_at_a_time(job: dict[str, Any], options: list[str]) -> None:
    with pytest.raises(CommandError, match="--no-roles") as error:
        run("edit_roles", "alpha", "job", *options)
    assert error.value.returncode == 2
    assert roles_of("job") == ["ai_training_operator", "objectstore_operator"]


def test_a_role_that_is_switched_off_can_be_taken_but_not_given(job: dict[str, Any]) -> None:
    Catalogue.objects.filter(code="ovhcloud").update(is_enabled=False)
    RulebookVersion.renew()
    assert run_json("edit_roles", "alpha", "job", "--remove", "ai_training_operator")["roles"] == [
        "objectstore_operator"
    ]
    assert "There is no role" in refused("edit_roles", "alpha", "job", "--add", "ai_training_operator")


def test_a_user_belongs_to_one_project(job: dict[str, Any], beta: Project) -> None:
    """OVH-10."""
    assert run_json("list_users", "beta") == []
    assert refused("edit_roles", "beta", "job", "--no-roles") == "There is no user 'job' in project beta."
    assert "taken" in refused("add_user", "beta", "--description", "x", "--username", "job")
    assert "what the user is for" in refused("add_user", "alpha", "--description", " ")
    assert roles_of("job") == ["ai_training_operator", "objectstore_operator"]


def test_generate_password(job: dict[str, Any], alpha: Project) -> None:
    """OVH-12: at any time; the old one stops working. A person's is temporary."""
    made = run_json("generate_password", "job")
    assert list(made) == [*USER_KEYS, "password"]
    user = User.objects.get(username="job")
    assert user.check_password(made["password"])
    assert not user.check_password(job["password"])
    assert not user.password_is_temporary
    person = a_person("ann")
    assert run_json("generate_password", person.uid)["username"] == "ann"
    person.refresh_from_db()
    assert person.password_is_temporary


def test_disable_and_enable(job: dict[str, Any]) -> None:
    assert run_json("disable_user", "job")["status"] == "disabled"
    assert not User.objects.get(username="job").is_active
    assert [user["username"] for user in run_json("list_users", "alpha", "--status", "disabled")] == ["job"]
    assert run_json("list_users", "alpha", "--status", "ok") == []
    assert run_json("enable_user", "JOB")["status"] == "ok"


def test_delete_needs_yes_where_nobody_can_be_asked(job: dict[str, Any]) -> None:
    assert "--yes" in refused("delete_user", "job")
    assert User.objects.filter(username="job").exists()
    assert run_json("delete_user", "job", "--yes")["username"] == "job"
    assert not User.objects.filter(username="job").exists()
    assert refused("delete_user", "job", "--yes").startswith("There is no user 'job'.")


def test_list_users(job: dict[str, Any], alpha: Project) -> None:
    run("add_user", "alpha", "--description", "Weekly report, 案件", "--username", "another")
    listed = run_json("list_users", alpha.uid.upper())
    assert [list(user) for user in listed] == [USER_KEYS] * 2
    assert [user["username"] for user in listed] == ["another", "job"]
    assert listed[1] == {key: job[key] for key in USER_KEYS}
    for options, found in {
        ("--role", "ai training operator"): ["job"],
        ("--role", "ai_training_read"): [],
        ("--search", "WEEKLY"): ["another"],
        ("--search", "%"): [],
        ("--search", "_"): [],
    }.items():
        assert [user["username"] for user in run_json("list_users", "alpha", *options)] == found, options
    heading, first, second = run("list_users", "ALPHA")[0].splitlines()
    assert heading.split("  ")[0] == "USERNAME"
    column = heading.index("ROLES")
    assert second[column:].startswith("ai_training_operator, objectstore_operator  ok")
    assert first[column - 2] == "-"  # two characters before it are two columns wide
    assert run("list_users", "alpha", "--search", "nobody")[0].split() == [
        "USERNAME",
        "DESCRIPTION",
        "ROLES",
        "STATUS",
        "CREATED",
        "LAST",
        "USED",
    ]


@pytest.mark.once
def test_list_users_asks_no_query_per_row(job: dict[str, Any], alpha: Project) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            run("list_users", "alpha")
        return len(captured)

    few = queries()
    User.objects.bulk_create(User(kind="project_user", project=alpha, username=f"many-{n}") for n in range(300))
    assert queries() == few


# ---- Projects


def test_projects(alpha: Project) -> None:
    made = run_json("create_project", "Größe 2", "--description", "x")
    assert list(made) == ["id", "slug", "name"]
    assert (made["slug"], made["name"]) == ("groe-2", "Größe 2")
    assert Project.objects.get(uid=made["id"]).description == "x"
    assert [project["slug"] for project in run_json("list_projects")] == ["alpha", "groe-2"]
    assert run_json("list_projects", "--search", "groe") == [made]
    assert "taken" in refused("create_project", "Other", "--slug", "alpha")
    assert "slug: " in refused("create_project", "Other", "--slug", "no good")
    assert run_json("create_project", "Case", "--slug", "MixedCase")["slug"] == "mixedcase"
    assert run_json("list_users", "MixedCase") == []
    assert "name: " in refused("create_project", " ")


def test_a_project_lies_where_it_is_put(alpha: Project) -> None:
    research = a_scope("department", "Research")
    assert run_json("create_project", "Inside", "--in", "research")["slug"] == "inside"
    assert Project.objects.get(slug="inside").parent == research
    cluster = a_scope("cluster", "Research")
    assert refused("create_project", "Which", "--in", "research") == (
        "'research' means more than one place. Say which: cluster:research, department:research."
    )
    run("create_project", "In cluster", "--in", "cluster:research")
    assert Project.objects.get(slug="in-cluster").parent == cluster
    assert refused("create_project", "X", "--in", "reserch") == (
        "There is no department or cluster 'reserch'. Near names: research."
    )


# ---- Names


def test_unknown_names_list_the_near_ones(job: dict[str, Any], beta: Project) -> None:
    assert refused("list_users", "aplha") == "There is no project 'aplha'. Near names: alpha."
    assert refused("disable_user", "jop") == "There is no user 'jop'. Near names: job."
    assert refused("list_users", "alpha", "--role", "trainig_operator").startswith(
        "There is no role 'trainig_operator'. Near names: ovhcloud:ai_training_operator"
    )
    assert "ovhcloud:volume_operator" in refused("list_users", "alpha", "--role", "xxx")
    assert refused("add_user", "alpha", "--description", "x", "--role", "roster:administrator").startswith(
        "There is no role"
    )


def test_an_ambiguous_role_lists_its_candidates(job: dict[str, Any]) -> None:
    mine = Catalogue.objects.create(code="mine", label="Mine", is_enabled=True)
    Role.objects.create(catalogue=mine, code="ai_training_read", label="Mine")
    RulebookVersion.renew()
    edit = ["edit_roles", "alpha", "job", "--role"]
    assert refused(*edit, "ai_training_read") == (
        "'ai_training_read' means more than one role. Say which: mine:ai_training_read, ovhcloud:ai_training_read."
    )
    assert run_json(*edit, "mine:ai_training_read")["roles"] == ["mine:ai_training_read"]
    assert run_json(*edit, "ai_training_reader")["roles"] == ["ovhcloud:ai_training_read"]


def test_no_slug_takes_the_place_of_an_id(alpha: Project) -> None:
    create_scope(actor=ACTOR, kind="project", name="Trap", slug=alpha.uid)
    run("add_user", alpha.uid, "--description", "x", "--username", "here")
    assert User.objects.get(username="here").project == alpha


# ---- Whose rights


def test_as_somebody_without_rights(job: dict[str, Any], alpha: Project, beta: Project) -> None:
    a_person("vera", "roster:project_viewer", scope=alpha)
    a_person("olaf")
    said = refused("add_user", "alpha", "--description", "x", "--username", "new", "--as", "vera")
    assert (
        said == "You may not create new. Holds none of the roles that allow it: Administrator, Project Administrator."
    )
    assert not User.objects.filter(username="new").exists()
    event = AuditEvent.objects.first()
    assert event
    assert (event.outcome, event.action, event.actor) == ("refused", "project_user.create", f"{ACTOR.name} as vera")
    for command in (
        ["list_users", "alpha"],
        ["edit_roles", "alpha", "job", "--no-roles"],
        ["generate_password", "job"],
        ["disable_user", "job"],
        ["delete_user", "job", "--yes"],
        ["create_project", "New"],
        ["verify_audit"],
        ["bootstrap", "--reset"],
    ):
        assert refused(*command, "--as", "olaf").strip()
    assert roles_of("job") == ["ai_training_operator", "objectstore_operator"]
    assert run_json("list_projects", "--as", "olaf") == []
    assert refused("list_users", "alpha", "--as", "nobody") == "There is no user 'nobody'."


def test_as_somebody_with_rights(job: dict[str, Any], alpha: Project, beta: Project) -> None:
    a_person("vera", "roster:project_viewer", scope=alpha)
    a_person("paul", "roster:project_administrator", scope=beta)
    assert [user["username"] for user in run_json("list_users", "alpha", "--as", "vera")] == ["job"]
    assert [project["slug"] for project in run_json("list_projects", "--as", "vera")] == ["alpha"]
    assert "held in another scope" in refused("disable_user", "job", "--as", "paul")
    assert "held in another scope" in refused("verify_audit", "--as", "vera")
    User.objects.filter(username="vera").update(is_active=False)
    assert refused("list_users", "alpha", "--as", "vera").endswith("The user is disabled.")


# ---- The first administrator


def test_bootstrap(alpha: Project) -> None:
    made = run_json("bootstrap")
    assert (made["username"], made["roles"]) == ("admin", ["roster:administrator"])
    person = User.objects.get(username="admin")
    assert person.check_password(made["password"])
    assert person.password_is_temporary
    assert AuditEvent.objects.filter(action="user.create", object_uid=person.uid).count() == 1
    before = AuditEvent.objects.count()
    assert run("bootstrap") == (
        "",
        "There is an administrator already. bootstrap --reset makes a new temporary password.\n",
    )
    assert run("bootstrap", "--verbosity", "0") == ("", "")
    assert AuditEvent.objects.count() == before
    assert "last administrator" in refused("disable_user", "admin")
    assert "last administrator" in refused("delete_user", "admin", "--yes")


def test_bootstrap_reset(alpha: Project) -> None:
    assert "no administrator" in refused("bootstrap", "--reset")
    first = run_json("bootstrap", "--username", "erin")
    a_person("second", "roster:administrator")
    run("disable_user", "erin")
    made = run_json("bootstrap", "--reset")
    assert (made["username"], made["status"]) == ("erin", "ok")
    person = User.objects.get(username="erin")
    assert person.check_password(made["password"])
    assert not person.check_password(first["password"])
    assert person.password_is_temporary
    assert run_json("bootstrap", "--reset", "--username", "SECOND")["username"] == "second"
    a_person("olaf")
    assert refused("bootstrap", "--reset", "--username", "olaf") == "olaf is not an administrator."
    assert not User.objects.get(username="olaf").role_assignments.exists()


def test_bootstrap_finds_the_role_by_its_rules(alpha: Project) -> None:
    Role.objects.filter(catalogue__code="roster", code="administrator").update(code="boss", label="Boss")
    RulebookVersion.renew()
    assert run_json("bootstrap")["roles"] == ["boss"]


def test_bootstrap_needs_the_catalogues(db: None) -> None:
    RoleSetting.objects.all().delete()
    Role.objects.all().delete()
    Catalogue.objects.all().delete()
    RulebookVersion.renew()
    assert "atalogues" in refused("bootstrap")
    assert not User.objects.exists()


# ---- Hostile input

HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07",
    "line\r\nroot  ok  forged",
    "left\u202eright\u200b",
    "tab\there",
    "\u2028\u0085\x9b31m",
    "'; DROP TABLE--",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_forge_nothing(alpha: Project, text: str) -> None:
    made = run_json("add_user", "alpha", "--description", text, "--username", "job")
    assert made["description"] == text.strip()
    assert run_json("list_users", "alpha")[0]["description"] == text.strip()
    table = run("list_users", "alpha")[0]
    assert len(table.splitlines()) == 2
    for printed in (table, run("list_users", "alpha", "--format", "json")[0], run("disable_user", "job")[0]):
        assert printed.replace("\n", "").isprintable()
    assert refused("list_users", text).isprintable()
    assert refused("disable_user", text).isprintable()
    assert refused("list_users", "alpha", "--role", text).isprintable()
    assert refused("add_user", "alpha", "--description", "x", "--username", text).isprintable()


@pytest.mark.parametrize("text", ["NUL \0 inside", "half a character \udcff", "x" * 1_000_000])
def test_impossible_texts_are_refused_in_one_line(job: dict[str, Any], text: str) -> None:
    users, projects = User.objects.count(), Project.objects.count()
    for command in (
        ["add_user", "alpha", "--description", text],
        ["add_user", "alpha", "--description", "x", "--username", text],
        ["add_user", "alpha", "--description", "x", "--role", text],
        ["add_user", text, "--description", "x"],
        ["edit_roles", "alpha", "job", "--add", "administrator", text],
        ["create_project", text],
        ["create_project", "X", "--slug", text],
        ["create_project", "X", "--in", text],
        ["disable_user", text],
        ["disable_user", "job", "--as", text],
    ):
        assert refused(*command).isprintable()
    assert (User.objects.count(), Project.objects.count()) == (users, projects)
    assert roles_of("job") == ["ai_training_operator", "objectstore_operator"]
