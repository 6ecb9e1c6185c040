"""Tokens: getting one, asking about one, taking one back; and the projects that one can be for."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from accounts.models import Project
from console.identity.catalog import catalog_of
from console.identity.errors import IdentityError, not_found, unauthorized
from console.identity.projects import projects_of
from console.identity.projects import told as project_told
from console.identity.protocol import (
    Answer,
    IdentityRequest,
    acting,
    body,
    identify,
    identity,
    json_response,
    listing,
    time,
)
from console.identity.reading import asked_flag
from console.identity.references import project_reference, role_reference, user_reference
from console.identity.sign_in import Shown, project_for, shown
from policies import tokens
from policies.actions.tokens import got_token, revoke_token
from policies.tokens import InvalidToken, Token

SUBJECT = "X-Subject-Token"


@identity("POST", "GET", "DELETE", token=False)
def auth_tokens(request: IdentityRequest) -> Answer:
    """POST: a new token for who shows a password, a token or a credential. Else about the token in X-Subject-Token."""
    if request.method == "POST":
        return _get_token(request)
    caller, token = _caller_and_token(request)
    if request.method == "DELETE":
        revoke_token(actor=request.actor, token=token, by=caller)
        return None
    if not _is_own(caller, token) and not caller.may("validate", token):
        raise IdentityError(403, "You may not validate this token.")
    told = token_told(token, with_catalog=not asked_flag(request, "nocatalog"))
    return _with_text(json_response({"token": told}), request.META["HTTP_X_SUBJECT_TOKEN"])


@identity("GET", restricted=("GET",))
def auth_projects(request: IdentityRequest) -> Answer:
    """The projects that the user can get a token for; with a credential that is for one project, that one."""
    token, rows = request.token, projects_of(request.user)
    if token.is_of_one_project and token.project:
        rows = rows.filter(pk=token.project.pk)
    return listing(request, "projects", rows, lambda page: [project_told(project) for project in page])


def token_told(token: Token, *, with_catalog: bool = True) -> dict[str, Any]:
    """A token as clients and services know it."""
    told: dict[str, Any] = {
        "methods": list(token.methods),
        "user": {**user_reference(token.user), "password_expires_at": None},
        "audit_ids": list(token.audit_ids),
        "issued_at": time(token.issued_at),
        "expires_at": time(token.expires_at),
    }
    if token.project:
        told["project"] = project_reference(token.project)
        told["is_domain"] = False
        told["roles"] = [role_reference(role) for role in token.roles]
    if token.credential:
        restricted = not token.credential.is_unrestricted
        told["application_credential"] = {
            "id": token.credential.uid,
            "name": token.credential.name,
            "restricted": restricted,
        }
    if with_catalog:
        told["catalog"] = catalog_of(token.project)
    return told


def _get_token(request: IdentityRequest) -> HttpResponse:
    given = body(request, "auth")
    seen, scope = shown(request, given.get("identity")), given.get("scope")
    text, token = _made(seen, project_for(seen, scope), or_unscoped=scope is None and seen.only_project is None)
    told = token_told(token, with_catalog=not asked_flag(request, "nocatalog"))
    if seen.parent is None:
        actor = acting(request, seen.user)
        got_token(actor=actor, user=seen.user, project=token.project, credential=seen.credential)
    return _with_text(json_response({"token": told}, 201), text)


def _made(seen: Shown, project: Project | None, or_unscoped: bool) -> tuple[str, Token]:
    """A new token and its text. Raises InvalidToken where the user has no role in the project, unless it was not asked for."""
    text = tokens.issue(seen.user, project, seen.methods, credential=seen.credential, parent=seen.parent)
    try:
        return text, tokens.read(text)
    except InvalidToken:
        if not or_unscoped or project is None:
            raise
    return _made(seen, None, or_unscoped=False)


def _caller_and_token(request: IdentityRequest) -> tuple[Token, Token]:
    """The tokens of X-Auth-Token and X-Subject-Token. Raises what is answered 401 for the one, 404 for the other, and 403
    for a restricted credential that asks about another token than its own."""
    own, other = (request.META.get(name, "") for name in ("HTTP_X_AUTH_TOKEN", "HTTP_X_SUBJECT_TOKEN"))
    allow_expired = request.method != "DELETE" and bool(asked_flag(request, "allow_expired"))
    caller, token = tokens.read_together((own, False), (other, allow_expired))
    if caller is None:
        raise unauthorized()
    identify(request, caller)
    if token is None:
        raise not_found("token")
    if caller.is_restricted and not _is_own(caller, token):
        raise IdentityError(403, "A restricted application credential may not do this.")
    return caller, token


def _is_own(caller: Token, token: Token) -> bool:
    """Of the same user; with a restricted credential the very same token."""
    if caller.is_restricted:
        return caller.claims.audit_id == token.claims.audit_id
    return caller.user == token.user


def _with_text(response: HttpResponse, text: str) -> HttpResponse:
    response[SUBJECT] = text
    return response
