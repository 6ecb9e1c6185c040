"""From an empty installation to a deleted user, as somebody who has never seen Roster does it, with JavaScript and without."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import OpenBrowser, somebody
from tests.e2e.leaks import assert_kept_nowhere
from tests.e2e.person import PASSWORD, Person
from tests.servers import Server

TRAINING, READER = "AI Training Operator", "AI Training Reader"
STORAGE, COMPUTE = "ObjectStore Operator", "Compute Operator"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(True, id="with JavaScript", marks=pytest.mark.smoke),
        pytest.param(False, id="without JavaScript"),
    ],
)
def test_story(script: bool, empty_installation: Server, open_browser: OpenBrowser) -> None:
    server = empty_installation
    options: dict[str, Any] = {"java_script_enabled": script}
    admin = open_browser(server, permissions=["clipboard-read", "clipboard-write"], **options)

    the_first_sign_in(admin, server)
    the_first_run_page_creates_a_project(admin)
    the_project_without_users_says_how_to_begin(admin)
    adding_a_user_takes_two_steps_and_loses_nothing(admin, script)
    nightly = the_password_is_shown_once(admin, script)
    a_user_without_a_role_has_to_be_confirmed(admin)
    others_are_added(admin)
    the_list_is_searched_filtered_and_sorted(admin)
    roles_are_edited(admin, script)
    nothing_is_overwritten(admin, open_browser(server, storage_state=admin.page.context.storage_state(), **options))
    a_new_password_ends_the_old_one(admin, server, *nightly)
    a_user_is_disabled_and_enabled(admin)
    many_users_are_changed_at_once(admin)
    a_user_is_deleted_by_typing_its_name(admin)
    grace = somebody_without_a_role(admin, open_browser(server, **options))
    access_is_given_and_taken_back(admin, grace)
    everything_is_in_the_activity(admin)
    signing_out_ends_it(admin)

    server.manage("verify_audit")
    assert_kept_nowhere(server, [server.password, PASSWORD, *admin.secrets, *grace.secrets])


def the_first_sign_in(admin: Person, server: Server) -> None:
    admin.signs_in("admin", "not the password")
    admin.reads("That name and password do not go together.")
    admin.signs_in("admin", server.password)
    admin.is_at("Choose your own password")
    admin.opens("/projects/new/")
    admin.chooses_a_password(server.password)


def the_first_run_page_creates_a_project(admin: Person) -> None:
    admin.opens("/")
    admin.is_at("Ready. Who may do what starts here.")
    expect(admin.page.get_by_role("button", name="Load the sample")).to_be_visible()
    admin.presses("Create project")
    admin.reads("Not created: 1 thing to correct")
    admin.opens("/")
    admin.fills("Name", "Speech eval")
    admin.presses("Create project")
    admin.reads("Project Speech eval created")


def the_project_without_users_says_how_to_begin(admin: Person) -> None:
    admin.reads("No users in Speech eval yet")
    admin.page.get_by_text("Role matrix: which role allows what").click()
    expect(admin.page.locator("#matrix")).to_contain_text("ai_training_read")
    admin.follows("Add user")


def adding_a_user_takes_two_steps_and_loses_nothing(admin: Person, script: bool) -> None:
    admin.presses("Choose roles")
    admin.reads("Not added: 1 thing to correct")
    admin.describes("Nightly training pipeline", "NOT valid!")
    admin.reads("Not added: 1 thing to correct")
    expect(admin.field("Description")).to_have_value("Nightly training pipeline")
    admin.describes("Nightly training pipeline", "nightly")

    preview = admin.page.locator("#preview")
    expect(preview).to_contain_text("No role: no access.")
    admin.ticks(READER)
    if not script:
        admin.presses("Refresh")
    expect(preview).to_contain_text("Without ObjectStore Operator this user cannot reach data in object storage.")
    admin.presses("Tick ObjectStore Operator")
    expect(admin.box(STORAGE)).to_be_checked()
    expect(preview).to_contain_text("Object storage")
    admin.unticks(READER, STORAGE)
    admin.page.get_by_role("button", name=re.compile("^AI practitioner")).click()
    for role in (TRAINING, STORAGE):
        expect(admin.box(role)).to_be_checked()
    expect(preview).to_contain_text("Launch")

    admin.presses("Back")
    expect(admin.field("Username")).to_have_value("nightly")
    admin.describes("Nightly training", "nightly")
    admin.reads("For Nightly training with username nightly")


def the_password_is_shown_once(admin: Person, script: bool) -> tuple[str, str]:
    page = admin.page
    for role in (TRAINING, STORAGE):
        admin.box(role).check()
    admin.presses("Add user and show password")
    admin.is_at("User added")
    username, password = admin.reads_the_secret()
    assert username == "nightly"

    if script:
        page.get_by_role("button", name="Copy password").click()
        expect(page.get_by_role("button", name="Copied password")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == password
    with page.expect_download() as waiting:
        admin.presses("Download as a text file")
    assert waiting.value.suggested_filename == "nightly.txt"
    assert waiting.value.path().read_text() == f"username: nightly\npassword: {password}\n"

    page.reload()  # posts the form again
    admin.reads("This was sent already")
    assert password not in page.content()
    admin.follows("All users")
    admin.goes_back()
    assert password not in page.content()
    admin.opens("/")
    return username, password


def a_user_without_a_role_has_to_be_confirmed(admin: Person) -> None:
    admin.follows("Add user")
    admin.describes("Asked for by marketing")
    admin.presses("Add user and show password")
    admin.reads("No role: no access.")
    admin.page.get_by_label("Add it without a role").check()
    admin.presses("Add user and show password")
    username, password = admin.reads_the_secret()
    assert re.fullmatch(r"user-[a-z0-9]{12}", username)
    admin.reads("Asked for by marketing has no role: no access")
    admin.presses("Done")  # not ticked: the browser asks for it
    admin.is_at("User added")
    admin.has_stored_it()
    admin.is_at("Asked for by marketing")
    own_page = admin.page.url
    admin.goes_back()
    assert password not in admin.page.content()
    admin.opens(own_page)
    admin.reads("No role, no access")
    admin.follows("Users & Roles")


def others_are_added(admin: Person) -> None:
    for description, role in (("Campaign dashboard", READER), ("100% of_the scores", COMPUTE)):
        admin.adds(description, role)
        admin.follows("Users & Roles")


def the_list_is_searched_filtered_and_sorted(admin: Person) -> None:
    admin.sees_rows("100% of_the scores", "Campaign dashboard", "Asked for by marketing", "Nightly training")
    admin.searches("% of_the")
    admin.sees_rows("100% of_the scores")
    admin.searches("%")
    admin.sees_rows("100% of_the scores")
    admin.searches("nobody")
    admin.reads("No users match", "Nothing fits the search nobody")
    admin.follows("Show all users")

    admin.filters(Role=READER)
    admin.sees_rows("Campaign dashboard")
    assert "role=ovhcloud%3Aai_training_read" in admin.page.url
    admin.filters(Status="Disabled")
    admin.reads("No users match")
    admin.page.get_by_role("link", name="Remove filter: status Disabled").click()
    admin.sees_rows("Campaign dashboard")
    admin.page.reload()
    admin.sees_rows("Campaign dashboard")
    with admin.page.expect_download() as waiting:
        admin.presses("Export CSV")
    lines = waiting.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 2
    assert ",Campaign dashboard," in lines[1]
    admin.follows("Clear all")

    admin.follows("Description", admin.page.locator("thead"))
    admin.sees_rows("100% of_the scores", "Asked for by marketing", "Campaign dashboard", "Nightly training")
    admin.follows("Description", admin.page.locator("thead"))
    admin.sees_rows("Nightly training", "Campaign dashboard", "Asked for by marketing", "100% of_the scores")
    admin.follows("Roles", admin.page.locator("thead"))
    admin.sees_rows("Asked for by marketing", "Nightly training", "Campaign dashboard", "100% of_the scores")


def roles_are_edited(admin: Person, script: bool) -> None:
    admin.chooses("Edit roles", of="Nightly training")
    expect(admin.box(TRAINING)).to_be_checked()
    admin.unticks(TRAINING)
    admin.ticks(READER)
    if not script:
        admin.presses("Refresh")
    diff = admin.page.locator("dl.diff > div")
    expect(diff.filter(has_text="Gives")).to_contain_text(READER)
    expect(diff.filter(has_text="Takes")).to_contain_text(TRAINING)
    expect(diff.filter(has_text="Keeps")).to_contain_text(STORAGE)
    expect(admin.page.locator("#preview")).to_contain_text("Loses:")
    admin.fills("Reason", "Only reads from now on")
    admin.presses("Save roles")
    admin.reads("saved", "Only reads from now on", "Given by", "Administrator")
    admin.sees_that_it_holds(READER, STORAGE)

    admin.follows("Edit roles")
    admin.unticks(READER, STORAGE)
    admin.presses("Save roles")
    admin.reads("No role: no access.")
    admin.follows("Cancel")


def nothing_is_overwritten(admin: Person, other: Person) -> None:
    admin.follows("Edit roles")
    admin.ticks(COMPUTE)
    other.opens(admin.page.url)
    other.unticks(READER)
    other.ticks(TRAINING)
    other.presses("Save roles")
    other.reads("Roles of nightly saved")

    admin.presses("Save roles")
    admin.reads("Administrator changed these roles while you were editing", "Nothing of yours was saved.")
    notice = admin.page.get_by_role("alert")
    expect(notice).to_contain_text(re.compile(f"took away.*{READER}.*gave.*{TRAINING}", re.DOTALL))
    expect(admin.box(COMPUTE)).to_be_checked()
    other.page.reload()
    other.sees_that_it_holds(TRAINING, STORAGE)
    admin.follows("Discard my ticks and start from the roles as they are now")
    expect(admin.box(TRAINING)).to_be_checked()
    expect(admin.box(COMPUTE)).not_to_be_checked()
    admin.follows("Cancel")


def a_new_password_ends_the_old_one(admin: Person, server: Server, username: str, old: str) -> None:
    admin.follows("Generate a password")
    admin.reads("The old password stops working at once")
    admin.presses("Generate a password")
    admin.reads("The old password of Nightly training stopped working")
    same, new = admin.reads_the_secret()
    assert same == username
    assert new != old
    admin.page.reload()
    admin.reads("This was sent already", "Generate another")
    assert working(server, username, old, new) == [new]
    admin.follows("Open Nightly training")


def working(server: Server, username: str, *passwords: str) -> list[str]:
    """Those that are the user's password now."""
    code = f"""
from accounts.models import User
user = User.objects.get(username={username!r})
print(*filter(user.check_password, {passwords!r}))
"""
    return server.shell(code).split()


def a_user_is_disabled_and_enabled(admin: Person) -> None:
    admin.presses("More actions")
    admin.follows("Disable")
    admin.reads("Its password stops working at once")
    admin.presses("Disable user")
    admin.reads("nightly disabled", "Disabled: every request is refused now.")
    admin.presses("More actions")
    admin.follows("Enable")
    admin.presses("Enable user")
    admin.reads("nightly enabled", "Is able to")
    admin.follows("Edit description")
    admin.fills("Description", "Nightly training, speech")
    admin.presses("Save description")
    admin.is_at("Nightly training, speech")
    admin.follows("Users & Roles")


def many_users_are_changed_at_once(admin: Person) -> None:
    """Ticked ones lose their access, then all that match a filter get a role."""
    admin.picks("Campaign dashboard", "100% of_the scores")
    expect(admin.page.locator(".bulk output")).to_be_visible()
    admin.presses("Disable")
    admin.is_at("Disable 2 users")
    admin.presses("Disable 2 users")
    admin.reads("Done: 2 of 2 users")
    admin.follows("Back to users")

    admin.filters(Status="Disabled")
    admin.sees_rows("100% of_the scores", "Campaign dashboard")
    admin.picks("100% of_the scores", "Campaign dashboard")
    admin.presses("Add or take a role")
    admin.page.get_by_label(f"Change of {STORAGE}").select_option(label="Give to all")
    admin.presses("Count again")
    admin.reads("2 users", f"get {STORAGE}")
    admin.presses("Change roles")
    admin.reads("Done: 2 of 2 users")
    admin.follows("Back to users")
    expect(admin.row("Campaign dashboard")).to_contain_text(STORAGE)


def a_user_is_deleted_by_typing_its_name(admin: Person) -> None:
    admin.chooses("Delete", of="Nightly training, speech")
    admin.reads("This stops at once and cannot be undone")
    confirm = admin.page.get_by_label("Type nightly to confirm")
    confirm.fill("nightl")
    admin.presses("Delete user")
    admin.reads("Type nightly exactly as it stands here.")
    confirm.fill("nightly")
    admin.presses("Delete user")
    admin.reads("nightly deleted")
    expect(admin.row("Nightly training, speech")).to_have_count(0)


def somebody_without_a_role(admin: Person, grace: Person) -> Person:
    """Grace, whom the administrator adds in the Django admin, signs in and finds nothing that she may see."""
    admin.opens("/admin/accounts/user/add/")
    admin.page.get_by_label("Username").fill("grace")
    admin.page.get_by_label("Description").fill("Grace Hopper")
    admin.presses("Save")
    temporary = admin.page.locator("#secret-password").text_content() or ""
    admin.secrets.append(temporary)
    grace.signs_in("grace", temporary)
    grace.chooses_a_password(temporary, "another password for grace")
    grace.secrets.append("another password for grace")
    grace.opens("/")
    grace.reads("Administrator can give you")
    return grace


def access_is_given_and_taken_back(admin: Person, grace: Person) -> None:
    admin.opens("/")
    admin.follows("Members")
    admin.reads("Administrator", "Inherited from Organization")
    admin.follows("Access")
    admin.reads("Nothing is shared beside roles")
    overview = admin.page.url.replace("access/", "")
    assert grace.opens(overview).status == 404

    admin.follows("Give access")
    admin.fills("Person or group", "grace h")
    admin.page.get_by_role("radio", name=re.compile("^Open: ")).check()
    admin.presses("Give access")
    admin.reads("Nobody, and no group, is called exactly that.")
    admin.fills("Person or group", "grace")
    admin.presses("Give access")
    admin.reads("grace may now open Speech eval", "Grace Hopper")
    assert grace.opens(overview).status == 200
    grace.is_at("Speech eval")
    assert grace.opens(f"{overview}users/").status in (403, 404)

    admin.follows("Take back Open from Grace Hopper")
    admin.presses("Take back")
    admin.reads("Access of grace taken back")
    assert grace.opens(overview).status == 404
    assert grace.opens("/projects/0123456789abcdef0123456789abcdef/").status == 404


def everything_is_in_the_activity(admin: Person) -> None:
    admin.follows("Activity")
    admin.reads("nightly", "Only reads from now on", TRAINING, "127.0.0.1")
    admin.searches("nightly")
    admin.reads_no("Grace Hopper")
    admin.reads("nightly", "generated a new password")
    admin.opens("/activity/")
    admin.reads("Grace Hopper signed in", re.compile(r"let grace\s+open Speech eval"))
    with admin.page.expect_download() as waiting:
        admin.presses("Export CSV")
    assert "nightly" in waiting.value.path().read_text(encoding="utf-8-sig")


def signing_out_ends_it(admin: Person) -> None:
    address = admin.page.url
    admin.signs_out()
    admin.page.go_back()
    admin.is_at("Sign in")
    admin.opens(address)
    admin.is_at("Sign in")


def test_the_same_from_the_command_line(server: Server, admin: Person) -> None:
    """What a command does, the running console shows on the next request, and the other way round."""
    admin.creates_a_project("Commanded")
    project = "commanded"
    made = server.manage(
        "add_user", project, "--description=Made by hand", "--role=ai_training_reader", "--format=json"
    )
    [user] = [json.loads(made.stdout)] if made.stdout.startswith("{") else json.loads(made.stdout)
    admin.page.reload()
    admin.sees_rows("Made by hand")
    expect(admin.row("Made by hand")).to_contain_text(READER)
    server.manage("disable_user", user["username"])
    admin.page.reload()
    expect(admin.row("Made by hand")).to_contain_text("Disabled")
    admin.chooses("Delete", of="Made by hand")
    admin.page.get_by_label(re.compile("^Type ")).fill(user["username"])
    admin.presses("Delete user")
    assert user["username"] not in server.manage("list_users", project).stdout


def test_a_share_given_in_the_administration(server: Server, admin: Person, open_browser: OpenBrowser) -> None:
    """guardian's own page: it takes effect on the next request, and so does taking it back."""
    admin.creates_a_project("Guarded")
    project = admin.page.url.replace("users/", "")
    ada = somebody(server, open_browser(server), "ada")
    assert ada.opens(project).status == 404

    admin.opens("/admin/accounts/project/?q=Guarded")
    admin.page.get_by_role("link", name="Guarded", exact=True).click()
    admin.page.get_by_role("link", name="Object permissions").click()
    admin.page.get_by_label("User identification").fill("ada")
    admin.presses("Manage user")
    admin.page.get_by_label("Open").check()
    admin.presses("Save")
    assert ada.opens(project).status == 200

    admin.page.get_by_label("Open").uncheck()
    admin.presses("Save")
    assert ada.opens(project).status == 404
