"""list_users PROJECT: the users of a project, by username."""

from argparse import ArgumentParser
from typing import Any

from accounts.models import User
from console.management.base import USER_COLUMNS, RosterCommand, user_row
from policies.naming import find_project, find_role, role_names
from policies.protected import At


class Command(RosterCommand):
    help = "List the users of a project."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="slug or id")
        parser.add_argument("--role", help="only those who hold it: code, label or alias")
        parser.add_argument("--status", choices=["ok", "disabled"])
        parser.add_argument("--search", default="", metavar="TEXT", help="username or description contains the text")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        project, kind = find_project(options["project"]), User.Kind.PROJECT_USER
        self.actor(options).require("list", At(kind, project))
        users = project.users.search(options["search"]).prefetch_related("role_assignments").order_by("username")
        if options["role"]:
            users = users.filter(role_assignments__role=find_role(options["role"], kind))
        if options["status"]:
            users = users.filter(is_active=options["status"] == "ok")
        names = role_names(kind)
        rows = (user_row(user, names) for user in users.iterator(chunk_size=500))
        self.print_rows(rows, USER_COLUMNS, options)
