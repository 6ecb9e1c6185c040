"""What no checker of the field finds: codes of roles and catalogues in the code, and functions that grew too long."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
APPS = ("accounts", "policies", "console")
SHIPPED = sorted((ROOT / "policies/catalogues").glob("*.yaml"))
LONGEST_VIEW = 30  # lines; 25 are meant
# Codes that are ordinary words of the field as well: these are looked for as names of roles and catalogues only.
ORDINARY = re.compile(r"[a-z]+")


def python_files() -> list[Path]:
    files = [ROOT / "manage.py", *(path for app in APPS for path in (ROOT / app).rglob("*.py"))]
    return sorted(path for path in files if "migrations" not in path.parts)


def templates() -> list[Path]:
    return sorted((ROOT / "templates").rglob("*.html"))


def codes() -> tuple[set[str], set[str]]:
    """(codes of catalogues, codes and aliases of roles) of the shipped files."""
    catalogues, roles = set(), set()
    for path in SHIPPED:
        content = yaml.safe_load(path.read_text())
        catalogues.add(content["catalogue"])
        for code, role in content["roles"].items():
            roles |= {code, *role.get("aliases", [])}
    return catalogues, roles


CATALOGUES, ROLES = codes()
# A word of its own in any text: no such word means anything else. The product's own catalogue has the product's name.
TELLING = {code for code in CATALOGUES | ROLES if not ORDINARY.fullmatch(code)} | CATALOGUES - {"roster"}
# Ordinary words (administrator, viewer, roster): only as a whole text, the way a code would be written to be compared.
WHOLE = (CATALOGUES | ROLES) - TELLING


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of every string in a Python file that is no docstring."""
    tree = ast.parse(path.read_text(), str(path))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, documented) and ast.get_docstring(node)
    }  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def named(text: str) -> set[str]:
    """The codes that a text names."""
    words = set(re.findall(r"[a-z0-9]+(?:[_-][a-z0-9]+)*", text))
    full_names = {code for catalogue in CATALOGUES for code in re.findall(rf"\b{catalogue}:([a-z_]+)", text)}
    return words & TELLING | {text} & WHOLE | full_names


# Ordinary words that a text may be, because they are there the name of something else.
ELSEWHERE = {
    ("accounts/models/services.py", "admin"),  # the interface of an endpoint, as OpenStack calls it
    ("console/forms/endpoints.py", "admin"),
    ("console/admin/site.py", "admin"),  # what Django calls the URLs of its admin
    ("console/management/commands/bootstrap.py", "admin"),  # the first person's username
}


def test_there_are_codes_to_look_for() -> None:
    assert len(SHIPPED) == 5
    assert {"ovhcloud", "runai", "h2o"} <= TELLING
    assert {"ai_training_read", "ai_training_reader", "project_viewer", "department_admin"} <= TELLING
    assert {"administrator", "editor"} <= WHOLE
    assert named('role == "ovhcloud:administrator"') == {"ovhcloud", "administrator"}
    assert named("administrator") == {"administrator"}
    assert named("An administrator can help.") == set()


@pytest.mark.parametrize("path", python_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_code_names_no_catalogue_and_no_role(path: Path) -> None:
    """Another catalogue, or the same one with other roles, needs no line of code."""
    place = str(path.relative_to(ROOT))
    found = {(line, code) for line, text in texts(path) for code in named(text) if (place, code) not in ELSEWHERE}
    assert not found


@pytest.mark.parametrize("path", templates(), ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_name_no_catalogue_and_no_role(path: Path) -> None:
    """Outside comments: in the words, and in what tags and attributes quote."""
    source = re.sub(r"\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}", "", path.read_text(), flags=re.DOTALL)
    quoted = re.findall(r"\"([^\"]*)\"|'([^']*)'", source)
    words = set(re.findall(r"[a-z0-9]+(?:[_-][a-z0-9]+)*", source)) & TELLING
    assert not words | {text for pair in quoted for text in pair if text in WHOLE}


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """(name, lines) of the functions of a module; decorators and signature count."""
    for node in ast.parse(path.read_text(), str(path)).body:
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def test_views_are_short() -> None:
    lengths = {
        f"{path.stem}.{name}": lines
        for path in (ROOT / "console/views").glob("*.py")
        for name, lines in functions(path)
    }
    print("Longer than 25 lines:", {name: lines for name, lines in lengths.items() if lines > 25} or "none")
    assert not {name: lines for name, lines in lengths.items() if lines > LONGEST_VIEW}


def test_modules_are_named_after_what_they_hold() -> None:
    assert not [
        path for path in python_files() if path.stem in ("utils", "helpers", "misc", "common", "util", "helper")
    ]


def test_every_module_says_what_it_is_for() -> None:
    """A docstring on top of every module that holds functions or classes which others use."""
    silent = []
    for path in python_files():
        tree = ast.parse(path.read_text())
        public = [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
        if public and not ast.get_docstring(tree):
            silent.append(str(path.relative_to(ROOT)))
    assert not silent
