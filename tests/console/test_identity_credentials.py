"""Application credentials and S3 keys: what they open, what they cannot become, and the holes that Keystone's had."""

import hashlib
import hmac
import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from keystoneclient.contrib.ec2.utils import Ec2Signer

from accounts.models import User
from policies import tokens
from policies.actions.assignments import take_role
from policies.actions.credentials import MOST
from policies.actions.users import delete_user, disable_user
from policies.ec2 import secret_of
from policies.models import ApplicationCredential, AuditEvent, EC2Credential
from tests.console.conftest import role
from tests.console.identity import V3, Caller
from tests.console.services import a_token
from tests.factories import COMMAND, a_person, a_project, a_project_user, a_service, give

pytestmark = pytest.mark.django_db
READER, STORAGE, OPERATOR = (
    "ovhcloud:ai_training_read",
    "ovhcloud:objectstore_operator",
    "ovhcloud:ai_training_operator",
)


@pytest.fixture
def world(p: SimpleNamespace) -> SimpleNamespace:
    return p


def make_platform() -> SimpleNamespace:
    """Ana holds two roles in alpha and one in beta; Ben is nobody to her; `swift` may validate tokens."""
    w = SimpleNamespace(alpha=a_project("Alpha"), beta=a_project("Beta"), ben=a_person("ben"))
    w.ana = a_person("ana")
    for name, place in ((READER, w.alpha), (STORAGE, w.alpha), (STORAGE, w.beta)):
        give(w.ana, name, place)
    w.user = a_project_user(w.alpha, "pipeline", STORAGE)
    w.swift = Caller(a_service("swift", "roster:token_validator"))
    w.caller = Caller(w.ana, w.alpha)
    w.url, w.keys_url = (f"/users/{w.ana.uid}/{end}" for end in ("application_credentials", "credentials/OS-EC2"))
    return w


def make(w: SimpleNamespace, by: Caller | None = None, status: int = 201, **given: Any) -> Any:
    answer = (by or w.caller).ask("POST", w.url, {"application_credential": {"name": "ci", **given}}, status)
    return answer["application_credential"] if status == 201 else answer["error"]


def sign_in(given: Any) -> HttpResponse:
    """With an application credential as it was answered."""
    shown = {"id": given["id"], "secret": given["secret"]}
    auth = {"auth": {"identity": {"methods": ["application_credential"], "application_credential": shown}}}
    answer: Any = Client().post(f"{V3}/auth/tokens", json.dumps(auth), content_type="application/json")
    return answer  # type: ignore[no-any-return]


def caller_with(given: Any) -> Caller:
    """Somebody who signed in with an application credential."""
    answer = sign_in(given)
    assert answer.status_code == 201, answer.content
    caller = Caller.__new__(Caller)
    caller.client, caller.token = Client(), answer["X-Subject-Token"]
    return caller


def roles_of(answer: HttpResponse) -> set[str]:
    return {role["name"] for role in json.loads(answer.content)["token"]["roles"]}


# ---- Application credentials


def test_one_is_made_shown_once_and_opens_its_project(world: SimpleNamespace) -> None:
    made = make(world, description="for the pipeline", expires_at="2035-01-01T00:00:00")
    assert made["expires_at"] == "2035-01-01T00:00:00.000000"
    assert (made["user_id"], made["project_id"], made["unrestricted"]) == (world.ana.uid, world.alpha.uid, False)
    assert {role["name"] for role in made["roles"]} == {"ai_training_read", "objectstore_operator"}
    assert made["links"]["self"].endswith(f"{V3}{world.url}/{made['id']}")
    answer = sign_in(made)
    told = json.loads(answer.content)["token"]
    assert told["project"]["id"] == world.alpha.uid
    assert told["application_credential"] == {"id": made["id"], "name": "ci", "restricted": True}
    again = world.caller.get(f"{world.url}/{made['id']}")["application_credential"]
    assert again == {key: value for key, value in made.items() if key != "secret"}
    assert world.caller.get(world.url)["application_credentials"] == [again]
    kept = str([*ApplicationCredential.objects.values_list(), *AuditEvent.objects.values_list()])
    assert made["secret"] not in kept


def test_names_are_looked_up_as_clients_do(world: SimpleNamespace) -> None:
    made = make(world)
    make(world, name="other")
    assert world.caller.get(f"{world.url}/ci", 404)["error"]["title"] == "Not Found"
    [found] = world.caller.get(f"{world.url}?name=ci")["application_credentials"]
    assert found["id"] == made["id"]
    assert make(world, status=409)["code"] == 409


def test_roles_parameters_are_honoured(world: SimpleNamespace) -> None:
    """Keystone CVE-2020-12690: a credential with some of its user's roles has these, by id or name, and no others."""
    by_name = make(world, roles=[{"name": "objectstore_operator"}])
    by_id = make(world, name="by id", roles=[{"id": role(READER).uid}])
    assert roles_of(sign_in(by_name)) == {"objectstore_operator"}
    assert roles_of(sign_in(by_id)) == {"ai_training_read"}


@pytest.mark.once
@pytest.mark.parametrize(
    "wrong",
    [
        {"roles": [{"name": "ai_training_operator"}]},  # which she does not hold
        {"roles": [{"name": "administrator"}]},
        {"roles": []},
        {"roles": "objectstore_operator"},
        {"roles": [{}]},
        {"expires_at": "2020-01-01T00:00:00"},
        {"expires_at": "soon"},
        {"expires_at": 4},
        {"unrestricted": "true"},
        {"secret": "short"},
        {"access_rules": [{"path": "/", "method": "GET", "service": "compute"}]},
        {"name": ""},
        {"name": None},
        {"is_superuser": True},
        {"digest": "0" * 64},
    ],
)
def test_what_makes_no_sense_or_would_be_wider_is_refused(world: SimpleNamespace, wrong: dict[str, Any]) -> None:
    make(world, status=400, **wrong)
    assert not ApplicationCredential.objects.exists()


def test_one_is_made_for_nobody_else_and_never_re_owned(world: SimpleNamespace) -> None:
    """Keystone CVE-2020-12691: whatever ids a body names, a credential belongs to who made it, in the token's project."""
    for other in ({"user_id": world.ben.uid}, {"project_id": world.beta.uid}, {"id": "0" * 32}):
        make(world, status=400, **other)
    url = f"/users/{world.ben.uid}/application_credentials"
    assert world.caller.send("POST", url, {"application_credential": {"name": "x"}}).status_code == 404
    administrator = Caller(a_person("root", "roster:administrator"), None)
    for by, status in ((administrator, 403), (Caller(world.ana), 400)):
        make(world, by, status)
    made = make(world)
    [keys] = [world.caller.ask("POST", world.keys_url, {"tenant_id": world.alpha.uid}, 201)["credential"]]
    blob_id = hashlib.sha256(keys["access"].encode()).hexdigest()
    for path, name in (
        (f"{world.url}/{made['id']}", "application_credential"),
        (f"{world.keys_url}/{keys['access']}", "credential"),
        (f"/credentials/{blob_id}", "credential"),
    ):
        for method in ("PATCH", "PUT", "POST"):
            body = {name: {"user_id": world.ben.uid, "project_id": world.beta.uid}}
            assert world.caller.send(method, path, body).status_code == 405
    assert world.caller.send("POST", "/credentials", {"credential": {"user_id": world.ben.uid}}).status_code == 405
    assert ApplicationCredential.objects.get().user == EC2Credential.objects.get().user == world.ana


def test_a_restricted_one_makes_no_credentials_of_any_kind(world: SimpleNamespace) -> None:
    """Keystone CVE-2026-33551."""
    caller = caller_with(made := make(world))
    for path, body in (
        (world.url, {"application_credential": {"name": "mine"}}),
        (world.keys_url, {"tenant_id": world.alpha.uid}),
    ):
        assert caller.send("POST", path, body).status_code == 403
        assert caller.send("DELETE", f"{path}/{made['id']}").status_code in (403, 404)
    assert caller.get(world.url)["application_credentials"][0]["id"] == made["id"]
    assert (ApplicationCredential.objects.count(), EC2Credential.objects.count()) == (1, 0)


def test_an_unrestricted_one_makes_no_wider_no_longer_one_and_no_keys(world: SimpleNamespace) -> None:
    """Keystone CVE-2020-12689: S3 keys could not be held to the credential's roles. Security 17."""
    ends = "2035-01-01T00:00:00"
    made = make(world, roles=[{"name": "objectstore_operator"}], unrestricted=True, expires_at=ends)
    caller = caller_with(made)
    child = make(world, caller, name="child")
    assert [role["name"] for role in child["roles"]] == ["objectstore_operator"]
    assert child["expires_at"] == made["expires_at"]
    make(world, caller, 400, name="wider", roles=[{"name": "ai_training_read"}])
    make(world, caller, 400, name="longer", expires_at="2035-01-02T00:00:00")
    assert caller.send("POST", world.keys_url, {"tenant_id": world.alpha.uid}).status_code == 403
    assert not EC2Credential.objects.exists()
    caller.ask("DELETE", f"{world.url}/{child['id']}", status=204)


def test_a_token_made_from_its_token_is_no_freer(world: SimpleNamespace) -> None:
    """Shown again for a new token, it stays bound to its project, its roles and what it may not do."""
    first = caller_with(make(world, roles=[{"name": "objectstore_operator"}]))
    for scope in (None, {"project": {"id": world.alpha.uid}}, {"project": {"id": world.beta.uid}}, "unscoped"):
        identity = {"methods": ["token"], "token": {"id": first.token}}
        auth = {"identity": identity} | ({"scope": scope} if scope else {})
        answer: Any = Client().post(f"{V3}/auth/tokens", json.dumps({"auth": auth}), content_type="application/json")
        if scope not in (None, {"project": {"id": world.alpha.uid}}):
            assert answer.status_code in (401, 403)
            continue
        assert roles_of(answer) == {"objectstore_operator"}
        first.token = answer["X-Subject-Token"]
        assert first.send("POST", world.url, {"application_credential": {"name": "x"}}).status_code == 403
        assert first.send("POST", world.keys_url, {"tenant_id": world.alpha.uid}).status_code == 403


def test_keys_are_not_shown_to_an_application_credential(world: SimpleNamespace) -> None:
    """Reading the secret of keys that exist would be as good as making some."""
    keys = world.caller.ask("POST", world.keys_url, {"tenant_id": world.alpha.uid}, 201)["credential"]
    for number, unrestricted in enumerate((False, True)):
        caller = caller_with(make(world, name=f"ci {number}", unrestricted=unrestricted))
        [listed] = caller.get(world.keys_url)["credentials"]
        one = caller.get(f"{world.keys_url}/{keys['access']}")["credential"]
        [blob] = caller.get("/credentials")["credentials"]
        assert [listed["secret"], one["secret"], json.loads(blob["blob"])["secret"]] == [None, None, None]
        assert keys["secret"] not in caller.send("GET", "/credentials").content.decode()


@pytest.mark.parametrize("how", ["role", "disable", "delete", "expire", "revoke"])
def test_it_ends_with_its_user_its_role_and_its_time(world: SimpleNamespace, how: str) -> None:
    """Security 13, 17 and 22: the token that was made with it ends too, on the next request."""
    made = make(world, roles=[{"name": "objectstore_operator"}])
    caller = caller_with(made)
    assert caller.send("GET", world.url).status_code == 200
    if how == "role":
        take_role(actor=COMMAND, assignment=world.ana.role_assignments.get(role=role(STORAGE), scope=world.alpha))
    elif how == "disable":
        disable_user(actor=COMMAND, user=world.ana)
    elif how == "delete":
        delete_user(actor=COMMAND, user=world.ana)
    elif how == "expire":
        ApplicationCredential.objects.update(expires_at=datetime.now(UTC))
    else:
        world.caller.ask("DELETE", f"{world.url}/{made['id']}", status=204)
    assert caller.send("GET", world.url).status_code == 401
    assert sign_in(made).status_code == 401


def test_a_secret_of_ones_own_works_and_tells_nothing_about_others(world: SimpleNamespace) -> None:
    secret = "0123456789abcdef0123456789abcdef"
    first, second = (make(world, name=name, secret=secret) for name in ("one", "two"))
    assert first["secret"] == second["secret"] == secret
    assert len(set(ApplicationCredential.objects.values_list("digest"))) == 2
    assert sign_in(first).status_code == sign_in(second).status_code == 201
    assert sign_in({**first, "secret": secret[:-1]}).status_code == 401


def test_who_could_lock_a_user_out_lists_and_takes_back_credentials(world: SimpleNamespace) -> None:
    made = make(world)
    administrator, ben = Caller(a_person("root", "roster:administrator")), Caller(world.ben)
    one = f"{world.url}/{made['id']}"
    for path in (world.url, one, world.keys_url):
        assert ben.send("GET", path).status_code == 404
    assert ben.send("DELETE", one).status_code == 404
    assert administrator.get(one)["application_credential"]["name"] == "ci"
    administrator.ask("DELETE", one, status=204)
    world.caller.get(one, 404)
    keeper = Caller(a_person("keeper", "roster:project_administrator", scope=world.alpha))
    assert keeper.get(f"/users/{world.user.uid}/credentials/OS-EC2")["credentials"] == []


def test_a_service_makes_none(world: SimpleNamespace) -> None:
    """What a service made would outlive the token that it showed."""
    service = a_service("worker")
    give(service, "roster:decision_client", world.alpha)
    a_token(service)
    caller = Caller(service, world.alpha, credential=service.service_tokens.get())
    for path, body in (
        (f"/users/{service.uid}/application_credentials", {"application_credential": {"name": "x"}}),
        (f"/users/{service.uid}/credentials/OS-EC2", {"tenant_id": world.alpha.uid}),
    ):
        assert caller.send("POST", path, body).status_code == 403
    assert not ApplicationCredential.objects.exists()


def test_there_is_an_end_to_their_number(world: SimpleNamespace) -> None:
    EC2Credential.objects.bulk_create(EC2Credential(user=world.ana, project=world.alpha) for _ in range(MOST))
    assert world.caller.send("POST", world.keys_url, {"tenant_id": world.alpha.uid}).status_code == 400


def test_the_trail_tells_of_both(world: SimpleNamespace) -> None:
    """Security 27 and 40."""
    made = make(world)
    keys = world.caller.ask("POST", world.keys_url, {"tenant_id": world.beta.uid}, 201)["credential"]
    world.caller.ask("DELETE", f"{world.url}/{made['id']}", status=204)
    world.caller.ask("DELETE", f"{world.keys_url}/{keys['access']}", status=204)
    events = AuditEvent.objects.filter(object_uid=world.ana.uid, action__contains="credential").order_by("sequence")
    assert [(event.action, event.scope_name, event.actor_uid) for event in events] == [
        ("application_credential.create", "Alpha", world.ana.uid),
        ("ec2_credential.create", "Beta", world.ana.uid),
        ("application_credential.delete", "Alpha", world.ana.uid),
        ("ec2_credential.delete", "Beta", world.ana.uid),
    ]
    assert keys["secret"] not in str([*AuditEvent.objects.values_list()])


# ---- S3 keys


def test_keys_are_made_for_a_project_where_one_holds_a_role(world: SimpleNamespace) -> None:
    keys = world.caller.ask("POST", world.keys_url, {"tenant_id": world.beta.uid}, 201)["credential"]
    assert (keys["user_id"], keys["tenant_id"], keys["trust_id"]) == (world.ana.uid, world.beta.uid, None)
    assert len(keys["access"]) == len(keys["secret"]) == 32
    assert world.caller.get(world.keys_url)["credentials"] == [keys]
    assert world.caller.get(f"{world.keys_url}/{keys['access']}")["credential"] == keys
    [blob] = world.caller.get("/credentials")["credentials"]
    assert json.loads(blob["blob"])["secret"] == keys["secret"]
    assert world.caller.get(f"/credentials/{blob['id']}")["credential"] == blob
    assert keys["secret"] not in str([*EC2Credential.objects.values_list()])
    gamma = a_project("Gamma")
    for wrong, status in (
        ({"tenant_id": gamma.uid}, 404),
        ({"tenant_id": "nothing"}, 404),
        ({"tenant_id": 4}, 400),
        ({"tenant_id": world.alpha.uid, "user_id": world.ben.uid}, 400),
        ({"tenant_id": world.alpha.uid, "access": "mine"}, 400),
    ):
        assert world.caller.send("POST", world.keys_url, wrong).status_code == status
    other = f"/users/{world.ben.uid}/credentials/OS-EC2"
    assert world.caller.send("POST", other, {"tenant_id": world.alpha.uid}).status_code == 404
    world.caller.ask("DELETE", f"{world.keys_url}/{keys['access']}", status=204)
    world.caller.get(f"{world.keys_url}/{keys['access']}", 404)


def test_nobody_else_sees_the_secret_of_keys(world: SimpleNamespace) -> None:
    world.caller.ask("POST", world.keys_url, {"tenant_id": world.alpha.uid}, 201)
    administrator = Caller(a_person("root", "roster:administrator"))
    assert administrator.get(world.keys_url)["credentials"][0]["secret"] is None
    assert administrator.send("GET", f"/credentials/{'0' * 64}").status_code == 404
    assert Caller(world.ben).get("/credentials")["credentials"] == []


Signer = Callable[[str, bytes], str]
NOW = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
V2_TEXT = b"GET\n\n\nSun, 22 Nov 2026 12:00:00 +0000\n/bucket/file"


def v4_text(at: str = NOW) -> bytes:
    return f"AWS4-HMAC-SHA256\n{at}\n{at[:8]}/region/s3/aws4_request\n{'0' * 64}".encode()


def v2(secret: str, text: bytes) -> str:
    return b64encode(hmac.digest(secret.encode(), text, "sha1")).decode()


def v4(secret: str, text: bytes) -> str:
    key = f"AWS4{secret}".encode()
    for part in text.decode().split("\n")[2].split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text, "sha256").hex()


def s3(w: SimpleNamespace, keys: Any, text: bytes, signature: str, caller: Caller | None = None) -> HttpResponse:
    told = {"access": keys["access"], "token": urlsafe_b64encode(text).decode(), "signature": signature}
    return (caller or w.swift).send("POST", "/s3tokens", {"credentials": told})


@pytest.fixture
def keys(world: SimpleNamespace) -> Any:
    return world.caller.ask("POST", world.keys_url, {"tenant_id": world.alpha.uid}, 201)["credential"]


@pytest.mark.parametrize(("sign", "text"), [(v2, V2_TEXT), (v4, v4_text())])
def test_a_service_learns_who_signed_a_request(world: SimpleNamespace, keys: Any, sign: Signer, text: bytes) -> None:
    answer = s3(world, keys, text, sign(keys["secret"], text))
    assert answer.status_code == 200
    told = json.loads(answer.content)["token"]
    assert (told["user"]["id"], told["project"]["id"]) == (world.ana.uid, world.alpha.uid)
    assert told["methods"] == ["ec2credential"]
    assert {role["name"] for role in told["roles"]} == {"ai_training_read", "objectstore_operator"}
    assert "X-Subject-Token" not in answer
    assert EC2Credential.objects.get().last_used_at
    for wrong in (sign("0" * 32, text), sign(keys["secret"], text)[:-1], "", "ä", sign(keys["secret"], text + b"x")):
        assert s3(world, keys, text, wrong).status_code == 401
    assert s3(world, {"access": "0" * 32}, text, sign(secret_of("0" * 32), text)).status_code == 401


@pytest.mark.parametrize(("age", "status"), [(0, 200), (6, 200), (8, 401), (-1, 401)])
def test_what_was_signed_long_ago_or_for_later_is_refused(
    world: SimpleNamespace, keys: Any, age: int, status: int
) -> None:
    text = v4_text((datetime.now(UTC) - timedelta(days=age)).strftime("%Y%m%dT%H%M%SZ"))
    assert s3(world, keys, text, v4(keys["secret"], text)).status_code == status


@pytest.mark.parametrize("how", ["roles", "disable", "delete"])
def test_keys_end_with_the_roles_and_the_user(world: SimpleNamespace, keys: Any, how: str) -> None:
    signature = v2(keys["secret"], V2_TEXT)
    if how == "roles":
        for assignment in world.ana.role_assignments.filter(scope=world.alpha):
            take_role(actor=COMMAND, assignment=assignment)
    elif how == "disable":
        disable_user(actor=COMMAND, user=world.ana)
    else:
        world.caller.ask("DELETE", f"{world.keys_url}/{keys['access']}", status=204)
    assert s3(world, keys, V2_TEXT, signature).status_code == 401


def test_only_who_may_validate_tokens_asks(world: SimpleNamespace, keys: Any) -> None:
    """Keystone CVE-2025-65073: who caught a signed request cannot turn it into a token."""
    signature = v2(keys["secret"], V2_TEXT)
    for caller in (world.caller, Caller(world.ben), Caller(a_service("other"))):
        assert s3(world, keys, V2_TEXT, signature, caller).status_code == 403
    elsewhere = a_service("of-beta")
    give(elsewhere, "roster:token_validator", world.beta)
    assert s3(world, keys, V2_TEXT, signature, Caller(elsewhere)).status_code == 401
    body = json.dumps({"credentials": {"access": keys["access"], "token": "", "signature": signature}})
    for path in ("s3tokens", "ec2tokens"):
        assert Client().post(f"{V3}/{path}", body, content_type="application/json").status_code == 401


@pytest.mark.once
@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"credentials": []},
        {"credentials": {"access": 4}},
        {"credentials": {"access": "x"}},
        {"credentials": {"access": "x", "token": 4, "signature": "y"}},
        {"credentials": {"access": "x", "token": "y", "signature": None}},
    ],
)
def test_what_is_no_question_is_answered_400(world: SimpleNamespace, wrong: Any) -> None:
    assert world.swift.send("POST", "/s3tokens", wrong).status_code == 400


def ec2_request(secret: str, version: str, **changed: Any) -> dict[str, Any]:
    """A request as services of EC2 tell it, signed by an OpenStack client."""
    at = changed.pop("at", datetime.now(UTC))
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    told: dict[str, Any] = {"host": "ec2.example.com", "verb": "GET", "path": "/", "headers": {}, "body_hash": ""}
    if version == "2":
        told["params"] = {
            "SignatureVersion": "2", "SignatureMethod": "HmacSHA256", "Action": "Run Instances",
            "Timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }  # fmt: skip
    else:
        told["params"] = {"Action": "Run Instances"}
        said = f"Credential=access/{stamp[:8]}/region/ec2/aws4_request, SignedHeaders=host;x-amz-date, Signature=x"
        told["headers"] = {
            "Host": "ec2.example.com", "X-Amz-Date": stamp, "Authorization": f"AWS4-HMAC-SHA256 {said}"
        }  # fmt: skip
        told["body_hash"] = hashlib.sha256(b"").hexdigest()
    return {**told, "signature": Ec2Signer(secret).generate(told), **changed}


@pytest.mark.parametrize("version", ["2", "4"])
def test_a_service_of_ec2_gets_a_token_for_who_signed(world: SimpleNamespace, keys: Any, version: str) -> None:
    def ask(**given: Any) -> HttpResponse:
        return world.swift.send("POST", "/ec2tokens", {"credentials": {"access": keys["access"], **given}})

    answer = ask(**ec2_request(keys["secret"], version))
    assert answer.status_code == 200
    token = tokens.read(answer["X-Subject-Token"])
    assert (token.user, token.project, token.methods) == (world.ana, world.alpha, ("ec2credential",))
    for wrong in (
        ec2_request("0" * 32, version),
        ec2_request(keys["secret"], version, path="/other"),
        ec2_request(keys["secret"], version, params={}),
        ec2_request(keys["secret"], version, headers=[], params=[]),
        ec2_request(keys["secret"], version, signature=4),
        {"signature": "x"},
    ):
        assert ask(**wrong).status_code == 401
    for hours in (-1, 1):  # Keystone CVE-2020-12692: how old a signature may be was not looked at
        at = datetime.now(UTC) + timedelta(hours=hours)
        assert ask(**ec2_request(keys["secret"], version, at=at)).status_code == 401


def test_a_token_of_keys_makes_no_credentials(world: SimpleNamespace, keys: Any) -> None:
    caller = Caller(world.ana, world.alpha, credential=EC2Credential.objects.get())
    make(world, caller, 403)
    assert caller.send("POST", world.keys_url, {"tenant_id": world.alpha.uid}).status_code == 403
    assert caller.send("DELETE", f"{world.keys_url}/{keys['access']}").status_code == 403
    assert caller.get(world.keys_url)["credentials"][0]["secret"] is None
    world.caller.ask("DELETE", f"{world.keys_url}/{keys['access']}", status=204)
    assert caller.send("GET", world.keys_url).status_code == 401


def test_keys_outlive_a_new_key_of_the_installation(world: SimpleNamespace, keys: Any, settings: Any) -> None:
    """Security 43: as long as the old one stands among the fallbacks."""
    old, text = settings.SECRET_KEY, V2_TEXT
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another " * 8, [old]
    assert secret_of(keys["access"]) != keys["secret"]
    world.swift = Caller(User.objects.get(username="swift"))
    assert s3(world, keys, text, v2(keys["secret"], text)).status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert s3(world, keys, text, v2(keys["secret"], text)).status_code == 401
