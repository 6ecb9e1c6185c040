"""What a browser is told, on every kind of answer: page, redirect, 404, 500, static file, refused host."""

import logging

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.factories import a_person, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.console.urls")]

POLICY = {
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}


def assert_headers(response: HttpResponse) -> None:
    assert set(response["Content-Security-Policy"].split("; ")) == POLICY
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]
    assert len(response["X-Request-ID"]) == 32


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/sign-in/", 200), ("/signed-in/", 302), ("/missing/", 404), ("/fails/", 500),
        ("/api/", 200), ("/api/missing/", 404), ("/api/fails/", 500),
    ],
)  # fmt: skip
def test_every_answer_carries_them(path: str, status: int) -> None:
    response = Client(raise_request_exception=False).get(path)
    assert response.status_code == status
    assert_headers(response)
    assert b"a detail" not in response.content


def test_static_files_carry_them(settings, tmp_path) -> None:
    (tmp_path / "roster.css").write_text("body {}")
    settings.STATIC_ROOT = tmp_path
    response = Client().get("/static/roster.css")
    assert b"".join(response) == b"body {}"
    response.close()
    assert_headers(response)
    assert "Access-Control-Allow-Origin" not in response


@pytest.mark.parametrize("path", ["/sign-in/", "/api/"])
def test_a_foreign_host_is_refused_with_them(path: str) -> None:
    response = Client().get(path, headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert_headers(response)


def test_what_a_program_asks_has_nothing_of_a_page() -> None:
    response = signed_in(a_person("mara")).get("/api/")
    assert response.content == b"found: []"
    assert response["Content-Length"] == "9"
    assert not response.cookies


def test_https_is_insisted_on_in_production(settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31536000
    assert Client().get("/sign-in/")["Location"] == "https://testserver/sign-in/"
    for path in ("/sign-in/", "/missing/", "/fails/"):
        response = Client(raise_request_exception=False).get(path, secure=True)
        assert response["Strict-Transport-Security"].startswith("max-age=31536000")


def test_an_error_is_logged_with_its_request(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Client(raise_request_exception=False).get("/fails/?search=somebody")
    [error] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert error.exc_info
    assert error.name == "console.requests"
    [line] = [record for record in caplog.records if record.levelname == "INFO"]
    assert (line.getMessage(), line.status) == ("GET /fails/", 500)


def test_an_error_page_that_fails_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    response = Client(raise_request_exception=False).get("/broken-error-page/")
    assert response.status_code == 500
    assert_headers(response)
    assert "the page for 404 fails" in caplog.text
