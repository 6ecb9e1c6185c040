"""The Django admin with real transactions: what is recorded, and when a password is hashed."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Project, Scope, User
from policies import audit
from policies.actions import users
from policies.actions.assignments import give_role
from policies.actions.catalogues import load_catalogues
from policies.actions.scopes import create_scope
from policies.actor import Actor
from policies.models import AuditEvent, Role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Scope:
    load_catalogues(actor=Actor.of_command())
    return create_scope(actor=Actor.of_command(), kind="project", name="Project A")


def signed_in(role: str, scope: Scope) -> Client:
    person, _ = users.add_person(actor=Actor.of_command(), username=role)
    User.objects.filter(pk=person.pk).update(password_is_temporary=False)
    give_role(
        actor=Actor.of_command(),
        role=Role.objects.get(catalogue__code="roster", code=role),
        subject=person,
        scope=scope,
    )
    client = Client()
    client.force_login(person)
    return client


def test_a_refused_write_stays_recorded(project: Scope) -> None:
    client = signed_in("project_administrator", project)
    address = reverse("admin:accounts_project_delete", args=[project.pk])
    assert client.post(address, {"post": "yes"}).status_code == 403
    last = AuditEvent.objects.latest("sequence")
    assert (last.action, last.outcome, last.object_uid) == ("project.delete", "refused", project.uid)
    assert Project.objects.filter(pk=project.pk).exists()
    assert audit.verify() == (last.sequence, [])


def test_a_password_is_hashed_before_the_transaction_begins(project: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in("administrator", Scope.objects.root())
    hashed_inside: list[bool] = []
    make_password = users.make_password

    def noting(*args: Any) -> str:
        hashed_inside.append(connection.in_atomic_block)
        return make_password(*args)

    monkeypatch.setattr(users, "make_password", noting)
    address = reverse("admin:accounts_user_add")
    assert client.post(address, {"username": "new", "nonce": "n"}).status_code == 200
    again = reverse("admin:accounts_user_password", args=[User.objects.get(username="new").pk])
    assert client.post(again, {"nonce": "m"}).status_code == 200
    assert hashed_inside == [False, False]
    assert audit.verify()[1] == []
