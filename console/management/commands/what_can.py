"""what_can USER: what a user may do, and through what."""

from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import chain
from typing import Any

from console.management.output import Row
from console.management.questions import QuestionCommand
from policies.access import outside
from policies.holdings import subject_for
from policies.models import EntityType
from policies.naming import find_user
from policies.powers import Power, Shared, powers_of, shares_with

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
        by_roles = (line for power in powers_of(user, place) for line in lines_of(power))
        self.print_rows(chain(by_roles, map(shared_line, shares_with(user, place))), COLUMNS, options)
        if not user.is_active:
            self.note(f"{user} is disabled: denied everything.")
        elif place and outside(subject_for(user), place):
            self.note(f"{user} is bound to other clusters: denied everything in {place}.")


def lines_of(power: Power) -> Iterator[Row]:
    """One line for each action, condition and role that it comes from, in the order of the catalogue."""
    for action in power.kind.actions:
        for where, sources in power.actions.get(action, {}).items():
            for source in sources:
                yield line(power.kind, action, where, f"{source.role} {source.where}")


def shared_line(shared: Shared) -> Row:
    source = f"Shared with group {shared.group}" if shared.group else "Shared with them"
    return line(shared.kind, shared.action, f"it is {shared.thing}", source)


def line(kind: EntityType, action: str, condition: str, source: str) -> Row:
    return {"type": kind.full_name, "action": action, "conditions": [condition] if condition else [], "source": source}
