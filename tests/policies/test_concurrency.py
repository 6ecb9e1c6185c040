"""Many writers at once, in threads and processes: no error, nothing lost, and the audit chain verifies."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections

from accounts.models import Scope, User
from policies.actions.administrators import administrators
from policies.actions.assignments import give_role, take_role
from policies.actions.groups import create_group, update_group
from policies.actions.users import add_project_user, disable_user, enable_user
from policies.actor import Actor
from policies.audit import verify
from policies.models import AuditEvent
from policies.naming import roles_for
from tests.factories import a_person, a_project, an_administrator, role
from tests.policies import writers
from tests.servers import ROOT

pytestmark = pytest.mark.django_db(transaction=True)
COMMAND = Actor("tests")


def here() -> dict[str, str]:
    """The environment of a process that works on this test's database and audit trail."""
    database = connection.settings_dict
    address = f"sqlite:///{database['NAME']}"
    if connection.vendor == "postgresql":
        host, port = database["HOST"].replace("/", "%2F"), f":{database['PORT']}" if database["PORT"] else ""
        password = f":{database['PASSWORD']}" if database["PASSWORD"] else ""
        address = f"postgresql://{database['USER']}{password}@{host}{port}/{database['NAME']}"
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "console.settings", "DATABASE_URL": address}


def at_once(*actions: Callable[[], Any]) -> list[BaseException | None]:
    """Start all at the same moment, each in a thread with a connection of its own; what each raised."""
    barrier = Barrier(len(actions))

    def run(action: Callable[[], Any]) -> BaseException | None:
        try:
            barrier.wait()
            action()
        except Exception as error:
            return error
        finally:
            connections.close_all()
        return None

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


@pytest.mark.slow
def test_sixteen_writers() -> None:
    """Twelve in two processes, four in threads of this one, all from the same moment."""
    alpha = a_project("Alpha")
    for name in ("common", "contested"):
        User.objects.create(kind="project_user", project=alpha, username=name)
    before = AuditEvent.objects.count()
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.policies.writers", str(first), "6"],
            cwd=ROOT,
            env=here(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for first in (4, 10)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    writers.main(0, 4)
    for process in processes:
        assert process.communicate(timeout=120)[1] == ""
        assert process.returncode == 0

    added = User.objects.filter(username__startswith="writer-")
    assert added.count() == 16 * writers.USERS
    assert {user.role_assignments.count() for user in added} == {1}
    common = User.objects.get(username="common")
    assert common.role_assignments.count() == len(roles_for("project_user"))
    assert (
        len(common.roles_sort_key.split(", ")) == common.role_assignments.count() or len(common.roles_sort_key) == 200
    )
    assert (
        AuditEvent.objects.filter(action="project_user.create", object_name__startswith="writer-").count()
        == added.count()
    )
    contested = AuditEvent.objects.filter(object_name="contested").order_by("sequence").values_list("before", "after")
    roles: list[str] = []
    for was, became in contested:  # each edit began where the one before it ended
        assert was["roles"] == roles != became["roles"]
        roles = became["roles"]
    assert contested
    rows, problems = verify()
    assert problems == []
    assert rows == AuditEvent.objects.count() > before


def test_two_administrators_disable_each_other() -> None:
    """Of two requests that each disable another administrator, the second sees that it would disable the last (Keycloak
    CVE-2026-9796)."""
    for _ in range(3):
        User.objects.update(is_active=False)
        first, second = an_administrator(), an_administrator()
        errors = at_once(
            partial(disable_user, actor=Actor("first", first), user=second),
            partial(disable_user, actor=Actor("second", second), user=first),
        )
        assert administrators().count() == 1
        assert len([error for error in errors if error]) == 1


def test_the_last_administrator_survives_sixteen_requests() -> None:
    everybody = [an_administrator() for _ in range(4)]
    errors = at_once(*[lambda user=user: disable_user(actor=COMMAND, user=user) for user in everybody * 4])
    assert administrators().count() == 1
    assert {type(error) for error in errors} <= {type(None), ValidationError}
    assert verify()[1] == []


def test_one_username_goes_to_one_of_many() -> None:
    alpha = a_project("Alpha")
    add = {"actor": COMMAND, "project": alpha, "description": "x", "username": "wanted", "password": ""}
    errors = at_once(*[lambda: add_project_user(**add)] * 8)
    assert User.objects.filter(username="wanted").count() == 1
    assert sorted(type(error).__name__ for error in errors) == ["NoneType", *["ValidationError"] * 7]


def test_one_role_is_given_and_taken_once_by_many() -> None:
    an_administrator()
    person, viewer = a_person(), role("roster:project_viewer")
    errors = at_once(*[lambda: give_role(actor=COMMAND, role=viewer, subject=person, scope=Scope.objects.root())] * 8)
    assert errors == [None] * 8
    assignment = person.role_assignments.get()
    errors = at_once(*[lambda: take_role(actor=COMMAND, assignment=assignment)] * 8)
    assert sorted(type(error).__name__ for error in errors) == [*["Conflict"] * 7, "NoneType"]
    told = AuditEvent.objects.filter(object_type="role_assignment", object_uid=assignment.uid)
    assert sorted(told.values_list("action", flat=True)) == ["role_assignment.create", "role_assignment.delete"]


def test_membership_and_disabling_do_not_deadlock() -> None:
    an_administrator()
    person, group = a_person(), create_group(actor=COMMAND, name="Team")

    def switch() -> None:
        for _ in range(10):
            disable_user(actor=COMMAND, user=person)
            enable_user(actor=COMMAND, user=person)

    def move() -> None:
        for _ in range(10):
            update_group(actor=COMMAND, group=group, add=[person])
            update_group(actor=COMMAND, group=group, remove=[person])

    assert at_once(switch, move, switch, move) == [None] * 4
    assert verify()[1] == []
