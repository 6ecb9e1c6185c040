"""One's own account: password, sessions, sign-out, theme (security.md, Signing in and Sessions)."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.models import User
from console.views.account import browser_name
from policies.actions import sign_in
from policies.actions.users import delete_user, disable_user, generate_password
from policies.actor import Actor
from policies.models import AuditEvent
from tests.servers import Server

pytestmark = pytest.mark.django_db
PASSWORD = "four words in a row"
NEW = "five other words in a row"
CHANGE = "/account/password/"
SESSIONS = "/account/sessions/"


@pytest.fixture
def mara() -> User:
    return User.objects.create(username="mara", description="Mara Lind", password=make_password(PASSWORD))


@pytest.fixture
def client(mara: User) -> Client:
    return signed_in()


def signed_in(password: str = PASSWORD, agent: str = "Firefox", address: str = "192.0.2.1") -> Client:
    client = Client(headers={"User-Agent": agent}, REMOTE_ADDR=address)
    client.post("/sign-in/", {"login": "mara", "password": password})
    return client


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def change(client: Client, new: str = NEW, current: str = PASSWORD, again: str | None = None) -> Any:
    form = {"oldpassword": current, "password1": new, "password2": new if again is None else again}
    return client.post(CHANGE, form)


def last_event() -> AuditEvent:
    event = AuditEvent.objects.order_by("sequence").last()
    assert event is not None
    return event


# ---- The first sign-in


@pytest.fixture
def newcomer(mara: User) -> Client:
    User.objects.update(password_is_temporary=True, password_set_at=timezone.now() - timedelta(hours=23))
    return signed_in()


@pytest.mark.parametrize("path", ["/", "/account/", SESSIONS, "/projects/", "/admin/"])
def test_a_temporary_password_opens_one_page_alone(newcomer: Client, path: str) -> None:
    """9: it must be changed at the first sign-in; nothing goes round that (authentik CVE-2026-54730)."""
    for method in (newcomer.get, newcomer.post):
        response = method(path)
        assert (response.status_code, response["Location"]) == (302, CHANGE)
    assert newcomer.get(CHANGE).status_code == 200


def test_after_the_change_everything_opens(newcomer: Client) -> None:
    """9."""
    assert change(newcomer)["Location"] == "/"
    assert is_in(newcomer)
    mara = User.objects.get()
    assert not mara.password_is_temporary
    assert timezone.now() - mara.password_set_at < timedelta(minutes=1)


def test_the_temporary_password_is_no_choice_of_ones_own(newcomer: Client) -> None:
    """9."""
    assert b"Choose another" in change(newcomer, PASSWORD).content
    assert User.objects.get().password_is_temporary


def test_whoever_does_not_want_to_change_it_can_sign_out(newcomer: Client) -> None:
    assert newcomer.post("/sign-out/").status_code == 302
    assert not Session.objects.exists()


# ---- Changing the password


def test_changing_the_password(mara: User, client: Client) -> None:
    """3, 12, 13: other sessions end, this one goes on under a new id; the old password is refused."""
    other, before = signed_in(), client.session.session_key
    assert change(client).status_code == 302
    assert is_in(client)
    assert client.session.session_key != before
    assert not is_in(other)
    assert not is_in(signed_in())
    assert is_in(signed_in(NEW))


def test_it_needs_the_current_password(mara: User, client: Client) -> None:
    """3, 40."""
    assert b"This is not your current password." in change(client, current="wrong").content
    assert (last_event().action, last_event().outcome) == ("user.change_password", "refused")
    assert is_in(signed_in())


def test_guessing_the_current_password_is_limited(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """7: on every path that checks a secret; here for whoever found an open browser."""
    monkeypatch.setattr(sign_in, "TRIES_OF_OWN_PASSWORD", 2)
    assert [change(client, current="wrong").status_code for _ in range(3)] == [200, 200, 429]
    assert change(client).status_code == 429
    assert last_event().after["reason"] == "too many tries"


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ("short77", "at least 8 characters"),
        ("password", "too common"),
        ("qwertyuiop", "too common"),
        ("mara lind", "too similar"),
        ("x" * 1025, "at most 1024 characters"),
        (PASSWORD, "Choose another"),
        ("", "required"),
    ],
)
def test_passwords_that_are_refused(client: Client, new: str, why: str) -> None:
    """1, 2: short and common ones, from a list that ships with the product."""
    assert why in change(client, new).content.decode()


@pytest.mark.parametrize(
    "new", ["zwölfmal", "k9#mQ2!x", "x" * 60 + " tail", "l" * 1000 + "ong", "  spaces count  ", "密码很长很长很长"]
)
def test_passwords_that_are_taken(client: Client, new: str) -> None:
    """1, 2: eight characters, no rules of composition, long ones, nothing cut off or trimmed."""
    assert change(client, new).status_code == 302
    user = User.objects.get()
    assert user.check_password(new)
    assert not user.check_password(new[:-1])
    assert not user.check_password(new + "x")
    assert not user.check_password(new.strip() + "\n")


def test_72_bytes_are_not_the_end(client: Client) -> None:
    """1: what bcrypt would cut off counts."""
    change(client, "y" * 72 + "one")
    assert not User.objects.get().check_password("y" * 72 + "two")


def test_a_slip_in_the_repetition(client: Client) -> None:
    assert b"same password each time" in change(client, again=NEW + "r").content


def test_pasting_and_password_managers_work(client: Client) -> None:
    """3: fields say what they are, and nothing stands in the way."""
    page = client.get(CHANGE).content.decode()
    assert page.count('autocomplete="new-password"') == 2
    assert 'autocomplete="current-password"' in page
    assert "onpaste" not in page
    page = Client().get("/sign-in/").content.decode()
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page


def test_the_change_is_audited_without_the_passwords(mara: User, client: Client) -> None:
    """27, 40."""
    change(client)
    event = AuditEvent.objects.get(action="user.change_password")
    assert (event.actor_uid, event.object_uid, event.outcome, event.before, event.after) == (
        mara.uid,
        mara.uid,
        "done",
        {},
        {},
    )
    stored = json.dumps(list(AuditEvent.objects.values()), default=str)
    assert PASSWORD not in stored
    assert NEW not in stored


def test_without_a_password_there_is_none_to_change(mara: User) -> None:
    mara.set_unusable_password()
    mara.save()
    client = Client()
    client.force_login(mara)
    assert client.get(CHANGE)["Location"] == "/account/"


# ---- Sessions


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/150.0.0.0 Safari/537.36 Edg/150.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/150.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 20_0 like Mac OS X) Version/20.0 Safari/604.1", "Safari on iPhone"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", ""),
    ],
)
def test_browsers_are_called_by_their_names(user_agent: str, name: str) -> None:
    assert browser_name(user_agent) == name


def test_a_person_sees_their_sessions(client: Client) -> None:
    """14."""
    User.objects.create(username="theo")
    signed_in(agent="<b>Curl</b>", address="198.51.100.7")
    page = client.get(SESSIONS).content.decode()
    assert "Firefox" in page
    assert "&lt;b&gt;Curl&lt;/b&gt;" in page
    assert "198.51.100.7" in page
    assert page.count("This one") == 1


def test_ending_one_session(mara: User, client: Client) -> None:
    """14, 40: out on its next request; audited."""
    first, second = signed_in(agent="first", address="192.0.2.8"), signed_in(agent="second")
    client.post(SESSIONS, {"session": UserSession.objects.get(user_agent="first").pk})
    assert (is_in(first), is_in(second), is_in(client)) == (False, True, True)
    event = AuditEvent.objects.get(action="user.end_session")
    assert (event.object_uid, event.before) == (mara.uid, {"from": "192.0.2.8", "browser": "first"})
    assert not Session.objects.filter(session_key=first.cookies["roster_session"].value).exists()


def test_ending_all_others(client: Client) -> None:
    """14."""
    others = [signed_in(), signed_in()]
    assert client.post(SESSIONS).status_code == 302
    assert [is_in(other) for other in others] == [False, False]
    assert is_in(client)
    assert AuditEvent.objects.filter(action="user.end_session").count() == 2


def test_nobody_ends_the_sessions_of_somebody_else(mara: User, client: Client) -> None:
    """14, 19: a foreign session looks like one that does not exist."""
    theo = Client()
    theo.force_login(User.objects.create(username="theo"))
    foreign = UserSession.objects.create(
        user=User.objects.get(username="theo"), ip="192.0.2.9", session_key=theo.session.session_key
    )
    answers = [client.post(SESSIONS, {"session": pk}) for pk in (foreign.pk, 999_999, "x")]
    assert {answer.status_code for answer in answers} == {200}
    assert is_in(theo)


def test_disabled_is_out_at_once(mara: User, client: Client) -> None:
    """13: on the next request, whichever worker did it; enabled again, the session is the same (CVE-2025-65430)."""
    assert is_in(client)
    disable_user(actor=Actor.of_command(), user=mara)
    assert client.get("/account/")["Location"].startswith("/sign-in/")


def test_deleted_is_out_at_once(mara: User, client: Client) -> None:
    """13: a deleted user's session does not live on (authentik CVE-2025-29928)."""
    delete_user(actor=Actor.of_command(), user=mara)
    assert not is_in(client)


def test_a_generated_password_ends_sessions(mara: User, client: Client) -> None:
    """9, 13: and is temporary for a person."""
    secret = generate_password(actor=Actor.of_command(), user=mara)
    assert not is_in(client)
    assert signed_in(secret).get("/")["Location"] == CHANGE


ADD_MARA = f"""
from policies.actions.users import add_person
from policies.actor import Actor
from accounts.models import User
user, _ = add_person(actor=Actor.of_command(), username="mara")
user.set_password("{PASSWORD}"); user.password_is_temporary = False; user.save()
"""


@pytest.mark.once
@pytest.mark.slow
def test_disabled_is_out_on_every_worker(installation: Path) -> None:
    """13: signed in through one process, disabled through another, out on the next request of each worker."""
    with Server(of=installation) as server:
        server.manage("shell", "-c", ADD_MARA)
        page, body = server.get("/sign-in/")
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', body.decode())
        assert token
        form = {"login": "mara", "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
        csrf = page.headers["Set-Cookie"].partition(";")[0]
        signed_in, _ = server.post("/sign-in/", form, Cookie=csrf)
        cookies = [cookie.partition(";")[0] for cookie in signed_in.headers.get_all("Set-Cookie", [])]
        session = next(cookie for cookie in cookies if cookie.startswith("roster_session="))

        def answers() -> set[int]:
            return {server.get("/account/", Cookie=session)[0].status for _ in range(12)}

        assert answers() == {200}
        server.manage("disable_user", "mara")
        assert answers() == {302}


# ---- Signing out


def test_signing_out(mara: User, client: Client) -> None:
    """32, 35, 40: by POST alone; the browser drops what it kept."""
    assert client.get("/sign-out/").status_code == 200
    assert is_in(client)
    response = client.post("/sign-out/")
    assert response["Location"] == "/sign-in/"
    assert response["Clear-Site-Data"] == '"cache", "storage"'
    assert not client.cookies["roster_session"].value
    assert not is_in(client)
    assert not Session.objects.exists()
    assert not UserSession.objects.exists()
    event = AuditEvent.objects.get(action="user.sign_out")
    assert (event.actor_uid, event.address) == (mara.uid, "192.0.2.1")


def test_a_stolen_cookie_is_worth_nothing_after_sign_out(client: Client) -> None:
    """13: the session ends on the server."""
    thief = Client()
    thief.cookies["roster_session"] = client.cookies["roster_session"].value
    assert is_in(thief)
    client.post("/sign-out/")
    assert not is_in(thief)


# ---- The account page


def test_the_theme_is_kept(mara: User, client: Client) -> None:
    response = client.post("/account/", {"theme": "dark", "next": "/account/?a=b"})
    assert response["Location"] == "/account/?a=b"
    mara.refresh_from_db()
    assert mara.theme == "dark"
    assert b'data-bs-theme="dark"' in client.get("/account/").content


@pytest.mark.parametrize("form", [{"theme": "neon"}, {"theme": '"><script>'}])
def test_other_themes_are_refused(mara: User, client: Client, form: dict[str, str]) -> None:
    """20."""
    client.post("/account/", form)
    mara.refresh_from_db()
    assert mara.theme == ""


def test_extra_fields_change_nothing(mara: User, client: Client) -> None:
    """20: extra form fields are ignored."""
    extra = {"username": "root", "is_superuser": "1", "kind": "project_user", "is_active": "0", "description": "x"}
    client.post("/account/", {"theme": "light", **extra})
    client.post(CHANGE, {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW, **extra})
    after = User.objects.get()
    assert (after.username, after.is_superuser, after.kind, after.description) == ("mara", False, "person", "Mara Lind")


def test_the_account_page_lists_ones_roles(client_of: Any) -> None:
    page = client_of("keeper").get("/account/").content.decode()
    assert "Project Administrator" in page
    assert "Alpha" in page
    assert "You hold no role" in client_of("outsider").get("/account/").content.decode()
