"""make lock: the newest versions that pyproject.toml allows, with hashes, for every platform, naming no index."""

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(sys.executable).parent / "uv"
OPTIONS = ["--universal", "--python-version=3.11", "--generate-hashes", "--no-emit-index-url", "--upgrade", "--quiet"]

for arguments in (["--output-file=requirements.txt"], ["--group=test", "--output-file=requirements-test.txt"]):
    command = [str(PROGRAM), "pip", "compile", "pyproject.toml", *OPTIONS, "--custom-compile-command=make lock"]
    subprocess.run([*command, *arguments], check=True, stdout=subprocess.DEVNULL)
