"""enable_user USER: a disabled user may do again what their roles allow."""

from argparse import ArgumentParser
from typing import Any

from console.management.base import RosterCommand, user_row
from policies.actions.users import enable_user
from policies.naming import find_user


class Command(RosterCommand):
    help = "Enable a disabled user."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="username or id")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user = enable_user(actor=self.actor(options), user=find_user(options["user"]))
        self.print_row(user_row(user), options)
