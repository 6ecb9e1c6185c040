"""Signing in to the console: allauth's pages, with Roster's own limits, audit and answers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.backends import BaseBackend
from django.core import signing
from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.crypto import get_random_string
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.models import User
from console.protection import PageRequest
from policies.actions import sign_in
from policies.actions.sign_in import TooManyTries
from policies.actor import Actor
from policies.compiled import Compiled

# Of a worker's four threads so many may be busy with passwords; the others go on serving. Nobody waits for a place.
AT_ONCE = BoundedSemaphore(3)

KNOWN_BROWSER_SALT = "console.signing_in.known_browser"
KNOWN_BROWSER_SECONDS = 180 * 24 * 60 * 60


class Busy(TooManyTries):
    """More people sign in right now than this worker takes at once."""

    seconds = 5

    def __str__(self) -> str:
        return "Many people are signing in right now. Try again in a few seconds."


@contextmanager
def one_of_few() -> Iterator[None]:
    """Inside, a password may be hashed. Raises Busy at once where as many others do."""
    if not AT_ONCE.acquire(blocking=False):
        raise Busy
    try:
        yield
    finally:
        AT_ONCE.release()


def visitor(request: HttpRequest) -> Actor:
    """Who asks, as long as nobody has signed in: an address."""
    address, request_id = getattr(request, "client_address", ""), getattr(request, "request_id", "")
    return Actor("not signed in", None, address, request_id)


class SignInBackend(BaseBackend):
    """Checks a person's password. Answers no permission: that is RoleBackend's matter."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **other: Any
    ) -> User | None:
        """The person, or None for whatever is wrong. Raises TooManyTries before anything is hashed."""
        if not username or not password:
            return None
        request = request or HttpRequest()
        with one_of_few():
            return sign_in.check_credentials(
                actor=visitor(request), username=username, password=password, browser=known_browser(request, username)
            )

    def get_user(self, user_id: int) -> User | None:
        """Asked on every request: a person who is disabled or deleted is out at once, on every worker."""
        found = _active_person(int(user_id))
        return User.from_db(DEFAULT_DB_ALIAS, COLUMNS, found[0]) if found else None


COLUMNS = [field.attname for field in User._meta.concrete_fields]


@Compiled
def _active_person(pk: int) -> QuerySet[Any]:
    return User.objects.people().filter(pk=pk, is_active=True).order_by().values_list(*COLUMNS)


# What allauth says after its own pages; of the rest it says nothing.
NOTICES = {
    "account/messages/logged_out.txt": "You are signed out.",
    "account/messages/password_changed.txt": "Your password is changed. Your other sessions have ended.",
    "usersessions/messages/sessions_logged_out.txt": "Ended. Whoever goes on there must sign in again.",
}


class AccountAdapter(DefaultAccountAdapter):
    """allauth, with sign-up closed and its writes done by actions."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": "That name and password do not go together.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_ajax(self, request: HttpRequest) -> bool:
        return False  # the JSON that allauth would answer repeats what was typed, password included

    def is_safe_url(self, url: str | None) -> bool:
        """Whether to follow `next`: a path of this site, no other address, and nothing that browsers read as one."""
        return bool(url and url.startswith("/") and url.isprintable() and url_has_allowed_host_and_scheme(url, None))

    def add_message(
        self, request: HttpRequest, level: int, message_template: str = "", *other: Any, **others: Any
    ) -> None:
        if message_template in NOTICES:
            messages.add_message(request, level, NOTICES[message_template])

    def get_client_ip(self, request: HttpRequest) -> str:
        return getattr(request, "client_address", "") or "::"  # unspecified: behind a proxy on a Unix socket

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Nothing: SignInBackend counts the tries."""

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        sign_in.signed_in(actor=Actor.of_request(request), user=user)

    def logout(self, request: PageRequest) -> None:
        key = request.session.session_key or ""
        sign_in.signed_out(actor=Actor.of_request(request), user=request.user, session_key=key)
        super().logout(request)

    def set_password(self, user: User, password: str) -> None:
        sign_in.change_own_password(actor=Actor.of_request(context.request), user=user, password=password)

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        return redirect("account_login")  # disabled in the instant after the check; no page says so


class TemporaryPasswordMiddleware:
    """Whoever signed in with a temporary password chooses their own before anything else."""

    OPEN = {"account_change_password", "account_logout", "forward_auth"}

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        waits = request.user.is_authenticated and request.user.password_is_temporary
        if waits and request.resolver_match and request.resolver_match.url_name not in self.OPEN:
            return redirect("account_change_password")
        return None


def known_browser(request: HttpRequest, username: str) -> str:
    """The mark of this browser, where this account signed in from it before; else empty."""
    try:
        said = signing.loads(
            request.COOKIES.get(known_browser_cookie(), ""), salt=KNOWN_BROWSER_SALT, max_age=KNOWN_BROWSER_SECONDS
        )
    except signing.BadSignature:
        return ""
    account, mark = said
    return str(mark) if account == sign_in.account_mark(username) else ""


def remember_browser(response: HttpResponse, username: str) -> None:
    """Let this browser be known when the account signs in from it again. The cookie lets nobody in."""
    mark = [sign_in.account_mark(username), get_random_string(22)]
    response.set_cookie(
        known_browser_cookie(),
        signing.dumps(mark, salt=KNOWN_BROWSER_SALT),
        max_age=KNOWN_BROWSER_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def known_browser_cookie() -> str:
    return f"{settings.ROSTER_COOKIE_PREFIX}roster_browser"
