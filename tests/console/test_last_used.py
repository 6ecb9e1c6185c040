"""When each kind of credential, and its user, was used last: noted at most once in a quarter of an hour, and shown."""

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import ServiceToken, User
from policies.actions.app_tokens import create_app_token
from policies.actions.users import generate_password
from policies.actor import Actor
from policies.ec2 import secret_of
from policies.models import EC2Credential
from tests.console.conftest import role
from tests.console.identity import Caller as IdentityCaller
from tests.console.services import EVALUATION, a_service, a_token, question
from tests.console.services import Caller as ServiceCaller
from tests.console.test_forward import ask, basic
from tests.console.test_identity_credentials import V2_TEXT, v2
from tests.console.test_identity_tokens import a_credential, by_credential, shown, sign_in
from tests.factories import COMMAND, signed_in

pytestmark = pytest.mark.django_db
READER = "ovhcloud:ai_training_read"


@pytest.fixture(autouse=True)
def proxy(settings: Any) -> None:
    """The tests' client is a proxy that is trusted."""
    settings.ROSTER_TRUSTED_PROXIES = [ip_network("127.0.0.1")]


@dataclass
class Used:
    """A credential of a user: what uses it, and the page that tells when that was."""

    credential: Any
    user: User
    use: Callable[[], int]
    page: str


def a_password(org: SimpleNamespace) -> Used:
    password = generate_password(actor=COMMAND, user=org.alpha_user)
    return of_user(org, org.alpha_user, lambda: sign_in("alpha-user", password).status_code)


def a_password_with_each_request(org: SimpleNamespace) -> Used:
    password = generate_password(actor=COMMAND, user=org.alpha_user)
    return of_user(org, org.alpha_user, lambda: ask(Authorization=basic("alpha-user", password)).status_code)


def an_application_credential(org: SimpleNamespace) -> Used:
    credential = a_credential(org.alpha_user, org.alpha, READER)
    return of_user(org, credential, lambda: shown(by_credential(id=credential.uid)).status_code)


def s3_keys(org: SimpleNamespace) -> Used:
    keys = EC2Credential.objects.create(user=org.alpha_user, project=org.alpha)
    service = IdentityCaller(a_service("swift", "roster:token_validator"))
    signature = v2(secret_of(keys.access), V2_TEXT)
    said = {"credentials": {"access": keys.access, "token": b64encode(V2_TEXT).decode(), "signature": signature}}
    return of_user(org, keys, lambda: service.send("POST", "/s3tokens", said).status_code)


def a_service_s_token(org: SimpleNamespace) -> Used:
    service = a_service("gateway", "roster:decision_client")
    caller = ServiceCaller(a_token(service))
    return of_service(service, lambda: caller.send(EVALUATION, question("ana", "read", "project")).status_code)


def a_service_s_token_as_its_password(org: SimpleNamespace) -> Used:
    service = a_service("swift", "roster:token_validator")
    secret = a_token(service)
    return of_service(service, lambda: sign_in("swift", secret, "unscoped").status_code)


def an_app_token(org: SimpleNamespace) -> Used:
    token, secret = create_app_token(
        actor=Actor("keeper", org.keeper), project=org.alpha, name="ci", role=role(READER),
        expires_at=timezone.now() + timedelta(days=7),
    )  # fmt: skip
    page = reverse("app_token_index", args=[org.alpha.uid])
    return Used(token, org.keeper, lambda: ask(Authorization=f"Bearer {secret}").status_code, page)


def of_user(org: SimpleNamespace, credential: Any, use: Callable[[], int]) -> Used:
    page = reverse("project_user_detail", args=[org.alpha.uid, org.alpha_user.uid])
    return Used(credential, org.alpha_user, use, page)


def of_service(service: User, use: Callable[[], int]) -> Used:
    return Used(ServiceToken.objects.get(), service, use, reverse("service_detail", args=[service.uid]))


KINDS = (
    a_password, a_password_with_each_request, an_application_credential, s3_keys, a_service_s_token,
    a_service_s_token_as_its_password, an_app_token,
)  # fmt: skip


@pytest.mark.parametrize("make", KINDS, ids=[make.__name__ for make in KINDS])
def test_use_is_noted_once_in_a_quarter_of_an_hour(org: SimpleNamespace, make: Callable[..., Used]) -> None:
    it = make(org)
    assert {*last_used_on(it.page, org)} == {"never"}
    assert it.use() in (200, 201, 403)  # right, though it may open nothing at that address
    first = times(it)
    assert timezone.now() - min(first) < timedelta(minutes=1)
    assert {*last_used_on(it.page, org)} == {"just now"}
    with CaptureQueriesContext(connection) as queries:
        it.use()
    assert times(it) == first
    assert not [query for query in queries if "last_used_at" in query["sql"] and query["sql"].startswith("UPDATE")]
    for minutes, written in ((14, False), (16, True)):
        then = timezone.now() - timedelta(minutes=minutes)
        for model in {type(it.credential), User}:
            model._default_manager.update(last_used_at=then)
        it.use()
        assert (min(times(it)) > then, max(times(it)) > then) == (written, written)


def times(it: Used) -> list[Any]:
    """Of the credential, and of its user."""
    it.credential.refresh_from_db()
    it.user.refresh_from_db()
    return [it.credential.last_used_at, it.user.last_used_at]


def last_used_on(page: str, org: SimpleNamespace) -> list[str]:
    """What a page says behind "Last used", of the user and of each credential."""
    html = signed_in(org.administrator).get(page).content.decode()
    return re.findall(r'Last used(?:</dt><dd>|">)(?:<time[^>]*>)?([^<]+)<', html)
