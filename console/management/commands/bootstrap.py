"""bootstrap: the first administrator."""

from argparse import ArgumentParser
from typing import Any

from console.management.base import RosterCommand, user_row
from policies.actions.installation import create_first_administrator, reset_first_administrator


class Command(RosterCommand):
    help = "Create the first administrator where there is none, and print the temporary password, only here."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--username", metavar="NAME", help="default: admin; with --reset, the first administrator")
        parser.add_argument("--reset", action="store_true", help="a new temporary password for the first administrator")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        actor, username = self.actor(options), options["username"] or ""
        made = (
            reset_first_administrator(actor=actor, username=username)
            if options["reset"]
            else create_first_administrator(actor=actor, username=username or "admin")
        )
        if made is None:
            if options["verbosity"]:
                self.note("There is an administrator already. bootstrap --reset makes a new temporary password.")
            return
        user, password = made
        self.print_row(user_row(user, password=password), options)
        self.note("Sign in with it within 24 hours: it must be changed then, and is shown only here.")
