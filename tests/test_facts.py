"""Every statement about the three systems is named by a test that proves it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

TESTS = Path(__file__).resolve().parent
STATEMENTS = yaml.safe_load((TESTS / "facts/statements.yaml").read_text())
NAMED = re.compile(r"\b(OVH|RUN|H2O)-(\d\d)(?: to \1-(\d\d))?")

# What is not here yet, and why.
LATER = {
    "RUN-02": "single sign-on, and with it the two tabs, comes with the identity service",
    "RUN-03": "the page for adding people comes with single sign-on; people are added in the administration pages",
    "RUN-19": "single sign-on",
    "RUN-23": "the Users area of people comes with single sign-on",
}


def proofs() -> Iterator[tuple[str, str]]:
    """(statement, test or class of tests that names it in its name or docstring), a range as each of its statements."""
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name.lower().startswith("test"):
                name = re.sub(r"_(OVH|RUN|H2O)_", r" \1-", node.name.upper())
                said = f"{name} {ast.get_docstring(node) or ''}"
                for system, first, last in NAMED.findall(said):
                    for number in range(int(first), int(last or first) + 1):
                        yield f"{system}-{number:02}", f"{path.stem}.{node.name}"


def test_the_list_is_whole() -> None:
    numbers = {system: [int(s[4:]) for s in STATEMENTS if s.startswith(system)] for system in ("OVH", "RUN", "H2O")}
    assert {system: len(found) for system, found in numbers.items()} == {"OVH": 17, "RUN": 23, "H2O": 27}
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


def test_every_statement_is_named_by_a_test() -> None:
    proved = {statement for statement, _ in proofs()}
    assert proved <= {*STATEMENTS}
    assert {*STATEMENTS} - proved == {*LATER}


def test_what_is_about_access_waits_for_no_other_page() -> None:
    """Of the statements about access, only what is about things that do not exist yet may be missing."""
    access = {statement for statement, what in STATEMENTS.items() if what["access"]}
    assert access & {*LATER} == {"RUN-23"}
