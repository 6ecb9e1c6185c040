"""make test: the checks, the tests on SQLite and PostgreSQL and in a browser side by side.

    python -m tests.run          everything
    python -m tests.run format   format the code instead

What could not be run is said at the end; in continuous integration (CI is set) it is a failure.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from tests import browser, postgres

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(sys.executable).parent

PRODUCTION = {
    "ROSTER_ENV": "production",
    "ROSTER_SECRET_KEY": "a-long-and-random-text-that-only-this-check-has-0123456789",
    "ROSTER_ALLOWED_HOSTS": "roster.example",
}

CHECKS: dict[str, list[str]] = {
    "ruff": ["ruff", "check"],
    "ruff format": ["ruff", "format", "--check"],
    "mypy": ["mypy"],
    "import-linter": ["lint-imports"],
    "djlint": ["djlint", "templates", "--lint", "--quiet"],
    "migrations": ["python", "manage.py", "makemigrations", "--check", "--dry-run"],
    "deploy": ["python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
}
FORMATTERS = {"ruff": ["ruff", "check", "--fix-only"], "ruff format": ["ruff", "format"]}

# Debian's packages, and how what they bring is found.
PACKAGES: dict[str, Callable[[], object]] = {
    "postgresql": postgres.system_programs,
    "chromium": browser.program,
    "nginx": lambda: shutil.which("nginx"),
    "rclone": lambda: shutil.which("rclone"),
}
NEEDED = {"postgresql", "chromium"}  # without the others a test or two is left out

PYTEST = [sys.executable, "-m", "pytest"]
UNIT = [*PYTEST, "--ignore=tests/e2e"]
ON_POSTGRES = [sys.executable, "-m", "tests.postgres"]


def check(name: str, command: list[str]) -> bool:
    """Run one check, silent unless it fails; True where it passed."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="roster-check-") as data:
        environment = {**os.environ, "ROSTER_DATA": data, **(PRODUCTION if name == "deploy" else {})}
        program = str(PROGRAMS / command[0])
        done = subprocess.run([program, *command[1:]], cwd=ROOT, env=environment, capture_output=True, text=True)
    outcome = "ok" if done.returncode == 0 else f"FAILED\n{done.stdout}{done.stderr}"
    print(f"{name:14} {time.monotonic() - started:5.1f} s  {outcome}", flush=True)
    return done.returncode == 0


def run_checks(checks: dict[str, list[str]]) -> list[str]:
    """The names of the checks that failed. Two at a time: that is how many cores the smallest machine has."""
    with ThreadPoolExecutor(2) as pool:
        return [name for name, ok in zip(checks, pool.map(check, checks, checks.values()), strict=True) if not ok]


def run_tests(missing: list[str]) -> list[str]:
    """The names of the test runs that failed; what has no server or browser here is left out.

    They run side by side, the longest first: a browser's stories wait for pages most of the time. The first is seen as it
    goes.
    """
    pages, others = on_sqlite()
    runs = {"tests of the console on SQLite": [*PYTEST, *pages]}
    if "postgresql" not in missing:
        runs["tests on PostgreSQL"] = [*ON_POSTGRES, *UNIT]
    if "chromium" not in missing:
        runs["stories in a browser"] = [*PYTEST, "tests/e2e"]
    runs["all other tests on SQLite"] = [*PYTEST, *others]
    if not NEEDED & {*missing}:
        runs["browser smoke test on PostgreSQL"] = [*ON_POSTGRES, *PYTEST, "tests/e2e", "-m", "smoke"]
    with ThreadPoolExecutor(3) as pool:
        outcomes = [pool.submit(run, name, command, seen=not n) for n, (name, command) in enumerate(runs.items())]
        return [name for name, outcome in zip(runs, outcomes, strict=True) if not finished(name, *outcome.result())]


def on_sqlite() -> tuple[list[Path], list[Path]]:
    """All but the browser's: the files of the console, which take longest, and the others. The Django admin goes with those:
    then everything that runs side by side ends at about the same time."""
    every = [path for path in sorted((ROOT / "tests").rglob("test_*.py")) if path.parent.name != "e2e"]
    pages = [path for path in every if path.parent.name == "console" and not path.name.startswith("test_admin")]
    return pages, [path for path in every if path not in pages]


def run(name: str, command: Sequence[str | Path], *, seen: bool) -> tuple[bool, float, IO[str]]:
    """Whether it passed, its seconds, and what it said (nothing where that was seen)."""
    started, output = time.monotonic(), tempfile.TemporaryFile("w+")  # noqa: SIM115  read when it is its turn
    if seen:
        print(f"\n==> {name}", flush=True)
    done = subprocess.run(command, cwd=ROOT, stdout=None if seen else output, stderr=subprocess.STDOUT)
    return done.returncode == 0, time.monotonic() - started, output


def finished(name: str, passed: bool, seconds: float, output: IO[str]) -> bool:
    print(f"\n==> {name}: {seconds / 60:.1f} minutes", flush=True)
    output.seek(0)
    shutil.copyfileobj(output, sys.stdout)
    return passed


def install_what_is_missing() -> list[str]:
    """Install what tests need beside Python packages; the names of what could not be had."""
    if not shutil.which(browser.SHELL):
        install_from_debian(browser.SHELL)
    for package, found in PACKAGES.items():
        if not found():
            install_from_debian(package)
    if not browser.program():
        browser.install()
    missing = [package for package, found in PACKAGES.items() if not found()]
    return [name for name in missing if name != "postgresql" or not postgres.packaged_programs()]


def install_from_debian(package: str) -> None:
    """Try to install a Debian package; does nothing where we may not or cannot. RUNLEVEL keeps servers from starting."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"Installing {package} ...", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        for command in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", package]):
            subprocess.run(["apt-get", *command], env=environment, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


def main() -> None:
    started = time.monotonic()
    if "format" in sys.argv:
        sys.exit(bool(run_checks(FORMATTERS)))
    missing = install_what_is_missing()
    failed = run_checks(CHECKS) + run_tests(missing)
    print(f"\n{(time.monotonic() - started) / 60:.1f} minutes.")
    for name in missing:
        print(f"*** NOT RUN: there is no {name} here and none could be installed. ***")
    for name in failed:
        print(f"*** FAILED: {name} ***")
    sys.exit(bool(failed or (NEEDED & {*missing} and os.environ.get("CI"))))


if __name__ == "__main__":
    main()
