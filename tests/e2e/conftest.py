"""Real servers and a real browser for the stories: `admin = open_browser(server)`, then what a person does.

The server is the production server in processes of its own, so a story asks about data through `server.manage(...)`.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests import browser
from tests.e2e.person import Person
from tests.servers import Server

PATIENCE = 30_000  # milliseconds; the two cores are shared with whatever else runs
expect.set_options(timeout=PATIENCE)

# Answers of 403, 404, 409 and 422 are part of stories, and Chromium calls each an error; so does htmx with what it asked
# for when one leaves the page first.
NO_COMPLAINTS = ("Failed to load resource", "htmx:sendAbort", "htmx:afterRequest")

# Colours take most of axe's time, so of the rows of a table and the entries of a list that are alike (the same tags, classes
# and states in the same places) the first two alone are asked for theirs. A page gets the script once: it is large.
ASK_FOR_COLOURS_ONCE = "axe.configure({rules: [{id: 'color-contrast', selector: ':not([data-alike])'}]})"
ASK_AXE = """async ([parts, options]) => {
  const TELLING = /^(class|style|type|data-.*|aria-(current|pressed|selected|disabled|invalid))$/;
  const drawn = element => [element.tagName, ...[...element.attributes].map(({name, value}) =>
    TELLING.test(name) ? `${name}=${value}` : name), element.matches(":checked"),
    [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim()),
    "(", ...[...element.children].map(drawn), ")"].join(" ");
  document.querySelectorAll("[data-alike]").forEach(one => one.removeAttribute("data-alike"));
  const seen = new Map();
  for (const element of document.querySelectorAll("tbody tr, li")) {
    const list = element.closest("table, ul, ol");
    if (!seen.has(list)) seen.set(list, new Map());
    const looks = drawn(element), before = seen.get(list).get(looks) || 0;
    seen.get(list).set(looks, before + 1);
    if (before > 1) for (const one of [element, ...element.querySelectorAll("*")]) one.dataset.alike = "";
  }
  const {violations} = await axe.run(parts.length ? {include: parts} : document, options);
  return {violations};
}"""
OPTIONS = {"reporter": "no-passes", "preload": {"assets": ["media"]}}  # no rule that runs reads style sheets

OpenBrowser = Callable[..., Person]


@pytest.fixture(scope="session")
def base_url() -> None:
    """None: there are several servers, and every browser is opened for one of them."""


@pytest.fixture(scope="session")
def empty_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a fresh installation, made once: a server that starts from a copy starts quickly."""
    folder = tmp_path_factory.mktemp("empty") / "data"
    with Server() as server:
        server.stop()
        shutil.copytree(server.data, folder)
    return folder


@contextmanager
def installation(data: Path, **options: Any) -> Iterator[Server]:
    """A server of its own on a copy of a data folder (on PostgreSQL: on a new database)."""
    server = Server(**options)
    if "DATABASE_URL" not in server.variables:
        shutil.copytree(data, server.data, dirs_exist_ok=True)
    with server:
        yield server


@pytest.fixture
def empty_installation(empty_data: Path) -> Iterator[Server]:
    """One in which nobody has signed in yet."""
    with installation(empty_data) as server:
        yield server


@pytest.fixture(scope="session")
def server(empty_data: Path) -> Iterator[Server]:
    """One installation with the sample organization for all stories that need no other; each makes a project of its own."""
    with installation(empty_data) as server:
        server.manage("load_sample")
        yield server


@pytest.fixture(scope="session")
def admin_signed_in(server: Server, browser: Browser) -> Any:
    """Cookies of the administrator of `server`, who signed in once and chose a password."""
    context = browser.new_context(base_url=server.url)
    admin = Person(context.new_page())
    admin.signs_in("admin", server.password)
    admin.chooses_a_password(server.password)
    cookies = context.storage_state()
    context.close()
    return cookies


@pytest.fixture
def admin(open_browser: OpenBrowser, server: Server, admin_signed_in: Any) -> Person:
    """The administrator of `server`, at a browser."""
    return open_browser(server, storage_state=admin_signed_in)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": browser.program(), "args": browser.FLAGS}


@pytest.fixture
def new_context(new_context: Callable[..., BrowserContext]) -> Iterator[Callable[..., BrowserContext]]:
    """Browser profiles in which a refused script or style, or an error in a script, fails the story."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        where = message.location["url"]
        ours = where and not where.startswith(
            "chrome-error:"
        )  # what axe does has no place; the other is Chromium's page
        if message.type == "error" and ours and not message.text.startswith(NO_COMPLAINTS):
            complaints.append(f"{message.text} ({where})")

    def new(**options: Any) -> BrowserContext:
        context = new_context(**options)
        context.set_default_timeout(PATIENCE)
        context.on("console", listen)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        return context

    yield new
    assert complaints == []


@pytest.fixture
def open_browser(new_context: Callable[..., BrowserContext]) -> OpenBrowser:
    """open_browser(server): somebody with a browser of their own; options are those of a browser context."""

    def open_browser(server: Server, **options: Any) -> Person:
        return Person(new_context(base_url=server.url, **options).new_page())

    return open_browser


@pytest.fixture
def assert_accessible() -> Callable[..., None]:
    """Fails where axe finds anything on the page. `rules`: it asks these alone; `parts`: about these parts of the page alone
    (selectors)."""

    def check(page: Page, rules: Sequence[str] = (), parts: Sequence[str] = ()) -> None:
        there = [[part] for part in parts if page.locator(part).count()]
        if parts and not there:
            return
        if not page.evaluate("window.axe !== undefined"):
            page.evaluate(AXE_SCRIPT)
            page.evaluate(ASK_FOR_COLOURS_ONCE)
        found = AxeResults(page.evaluate(ASK_AXE, [there, {**OPTIONS, **({"runOnly": [*rules]} if rules else {})}]))
        assert found.violations_count == 0, found.generate_report()

    return check


def somebody(server: Server, person: Person, username: str, role: str = "", project: str = "") -> Person:
    """A new person, signed in with a password of their own; with a role in a project, where named."""
    code = f"""
from accounts.models import Project
from policies.actions.assignments import give_role
from policies.actions.users import add_person
from policies.actor import Actor
from policies.models import Role
user, password = add_person(actor=Actor.of_command(), username={username!r}, description={username.title()!r})
if {role!r}:
    role, project = Role.objects.get(label={role!r}), Project.objects.get(name={project!r})
    give_role(actor=Actor.of_command(), role=role, subject=user, scope=project)
print(password)
"""
    temporary = server.shell(code)
    person.secrets.append(temporary)
    person.signs_in(username, temporary)
    person.chooses_a_password(temporary)
    return person
