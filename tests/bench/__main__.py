"""make bench: every measurement on SQLite and on PostgreSQL, each in a process and a database of its own.

python -m tests.bench            everything (SCALE=0.1 for a tenth of the rows)
python -m tests.bench lists      one of them
"""

import os
import subprocess
import sys
from tempfile import TemporaryDirectory

from tests import postgres

MEASUREMENTS = ("lists", "writes", "sign_in")


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
    wanted = [name for name in MEASUREMENTS if name in sys.argv[1:] or not sys.argv[1:]]
    ok = True
    for name in wanted:
        ok &= measure(name)
        with postgres.server() as url:
            ok &= measure(name, DATABASE_URL=url)
    return not ok


if __name__ == "__main__":
    sys.exit(main())
