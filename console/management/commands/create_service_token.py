"""create_service_token SERVICE: a bearer token of a service, printed once."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.utils import timezone

from console.management.arguments import count
from console.management.base import RosterCommand
from console.times import iso
from policies.actions.services import LONGEST_LIFE, create_token
from policies.naming import find_service


class Command(RosterCommand):
    help = "Make a bearer token of a service, and print it, only here."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("service", help="username or id")
        parser.add_argument("--name", required=True, metavar="TEXT", help="what it is for")
        parser.add_argument(
            "--days", required=True, type=count, help=f"after how many it expires; at most {LONGEST_LIFE.days}"
        )
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        days = min(options["days"], LONGEST_LIFE.days + 1)  # the action refuses that; more would be no date
        service = find_service(options["service"])
        token, secret = create_token(
            actor=self.actor(options),
            service=service,
            name=options["name"],
            expires_at=timezone.now() + timedelta(days=days),
        )
        row = {"id": token.uid, "service": service.username, "name": token.name, "expires": iso(token.expires_at)}
        self.print_row({**row, "token": secret}, options)
