"""python-openstackclient, unmodified: the commands that people type, against a live Roster."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.commands import OpenStack, start
from tests.clients.world import Demo

pytestmark = pytest.mark.once  # half a second a command; what they send is asked on PostgreSQL elsewhere


@pytest.fixture(scope="module")
def process() -> Iterator[Any]:
    started = start()
    yield started
    started.communicate(timeout=30)  # the end of what it reads ends it


@pytest.fixture
def admin(process: Any, demo: Demo) -> OpenStack:
    return OpenStack(process, demo.variables("admin"))


@pytest.fixture
def alice(process: Any, demo: Demo) -> OpenStack:
    return OpenStack(process, demo.variables("alice"))


def test_tokens_and_the_catalogue(demo: Demo, alice: OpenStack) -> None:
    token = alice("token", "issue")
    assert (token["project_id"], token["user_id"]) == (demo.project, demo.user)
    storage = alice("catalog", "show", "object-store")
    assert {endpoint["url"] for endpoint in storage["endpoints"]} == {f"{demo.storage}/v1/AUTH_{demo.project}"}
    assert alice.names("catalog", "list", column="Type") == ["identity", "object-store"]
    assert "identity" in alice.names("versions", "show", column="Service Type")
    alice.text("token", "revoke", token["id"])
    assert "Could not find token" in alice.fails("token", "revoke", token["id"])


def test_users(demo: Demo, admin: OpenStack, process: Any) -> None:
    made = admin("user", "create", "ci", "--project", "demo", "--password", "long enough", "--description", "Nightly")
    assert (made["default_project_id"], made["enabled"]) == (demo.project, True)
    again = admin("user", "create", "ci", "--project", "demo", "--password", "long enough", "--or-show")
    assert again["id"] == made["id"]
    assert "No User found" in admin.fails("user", "show", "nobody")
    admin.text("user", "set", "ci", "--description", "Weekly", "--email", "")
    assert admin("user", "show", "ci")["description"] == "Weekly"
    assert {"admin", "alice", "ci", "swift"} <= {*admin.names("user", "list", "--long")}
    admin.text("role", "add", "--user", "ci", "--project", "demo", "objectstore_operator")
    assert "ci" in admin.names("user", "list", "--project", "demo")
    ci = OpenStack(process, {**demo.variables("alice"), "OS_USERNAME": "ci", "OS_PASSWORD": "long enough"})
    ci.text("user", "password", "set", "--original-password", "long enough", "--password", "longer than before")
    assert "401" in ci.fails("token", "issue")
    ci.variables["OS_PASSWORD"] = "longer than before"
    assert ci("token", "issue")["user_id"] == made["id"]
    admin.text("user", "set", "ci", "--disable")
    assert "401" in ci.fails("token", "issue")
    admin.text("user", "delete", "ci")
    assert "ci" not in admin.names("user", "list")


def test_projects(demo: Demo, admin: OpenStack, alice: OpenStack) -> None:
    admin.text("project", "create", "speech", "--description", "Models")
    admin.text("project", "set", "speech", "--description", "Better models", "--name", "speech-2")
    assert admin("project", "show", "speech-2")["description"] == "Better models"
    assert admin.names("project", "list") == ["demo", "other", "speech-2"]
    assert admin.names("project", "list", "--user", "alice") == ["demo"]
    admin.text("project", "delete", "speech-2")
    assert alice.names("project", "list", "--my-projects") == alice.names("project", "list") == ["demo"]
    assert alice("project", "show", "demo")["id"] == demo.project
    assert "No Project found" in alice.fails("project", "show", "other")


def test_roles(admin: OpenStack) -> None:
    made = admin("role", "create", "helper", "--description", "Helps")
    admin.text("role", "set", "helper", "--description", "Helps more")
    assert admin("role", "show", "helper") == {**made, "description": "Helps more"}
    admin.text("role", "delete", "helper")
    assert "helper" not in admin.names("role", "list")
    implied = admin("implied", "role", "list")
    assert {"decision_explainer"} == {row["Prior Role Name"] for row in implied}


def test_who_has_which_role(admin: OpenStack) -> None:
    given = ["--user", "alice", "--project", "demo"]

    def held(*more: str) -> list[str]:
        return admin.names("role", "assignment", "list", "--names", *given, *more, column="Role")

    before = held()
    admin.text("role", "add", *given, "ai_training_operator")
    assert held() == held("--effective") == sorted([*before, "ai_training_operator"])
    admin.text("role", "remove", *given, "ai_training_operator")
    assert held() == before
    everywhere = admin("role", "assignment", "list", "--names")
    administrator = next(row for row in everywhere if row["User"] == "admin@Default")
    assert (administrator["Domain"], administrator["Inherited"]) == ("Default", True)
    in_project = admin("role", "assignment", "list", "--names", "--effective", "--project", "demo")
    assert {"admin@Default", "alice@Default", "swift@Default"} == {row["User"] for row in in_project}


def test_groups(admin: OpenStack) -> None:
    admin.text("group", "create", "team", "--description", "Speech")
    admin.text("group", "add", "user", "team", "admin")
    assert "admin in group team" in admin.text("group", "contains", "user", "team", "admin")
    assert admin.names("user", "list", "--group", "team") == ["admin"]
    assert admin.names("group", "list", "--user", "admin") == ["team"]
    admin.text("role", "add", "--group", "team", "--project", "demo", "project_viewer")
    rows = admin("role", "assignment", "list", "--names", "--group", "team")
    assert [(row["Group"], row["Role"], row["Project"]) for row in rows] == [
        ("team@Default", "project_viewer", "demo@Default")
    ]
    admin.text("group", "remove", "user", "team", "admin")
    admin.text("group", "delete", "team")


def test_services_regions_and_the_domain(admin: OpenStack) -> None:
    assert admin.names("domain", "list") == ["Default"]
    assert "swift" in admin.names("service", "list")
    assert admin.names("region", "list", column="Region") == ["RegionOne"]
    assert {"object-store", "identity"} == {row["Service Type"] for row in admin("endpoint", "list")}
    for nothing in (["limit", "list"], ["trust", "list"]):
        assert admin(*nothing) == []


def test_a_service_is_added_with_its_endpoint(admin: OpenStack, alice: OpenStack, demo: Demo) -> None:
    admin("region", "create", "GRA", "--description", "Gravelines")
    made = admin("service", "create", "--name", "clock", "--description", "Tells the time", "timing")
    assert (made["type"], made["enabled"]) == ("timing", True)
    endpoint = admin(
        "endpoint", "create", "--region", "GRA", "timing", "public", "https://clock.example.com/%(project_id)s"
    )
    assert alice("catalog", "show", "timing")["endpoints"][0]["url"] == f"https://clock.example.com/{demo.project}"
    admin.text("endpoint", "set", "--url", "https://time.example.com", endpoint["id"])
    assert admin("endpoint", "list", "--service", "timing")[0]["URL"] == "https://time.example.com"
    admin.text("service", "set", "--description", "Knows the time", "clock")
    assert admin("service", "show", "clock")["description"] == "Knows the time"
    assert admin("region", "show", "GRA")["description"] == "Gravelines"
    for gone in (["endpoint", "delete", endpoint["id"]], ["service", "delete", "clock"], ["region", "delete", "GRA"]):
        admin.text(*gone)
    assert alice.names("catalog", "list", column="Type") == ["identity", "object-store"]


def test_application_credentials(process: Any, demo: Demo, alice: OpenStack) -> None:
    made = alice("application", "credential", "create", "backup", "--role", "objectstore_operator")
    assert alice.names("application", "credential", "list") == ["backup"]
    assert alice("application", "credential", "show", "backup")["Name"] == "backup"
    shown = {
        "OS_AUTH_TYPE": "v3applicationcredential", "OS_AUTH_URL": demo.auth_url, "OS_IDENTITY_API_VERSION": "3",
        "OS_APPLICATION_CREDENTIAL_ID": made["ID"], "OS_APPLICATION_CREDENTIAL_SECRET": made["Secret"],
    }  # fmt: skip
    program = OpenStack(process, shown)
    assert program("token", "issue")["project_id"] == demo.project
    assert program.names("project", "list") == ["demo"]
    assert "403" in program.fails("application", "credential", "create", "another")
    assert "403" in program.fails("ec2", "credentials", "create")  # Keystone CVE-2026-33551
    alice.text("application", "credential", "delete", "backup")
    assert "401" in program.fails("token", "issue")


def test_keys_for_s3(demo: Demo, alice: OpenStack) -> None:
    made = alice("ec2", "credentials", "create")
    assert (made["project_id"], made["user_id"]) == (demo.project, demo.user)
    assert alice("ec2", "credentials", "show", made["access"])["secret"] == made["secret"]
    assert alice.names("ec2", "credentials", "list", column="Access") == [made["access"]]
    alice.text("ec2", "credentials", "delete", made["access"])
    assert alice("ec2", "credentials", "list") == []


def test_whoever_may_nothing_is_told_so(alice: OpenStack) -> None:
    for refused in (
        ["user", "create", "mallory"], ["project", "create", "mine"], ["role", "create", "mine"],
        ["group", "create", "mine"],
    ):  # fmt: skip
        assert "403" in alice.fails(*refused)
    assert alice.names("user", "list") == ["alice"]
    assert alice.names("role", "list") == ["objectstore_operator"]
    assert "No User found" in alice.fails("user", "delete", "admin")
