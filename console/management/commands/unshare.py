"""unshare TYPE:ID ACTION SUBJECT: take a share back."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import CommandError

from console.management.assignments import add_share_arguments, find_share, share_row, subject_name
from console.management.base import RosterCommand
from policies.actions.shares import unshare


class Command(RosterCommand):
    help = "Take back one action on one object that was shared. Refused where it was not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_share_arguments(parser)
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        asked = find_share(options)
        if not unshare(actor=self.actor(options), **asked):
            raise CommandError(f"{asked['action']} was not shared with {subject_name(asked['subject'])}.")
        self.print_row(share_row(**asked), options)
