"""retire_service SERVICE: end a service, with its tokens and roles."""

from argparse import ArgumentParser
from typing import Any

from console.management.base import RosterCommand
from console.management.services import service_row
from policies.actions.services import retire_service
from policies.naming import find_service


class Command(RosterCommand):
    help = "End a service with its tokens and roles, and print what it was. What it registered stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("service", help="username or id")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        service = find_service(options["service"])
        row = service_row(service)
        retire_service(actor=self.actor(options), service=service)
        self.print_row(row, options)
