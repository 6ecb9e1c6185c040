"""Access: one permission on one project alone, given and taken back; in effect with the next request."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Project, User
from policies import access
from policies.actions.groups import create_group, update_group
from policies.actions.shares import share
from policies.models import AuditEvent, ProjectShareWithGroup, ProjectShareWithUser
from tests.console.conftest import COMMAND, person

ClientOf = Callable[[str], Client]


@pytest.fixture
def index(org: SimpleNamespace) -> str:
    return reverse("share_index", args=[org.alpha.uid])


@pytest.fixture
def create(org: SimpleNamespace) -> str:
    return reverse("share_create", args=[org.alpha.uid])


def test_a_share_opens_that_project_alone_until_it_is_taken_back(
    org: SimpleNamespace, client_of: ClientOf, index: str, create: str
) -> None:
    guest, keeper = client_of("outsider"), client_of("keeper")
    alpha, beta = (reverse("project_detail", args=[project.uid]) for project in (org.alpha, org.beta))
    assert guest.get(alpha).status_code == 404
    assert keeper.post(create, {"holder": "outsider", "permission": "read"})["Location"] == index
    assert (guest.get(alpha).status_code, guest.get(beta).status_code) == (200, 404)
    assert [row["project"] for row in guest.get(reverse("project_index")).context["rows"]] == [org.alpha]
    [row] = keeper.get(index).context["rows"]
    assert (row["holder"], row["detail"], row["permission"], row["by"]) == (
        "Outsider Person", "outsider", "Open", "Keeper Person",
    )  # fmt: skip
    assert keeper.get(row["delete_url"]).status_code == 200
    assert guest.get(alpha).status_code == 200
    assert keeper.post(row["delete_url"])["Location"] == index
    assert guest.get(alpha).status_code == 404
    assert keeper.get(row["delete_url"]).status_code == 404
    assert [event.action for event in AuditEvent.objects.all()[:2]] == ["project.unshare", "project.share"]


def test_a_group_has_it_as_long_as_one_is_in_it(
    org: SimpleNamespace, client_of: ClientOf, index: str, create: str
) -> None:
    team = create_group(actor=COMMAND, name="Night Shift")
    update_group(actor=COMMAND, group=team, add=[org.outsider])
    assert client_of("keeper").post(create, {"holder": "Night Shift", "permission": "read"}).status_code == 302
    path = reverse("project_detail", args=[org.alpha.uid])
    assert client_of("outsider").get(path).status_code == 200
    [row] = client_of("keeper").get(index).context["rows"]
    assert (row["holder"], row["kind"], row["detail"]) == ("Night Shift", "group", "1 member")
    update_group(actor=COMMAND, group=team, remove=[org.outsider])
    assert client_of("outsider").get(path).status_code == 404
    assert client_of("keeper").post(row["delete_url"]).status_code == 302
    assert not ProjectShareWithGroup.objects.exists()


def test_nobody_gives_what_they_may_not_do(org: SimpleNamespace, client_of: ClientOf, create: str) -> None:
    """A project administrator may share, but not delete: nor make others, or themselves, delete it."""
    page = client_of("keeper").get(create)
    assert [action for action, _ in page.context["form"].fields["permission"].choices] == ["read", "update"]
    for holder in ("outsider", "keeper"):
        assert client_of("keeper").post(create, {"holder": holder, "permission": "delete"}).status_code == 422
    assert not ProjectShareWithUser.objects.exists()
    assert client_of("administrator").post(create, {"holder": "outsider", "permission": "delete"}).status_code == 302
    assert access.may(User.objects.get(pk=org.outsider.pk), "delete", Project.objects.get(pk=org.alpha.pk))


def test_the_name_must_be_exact(org: SimpleNamespace, client_of: ClientOf, create: str) -> None:
    create_group(actor=COMMAND, name="Team")
    client = client_of("keeper")
    for holder in (
        "out", "Outsider Person", "outside%", "example.com", "Tea", "team", "", "nobody", "alpha-user", "\x00",
        "x" * 1000, "' OR ''='",
    ):  # fmt: skip
        answer = client.post(create, {"holder": holder, "permission": "read"})
        assert answer.status_code == 422
        assert "Outsider Person" not in answer.content.decode().replace(f'value="{holder}"', "")
    assert not ProjectShareWithUser.objects.exists()
    for holder in ("OUTSIDER", "Outsider@Example.com", "Team", "group:Team"):
        assert client.post(create, {"holder": holder, "permission": "read"}).status_code == 302
    assert (ProjectShareWithUser.objects.count(), ProjectShareWithGroup.objects.count()) == (1, 1)


def test_of_two_with_one_name_it_asks_which(org: SimpleNamespace, client_of: ClientOf, create: str) -> None:
    create_group(actor=COMMAND, name="outsider")
    client = client_of("keeper")
    assert client.post(create, {"holder": "outsider", "permission": "read"}).status_code == 422
    assert client.post(create, {"holder": "group:outsider", "permission": "read"}).status_code == 302
    assert client.post(create, {"holder": "outsider@example.com", "permission": "read"}).status_code == 302
    assert (ProjectShareWithUser.objects.count(), ProjectShareWithGroup.objects.count()) == (1, 1)


def test_what_was_typed_stays(org: SimpleNamespace, client_of: ClientOf, create: str) -> None:
    answer = client_of("keeper").post(create, {"holder": "nobdy", "permission": "update"})
    assert 'value="nobdy"' in answer.content.decode()
    assert answer.context["form"]["permission"].value() == "update"


def test_only_those_who_may_list_people_search_them(org: SimpleNamespace, client_of: ClientOf) -> None:
    path = reverse("share_search", args=[org.alpha.uid])
    for number in range(20):
        person(f"searched-{number}", email=f"secret{number}@example.org")
    assert client_of("keeper").get(path, {"holder": "outsider"}).status_code == 404
    assert client_of("viewer").get(path, {"holder": "outsider"}).status_code == 403
    client = client_of("administrator")
    assert client.get(path, {"holder": "ou"}).content.decode().count("<option") == 0
    page = client.get(path, {"holder": "outs"}).content.decode()
    assert 'value="outsider"' in page
    assert "o…@example.com" in page
    assert "outsider@" not in page
    assert client.get(path, {"holder": "searched"}).content.decode().count("<option") == 10
    for hostile in ("\x00\x00\x00", "%%%", "x" * 10_000):
        assert client.get(path, {"holder": hostile}).status_code == 200
    assert b"datalist" in client.get(reverse("share_create", args=[org.alpha.uid])).content
    assert b"datalist" not in client_of("keeper").get(reverse("share_create", args=[org.alpha.uid])).content


@pytest.mark.parametrize("who", ["outsider", "viewer"])
def test_others_neither_see_nor_change(
    org: SimpleNamespace, client_of: ClientOf, index: str, create: str, who: str
) -> None:
    share(actor=COMMAND, thing=org.alpha, action="read", subject=org.administrator)
    delete = reverse("share_delete", args=[org.alpha.uid, org.administrator.uid, "read"])
    client = client_of(who)
    for path in (index, create, delete):
        assert client.get(path).status_code == (404 if who == "outsider" else 403)
        assert client.post(path, {"holder": who, "permission": "read"}).status_code == (
            404 if who == "outsider" else 403
        )
    assert ProjectShareWithUser.objects.count() == 1


def test_ids_of_others_are_unknown(org: SimpleNamespace, client_of: ClientOf) -> None:
    share(actor=COMMAND, thing=org.beta, action="read", subject=org.outsider)
    client = client_of("keeper")
    for project, holder, action in (
        (org.alpha.uid, org.outsider.uid, "read"),
        (org.beta.uid, org.outsider.uid, "read"),
        (org.alpha.uid, "0" * 32, "read"),
    ):  # fmt: skip
        assert client.post(reverse("share_delete", args=[project, holder, action])).status_code == 404
    assert ProjectShareWithUser.objects.count() == 1


@pytest.mark.once
def test_ten_or_hundreds_of_shares_take_the_same_queries(org: SimpleNamespace, client_of: ClientOf, index: str) -> None:
    def more(count: int, prefix: str) -> None:
        for number in range(count):
            share(
                actor=COMMAND, thing=org.alpha, action="read", subject=User.objects.create(username=f"{prefix}{number}")
            )
            share(
                actor=COMMAND,
                thing=org.alpha,
                action="read",
                subject=create_group(actor=COMMAND, name=f"{prefix} {number}"),
            )

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(index).status_code == 200
        return len(captured)

    more(5, "few")
    client = client_of("keeper")
    client.get(index)
    few = queries()
    more(40, "many")
    assert queries() == few
