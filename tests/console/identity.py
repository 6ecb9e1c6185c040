"""A client of Identity v3, for tests: it shows the token of somebody."""

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from policies import tokens

V3 = "/identity/v3"


class Caller:
    """Somebody with a token, for a project or without scope."""

    def __init__(self, user: User, project: Any = None, **credential: Any) -> None:
        self.client, self.token = Client(), tokens.issue(user, project, ["password"], **credential)

    def send(self, method: str, path: str, body: Any = None) -> HttpResponse:
        said = json.dumps(body) if body is not None else ""
        answer: Any = self.client.generic(
            method, V3 + path, said, content_type="application/json", headers={"X-Auth-Token": self.token}
        )
        return answer  # type: ignore[no-any-return]

    def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """The answer's JSON; its status has to be this one."""
        answer = self.send(method, path, body)
        assert answer.status_code == status, answer.content
        return json.loads(answer.content) if answer.content else None

    def get(self, path: str, status: int = 200) -> Any:
        return self.ask("GET", path, status=status)
