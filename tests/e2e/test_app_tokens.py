"""An app token in a browser: counted while one types, shown once, renewed, revoked; and its secrets are kept nowhere."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.conftest import OpenBrowser, somebody
from tests.e2e.leaks import assert_kept_nowhere
from tests.e2e.person import Person
from tests.servers import Server

THINGS = """
from accounts.models import Project, User
from policies.actions.assignments import give_role
from policies.actions.resources import register_resource
from policies.actor import Actor
from policies.models import EntityType, Role
project, kind = Project.objects.get(name="Tokens"), EntityType.objects.get(catalogue__code="ovhcloud", code="notebook")
for name, tags in (("first", ["team=red"]), ("second", ["team=red"]), ("third", [])):
    register_resource(actor=Actor.of_command(), entity_type=kind, scope=project, name=name, tags=tags)
role = Role.objects.get(label="AI Training Operator")
give_role(actor=Actor.of_command(), role=role, subject=User.objects.get(username="tamara"), scope=project)
"""


def test_an_app_token_from_making_to_revoking(
    server: Server, admin: Person, open_browser: OpenBrowser, assert_accessible: Callable[[Page], None]
) -> None:
    admin.creates_a_project("Tokens")
    tamara = somebody(server, open_browser(server), "tamara", "Project Administrator", "Tokens")
    server.shell(THINGS)
    tamara.opens("/")
    tamara.follows("App tokens", tamara.page.locator("nav.sidenav"))
    tamara.is_at("App tokens")
    tamara.reads("No app tokens yet")
    tamara.follows("Make app token")

    tamara.fills("Name", "Nightly")
    tamara.page.get_by_role("radio", name=re.compile("AI Training Reader")).check()
    tamara.reads("It matches everything: 3 things")
    tamara.fills("Label", "team=red")
    tamara.reads("Opens 2 of 3 things", "first, second")
    assert_accessible(tamara.page)
    tamara.presses("Make token")

    tamara.is_at("Token made")
    first = reads_the_token(tamara)
    assert_accessible(tamara.page)
    has_stored_it(tamara)
    tamara.reads("Nightly", "team=red", first[:20])
    tamara.reads_no(first)
    assert_accessible(tamara.page)
    tamara.page.set_viewport_size({"width": 390, "height": 844})
    assert tamara.page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    tamara.follows("Renew Nightly")
    tamara.page.get_by_role("radio", name="In 1 hour").check()
    tamara.presses("Renew token")
    tamara.is_at("Token renewed")
    second = reads_the_token(tamara)
    assert second != first
    has_stored_it(tamara)
    tamara.reads("Old secret")

    tamara.follows("Revoke Nightly")
    tamara.presses("Revoke token")
    tamara.reads("App token Nightly revoked", "No app tokens yet")
    assert_kept_nowhere(server, [first, second])


def reads_the_token(person: Person) -> str:
    """The secret of the page, masked until it is asked for."""
    token = person.page.locator("#secret-token")
    expect(token).to_be_hidden()
    person.page.locator("main summary").filter(visible=True).click()
    expect(token).to_be_visible()
    return token.inner_text()


def has_stored_it(person: Person) -> None:
    person.page.get_by_label("I have stored the token.").check()
    person.presses("Done")
    person.is_at("App tokens")
