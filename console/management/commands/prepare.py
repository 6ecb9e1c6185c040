"""prepare: bring ROSTER_DATA to where the server can start from it. Running it again does only what is new."""

import hashlib
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

# Bootstrap comes in many cuts, and roster.css imports one.
UNUSED = ["bootstrap-*", "bootstrap.rtl*", "bootstrap.css*"]


class Command(BaseCommand):
    help = "Migrate, load the role catalogues, create the first administrator, forget ended sessions, collect static files."
    requires_system_checks: list[str] = []  # serve and the tests run them; here they would cost every start

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)  # the database and its log are for this user alone, like the keys beside them
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False, verbosity=0)
            call_command("createcachetable", verbosity=0)
        call_command("load_catalogues", stdout=self.stdout)
        call_command("bootstrap", stdout=self.stdout, verbosity=0)  # speaks only of one that it made
        call_command("clearsessions")
        self.collect_static_files()

    def collect_static_files(self) -> None:
        """Collect only what changed since the last start: it takes seconds."""
        stamp, digest = settings.STATIC_ROOT / "collected", static_digest()
        if not stamp.exists() or stamp.read_text() != digest:
            call_command("collectstatic", interactive=False, verbosity=0, clear=True, ignore_patterns=UNUSED)
            stamp.write_text(digest)


def static_digest() -> str:
    """Names, sizes and times of our own files, and the lock that fixes everybody else's."""
    digest = hashlib.sha256((settings.BASE_DIR / "requirements.txt").read_bytes())
    for path in sorted(Path(settings.BASE_DIR / "static").rglob("*")):
        digest.update(f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}\n".encode())
    return digest.hexdigest()
