"""The real server in a process of its own, for tests that a test client cannot make: `with Server() as server: ...`"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode
from uuid import uuid4

import psycopg

ROOT = Path(__file__).resolve().parent.parent
READY = "Roster runs at "


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without what the tests' own settings put there; `changes` on top."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROSTER_", "DJANGO_"))}
    return {**kept, **changes}


def manage(*arguments: str, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a management command as somebody would in a terminal, without a terminal."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(**variables),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def new_database(address: str) -> Iterator[str]:
    """The address of a database that exists for this block, on the PostgreSQL server of `address`."""
    name = f"server_{uuid4().hex}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield address.rpartition("/")[0] + f"/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


class Server:
    """manage.py serve on a free port, with a folder and a database of its own that go when it goes.

    `url`, `data`, `log` (everything it printed) and `password` (of the first administrator, where it just made one).
    Where DATABASE_URL names a PostgreSQL server, the database is a new one there; else it begins with a copy of the data
    folder `of` another installation, if one is given: the first start of all takes long.
    """

    def __init__(self, workers: int = 2, of: Path | None = None, **variables: str) -> None:
        self._folder = TemporaryDirectory(prefix="roster-server-")
        self._database = ExitStack()
        self.data = Path(self._folder.name)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.workers = workers
        self.variables = {"ROSTER_DATA": str(self.data), "ROSTER_BASE_URL": self.url, **variables}
        if address := os.environ.get("DATABASE_URL"):
            self.variables["DATABASE_URL"] = self._database.enter_context(new_database(address))
        elif of:
            shutil.copytree(of, self.data, dirs_exist_ok=True)
        self.log_file = self.data / "server.log"

    def __enter__(self) -> "Server":
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        self._database.close()
        self._folder.cleanup()

    def start(self) -> None:
        """Start it and wait until it serves."""
        offset = self.log_file.stat().st_size if self.log_file.exists() else 0
        with self.log_file.open("a") as log:
            command = [sys.executable, "manage.py", "serve", f"--port={self.port}", f"--workers={self.workers}"]
            variables = environment(**self.variables)
            # A process group of its own, so that kill() reaches the workers and nothing else.
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=variables, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 120
        while READY not in self.log[offset:]:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server did not start:\n{self.log[offset:]}")
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop it and wait for its end; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(30)

    def kill(self) -> None:
        """kill -9 of the server and its workers, all at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    @property
    def password(self) -> str:
        """The first administrator's generated password, from what the server printed when it started."""
        found = re.search(r"(?i)password\W+(\S+)", self.log)
        assert found, self.log
        return found[1]

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A management command on this server's data."""
        return manage(*arguments, check=check, **self.variables)

    def shell(self, code: str) -> str:
        """What Python code prints, run on this server's data beside it."""
        return self.manage("shell", "--no-imports", "-c", code).stdout.strip()

    def get(self, path: str, **headers: str) -> tuple[HTTPResponse, bytes]:
        """One GET, redirects not followed: the answer with its headers, and its body."""
        return self._ask("GET", path, None, headers)

    def post(self, path: str, form: dict[str, str], **headers: str) -> tuple[HTTPResponse, bytes]:
        """The same with a POST of a form."""
        return self._ask(
            "POST", path, urlencode(form), {"Content-Type": "application/x-www-form-urlencoded", **headers}
        )

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        return response, answer
