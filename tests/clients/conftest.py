"""A live Roster, with a project, its users and a service, for clients that know nothing of Roster."""

import json
from collections.abc import Iterator

import pytest

from tests.clients.world import MAKE, Demo
from tests.servers import Server, free_port


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """One installation for all clients, with two workers: a change has to be known to the other one too."""
    storage = f"http://127.0.0.1:{free_port()}"
    with Server(workers=2, ROSTER_TRUSTED_PROXIES="127.0.0.1") as server:
        made = json.loads(server.shell(MAKE.format(storage=storage)).splitlines()[-1])
        yield Demo(server, storage, **made)
