"""verify_audit: whether the audit trail is as it was written."""

import json
from typing import Any

from django.core.management import CommandError

from accounts.models import Scope
from console.management.base import RosterCommand
from policies.audit import verify
from policies.protected import At


class Command(RosterCommand):
    help = "Walk the whole audit trail and print what is wrong with it. Exit status 1 when something is."

    def handle(self, *args: Any, **options: Any) -> None:
        self.actor(options).require("read", At("event_history", Scope.objects.root()))
        rows, problems = verify()
        as_text = "\n".join(problems or [f"The audit trail is as it was written: {rows:,} events."])
        self.stdout.write(json.dumps({"rows": rows, "problems": problems}) if options["format"] == "json" else as_text)
        if problems:
            raise CommandError(f"The audit trail is not as it was written ({len(problems)} found).")
