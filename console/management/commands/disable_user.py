"""disable_user USER: the user may do nothing until enabled again."""

from argparse import ArgumentParser
from typing import Any

from console.management.base import RosterCommand, user_row
from policies.actions.services import disable_service
from policies.actions.users import disable_user
from policies.naming import find_user


class Command(RosterCommand):
    help = "Disable a user or service: denied everything from now on, roles and password kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="username or id")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        actor, user = self.actor(options), find_user(options["user"])
        user = disable_service(actor=actor, service=user) if user.is_service else disable_user(actor=actor, user=user)
        self.print_row(user_row(user), options)
