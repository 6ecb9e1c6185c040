"""Request id, client address, and the limits of a session."""

from ipaddress import ip_network

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from console.middleware import RequestContextMiddleware, client_address


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("192.0.2.7", "203.0.113.9", "192.0.2.7"),  # a stranger may claim nothing
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),  # what the stranger wrote before it
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),  # two proxies
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("", "203.0.113.9", ""),
    ],
)
def test_client_address(settings, peer: str, forwarded: str, expected: str) -> None:
    settings.ROSTER_TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    assert client_address(peer, forwarded) == expected


def answer(**headers: str) -> tuple[HttpRequest, HttpResponse]:
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR="10.0.0.1")
    return request, RequestContextMiddleware(lambda request: HttpResponse(str(request.is_secure())))(request)


def test_only_a_trusted_proxy_names_the_request_and_the_scheme(settings) -> None:
    said = {"X-Request-ID": "proxy-4711-abc", "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    request, response = answer(**said)
    assert response["X-Request-ID"] == request.request_id != "proxy-4711-abc"
    assert (request.client_address, response.content) == ("10.0.0.1", b"False")

    settings.ROSTER_TRUSTED_PROXIES = [ip_network("10.0.0.1")]
    request, response = answer(**said)
    assert response["X-Request-ID"] == request.request_id == "proxy-4711-abc"
    assert (request.client_address, response.content) == ("203.0.113.9", b"True")


@pytest.mark.parametrize("bad", ["a b", "x" * 65, "short", "ümlaut-id", "a;b<script>"])
def test_a_request_id_that_could_do_harm_is_replaced(settings, bad: str) -> None:
    settings.ROSTER_TRUSTED_PROXIES = [ip_network("10.0.0.1")]
    _, response = answer(**{"X-Request-ID": bad})
    assert response["X-Request-ID"].isalnum()
