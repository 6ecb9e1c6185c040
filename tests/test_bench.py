"""The world of `make bench-access` can still be made: it names columns, which change."""

import pytest
from django.db import connection

from accounts.models import User
from policies.models import Resource, RoleAssignment
from tests.bench import access_world

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL makes the world, by its own functions"),
]

SMALL = access_world.Numbers(
    clusters=2,
    departments=4,
    projects=20,
    people=60,
    project_users=40,
    groups=5,
    resources=50,
    assignments=800,
    of_the_heavy_user=10,
)


def test_a_small_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_world, "NUMBERS", SMALL)
    access_world.fill()
    assert User.objects.count() == SMALL.people + SMALL.project_users
    assert Resource.objects.count() == SMALL.resources
    heavy = User.objects.get(username=access_world.HEAVY)
    assert RoleAssignment.objects.filter(user=heavy).count() >= SMALL.of_the_heavy_user / 2
