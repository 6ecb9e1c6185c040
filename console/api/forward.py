"""Forward auth: a reverse proxy asks about each request for a web tool whether to let it through, and who it is from.

The proxy says in X-Forwarded-Method, -Proto, -Host and -Uri what was asked for; only those in ROSTER_TRUSTED_PROXIES are
believed. The address leads to a registered thing, the method to an action that its type names (`web_actions`); whoever
may do that on it gets through. An address of no registered thing is closed to everybody.

    200  X-Roster-User, X-Roster-Roles, X-Roster-Project, for the tool
    401  nobody is signed in; Location leads to the sign-in page
    403  not allowed, with the reason for those who may see the thing
"""

from __future__ import annotations

import binascii
import logging
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.models import Scope, User
from console.basic_auth import check_basic
from console.denials import denied_page
from console.middleware import Request
from console.protection import public
from policies import access, app_tokens, tokens
from policies.actions.sign_in import TooManyTries
from policies.errors import Denied
from policies.holdings import subject_for
from policies.models import Resource, Role
from policies.naming import short_role_names
from policies.rulebook import UnknownQuestion
from policies.tokens import InvalidToken, Token, effective_roles
from policies.web_addresses import prefixes, resource_at

log = logging.getLogger("console.forward")

SAFE = ("GET", "HEAD", "OPTIONS")
# A GET that carries one of these is something else for many tools.
OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "Upgrade")
ASKED_IN = ("X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri")


@dataclass(frozen=True)
class Asked:
    """The request that the proxy asks about."""

    method: str
    scheme: str
    host: str
    path: str
    is_read: bool


@dataclass(frozen=True)
class Caller:
    """Who sent it: a user, by what they showed."""

    user: User
    may: Callable[[str, Resource], bool]
    roles: Callable[[Any], list[Role]]


@public
@require_safe
def forward(request: Request) -> HttpResponse:
    asked = asked_of(request)
    if asked is None:
        said = "Ask through a proxy that ROSTER_TRUSTED_PROXIES lists and that sets X-Forwarded-Method, -Proto, -Host, -Uri."
        return HttpResponse(said, status=400, content_type="text/plain")
    try:
        caller = caller_of(request)
    except TooManyTries as error:
        return HttpResponse(
            str(error), status=429, content_type="text/plain", headers={"Retry-After": str(error.seconds)}
        )
    if caller is None:
        return unauthorized(request, asked)
    resource = resource_at(asked.scheme, asked.host, asked.path)
    action = resource.entity_type.web_actions.get("read" if asked.is_read else "write") if resource else None
    if resource is None or action is None or not may(caller, action, resource):
        return forbidden(request, caller, action, resource)
    return allowed(caller, resource)


def asked_of(request: HttpRequest) -> Asked | None:
    """None where some of it is not said: a proxy that is not trusted says nothing."""
    said = [request.headers.get(name, "") for name in ASKED_IN]
    if not all(said):
        return None
    method, scheme, host, path = said
    is_read = method in SAFE and not any(name in request.headers for name in OVERRIDES)
    return Asked(method, scheme, host, path, is_read)


def caller_of(request: HttpRequest) -> Caller | None:
    """By Bearer (app token or identity token), Basic (a project user's own), or the session of a person.

    Authorization goes first; words in it that are not ours are the tool's. Raises TooManyTries.
    """
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    shown = shown.strip()
    match scheme.lower():
        case "bearer" if shown.startswith(app_tokens.PREFIX):
            return _by_app_token(shown)
        case "bearer" if shown.startswith(tokens.PREFIX):
            return _by_identity_token(shown)
        case "basic":
            user = check_basic(request, *_name_and_password(shown))
            return _caller(user) if user else None
    user = request.user if isinstance(request.user, User) else None
    return None if user is None or user.password_is_temporary else _caller(user)


def _caller(user: User) -> Caller:
    return Caller(
        user, lambda action, thing: access.may(user, action, thing), lambda place: effective_roles(user, place)
    )


def _by_app_token(shown: str) -> Caller | None:
    token = app_tokens.find(shown)
    if token is None:
        return None
    return Caller(token.made_by, lambda action, thing: app_tokens.may(token, action, thing), lambda place: [token.role])


def _by_identity_token(shown: str) -> Caller | None:
    try:
        token = tokens.read(shown)
    except InvalidToken:
        return None
    return Caller(token.user, lambda action, thing: _token_may(token, action, thing), lambda place: list(token.roles))


def _token_may(token: Token, action: str, thing: Resource) -> bool:
    """A token opens things of its own project; one of an application credential, what the credential's roles allow."""
    if token.project is None or token.project.pk != thing.scope.pk or not access.may(token.user, action, thing):
        return False
    if token.credential is None:
        return True
    kept = {role.pk for role in token.roles}
    found = access.walk(subject_for(token.user), action, thing)
    return any(not candidate.missing and candidate.holding.role_id in kept for candidate in found)


def _name_and_password(shown: str) -> tuple[str, str]:
    try:
        name, _, password = b64decode(shown, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, password


def may(caller: Caller, action: str, resource: Resource) -> bool:
    try:
        return caller.may(action, resource)
    except UnknownQuestion:  # of a catalogue that is switched off
        return False


def allowed(caller: Caller, resource: Resource) -> HttpResponse:
    names, place = short_role_names(), resource.scope
    response = HttpResponse(status=200)
    response["X-Roster-User"] = caller.user.username
    response["X-Roster-Roles"] = ",".join(sorted(names[role.pk] for role in caller.roles(place)))
    response["X-Roster-Project"] = place.slug if place.kind == Scope.Kind.PROJECT else ""
    return response


def unauthorized(request: Request, asked: Asked) -> HttpResponse:
    """A browser is led to the sign-in page; a program is told what to show."""
    address = sign_in_address(asked)
    if not is_browser(request):
        response: HttpResponse = JsonResponse(
            {"error": {"status": 401, "message": "Show a token or a password."}}, status=401
        )
        response["WWW-Authenticate"] = 'Bearer realm="Roster", Basic realm="Roster", charset="UTF-8"'
    else:
        response = render(request, "401.html", {"sign_in": address}, status=401)
        response["Refresh"] = f"0; url={address}"
    response["Location"] = address  # for proxies that make a redirect of it
    response["Cache-Control"] = "no-store"
    return response


def sign_in_address(asked: Asked) -> str:
    """The sign-in page; it leads back only to what stands on the console's own host, where its session counts."""
    base = f"{settings.ROSTER_BASE_URL}{reverse('account_login')}"
    if settings.ROSTER_BASE_URL not in prefixes(asked.scheme, asked.host, asked.path)[:1]:
        return base
    return f"{base}?{urlencode({'next': asked.path})}"


def forbidden(request: Request, caller: Caller, action: str | None, resource: Resource | None) -> HttpResponse:
    """The reason, for those who may see the thing; to others it says nothing about what there is."""
    log.info("refused %s", action or "an unknown address", extra={"thing": str(resource or ""), "by": caller.user.uid})
    sees = resource is not None and access.visible_resources(caller.user).filter(pk=resource.pk).exists()
    if resource is None or action is None or not sees:
        message = "Nothing here is open to you."
    else:
        denied = Denied(action, resource)
        if is_browser(request) and caller.user == request.user:
            return denied_page(request, denied)
        message = str(denied)
    if is_browser(request):
        return render(request, "403.html", {"exception": message}, status=403)
    return JsonResponse({"error": {"status": 403, "message": message}}, status=403)


def is_browser(request: HttpRequest) -> bool:
    return "text/html" in request.headers.get("Accept", "") and "Authorization" not in request.headers
