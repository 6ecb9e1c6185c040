"""A service that asks, for tests: registered, with roles and a token, and the way it speaks."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import Endpoint, Region, Scope, User
from policies.actions.catalogues import load_catalogues
from policies.actions.endpoints import create_endpoint, create_region
from policies.actions.services import create_token, register_service
from tests.factories import COMMAND, give

FACTS = Path(__file__).parent.parent / "facts"
EVALUATION, EVALUATIONS = "/access/v1/evaluation", "/access/v1/evaluations"
SEARCH = {name: f"/access/v1/search/{name}" for name in ("subject", "resource", "action")}


def a_service(username: str, *roles: str, scope: Scope | None = None, trusts: tuple[str, ...] = ()) -> User:
    service = register_service(actor=COMMAND, username=username, trusted_attributes=trusts)
    for name in roles:
        give(service, name, scope)
    return service


def a_token(service: User, days: int = 30) -> str:
    until = timezone.now() + timedelta(days=days)
    return create_token(actor=COMMAND, service=service, name="tests", expires_at=until)[1]


def an_endpoint(
    service: User, region: str = "GRA", url: str = "https://storage.example.com/v1", **more: Any
) -> Endpoint:
    """Where the service is reached; its region is made where there is none of this code."""
    found = Region.objects.filter(code=region).first() or create_region(actor=COMMAND, code=region)
    return create_endpoint(actor=COMMAND, service=service, region=found, url=url, **more)


class Caller:
    """A program that shows a token."""

    def __init__(self, token: str) -> None:
        self.client, self.token = Client(), token

    def send(self, path: str, body: Any, **headers: str) -> HttpResponse:
        """POST; what is no text is sent as JSON."""
        said = body if isinstance(body, str | bytes) else json.dumps(body)
        shown = {"Authorization": f"Bearer {self.token}", **headers}
        answer: Any = self.client.post(path, said, content_type="application/json", headers=shown)
        return answer  # type: ignore[no-any-return]

    def ask(self, path: str, body: Any) -> dict[str, Any]:
        """The answer's JSON; it has to be 200."""
        answer: Any = self.send(path, body)
        assert answer.status_code == 200, answer.content
        return answer.json()  # type: ignore[no-any-return]


def caller(username: str, *roles: str, scope: Scope | None = None, trusts: tuple[str, ...] = ()) -> Caller:
    """A new service with roles, and a token of it."""
    return Caller(a_token(a_service(username, *roles, scope=scope, trusts=trusts)))


def load(name: str) -> None:
    """A catalogue file of tests/facts, brought like a user would."""
    load_catalogues(actor=COMMAND, files=[FACTS / f"{name}.yaml"])


def question(
    subject: str, action: str, kind: str, thing: str = "", /, *, of: str = "user", **properties: Any
) -> dict[str, Any]:
    """An evaluation request."""
    resource = {"type": kind, "id": thing, **({"properties": properties} if properties else {})}
    return {"subject": {"type": of, "id": subject}, "action": {"name": action}, "resource": resource}
