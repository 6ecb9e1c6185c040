"""generate_password USER: a new password; the old one stops working."""

from argparse import ArgumentParser
from typing import Any

from console.management.base import RosterCommand, user_row
from console.management.services import refuse_service
from policies.actions.users import generate_password
from policies.naming import find_user


class Command(RosterCommand):
    help = (
        "Give a user a new password and print it, only here; the old one stops working. "
        "A person must change it at the next sign-in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="username or id")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user = find_user(options["user"])
        refuse_service(user, "create_service_token")
        password = generate_password(actor=self.actor(options), user=user)
        self.print_row(user_row(user, password=password), options)
