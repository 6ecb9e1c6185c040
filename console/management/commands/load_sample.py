"""load_sample: load the sample organization, or remove it."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import CommandError

from console.management.base import RosterCommand
from policies.actions.sample import delete_sample, load_sample
from policies.actor import Actor


class Command(RosterCommand):
    help = (
        "Load a sample organization, whose people cannot sign in, and print what there is of it. --remove removes it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--remove",
            action="store_true",
            help="Remove it; refused, with a list, where something real was added inside.",
        )
        parser.add_argument("--yes", action="store_true", help="Do not ask before removing.")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        actor = self.actor(options)
        if not options["remove"]:
            self.print_row(load_sample(actor=actor), options)
            self.note("The catalogues of its roles are switched on. load_sample --remove takes the sample away again.")
            return
        if not options["yes"]:
            self.confirm()
        self.print_row(self.remove(actor), options)
        self.note("The sample is gone. The catalogues stay as they are.")

    def remove(self, actor: Actor) -> dict[str, int]:
        """What went. Raises CommandError, after what stands against it, one line each."""
        try:
            return delete_sample(actor=actor)
        except ValidationError as error:
            for message in error.messages:
                self.note(message)
            raise CommandError("Nothing was removed.") from error

    def confirm(self) -> None:
        """Returns when somebody said yes. Raises CommandError otherwise, and where nobody can be asked."""
        if not (sys.stdin.isatty() and self.stderr.isatty()):
            raise CommandError("Removing cannot be undone: without a terminal to ask on, this needs --yes.")
        self.stderr.write("Remove everything of the sample? [y/N] ", str, ending="")
        self.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was removed.")
