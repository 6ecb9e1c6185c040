"""The commands as a shell runs them: pipes, exit statuses, terminals."""

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import installations
from tests.servers import ROOT, environment, manage

pytestmark = pytest.mark.once

Shell = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def data(installation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(installation, tmp_path_factory.mktemp("pipes") / "data"))


@pytest.fixture
def shell(data: Path) -> Shell:
    """Run a line in bash, `roster` being the command line."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        variables = environment(**installations.variables(data), ROSTER=f"{sys.executable} {ROOT / 'manage.py'}")
        return subprocess.run(
            ["bash", "-c", f'set -o pipefail; roster() {{ $ROSTER "$@"; }}; {line}'],
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def test_a_reader_that_has_had_enough_is_no_error(shell: Shell) -> None:
    done = shell("roster list_users alpha | head -1")
    assert done.stdout.split() == ["USERNAME", "DESCRIPTION", "ROLES", "STATUS", "CREATED", "LAST", "USED"]
    assert done.stderr == ""


def test_nothing_but_data_on_stdout(shell: Shell) -> None:
    done = shell(
        "roster list_users alpha --format json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))'"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "2000\n", "")
    done = shell("roster add_user beta --description 'No roles' --format json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["roles"] == []
    assert done.stderr.startswith("No role: ")
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("line", "status", "error"),
    [
        (
            "yes | roster delete_user first",
            1,
            "Error: Deleting cannot be undone: without a terminal to ask on, this needs --yes.",
        ),
        ("roster edit_roles alpha first", 2, "Error: Give --role"),
        ("roster disable_user admin", 1, "Error: This is the last administrator."),
        ("roster disable_user $'\\xff'", 1, "Error: user: this is not valid UTF-8."),
        ("roster who_can read project:nowhere", 2, "Error: There is no project 'nowhere'."),
        ("roster who_can read project:alpha > /dev/full", 1, "Error: [Errno 28] No space left on device"),
        ("roster check_access first disable user:admin > /dev/full", 1, "Error: [Errno 28] No space left on device"),
        ("roster assign_role first nothing --project alpha", 1, "Error: There is no role 'nothing'."),
        ("roster list_users alpha > /dev/full", 1, "Error: [Errno 28] No space left on device"),
        ("ROSTER_DATA=$(mktemp -d) roster list_projects", 1, "Error: The database refused: no such table"),
    ],
)
def test_a_refusal_is_one_line_and_a_status(shell: Shell, line: str, status: int, error: str) -> None:
    done = shell(line)
    assert done.stderr.startswith(error), done.stderr
    assert done.stderr.count("\n") == 1
    assert (done.returncode, done.stdout) == (status, "")


def test_misuse_is_told_from_refusal(data: Path) -> None:
    done = manage("add_user", "alpha", check=False, **installations.variables(data))
    assert (done.returncode, done.stdout) == (2, "")
    assert "--description" in done.stderr


@pytest.mark.parametrize(("answer", "status"), [("yes\n", 1), ("other\n", 0)])
def test_on_a_terminal_deleting_asks_for_the_username(data: Path, answer: str, status: int) -> None:
    """The question goes to the terminal on stderr, so that stdout can be a file."""
    terminal, theirs = pty.openpty()
    command = [sys.executable, "manage.py", "delete_user", "other", "--format", "json"]
    variables = environment(**installations.variables(data))
    with subprocess.Popen(
        command, cwd=ROOT, env=variables, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE
    ) as process:
        os.close(theirs)
        said = b""
        while not said.endswith(b"confirm: "):
            said += os.read(terminal, 1000)
        os.write(terminal, answer.encode())
        assert process.stdout
        printed = process.stdout.read()
        assert process.wait(60) == status
    os.close(terminal)
    assert b"Delete other of project Beta (Other)?" in said
    assert bool(printed) == (status == 0)
    if status == 0:
        assert json.loads(printed)["username"] == "other"


@pytest.mark.parametrize(
    ("question", "status"),
    [("admin read project:alpha", 0), ("first read project:alpha", 3), ("first read project:alhpa", 2)],
)
def test_a_shell_script_can_branch_on_the_answer(shell: Shell, question: str, status: int) -> None:
    done = shell(f"roster check_access {question} --format json")
    assert done.returncode == status, done.stderr
    if status == 2:
        assert (done.stdout, done.stderr) == ("", "Error: There is no project 'alhpa'. Near names: alpha.\n")
    else:
        assert done.stderr == ""
        assert json.loads(done.stdout)["allowed"] is (status == 0)


def test_who_can_begins_to_print_at_once(shell: Shell) -> None:
    """2000 users may read themselves into a pipe of which only the first line is read."""
    done = shell("roster who_can launch notebook --project alpha | head -1")
    assert (done.stdout.split(), done.stderr) == (["USERNAME", "LABEL", "KIND"], "")
