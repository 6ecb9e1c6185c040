"""unshare TYPE:ID ACTION SUBJECT: take a share back."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import CommandError

from console.management.assignments import find_shareable, share_row, subject_name
from console.management.base import RosterCommand
from policies.actions.shares import unshare
from policies.naming import find_object, find_subject


class Command(RosterCommand):
    help = "Take back one action on one object that was shared. Refused where it was not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("object", metavar="TYPE:ID", help="the object, as project:speech-models")
        parser.add_argument("action", help="an action of the type that can be shared")
        parser.add_argument("subject", help="username or id, or group:NAME")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        thing = find_object(options["object"])
        action = find_shareable(options["action"], thing)
        subject = find_subject(options["subject"])
        if not unshare(actor=self.actor(options), thing=thing, action=action, subject=subject):
            raise CommandError(f"{action} was not shared with {subject_name(subject)}.")
        self.print_row(share_row(thing, action, subject), options)
