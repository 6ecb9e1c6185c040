"""make readme: writes the generated tables of README.md anew, each between its two markers.

    <!-- begin NAME: make readme -->
    ...
    <!-- end NAME -->

`commands` comes from what the management commands say about themselves, `truth` from the rules of the catalogues,
`who-may-what` from asking policies.access.may
for somebody with each of the console's roles in a small world: no rule is read, so the table tells what holds.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"

# Entity types that rules can speak about already, and that no page or command asks about yet.
NOT_ASKED_YET = [
    "identity_token",
    "settings",
    "dashboard_overview",
    "dashboard_analytics",
    "dashboard_consumption",
]
OF_ONES_OWN = [("app_token", "update")]  # the README says beside the table who renews one
EVERYWHERE, THERE, NO = "yes", "there", "–"


def updated(text: str) -> str:
    """The README with its tables as they have to be. Needs a database with the shipped catalogues; leaves rows in it."""
    for name, table in (("commands", commands()), ("truth", truth()), ("who-may-what", who_may_what())):
        begin, end = f"<!-- begin {name}: make readme -->\n", f"<!-- end {name} -->"
        new = f"{begin}\n{table}\n{end}"
        text, places = re.subn(f"{begin}.*?{end}", lambda old, new=new: new, text, flags=re.DOTALL)
        if places != 1:
            raise LookupError(f"README.md has {places} places for {name}; one is needed:\n{begin}{end}")
    return text


def as_markdown(heading: list[str], rows: list[list[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


# ---- Commands


def commands() -> str:
    return as_markdown(["Command", "What it does"], [[f"`{usage(name)}`", load(name).help] for name in names()])


def names() -> list[str]:
    """Roster's own management commands."""
    from django.core.management import get_commands

    return sorted(name for name, app in get_commands().items() if app == "console")


def load(name: str) -> Any:
    from django.core.management import load_command_class

    return load_command_class("console", name)


def usage(name: str) -> str:
    """What to type: positions, then options; without those that Django or Roster give to every command."""
    from django.core.management import BaseCommand

    everywhere = {"--format", "--as", *BaseCommand().create_parser("", "")._option_string_actions}
    parser = load(name).create_parser("manage.py", name)
    mine = [action for action in parser._actions if not everywhere & set(action.option_strings)]
    mine.sort(key=lambda action: bool(action.option_strings))
    return " ".join(dict.fromkeys([name, *(alternatives(parser, action) for action in mine)]))


def alternatives(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """An argument, or of those that exclude each other all."""
    for group in parser._mutually_exclusive_groups:
        if action in group._group_actions:
            said = " | ".join(told(one).strip("[]") for one in group._group_actions)
            return f"({said})" if group.required else f"[{said}]"
    return told(action)


def told(action: argparse.Action) -> str:
    value = action.metavar or ("|".join(action.choices) if action.choices else action.dest.upper())
    more = "…" if action.nargs in ("+", "*") else ""
    if not action.option_strings:
        return f"[{value}{more}]" if action.nargs == "*" else f"{value}{more}"
    option = action.option_strings[0] + ("" if action.nargs == 0 else f" {value}{more}")
    return option if action.required else f"[{option}]"


# ---- Which role allows what


def truth() -> str:
    """The truth table of each catalogue, folded."""
    from policies import truth as tables

    told = []
    for table in tables.truth_tables():
        rows = [
            [row.things, row.actions, *(NO if cell == tables.NO else cell for cell in row.cells)] for row in table.rows
        ]
        heading = ["What", "Actions", *(role.label for role in table.roles)]
        told.append(f"<details><summary>{table.catalogue}</summary>\n\n{as_markdown(heading, rows)}\n</details>\n")
    return "\n".join(told)


# ---- Who may do what


@dataclass(frozen=True)
class World:
    """An organization with two projects, one of them in a department in a cluster, and somebody for each role.

    Whoever holds a role that can be given in a project holds it in `here` alone; the others, in the organization.
    """

    organization: Any
    cluster: Any
    department: Any
    here: Any
    elsewhere: Any
    holders: dict[Any, Any]  # role -> who holds it: a person, or a service where only services can
    outsider: Any  # somebody without a role


def who_may_what() -> str:
    from policies.models import EntityType, Role

    roles = list(Role.objects.filter(catalogue__code="roster").select_related("catalogue"))
    world = make_world(roles)
    rows = []
    for kind in EntityType.objects.filter(catalogue__code="roster").exclude(code__in=NOT_ASKED_YET):
        asked = [(action, label) for action, label in kind.actions.items() if (kind.code, action) not in OF_ONES_OWN]
        answered = [(label, answers(world, action, kind.code)) for action, label in asked]
        for cells, actions in groupby(sorted(answered, key=lambda pair: rank(pair[1])), key=lambda pair: pair[1]):
            labels = [label for label, _ in actions]
            rows.append(
                [kind.label, ", ".join([labels[0], *(label[0].lower() + label[1:] for label in labels[1:])]), *cells]
            )
    return as_markdown(["What", "Actions", *(role.label for role in roles)], rows)


def rank(cells: list[str]) -> list[int]:
    """Actions that more people may do come first; the sort keeps the catalogue's order otherwise."""
    return [(EVERYWHERE, THERE, NO).index(cell) for cell in reversed(cells)]


def make_world(roles: list[Any]) -> World:
    from accounts.models import Scope
    from tests.factories import a_person, a_project, a_scope, a_service, give

    organization, cluster = Scope.objects.root(), a_scope("cluster")
    department = a_scope("department", parent=cluster)
    here, elsewhere = a_project(parent=department), a_project()
    holders = {role: a_person() if "person" in role.subjects else a_service() for role in roles}
    for role, somebody in holders.items():
        give(somebody, role.full_name, here if "project" in role.binds else organization)
    return World(organization, cluster, department, here, elsewhere, holders, a_person())


def answers(world: World, action: str, code: str) -> list[str]:
    """One cell for each role."""
    asked = list(things(world, action, code))
    assert not any(may(world.outsider, action, thing) for thing in asked), f"anybody may {action} {code}"
    cells = []
    for somebody in world.holders.values():
        allowed = [may(somebody, action, thing) for thing in asked]
        cells.append(EVERYWHERE if all(allowed) else THERE if allowed[0] else NO)
    return cells


def may(user: Any, action: str, thing: Any) -> bool:
    from policies.access import may

    return may(user, action, thing)


def things(world: World, action: str, code: str) -> Iterator[Any]:
    """What to ask about: one thing in `here` first, then one elsewhere; a single thing where there is but one."""
    from policies.protected import At, OrgAssignment

    places = (world.here, world.elsewhere)
    match code:
        case "organization" | "cluster" | "department":
            yield At(code, world.organization) if action == "create" else getattr(world, code)
        case "project" if action == "create":  # decided where it is to lie
            yield from (At(code, world.department), At(code, world.organization))
        case "project":
            yield from places
        case "org_assignment":  # in a project; nobody else's rights reach a wider place
            yield from (OrgAssignment(place) for place in places)
        case "project_user" | "app_token" | "role_assignment" | "event_history" | "resource" | "decision":
            yield from (At(code, place) for place in places)
        case "role" if action == "read":  # whoever may see roles somewhere sees all of them
            yield At(code)
        case "admin_site":  # open to all who may look after something; each sees there what they may
            yield At(code)
        case _:
            yield At(code, world.organization)


def main() -> None:
    """In a data folder of its own, which goes afterwards."""
    if "DJANGO_SETTINGS_MODULE" not in os.environ:
        with TemporaryDirectory(prefix="roster-readme-") as data:
            mine = {"ROSTER_DATA": data, "DATABASE_URL": "", "DJANGO_SETTINGS_MODULE": "console.settings"}
            done = subprocess.run([sys.executable, "-m", "tests.readme"], env={**os.environ, **mine}, cwd=ROOT)
            sys.exit(done.returncode)
    import django

    django.setup()
    from django.core.management import call_command

    from policies.actions.catalogues import load_catalogues
    from tests.factories import COMMAND

    call_command("migrate", verbosity=0)
    load_catalogues(actor=COMMAND)
    README.write_text(updated(README.read_text()))


if __name__ == "__main__":
    main()
