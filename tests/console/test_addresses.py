"""Security 39: what pages, files and answers lead to is the configured address, never the request's Host header."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from tests.console.services import a_service, an_endpoint
from tests.factories import signed_in

pytestmark = pytest.mark.django_db
POISON = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}


@pytest.fixture(autouse=True)
def any_host(settings: Any) -> None:
    """As carelessly as it can be set up: every Host is let in."""
    settings.ALLOWED_HOSTS, settings.ROSTER_BASE_URL = ["*"], "https://roster.example"


def test_no_address_comes_from_the_host_header(org: SimpleNamespace) -> None:
    """A poisoned host in what somebody is sent or shown (Zitadel GHSA-2wmj-46rj-qm2w)."""
    service, user = a_service("storage"), [org.alpha.uid, org.alpha_user.uid]
    an_endpoint(service)
    admin = signed_in(org.administrator)
    told = 0
    for client, path in (
        (Client(), "/account/"),
        (Client(), "/sign-in/?next=/account/"),
        (Client(), "/account"),  # without its slash
        (Client(), "/missing/"),
        (Client(), "/.well-known/authzen-configuration"),
        (Client(), "/identity"),
        (Client(), "/identity/v3/users"),
        (admin, "/account/"),
        (admin, "/admin/"),
        (admin, reverse("service_detail", args=[service.uid])),
        (admin, reverse("project_user_detail", args=user)),
        (admin, reverse("project_user_files", args=user)),
    ):
        answer: Any = client.get(path, headers=POISON)
        said = f"{dict(answer.headers)} {answer.content.decode()}"
        assert "evil.example" not in said, path
        told += "https://roster.example" in said
    assert told >= 4
    for name in ("clouds.yaml", "openrc.sh", "rclone.conf", ".env"):
        form = {"file": name, "username": "alpha-user", "password": "x" * 24}
        answer = admin.post(reverse("project_user_file_download", args=user), form, headers=POISON)
        assert b"https://roster.example/identity/v3" in answer.content
        assert b"evil.example" not in answer.content


def test_nobody_is_sent_a_link(org: SimpleNamespace) -> None:
    """Whoever forgot a password asks an administrator: there is no reset by mail that could be poisoned, and no mail."""
    for path in ("/password/reset/", "/account/password/reset/", "/accounts/password/reset/", "/admin/password_reset/"):
        for client in (Client(), signed_in(org.administrator)):
            answer: Any = client.post(path, {"email": "keeper@example.com"}, headers=POISON)
            assert answer.status_code in (302, 404)
            assert "evil.example" not in answer.headers.get("Location", "")
    assert not mail.outbox
