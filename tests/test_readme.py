"""The README is true: its tables are those of the code, and what it names exists."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from policies.actions.catalogues import load_catalogues
from tests import readme
from tests.factories import COMMAND

ROOT, TEXT = readme.ROOT, readme.README.read_text()
PICTURE_BYTES = 120_000  # whoever clones the repository loads them all


def section(title: str) -> str:
    """What stands under a heading of the second level."""
    return re.split(r"^## ", TEXT.partition(f"## {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def code() -> list[str]:
    """Everything that is written as code, in lines and blocks."""
    return [*re.findall(r"^```\w*\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL), *re.findall(r"`([^`\n]+)`", TEXT)]


@pytest.mark.django_db
def test_generated_tables_are_up_to_date() -> None:
    assert readme.updated(TEXT) == TEXT, "README.md is out of date: run `make readme`"


@pytest.mark.django_db
def test_a_table_that_is_out_of_date_is_seen() -> None:
    old = TEXT.replace("| there | there |", "| there | – |", 1)
    assert old != TEXT
    assert readme.updated(old) == TEXT


def test_settings_are_those_that_are_read() -> None:
    read = set(re.findall(r"^([A-Z_]+) \?=", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name in ("settings.py", "environment.py", "start.py"):
        source = (ROOT / "console" / name).read_text()
        read |= set(re.findall(r'environ(?:ment\.\w+|\.(?!pop)\w+|)[(\[]\s*"([A-Z_]+)"', source))
    told = re.findall(r"^\| `([A-Z_]+)` \|", section("Settings"), re.MULTILINE)
    assert sorted(told) == sorted(read), "the table under Settings in README.md, against what console/settings.py reads"


def test_paths_exist() -> None:
    tops = {"console", "accounts", "policies", "templates", "static", "tests", ".ci"}
    named = {word for text in code() for word in re.findall(r"[\w./<>*-]+", text)}
    paths = {word for word in named if ("/" in word and word.partition("/")[0] in tops) or word == "Makefile"}
    assert len(paths) > 40, "the map of the code names more"
    missing = [path for path in sorted(paths) if not any(ROOT.glob(re.sub(r"<\w+>", "*", path).rstrip("/")))]
    assert missing == []


def test_links_lead_somewhere_and_pictures_are_small() -> None:
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    anchors = {f"#{title.lower().replace(' ', '-')}" for title in re.findall(r"^## (.+)$", TEXT, re.MULTILINE)}
    pictures = [link for link in links if not link.startswith("#")]
    assert {link for link in links if link.startswith("#")} <= anchors
    assert len(pictures) == 3
    assert [picture for picture in pictures if (ROOT / picture).stat().st_size > PICTURE_BYTES] == []


def test_targets_and_commands_exist() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = "\n".join(code())
    assert set(re.findall(r"\bmake (\w+)", text)) <= targets
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= set(get_commands())


@pytest.mark.django_db
def test_the_example_of_a_catalogue_can_be_loaded(tmp_path: Path) -> None:
    file = tmp_path / "example.yaml"
    file.write_text(re.findall(r"^```yaml\n(.*?)^```", section("Catalogue files"), re.MULTILINE | re.DOTALL)[0])
    assert load_catalogues(actor=COMMAND, files=[file], dry_run=True) != []
