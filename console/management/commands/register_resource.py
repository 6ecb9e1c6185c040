"""register_resource TYPE NAME: tell Roster of a thing that a service runs, so that it can decide about it."""

from argparse import ArgumentParser
from typing import Any

from console.management.base import RosterCommand
from console.management.resources import add_resource_options, resource_fields, resource_row
from policies.actions.resources import register_resource
from policies.naming import find_entity_type


class Command(RosterCommand):
    help = "Register a thing that a service runs, so that Roster decides about it, and print its id."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("type", help="TYPE or CATALOGUE:TYPE")
        parser.add_argument("name")
        self.add_place_options(parser, required=True)
        add_resource_options(parser)
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        place = self.place(options)
        assert place is not None  # one of the two options is required
        resource = register_resource(
            actor=self.actor(options),
            entity_type=find_entity_type(options["type"]),
            scope=place,
            name=options["name"],
            **resource_fields(options),
        )
        self.print_row(resource_row(resource), options)
