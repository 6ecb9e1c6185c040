"""What a platform's statements ask: each question goes to the command and to the API of services, and both must agree."""

import json
from io import StringIO
from typing import Any

from django.core.management import call_command

from accounts.models import Scope, User
from policies.actions.resources import register_resource
from policies.actions.switches import change_catalogue
from policies.models import Catalogue, EntityType, Resource
from tests.console.services import EVALUATION, SEARCH, caller, question
from tests.factories import COMMAND


def switched_on(code: str, **changes: Any) -> Catalogue:
    """A shipped catalogue in effect, and further changes of it: modules, settings, platform version."""
    return change_catalogue(actor=COMMAND, catalogue=Catalogue.objects.get(code=code), enabled=True, **changes)


def entity_type(name: str) -> EntityType:
    catalogue, code = name.split(":")
    return EntityType.objects.select_related("catalogue").get(catalogue__code=catalogue, code=code)


def a_thing(kind: str, scope: Scope, name: str = "", **more: Any) -> Resource:
    """Something that a service of the platform registered: a_thing("h2o:app", project, owner=ada)."""
    name = name or kind.replace(":", " ")
    return register_resource(actor=COMMAND, entity_type=entity_type(kind), scope=scope, name=name, **more)


class Console:
    """Asks the command and the API. The service that asks may ask about everything, and is told no reasons."""

    def __init__(self) -> None:
        self.api = caller("gateway", "roster:decision_client")

    def may(self, user: User, action: str, kind: str, thing: Any = None) -> bool:
        """Whether the user may do the action with an object, or (`thing` a place) with some object of the kind in there."""
        by_command = self.command(user, action, kind, thing)
        body = question(user.username, action, kind, self.id_of(thing, kind), of=self.kind_of(user))
        by_api = self.api.ask(EVALUATION, body)["decision"]
        assert by_command == by_api, f"{user} {action} {kind} {thing}: command {by_command}, API {by_api}"
        return by_command

    def command(self, user: User, action: str, kind: str, thing: Any) -> bool:
        """check_access: its answer, which its exit status must repeat."""
        if self.is_place(thing, kind):
            asked = [kind, "--scope" if thing.kind != "project" else "--project", thing.uid]
        else:
            asked = [f"{kind}:{thing.uid}"]
        output, status = StringIO(), 0
        try:
            call_command("check_access", user.username, action, *asked, "--format", "json", stdout=output)
        except SystemExit as ended:
            status = int(ended.code or 0)
        allowed = json.loads(output.getvalue())["allowed"]
        assert status == (0 if allowed else 3)
        return bool(allowed)

    def actions(self, user: User, kind: str, thing: Any) -> set[str]:
        """What the API's search says that the user may do with the thing, or with some of the kind in a place.

        Of a thing that exists the search does not say `create`: that is asked beside it.
        """
        body = question(user.username, "create", kind, self.id_of(thing, kind), of=self.kind_of(user))
        found = {each["name"] for each in self.api.ask(SEARCH["action"], body)["results"]}
        if self.is_place(thing, kind):
            return found
        assert "create" not in found
        return found | ({"create"} if self.api.ask(EVALUATION, body)["decision"] else set())

    def id_of(self, thing: Any, kind: str) -> str:
        return f"{thing.kind}:{thing.slug}" if self.is_place(thing, kind) else thing.uid

    def is_place(self, thing: Any, kind: str) -> bool:
        return isinstance(thing, Scope) and thing.kind != kind

    def kind_of(self, user: User) -> str:
        return "user" if user.is_person else user.kind
