"""What make runs: checks the machine, makes .venv, installs what a lock file lists, then becomes the command given.

    python3 -I console/start.py LOCKFILE COMMAND...      (COMMAND is run by the Python of .venv)

It uses the standard library only and parses on old Pythons, so that it can say that they are too old. Whatever stops
it is one line on standard error that says what to do.
"""

import hashlib
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# The locks that .venv holds, one digest a line. Written last: an interrupted installation is done again.
INSTALLED = VENV / "installed"


def check_python():
    if sys.version_info < (3, 11):
        version = ".".join(map(str, sys.version_info[:3]))
        sys.exit(
            "Roster needs Python 3.11 or newer, and this is %s. Name another: make run PYTHON=python3.12" % version
        )
    try:
        import ensurepip  # noqa: F401 (Debian splits it off, and venv then fails late and at length)
        import venv  # noqa: F401
    except ImportError:
        sys.exit("Python's venv module is missing. Install it (Debian, Ubuntu: apt install python3-venv), then again.")


def check_folder(folder):
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        sys.exit(
            "%s cannot be written: %s. Choose a folder of yours: make run ROSTER_DATA=folder" % (folder, reason(error))
        )


def reason(error):
    return "it is not a folder" if isinstance(error, FileExistsError) else str(error.strerror).lower()


def check_port(port):
    if not port.isdigit() or not 0 < int(port) < 65536:
        sys.exit("PORT is %r. Choose a number from 1 to 65535: make run PORT=8123" % port)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(port)))
        except OSError as error:
            another = 8123 if port != "8123" else 8124
            sys.exit("Port %s cannot be used: %s. Choose another: make run PORT=%d" % (port, reason(error), another))


def install(lock):
    """Bring .venv to what the lock file says; nothing to do where it has that already."""
    version = "%d.%d" % sys.version_info[:2]
    digest = version + " " + hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()
    installed = INSTALLED.read_text().splitlines() if INSTALLED.exists() else []
    if digest in installed:
        return
    try:
        VENV.mkdir(exist_ok=True)
        tempfile.TemporaryFile(dir=str(VENV)).close()
    except OSError as error:
        sys.exit("%s cannot be written: %s. Work in a checkout of your own." % (VENV, reason(error)))
    print("Installing %s into .venv: this takes a minute, once." % lock, flush=True)
    if not PYTHON.exists() or not all(line.startswith(version + " ") for line in installed):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        installed = []
    # Compiling everything takes as long as all the rest, and most of it is never run: Python compiles what is.
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    if subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / lock)]).returncode:
        sys.exit("Installing failed, for the reason above. Once that is mended, run the same command again.")
    INSTALLED.write_text("\n".join([*installed, digest]))


def main(lock, *command):
    check_python()
    if "serve" in command:
        port = os.environ.get("PORT") or "8000"
        check_folder(os.environ.get("ROSTER_DATA") or str(ROOT / "var"))
        check_port(port)
        os.environ.setdefault("ROSTER_BASE_URL", "http://127.0.0.1:" + port)
    install(lock)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # where nothing compiled may be kept, each process compiles it anew
    os.execv(str(PYTHON), [str(PYTHON), *command])


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
