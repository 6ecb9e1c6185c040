"""revoke_service_token SERVICE TOKEN: refuse a token of a service from now on."""

from argparse import ArgumentParser
from typing import Any

from console.management.base import RosterCommand
from console.management.services import find_token, token_row
from policies.actions.services import revoke_token
from policies.audit import recording
from policies.naming import find_service


class Command(RosterCommand):
    help = "Refuse a bearer token of a service from the next request on, and print which it was."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("service", help="username or id")
        parser.add_argument("token", help="its id, how it begins (roster_1a2b3c4d_), or its name")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        actor, service = self.actor(options), find_service(options["service"])
        with recording(actor):
            actor.require("update", service)  # before anything is said about its tokens
            token = find_token(service, options["token"])
            revoke_token(actor=actor, token=token)
        self.print_row(token_row(token), options)
