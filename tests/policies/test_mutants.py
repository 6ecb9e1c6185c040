"""The list of `make mutants` keeps up with the code: whatever it takes out still stands there, once."""

from pathlib import Path

import pytest

import policies
from tests.mutants.mutations import MUTATIONS, Mutation

EVERY = [(module, mutation) for module, mutations in MUTATIONS.items() for mutation in mutations]


@pytest.mark.parametrize(("module", "mutation"), EVERY, ids=[f"{module}: {m.name}" for module, m in EVERY])
def test_what_it_takes_out_stands_there_once(module: str, mutation: Mutation) -> None:
    source = (Path(policies.__file__).parent / f"{module}.py").read_text()
    assert source.count(mutation.old) == 1
    compile(source.replace(mutation.old, mutation.new), module, "exec")


def test_there_are_enough() -> None:
    assert len(EVERY) > 100
    assert len({(module, mutation.name) for module, mutation in EVERY}) == len(EVERY)
