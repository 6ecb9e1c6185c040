"""make screenshots: the pictures of the README, from the real server with the sample organization, in a real browser.

Generated usernames and "2 hours ago" differ each time, so no test compares them; look at them before you commit them.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, StorageState, ViewportSize, sync_playwright

from tests import browser
from tests.e2e.person import Person
from tests.servers import Server

FOLDER = Path(__file__).parent
DESKTOP = ViewportSize(width=1200, height=600)
PHONE = ViewportSize(width=390, height=680)
PROJECT, USER = "vision-lab", "Nightly training pipeline"


def take(chromium: Browser, server: Server) -> None:
    cookies = sign_in(chromium, server)
    with opened(chromium, server, cookies, DESKTOP, "light") as page:
        page.screenshot(path=FOLDER / "list-light.png")
    with opened(chromium, server, cookies, DESKTOP, "dark") as page:
        person = Person(page)
        person.searches(USER)
        person.chooses("Edit roles", of=USER)
        person.ticks("Compute Operator")
        person.unticks("ObjectStore Operator")
        page.locator(".diff .removed").wait_for()  # the preview has heard of both
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=FOLDER / "edit-roles-dark.png")
    with opened(chromium, server, cookies, PHONE, "light") as page:
        page.screenshot(path=FOLDER / "list-phone.png")


def sign_in(chromium: Browser, server: Server) -> StorageState:
    context = chromium.new_context(base_url=server.url)
    admin = Person(context.new_page())
    admin.signs_in("admin", server.password)
    admin.chooses_a_password(server.password)
    cookies = context.storage_state()
    context.close()
    return cookies


@contextmanager
def opened(chromium: Browser, server: Server, cookies: StorageState, size: ViewportSize, scheme: str) -> Iterator[Page]:
    """The users of the sample's project, in a window of this size."""
    context = chromium.new_context(base_url=server.url, storage_state=cookies, viewport=size, color_scheme=scheme)
    page = context.new_page()
    page.goto("/projects/")
    page.get_by_role("link", name=PROJECT, exact=True).filter(visible=True).first.click()
    page.get_by_role("heading", level=1, name="Users & Roles").wait_for()
    yield page
    context.close()


def main() -> None:
    program = browser.program()
    if program is None:
        sys.exit("There is no browser here: make test installs one.")
    with Server() as server, sync_playwright() as playwright:
        server.manage("load_sample")
        chromium = playwright.chromium.launch(executable_path=program, args=browser.FLAGS)
        take(chromium, server)
        chromium.close()


if __name__ == "__main__":
    main()
