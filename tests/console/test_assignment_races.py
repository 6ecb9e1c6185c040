"""Two requests at the same instant, each in a thread of its own: the last administrator, and one role given by many."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Scope, User
from policies.actions.administrators import administrators
from policies.actions.assignments import give_role
from policies.actions.groups import create_group, update_group
from policies.audit import verify
from policies.models import RoleAssignment
from tests.console.conftest import COMMAND, person, role
from tests.console.pages import Page
from tests.factories import signed_in
from tests.policies.test_concurrency import at_once

pytestmark = pytest.mark.django_db(transaction=True)
ADMINISTRATOR = "roster:administrator"


@pytest.fixture
def two() -> Iterator[tuple[RoleAssignment, RoleAssignment]]:
    """The assignments of the only two administrators, the second of whom is one through a group."""
    first, second = person("first"), person("second")
    User.objects.update(password="x")  # only who can sign in counts
    group = create_group(actor=COMMAND, name="Admins")
    update_group(actor=COMMAND, group=group, add=[second])
    given = [
        give_role(actor=COMMAND, role=role(ADMINISTRATOR), subject=subject, scope=Scope.objects.root())
        for subject in (first, group)
    ]
    yield given[0], given[1]
    assert administrators().count() == 1
    assert verify()[1] == []


def answers(*requests: Callable[[], Any]) -> list[int]:
    """The statuses of requests that were sent at once."""
    found: list[int] = []
    errors = at_once(*(lambda send=send: found.append(send().status_code) for send in requests))
    assert errors == [None] * len(requests)
    return sorted(found)


def take_away(client: Client, assignment: RoleAssignment) -> Callable[[], Any]:
    return lambda: client.post(reverse("assignment_delete", args=[assignment.uid]))


def let_end(client: Client, assignment: RoleAssignment) -> Callable[[], Any]:
    path = reverse("assignment_update", args=[assignment.uid])
    form = Page(client.get(path)).form("seen")
    ends = f"{timezone.now().year + 1}-01-01T00:00"
    return lambda: form.submit(client, path, expires_at=ends)


@pytest.mark.parametrize("second_way", [take_away, let_end])
@pytest.mark.parametrize("first_way", [take_away, let_end])
def test_run_22_two_administrators_take_each_other_s_role(
    two: tuple[RoleAssignment, RoleAssignment], first_way: Any, second_way: Any
) -> None:
    """Of two at the same instant one succeeds; the other is told that it would be the last."""
    first, second = (signed_in(User.objects.get(username=name)) for name in ("first", "second"))
    statuses = answers(first_way(first, two[1]), second_way(second, two[0]))
    # Whoever comes second is the last administrator (422), or has lost the right meanwhile (403, 404).
    assert statuses[0] == 302
    assert statuses[1] in (403, 404, 422)


def test_run_22_both_at_once_by_one_person(two: tuple[RoleAssignment, RoleAssignment]) -> None:
    client = signed_in(User.objects.get(username="second"))
    assert answers(take_away(client, two[0]), take_away(client, two[1])) in ([302, 403], [302, 404], [302, 422])


def test_one_role_given_by_many_is_given_once() -> None:
    boss, somebody = person("boss"), person("somebody")
    give_role(actor=COMMAND, role=role(ADMINISTRATOR), subject=boss, scope=Scope.objects.root())
    viewer, root = role("roster:project_viewer"), Scope.objects.root()
    data = {"step": "give", "subjects": somebody.uid, "roles": viewer.uid, "scopes": root.uid}
    clients = [signed_in(boss) for _ in range(4)]
    path = reverse("assignment_create")
    assert answers(*(lambda client=client: client.post(path, data) for client in clients)) == [200] * 4
    assert somebody.role_assignments.count() == 1
    assert verify()[1] == []
