"""People, places and roles for tests, made by the product's own actions."""

from itertools import count

from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import Project, Scope, User
from policies.actions.assignments import give_role
from policies.actions.scopes import create_scope
from policies.actions.services import register_service
from policies.actions.users import add_person, add_project_user
from policies.actor import Actor
from policies.models import Role

COMMAND = Actor("tests")
_numbers = count(1)


def role(name: str) -> Role:
    """A role by its full name: role("ovhcloud:administrator")."""
    catalogue, code = name.split(":")
    return Role.objects.select_related("catalogue").get(catalogue__code=catalogue, code=code)


def a_scope(kind: str, name: str = "", parent: Scope | None = None) -> Scope:
    return create_scope(actor=COMMAND, kind=kind, name=name or f"{kind} {next(_numbers)}", parent=parent)


def a_project(name: str = "", parent: Scope | None = None) -> Project:
    project = a_scope("project", name, parent)
    assert isinstance(project, Project)
    return project


def a_person(name: str = "", *roles: str, scope: Scope | None = None) -> User:
    """Somebody who can sign in without changing a password first, with roles in a scope (default: the organization)."""
    user, _ = add_person(actor=COMMAND, username=name or f"person-{next(_numbers)}", description=name.title())
    user.password_is_temporary = False
    user.save()
    for name in roles:
        give(user, name, scope)
    return user


def a_service(name: str = "", *roles: str, scope: Scope | None = None) -> User:
    """A registered program, with roles in a scope (default: the organization)."""
    service = register_service(actor=COMMAND, username=name or f"service-{next(_numbers)}")
    for name in roles:
        give(service, name, scope)
    return service


def an_administrator(name: str = "") -> User:
    return a_person(name, "roster:administrator")


def give(subject: User | Group, name: str, scope: Scope | None = None) -> None:
    give_role(actor=COMMAND, role=role(name), subject=subject, scope=scope or Scope.objects.root())


def a_project_user(project: Project, description: str = "", *roles: str) -> User:
    user, _ = add_project_user(
        actor=COMMAND,
        project=project,
        description=description or f"Pipeline {next(_numbers)}",
        roles=[role(name) for name in roles],
    )
    return user


# Who signed in once for all tests of a module: by uid, the password they had then and the key of the session.
SESSIONS: dict[str, tuple[str, str]] = {}


def signed_in(user: User) -> Client:
    """A browser in which this person is signed in."""
    client = Client()
    password, key = SESSIONS.get(user.uid, ("", ""))
    if key and password == user.password:
        client.cookies[settings.SESSION_COOKIE_NAME] = key
    else:
        client.force_login(user, backend="console.signing_in.SignInBackend")
    return client
