"""make run on a machine that lacks something: one clear line each. The script is run as make runs it."""

import ast
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.servers import ROOT, environment, free_port

SCRIPT = "console/start.py"


def start(before: str = "", checkout: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script for `serve`, in an interpreter that ran `before` first."""
    code = f"import runpy, sys; {before or 'pass'}; sys.argv[1:] = ['requirements.txt', 'manage.py', 'serve']; "
    return subprocess.run(
        [sys.executable, "-I", "-c", code + f"runpy.run_path({SCRIPT!r}, run_name='__main__')"],
        cwd=checkout,
        env=environment(**variables),
        capture_output=True,
        text=True,
    )


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    for word in words:
        assert word in line


def test_busy_port(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = str(busy.getsockname()[1])
        assert_one_line(start(PORT=port, ROSTER_DATA=str(tmp_path)), port, "in use", "PORT=8123")


def test_the_port_that_is_suggested_is_another() -> None:
    with socket.socket() as busy:
        with suppress(OSError):  # something else holds it: busy as well
            busy.bind(("127.0.0.1", 8123))
            busy.listen()
        assert_one_line(start(PORT="8123"), "in use", "PORT=8124")


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_senseless_port(port: str, tmp_path: Path) -> None:
    assert_one_line(start(PORT=port, ROSTER_DATA=str(tmp_path)), f"PORT is '{port}'", "1 to 65535")


def test_unwritable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert_one_line(start(ROSTER_DATA=str(tmp_path / "file")), str(tmp_path / "file"), "ROSTER_DATA=folder")
    # Root may write anywhere but here.
    assert_one_line(start(ROSTER_DATA="/proc/roster"), "/proc/roster", "ROSTER_DATA=folder")


def test_a_checkout_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "console").mkdir()
    for name in (SCRIPT, "requirements.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".venv").touch()
    done = start(checkout=tmp_path, PORT=str(free_port()), ROSTER_DATA=str(tmp_path / "data"))
    assert_one_line(done, str(tmp_path / ".venv"), "not a folder", "checkout of your own")


def test_old_python() -> None:
    assert_one_line(start("sys.version_info = (3, 9, 2)"), "3.11 or newer", "3.9.2", "PYTHON=")


def test_script_parses_on_old_pythons() -> None:
    ast.parse((ROOT / SCRIPT).read_text(), feature_version=(3, 5))


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_missing_venv(module: str) -> None:
    assert_one_line(start(f"sys.modules[{module!r}] = None"), "venv module is missing", "python3-venv")
