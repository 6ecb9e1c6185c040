"""Security 25: where a decision cannot be made, nothing opens and nothing is changed."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User
from console.environment import networks
from policies.actions.resources import register_resource
from policies.models import AuditEvent, EntityType
from tests.console.conftest import COMMAND
from tests.console.identity import Caller as IdentityCaller
from tests.console.services import EVALUATION, EVALUATIONS, SEARCH, caller, question
from tests.factories import signed_in

pytestmark = pytest.mark.django_db


def times_out(execute: Any, sql: str, *rest: Any) -> Any:
    """The database does not say who holds which role."""
    if "policies_roleassignment" in sql:
        raise OperationalError("canceling statement due to statement timeout")
    return execute(sql, *rest)


def quietly(client: Client) -> Client:
    client.raise_request_exception = False
    return client


def test_pages_neither_open_nor_change_anything(org: SimpleNamespace) -> None:
    keeper, events = quietly(signed_in(org.administrator)), AuditEvent.objects.count()
    at = [org.alpha.uid, org.alpha_user.uid]
    with connection.execute_wrapper(times_out):
        for answer in (
            keeper.get(reverse("project_user_index", args=at[:1])),
            keeper.get("/admin/"),
            keeper.post(reverse("project_user_disable", args=at)),
            keeper.post(reverse("project_user_delete", args=at), {"confirm": "alpha-user"}),
        ):
            assert answer.status_code == 500
            assert b"alpha-user" not in answer.content
            assert b"timeout" not in answer.content
    assert User.objects.get(pk=org.alpha_user.pk).is_active
    assert AuditEvent.objects.count() == events


def test_services_are_told_no_decision(org: SimpleNamespace) -> None:
    service = caller("gateway", "roster:decision_client")
    asked = question("keeper", "read", "project", "alpha")
    quietly(service.client)
    with connection.execute_wrapper(times_out):
        answers = [service.send(path, asked) for path in (EVALUATION, *SEARCH.values())]
        answers.append(service.send(EVALUATIONS, {**asked, "evaluations": [{}, {}]}))
    for answer in answers:
        assert answer.status_code == 500
        assert b"decision" not in answer.content


def test_a_proxy_lets_nobody_through(org: SimpleNamespace, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROSTER_TRUSTED_PROXIES", "127.0.0.1")
    settings.ROSTER_TRUSTED_PROXIES = networks("ROSTER_TRUSTED_PROXIES")
    notebook = EntityType.objects.get(catalogue__code="ovhcloud", code="notebook")
    register_resource(
        actor=COMMAND, entity_type=notebook, scope=org.alpha, name="lab", url="https://tools.example.com/lab"
    )
    said = {"Method": "GET", "Proto": "https", "Host": "tools.example.com", "Uri": "/lab"}
    with connection.execute_wrapper(times_out):
        answer: HttpResponse = quietly(signed_in(org.administrator)).get(  # type: ignore[assignment]
            reverse("forward_auth"), headers={f"X-Forwarded-{name}": value for name, value in said.items()}
        )
    assert answer.status_code == 500
    assert "X-Roster-User" not in answer


def test_clients_of_identity_learn_and_change_nothing(org: SimpleNamespace) -> None:
    admin = IdentityCaller(org.administrator)
    quietly(admin.client)
    user = f"/users/{org.alpha_user.uid}"
    with connection.execute_wrapper(times_out):
        answers = [admin.send("GET", "/users"), admin.send("PATCH", user, {"user": {"enabled": False}})]
        answers.append(admin.send("DELETE", user))
    for answer in answers:
        assert answer.status_code == 500
        assert b"alpha-user" not in answer.content
    assert User.objects.get(pk=org.alpha_user.pk).is_active
