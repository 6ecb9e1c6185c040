"""delete_user USER: delete a user, with roles and shares."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management import CommandError

from accounts.models import User
from console.management.base import RosterCommand, user_row
from console.management.services import refuse_service
from policies.actions.users import delete_user
from policies.naming import find_user


class Command(RosterCommand):
    help = "Delete a user and print who it was. Asks first on a terminal; elsewhere it needs --yes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="username or id")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        actor, user = self.actor(options), find_user(options["user"])
        refuse_service(user, "retire_service")
        actor.require("delete", user)
        if not options["yes"]:
            self.confirm(user)
        row = user_row(user)
        delete_user(actor=actor, user=user)
        self.print_row(row, options)

    def confirm(self, user: User) -> None:
        """Returns when the username was typed. Raises CommandError otherwise, and where nobody can be asked."""
        if not (sys.stdin.isatty() and self.stderr.isatty()):
            raise CommandError("Deleting cannot be undone: without a terminal to ask on, this needs --yes.")
        where = f" of project {user.project}" if user.project else ""
        self.note(f"Delete {user}{where} ({user.description})? The password and all roles stop working at once.")
        self.stderr.write("Type the username to confirm: ", str, ending="")
        self.stderr.flush()
        if sys.stdin.readline().strip() != user.username:
            raise CommandError("Nothing was deleted.")
