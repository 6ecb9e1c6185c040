"""Identity tokens: how one is got, what it says, and who may ask about it. What ends one: test_identity_token_ends.py."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import ServiceToken, User
from console import signing_in
from policies import tokens
from policies.actions.services import disable_service
from policies.actions.users import disable_user, generate_password
from policies.models import ApplicationCredential, AuditEvent
from policies.rulebook import asked_once, rulebook
from tests.console.services import a_service, a_token
from tests.factories import COMMAND, a_person, give, role

pytestmark = pytest.mark.django_db
TOKENS = "/identity/v3/auth/tokens"
DEFAULT = {"domain": {"id": "default"}}
WRONG = {"code": 401, "message": "The request you have made requires authentication.", "title": "Unauthorized"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@pytest.fixture
def password(org: SimpleNamespace) -> str:
    """A new one of the project user in Alpha."""
    return generate_password(actor=COMMAND, user=org.alpha_user)


def sign_in(name: str, password: str, scope: Any = None) -> HttpResponse:
    return shown(
        {"methods": ["password"], "password": {"user": {"name": name, "password": password, **DEFAULT}}}, scope
    )


def shown(identity: Any, scope: Any = None) -> HttpResponse:
    return posted({"auth": {"identity": identity} | ({"scope": scope} if scope is not None else {})})


def posted(body: Any) -> HttpResponse:
    answer: Any = Client().post(TOKENS, json.dumps(body), content_type="application/json")
    return answer  # type: ignore[no-any-return]


def about(token: str, shown: str | None = None, method: str = "get", query: str = "?nocatalog") -> HttpResponse:
    """What the service of this token is answered about another one; about itself without one."""
    headers = {"X-Auth-Token": token, "X-Subject-Token": shown or token}
    answer: Any = getattr(Client(), method)(TOKENS + query, headers=headers)
    return answer  # type: ignore[no-any-return]


def told(answer: HttpResponse, status: int = 201) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    return json.loads(answer.content)["token"]  # type: ignore[no-any-return]


def by_token(text: str) -> dict[str, Any]:
    return {"methods": ["token"], "token": {"id": text}}


def a_credential(user: User, project: Any, *roles: str, **fields: Any) -> ApplicationCredential:
    credential = ApplicationCredential(user=user, project=project, name="pipeline", **fields)
    credential.digest = credential.digest_of("secret of the pipeline")
    credential.save()
    credential.roles.set([role(name) for name in roles])
    return credential


def by_credential(**named: Any) -> dict[str, Any]:
    return {
        "methods": ["application_credential"],
        "application_credential": {"secret": "secret of the pipeline", **named},
    }


# Which versions there are


@pytest.mark.parametrize("path", ["/identity", "/identity/"])
def test_clients_find_the_version_before_they_sign_in(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 300
    [version] = answer.json()["versions"]["values"]
    assert (version["id"], version["status"]) == ("v3.14", "stable")
    assert version["links"] == [{"rel": "self", "href": "http://127.0.0.1:8000/identity/v3/"}]
    for own in ("/identity/v3", "/identity/v3/"):
        assert Client().get(own).json() == {"version": version}


def test_other_paths_and_methods_are_answered_in_the_words_of_the_protocol() -> None:
    nothing = Client().get("/identity/v3/nothing/here")
    assert nothing.status_code == 404
    assert nothing.json()["error"]["title"] == "Not Found"
    put = Client().put(TOKENS)
    assert (put.status_code, put["Allow"]) == (405, "POST, GET, DELETE")


# Getting a token


def test_a_project_user_gets_a_token_of_their_project(org: SimpleNamespace, password: str) -> None:
    """OVH-11: the generated password opens the project, with no scope asked for; as clients know tokens."""
    before = Session.objects.count()
    answer = sign_in("alpha-user", password)
    token = told(answer)
    assert token["methods"] == ["password"]
    assert token["user"] == {
        "id": org.alpha_user.uid, "name": "alpha-user", "domain": {"id": "default", "name": "Default"},
        "password_expires_at": None,
    }  # fmt: skip
    assert token["project"] == {"id": org.alpha.uid, "name": "alpha", "domain": {"id": "default", "name": "Default"}}
    assert token["roles"] == [{"id": role("ovhcloud:ai_training_read").uid, "name": "ai_training_read"}]
    assert token["catalog"][0]["endpoints"][0]["url"] == "http://127.0.0.1:8000/identity/v3"
    assert [len(one) for one in token["audit_ids"]] == [22]
    assert TIME.fullmatch(token["issued_at"])
    assert TIME.fullmatch(token["expires_at"])
    assert answer["X-Subject-Token"].startswith("roster_t_")
    assert "X-Auth-Token" in answer["Vary"]
    assert re.fullmatch(r"req-[0-9a-f]{32}", answer["x-openstack-request-id"])
    assert not answer.cookies
    assert Session.objects.count() == before


def test_a_role_of_one_name_in_two_catalogues_is_told_with_its_catalogue(org: SimpleNamespace) -> None:
    give(org.alpha_user, "ovhcloud:administrator", org.alpha)
    text = tokens.issue(org.alpha_user, org.alpha, ["password"])
    names = {one["name"] for one in told(about(text), 200)["roles"]}
    assert names == {"ai_training_read", "ovhcloud:administrator"}


@pytest.mark.parametrize(
    ("scope", "project"),
    [
        ({"project": {"name": "alpha", **DEFAULT}}, "alpha"),
        ({"project": {"name": "Alpha"}}, "alpha"),
        ("unscoped", None),
        ({"unscoped": {}}, None),
    ],
)
def test_a_scope_is_a_project_or_none(org: SimpleNamespace, password: str, scope: Any, project: str | None) -> None:
    token = told(sign_in("alpha-user", password, scope))
    assert token.get("project", {}).get("name") == project
    assert ("roles" in token) == (project is not None)


def test_a_scope_by_id(org: SimpleNamespace, password: str) -> None:
    assert told(sign_in("alpha-user", password, {"project": {"id": org.alpha.uid}}))["project"]["name"] == "alpha"


@pytest.mark.parametrize(
    "scope",
    [
        {"project": {"name": "beta", **DEFAULT}},
        {"project": {"name": "nowhere"}},
        {"project": {"id": "\x00"}},
        {"project": {"name": "alpha", "domain": {"id": "other"}}},
        {"domain": {"id": "default"}},
        {"system": {"all": True}},
        {"OS-TRUST:trust": {"id": "1"}},
    ],
)
def test_no_token_where_one_has_no_role(org: SimpleNamespace, password: str, scope: Any) -> None:
    """Whether such a project exists is not told."""
    answer = sign_in("alpha-user", password, scope)
    assert answer.status_code == 401
    assert answer.json() == {"error": WRONG}  # type: ignore[attr-defined]
    assert answer["WWW-Authenticate"] == 'Keystone uri="http://127.0.0.1:8000/identity/v3"'


def test_a_project_user_without_roles_gets_a_token_without_scope(org: SimpleNamespace, password: str) -> None:
    org.alpha_user.role_assignments.all().delete()
    assert "project" not in told(sign_in("alpha-user", password))


def test_people_get_one_for_the_projects_where_they_hold_a_role(org: SimpleNamespace) -> None:
    """In a department above it as well; not by what everybody holds without being given it."""
    person = a_person("jo")
    secret = generate_password(actor=COMMAND, user=person)
    User.objects.filter(pk=person.pk).update(password_is_temporary=False)
    in_alpha = {"project": {"id": org.alpha.uid}}
    assert "project" not in told(sign_in("jo", secret))
    assert sign_in("jo", secret, in_alpha).status_code == 401
    give(person, "roster:project_viewer", org.department)
    assert told(sign_in("JO", secret, in_alpha))["project"]["name"] == "alpha"
    assert told(shown({"methods": ["password"], "password": {"user": {"id": person.uid, "password": secret}}}))


def test_a_temporary_password_gets_no_token(org: SimpleNamespace) -> None:
    """9: it is changed in the console first."""
    secret = generate_password(actor=COMMAND, user=org.keeper)
    assert sign_in("keeper", secret).status_code == 401
    [event] = AuditEvent.objects.filter(action="user.sign_in")
    assert (event.outcome, event.after) == ("refused", {"reason": "the password is temporary"})


def test_whatever_is_wrong_looks_the_same(org: SimpleNamespace, password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """6: the same status and body, and one computation of a hash each."""
    hashed: list[int] = []
    for name in ("encode", "verify"):
        original = getattr(Argon2PasswordHasher, name)

        def counted(*args: Any, original: Callable[..., Any] = original) -> Any:
            hashed.append(1)
            return original(*args)

        monkeypatch.setattr(Argon2PasswordHasher, name, counted)
    disabled = org.beta_user
    secret = generate_password(actor=COMMAND, user=disabled)
    disable_user(actor=COMMAND, user=disabled)
    hashed.clear()
    tries = [("alpha-user", "wrong"), ("nobody", password), ("beta-user", secret), ("f" * 32, password)]
    answers = [sign_in(*one) for one in tries]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.content for answer in answers} == {json.dumps({"error": WRONG}).encode()}
    assert len(hashed) == len(tries)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"auth": []},
        {"auth": {}},
        {"auth": {"identity": []}},
        {"auth": {"identity": {"methods": "password"}}},
        {"auth": {"identity": {"methods": []}}},
        {"auth": {"identity": {"methods": ["password", "token"], "password": {}}}},
        {"auth": {"identity": {"methods": ["password"]}}},
        {"auth": {"identity": {"methods": ["password"], "password": {"user": "me"}}}},
        {"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": 1, "password": "x"}}}}},
        {"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "me", "password": None}}}}},
        {"auth": {"identity": {"methods": ["token"], "token": {"id": 7}}}},
    ],
)
def test_what_is_no_sign_in_is_refused(body: Any) -> None:
    answer: Any = posted(body)
    assert (answer.status_code, answer.json()["error"]["title"]) == (400, "Bad Request")


@pytest.mark.parametrize(
    "identity",
    [
        {"methods": ["totp"], "totp": {}},
        {"methods": [["password"]]},
        {"methods": ["password"], "password": {"user": {"name": "a\x00", "password": "x"}}},
        {"methods": ["password"], "password": {"user": {"name": "a", "password": "x", "domain": {"id": "other"}}}},
        {"methods": ["application_credential"], "application_credential": {"id": "\x00", "secret": "x"}},
    ],
)
def test_what_cannot_be_right_is_not_looked_at(identity: Any) -> None:
    assert shown(identity).status_code == 401


def test_tries_are_limited_together_with_those_of_the_sign_in_page(org: SimpleNamespace, password: str) -> None:
    """7: before anything is hashed; the answer says when to come back."""
    for _ in range(10):
        assert sign_in("alpha-user", "wrong").status_code == 401
    answer = sign_in("alpha-user", password)
    assert (answer.status_code, answer["Retry-After"]) == (429, "900")
    page = Client().post("/sign-in/", {"login": "alpha-user", "password": password})
    assert "Too many tries" in page.content.decode()


def test_who_comes_while_others_are_hashed_is_refused_and_holds_no_thread(org: SimpleNamespace, password: str) -> None:
    """4: a flood of passwords leaves the other threads to validation, and to services, which need no hash."""
    service = a_service("swift", "roster:token_validator")
    secret = a_token(service)
    taken = [signing_in.AT_ONCE.acquire(blocking=False) for _ in range(3)]
    try:
        assert all(taken)
        answer = sign_in("alpha-user", password)
        assert (answer.status_code, answer["Retry-After"]) == (429, "5")
        assert told(sign_in("swift", secret))
    finally:
        for _ in taken:
            signing_in.AT_ONCE.release()
    assert sign_in("alpha-user", password).status_code == 201


def test_getting_one_is_audited_with_what_was_shown(org: SimpleNamespace, password: str) -> None:
    """40: good ones and bad ones; when the user was there last is known."""
    text = sign_in("alpha-user", password)["X-Subject-Token"]
    sign_in("alpha-user", "wrong")
    got, refused = AuditEvent.objects.filter(action__in=["user.get_token", "user.sign_in"]).order_by("sequence")
    assert (got.outcome, got.object_uid, got.scope_id) == ("done", org.alpha_user.uid, org.alpha.pk)
    assert (refused.outcome, refused.after) == ("refused", {"reason": "wrong password"})
    assert text not in str(list(AuditEvent.objects.values()))
    org.alpha_user.refresh_from_db()
    seen = org.alpha_user.last_used_at
    assert seen
    sign_in("alpha-user", password)
    org.alpha_user.refresh_from_db()
    assert org.alpha_user.last_used_at == seen  # written once in a quarter of an hour


# Services


def test_a_service_shows_one_of_its_tokens_as_its_password() -> None:
    service = a_service("swift", "roster:token_validator")
    secret = a_token(service)
    token = told(sign_in("swift", secret))
    assert (token["user"]["name"], "catalog" in token) == ("swift", True)
    assert sign_in("nova", secret).status_code == 401
    assert sign_in("swift", secret[:-1]).status_code == 401
    shown_token = ServiceToken.objects.get()
    assert shown_token.last_used_at
    told(shown(by_credential(id="swift", secret=secret)))
    told(shown(by_credential(id=service.uid, secret=secret)))
    disable_service(actor=COMMAND, service=service)
    assert sign_in("swift", secret).status_code == 401


# Application credentials


def test_an_application_credential_gets_a_token_with_its_roles_alone(org: SimpleNamespace) -> None:
    """17: of what its user holds, what it was given."""
    give(org.alpha_user, "ovhcloud:ai_training_operator", org.alpha)
    credential = a_credential(org.alpha_user, org.alpha, "ovhcloud:ai_training_read")
    token = told(shown(by_credential(id=credential.uid)))
    assert token["application_credential"] == {"id": credential.uid, "name": "pipeline", "restricted": True}
    assert [one["name"] for one in token["roles"]] == ["ai_training_read"]
    assert token["methods"] == ["application_credential"]
    named = by_credential(name="pipeline", user={"name": "alpha-user", **DEFAULT})
    assert told(shown(named))["project"]["name"] == "alpha"
    credential.refresh_from_db()
    assert credential.last_used_at


@pytest.mark.parametrize(("name", "status"), [("project_administrator", 200), ("project_viewer", 403)])
def test_an_unrestricted_one_may_do_what_its_roles_allow(org: SimpleNamespace, name: str, status: int) -> None:
    """17: not what its user may do by others; a restricted one changes nothing at all."""
    give(org.keeper, "roster:project_viewer", org.alpha)
    credential = a_credential(org.keeper, org.alpha, f"roster:{name}", is_unrestricted=True)
    text = tokens.issue(org.keeper, org.alpha, ["application_credential"], credential=credential)
    path, body = f"/identity/v3/projects/{org.alpha.uid}", json.dumps({"project": {"description": "New"}})
    headers = {"X-Auth-Token": text}
    answer = Client().patch(path, body, content_type="application/json", headers=headers)
    assert answer.status_code == status
    ApplicationCredential.objects.update(is_unrestricted=False)
    assert Client().patch(path, body, content_type="application/json", headers=headers).status_code == 403


def test_it_is_for_one_project_whatever_is_asked(org: SimpleNamespace) -> None:
    give(org.keeper, "roster:project_viewer", org.beta)
    credential = a_credential(org.keeper, org.alpha, "roster:project_administrator", "roster:project_viewer")
    beta = {"project": {"id": org.beta.uid}}
    assert shown(by_credential(id=credential.uid), beta).status_code == 401
    assert shown(by_credential(id=credential.uid), "unscoped").status_code == 401
    text = shown(by_credential(id=credential.uid))["X-Subject-Token"]
    assert shown(by_token(text), beta).status_code == 401
    again = told(shown(by_token(text)))
    assert again["project"]["name"] == "alpha"
    assert again["application_credential"]["restricted"] is True
    projects = Client().get("/identity/v3/auth/projects", headers={"X-Auth-Token": text}).json()
    assert [one["name"] for one in projects["projects"]] == ["alpha"]


def test_a_wrong_secret_or_one_that_expired_gets_nothing(org: SimpleNamespace) -> None:
    credential = a_credential(org.alpha_user, org.alpha, "ovhcloud:ai_training_read")
    assert shown(by_credential(id=credential.uid, secret="wrong")).status_code == 401
    assert shown(by_credential(id="f" * 32)).status_code == 401
    assert shown(by_credential(name="pipeline", user={"name": "beta-user"})).status_code == 401
    ApplicationCredential.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert shown(by_credential(id=credential.uid)).status_code == 401


def test_tries_of_an_application_credential_are_limited(org: SimpleNamespace) -> None:
    """7: users may bring secrets of their own."""
    credential = a_credential(org.alpha_user, org.alpha, "ovhcloud:ai_training_read")
    for _ in range(10):
        assert shown(by_credential(id=credential.uid, secret="wrong")).status_code == 401
    assert shown(by_credential(id=credential.uid)).status_code == 429


def test_a_token_ends_with_its_application_credential(org: SimpleNamespace) -> None:
    ends = timezone.now() + timedelta(minutes=5)
    credential = a_credential(org.alpha_user, org.alpha, "ovhcloud:ai_training_read", expires_at=ends)
    assert told(shown(by_credential(id=credential.uid)))["expires_at"] == f"{ends:%Y-%m-%dT%H:%M:%S.%f}Z"


# A token for a token


def test_a_token_gets_another_that_lives_no_longer(org: SimpleNamespace) -> None:
    """As Horizon does it: first without scope, then for a project."""
    first = tokens.issue(org.keeper, None, ["password"])
    before = told(about(first), 200)
    answer = shown(by_token(first), {"project": {"id": org.alpha.uid}})
    token = told(answer)
    assert set(token["methods"]) == {"token", "password"}
    assert token["expires_at"] == before["expires_at"]
    assert token["audit_ids"][1:] == before["audit_ids"]
    third = told(shown(by_token(answer["X-Subject-Token"])))
    assert third["audit_ids"][1:] == before["audit_ids"]
    assert not AuditEvent.objects.filter(action="user.get_token").exists()  # nobody signed in


def test_an_invalid_token_gets_none() -> None:
    assert shown(by_token("roster_t_" + "A" * 188)).status_code == 404


# Asking about a token


def test_who_may_ask(org: SimpleNamespace) -> None:
    """Its own user, and who may validate in its project or above: clients know 403 from 404 and 401."""
    asked = tokens.issue(org.alpha_user, org.alpha, ["password"])
    unscoped = tokens.issue(org.alpha_user, None, ["password"])
    near, far = a_service("near"), a_service("far", "roster:token_validator", scope=org.beta)
    give(near, "roster:token_validator", org.department)
    texts = {
        "itself": asked,
        "another of its user": unscoped,
        "near": tokens.issue(near, None, ["password"]),
        "far": tokens.issue(far, None, ["password"]),
        "administrator": tokens.issue(org.administrator, None, ["password"]),
        "keeper": tokens.issue(org.keeper, org.alpha, ["password"]),
        "nobody": "",
        "garbage": "garbage",
    }
    answers = {who: (about(text, asked).status_code, about(text, unscoped).status_code) for who, text in texts.items()}
    assert answers == {
        "itself": (200, 200),
        "another of its user": (200, 200),
        "near": (200, 403),
        "far": (403, 403),
        "administrator": (200, 200),
        "keeper": (403, 403),
        "nobody": (401, 401),
        "garbage": (401, 401),
    }
    assert about(texts["near"], "garbage").status_code == 404
    assert Client().get(TOKENS, headers={"X-Auth-Token": texts["near"]}).status_code == 404


def test_validation_says_what_keystonemiddleware_needs(org: SimpleNamespace) -> None:
    validator = tokens.issue(a_service("swift", "roster:token_validator"), None, ["password"])
    asked = tokens.issue(org.alpha_user, org.alpha, ["password"])
    answer = about(validator, asked)
    token = told(answer, 200)
    assert "catalog" not in token
    assert (token["user"]["domain"]["id"], token["project"]["domain"]["id"]) == ("default", "default")
    assert answer["X-Subject-Token"] == asked
    assert told(about(validator, asked, query=""), 200)["catalog"]
    head = about(validator, asked, "head")
    assert (head.status_code, head.content) == (200, b"")


def test_a_restricted_credential_asks_about_itself_alone(org: SimpleNamespace) -> None:
    """A token of it does not tell which roles its user has, nor end the user's other tokens."""
    credential = a_credential(org.alpha_user, org.alpha, "ovhcloud:ai_training_read")
    text = tokens.issue(org.alpha_user, org.alpha, ["application_credential"], credential=credential)
    other = tokens.issue(org.alpha_user, org.alpha, ["password"])
    assert about(text).status_code == 200
    assert about(text, other).status_code == 403
    assert about(text, other, "delete").status_code == 403
    assert about(other, text).status_code == 200


@pytest.mark.parametrize(("name", "status"), [("administrator", 200), ("project_viewer", 403)])
def test_an_unrestricted_credential_asks_as_its_roles_allow(org: SimpleNamespace, name: str, status: int) -> None:
    give(org.administrator, "roster:project_viewer", org.alpha)
    credential = a_credential(org.administrator, org.alpha, f"roster:{name}", is_unrestricted=True)
    text = tokens.issue(org.administrator, org.alpha, ["application_credential"], credential=credential)
    assert about(text, tokens.issue(org.alpha_user, org.alpha, ["password"])).status_code == status


def test_a_service_asks_about_one_that_expired_meanwhile(org: SimpleNamespace, settings: Any) -> None:
    """`allow_expired`: for what goes on in the name of a user, at most 48 hours."""
    validator = tokens.issue(a_service("swift", "roster:token_validator"), None, ["password"])
    settings.ROSTER_TOKEN_SECONDS = -60
    asked = tokens.issue(org.alpha_user, org.alpha, ["password"])
    assert about(validator, asked).status_code == 404
    assert about(validator, asked, query="?nocatalog&allow_expired=1").status_code == 200
    assert about(asked, validator, query="?allow_expired=1").status_code == 401  # nobody acts with one
    settings.ROSTER_TOKEN_SECONDS = -48 * 60 * 60 - 1
    asked = tokens.issue(org.alpha_user, org.alpha, ["password"])
    assert about(validator, asked, query="?nocatalog&allow_expired=1").status_code == 404


@pytest.mark.parametrize("roles", [1, 4])
def test_validation_takes_two_small_queries(
    org: SimpleNamespace, roles: int, django_assert_num_queries: Callable[[int], Any]
) -> None:
    validator = tokens.issue(a_service("swift", "roster:token_validator"), None, ["password"])
    for name in ("ai_training_operator", "administrator", "objectstore_operator")[: roles - 1]:
        give(org.alpha_user, f"ovhcloud:{name}", org.alpha)
    asked = tokens.issue(org.alpha_user, org.alpha, ["password"])
    rulebook()
    with asked_once(), django_assert_num_queries(2):
        assert len(told(about(validator, asked), 200)["roles"]) == roles


# The projects that a token can be for


def test_everybody_is_told_their_own_projects(org: SimpleNamespace) -> None:
    """CVE-2018-14432 of Keystone: a list does not tell of projects in which one holds no role."""

    def projects(user: User) -> list[str]:
        answer = Client().get(
            "/identity/v3/auth/projects", headers={"X-Auth-Token": tokens.issue(user, None, ["password"])}
        )
        return [one["name"] for one in answer.json()["projects"]]

    assert projects(org.alpha_user) == ["alpha"]
    assert projects(org.keeper) == ["alpha"]
    assert projects(org.outsider) == []
    assert sorted(projects(org.administrator)) == ["alpha", "beta"]
