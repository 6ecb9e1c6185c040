"""The tests' own ground: no network, a flush that empties the audit trail, and the trail's triggers back afterwards."""

import socket

import pytest
from django.db import Error, connection, transaction

from policies.actor import Actor
from policies.audit import record, verify
from policies.models import AuditEvent, Catalogue


def test_no_test_reaches_another_machine() -> None:
    with socket.socket() as probe, pytest.raises(AssertionError, match=r"may not reach 192\.0\.2\.1"):
        probe.connect(("192.0.2.1", 80))


@pytest.mark.parametrize("time", ["first", "second"])
@pytest.mark.django_db(transaction=True)
def test_the_audit_trail_starts_anew_and_is_append_only_every_time(time: str) -> None:
    loading = Catalogue.objects.count()  # one event each, all that happened before a test
    record(Actor.of_command(), "harness.test")
    assert verify() == (loading + 1, [])
    for change in (AuditEvent.objects.all().delete, lambda: AuditEvent.objects.update(action="forged")):
        with pytest.raises(Error, match="append-only"), transaction.atomic():
            change()
    assert AuditEvent.objects.count() == loading + 1


@pytest.mark.django_db
def test_the_database_is_the_one_asked_for() -> None:
    assert connection.vendor in ("sqlite", "postgresql")
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert cursor.execute("PRAGMA foreign_keys").fetchone() == (1,)
