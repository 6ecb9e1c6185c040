"""enable_user USER: a disabled user may do again what their roles allow."""

from argparse import ArgumentParser
from typing import Any

from console.management.base import RosterCommand, user_row
from policies.actions.services import enable_service
from policies.actions.users import enable_user
from policies.naming import find_user


class Command(RosterCommand):
    help = "Enable a disabled user or service."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="username or id")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        actor, user = self.actor(options), find_user(options["user"])
        user = enable_service(actor=actor, service=user) if user.is_service else enable_user(actor=actor, user=user)
        self.print_row(user_row(user), options)
