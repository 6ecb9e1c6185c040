"""make mutants: take one check at a time out of a copy of the decisions, and see whether the property test notices.

    python -m tests.mutants              every mutation
    python -m tests.mutants holdings     those of one module, or with a text in their name

Exit status 1 when one survives: then the test does not prove what it should.
"""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mutants.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST = 900  # seconds; a change that makes the decisions hang is noticed as well


def copied(to: Path, source: Path = ROOT) -> Path:
    """What the decisions and the test need, in a folder of its own."""
    leave_out = shutil.ignore_patterns("__pycache__", "*.png")
    for name in ("accounts", "policies", "console", "tests"):
        shutil.copytree(source / name, to / name, ignore=leave_out)
    return to


def run(folder: Path, data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    address = f"sqlite:///{data / 'roster.sqlite3'}"
    environment = {**os.environ, "DATABASE_URL": address, "ROSTER_LOG_LEVEL": "ERROR", "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "tests.mutants.ask", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LONGEST)


def noticed(base: Path, module: str, mutation: Mutation) -> str:
    """How the test noticed the mutation; empty where it did not."""
    with TemporaryDirectory(dir=base) as folder:
        copy, data = copied(Path(folder) / "project", base / "whole"), Path(folder) / "data"
        shutil.copytree(base / "data", data)
        path = copy / "policies" / f"{module}.py"
        source = path.read_text()
        assert source.count(mutation.old) == 1, f"{mutation.name}: its text does not stand once in {path.name}"
        path.write_text(source.replace(mutation.old, mutation.new))
        try:
            done = run(copy, data)
        except subprocess.TimeoutExpired:
            return "it took too long"
        return (done.stderr.strip().splitlines() or ["it ended"])[-1][:90] if done.returncode else ""


def main() -> int:
    started = time.monotonic()
    wanted = [
        (module, mutation)
        for module, mutations in MUTATIONS.items()
        for mutation in mutations
        if not sys.argv[1:] or any(text in f"{module} {mutation.name}" for text in sys.argv[1:])
    ]
    with TemporaryDirectory(prefix="roster-mutants-") as folder:
        base = Path(folder)
        whole = copied(base / "whole")
        (base / "data").mkdir()
        for arguments in (["prepare"], []):
            done = run(whole, base / "data", *arguments)
            if done.returncode:
                print(f"The test fails without any change:\n{done.stderr}")
                return 2
        survivors = []
        with ThreadPoolExecutor(2) as pool:
            answers = pool.map(lambda each: noticed(base, *each), wanted)
            for (module, mutation), how in zip(wanted, answers, strict=True):
                print(f"{'noticed ' if how else 'SURVIVED'} {module:10} {mutation.name:55} {how}", flush=True)
                survivors += [] if how else [mutation.name]
    print(f"\n{len(wanted) - len(survivors)} of {len(wanted)} noticed, {time.monotonic() - started:.0f} s.")
    return bool(survivors)


if __name__ == "__main__":
    sys.exit(main())
