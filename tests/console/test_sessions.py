"""Sessions end on the server: after two idle hours, after twelve in any case. Signed-in pages stay out of caches."""

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.console.urls")]
HOUR = 3600


class Clock:
    """Time as the middleware sees it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("console.middleware.time.time", clock.time)
    return clock


@pytest.fixture
def client(clock: Clock) -> Client:
    client = Client()
    client.force_login(User.objects.create(username="mara", kind="person"))
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/signed-in/").status_code == 200


def test_an_idle_session_ends(client: Client, clock: Clock) -> None:
    assert is_signed_in(client)
    clock.now += 2 * HOUR - 1
    assert is_signed_in(client)
    clock.now += 2 * HOUR - 1
    assert is_signed_in(client)
    clock.now += 2 * HOUR + 1
    assert not is_signed_in(client)
    assert not Session.objects.exists()


def test_a_session_in_use_ends_too(client: Client, clock: Clock) -> None:
    for _ in range(12):
        assert is_signed_in(client)
        clock.now += HOUR
    assert is_signed_in(client)
    clock.now += 1
    assert not is_signed_in(client)


def test_it_is_written_once_a_minute_and_not_on_every_page(
    client: Client, clock: Clock, django_assert_num_queries
) -> None:
    assert is_signed_in(client)
    seen = UserSession.objects.get().last_seen_at
    with django_assert_num_queries(2):  # the session, the user
        assert is_signed_in(client)
    clock.now += 61
    assert is_signed_in(client)
    assert UserSession.objects.get().last_seen_at > seen


def test_a_new_key_of_the_installation_signs_nobody_out(client: Client, settings) -> None:
    """Security 43: as long as the old one stands among the fallbacks."""
    assert is_signed_in(client)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another " * 8
    settings.SECRET_KEY_FALLBACKS = [old]
    assert is_signed_in(client)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [], "a third " * 8
    assert not is_signed_in(client)


def test_signed_in_pages_are_not_stored(client: Client) -> None:
    assert client.get("/signed-in/")["Cache-Control"] == "no-store"


def test_nobody_gets_a_session_before_signing_in() -> None:
    client = Client()
    client.get("/signed-in/")
    client.get("/sign-in/")
    client.get("/missing/")
    assert not Session.objects.exists()
    assert not client.cookies


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client: Client, settings) -> None:
    client.get("/signed-in/")
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
