"""An installation to measure: the database of the environment, migrated, with the catalogues.

python -m tests.bench.setting lists      measure one thing in it
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from statistics import median, quantiles
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

import django
from django.conf import settings

from tests.servers import READY, ROOT, free_port

SCALE = float(os.environ.get("SCALE", "1"))


def prepare() -> None:
    """Set Django up and fill an empty database with what every installation has."""
    django.setup()
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    from policies.actions.catalogues import load_catalogues
    from tests.factories import COMMAND

    load_catalogues(actor=COMMAND)


def vendor() -> str:
    from django.db import connection

    return connection.vendor


def settle() -> None:
    """Bring statistics and visibility up to date, as autovacuum does in production some time after many writes."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if vendor() == "postgresql" else "ANALYZE")


def times(action: Callable[[], Any], runs: int = 40, warm_up: int = 5) -> list[float]:
    """Seconds of each run."""
    return times_in_turn([action], runs, warm_up)[0]


def times_in_turn(actions: Sequence[Callable[[], Any]], runs: int = 40, warm_up: int = 5) -> list[list[float]]:
    """Seconds of each run of each action; in turn, so that whatever else the machine does slows all of them."""
    found: list[list[float]] = [[] for _ in actions]
    for number in range(runs + warm_up):
        for action, seconds in zip(actions, found, strict=True):
            started = time.perf_counter()
            action()
            if number >= warm_up:
                seconds.append(time.perf_counter() - started)
    return found


def p50(seconds: list[float]) -> float:
    """Milliseconds."""
    return median(seconds) * 1000


def p95(seconds: list[float]) -> float:
    """Milliseconds."""
    return quantiles(seconds, n=20)[-1] * 1000


def p99(seconds: list[float]) -> float:
    """Milliseconds."""
    return quantiles(seconds, n=100)[-1] * 1000


@contextmanager
def server(workers: int, threads: int) -> Iterator[int]:
    """The port of the production server with the database of this process."""
    port = free_port()
    options = [f"--port={port}", f"--workers={workers}", f"--threads={threads}"]
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve", *options], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if READY in line:
                break
        yield port
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    prepare()
    import_module(f"tests.bench.{sys.argv[1]}").main()
