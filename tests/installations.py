"""An installation of one's own on SQLite, for tests that need the real command line or the database's file.

    data = tmp_path / "data"; make(data); manage("list_users", "alpha", **variables(data))

It has the catalogues, the first administrator, the projects alpha (2000 users) and beta (1 user), and a real audit trail.
"""

import subprocess
import sys
from pathlib import Path

from tests.servers import ROOT, environment

MAKE = """
import django; django.setup()
from django.core.management import call_command
from accounts.models import Project, User
from policies.actions.users import add_project_user
from policies.actor import Actor
call_command("migrate", verbosity=0)
for command in (["load_catalogues"], ["bootstrap"], ["create_project", "Alpha"], ["create_project", "Beta"]):
    call_command(*command)
alpha, beta = Project.objects.order_by("name")
for project, name in ((alpha, "first"), (beta, "other")):
    add_project_user(actor=Actor.of_command(), project=project, description=name.title(), username=name, password="")
User.objects.bulk_create(
    User(kind="project_user", project=alpha, username=f"many-{n:04}", description="One of many", search_text=f"many-{n:04}")
    for n in range(1999)
)
"""


def make(data: Path) -> None:
    """Fill the folder. Takes some seconds: make it once and copy it."""
    variables_ = environment(**variables(data), DJANGO_SETTINGS_MODULE="console.settings")
    subprocess.run([sys.executable, "-c", MAKE], cwd=ROOT, env=variables_, check=True, stdout=subprocess.DEVNULL)


def variables(data: Path) -> dict[str, str]:
    """What commands must find in their environment to work on it."""
    return {"ROSTER_DATA": str(data), "DATABASE_URL": ""}
