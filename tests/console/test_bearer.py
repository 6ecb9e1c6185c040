"""Bearer tokens: who is let in, for how long, and what every answer of the API has in common."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse, JsonResponse
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils import timezone

from accounts.models import ServiceToken, User
from console.api.bearer import BODY_BYTES, ServiceRequest, json_body, service_api
from policies.actions.services import disable_service, enable_service, retire_service, revoke_token
from policies.errors import Conflict
from tests.console.services import EVALUATION, Caller, a_service, a_token, caller, question
from tests.factories import COMMAND, a_person, signed_in

pytestmark = pytest.mark.django_db


@service_api("GET", "POST")
def echo(request: ServiceRequest) -> HttpResponse:
    given = json_body(request)
    match given.get("fail"):
        case "conflict":
            raise Conflict("gone")
        case "denied":
            request.actor.require("delete", request.service)
        case "broken":
            raise RuntimeError("a detail that nobody may see")
    return JsonResponse({"service": request.service.username, "actor": request.actor.name, **given})


urlpatterns = [path("echo/", echo)]
here = override_settings(ROOT_URLCONF=__name__)
ASKED = question("nobody", "read", "project", "nowhere")


@pytest.fixture
def service(db: None) -> User:
    return a_service("gateway", "roster:decision_client")


def status(token: str) -> int:
    return Caller(token).send(EVALUATION, ASKED).status_code


def test_a_token_lets_its_service_in(service: User) -> None:
    with here:
        found = Caller(a_token(service)).ask("/echo/", {"a": 1})
    assert found == {"service": "gateway", "actor": "service:gateway", "a": 1}


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic abc", "Bearer x", "Bearer {short}", "Bearer {token}x", "Bearer {token} {token}",
     "Bearer {token}\x00", "Bearer ümlaut-{token}", "{token}", "Bearer {digest}", "Token {token}", "Bearer " + "a" * 5000],
)  # fmt: skip
def test_nothing_else_lets_anybody_in(service: User, header: str) -> None:
    """A truncated token, another scheme, the digest itself … all get the same answer."""
    token = a_token(service)
    said = header.format(token=token, short=token[:-1], digest=ServiceToken.digest_of(token))
    answer: Any = Client().post(EVALUATION, "{}", content_type="application/json", headers={"Authorization": said})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer realm=")
    assert ("invalid_token" in answer["WWW-Authenticate"]) == bool(said)
    assert answer.json() == {
        "error": {"status": 401, "message": "Show a valid token of a service: Authorization: Bearer …"}
    }
    assert status(token) == 200


def test_it_is_refused_on_the_next_request_after_it_was_revoked_or_expired(service: User) -> None:
    first, second = a_token(service), a_token(service)
    token = ServiceToken.objects.get(digest=ServiceToken.digest_of(first))
    assert (status(first), status(second)) == (200, 200)
    revoke_token(actor=COMMAND, token=token)
    assert (status(first), status(second)) == (401, 200)
    ServiceToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert status(second) == 401


def test_it_is_refused_as_long_as_the_service_is_disabled_and_when_it_is_gone(service: User) -> None:
    token = a_token(service)
    disable_service(actor=COMMAND, service=service)
    assert status(token) == 401
    enable_service(actor=COMMAND, service=service)
    assert status(token) == 200
    retire_service(actor=COMMAND, service=service)
    assert status(token) == 401
    assert not ServiceToken.objects.exists()


def test_a_person_is_no_service(service: User) -> None:
    """Neither with a session, nor with a token that somebody wrote into the table for a person."""
    person = a_person("mara", "roster:administrator")
    assert signed_in(person).post(EVALUATION, "{}", content_type="application/json").status_code == 401
    secret = "roster_00000000_" + "x" * 43
    until = timezone.now() + timedelta(days=1)
    ServiceToken.objects.create(service=person, name="x", digest=ServiceToken.digest_of(secret), expires_at=until)
    assert status(secret) == 401


def test_a_service_opens_no_page(service: User) -> None:
    token = a_token(service)
    answer: Any = Client().get("/projects/", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/")


def test_it_makes_no_session_and_sets_no_cookie(service: User) -> None:
    answer = Caller(a_token(service)).send(EVALUATION, ASKED)
    assert not answer.cookies
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Type"] == "application/json"
    with CaptureQueriesContext(
        connection,
    ) as queries:
        status(a_token(service))
    assert not [query for query in queries if "session" in query["sql"]]


def test_use_is_noted_once_in_a_while(service: User) -> None:
    token = a_token(service)

    def writes() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert status(token) == 200
        return len([query for query in queries if query["sql"].startswith("UPDATE")])

    assert [writes(), writes()] == [2, 0]
    found = ServiceToken.objects.get()
    assert found.last_used_at is not None
    service.refresh_from_db()
    assert service.last_used_at is not None
    ServiceToken.objects.update(last_used_at=timezone.now() - timedelta(minutes=14))
    assert writes() == 0
    ServiceToken.objects.update(last_used_at=timezone.now() - timedelta(minutes=16))
    assert writes() == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "JSON object"), ("{", "valid JSON"), ("[]", "JSON object"), ('"x"', "JSON object"), ("null", "JSON object"),
        ('{"a": 1, "a": 2}', "valid JSON"), ('{"a": NaN}', "valid JSON"), ('{"a": Infinity}', "valid JSON"),
        (b'{"a": "\xff"}', "valid JSON"), ('{"a": "\\ud800"}', "valid JSON"), ("[" * 100_000, "valid JSON"),
        ('{"a": ' + "9" * 5000 + "}", "valid JSON"), ("\ufeff{}", "valid JSON"),
    ],
)  # fmt: skip
def test_what_is_no_json_object_is_400(service: User, body: Any, said: str) -> None:
    with here:
        answer: Any = Caller(a_token(service)).send("/echo/", body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]


def test_other_kinds_of_content_are_400_and_large_ones_413(service: User) -> None:
    token = a_token(service)
    shown = {"Authorization": f"Bearer {token}"}
    with here:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            answer: Any = Client().post("/echo/", "{}", content_type=kind, headers=shown)
            assert answer.status_code == 400
        answer = Client().post("/echo/", "{}", content_type="application/json; charset=utf-8", headers=shown)
        assert answer.status_code == 200
        assert Caller(token).send("/echo/", {"a": "x" * BODY_BYTES}).status_code == 413
        assert Caller("roster_none_" + "x" * 43).send("/echo/", {"a": "x" * BODY_BYTES}).status_code == 401


def test_failures_are_json_without_detail(service: User, caplog: pytest.LogCaptureFixture) -> None:
    said = Caller(a_token(service))
    with here, caplog.at_level(logging.INFO):
        answers = {name: said.send("/echo/", {"fail": name}) for name in ("conflict", "denied", "broken")}
        other: Any = Client().delete("/echo/", headers={"Authorization": f"Bearer {said.token}"})
    assert {name: answer.status_code for name, answer in answers.items()} == {
        "conflict": 409, "denied": 403, "broken": 500,
    }  # fmt: skip
    assert (other.status_code, other["Allow"]) == (405, "GET, POST")
    assert all(json.loads(answer.content)["error"]["status"] == answer.status_code for answer in answers.values())
    assert b"detail" not in answers["broken"].content
    assert "a detail that nobody may see" in caplog.text
    assert said.token not in caplog.text


@pytest.mark.parametrize("given", ["bfe9eb29-ab87-4ca3-be83-a1d5d8305716", "any string, 17", "x" * 200])
def test_the_request_id_comes_back_as_it_was_sent(service: User, given: str) -> None:
    """Also where the caller is refused: it finds its own request by it."""
    for token in (a_token(service), "roster_none_" + "x" * 43):
        assert Caller(token).send(EVALUATION, ASKED, **{"X-Request-ID": given})["X-Request-ID"] == given
    assert len(Caller(a_token(service)).send(EVALUATION, ASKED)["X-Request-ID"]) == 32


def test_a_request_id_that_could_do_harm_is_not_sent_back(service: User) -> None:
    for given in ("ümlaut", "x" * 201, "a\tb"):
        answer = Caller(a_token(service)).send(EVALUATION, ASKED, **{"X-Request-ID": given})
        assert len(answer["X-Request-ID"]) == 32


def test_the_log_tells_which_service_asked(service: User, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "console.decisions"):
        caller("other", "roster:decision_client").ask(EVALUATION, ASKED)
    [line] = [record for record in caplog.records if record.name == "console.decisions"]
    assert vars(line)["resource"] == "project:nowhere"
    assert vars(line)["decision"] is False
