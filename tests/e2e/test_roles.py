"""The role matrix where tests without a browser cannot look: one role at a time on a phone, heads that stay, the keyboard."""

from typing import Any

from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.e2e.conftest import OpenBrowser
from tests.e2e.person import Person
from tests.servers import Server

RUNAI, OVH = (reverse("catalogue_detail", args=[code]) for code in ("runai", "ovhcloud"))
PHONE = {"width": 390, "height": 844}


def heads(page: Page) -> list[str]:
    """The columns that are shown."""
    shown = page.locator(".matrix thead th:visible a")
    return [text.strip() for text in shown.all_inner_texts()]


def test_on_a_phone_one_role_at_a_time_without_script(
    open_browser: OpenBrowser, server: Server, admin_signed_in: Any
) -> None:
    """RUN-21: the first role, not all of them, until another is chosen; by the keyboard too."""
    admin = open_browser(server, storage_state=admin_signed_in, viewport=PHONE, java_script_enabled=False)
    page = admin.page
    admin.opens(RUNAI)
    assert heads(page) == ["Administrator"]
    row = page.locator(".matrix tr").filter(has=page.get_by_role("rowheader", name="Workspaces", exact=True))
    expect(row.locator("td:visible")).to_have_text("Rread")
    page.get_by_role("radio", name="Administrator", exact=True).focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert heads(page) == ["Researcher"]
    expect(row.locator("td:visible")).to_have_text("CRUDcreate, read, update, delete")
    page.get_by_text("All", exact=True).click()
    assert len(heads(page)) == 7


def test_heads_stay_while_the_matrix_scrolls(admin: Person) -> None:
    page = admin.page
    page.set_viewport_size({"width": 1280, "height": 700})
    admin.opens(RUNAI)
    page.get_by_role("rowheader", name="Node Pools", exact=True).scroll_into_view_if_needed()
    expect(page.get_by_role("columnheader", name="Viewer")).to_be_in_viewport(ratio=1)
    admin.opens(OVH)
    scroller = page.get_by_role("region", name="OVHcloud AI Solutions, role matrix")
    scroller.focus()
    for _ in range(25):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_role("columnheader", name="Volume Operator")).to_be_in_viewport(ratio=0.9)
    expect(page.get_by_role("rowheader", name="Notebooks", exact=True)).to_be_in_viewport(ratio=0.9)
    expect(page.get_by_text("Notebooks, jobs and apps", exact=True)).to_be_in_viewport(ratio=0.9)


def test_roles_and_a_user_side_by_side(admin: Person) -> None:
    """From the matrix of a catalogue to a user's own column, and a column taken away."""
    page = admin.page
    admin.opens("/")
    admin.follows("Roles", page.locator("#sidenav"))
    admin.follows("Run:ai")
    admin.follows("As a user…")
    expect(page.get_by_label("As this user")).to_be_visible()  # its address opens what folds it away
    page.get_by_label("As this user").fill("admin")
    page.get_by_label("Only rows that differ").check()
    admin.presses("Compare")
    expect(page.locator(".matrix thead th")).to_have_count(9)
    page.get_by_role("link", name="Remove filter: role Viewer").click()
    expect(page.locator(".matrix thead th")).to_have_count(8)
