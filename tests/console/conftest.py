"""A small organization with everybody whom pages treat differently, and browsers for them."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import Project, Scope, User
from accounts.uids import new_uid
from console import middleware
from policies.actions.assignments import give_role
from policies.actions.resources import register_resource
from policies.actions.scopes import create_scope
from policies.actions.users import add_person, add_project_user
from policies.actor import Actor
from policies.models import (
    ApplicationCredential,
    AppToken,
    Catalogue,
    EntityType,
    Module,
    Resource,
    Role,
    RulebookVersion,
)
from tests.factories import SESSIONS, signed_in

COMMAND = Actor.of_command()


def role(name: str) -> Role:
    """By its full name, `catalogue:code`."""
    catalogue, code = name.split(":")
    return Role.objects.select_related("catalogue").get(catalogue__code=catalogue, code=code)


def a_notebook(scope: Scope, name: str = "notebook") -> Resource:
    """A registered thing, the same one when it is asked for again."""
    found = Resource.objects.filter(scope=scope, name=name).first()
    kind = EntityType.objects.get(catalogue__code="ovhcloud", code="notebook")
    return found or register_resource(actor=COMMAND, entity_type=kind, scope=scope, name=name)


def an_app_token(project: Project, maker: User, selector: str = "") -> AppToken:
    """A token that somebody made, whether or not they may."""
    reader, until = role("ovhcloud:ai_training_read"), timezone.now() + timedelta(days=30)
    return AppToken.objects.create(
        project=project, made_by=maker, name=f"token {AppToken.objects.count()}", role=reader, selector=selector,
        expires_at=until, digest=AppToken.digest_of(new_uid()),
    )  # fmt: skip


def a_credential(user: User, project: Project, name: str = "ci") -> ApplicationCredential:
    """An application credential of somebody, with the secret "secret"."""
    credential = ApplicationCredential(user=user, project=project, name=name)
    credential.digest = credential.digest_of("secret")
    credential.save()
    return credential


def person(username: str, description: str = "", email: str = "") -> User:
    """Somebody who cannot sign in with a password, which tests don't: hashing takes long."""
    return add_person(actor=COMMAND, username=username, description=description, email=email, password="")[0]


@pytest.fixture
def org(organization: SimpleNamespace, db: None) -> SimpleNamespace:
    """Each test is rolled back to the organization of its module, and has it for itself."""
    return deepcopy(organization)


@pytest.fixture(scope="module")
def organization(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[SimpleNamespace]:
    """Made once for a module. One with transactions of its own makes it for each test: `org = fresh_organization`."""
    with django_db_blocker.unblock(), transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(middleware, "TOUCH_SECONDS", 3600)  # longer than a module takes
        o = make_organization()
        for user in (o.administrator, o.keeper, o.viewer, o.outsider):
            client = signed_in(user)
            client.get(reverse("account_detail"))  # notes that the session is in use, which no test does once more
            SESSIONS[user.uid] = (user.password, client.cookies[settings.SESSION_COOKIE_NAME].value)
        yield o
        SESSIONS.clear()
        transaction.set_rollback(True)


@pytest.fixture
def runai(org: SimpleNamespace) -> SimpleNamespace:
    """With Run:ai on and its Inference module installed: an Administrator, an Editor, a Viewer, a head of the department."""
    Catalogue.objects.filter(code="runai").update(is_enabled=True)
    Module.objects.filter(catalogue__code="runai").update(is_installed=True)
    RulebookVersion.renew()
    for name, code, scope in (
        ("boss", "administrator", org.root),
        ("editor", "editor", org.root),
        ("head", "department_admin", org.department),
        ("reader", "viewer", org.root),
    ):
        setattr(org, name, person(name, f"{name.title()} Person", f"{name}@example.com"))
        give_role(actor=COMMAND, role=role(f"runai:{code}"), subject=getattr(org, name), scope=scope)
    return org


@pytest.fixture
def fresh_organization(db: None) -> SimpleNamespace:
    return make_organization()


def make_organization() -> SimpleNamespace:
    """Projects alpha (in a department of a cluster) and beta, one user in each; of alpha a keeper (project administrator)
    and a viewer; an administrator of the installation; an outsider without any role."""
    o = SimpleNamespace(root=Scope.objects.root())
    o.cluster = create_scope(actor=COMMAND, kind="cluster", name="North")
    o.department = create_scope(actor=COMMAND, kind="department", name="Perception", parent=o.cluster)
    o.alpha = create_scope(actor=COMMAND, kind="project", name="Alpha", parent=o.department)
    o.beta = create_scope(actor=COMMAND, kind="project", name="Beta")
    for name, code, scope in (
        ("administrator", "administrator", o.root),
        ("keeper", "project_administrator", o.alpha),
        ("viewer", "project_viewer", o.alpha),
        ("outsider", "", None),
    ):
        setattr(o, name, person(name, f"{name.title()} Person", f"{name}@example.com"))
        if scope:
            give_role(actor=COMMAND, role=role(f"roster:{code}"), subject=getattr(o, name), scope=scope)
    for name, scope in (("alpha_user", o.alpha), ("beta_user", o.beta)):
        user, _ = add_project_user(
            actor=COMMAND, project=scope, description=f"Pipeline of {scope}", username=name.replace("_", "-"), password="",
            roles=[role("ovhcloud:ai_training_read")],
        )  # fmt: skip
        setattr(o, name, user)
    return o


@pytest.fixture
def client_of(org: SimpleNamespace) -> Callable[[str], Client]:
    """Somebody of the organization, signed in: client_of("viewer").get(...)."""

    return lambda name: signed_in(getattr(org, name))
