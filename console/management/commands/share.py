"""share TYPE:ID ACTION SUBJECT: give somebody one action on one object, beside all roles."""

from argparse import ArgumentParser
from typing import Any

from console.management.assignments import find_shareable, share_row
from console.management.base import RosterCommand
from policies.actions.shares import share
from policies.naming import find_object, find_subject


class Command(RosterCommand):
    help = "Give a person, a service or a group one action on one object alone, beside all roles."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("object", metavar="TYPE:ID", help="the object, as project:speech-models")
        parser.add_argument("action", help="an action of the type that can be shared")
        parser.add_argument("subject", help="username or id, or group:NAME")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        thing = find_object(options["object"])
        action = find_shareable(options["action"], thing)
        subject = find_subject(options["subject"])
        if not share(actor=self.actor(options), thing=thing, action=action, subject=subject):
            self.note("Shared already: nothing was changed.")
        self.print_row(share_row(thing, action, subject), options)
