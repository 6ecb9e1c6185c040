"""edit_roles PROJECT USER: set, add or remove the roles of a project's user."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import CommandError

from accounts.models import User
from console.management.base import RosterCommand, codes, user_row
from policies.actions.assignments import Change, add_and_take_roles, edit_roles
from policies.models import Role
from policies.naming import find_project, find_role, find_user

WAYS = "Give --role (sets the roles), or --add and --remove, or --no-roles."


class Command(RosterCommand):
    help = f"Edit the roles of a project's user, and print what changed. {WAYS}"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="slug or id")
        parser.add_argument("user", help="username or id")
        several: dict[str, Any] = {"nargs": "+", "action": "extend", "default": [], "metavar": "ROLE"}
        parser.add_argument(
            "--role", **several, help="set the roles to these: code, label or alias; several, or repeated"
        )
        parser.add_argument("--add", **several, help="give these; the others stay")
        parser.add_argument("--remove", **several, help="take these; the others stay")
        parser.add_argument("--no-roles", action="store_true", help="take all")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if [bool(options["role"]), bool(options["add"] or options["remove"]), options["no_roles"]].count(True) != 1:
            raise CommandError(WAYS, returncode=2)
        user = find_user(options["user"], find_project(options["project"]))
        change = self.change(user, options)
        self.print_row({**user_row(user), "added": codes(change.added), "removed": codes(change.removed)}, options)

    def change(self, user: User, options: dict[str, Any]) -> Change:
        actor, held = self.actor(options), Role.objects.filter(assignments__user=user).select_related("catalogue")
        if not options["add"] and not options["remove"]:
            roles = [find_role(name, user.kind, held) for name in options["role"]]
            return edit_roles(actor=actor, user=user, roles=roles)
        return add_and_take_roles(
            actor=actor,
            user=user,
            add=[find_role(name, user.kind) for name in options["add"]],
            take=[find_role(name, user.kind, held) for name in options["remove"]],
        )
