"""Members: people with roles here, inherited or through groups, with the source of each role."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from policies.actions.assignments import give_role
from policies.actions.groups import create_group, update_group
from policies.actions.users import disable_user
from tests.console.conftest import COMMAND, person, role

ClientOf = Callable[[str], Client]


@pytest.fixture
def path(org: SimpleNamespace) -> str:
    return reverse("member_index", args=[org.alpha.uid])


def rows(client: Client, path: str, **query: str) -> list[tuple[str, str, str, str, str, str]]:
    found = client.get(path, query).context["rows"]
    return [(r["person"].username, r["role"].code, r["source"], r["scope"], r["group"], r["status"]) for r in found]


def test_each_role_has_its_source(org: SimpleNamespace, client_of: ClientOf, path: str) -> None:
    team = create_group(actor=COMMAND, name="Team")
    update_group(actor=COMMAND, group=team, add=[org.outsider, org.viewer])
    give_role(actor=COMMAND, role=role("roster:project_viewer"), subject=team, scope=org.cluster)
    give_role(actor=COMMAND, role=role("roster:project_viewer"), subject=person("beta-only"), scope=org.beta)
    give_role(
        actor=COMMAND, role=role("roster:project_administrator"), subject=person("guest"), scope=org.alpha,
        expires_at=timezone.now() - timedelta(days=1),
    )  # fmt: skip
    disable_user(actor=COMMAND, user=org.keeper)
    assert rows(client_of("administrator"), path) == [
        ("administrator", "administrator", "above", "Organization", "", "ok"),
        ("guest", "project_administrator", "here", "Alpha", "", "expired"),
        ("keeper", "project_administrator", "here", "Alpha", "", "disabled"),
        ("outsider", "project_viewer", "above", "North", "Team", "ok"),
        ("viewer", "project_viewer", "here", "Alpha", "", "ok"),
        ("viewer", "project_viewer", "above", "North", "Team", "ok"),
    ]


def test_roles_without_effect_here_are_left_out(org: SimpleNamespace, client_of: ClientOf, path: str) -> None:
    """A role of a catalogue that is switched off, a person who is bound to another cluster, a project user."""
    give_role(actor=COMMAND, role=role("runai:editor"), subject=org.outsider, scope=org.root)
    bound = person("bound")
    give_role(actor=COMMAND, role=role("roster:project_viewer"), subject=bound, scope=org.root)
    User.objects.filter(pk=bound.pk).update(all_clusters=False)
    names = {row[0] for row in rows(client_of("administrator"), path)}
    assert names == {"administrator", "keeper", "viewer"}
    bound.clusters.add(org.cluster)
    assert "bound" in {row[0] for row in rows(client_of("administrator"), path)}


@pytest.mark.parametrize("sort", ["person", "-person", "role", "-role", "source", "-source", "nonsense"])
def test_sorts(org: SimpleNamespace, client_of: ClientOf, path: str, sort: str) -> None:
    found = rows(client_of("viewer"), path, sort=sort)
    assert len(found) == 3
    key = {"person": 0, "role": 1, "source": 2}.get(sort.removeprefix("-"), 0)
    values = [row[key] for row in found]
    if key == 2:  # here comes before above
        values = [value == "above" for value in values]
    assert values == sorted(values, reverse=sort.startswith("-"))


def test_search_does_not_reveal_addresses(org: SimpleNamespace, client_of: ClientOf, path: str) -> None:
    User.objects.get(username="keeper").save()
    assert [row[0] for row in rows(client_of("viewer"), path, q="KEEP")] == ["keeper"]
    assert [row[0] for row in rows(client_of("viewer"), path, q="keeper person")] == ["keeper"]
    for q in ("example.com", "keeper@", "@"):
        assert rows(client_of("viewer"), path, q=q) == []
        assert rows(client_of("administrator"), path, q=q)
    assert b"example.com" not in client_of("viewer").get(path).content
    for q in ("%", "_", "\x00%", "x" * 10_000, "'--"):
        assert rows(client_of("viewer"), path, q=q) == []


@pytest.mark.once
def test_ten_or_hundreds_of_members_take_the_same_queries(org: SimpleNamespace, client_of: ClientOf, path: str) -> None:
    def more(count: int, prefix: str) -> None:
        team = create_group(actor=COMMAND, name=prefix)
        people = User.objects.bulk_create(
            User(username=f"{prefix}{n}", search_text=f"{prefix}{n}") for n in range(count)
        )
        team.user_set.add(*people)
        give_role(actor=COMMAND, role=role("roster:project_viewer"), subject=team, scope=org.department)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    more(10, "few")
    client = client_of("keeper")
    client.get(path)
    few = queries()
    more(1000, "many")
    assert queries() == few
    assert client.get(path, {"page": "41"}).context["page"].paginator.count == 1013
