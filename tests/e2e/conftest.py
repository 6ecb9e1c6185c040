"""A real server and a real browser for the stories: `page.goto("/")` is the console of a fresh installation.

The server is the production server in processes of its own, so a story asks about data through `server.manage(...)`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from tests import browser
from tests.servers import Server

expect.set_options(timeout=10_000)  # the two cores are shared with whatever else runs


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One installation for all stories of a run; each makes a project of its own."""
    with Server() as server:
        yield server


@pytest.fixture(scope="session")
def base_url(server: Server) -> str:
    return server.url


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": browser.program(), "args": browser.FLAGS}


@pytest.fixture
def context(context: BrowserContext) -> Iterator[BrowserContext]:
    """A browser profile in which a refused script or style, or an error in a script, fails the story."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        # Answers of 403, 404, 409 and 422 are part of stories, and Chromium calls each an error.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            complaints.append(f"{message.text} ({message.location['url']})")

    context.on("console", listen)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    yield context
    assert complaints == []


@pytest.fixture
def assert_accessible() -> Callable[[Page], None]:
    """Fails where axe finds anything on the page."""
    axe = Axe()

    def check(page: Page) -> None:
        found = axe.run(page)
        assert found.violations_count == 0, found.generate_report()

    return check
