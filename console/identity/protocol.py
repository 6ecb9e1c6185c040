"""The frame of every request to Identity v3: JSON in and out, a token in X-Auth-Token, no session and no cookie.

    @identity("GET", "PATCH")
    def user_detail(request: IdentityRequest, user: str) -> Answer:
        if request.method == "PATCH":
            given = body(request, "user")
            ...
        return {"user": {...}}

A view returns a dict (200), `(201, dict)`, None (204), or a response of its own. HEAD is asked like GET, and answered
without the body. Whatever a view raises is told in the protocol's words (errors.py): Denied 403, what one may not see 404
(raise not_found("user", name)), ValidationError 400, Conflict 409.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from accounts.models import User
from console.api.bearer import BODY_BYTES, json_body
from console.identity.errors import IdentityError, told, unauthorized
from console.logs import request_context
from console.middleware import Request
from console.signing_in import visitor
from policies import tokens
from policies.actor import Actor
from policies.audit import record_refusal
from policies.errors import Denied
from policies.tokens import Token

log = logging.getLogger("console.identity")

SAFE = ("GET", "HEAD")
DOMAIN = {"id": "default", "name": "Default"}

Answer = dict[str, Any] | tuple[int, dict[str, Any]] | HttpResponseBase | None
View = Callable[..., Answer]


class IdentityRequest(Request):
    """A request as views get it. Views for everybody (`token=False`) have `visitor` as their actor, and neither of the rest."""

    token: Token
    user: User
    actor: Actor


def identity(
    *methods: str, token: bool = True, restricted: Sequence[str] = ()
) -> Callable[[View], Callable[..., HttpResponseBase]]:
    """For whoever shows a valid token: 401 for every other caller, 405 for every other method.

    `restricted`: the methods that a restricted application credential may use as well; of all others it is refused (403).
    `token=False`: for everybody.
    """

    def protect(view: View) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def inner(request: IdentityRequest, **kwargs: Any) -> HttpResponseBase:
            # Who is signed in by a cookie, if anybody: that counts for nothing here.
            browser = request.__dict__.get("user")
            try:
                _check(request, methods)
                if token:
                    _authenticate(request, restricted)
                else:
                    request.actor = visitor(request)
                response = _response(view(request, **kwargs))
            except Exception as error:
                response = _failure(request, error, methods)
            finally:
                request.__dict__["user"] = browser  # nothing of the session may take the token's user for it
            return _with_headers(request, response)

        inner.permission = "identity" if token else "public"  # type: ignore[attr-defined]
        return csrf_exempt(login_not_required(inner))

    return protect


def acting(request: HttpRequest, user: User) -> Actor:
    """The user of a token, as actions know who acts."""
    if user.is_service:
        return Actor.of_service(request, user)
    return Actor(user.label, user, getattr(request, "client_address", ""), getattr(request, "request_id", ""))


def identify(request: IdentityRequest, token: Token) -> None:
    """Let the request, its log line and its actor know who asks."""
    request.token, request.user = token, token.user
    request.actor = acting(request, token.user)
    request_context.get({})["user"] = token.user.uid


def body(request: HttpRequest, name: str) -> dict[str, Any]:
    """The object of this name in the request's JSON object: body(request, "user"). Raises what is answered 400."""
    found = json_body(request).get(name)
    if not isinstance(found, dict):
        raise IdentityError(
            400, f"Expecting to find {name} in request body. The server could not comply with the request."
        )
    return found


def text(given: dict[str, Any], name: str, default: str = "") -> str:
    """A member that has to be a string; the default where it is missing or null. Raises what is answered 400."""
    found = given.get(name)
    if found is None:
        return default
    if not isinstance(found, str) or "\x00" in found:  # no database keeps NUL
        raise IdentityError(400, f"{name}: expected a string.")
    return found


def link(path: str) -> str:
    """The address of a thing: link("/users/1f…"). Never from the request's Host header."""
    return f"{settings.ROSTER_BASE_URL}/identity/v3{path}"


def time(at: datetime | None) -> str | None:
    """2026-11-22T05:44:56.000000Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if at else None


def listing(
    request: HttpRequest,
    name: str,
    rows: QuerySet[Any] | Sequence[Any],
    told: Callable[[Sequence[Any]], list[dict[str, Any]]],
    *,
    key: str = "uid",
    before: Sequence[str] = (),
) -> dict[str, Any]:
    """A list: {name: objects, links}. Everything, up to a bound (a setting); past it, or past `limit`, links.next goes on.

    `rows`: a queryset, or a list of objects or dicts, in the order of `key`, which is unique and not the row number.
    `before`: columns with an index that the key begins with; then a page of millions is found without sorting them.
    `told` makes the objects of a page's rows, all at once: what it asks the database does not depend on how many there
    are. Raises what is answered 400, for a limit that is no number.
    """
    bound, asked = settings.ROSTER_IDENTITY_LIST_LIMIT, request.GET.get("limit", "")
    if asked and not (asked.isascii() and asked.isdigit() and len(asked) < 10 and int(asked) > 0):
        raise IdentityError(400, "limit: expected a whole number above zero.")
    limit = min(int(asked), bound) if asked else bound
    marker = request.GET.get("marker", "")
    if "\x00" in marker:  # no database looks for it
        raise IdentityError(400, "marker: expected the one of links.next.")
    found = _after(rows, key, before, marker)[: limit + 1]
    page = list(found)
    more, page = len(page) > limit, page[:limit]
    answer: dict[str, Any] = {name: told(page), "links": {"next": None, "self": _here(request), "previous": None}}
    if more:
        last = str(_key(page[-1], key))
        answer["links"]["next"] = _here(request, limit=str(limit), marker=last)
        if not asked or limit < int(asked):
            answer["truncated"] = True
    return answer


def _after(
    rows: QuerySet[Any] | Sequence[Any], key: str, before: Sequence[str], marker: str
) -> QuerySet[Any] | Sequence[Any]:
    if isinstance(rows, QuerySet):
        rows = rows.order_by(*before, key)
        return rows.filter(**{f"{key}__gt": marker}) if marker else rows
    ordered = sorted(rows, key=lambda row: str(_key(row, key)))
    return [row for row in ordered if str(_key(row, key)) > marker] if marker else ordered


def _key(row: Any, key: str) -> Any:
    if isinstance(row, dict):
        return row[key]
    for name in key.split("__"):
        row = getattr(row, name)
    return row


def _here(request: HttpRequest, **changed: str) -> str:
    """The address of this list, with what it was asked."""
    query = request.GET.copy()
    for name, value in changed.items():
        query[name] = value
    asked = urlencode(list(query.lists()), doseq=True)
    return f"{settings.ROSTER_BASE_URL}{request.path}{'?' if asked else ''}{asked}"


def _check(request: HttpRequest, methods: Sequence[str]) -> None:
    if request.method not in methods and not (request.method == "HEAD" and "GET" in methods):
        raise IdentityError(405, f"{request.method} is not offered here.")
    if int(request.META.get("CONTENT_LENGTH") or 0) > BODY_BYTES:
        raise IdentityError(413, f"At most {BODY_BYTES:,} bytes are read.")


def _authenticate(request: IdentityRequest, restricted: Sequence[str]) -> None:
    """Find out who asks. Raises InvalidToken, and what is answered 401 or 403."""
    shown = request.META.get("HTTP_X_AUTH_TOKEN", "")
    if not shown:
        raise unauthorized()
    token = tokens.read(shown)
    identify(request, token)
    if token.is_restricted and request.method not in restricted:
        raise IdentityError(403, "A restricted application credential may not do this.")


def _response(answer: Answer) -> HttpResponseBase:
    match answer:
        case None:
            return HttpResponse(status=204)
        case dict():
            return json_response(answer)
        case (status, payload):
            return json_response(payload, status)
    return answer


def json_response(payload: dict[str, Any], status: int = 200) -> HttpResponse:
    """A response, for a view that has headers of its own."""
    return HttpResponse(json.dumps(payload), "application/json", status)


def _failure(request: IdentityRequest, error: Exception, methods: Sequence[str]) -> HttpResponse:
    """A refused write stands in the audit trail, a refused read in the log."""
    if isinstance(error, Denied):
        if request.method in SAFE:
            log.info("refused %s", error.action, extra={"thing": str(error.thing)})
        else:
            record_refusal(request.actor, error)
    response = told(request, error)
    if response.status_code == 405:
        response["Allow"] = ", ".join(methods)
    return response


def _with_headers(request: Request, response: HttpResponseBase) -> HttpResponseBase:
    if request.method == "HEAD" and isinstance(response, HttpResponse):
        response.content = b""
    response["Vary"] = "X-Auth-Token"
    response["Cache-Control"] = "no-store"
    response["x-openstack-request-id"] = f"req-{request.request_id}"
    if response.status_code == 204:
        del response["Content-Type"]
    return response
