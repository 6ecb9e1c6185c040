"""Ask random worlds until one answer is not the oracle's. Runs in a copy of the project, on the database in DATABASE_URL.

python -m tests.mutants.ask prepare    make the database, with the shipped catalogues
python -m tests.mutants.ask            exit status 0: every answer was the oracle's; 1: not
"""

import os
import sys
from itertools import product

import django


def prepare() -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("load_catalogues", verbosity=0)


def ask() -> None:
    """Raises whatever a world raises: an AssertionError for a wrong answer, or what the change broke."""
    from django.db import transaction

    from tests.policies.test_access_agrees import SEEDS, check_undeclared, check_world

    for seed, dense in product(SEEDS, (True, False)):
        with transaction.atomic():
            check_world(seed, dense)
            transaction.set_rollback(True)
    with transaction.atomic():
        check_undeclared()
        transaction.set_rollback(True)


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    prepare() if "prepare" in sys.argv else ask()
