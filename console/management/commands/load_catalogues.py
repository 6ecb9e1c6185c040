"""load_catalogues: bring the roles of this installation to what the catalogue files say."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import CommandError

from console.management.base import RosterCommand
from policies.actions.catalogues import load_catalogues
from policies.marked import BadFile


class Command(RosterCommand):
    help = "Load role catalogues from YAML files, and say what changes. Loading again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="default: those that come with Roster")
        parser.add_argument("--dry-run", action="store_true", help="say what would change, change nothing")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        files, dry_run = options["files"] or None, options["dry_run"]
        try:
            changes = load_catalogues(actor=self.actor(options), files=files, dry_run=dry_run)
        except BadFile as error:
            raise CommandError(str(error)) from None
        if options["format"] == "json":
            self.stdout.write(json.dumps({"changes": changes, "dry_run": dry_run}, ensure_ascii=False))
        else:
            self.stdout.write("\n".join(changes) or "The role catalogues are up to date.")
