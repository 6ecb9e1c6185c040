"""update_resource RESOURCE: change what is registered about a thing."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import CommandError

from console.management.base import RosterCommand
from console.management.resources import add_resource_options, resource_fields, resource_row
from policies.actions.resources import update_resource
from policies.naming import find_resource


class Command(RosterCommand):
    help = "Change what is registered about a thing. An empty text takes a value away, as does --tag without a tag."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("resource", help="id, or TYPE:ID with its id, external id or name")
        parser.add_argument("--name")
        add_resource_options(parser)
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        fields = resource_fields(options)
        if options["name"] is not None:
            fields["name"] = options["name"]
        if not fields:
            raise CommandError("Say what to change: see --help.", returncode=2)
        resource = find_resource(options["resource"])
        self.print_row(resource_row(update_resource(actor=self.actor(options), resource=resource, **fields)), options)
