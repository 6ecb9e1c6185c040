"""who_can ACTION TYPE[:ID]: the users who may do an action."""

from argparse import ArgumentParser
from typing import Any

from accounts.models import User
from console.management.arguments import count
from console.management.output import Row
from console.management.questions import QuestionCommand
from policies.access import people_who_may
from policies.naming import find_action, find_thing

COLUMNS = ["username", "label", "kind"]


class Command(QuestionCommand):
    help = "List the users who may do an action, by username. Exit status 2 when it cannot be asked."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", help="an action of the type, as notebook has launch")
        parser.add_argument(
            "thing", metavar="TYPE[:ID]", help="TYPE or CATALOGUE:TYPE; without an id: some object of the type"
        )
        self.add_place_options(parser)
        parser.add_argument("--limit", type=count, metavar="NUMBER", help="at most so many; default: all")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        kind, thing = find_thing(options["thing"], self.place(options))
        action = find_action(options["action"], kind)
        self.may_explain(self.actor(options), thing)
        users = people_who_may(action, thing).order_by("username")[: options["limit"]]
        self.print_rows(map(row, users.iterator(chunk_size=500)), COLUMNS, options)


def row(user: User) -> Row:
    return {"username": user.username, "label": user.label, "kind": user.kind}
