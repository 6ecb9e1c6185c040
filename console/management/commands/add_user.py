"""add_user PROJECT: add a user to a project, and print the credentials once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import CommandError

from accounts.models import User
from console.management.base import RosterCommand, user_row
from policies.actions.users import add_project_user
from policies.naming import find_project, find_role


class Command(RosterCommand):
    help = "Add a user to a project, and print the username and the generated password, only here."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="slug or id")
        parser.add_argument("--description", required=True, metavar="TEXT", help="what the user is for")
        parser.add_argument("--username", default="", metavar="NAME", help="default: user- and 12 letters and digits")
        parser.add_argument(
            "--role", nargs="+", action="extend", default=[], help="code, label or alias; several, or repeated"
        )
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["description"].strip():
            raise CommandError("description: say what the user is for.")
        user, password = add_project_user(
            actor=self.actor(options),
            project=find_project(options["project"]),
            description=options["description"],
            username=options["username"],
            roles=[find_role(name, User.Kind.PROJECT_USER) for name in options["role"]],
        )
        self.print_row(user_row(user, password=password), options)
        if not options["role"]:
            self.note("No role: this user has no access to anything. edit_roles gives roles.")
