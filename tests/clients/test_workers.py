"""What one worker did, another knows at the very next request: tokens, passwords and keys that no longer open anything."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.clients.world import Demo
from tests.servers import Server

PATH = "/identity/v3/auth/tokens"
# A project of its own, with a tool at an address.
MAKE = """
from policies.actions.resources import register_resource
from policies.actions.scopes import create_scope
from policies.actor import Actor
from policies.models import EntityType
me = Actor("tests")
room = create_scope(actor=me, kind="project", name="room")
kind = EntityType.objects.get(catalogue__code="ovhcloud", code="notebook")
register_resource(actor=me, entity_type=kind, scope=room, name="lab", url="http://tools.example.com/lab")
print(room.uid)
"""
# The clients' tests know which projects there are.
UNMAKE = """
from accounts.models import Project
from policies.actions.resources import retire_resource
from policies.actions.scopes import delete_scope
from policies.actor import Actor
from policies.models import Resource
retire_resource(actor=Actor("tests"), resource=Resource.objects.get(name="lab"))
delete_scope(actor=Actor("tests"), scope=Project.objects.get(slug="room"))
"""


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class Worker:
    """One of two servers on the same data, and whoever asks it with a token."""

    port: int
    token: str = field(default="", repr=False)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        said = {"Content-Type": "application/json", **({"X-Auth-Token": self.token} if self.token else {})}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, json.dumps(body) if body is not None else None, said | named)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        is_json = content[:1] in (b"{", b"[")
        return Answer(answer.status, dict(answer.getheaders()), json.loads(content) if is_json else content)

    def done(self, method: str, path: str, body: Any = None) -> Any:
        """What it answers to something that it does."""
        answer = self.ask(method, f"/identity/v3{path}", body)
        assert answer.status < 300, answer
        return answer.body

    def sign_in(self, name: str, password: str) -> str:
        user = {"name": name, "password": password, "domain": {"id": "default"}}
        said = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
        answer = self.ask("POST", PATH, said)
        assert answer.status == 201, answer
        return answer.headers["X-Subject-Token"]

    def validates(self, token: str) -> int:
        return self.ask("GET", f"{PATH}?nocatalog", X_Subject_Token=token).status

    def lets_through(self, authorization: str) -> int:
        asked = {"Method": "GET", "Proto": "http", "Host": "tools.example.com", "Uri": "/lab/"}
        said = {f"X_Forwarded_{name}": value for name, value in asked.items()}
        return self.ask("GET", "/auth/forward", Authorization=authorization, **said).status


@dataclass
class World:
    """`one` does it (its caller administers), `other` is asked afterwards (its caller validates tokens)."""

    one: Worker
    other: Worker
    project: str
    role: str
    user: str = ""
    token: str = field(default="", repr=False)
    basic: str = field(default="", repr=False)

    def new_user(self) -> None:
        """A user with a role, a token and a password that the other worker has seen to be right."""
        given = {"name": "guest", "password": "a long enough one", "default_project_id": self.project}
        self.user = self.one.done("POST", "/users", {"user": given})["user"]["id"]
        self.one.done("PUT", f"/projects/{self.project}/users/{self.user}/roles/{self.role}")
        self.token = self.other.sign_in("guest", "a long enough one")
        self.basic = f"Basic {b64encode(b'guest:a long enough one').decode()}"

    @property
    def path(self) -> str:
        return f"/users/{self.user}"


@pytest.fixture(scope="module")
def workers(demo: Demo) -> Iterator[World]:
    with Server(workers=1, **{**demo.server.variables, "ROSTER_BASE_URL": ""}) as second:
        project = demo.server.shell(MAKE).splitlines()[-1]
        one, other = (Worker(server.port) for server in (demo.server, second))
        one.token = one.sign_in("admin", demo.passwords["admin"])
        other.token = other.sign_in("swift", demo.passwords["swift"])
        [role] = one.done("GET", "/roles?name=ai_training_read")["roles"]
        yield World(one, other, project, role["id"])
        demo.server.shell(UNMAKE)


@pytest.fixture
def w(workers: World) -> Iterator[World]:
    workers.new_user()
    yield workers
    workers.one.ask("DELETE", f"/identity/v3{workers.path}")


def take_the_role_away(w: World) -> None:
    w.one.done("DELETE", f"/projects/{w.project}/users/{w.user}/roles/{w.role}")


def disable(w: World) -> None:
    w.one.done("PATCH", w.path, {"user": {"enabled": False}})


def give_a_new_password(w: World) -> None:
    w.one.done("PATCH", w.path, {"user": {"password": "another long enough one"}})


def delete(w: World) -> None:
    w.one.done("DELETE", w.path)


ENDS = (take_the_role_away, disable, give_a_new_password, delete)


@pytest.mark.parametrize("end", ENDS, ids=[end.__name__ for end in ENDS])
def test_the_next_validation_on_another_worker_refuses(w: World, end: Callable[[World], None]) -> None:
    """13, 22. The other worker has just let them through, so it knows them and their password by heart."""
    assert (w.other.validates(w.token), w.other.lets_through(w.basic)) == (200, 200)
    assert w.other.lets_through(f"Bearer {w.token}") == 200
    end(w)
    assert w.other.validates(w.token) == 404
    assert w.other.lets_through(w.basic) in (401, 403)
    assert w.other.lets_through(f"Bearer {w.token}") == 401


def test_a_token_that_is_taken_back_and_a_credential_that_is_deleted(w: World) -> None:
    guest = Worker(w.one.port, w.token)
    path = f"{w.path}/application_credentials"
    made = guest.done("POST", path, {"application_credential": {"name": "ci"}})["application_credential"]
    shown = {
        "methods": ["application_credential"],
        "application_credential": {"id": made["id"], "secret": made["secret"]},
    }
    by_credential = w.other.ask("POST", PATH, {"auth": {"identity": shown}}).headers["X-Subject-Token"]
    assert [w.other.validates(token) for token in (w.token, by_credential)] == [200, 200]
    w.one.done("DELETE", f"{path}/{made['id']}")
    assert [w.other.validates(token) for token in (w.token, by_credential)] == [200, 404]
    assert w.one.ask("DELETE", PATH, X_Subject_Token=w.token).status == 204
    assert w.other.validates(w.token) == 404
