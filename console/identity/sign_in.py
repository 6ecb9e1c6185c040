"""What somebody shows to get a token: a password, a token, or an application credential; and the project that it is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from django.db.models import Q

from accounts.models import Project, User
from console.identity.errors import IdentityError, not_found, unauthorized
from console.identity.protocol import DOMAIN, IdentityRequest
from console.identity.reading import possible
from console.signing_in import one_of_few
from policies import tokens
from policies.actions.services import PREFIX
from policies.actions.tokens import check_application_credential, check_password, check_service_token
from policies.tokens import Credential, InvalidToken, Token

UNSCOPED = "unscoped"


class Shown(NamedTuple):
    """Who showed something that was right, and what it was beside a password."""

    user: User
    methods: tuple[str, ...]
    credential: Credential | None = None
    parent: Token | None = None

    @property
    def only_project(self) -> Project | None:
        """What was made for one project opens no other."""
        if self.parent is not None:
            return self.parent.project if self.parent.is_of_one_project else None
        return getattr(self.credential, "project", None)


def shown(request: IdentityRequest, identity: Any) -> Shown:
    """What the `identity` of a body shows. Raises what is answered 400, 401, 404 (a token) or 429."""
    methods = _member(identity, "methods", list)
    if len(methods) != 1:
        raise IdentityError(400, "methods: expected one.")
    check = CHECKS.get(methods[0]) if isinstance(methods[0], str) else None
    if check is None:
        raise unauthorized()
    return check(request, _member(identity, methods[0], dict))


def _by_password(request: IdentityRequest, given: dict[str, Any]) -> Shown:
    """A project user's or a person's; or that of a service, which shows one of its tokens."""
    user = _member(given, "user", dict)
    password, name = _member(user, "password", str), _username(user)
    if password.startswith(PREFIX) and (token := check_service_token(name=name, secret=password)):
        return Shown(token.service, ("password",), token)
    with one_of_few():
        found = check_password(actor=request.actor, username=name, password=password)
    if found is None:
        raise unauthorized()
    return Shown(found, ("password",))


def _by_token(request: IdentityRequest, given: dict[str, Any]) -> Shown:
    try:
        token = tokens.read(_member(given, "id", str))
    except InvalidToken as invalid:
        raise not_found("token") from invalid
    return Shown(token.user, tuple(dict.fromkeys(("token", *token.methods))), parent=token)


def _by_application_credential(request: IdentityRequest, given: dict[str, Any]) -> Shown:
    """By its id, or by its name and its user. A service shows its own id or name, and one of its tokens as the secret."""
    method, secret = ("application_credential",), _member(given, "secret", str)
    if isinstance(name := given.get("id"), str):
        which = Q(uid=name)
        if secret.startswith(PREFIX) and (token := check_service_token(name=name, secret=secret)):
            return Shown(token.service, method, token)
    else:
        user, name = _username(_member(given, "user", dict)), _member(given, "name", str)
        which, name = Q(name=name, user__username=user), f"{user}/{name}"
    if not possible(name):
        raise unauthorized()
    found = check_application_credential(actor=request.actor, which=which, said=name, secret=secret)
    if found is None:
        raise unauthorized()
    return Shown(found.user, method, found)


CHECKS: dict[str, Callable[[IdentityRequest, dict[str, Any]], Shown]] = {
    "password": _by_password,
    "token": _by_token,
    "application_credential": _by_application_credential,
}


def project_for(seen: Shown, scope: Any) -> Project | None:
    """The project that a token is asked for; without a scope the one that a credential or a project user belongs to.

    Raises what is answered 400, or 401 for what does not exist, or is no project.
    """
    only = seen.only_project
    if scope is None:
        return only or seen.user.project
    if scope == UNSCOPED or (isinstance(scope, dict) and UNSCOPED in scope):
        found = None
    else:
        found = _named_project(_member(scope, "project", dict, missing=unauthorized()))
    if only is not None and found != only:
        raise unauthorized()
    return found


def _named_project(given: dict[str, Any]) -> Project:
    """By id, or by name, which is its slug."""
    uid = given.get("id")
    which = {"uid": uid} if uid is not None else {"slug": _member(given, "name", str).lower()}
    if uid is None:
        _check_domain(given)
    found = Project.objects.filter(**which).first() if possible(str(*which.values())) else None
    if found is None:
        raise unauthorized()
    return found


def _username(given: dict[str, Any]) -> str:
    """Of a user who is named by id, or by name and domain. An unknown id is taken for a name that nobody has."""
    uid = given.get("id")
    if uid is None:
        _check_domain(given)
        name = _member(given, "name", str)
    else:
        name = _member(given, "id", str)
    if not possible(name):
        raise unauthorized()
    if uid is None:
        return name
    return User.objects.filter(uid=name).values_list("username", flat=True).first() or name


def _check_domain(given: dict[str, Any]) -> None:
    """There is one domain; who names none means it."""
    domain = given.get("domain")
    if domain is None:
        return
    if not isinstance(domain, dict):
        raise IdentityError(400, "domain: expected an object.")
    if not ("id" in domain and domain["id"] == DOMAIN["id"]) and domain.get("name") != DOMAIN["name"]:
        raise unauthorized()


def _member(given: Any, name: str, kind: type, missing: IdentityError | None = None) -> Any:
    """A member that has to be there, of a kind. Raises what is answered 400."""
    found = given.get(name) if isinstance(given, dict) else None
    if not isinstance(found, kind):
        raise missing or IdentityError(400, f"{name}: expected {KINDS[kind]}.")
    return found


KINDS: dict[type, str] = {dict: "an object", list: "a list", str: "a string"}
