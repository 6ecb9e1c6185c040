"""check_access USER ACTION TYPE[:ID]: whether a user may do an action, and why, or why not."""

from argparse import ArgumentParser
from typing import Any

from console.management.output import escaped
from console.management.questions import QuestionCommand
from policies.access import explain
from policies.models import EntityType
from policies.naming import find_action, find_thing, find_user
from policies.protected import At, OrgAssignment

DENIED = 3


class Command(QuestionCommand):
    help = (
        "Say whether a user may do an action, and why, or why not. "
        "Exit status 0 when it is allowed, 3 when it is denied, 2 when it cannot be asked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="username or id")
        parser.add_argument("action", help="an action of the type, as notebook has launch")
        parser.add_argument(
            "thing", metavar="TYPE[:ID]", help="TYPE or CATALOGUE:TYPE; without an id: some object of the type"
        )
        self.add_place_options(parser)
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user = find_user(options["user"])
        kind, thing = find_thing(options["thing"], self.place(options))
        action = find_action(options["action"], kind)
        reasons_too = self.may_explain(self.actor(options), thing, user)
        decision = explain(user, action, thing)
        reasons = list(decision.reasons) if reasons_too else []
        self.exit_status = 0 if decision.allowed else DENIED
        if options["format"] == "json":
            self.print_row({"allowed": decision.allowed, "reasons": reasons}, options)
        else:
            verb = "may" if decision.allowed else "may not"
            answer = f"{user} {verb} {action} {named(kind, thing)}."
            self.stdout.write("\n".join(escaped(line) for line in [answer, *(f"- {reason}" for reason in reasons)]))


def named(kind: EntityType, thing: Any) -> str:
    """What was asked about, in the answer's words."""
    if isinstance(thing, OrgAssignment):
        return str(thing)
    said = kind.code.replace("_", " ")
    if isinstance(thing, At):
        return f"some {said} in {thing.scope}" if thing.scope else f"some {said} anywhere"
    return f"{said} {thing}"
