"""Several workers, a crash, and rules that change while the console runs."""

import json
import re
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import OpenBrowser, somebody
from tests.e2e.person import Person
from tests.servers import ROOT, Server

WRITERS, ENOUGH = 6, 25


@pytest.fixture
def second_worker(server: Server) -> Iterator[Server]:
    """Another server on the same data, as behind a load balancer."""
    with Server(workers=1, **{**server.variables, "ROSTER_BASE_URL": ""}) as second:
        yield second


def test_disabled_through_one_worker_out_of_the_other(
    server: Server, second_worker: Server, admin: Person, open_browser: OpenBrowser
) -> None:
    admin.creates_a_project("Workers")
    project = admin.page.url
    linus = somebody(server, open_browser(server), "linus", role="Project Viewer", project="Workers")
    assert linus.opens(project).status == 200
    linus.is_at("Users & Roles")

    elsewhere = open_browser(second_worker, storage_state=admin.page.context.storage_state())
    elsewhere.opens("/admin/accounts/user/?q=linus")
    elsewhere.page.locator("#result_list tbody").get_by_role("checkbox").check()
    elsewhere.page.get_by_label("Action:").select_option(label="Disable selected users")
    elsewhere.presses("Go")
    expect(elsewhere.page.locator("#result_list")).to_contain_text("disabled")
    linus.page.reload()
    linus.is_at("Sign in")
    linus.signs_in("linus")
    linus.reads("That name and password do not go together.")


def test_rules_change_while_the_console_runs(
    server: Server, admin: Person, open_browser: OpenBrowser, tmp_path: Path
) -> None:
    """A rule is taken out of a catalogue file and the file loaded again: every page follows at once."""
    admin.creates_a_project("Rules")
    project = admin.page.url
    admin.adds("Looks only", "Infrastructure Supervisor")
    page_of_the_user = admin.page.url
    vera = somebody(server, open_browser(server), "vera", role="Project Viewer", project="Rules")
    vera.opens("/")
    vera.sees_rows("Looks only")

    assert instances_are_seen(admin, page_of_the_user) == [True, True, True, True]
    try:
        without(
            server, tmp_path, "ovhcloud.yaml", "permissions: [compute_read, image_read,", "permissions: [image_read,"
        )
        assert instances_are_seen(admin, page_of_the_user) == [False, False, False, False]
        without(server, tmp_path, "roster.yaml", "      - {can: [list], to: [project_user]}\n")
        assert vera.opens(project).status == 403
        vera.reads("You may not list project users")
    finally:
        server.manage("load_catalogues")
    assert instances_are_seen(admin, page_of_the_user) == [True, True, True, True]
    vera.opens(project)
    vera.sees_rows("Looks only")


def instances_are_seen(admin: Person, page_of_the_user: str) -> list[bool]:
    """Whether the role may read instances, by the user's page, two previews (of the page, and asked for) and the matrix."""
    page = admin.page
    admin.opens(page_of_the_user)
    on_page = "instances" in page.locator("main aside").inner_text().lower()
    admin.follows("Edit roles")
    in_form = "instances" in page.locator("#preview").inner_text().lower()
    with page.expect_response(re.compile("/preview/")):
        admin.ticks("ObjectStore Operator")
    expect(page.locator("#preview")).to_contain_text("Object storage")
    in_preview = "instances" in page.locator("#preview").inner_text().lower()
    admin.follows("Users & Roles")
    page.get_by_text("Role matrix: which role allows what").click()
    number = page.locator("#matrix thead th").all_inner_texts().index("Infrastructure Supervisor")
    row = page.locator("#matrix tr").filter(has=page.get_by_role("rowheader", name="compute_read", exact=True))
    return [on_page, in_form, in_preview, "Yes" in row.locator("td").nth(number - 1).inner_text()]


def without(server: Server, folder: Path, name: str, rule: str, instead: str = "") -> None:
    """Load a copy of a shipped catalogue that lacks a rule."""
    text = (ROOT / "policies" / "catalogues" / name).read_text()
    assert text.count(rule) == 1
    (folder / name).write_text(text.replace(rule, instead))
    server.manage("load_catalogues", str(folder / name))


def test_what_was_acknowledged_survives_a_crash(empty_installation: Server, open_browser: OpenBrowser) -> None:
    """kill -9 of the server and its workers while users are being added."""
    server = empty_installation
    admin = open_browser(server)
    admin.signs_in("admin", server.password)
    admin.chooses_a_password(server.password)
    admin.creates_a_project("Crash")
    project = admin.page.url

    acknowledged = add_users_until_it_crashes(server, admin, project)
    server.start()

    assert len(acknowledged) >= ENOUGH
    listed = json.loads(server.manage("list_users", "crash", "--format=json").stdout)
    there = {user["username"]: user for user in listed}
    assert set(acknowledged) <= set(there)
    assert all(there[name]["roles"] == ["ai_training_read"] for name in acknowledged)
    audited = server.shell(
        "from policies.models import AuditEvent\n"
        "print(*AuditEvent.objects.filter(action='project_user.create').values_list('object_name', flat=True))"
    )
    assert sorted(audited.split()) == sorted(there)  # no change without its event, no event without its change
    server.manage("verify_audit")
    admin.opens(project)  # still signed in
    admin.reads(f"{len(there)} users")


def add_users_until_it_crashes(server: Server, admin: Person, project: str) -> list[str]:
    """Many browsers add users at once; the usernames of those whose password was shown before the server died."""
    cookies = admin.page.context.cookies()
    cookie = "; ".join(f"{c['name']}={c['value']}" for c in cookies)
    [token] = [c["value"] for c in cookies if "csrf" in c["name"]]
    code = "from policies.models import Role; print(Role.objects.get(code='ai_training_read').uid)"
    form = {"step": "2", "description": "Added in a hurry", "roles": server.shell(code), "csrfmiddlewaretoken": token}
    path = project.removeprefix(server.url) + "new/"
    acknowledged: list[str] = []

    def add(writer: int) -> None:
        for number in range(1000):
            username = f"writer-{writer}-{number}"
            try:
                sent = {**form, "username": username, "nonce": secrets.token_urlsafe(18)}
                answer, body = server.post(path, sent, Cookie=cookie)
            except (OSError, HTTPException):
                return
            assert answer.status == 200, body.decode()
            assert b"User added" in body
            acknowledged.append(username)
            if len(acknowledged) == ENOUGH:
                server.kill()

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(add, range(WRITERS)))
    return acknowledged
