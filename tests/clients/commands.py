"""`openstack`, unmodified, for many commands: it takes seconds to load, so one process loads it and forks for each.

    cli = OpenStack(variables)
    cli("user", "show", "alice")["name"]      what it prints with -f json
    cli.text("token", "issue", "-f", "value") what it prints
    cli.fails("user", "show", "nobody")       what it says on standard error; its status is not 0

As a program of its own (`python -m tests.clients.commands`) it is that process: a line of JSON in, arguments and
variables, a line out, status and what was printed.
"""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from tests.servers import ROOT


class OpenStack:
    """Somebody who types `openstack` commands, with the variables of their openrc.sh."""

    def __init__(self, process: "subprocess.Popen[str]", variables: dict[str, str]) -> None:
        self.process, self.variables = process, variables

    def run(self, *arguments: str) -> tuple[int, str, str]:
        assert self.process.stdin
        assert self.process.stdout
        print(json.dumps([arguments, self.variables]), file=self.process.stdin, flush=True)
        status, printed, said = json.loads(self.process.stdout.readline())
        return status, printed, said

    def text(self, *arguments: str) -> str:
        status, printed, said = self.run(*arguments)
        assert status == 0, f"openstack {' '.join(arguments)}\n{printed}\n{said}"
        return printed.strip()

    def __call__(self, *arguments: str) -> Any:
        return json.loads(self.text(*arguments, "-f", "json"))

    def fails(self, *arguments: str) -> str:
        status, printed, said = self.run(*arguments)
        assert status != 0, printed
        return said

    def names(self, *arguments: str, column: str = "Name") -> list[str]:
        """One column of a list, in the order of the alphabet."""
        return sorted(row[column] for row in self(*arguments))


def start() -> "subprocess.Popen[str]":
    """The process that runs commands."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.clients.commands"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def main() -> None:
    from openstackclient.shell import main as openstack

    with redirect_stdout(io.StringIO()):
        openstack(["module", "list"])  # loads what every command loads
    for line in sys.stdin:
        if child := os.fork():  # the program keeps whoever signed in first, for as long as it runs
            os.waitpid(child, 0)
            continue
        arguments, variables = json.loads(line)
        os.environ.update(variables)
        answers, printed, said = sys.stdout, io.StringIO(), io.StringIO()
        with redirect_stdout(printed), redirect_stderr(said):
            try:
                status = openstack(arguments)
            except SystemExit as error:
                status = error.code
        print(json.dumps([status or 0, printed.getvalue(), said.getvalue()]), file=answers, flush=True)
        os._exit(0)


if __name__ == "__main__":
    main()
