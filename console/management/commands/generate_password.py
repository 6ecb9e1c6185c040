"""generate_password USER: a new password; the old one stops working."""

from argparse import ArgumentParser
from typing import Any

from console.management.base import RosterCommand, user_row
from console.management.services import refuse_service
from policies.actions.credentials import key_count
from policies.actions.users import generate_password
from policies.naming import find_user


class Command(RosterCommand):
    help = (
        "Give a user a new password and print it, only here; the old one stops working. "
        "A person must change it at the next sign-in. Application credentials and S3 keys go on, unless --and-keys is given."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="username or id")
        parser.add_argument(
            "--and-keys", action="store_true", help="delete application credentials and S3 keys as well"
        )
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user = find_user(options["user"])
        refuse_service(user, "create_service_token")
        password = generate_password(actor=self.actor(options), user=user, and_keys=options["and_keys"])
        self.print_row(user_row(user, password=password), options)
        if kept := key_count(user):
            self.note(f"Application credentials and S3 keys that go on: {kept}. With --and-keys they are deleted too.")
