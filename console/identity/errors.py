"""What Identity v3 answers when it does not do what it was asked: {"error": {"code", "message", "title"}}."""

from __future__ import annotations

import logging
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, JsonResponse

from console.api.bearer import APIError
from policies.actions.sign_in import TooManyTries
from policies.errors import AlreadyDone, Conflict, Denied
from policies.naming import NotFound
from policies.rulebook import UnknownQuestion
from policies.tokens import InvalidToken

log = logging.getLogger("console.identity")

UNAUTHORIZED = "The request you have made requires authentication."


class IdentityError(Exception):
    """Answered with this status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def unauthorized() -> IdentityError:
    """Whatever is wrong with a sign-in or with the caller's token: the words are the same."""
    return IdentityError(401, UNAUTHORIZED)


def not_found(kind: str, name: str = "") -> IdentityError:
    """For what does not exist, and for what the caller may not see. Clients ask for names as if they were ids."""
    return IdentityError(404, f"Could not find {kind}{': ' if name else ''}{name[:100]}.")


def error_response(status: int, message: str) -> JsonResponse:
    """An error as clients know it; a 401 says where to sign in."""
    error = {"code": status, "message": message, "title": HTTPStatus(status).phrase}
    response = JsonResponse({"error": error}, status=status)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = f'Keystone uri="{settings.ROSTER_BASE_URL}/identity/v3"'
    return response


def told(request: HttpRequest, error: Exception) -> JsonResponse:
    """The answer to whatever a view raised; what an unexpected failure was stands in the log alone."""
    match error:
        case IdentityError() | APIError():
            return error_response(error.status, str(error))
        case InvalidToken():
            return error_response(401, UNAUTHORIZED)
        case TooManyTries():
            response = error_response(429, str(error))
            response["Retry-After"] = str(error.seconds)
            return response
        case Denied():
            return error_response(403, str(error))
        case ValidationError():
            return error_response(400, _in_words(error))
        case Conflict() | AlreadyDone():
            return error_response(409, "Somebody changed or removed it meanwhile.")
        case Http404() | UnknownQuestion() | NotFound():
            return error_response(404, "There is nothing of this name here.")
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return error_response(500, "This failed. The log of the installation tells why.")


def _in_words(error: ValidationError) -> str:
    """Messages by field in one line; those about no field stand alone."""
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(
        f"{field}: {' '.join(said)}" if field != "__all__" else " ".join(said)
        for field, said in error.message_dict.items()
    )
