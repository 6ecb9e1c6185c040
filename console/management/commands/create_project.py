"""create_project NAME: add a project."""

from argparse import ArgumentParser
from typing import Any

from console.management.base import RosterCommand, project_row
from policies.actions.scopes import create_scope
from policies.naming import find_place


class Command(RosterCommand):
    help = "Create a project, and print its id and slug."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--slug", default="", help="short name for commands and addresses; default: from the name")
        parser.add_argument("--description", default="")
        parser.add_argument("--in", dest="parent", metavar="DEPARTMENT_OR_CLUSTER", help="default: the organization")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        project = create_scope(
            actor=self.actor(options),
            kind="project",
            name=options["name"],
            slug=options["slug"],
            description=options["description"],
            parent=find_place(options["parent"]) if options["parent"] else None,
        )
        self.print_row(project_row(project), options)
