"""retire_resource RESOURCE: forget a registered thing that is gone."""

from argparse import ArgumentParser
from typing import Any

from console.management.base import RosterCommand
from console.management.resources import resource_row
from policies.actions.resources import retire_resource
from policies.naming import find_resource


class Command(RosterCommand):
    help = "Forget a registered thing that is gone, with its shares, and print what it was. What belonged to it stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("resource", help="id, or TYPE:ID with its id, external id or name")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        resource = find_resource(options["resource"])
        row = resource_row(resource)
        retire_resource(actor=self.actor(options), resource=resource)
        self.print_row(row, options)
