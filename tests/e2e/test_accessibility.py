"""Every page: nothing that axe finds, in light and dark, wide and narrow; nothing that scrolls sideways; usable without a mouse.

ROSTER_SHOTS=folder also leaves a picture of each there.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLPattern, get_resolver, reverse
from playwright.sync_api import ViewportSize, expect

from tests.e2e.conftest import OpenBrowser, somebody
from tests.e2e.person import Person
from tests.servers import Server

NO_PAGES = {  # answers to a POST, fragments, files, and the two pages of the signed out
    "account_login", "activity_export", "project_activity_export", "project_user_activity_export", "project_user_export",
    "app_token_preview", "account_credential_delete",
    "project_user_preview", "project_user_secret_download", "project_user_file_download",
    "who_can_export", "what_can_export", "sample_load", "share_search",
    "assignment_export", "resource_export", "resource_share_search", "api_resource_index",
    "api_resource_detail",
    "authzen_configuration", "forward_auth", "authzen_evaluation", "authzen_evaluations", "authzen_search_subject",
    "authzen_search_resource", "authzen_search_action",
}  # fmt: skip
QUERIES = {
    "bulk_create": "?action=roles&all=1",
    "project_user_index": "?status=ok",
    "activity_index": "?q=a",
    "access_check": "?what=ovhcloud:notebook/launch",
    "who_can": "?what=roster:project/read",
}
WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
# What axe is asked in each look. Dark has other colours and a phone another layout; a wide window in the dark adds what is
# out of sight on a phone.
LOOKS: list[tuple[ViewportSize, Any, dict[str, Any] | None]] = [
    (WIDE, "light", {}),
    (WIDE, "dark", {"rules": ["color-contrast"], "parts": [".topbar", ".sidenav", "thead"]}),
    (NARROW, "light", None),
    (NARROW, "dark", {}),
]

# Colours fade from one scheme to the other; axe would measure what is between.
COLOURS_ARE_THERE = """() => new Promise(done => requestAnimationFrame(() => {
  document.getAnimations().forEach(animation => animation instanceof CSSTransition && animation.finish());
  requestAnimationFrame(done);
}))"""

# A project of the sample with a share, one of its users, and a finished job.
FIND = """
import json
from datetime import timedelta
from django.utils import timezone
from accounts.models import User
from policies.actions.bulk import digest_of, run_batch, start_bulk
from policies.actions.endpoints import create_endpoint, create_region
from policies.actor import Actor
from policies.actions.services import create_token
from policies.actions.shares import share as give
from policies.actions.roles import RoleDraft, create_role
from policies.catalogue_files import RuleEntry
from policies.models import ApplicationCredential, AppToken, ProjectShareWithGroup, Resource, Role
share = ProjectShareWithGroup.objects.select_related("group__profile", "permission", "content_object").first()
project = share.content_object
users = project.users.filter(is_active=True)
digest = digest_of(users.order_by().values_list("uid", flat=True))
job = start_bulk(actor=Actor.of_command(), project=project, change="enable", users=users, digest=digest, add=[], take=[])
run_batch(actor=Actor.of_command(), job=job)
user = users.filter(role_assignments__isnull=False).first()
found = {"project": project, "user": user, "assignment": user.role_assignments.first(), "job": job, "holder": share.group.profile}
resource = Resource.objects.filter(scope=project, entity_type__code="workspace").first()
give(actor=Actor.of_command(), thing=resource, action=share.permission.codename, subject=share.group)
found["resource"] = resource
rules = (RuleEntry("read", "roster:project"), RuleEntry("delete", "ovhcloud:notebook", owner=True))
draft = RoleDraft("Night shift", "Stops what runs away.", includes=("h2o:engine_admin",), rules=rules)
found["role"] = create_role(actor=Actor.of_command(), draft=draft)
service = User.objects.services().first()
until = timezone.now() + timedelta(days=30)
token, _ = create_token(actor=Actor.of_command(), service=service, name="production", expires_at=until)
found |= {"service": service, "token": token}
region = create_region(actor=Actor.of_command(), code="GRA", description="Gravelines")
url = "https://storage.gra.example.com/v1/AUTH_%(project_id)s"
found["endpoint"] = create_endpoint(actor=Actor.of_command(), service=service, region=region, url=url)
reader = Role.objects.get(catalogue__code="ovhcloud", code="ai_training_read")
found["app_token"] = AppToken.objects.create(
    project=project, made_by=User.objects.get(username="admin"), name="nightly", role=reader, selector="team=vision",
    expires_at=until, digest="-",
)
found["credential"] = ApplicationCredential.objects.create(user=user, project=project, name="ci", digest="-")
names = {"action": share.permission.codename, "catalogue": "runai", "region": region.code}
print(json.dumps({name: thing.uid for name, thing in found.items()} | names))
"""

Look = Callable[[Person, str], None]


@pytest.fixture(scope="module")
def things(server: Server) -> dict[str, str]:
    """What the addresses of pages name."""
    found: dict[str, str] = json.loads(server.shell(FIND))
    return found


@pytest.fixture
def looks_good(assert_accessible: Callable[..., None]) -> Iterator[Look]:
    """looks_good(person, name): the page in front of them, in every look. What is wrong is told at the end, all of it."""
    wrong: list[str] = []

    def look(person: Person, name: str) -> None:
        page = person.page
        for size, scheme, asked in LOOKS:
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme)
            page.evaluate(COLOURS_ARE_THERE)
            try:
                if asked is not None:
                    assert_accessible(page, **asked)
            except AssertionError as error:
                wrong.append(f"{name}, {scheme}, {size['width']}: {error}")
            if folder := os.environ.get("ROSTER_SHOTS"):
                path = Path(folder) / f"{name}-{scheme}-{size['width']}.png"
                page.screenshot(path=path, full_page=True, caret="initial")
            if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
                wrong.append(f"{name} scrolls sideways at {size['width']}")
        page.set_viewport_size(WIDE)

    yield look
    assert not wrong, "\n".join(wrong)


def console_urls(resolver: Any) -> Iterator[URLPattern]:
    """Every URL of the console itself."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield pattern
        elif pattern.namespace is None:
            yield from console_urls(pattern)


def test_every_page(admin: Person, things: dict[str, str], looks_good: Look) -> None:
    for url in console_urls(get_resolver()):
        if url.name not in NO_PAGES and not url.name.startswith("identity_"):
            named = {name: things[name] for name in re.findall(r"<\w+:(\w+)>", str(url.pattern))}
            answer = admin.opens(reverse(url.name, kwargs=named) + QUERIES.get(url.name, ""))
            assert answer.status == 200, f"{url.name}: {answer.status}"
            looks_good(admin, url.name)


def test_pages_in_other_states(
    admin: Person, things: dict[str, str], looks_good: Look, open_browser: OpenBrowser, server: Server
) -> None:
    users = reverse("project_user_index", args=[things["project"]])

    stranger = open_browser(server)
    stranger.opens("/")
    looks_good(stranger, "sign-in")
    stranger.signs_in("nobody", "wrong")
    looks_good(stranger, "sign-in-refused")

    admin.opens("/missing/")
    looks_good(admin, "404")
    admin.opens(users + "?q=nobody")
    looks_good(admin, "no-match")
    admin.opens(users)
    admin.page.get_by_text("Role matrix: which role allows what").click()
    looks_good(admin, "matrix")
    for name in ("Filter", "Project: ", "Account: ", "More for "):
        admin.opens(users)
        admin.page.get_by_role("button", name=re.compile(f"^{name}")).filter(visible=True).first.click()
        expect(admin.page.locator(".menu:popover-open")).to_be_visible()
        looks_good(admin, f"menu-{name.split(':')[0].split()[0].lower()}")

    admin.opens(users)
    admin.rows.first.get_by_role("checkbox").check()
    looks_good(admin, "picked")
    admin.presses("Delete")
    looks_good(admin, "bulk-delete")

    admin.opens(reverse("project_user_delete", args=[things["project"], things["user"]]))
    admin.presses("Delete user")
    looks_good(admin, "delete-refused")
    admin.opens(reverse("project_user_roles", args=[things["project"], things["user"]]))
    admin.page.locator("[name=roles]:checked").first.uncheck()
    admin.page.locator("[name=roles]:not(:checked)").filter(visible=True).last.check()
    expect(admin.page.locator("dl.diff")).to_contain_text("Gives")
    looks_good(admin, "roles-diff")


def test_changing_a_role_looks_good_at_every_step(admin: Person, things: dict[str, str], looks_good: Look) -> None:
    path = reverse("role_update", args=[things["role"]])
    admin.opens(path)
    admin.page.get_by_label("Name", exact=True).fill("")
    admin.presses("Review changes")
    looks_good(admin, "role-refused")
    admin.opens(path)
    admin.page.get_by_label("Purpose").fill("Stops and deletes what runs away.")
    admin.presses("Review changes")
    looks_good(admin, "role-review")
    admin.presses("Save role")
    expect(admin.page.get_by_role("heading", level=1, name="Night shift")).to_be_visible()
    admin.opens(reverse("catalogue_update", args=[things["catalogue"]]))
    admin.page.get_by_label("Switched on").set_checked(False)
    admin.presses("Review changes")
    looks_good(admin, "catalogue-review")


def test_adding_a_user_looks_good_at_every_step(admin: Person, looks_good: Look) -> None:
    admin.creates_a_project("Looks")
    looks_good(admin, "onboarding")
    admin.follows("Add user")
    admin.presses("Choose roles")
    looks_good(admin, "add-refused")
    admin.describes("A user")
    looks_good(admin, "add-roles")
    admin.presses("Add user and show password")
    looks_good(admin, "add-no-role")
    admin.ticks("AI Training Reader")
    admin.presses("Add user and show password")
    looks_good(admin, "secret-masked")
    admin.reads_the_secret()
    looks_good(admin, "secret-shown")
    admin.page.reload()
    looks_good(admin, "secret-again")


def test_giving_roles_looks_good_at_every_step(admin: Person, looks_good: Look) -> None:
    page = admin.page
    admin.opens(reverse("assignment_create"))
    admin.presses("Review", page.locator(".form-actions"))
    admin.reads("Choose at least one role.")
    looks_good(admin, "give-refused")
    admin.fills("Person, group or service", "jonas")
    page.locator("[name=subjects]").first.check()
    page.locator("[name=roles]:enabled").filter(visible=True).first.check()
    page.locator("[name=scopes]").first.check()
    admin.fills("Ends in days", "3")
    looks_good(admin, "give-chosen")
    admin.presses("Review", page.locator(".form-actions"))
    admin.reads("Will be given")
    looks_good(admin, "give-review")
    admin.presses("Give 1 role")
    admin.is_at("1 role given")
    looks_good(admin, "give-result")
    admin.follows("Role assignments")
    admin.reads("in 2 days")


def test_a_row_is_edited_in_place(admin: Person, looks_good: Look) -> None:
    page, row = admin.page, admin.page.locator("tbody tr").first
    admin.opens(reverse("assignment_index") + "?type=group")
    row.get_by_role("button").click()
    row.get_by_role("link", name="Change when it ends").click()
    expect(row.get_by_label("Ends at")).to_be_focused()
    looks_good(admin, "row-form")
    row.get_by_label("Ends at").fill("2001-01-01T00:00")
    row.get_by_role("button", name="Save").click()
    admin.reads("This moment is past")
    looks_good(admin, "row-form-refused")
    row.get_by_label("Ends at").fill("2100-01-01T12:00")
    row.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("ends 1 Jan 2100")
    expect(row.get_by_role("button")).to_be_focused()
    assert page.url.endswith("?type=group")
    row.get_by_role("button").click()
    row.get_by_role("link", name="Change when it ends").click()
    row.get_by_role("link", name="Cancel").click()
    expect(row).to_contain_text("ends 1 Jan 2100")


@pytest.mark.parametrize("width", [768, 1024])
def test_the_menu_of_a_row_is_in_sight(admin: Person, things: dict[str, str], width: int) -> None:
    """However wide the table is: what does not fit scrolls below it."""
    admin.page.set_viewport_size({"width": width, "height": 900})
    admin.opens(reverse("project_user_index", args=[things["project"]]))
    expect(admin.rows.first.get_by_role("button", name=re.compile("^More for "))).to_be_in_viewport(ratio=1)


def test_without_a_mouse(admin: Person) -> None:
    """From the skip link to a stored password, with the keyboard alone."""
    admin.creates_a_project("Keys")
    page, press = admin.page, admin.page.keyboard.press

    def focused() -> str:
        name: str = page.evaluate(
            "document.activeElement.innerText.trim() || document.activeElement.ariaLabel || document.activeElement.value"
        )
        return name

    def tab_to(name: str) -> None:
        for _ in range(60):
            press("Tab")
            if focused().startswith(name):
                return
        raise AssertionError(f"Tab never reaches {name}")

    page.reload()
    press("Tab")
    assert focused() == "Skip to content"
    press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"

    page.reload()
    tab_to("KE")  # the switcher's initials of Keys
    press("Enter")
    expect(page.locator("#projects")).to_be_visible()
    press("Tab")
    assert page.evaluate("document.activeElement.id") == "find-project"
    press("Escape")
    expect(page.locator("#projects")).to_be_hidden()
    assert focused().startswith("KE")

    tab_to("Add user")
    press("Enter")
    admin.is_at("Add user")
    page.get_by_label("Description", exact=True).focus()
    page.keyboard.type("Typed alone")
    press("Enter")
    admin.reads("For Typed alone")
    page.keyboard.press("Tab")
    page.locator("[name=roles]").first.focus()
    press("Space")
    expect(page.locator("[name=roles]").first).to_be_checked()
    tab_to("Add user and show password")
    press("Enter")
    admin.is_at("User added")
    tab_to("••••")
    press("Enter")
    expect(page.locator("#secret-password")).to_be_visible()
    page.get_by_label("I have stored the password.").focus()
    press("Space")
    tab_to("Done")
    press("Enter")
    admin.is_at("Typed alone")
    page.get_by_role("link", name="Users & Roles", exact=True).first.focus()
    press("Enter")
    admin.is_at("Users & Roles")
    tab_to("More for ")
    press("Enter")
    press("Tab")
    assert focused() == "Edit roles"
    press("Enter")
    admin.is_at("Edit roles")


def test_the_first_pages(empty_installation: Server, open_browser: OpenBrowser, looks_good: Look) -> None:
    """Before there is anything, and for somebody who may see next to nothing."""
    server = empty_installation
    admin = open_browser(server)
    admin.signs_in("admin", server.password)
    looks_good(admin, "choose-password")
    admin.chooses_a_password(server.password)
    admin.opens("/")
    looks_good(admin, "first-run")
    stranger = somebody(server, open_browser(server), "sam")
    admin.creates_a_project("Alone")
    stranger.opens("/")
    looks_good(stranger, "no-project")

    viewer = somebody(server, open_browser(server), "vic", role="Project Viewer", project="Alone")
    viewer.opens("/")
    looks_good(viewer, "onboarding-viewer")
    assert viewer.opens(f"{viewer.page.url}new/").status == 403
    looks_good(viewer, "403")


def test_the_administration(admin: Person, looks_good: Look) -> None:
    """Django's own pages, with what Roster adds to them."""
    admin.opens("/admin/")
    looks_good(admin, "admin")
    for path in (
        "accounts/user",
        "policies/roleassignment",
        "policies/auditevent",
        "accounts/project",
        "policies/role",
    ):
        admin.opens(f"/admin/{path}/")
        looks_good(admin, f"admin-{path.replace('/', '-')}")
        admin.page.locator("#result_list tbody th a").first.click()
        looks_good(admin, f"admin-{path.replace('/', '-')}-change")
    admin.opens("/admin/policies/roleassignment/add/")
    looks_good(admin, "admin-policies-roleassignment-add")
