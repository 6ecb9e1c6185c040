"""share TYPE:ID ACTION SUBJECT: give somebody one action on one object, beside all roles."""

from argparse import ArgumentParser
from typing import Any

from console.management.assignments import add_share_arguments, find_share, share_row
from console.management.base import RosterCommand
from policies.actions.shares import share


class Command(RosterCommand):
    help = "Give a person, a service or a group one action on one object alone, beside all roles."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_share_arguments(parser)
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        asked = find_share(options)
        if not share(actor=self.actor(options), **asked):
            self.note("Shared already: nothing was changed.")
        self.print_row(share_row(**asked), options)
