"""make bench: measurements on SQLite and on PostgreSQL, each in a process and a database of its own.

python -m tests.bench            lists, writes and sign-in (SCALE=0.1 for a tenth of the rows)
python -m tests.bench lists      one of them
python -m tests.bench access     make bench-access: decisions among a million users, on PostgreSQL alone
python -m tests.bench identity   make bench-identity: Identity v3 over HTTP, on PostgreSQL alone (SECONDS=2 for less)
python -m tests.bench directory  and its lists among ten thousand users
"""

import os
import subprocess
import sys
from tempfile import TemporaryDirectory

from tests import postgres

MEASUREMENTS = ("lists", "writes", "sign_in")
AT_SCALE = ("access", "identity", "directory")  # SQLite hides what goes wrong there


def measure(name: str, **variables: str) -> bool:
    with TemporaryDirectory(prefix="roster-bench-") as data:
        environment = {
            **os.environ,
            "ROSTER_DATA": data,
            "ROSTER_LOG_LEVEL": "ERROR",
            "PYTHONWARNINGS": "ignore",
            **variables,
        }
        return subprocess.run([sys.executable, "-m", "tests.bench.setting", name], env=environment).returncode == 0


def main() -> int:
    asked = sys.argv[1:] or MEASUREMENTS
    ok = True
    for name in (*MEASUREMENTS, *AT_SCALE):
        if name in asked:
            ok &= name in AT_SCALE or measure(name)
            with postgres.server() as url:
                ok &= measure(name, DATABASE_URL=url)
    return not ok


if __name__ == "__main__":
    sys.exit(main())
