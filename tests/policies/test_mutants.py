"""The list of `make mutants` keeps up with the code: whatever it takes out still stands there, once."""

import ast
from pathlib import Path

import pytest

import policies
from tests.mutants.mutations import MUTATIONS


@pytest.mark.parametrize("module", MUTATIONS)
def test_what_it_takes_out_stands_there_once(module: str) -> None:
    source = (Path(policies.__file__).parent / f"{module}.py").read_text()
    assert [mutation.name for mutation in MUTATIONS[module] if source.count(mutation.old) != 1] == []
    for mutation in MUTATIONS[module]:
        ast.parse(source.replace(mutation.old, mutation.new), mutation.name)


def test_there_are_enough() -> None:
    every = [(module, mutation.name) for module, mutations in MUTATIONS.items() for mutation in mutations]
    assert len(every) > 100
    assert len({*every}) == len(every)
