"""What every test gets: no network beyond this machine, and a flush that the audit trail's triggers let through."""

import gc
import socket
from collections.abc import Iterator
from copy import deepcopy
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase
from pytest_django.plugin import DjangoDbBlocker

from policies import audit, audit_triggers
from policies.actions.catalogues import load_catalogues
from policies.actor import Actor
from tests import installations


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """PostgreSQL is asked what a database has a say in; all the rest runs on SQLite."""
    gc.freeze()  # thousands of tests that stay: looking through them for garbage takes longer than many a test
    gc.set_threshold(50_000, 20, 20)
    if connection.vendor != "postgresql":
        return
    once = [item for item in items if item.get_closest_marker("once") or not asks_a_database(item)]
    config.hook.pytest_deselected(items=once)
    items[:] = [item for item in items if item not in {*once}]


def asks_a_database(item: pytest.Item) -> bool:
    """Stories in a browser ask one through their server."""
    named = {"db", "transactional_db", "server", "empty_installation"} & {*getattr(item, "fixturenames", ())}
    return bool(named or item.get_closest_marker("django_db"))


def load_shipped_catalogues() -> None:
    load_catalogues(actor=Actor("tests"))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Every test finds the shipped catalogues, as every installation does."""
    with django_db_blocker.unblock():
        load_shipped_catalogues()


@pytest.fixture(scope="module")
def platform(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[SimpleNamespace]:
    """What the module's make_platform() makes, once."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield request.module.make_platform()
        transaction.set_rollback(True)


@pytest.fixture
def p(platform: SimpleNamespace, db: None) -> SimpleNamespace:
    """Each test is rolled back to the platform of its module, and has it for itself."""
    return deepcopy(platform)


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation of one's own (tests.installations). Copy it, and change the copy."""
    folder = tmp_path_factory.mktemp("installation") / "data"
    installations.make(folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """A test that would speak to another machine fails at once, with the address."""
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] != "localhost" and not ip_address(address[0]).is_loopback:
            raise AssertionError(f"a test may not reach {address[0]}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_here)
        yield


@pytest.fixture(scope="session", autouse=True)
def flush_empties_the_audit_trail() -> Iterator[None]:
    """Tests with real transactions end by emptying all tables; the triggers rightly refuse that for audit rows."""
    flush = TransactionTestCase._fixture_teardown

    def flush_without_triggers(self: TransactionTestCase) -> None:
        audit_triggers.remove(connection)
        try:
            flush(self)
        finally:
            audit_triggers.install(connection)
            audit.heads_file().unlink(missing_ok=True)  # else the trail would rightly look cut
        load_shipped_catalogues()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", flush_without_triggers)
        yield
