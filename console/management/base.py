"""What Roster's commands share: --format and --as, one clear line for every refusal, and output that pipes can take."""

import json
import os
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError
from django.db import DatabaseError

from accounts.models import Scope, User
from console.management.output import Row, as_json, as_record, as_table, escaped
from console.times import iso
from policies.actor import Actor
from policies.errors import AlreadyDone, Conflict, Denied
from policies.models import Role
from policies.naming import NotFound, find_project, find_scope, find_user, role_names
from policies.rulebook import UnknownQuestion

REFUSALS = (Denied, Conflict, AlreadyDone, ValidationError, NotFound, UnknownQuestion, DatabaseError, OSError)


class RosterCommand(BaseCommand):
    """Data goes to stdout, notes and errors to stderr. Exit status: 0 done, 1 refused or wrong, 2 misused."""

    unknown_name_status = 1  # where something that is named does not exist, or no text could be its name
    exit_status = 0  # of a command that did what it was asked

    _called_from_command_line: bool
    requires_system_checks: list[str] = []  # serve and the tests run them; here they would cost every call

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=["table", "json"], default="table", help="default: table")
        parser.add_argument(
            "--as", dest="as_user", metavar="USER", help="ask for this user's rights, instead of full ones"
        )

    def run_from_argv(self, argv: list[str]) -> None:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # end quietly when the reader of the pipe has had enough
        try:
            super().run_from_argv(argv)
        except KeyboardInterrupt:
            sys.exit(130)

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            _check_text(options, self.unknown_name_status)
            output = super().execute(*args, **options)
            self.stdout.flush()
            if self.exit_status:
                sys.exit(self.exit_status)
            return output
        except (CommandError, *REFUSALS) as error:
            status = self.unknown_name_status if isinstance(error, LookupError) else 1
            refusal = error if isinstance(error, CommandError) else CommandError(_sentence(error), returncode=status)
            if not self._called_from_command_line or options["traceback"]:
                raise refusal from error
            # What stdout still holds would fail again at the exit, in lines of Python's own.
            if isinstance(error, OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # Out here the failed frames are gone, and with them cursors that are still open on the database's connection.
        self.stderr.write(escaped(f"Error: {refusal}"))
        sys.exit(refusal.returncode)

    def actor(self, options: dict[str, Any]) -> Actor:
        """Whose rights count: those of the user named by --as, else full ones."""
        command = Actor.of_command()
        if not options["as_user"]:
            return command
        user = find_user(options["as_user"])
        return Actor(f"{command.name} as {user}", user)

    def add_place_options(self, parser: ArgumentParser, *, required: bool = False) -> None:
        """--project or --scope, which place() reads."""
        place = parser.add_mutually_exclusive_group(required=required)
        place.add_argument("--project", metavar="PROJECT", help="slug or id")
        place.add_argument("--scope", metavar="PLACE", help="slug or id of a department or cluster, or: organization")

    def place(self, options: dict[str, Any]) -> Scope | None:
        """The place that --project or --scope names."""
        if options["project"] is not None:
            return find_project(options["project"])
        return find_scope(options["scope"]) if options["scope"] is not None else None

    def note(self, text: str) -> None:
        """One line beside the data: after what was printed so far, and not in the red of errors."""
        self.stdout.flush()
        self.stderr.write(escaped(text), str)

    def print_rows(self, rows: Iterable[Row], columns: Iterable[str], options: dict[str, Any]) -> None:
        for line in as_json(rows) if options["format"] == "json" else as_table(rows, columns):
            self.stdout.write(line, ending="")

    def print_row(self, row: Row, options: dict[str, Any]) -> None:
        """One object: a JSON object, or lines of name and value."""
        self.stdout.write(json.dumps(row) if options["format"] == "json" else as_record(row))


USER_COLUMNS = ["username", "description", "roles", "status", "created", "last_used"]
PROJECT_COLUMNS = ["id", "slug", "name"]


def user_row(user: User, names: dict[int, str] | None = None, **more: Any) -> Row:
    """A user as commands print them. `names`: role_names(), where many rows are printed; `more`: a new password."""
    names = role_names(user.kind) if names is None else names
    return {
        "username": user.username,
        "description": user.description,
        "roles": sorted({names[assignment.role_id] for assignment in user.role_assignments.all()}),
        "status": user.status,
        "created": iso(user.created_at),
        "last_used": iso(user.last_used_at),
        **more,
    }


def project_row(project: Scope) -> Row:
    return {"id": project.uid, "slug": project.slug, "name": project.name}


def codes(roles: Iterable[Role]) -> list[str]:
    return sorted(role.code for role in roles)


def _check_text(options: dict[str, Any], status: int) -> None:
    """No database takes these in a text: refuse them here, in one line, rather than fail half-way."""
    for name, value in options.items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                if "\0" in text:
                    raise CommandError(f"{name}: a text cannot hold a NUL character.", returncode=status)
                if any("\ud800" <= char <= "\udfff" for char in text):
                    raise CommandError(f"{name}: this is not valid UTF-8.", returncode=status)


def _sentence(error: Exception) -> str:
    match error:
        case Denied():
            return " ".join([str(error), *error.reasons])
        case ValidationError():
            return _invalid(error)
        case Conflict(args=[str(said)]):
            return said
        case Conflict():
            return f"{error} was changed meanwhile: nothing was done. Try again."
        case DatabaseError():
            return f"The database refused: {str(error).strip().splitlines()[0]}. Was it prepared (manage.py prepare)?"
    return str(error)


def _invalid(error: ValidationError) -> str:
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    by_field = error.message_dict.items()
    return " ".join(m if field == "__all__" else f"{field}: {m}" for field, messages in by_field for m in messages)
