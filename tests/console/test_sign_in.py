"""Signing in: who gets in, that all failures look alike, and how often one may try (security.md, Signing in)."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import Argon2PasswordHasher, make_password
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.db import connections
from django.test import Client
from django.utils import timezone

from accounts.models import Project, Scope, Throttle, User
from console.signing_in import SignInBackend
from policies.actions import sign_in
from policies.models import AuditEvent

pytestmark = pytest.mark.django_db
SIGN_IN = "/sign-in/"
PASSWORD = "four words in a row"


@pytest.fixture
def mara() -> User:
    return User.objects.create(username="mara", description="Mara Lind", password=make_password(PASSWORD))


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for every password hash that is computed."""
    computed: list[str] = []

    def count(name: str, compute: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            computed.append(name)
            return compute(*arguments)

        return counted

    for name in ("encode", "verify"):
        monkeypatch.setattr(Argon2PasswordHasher, name, count(name, getattr(Argon2PasswordHasher, name)))
    return computed


def try_to_sign_in(username: str = "mara", password: str = PASSWORD, client: Client | None = None, **extra: Any) -> Any:
    address = extra.pop("address", "192.0.2.1")
    form = {"login": username, "password": password, **extra}
    return (client or Client()).post(SIGN_IN, form, REMOTE_ADDR=address)


def events(action: str = "user.sign_in", outcome: str = "refused") -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action, outcome=outcome).order_by("sequence"))


def end_windows() -> None:
    Throttle.objects.update(window_ends_at=timezone.now() - timedelta(seconds=1))


# ---- Who gets in


def test_a_person_signs_in(mara: User) -> None:
    """12, 40: a new session, listed with its address; audited; last used is noted."""
    client = Client()
    response = try_to_sign_in("Mara ", client=client)
    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.session["_auth_user_id"] == str(mara.pk)
    assert UserSession.objects.get(user=mara).ip == "192.0.2.1"
    (event,) = events(outcome="done")
    assert (event.actor_uid, event.object_uid, event.address) == (mara.uid, mara.uid, "192.0.2.1")
    mara.refresh_from_db()
    assert timezone.now() - mara.last_used_at < timedelta(minutes=1)


def test_last_used_is_written_at_most_every_quarter_of_an_hour(mara: User) -> None:
    recent, old = timezone.now() - timedelta(minutes=14), timezone.now() - timedelta(minutes=16)
    for last_used, kept in ((recent, True), (old, False)):
        User.objects.update(last_used_at=last_used)
        try_to_sign_in()
        mara.refresh_from_db()
        assert (mara.last_used_at == last_used) is kept


def test_a_session_fixed_beforehand_is_not_taken_over(mara: User, settings: Any) -> None:
    """12: new session id at sign-in."""
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = "chosenbysomebodyelse0123456789ab"
    try_to_sign_in(client=client)
    assert client.session.session_key != "chosenbysomebodyelse0123456789ab"
    assert Session.objects.count() == 1


def test_nothing_is_stored_before_somebody_signs_in(mara: User) -> None:
    """15: anonymous hits fill no session store (Horizon CVE-2026-43002)."""
    client = Client()
    for path in (SIGN_IN, "/", "/account/", "/missing/", "/sign-out/"):
        client.get(path)
    try_to_sign_in(password="wrong", client=client)
    client.post("/sign-out/")
    assert not Session.objects.exists()


def test_the_sign_in_form_needs_its_token(mara: User) -> None:
    """32: CSRF on sign-in and sign-out."""
    client = Client(enforce_csrf_checks=True)
    assert try_to_sign_in(client=client).status_code == 403
    client.force_login(mara)
    assert client.post("/sign-out/").status_code == 403


def test_the_backend_answers_no_permission(mara: User) -> None:
    """18: rights come from roles; a permission in Django's own table is none."""
    mara.user_permissions.add(Permission.objects.order_by("pk")[0])
    assert SignInBackend().get_all_permissions(mara) == set()
    assert not mara.has_perm("auth.add_permission")


def test_signed_in_people_are_sent_on(mara: User) -> None:
    client = Client()
    client.force_login(mara)
    assert client.get(SIGN_IN)["Location"] == "/"


# ---- Whoever does not get in


def nobody(mara: User) -> str:
    return "nobody"


def disabled(mara: User) -> None:
    User.objects.update(is_active=False)


def project_user(mara: User) -> None:
    project = Project.objects.create(name="Vision lab", kind="project", parent=Scope.objects.root())
    User.objects.filter(pk=mara.pk).update(kind="project_user", project=project)


def no_password(mara: User) -> None:
    User.objects.update(password=make_password(None))


def old_temporary_password(mara: User) -> None:
    set_at = timezone.now() - timedelta(hours=24, seconds=1)
    User.objects.update(password_is_temporary=True, password_set_at=set_at)


def told(response: Any, username: str) -> tuple[int, str, str]:
    """What a guesser can see of an answer: what differs from request to request is taken out."""
    page = re.sub(r'(name="csrfmiddlewaretoken" value=")[^"]*', r"\1", response.content.decode())
    return response.status_code, page.replace(f'"{username}"', '"NAME"'), sorted(response.headers)


@pytest.mark.parametrize("why", [nobody, disabled, project_user, no_password, old_temporary_password])
def test_every_failure_looks_like_a_wrong_password(
    mara: User, hashes: list[str], why: Callable[[User], str | None]
) -> None:
    """6, 9: same status, same body, one hash each, with the right password too (Django CVE-2024-39329)."""
    wrong = told(try_to_sign_in(password="wrong"), "mara")
    assert "That name and password do not go together." in wrong[1]
    assert hashes.pop() == "verify"
    assert not hashes
    username = why(mara) or "mara"
    for password in (PASSWORD, "wrong"):
        client = Client()
        assert told(try_to_sign_in(username, password, client=client), username) == wrong
        assert len(hashes) == 1
        hashes.clear()
        assert not client.cookies.get("roster_session")


def test_a_right_password_is_hashed_once(mara: User, hashes: list[str]) -> None:
    """6: success takes as many hashes as failure."""
    try_to_sign_in()
    assert hashes == ["verify"]


def test_no_request_for_json_gets_what_was_typed(mara: User) -> None:
    """27: allauth's own JSON answer would repeat the password."""
    headers = {"X-Requested-With": "XMLHttpRequest", "Accept": "application/json"}
    response = Client().post(SIGN_IN, {"login": "mara", "password": "mistyped-secret"}, headers=headers)
    assert b"mistyped-secret" not in response.content


@pytest.mark.parametrize(
    "typed", ["a\0b", "x" * 65, "", "'; drop table", "ｍａｒａ", "mara\r\nX: y", "\u202emara", "%", "MARA\u0307"]
)
def test_hostile_usernames(mara: User, typed: str) -> None:
    """36: refused like any other; nothing breaks."""
    assert try_to_sign_in(typed).status_code == 200
    assert not Session.objects.exists()


def test_a_megabyte_of_password_is_not_hashed(mara: User, hashes: list[str]) -> None:
    """4, 36."""
    assert try_to_sign_in(password="x" * 1_000_000).status_code == 200
    assert not hashes


def test_bad_sign_ins_are_audited_without_what_was_typed(mara: User) -> None:
    """27, 40: with the reason, for those who may read them; a name of nobody may be a password in the wrong field."""
    for username, password in (("mara", "guess-one"), ("My-Secret-Passw0rd", "guess-two")):
        try_to_sign_in(username, password)
    disabled(mara)
    try_to_sign_in()
    assert [(e.object_uid, e.actor_uid, e.after["reason"]) for e in events()] == [
        (mara.uid, "", "wrong password"),
        ("", "", "unknown username"),
        (mara.uid, "", "disabled"),
    ]
    stored = json.dumps([*AuditEvent.objects.values(), *Throttle.objects.values()], default=str).lower()
    assert all(word not in stored for word in ("guess", "secret", PASSWORD))


# ---- How often


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, limit in (
        ("FROM_KNOWN_BROWSER", 2),
        ("FOR_ACCOUNT_FROM_ADDRESS", 3),
        ("FROM_ADDRESS", 5),
        ("FOR_ACCOUNT", 6),
    ):
        monkeypatch.setattr(sign_in, f"TRIES_{name}", limit)


def statuses(tries: int, *arguments: Any, **extra: Any) -> list[int]:
    return [try_to_sign_in(*arguments, **extra).status_code for _ in range(tries)]


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("username", ["mara", "nobody"])
def test_too_many_tries_are_refused_before_hashing(mara: User, hashes: list[str], username: str) -> None:
    """6, 7: the same words for an account that there is and one that there is not."""
    assert statuses(3, username, "wrong") == [200] * 3
    hashes.clear()
    response = try_to_sign_in(username)
    assert (response.status_code, response["Retry-After"], hashes) == (429, "900", [])
    assert b"Too many tries. Wait 15 minutes, then try again." in response.content


@pytest.mark.usefixtures("small_limits")
def test_the_limit_of_an_account_from_one_address_stops_nobody_else(mara: User) -> None:
    """8: whoever guesses from one address locks out that address alone."""
    statuses(4, password="wrong", address="198.51.100.1")
    assert try_to_sign_in(address="198.51.100.1").status_code == 429
    assert try_to_sign_in(address="192.0.2.1").status_code == 302


@pytest.mark.usefixtures("small_limits")
def test_one_address_tries_many_accounts(mara: User) -> None:
    """7: per address."""
    assert [try_to_sign_in(f"user{n}").status_code for n in range(6)] == [200] * 5 + [429]
    assert try_to_sign_in(address="192.0.2.2").status_code == 302


@pytest.mark.usefixtures("small_limits")
def test_many_addresses_try_one_account_and_its_owner_still_gets_in(mara: User) -> None:
    """7, 8: per account, wherever the tries come from; not for the browser that the account signed in with before."""
    home, elsewhere = Client(), Client()
    assert try_to_sign_in(client=home).status_code == 302
    home.post("/sign-out/")
    for n in range(7):
        last = try_to_sign_in(password="wrong", address=f"198.51.100.{n}")
    assert last.status_code == 429
    assert try_to_sign_in(client=elsewhere).status_code == 429
    assert try_to_sign_in(client=home).status_code == 302
    end_windows()
    assert try_to_sign_in(client=elsewhere).status_code == 302


@pytest.mark.usefixtures("small_limits")
def test_refused_tries_do_not_lengthen_the_wait(mara: User) -> None:
    """8."""
    statuses(4, password="wrong")
    ends = set(Throttle.objects.values_list("window_ends_at", flat=True))
    statuses(3, password="wrong")
    assert set(Throttle.objects.values_list("window_ends_at", flat=True)) == ends


@pytest.mark.usefixtures("small_limits")
def test_a_known_browser_has_a_limit_of_its_own(mara: User) -> None:
    """7: the cookie of a known browser is no way around the limits, forged or taken to another account."""
    client = Client()
    try_to_sign_in(client=client)
    client.post("/sign-out/")
    assert statuses(3, password="wrong", client=client) == [200, 200, 429]
    User.objects.create(username="theo", password=make_password(PASSWORD))
    assert statuses(4, "theo", "wrong", client=client) == [200] * 3 + [429]
    for forged in ("x", 'WyJhIiwiYiJd:x:y"', client.cookies["roster_browser"].value + "x"):
        client.cookies["roster_browser"] = forged
        assert try_to_sign_in("theo", client=client).status_code == 429


@pytest.mark.usefixtures("small_limits")
def test_a_success_takes_back_its_try(mara: User) -> None:
    """8: people who sign in often are not stopped, and one right account is no way to guess others for ever."""
    for _ in range(8):
        assert try_to_sign_in().status_code == 302
    assert statuses(2, password="wrong") == [200] * 2
    assert try_to_sign_in().status_code == 302
    assert statuses(3, password="wrong") == [200] * 3  # five wrong ones from this address now
    assert try_to_sign_in("theo").status_code == 429


@pytest.mark.usefixtures("small_limits")
def test_forwarded_addresses_of_strangers_are_not_read(mara: User, settings: Any) -> None:
    """8: X-Forwarded-For from an untrusted peer changes neither throttle nor audit; a trusted proxy's does."""

    def wrong(n: int) -> int:
        headers = {"X-Forwarded-For": f"203.0.113.{n}"}
        form = {"login": "mara", "password": "wrong"}
        return Client().post(SIGN_IN, form, headers=headers, REMOTE_ADDR="10.0.0.1").status_code

    assert [wrong(n) for n in range(4)] == [200] * 3 + [429]
    assert {event.address for event in events()} == {"10.0.0.1"}
    settings.ROSTER_TRUSTED_PROXIES = [ip_network("10.0.0.1")]
    assert wrong(7) == 200
    assert events()[-1].address == "203.0.113.7"


@pytest.mark.usefixtures("small_limits")
def test_an_ipv6_client_is_its_network(mara: User) -> None:
    """7: whoever has one IPv6 address has 2^64 of them; an IPv4 address written as IPv6 is itself."""
    assert statuses(3, password="wrong", address="2001:db8::1") == [200] * 3
    assert try_to_sign_in(address="2001:db8::ffff").status_code == 429
    assert try_to_sign_in(address="2001:db8:0:1::1").status_code == 302
    statuses(3, "theo", address="::ffff:192.0.2.1")
    assert try_to_sign_in("theo", address="192.0.2.1").status_code == 429
    assert try_to_sign_in("theo", address="::ffff:192.0.2.2").status_code == 200


@pytest.mark.usefixtures("small_limits")
def test_throttled_tries_are_summed_up(mara: User) -> None:
    """40: one event for each key and window, however many tries; a flood writes nothing."""
    statuses(8, password="wrong")
    reasons = [event.after["reason"] for event in events()]
    assert reasons == ["wrong password"] * 3 + ["too many tries"]
    assert events()[-1].object_uid == mara.uid


def test_the_busy_answer(mara: User, hashes: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """4: hashing is bounded; who finds all places taken does not wait in a thread, and no try is counted."""
    monkeypatch.setattr("console.signing_in.AT_ONCE.acquire", lambda blocking: False)
    response = try_to_sign_in()
    assert (response.status_code, response["Retry-After"], hashes) == (429, "5", [])
    assert not Throttle.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_get_no_more_tries_than_the_limit(mara: User, hashes: list[str]) -> None:
    """7: parallel sign-ins do not beat the limit (Keycloak CVE-2024-4629)."""

    def guess(_: int) -> int:
        try:
            return try_to_sign_in(password="wrong").status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(guess, range(50)))
    assert set(answers) <= {200, 429}
    assert answers.count(200) == len(hashes) <= sign_in.TRIES_FOR_ACCOUNT_FROM_ADDRESS


# ---- Where to


ELSEWHERE = [
    "//evil.example", "/\\evil.example", "\\\\evil.example", "///evil.example", " //evil.example",
    "https:evil.example", "https:///evil.example", "https://evil.example", "http:///evil.example", "ftp://evil.example",
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "http://testserver/",
    "https://testserver.evil.example", "https://testserver@evil.example", "https://t\u0435stserver/",
    "/\t/evil.example", "/\n/evil.example", "/\r\nSet-Cookie: a=b", "\x00//evil.example", "/\u2028/evil.example",
    "evil.example", "@evil.example", ".evil.example", "", "?next=/account/",
]  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize("target", ELSEWHERE)
def test_next_leads_nowhere_else(mara: User, target: str) -> None:
    """33: open redirects (Horizon CVE-2020-29565), at sign-in, at sign-out and after choosing a theme."""
    client = Client()
    assert try_to_sign_in(client=client, next=target)["Location"] == "/"
    assert client.get(SIGN_IN, {"next": target})["Location"] == "/"
    assert client.post("/account/", {"theme": "dark", "next": target})["Location"] == "/account/"
    assert client.post("/sign-out/", {"next": target})["Location"] == SIGN_IN


@pytest.mark.parametrize("target", ["/account/", "/projects/?q=a%20b&sort=-created", "/account/#roles"])
def test_next_leads_back_to_a_page(mara: User, target: str) -> None:
    assert try_to_sign_in(next=target)["Location"] == target


def test_whoever_was_stopped_comes_back_to_the_page(mara: User) -> None:
    stopped = Client().get("/account/sessions/?a=b")
    assert stopped["Location"] == "/sign-in/?next=/account/sessions/%3Fa%3Db"
    assert b'name="next" value="/account/sessions/?a=b"' in Client().get(stopped["Location"]).content
