"""The random worlds' questions, asked by a service over HTTP: the decisions and searches of AuthZEN."""

from typing import Any

from accounts.models import User
from console.api.entities import id_of
from policies.protected import At
from tests.console.services import EVALUATIONS, SEARCH, caller
from tests.policies import oracle
from tests.policies.worlds import QUESTIONS, Builder

AT_ONCE = 40  # questions of one request
KINDS = {"person": "user", "project_user": "project_user", "service": "service"}


class AskedByService:
    """A service that may ask about everything, and is told no reasons."""

    def __init__(self, built: Builder, people: dict[str, User]) -> None:
        self.built, self.world, self.people = built, built.world, people
        self.api = caller("gateway", "roster:decision_client")

    def check(self) -> None:
        self.check_decisions()
        for _ in range(3):
            self.check_who()
            self.check_what()
            self.check_actions()

    def named(self, name: str) -> dict[str, str]:
        """A thing as questions name it; nothing for what no question can name."""
        what, row = self.world["things"][name], self.built.rows[name]
        if isinstance(row, At):
            return {"type": row.entity_type, "id": f"{row.scope.kind}:{row.scope.slug}"} if row.scope else {}
        if what.get("unsaved") or what["type"] == "event_history":
            return {}
        return {"type": what["type"], "id": row.full_name if what["type"] == "role" else id_of(row)}

    def user(self, name: str) -> dict[str, str]:
        return {"type": KINDS[self.world["users"][name]["kind"]], "id": name}

    def question(self) -> tuple[str, str, str]:
        """Some user, action and thing that can be named."""
        things = [name for name in self.world["things"] if self.named(name)]
        thing = self.built.pick(*things)
        return self.built.pick(*self.people), self.built.pick(*QUESTIONS[self.world["things"][thing]["type"]]), thing

    def check_decisions(self) -> None:
        asked = [self.question() for _ in range(AT_ONCE)]
        questions = [
            {"subject": self.user(user), "action": {"name": action}, "resource": self.named(thing)}
            for user, action, thing in asked
        ]
        answers = self.api.ask(EVALUATIONS, {"evaluations": questions})["evaluations"]
        for case, answer in zip(asked, answers, strict=True):
            assert answer["decision"] == oracle.allowed(self.world, *case), case

    def check_who(self) -> None:
        _, action, thing = self.question()
        kind = self.built.pick(*KINDS)
        body = {"subject": {"type": KINDS[kind]}, "action": {"name": action}, "resource": self.named(thing)}
        of_kind = {
            user
            for user, who in self.world["users"].items()
            if (who["kind"] == kind or kind == "person") and oracle.allowed(self.world, user, action, thing)
        }
        assert self.found("subject", body) & self.people.keys() == of_kind, (action, thing)

    def check_what(self) -> None:
        user, action, thing = self.question()
        kind = self.world["things"][thing]["type"]
        names = self.built.names(kind)
        body = {"subject": self.user(user), "action": {"name": action}, "resource": {"type": kind}}
        expected = {id_of(self.built.rows[n]) for n in names if oracle.allowed(self.world, user, action, n)}
        assert self.found("resource", body) & {id_of(self.built.rows[n]) for n in names} == expected, (
            user,
            action,
            kind,
        )

    def check_actions(self) -> None:
        user, _, thing = self.question()
        what = self.world["things"][thing]
        is_one = not isinstance(self.built.rows[thing], At)
        actions = [a for a in QUESTIONS[what["type"]] if a != "create" or not is_one]
        found = self.found("action", {"subject": self.user(user), "resource": self.named(thing)}, "name")
        assert found & {*actions} == {a for a in actions if oracle.allowed(self.world, user, a, thing)}, (user, thing)

    def found(self, search: str, body: dict[str, Any], key: str = "id") -> set[str]:
        return {result[key] for result in self.api.ask(SEARCH[search], body)["results"]}
