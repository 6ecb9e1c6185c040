"""what_can USER: what a user may do, and through what."""

from argparse import ArgumentParser
from typing import Any

from console.management.output import Row
from console.management.questions import QuestionCommand
from policies.access import outside
from policies.allowances import Allowance, allowances
from policies.holdings import subject_for
from policies.naming import find_user

COLUMNS = ["type", "action", "conditions", "source"]


class Command(QuestionCommand):
    help = "List what a user may do: on what, on which conditions, and through what. Exit status 2 when it cannot be asked."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="username or id")
        self.add_place_options(parser)
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user, place = find_user(options["user"]), self.place(options)
        self.require_explain(self.actor(options), place, user)
        self.print_rows(map(row, allowances(user, place)), COLUMNS, options)
        if not user.is_active:
            self.note(f"{user} is disabled: denied everything.")
        elif place and outside(subject_for(user), place):
            self.note(f"{user} is bound to other clusters: denied everything in {place}.")


def row(allowance: Allowance) -> Row:
    return {
        "type": allowance.entity_type.full_name,
        "action": allowance.action,
        "conditions": list(allowance.conditions),
        "source": allowance.source,
    }
