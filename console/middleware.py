"""What happens around every request: its id and client address, its log line, headers, and the limits of a session."""

import logging
import re
import time
from collections.abc import Callable
from ipaddress import ip_address
from uuid import uuid4

from allauth.usersessions.models import UserSession
from csp.utils import build_policy
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.core.signals import got_request_exception
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django_htmx.middleware import HtmxDetails

from console.logs import request_context
from policies.rulebook import asked_once

log = logging.getLogger("console.requests")
GetResponse = Callable[[HttpRequest], HttpResponse]


class Request(HttpRequest):
    """A request as views get it, with what RequestContextMiddleware and django-htmx add."""

    request_id: str
    client_address: str
    htmx: HtmxDetails


REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,40}")  # as much as the audit trail keeps
SERVICE_PATHS = ("/access/v1/", "/api/", "/identity")  # of what programs ask
# A session is written at most this often, not on every page: every write on SQLite waits for the one before it.
TOUCH_SECONDS = 60


def is_trusted_proxy(address: str) -> bool:
    """Whether ROSTER_TRUSTED_PROXIES lists this address; False for what is no address."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in settings.ROSTER_TRUSTED_PROXIES)


def client_address(peer: str, forwarded: str) -> str:
    """The address that a request came from: the last one in X-Forwarded-For that no trusted proxy vouches away.

    Each proxy appends who it spoke to, so the list is read from its end; what stands left of the first stranger was
    written by that stranger.
    """
    address = peer
    for hop in reversed(forwarded.split(",")):
        if not is_trusted_proxy(address):
            break
        try:
            address = str(ip_address(hop.strip()))
        except ValueError:
            break
    return address


class RequestContextMiddleware:
    """Sets request.request_id and request.client_address, answers with X-Request-ID and logs one line.

    The line has no query string: searches hold names.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        peer = request.META.get("REMOTE_ADDR", "")
        trusted = is_trusted_proxy(peer)
        if not trusted:
            for name in [name for name in request.META if name.startswith("HTTP_X_FORWARDED_")]:
                del request.META[name]
        given = request.headers.get("X-Request-ID", "") if trusted else ""
        request.request_id = given if REQUEST_ID.fullmatch(given) else uuid4().hex
        request.client_address = client_address(peer, request.headers.get("X-Forwarded-For", ""))
        token = request_context.set({"request_id": request.request_id, "client": request.client_address})
        started = time.perf_counter()
        try:
            response = self.get_response(request)
            log.info(
                "%s %s",
                request.method,
                request.path,
                extra={"status": response.status_code, "ms": round(1000 * (time.perf_counter() - started), 1)},
            )
        finally:
            request_context.reset(token)
        response.setdefault("X-Request-ID", request.request_id)  # services get theirs back as they wrote it
        return response


@receiver(got_request_exception)
def log_exception(request: HttpRequest, **kwargs: object) -> None:
    """Log a failure with its traceback. Django itself would not, where the page for a 403 or 404 is what failed."""
    log.error("%s %s failed", request.method, request.path, exc_info=True)


def security_headers(get_response: GetResponse) -> GetResponse:
    """The headers that Django does not set. Every answer has the same policy of content: it is written once."""
    policy = build_policy()

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["Content-Security-Policy"] = policy
        response["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        return response

    return middleware


def rules_asked_once(get_response: GetResponse) -> GetResponse:
    """A page asks once whether the rules have changed, and is drawn from one state of them."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with asked_once():
            return get_response(request)

    return middleware


def services(get_response: GetResponse) -> GetResponse:
    """Answers what programs ask, past everything that only pages need: sessions, cookies, messages, signing in.

    A view below these paths finds no session and nobody signed in; whoever asks shows it by the request itself.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(SERVICE_PATHS):
            return get_response(request)
        request.get_host()  # raises for a host that is not ours; of pages, CommonMiddleware asks
        try:
            match = request.resolver_match = resolve(request.path_info)
        except Resolver404:
            return get_response(request)
        response = match.func(request, *match.args, **match.kwargs)
        if not response.streaming:
            response.setdefault("Content-Length", str(len(response.content)))
        return response

    return middleware


def session_limits(get_response: GetResponse) -> GetResponse:
    """Ends a session that was idle, or is old, and keeps signed-in pages out of every cache."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            if _has_expired(request):
                logout(request)
            else:
                request_context.get({})["user"] = request.user.uid
                _touch(request)
        response = get_response(request)
        if request.user.is_authenticated:
            request.session.setdefault("signed_in_at", time.time())  # this request signed in
            request.session.setdefault("last_seen_at", time.time())
            response["Cache-Control"] = "no-store"
        return response

    return middleware


def _has_expired(request: HttpRequest) -> bool:
    now = time.time()
    return (
        now - request.session.get("signed_in_at", now) > settings.ROSTER_SESSION_ABSOLUTE
        or now - request.session.get("last_seen_at", now) > settings.ROSTER_SESSION_IDLE
    )


def _touch(request: HttpRequest) -> None:
    """Note that the session is in use, here and in the person's list of sessions."""
    pause = min(TOUCH_SECONDS, settings.ROSTER_SESSION_IDLE / 4)
    if time.time() - request.session.get("last_seen_at", 0) > pause:
        request.session["last_seen_at"] = time.time()
        UserSession.objects.create_from_request(request)


class NoticeCookieStorage(CookieStorage):
    cookie_name = f"{settings.ROSTER_COOKIE_PREFIX}roster_notices"


class NoticeStorage(FallbackStorage):
    """Django's default storage of messages with the cookie named like our others: __Host- in production."""

    storage_classes = (NoticeCookieStorage, SessionStorage)
