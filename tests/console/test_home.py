"""The start page leads to where one works, or says how to begin."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from accounts.models import Scope
from policies.actions.assignments import give_role
from policies.actions.scopes import delete_scope
from policies.actions.shares import share, unshare
from tests.console.conftest import COMMAND, person, role

ClientOf = Callable[[str], Client]
HOME = "/"


@pytest.fixture
def org(fresh_organization: SimpleNamespace) -> SimpleNamespace:
    """Of each test: others here begin with an empty installation."""
    return fresh_organization


def users_of(project: Scope) -> str:
    return reverse("project_user_index", args=[project.uid])


def test_the_first_project_then_the_one_last_visited(org: SimpleNamespace, client_of: ClientOf) -> None:
    client = client_of("administrator")
    assert client.get(HOME)["Location"] == users_of(org.alpha)
    client.get(reverse("project_detail", args=[org.beta.uid]))
    assert client.get(HOME)["Location"] == users_of(org.beta)
    delete_scope(actor=COMMAND, scope=org.beta)
    assert client.get(HOME)["Location"] == users_of(org.alpha)


def test_the_session_is_written_only_when_the_place_changes(org: SimpleNamespace, client_of: ClientOf) -> None:
    client = client_of("administrator")
    client.get(users_of(org.alpha))
    before = Session.objects.get().session_data
    client.get(users_of(org.alpha))
    assert Session.objects.get().session_data == before


def test_the_first_page_that_one_may_open(org: SimpleNamespace, client_of: ClientOf) -> None:
    share(actor=COMMAND, thing=org.beta, action="read", subject=org.outsider)
    client = client_of("outsider")
    first = reverse("project_detail", args=[org.beta.uid])
    assert client.get(HOME)["Location"] == first
    assert (
        f'<a href="{first}" aria-current="true">' in client.get(first).content.decode()
    )  # the switcher leads there too
    unshare(actor=COMMAND, thing=org.beta, action="read", subject=org.outsider)
    assert client.get(HOME).status_code == 200


def test_somebody_without_any_project_learns_who_can_help(org: SimpleNamespace, client_of: ClientOf) -> None:
    page = client_of("outsider").get(HOME)
    assert page.status_code == 200
    assert "Administrator Person" in page.content.decode()
    assert "Alpha" not in page.content.decode()


@pytest.mark.parametrize(("who", "offered"), [("administrator", True), ("outsider", False)])
def test_an_empty_installation_offers_just_two_things(db: None, who: str, offered: bool) -> None:
    somebody = person(who)
    if offered:
        give_role(actor=COMMAND, role=role("roster:administrator"), subject=somebody, scope=Scope.objects.root())
    client = Client()
    client.force_login(somebody)
    page = client.get(HOME)
    assert page.status_code == 200
    assert (reverse("project_create") in page.content.decode()) is offered
    assert (page.context["may_create"], page.context["may_load_sample"]) == (offered, offered)
    listed = client.get(reverse("project_index")).content.decode()
    assert ("No projects yet" in listed, "No projects that you may see" in listed) == (offered, not offered)
