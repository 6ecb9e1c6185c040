"""load_catalogues: bring the roles of this installation to what the catalogue files say."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError

from policies.actions.catalogues import load_catalogues
from policies.actor import Actor
from policies.catalogue_files import BadFile


class Command(BaseCommand):
    help = "Load role catalogues from YAML files, and say what changes. Loading again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="default: the catalogues that come with Roster")
        parser.add_argument("--dry-run", action="store_true", help="say what would change, change nothing")
        parser.add_argument("--format", choices=("table", "json"), default="table")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            changes = load_catalogues(
                actor=Actor.of_command(), files=options["files"] or None, dry_run=options["dry_run"]
            )
        except BadFile as error:
            raise CommandError(str(error)) from None
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        if options["format"] == "json":
            self.stdout.write(json.dumps({"changes": changes, "dry_run": options["dry_run"]}, ensure_ascii=False))
        else:
            self.stdout.write("\n".join(changes) or "The role catalogues are up to date.")
