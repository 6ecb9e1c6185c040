"""list_service_tokens SERVICE: the tokens of a service, without their secrets."""

from argparse import ArgumentParser
from typing import Any

from console.management.base import RosterCommand
from console.management.services import TOKEN_COLUMNS, token_row
from policies.naming import find_service


class Command(RosterCommand):
    help = "List the bearer tokens of a service, the newest first: how each begins, when it was used last, when it expires."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("service", help="username or id")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        service = find_service(options["service"])
        self.actor(options).require("read", service)
        tokens = service.service_tokens.order_by("-created_at", "-pk")
        self.print_rows(map(token_row, tokens), TOKEN_COLUMNS, options)
