"""A generated password is in one answer and nowhere else, whichever way it was made."""

import json

import pytest

from tests.e2e.conftest import OpenBrowser
from tests.e2e.leaks import assert_kept_nowhere
from tests.e2e.person import PASSWORD, Person
from tests.servers import Server

TYPED = "a password that nobody has"


@pytest.mark.smoke
def test_generated_passwords_are_kept_nowhere(server: Server, admin: Person, open_browser: OpenBrowser) -> None:
    admin.creates_a_project("Secrets")
    project = admin.page.url
    username, first = admin.adds("Made in a page", "AI Training Reader")
    generates_another(admin)
    sends_it_twice(admin)
    downloads(admin, username, first)
    mistypes_at_sign_in(open_browser(server))

    admin.opens(project)
    made = server.manage(
        "add_user", "secrets", "--description=Made by hand", "--role=ai_training_read", "--format=json"
    )
    admin.secrets.append(json.loads(made.stdout)["password"])
    made = server.manage("generate_password", username, "--format=json")
    admin.secrets.append(json.loads(made.stdout)["password"])
    adds_a_person(admin)
    server.manage("delete_user", username, "--yes")

    assert len(set(admin.secrets)) == 6
    assert_kept_nowhere(server, [PASSWORD, TYPED, *admin.secrets])
    with pytest.raises(AssertionError, match="dump holds"):
        assert_kept_nowhere(server, ["Made by hand"])  # what is kept is found


def generates_another(admin: Person) -> None:
    admin.follows("Generate a password")
    admin.presses("Generate a password")
    admin.reads_the_secret()
    admin.has_stored_it()


def sends_it_twice(admin: Person) -> None:
    """Two tabs hold the same form: the second to send it is told so, and changes nothing."""
    admin.follows("Generate a password")
    nonce = admin.page.locator("[name=nonce]").get_attribute("value") or ""
    address = admin.page.url
    admin.presses("Generate a password")
    _, shown = admin.reads_the_secret()
    token = admin.page.locator("[name=csrfmiddlewaretoken]").first.get_attribute("value") or ""
    form = {"nonce": nonce, "csrfmiddlewaretoken": token}
    again = admin.page.request.post(address, form=form)
    assert again.status == 409
    assert "Generate another" in again.text()
    assert shown not in again.text()
    assert again.headers["cache-control"].split(",")[0] in ("no-store", "max-age=0")
    admin.has_stored_it()


def downloads(admin: Person, username: str, secret: str) -> None:
    """The download is a POST of what the page shows; the address alone gives nothing, and neither is logged."""
    address = admin.page.url.rstrip("?") + "secret/"
    token = admin.page.locator("[name=csrfmiddlewaretoken]").first.get_attribute("value") or ""
    form = {"password": secret, "csrfmiddlewaretoken": token}
    answer = admin.page.request.post(address, form=form)
    assert answer.text() == f"username: {username}\npassword: {secret}\n"
    assert "no-store" in answer.headers["cache-control"]
    assert admin.page.request.get(address).status == 405
    refused = admin.page.request.post(address, form={"password": secret})
    assert refused.status == 403
    assert secret not in refused.text()


def mistypes_at_sign_in(stranger: Person) -> None:
    """A wrong password could be a right one elsewhere: it is not kept either."""
    stranger.signs_in("admin", TYPED)
    stranger.reads("That name and password do not go together.")


def adds_a_person(admin: Person) -> None:
    """In the Django admin, where the page with the password is another."""
    admin.opens("/admin/accounts/user/add/")
    admin.page.get_by_label("Username").fill("lovelace")
    admin.presses("Save")
    admin.secrets.append(admin.page.locator("#secret-password").text_content() or "")
    admin.page.reload()
    assert admin.secrets[-1] not in admin.page.content()
