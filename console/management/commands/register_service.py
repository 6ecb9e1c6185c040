"""register_service NAME: let a program hold roles and ask for decisions."""

from argparse import ArgumentParser
from typing import Any

from console.management.base import RosterCommand
from console.management.services import service_row
from policies.actions.services import register_service
from policies.catalogue_files import STATED


class Command(RosterCommand):
    help = "Register a service: a program that can hold roles, ask for decisions and register what it runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="its username: lower-case letters, digits and . _ @ + -")
        parser.add_argument("--description", default="", metavar="TEXT", help="what it is")
        parser.add_argument(
            "--trust",
            nargs="+",
            action="extend",
            default=[],
            metavar="ATTRIBUTE",
            help=f"attributes of an object that count as it states them in a question: {', '.join(STATED)}",
        )
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        service = register_service(
            actor=self.actor(options),
            username=options["name"],
            description=options["description"],
            trusted_attributes=options["trust"],
        )
        self.print_row(service_row(service), options)
        self.note("It holds no role yet: assign_role gives it one. create_service_token makes it a token.")
