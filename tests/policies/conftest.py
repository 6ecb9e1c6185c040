"""What tests of policies need: the shipped catalogues, and files made from them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from policies.actions.catalogues import load_catalogues, shipped_files
from policies.actor import Actor
from policies.models import Catalogue

SHIPPED = {path.stem: path for path in shipped_files()}


@pytest.fixture
def catalogues(db: None) -> dict[str, Catalogue]:
    """The shipped catalogues, loaded, by code."""
    if not Catalogue.objects.exists():
        load_catalogues(actor=Actor.of_command())
    return {catalogue.code: catalogue for catalogue in Catalogue.objects.all()}


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Path]:
    """A copy of a shipped file with some texts replaced: edited("ovhcloud", {"old": "new"}). Each must stand in it."""

    def edit(code: str, changes: dict[str, str]) -> Path:
        content = SHIPPED[code].read_text()
        for old, new in changes.items():
            assert old in content, f"{old!r} does not stand in {code}.yaml"
            content = content.replace(old, new)
        path = tmp_path / f"{code}.yaml"
        path.write_text(content)
        return path

    return edit
