"""list_projects: the projects, by name."""

from argparse import ArgumentParser
from typing import Any

from accounts.models import Project
from console.management.base import PROJECT_COLUMNS, RosterCommand, project_row
from policies.access import permitted


class Command(RosterCommand):
    help = "List the projects: all, or with --as those that the user may open."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--search", default="", metavar="TEXT", help="name or slug contains the text")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user = self.actor(options).user
        projects = Project.objects.search(options["search"]).order_by("name", "pk")
        if user:
            projects = projects.filter(pk__in=permitted(user, "read", "project"))
        self.print_rows(map(project_row, projects.iterator(chunk_size=500)), PROJECT_COLUMNS, options)
