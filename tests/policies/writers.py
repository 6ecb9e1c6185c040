"""Several writers in one process: python -m tests.policies.writers FIRST COUNT (test_concurrency.py starts it).

Each adds users, gives the common user a role of its own, and takes and gives one back that all of them edit.
The process says when it is ready, and begins when it is told to.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

USERS = 2  # that each writer adds


def write(number: int) -> None:
    from django.core.management import call_command
    from django.db import connections

    from policies.naming import roles_for

    roles = sorted(role.code for role in roles_for("project_user"))
    own, contested = roles[number % len(roles)], roles[0]
    try:
        for index in range(USERS):
            add = ["add_user", "alpha", "--description", "x", "--username", f"writer-{number}-{index}", "--role", own]
            call_command(*add, stdout=StringIO())
            call_command("edit_roles", "alpha", "common", "--add", own, stdout=StringIO())
            if own != contested:
                call_command(
                    "edit_roles",
                    "alpha",
                    "contested",
                    "--add" if index % 2 else "--remove",
                    contested,
                    stdout=StringIO(),
                )
    finally:
        connections.close_all()


def main(first: int, count: int) -> None:
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(write, range(first, first + count)))


if __name__ == "__main__":
    import django

    django.setup()
    print("ready", flush=True)
    sys.stdin.readline()
    main(int(sys.argv[1]), int(sys.argv[2]))
