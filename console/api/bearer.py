"""Services speak JSON and show a bearer token; they have no session.

    @service_api("GET", "POST")
    def resources(request: ServiceRequest) -> JsonResponse:
        given = json_body(request)
        ...

The view's request has `service` (a User of kind service) and `actor` (the same, for actions). Whatever goes wrong is
answered as {"error": {"status": 403, "message": "…"}}; what an unexpected failure was stands in the log alone.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, NamedTuple

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from accounts.models import ServiceProfile, ServiceToken, User
from console.logs import request_context
from console.middleware import REQUEST_ID, Request
from policies.actor import Actor
from policies.compiled import Compiled, columns_of, made
from policies.errors import AlreadyDone, Conflict, Denied
from policies.last_used import is_stale, touch
from policies.rulebook import RULEBOOK_VERSION, UnknownQuestion, know_version

log = logging.getLogger("console.api")

BODY_BYTES = 1024 * 1024
BEARER = re.compile(r"bearer +([\x21-\x7e]{16,200}) *", re.IGNORECASE)
ECHOED = re.compile(r"[\x20-\x7e]{1,200}")
KEPT_IN_AUDIT = 40  # characters of a request id

# What every request needs to know of its service.
SERVICE = columns_of(User, "uid", "kind", "username", "description", "is_active", "all_clusters")

View = Callable[..., HttpResponseBase]


class ServiceRequest(Request):
    """A request as views of the API get it."""

    service: User
    actor: Actor


class APIError(Exception):
    """Answered with this status and message, and with `more` beside them (messages by field)."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.more = status, more


def service_api(*methods: str) -> Callable[[View], View]:
    """For services, by the bearer token of one. 401 for every other caller, 405 for every other method."""

    def protect(view: View) -> View:
        @wraps(view)
        def inner(request: ServiceRequest, **kwargs: Any) -> HttpResponseBase:
            response = _answer(request, view, methods, kwargs)
            response["Cache-Control"] = "no-store"
            given = request.headers.get("X-Request-ID", "")
            if ECHOED.fullmatch(given):
                response["X-Request-ID"] = given
            return response

        inner.permission = "service"  # type: ignore[attr-defined]
        return csrf_exempt(login_not_required(inner))

    return protect


def json_body(request: HttpRequest) -> dict[str, Any]:
    """The JSON object that a request carries. Raises APIError for anything else."""
    if request.content_type != "application/json":
        raise APIError(400, "Send a JSON object, as Content-Type application/json.")
    try:
        found = json.loads(request.body.decode(), object_pairs_hook=_members, parse_constant=_refuse)
        if b"\\u" in request.body:
            json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise APIError(400, "This is not valid JSON.") from error
    if not isinstance(found, dict):
        raise APIError(400, "Send a JSON object.")
    return found


def error_response(status: int, message: str, **more: Any) -> JsonResponse:
    return JsonResponse({"error": {"status": status, "message": message, **more}}, status=status)


def _answer(request: ServiceRequest, view: View, methods: tuple[str, ...], kwargs: dict[str, Any]) -> HttpResponseBase:
    try:
        token = _token(request)
        if token is None:
            return _unauthorized(request)
        _identify(request, token)
        if request.method not in methods:
            response = error_response(405, f"{request.method} is not offered here.")
            response["Allow"] = ", ".join(methods)
            return response
        if int(request.META.get("CONTENT_LENGTH") or 0) > BODY_BYTES:
            raise APIError(413, f"At most {BODY_BYTES:,} bytes are read.")
        return view(request, **kwargs)
    except Exception as error:
        return _told(request, error)


class Token(NamedTuple):
    """A valid token, as far as a request needs to know it."""

    pk: int
    last_used_at: datetime | None
    service: User


def _token(request: HttpRequest) -> Token | None:
    """The valid token that the request shows, with its service, and whether the rules are still those known: one query."""
    shown = BEARER.fullmatch(request.headers.get("Authorization", ""))
    rows = _valid_tokens(ServiceToken.digest_of(shown[1])) if shown else []
    for pk, last_used_at, trusted, version, *columns in rows:
        know_version(version or "")
        service = made(User, SERVICE, columns)
        service.service_profile = ServiceProfile(trusted_attributes=trusted or [])
        return Token(pk, last_used_at, service)
    return None


@Compiled
def _valid_tokens(digest: str) -> QuerySet[Any]:
    rows = ServiceToken.objects.valid().filter(service__kind=User.Kind.SERVICE, digest=digest).order_by()
    trusted = "service__service_profile__trusted_attributes"
    rows = rows.annotate(version=RULEBOOK_VERSION)
    return rows.values_list("pk", "last_used_at", trusted, "version", *(f"service__{name}" for name in SERVICE))


def _identify(request: ServiceRequest, token: Token) -> None:
    """Let the request, its log line and its actor know who asks."""
    given = request.headers.get("X-Request-ID", "")
    if REQUEST_ID.fullmatch(given) and len(given) <= KEPT_IN_AUDIT:
        request.request_id = given
    request.service = token.service
    request.actor = Actor.of_service(request, token.service)
    request_context.get({}).update(request_id=request.request_id, service=token.service.uid)
    if is_stale(token.last_used_at):
        touch(ServiceToken(pk=token.pk), token.service.pk)


def _unauthorized(request: HttpRequest) -> JsonResponse:
    shown = bool(request.headers.get("Authorization"))
    log.info("refused a token" if shown else "no token")
    response = error_response(401, "Show a valid token of a service: Authorization: Bearer …")
    response["WWW-Authenticate"] = 'Bearer realm="Roster", error="invalid_token"' if shown else 'Bearer realm="Roster"'
    return response


def _told(request: HttpRequest, error: Exception) -> JsonResponse:
    match error:
        case APIError():
            return error_response(error.status, str(error), **error.more)
        case Denied():
            log.info("refused %s", error.action, extra={"thing": str(error.thing)})
            return error_response(403, str(error))
        case ValidationError():
            fields = {"fields": error.message_dict} if hasattr(error, "error_dict") else {}
            return error_response(400, " ".join(error.messages), **fields)
        case Conflict() | AlreadyDone():
            return error_response(409, "Somebody changed or removed it meanwhile.")
        case Http404() | UnknownQuestion():
            return error_response(404, "There is nothing of this name here, or it is not for this service.")
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return error_response(500, "This failed. The log of the installation tells why.")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name that stands twice would mean one thing here and another to whoever looked before."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
