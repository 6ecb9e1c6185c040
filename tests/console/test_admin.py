"""The Django admin: who gets in, who sees what, and that every write is an action with one event in the audit trail."""

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from zeal import zeal_ignore

from accounts import models as accounts_models
from accounts.models import Cluster, Department, Project, Scope, Throttle, User
from console.admin.base import STALE
from console.admin.site import site
from policies import access
from policies import models as policies_models
from policies.actions.administrators import MESSAGE as LAST_ADMINISTRATOR
from policies.actions.assignments import give_role
from policies.actions.catalogues import load_catalogues
from policies.actions.groups import create_group, update_group
from policies.actions.resources import register_resource, update_tag
from policies.actions.scopes import create_scope
from policies.actions.shares import share
from policies.actions.users import add_person, add_project_user
from policies.actor import Actor
from policies.models import (
    AuditEvent,
    AuditHead,
    BulkItem,
    BulkJob,
    Catalogue,
    EC2Credential,
    EntityType,
    Module,
    ProjectShareWithGroup,
    ProjectShareWithUser,
    Resource,
    ResourceShareWithGroup,
    ResourceShareWithUser,
    RevokedToken,
    Role,
    RoleAssignment,
    RoleSetting,
    Tag,
    UsedNonce,
    UserShareWithGroup,
    UserShareWithUser,
)
from policies.shares import get_content_type
from tests.console.conftest import a_credential, an_app_token
from tests.console.services import a_service, a_token, an_endpoint

COMMAND = Actor.of_command()
WRITABLE = [Cluster, Department, Group, Project, Resource, RoleAssignment, Tag, User]
SWITCHES = [Catalogue, Module, Role, RoleSetting]  # of roles those made in the console: test_role_editing.py
REGISTERED = sorted(site._registry, key=lambda model: model._meta.label)
pytestmark = pytest.mark.django_db


def role(name: str) -> Role:
    catalogue, code = name.split(":")
    return Role.objects.get(catalogue__code=catalogue, code=code)


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker: Any) -> Iterator[SimpleNamespace]:
    """One world for all tests: each works inside its transaction and is rolled back to it."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)


@pytest.fixture
def world(made: SimpleNamespace, db: None) -> SimpleNamespace:
    return deepcopy(made)


def make_world() -> SimpleNamespace:
    """Two projects with a user each; an administrator, one of project A only, an outsider; a row of every model."""
    load_catalogues(actor=COMMAND)
    w = SimpleNamespace()
    w.root = Scope.objects.root()
    w.cluster = create_scope(actor=COMMAND, kind="cluster", name="Cluster")
    w.department = create_scope(actor=COMMAND, kind="department", name="Department")
    w.a = create_scope(actor=COMMAND, kind="project", name="Project A", parent=w.department)
    w.b = create_scope(actor=COMMAND, kind="project", name="Project B")
    for name in ("administrator", "keeper", "outsider"):
        setattr(w, name, add_person(actor=COMMAND, username=name)[0])
    User.objects.update(password_is_temporary=False)
    for person, code, scope in (
        (w.administrator, "administrator", w.root),
        (w.keeper, "project_administrator", w.a),
    ):
        give_role(actor=COMMAND, role=role(f"roster:{code}"), subject=person, scope=scope)
    for name, scope in (("user_a", w.a), ("user_b", w.b)):
        roles = [role("ovhcloud:ai_training_read")]
        setattr(
            w,
            name,
            add_project_user(
                actor=COMMAND, project=scope, description="x", username=name.replace("_", "-"), roles=roles
            )[0],
        )
    w.group = create_group(actor=COMMAND, name="Team")
    update_group(actor=COMMAND, group=w.group, add=[w.outsider])
    notebook = EntityType.objects.get(catalogue__code="ovhcloud", code="notebook")
    w.resource = register_resource(actor=COMMAND, entity_type=notebook, scope=w.a, name="Notebook")
    w.tag = update_tag(actor=COMMAND, name="red", roles=[])
    for thing, action in ((w.a, "read"), (w.resource, "access")):
        share(actor=COMMAND, thing=thing, action=action, subject=w.keeper)
        share(actor=COMMAND, thing=thing, action=action, subject=w.group)
    about_user = Permission.objects.create(content_type=get_content_type(User), codename="read", name="Open")
    UserShareWithUser.objects.create(content_object=w.outsider, permission=about_user, user=w.keeper)
    UserShareWithGroup.objects.create(content_object=w.outsider, permission=about_user, group=w.group)
    job = BulkJob.objects.create(project=w.a, change="disable")
    BulkItem.objects.create(job=job, user_uid="0" * 32, username="gone")
    Throttle.objects.create(key="address:192.0.2.1", window_ends_at=timezone.now())
    UsedNonce.objects.create(digest="0" * 64)
    UserSession.objects.create(user=w.outsider, ip="192.0.2.1", session_key="a-key-that-opens-the-console")
    service = a_service("gateway", trusts=("owner",))
    a_token(service)
    an_endpoint(service)
    an_app_token(w.a, w.keeper)
    a_credential(w.user_a, w.a)
    EC2Credential.objects.create(user=w.user_a, project=w.a)
    RevokedToken.objects.create(audit_id="0" * 32, expires_at=timezone.now())
    return w


@pytest.fixture
def signed_in(world: SimpleNamespace) -> Callable[[str], Client]:
    def sign_in(name: str) -> Client:
        client = Client()
        client.force_login(getattr(world, name))
        return client

    return sign_in


def url(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def events() -> list[str]:
    return list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True))


class Posting:
    """Sends a form and tells the events that it left behind."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def __call__(self, address: str, status: int = 302, /, **data: Any) -> list[str]:
        before = AuditEvent.objects.count()
        with zeal_ignore():  # an action for each of several objects asks the same for each
            self.answer: HttpResponse = self.client.post(address, {"csrfmiddlewaretoken": "as a form sends it", **data})
        assert self.answer.status_code == status, self.answer.content.decode()
        done = AuditEvent.objects.order_by("sequence")[before:]
        return [event.action if event.outcome == "done" else f"{event.action} refused" for event in done]


@pytest.fixture
def post(signed_in: Callable[[str], Client]) -> Posting:
    return Posting(signed_in("administrator"))


# ---- Who sees which page

PAGES = ("changelist", "add", "change", "delete")
OF_KEEPER = {  # what a project administrator gets in the own project; of every other model nothing
    User: {"changelist", "add", "change", "delete"},
    Project: {"changelist", "change"},
    Scope: {"changelist", "change"},
    RoleAssignment: {"changelist", "add", "change", "delete"},
    AuditEvent: {"changelist", "change"},
}


def expected(who: str, model: type[Model]) -> set[str]:
    if who == "keeper":
        return OF_KEEPER.get(model, set())
    found = {"changelist", "change"} | ({"add", "delete"} if model in WRITABLE else set())
    return found - {"delete"} if model is Tag else found


def row_of(model: type[Model], world: SimpleNamespace, place: str = "a") -> Any:
    """A row that belongs to project A (or B), where the model's rows belong to projects."""
    scope = getattr(world, place)
    if model in (Project, Scope):
        return scope
    if model is User:
        return getattr(world, f"user_{place}")
    if model is RoleAssignment:
        return RoleAssignment.objects.filter(scope=scope).last()
    if model is AuditEvent:
        return AuditEvent.objects.filter(scope_id=scope.pk).last()
    return model._default_manager.order_by("pk").last()


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.model_name)
@pytest.mark.parametrize("who", ["administrator", "keeper", "outsider"])
def test_every_page_of_every_model(world: SimpleNamespace, signed_in: Any, who: str, model: type[Model]) -> None:
    client = signed_in(who)
    row = row_of(model, world)
    if row is None:
        pytest.fail("the world has no such row")
    found = set()
    for page in PAGES:
        answer = client.get(url(model, page, *([row.pk] if page in ("change", "delete") else [])))
        if answer.status_code == 200:
            found.add(page)
        else:
            assert answer.status_code == 403
    assert found == (expected(who, model) if who != "outsider" else set())


@pytest.mark.parametrize("model", [User, Project, Scope, RoleAssignment, AuditEvent])
def test_of_another_project_nothing_is_seen(world: SimpleNamespace, signed_in: Any, model: type[Model]) -> None:
    client = signed_in("keeper")
    hidden = row_of(model, world, "b")
    assert list(client.get(url(model, "changelist")).context["cl"].queryset.filter(pk=hidden.pk)) == []
    for page in ("change", "delete", "history"):
        answers = [client.get(url(model, page, pk)) for pk in (hidden.pk, 999_999)]
        there, nowhere = [(answer.status_code, answer.headers.get("Location")) for answer in answers]
        assert there == nowhere
        assert there[0] in (302, 403)


def test_every_model_of_ours_is_registered() -> None:
    ours = {getattr(module, name) for module in (accounts_models, policies_models) for name in module.__all__}
    assert {model for model in ours if isinstance(model, type)} - set(site._registry) == set()


def test_the_door(world: SimpleNamespace, signed_in: Any) -> None:
    anonymous = Client().get(url(User, "changelist"), follow=True)
    assert anonymous.redirect_chain[-1][0].startswith(reverse("account_login"))
    assert signed_in("outsider").get("/admin/").status_code == 403
    assert signed_in("outsider").post(url(Project, "add"), {"name": "Mine"}).status_code == 403
    assert events()[-1] == "admin_site.open"
    assert signed_in("administrator").get("/admin/login/").url == reverse("admin:index")
    index = signed_in("keeper").get("/admin/")
    assert b"Project A" not in index.content
    assert b"/admin/accounts/project/" in index.content
    assert b"/admin/auth/group/" not in index.content


def test_sign_out_and_password_are_those_of_the_console(signed_in: Any) -> None:
    client = signed_in("administrator")
    assert client.get("/admin/password_change/").url == reverse("account_change_password")
    answer = client.post("/admin/logout/")
    assert (answer.status_code, answer.url) == (307, reverse("account_logout"))


@pytest.mark.once
def test_no_page_shows_a_secret(world: SimpleNamespace, signed_in: Any) -> None:
    client = signed_in("administrator")
    secrets = [b"argon2", b"a-key-that-opens-the-console", client.session.session_key.encode()]
    for model in REGISTERED:
        rows = model._default_manager.order_by("-pk")[:20]  # the newest are those of this world
        for address in [url(model, "changelist"), *(url(model, "change", row.pk) for row in rows)]:
            content = client.get(address).content
            assert not [secret for secret in secrets if secret in content], address


def test_no_column_can_be_guessed_by_a_filter(world: SimpleNamespace, signed_in: Any) -> None:
    client = signed_in("keeper")
    assert client.get(url(User, "changelist") + "?password__startswith=argon2").status_code == 400
    assert client.get(url(RoleAssignment, "changelist") + "?user__password__startswith=a").status_code == 400
    assert client.get(url(User, "changelist") + "?kind__exact=project_user").status_code == 200


def test_a_field_offers_only_what_one_may_see(world: SimpleNamespace, signed_in: Any) -> None:
    client = signed_in("keeper")
    address = reverse("admin:autocomplete")
    query = {"app_label": "policies", "model_name": "roleassignment", "term": ""}
    found = client.get(address, {**query, "field_name": "scope"}).json()["results"]
    assert [row["text"] for row in found] == ["Project A"]
    assert client.get(address, {**query, "field_name": "group"}).status_code == 403
    there = Posting(client)
    choice = {"role": role("roster:project_viewer").pk, "scope": world.a.pk, "expires_at_0": "", "expires_at_1": ""}
    for hidden in (world.outsider.pk, world.user_b.pk, 999_999):
        assert there(url(RoleAssignment, "add"), 200, user=hidden, **choice) == []
        assert b"Select a valid choice" in there.answer.content


# ---- Every write is one action


def test_projects(world: SimpleNamespace, post: Posting) -> None:
    assert post(url(Project, "add"), name="New", kind="cluster", is_sample="1", path="x") == ["project.create"]
    project = Project.objects.get(name="New")
    assert (project.slug, project.kind, project.parent, project.is_sample) == ("new", "project", world.root, False)
    fields = {"name": "Newer", "slug": "new", "description": "d", "parent": world.department.pk}
    shown = {"initial-name": "New", "initial-slug": "new", "initial-description": ""}
    assert post(url(Project, "change", project.pk), **fields, **shown) == ["project.update"]
    project = Project.objects.get(pk=project.pk)
    assert (project.name, project.parent, project.ancestor_ids[1]) == ("Newer", world.department, world.department.pk)
    assert post(url(Project, "delete", project.pk), post="yes") == ["project.delete"]
    assert not Project.objects.filter(pk=project.pk).exists()


@pytest.mark.parametrize("model", [Cluster, Department])
def test_places(world: SimpleNamespace, post: Posting, model: type[Scope]) -> None:
    kind = model.KIND
    assert post(url(model, "add"), name="New") == [f"{kind}.create"]
    place = model.objects.get(name="New")
    assert post(url(model, "change", place.pk), name="Newer", slug="new", parent=world.root.pk) == [f"{kind}.update"]
    assert post(url(model, "delete", place.pk), post="yes") == [f"{kind}.delete"]


def test_what_goes_with_a_place_is_said_before(world: SimpleNamespace, post: Posting) -> None:
    page = post.client.get(url(Project, "delete", world.a.pk)).content.decode()
    for line in ("Projects: 1", "Project users: 1", "Role assignments: 2", "Resources: 1"):
        assert line in page
    chosen = {"action": "delete_selected", "_selected_action": [world.a.pk, world.b.pk]}
    page = post.client.post(url(Project, "changelist"), chosen).content.decode()
    assert "Project users: 2" in page


def test_what_an_action_refuses_stands_in_the_form(world: SimpleNamespace, post: Posting) -> None:
    assert post(url(Project, "add"), 200, name="Project A", slug="", parent=world.department.pk) == []
    assert b"This name is taken here." in post.answer.content
    assert b'value="Project A"' in post.answer.content
    assert post(url(Department, "change", world.department.pk), 200, name="D", slug="d", parent=world.a.pk) == []
    assert b"cannot lie in" in post.answer.content
    assert post(url(Department, "delete", world.department.pk), post="yes") == []
    assert Department.objects.filter(pk=world.department.pk).exists()


def test_a_stale_form_overwrites_nothing(world: SimpleNamespace, post: Posting) -> None:
    shown = {"initial-name": "As it was", "initial-slug": world.a.slug, "initial-description": ""}
    fields = {"name": "Mine", "slug": world.a.slug, "description": "", "parent": world.department.pk}
    assert post(url(Project, "change", world.a.pk), 200, **fields, **shown) == []
    assert STALE in post.answer.content.decode()
    assert Project.objects.get(pk=world.a.pk).name == "Project A"


def test_an_unchanged_form_leaves_no_event(world: SimpleNamespace, post: Posting) -> None:
    fields = {"name": "Project A", "slug": world.a.slug, "description": "", "parent": world.department.pk}
    shown = {f"initial-{name}": fields[name] for name in ("name", "slug", "description")}
    assert post(url(Project, "change", world.a.pk), **fields, **shown) == []


FORGED = {
    "is_superuser": "1",
    "is_staff": "1",
    "password": "forged",
    "kind": "project_user",
    "is_active": "",
    "is_sample": "1",
    "groups": "1",
    "uid": "0" * 32,
    "all_clusters": "",
}


def secret_in(answer: HttpResponse) -> str:
    found = re.search(r'id="secret-password"[^>]*>([A-Za-z0-9]{24})<', answer.content.decode())
    assert found
    return found[1]


def nonce_in(answer: Any) -> str:
    found = re.search(r'name="nonce" value="([^"]+)"', answer.content.decode())
    assert found
    return found[1]


def test_a_person_is_added_with_a_password_shown_once(world: SimpleNamespace, post: Posting) -> None:
    form = {
        "username": "new",
        "description": "New Person",
        "email": "new@example.org",
        "nonce": nonce_in(post.client.get(url(User, "add"))),
    }
    assert post(url(User, "add"), 200, **form, **FORGED, project=world.a.pk) == ["user.create"]
    assert post.answer["Cache-Control"] == "no-store"
    person = User.objects.get(username="new")
    assert person.check_password(secret_in(post.answer))
    assert (person.kind, person.project, person.is_superuser, person.is_active, person.is_sample) == (
        "person",
        None,
        False,
        True,
        False,
    )
    assert person.password_is_temporary
    assert person.uid != FORGED["uid"]
    again = post.client.get(url(User, "change", person.pk))
    assert secret_in(post.answer) not in again.content.decode()
    assert post(url(User, "add"), 409, **{**form, "username": "newer"}) == []
    assert not User.objects.filter(username="newer").exists()


def test_a_form_without_a_nonce_adds_nobody(post: Posting) -> None:
    assert post(url(User, "add"), 200, username="new") == []
    assert not User.objects.filter(username="new").exists()


def test_a_project_user_is_added(world: SimpleNamespace, post: Posting) -> None:
    address = url(User, "add") + "?kind=project_user"
    form = {"project": world.b.pk, "description": "Machine", "nonce": nonce_in(post.client.get(address))}
    assert post(address, 200, **form, **FORGED) == ["project_user.create"]
    user = User.objects.get(description="Machine")
    assert user.check_password(secret_in(post.answer))
    assert (user.kind, user.project, user.is_superuser, user.username[:5]) == ("project_user", world.b, False, "user-")
    form = {
        **form,
        "nonce": "another",
        "description": "With roles",
        "roles": [role("ovhcloud:ai_training_operator").pk],
    }
    assert post(address, 200, **form)[:1] == ["project_user.create"]
    assert b"No password" not in post.answer.content
    added = User.objects.get(description="With roles")
    assert [a.role.code for a in added.role_assignments.all()] == ["ai_training_operator"]


def test_a_project_administrator_adds_users_of_the_own_project(world: SimpleNamespace, signed_in: Any) -> None:
    there = Posting(signed_in("keeper"))
    form = {"description": "Machine", "nonce": "n"}
    assert there(url(User, "add"), 200, project=world.b.pk, **form) == []
    assert b"Select a valid choice" in there.answer.content
    assert there(url(User, "add") + "?kind=person", 200, project=world.a.pk, username="my-own", **form) == [
        "project_user.create"
    ]
    assert User.objects.get(username="my-own").project == world.a


def test_users_change(world: SimpleNamespace, post: Posting) -> None:
    address = url(User, "change", world.outsider.pk)
    fields = {"description": "Somebody", "email": "s@example.org", "all_clusters": "on"}
    assert post(address, **fields, **{k: v for k, v in FORGED.items() if k not in fields}, project=world.a.pk) == [
        "user.update"
    ]
    before = world.outsider
    after = User.objects.get(pk=before.pk)
    assert (after.description, after.email) == ("Somebody", "s@example.org")
    assert (after.password, after.kind, after.project, after.is_superuser, after.is_active, after.uid) == (
        before.password,
        "person",
        None,
        False,
        True,
        before.uid,
    )
    assert post(address, **{**fields, "all_clusters": "", "clusters": [world.cluster.pk]}) == ["user.update"]
    assert list(User.objects.get(pk=before.pk).clusters.all()) == [Scope.objects.get(pk=world.cluster.pk)]
    assert post(url(User, "change", world.user_a.pk), description="y", project=world.b.pk, username="z") == [
        "project_user.update"
    ]
    moved = User.objects.get(pk=world.user_a.pk)
    assert (moved.project, moved.username, moved.description) == (world.a, "user-a", "y")


def test_users_are_disabled_enabled_and_deleted(world: SimpleNamespace, post: Posting) -> None:
    chosen = [world.user_a.pk, world.user_b.pk]
    for action in ("disable", "enable"):
        assert (
            post(url(User, "changelist"), action=action, index=0, _selected_action=chosen)
            == [f"project_user.{action}"] * 2
        )
        assert set(User.objects.filter(pk__in=chosen).values_list("is_active", flat=True)) == {action == "enable"}
    assert post(url(User, "delete", world.outsider.pk), post="yes") == ["user.delete"]
    selected = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    assert post(url(User, "changelist"), **selected) == ["project_user.delete"] * 2
    assert not User.objects.filter(pk__in=chosen).exists()


def test_an_administrator_ends_the_session_of_somebody_else(
    world: SimpleNamespace, signed_in: Any, post: Posting
) -> None:
    """Security 14: on its next request, and nobody else's."""
    browser = signed_in("outsider")
    session = UserSession.objects.create(
        user=world.outsider, ip="192.0.2.2", session_key=browser.session.session_key, user_agent="Lost laptop"
    )
    address, chosen = url(UserSession, "changelist"), {"action": "end", "index": 0, "_selected_action": [session.pk]}
    assert signed_in("keeper").post(address, chosen).status_code == 403
    assert browser.get("/account/").status_code == 200
    assert post(address, **chosen) == ["user.end_session"]
    assert browser.get("/account/").status_code == 302
    assert post.client.get("/account/").status_code == 200
    assert not UserSession.objects.filter(pk=session.pk).exists()


def test_the_last_administrator_stays(world: SimpleNamespace, post: Posting) -> None:
    assert post(url(User, "delete", world.administrator.pk), post="yes") == []
    both = [world.administrator.pk, world.user_a.pk]
    assert post(url(User, "changelist"), action="disable", index=0, _selected_action=both) == []
    assert LAST_ADMINISTRATOR in post.client.get(url(User, "changelist")).content.decode()
    held = world.administrator.role_assignments.get()
    assert post(url(RoleAssignment, "delete", held.pk), post="yes") == []
    soon = timezone.now() + timedelta(days=1)
    assert (
        post(url(RoleAssignment, "change", held.pk), 200, expires_at_0=soon.date(), expires_at_1="12:00:00", reason="")
        == []
    )
    assert LAST_ADMINISTRATOR in post.answer.content.decode()
    roster = Catalogue.objects.get(code="roster")
    assert post(url(Catalogue, "change", roster.pk), 200) == []
    assert LAST_ADMINISTRATOR in post.answer.content.decode()
    assert Catalogue.objects.get(code="roster").is_enabled


def test_a_password_is_generated_once_per_form(world: SimpleNamespace, post: Posting) -> None:
    address = url(User, "password", world.user_a.pk)
    nonce = nonce_in(post.client.get(address))
    assert post(address, 200, nonce=nonce) == ["project_user.generate_password"]
    assert User.objects.get(pk=world.user_a.pk).check_password(secret_in(post.answer))
    assert post(address, 409, nonce=nonce) == []
    assert b"argon2" not in post.answer.content
    there = Posting(post.client)
    there.client.force_login(world.keeper)
    assert there(url(User, "password", world.user_b.pk), 404, nonce="n") == []


def test_groups(world: SimpleNamespace, post: Posting) -> None:
    assert post(url(Group, "add"), name="New", description="d", permissions="1") == ["group.create"]
    group = Group.objects.get(name="New")
    address = url(Group, "change", group.pk)
    assert post(address, name="Newer", description="d") == ["group.update"]
    assert post(address, name="Newer", description="d", members=[world.outsider.pk]) == ["group.update"]
    assert list(group.user_set.all()) == [world.outsider]
    assert post(address, 200, name="Newer", description="d", members=[world.user_a.pk]) == []
    assert post(url(Group, "delete", group.pk), post="yes") == ["group.delete"]


def test_role_assignments(world: SimpleNamespace, post: Posting) -> None:
    viewer = role("roster:project_viewer")
    form = {"role": viewer.pk, "scope": world.a.pk, "reason": "r", "expires_at_0": "", "expires_at_1": ""}
    assert post(url(RoleAssignment, "add"), user=world.outsider.pk, granted_by="forged", **form) == [
        "role_assignment.create"
    ]
    held = RoleAssignment.objects.get(user=world.outsider)
    assert held.granted_by == world.administrator.label
    assert post(url(RoleAssignment, "add"), group=world.group.pk, **form) == ["role_assignment.create"]
    assert post(url(RoleAssignment, "add"), 200, user=world.outsider.pk, group=world.group.pk, **form) == []
    assert post(url(RoleAssignment, "add"), 200, **form) == []
    wrong = {**form, "role": role("roster:administrator").pk}
    assert post(url(RoleAssignment, "add"), 200, user=world.outsider.pk, **wrong) == []
    assert b"is given in a organization" in post.answer.content
    change = {"reason": "s", "expires_at_0": "2030-01-01", "expires_at_1": "00:00:00"}
    forged = {"role": role("roster:administrator").pk, "scope": world.root.pk, "user": world.keeper.pk}
    assert post(url(RoleAssignment, "change", held.pk), **change, **forged) == ["role_assignment.update"]
    held.refresh_from_db()
    assert (held.reason, held.role, held.scope.pk, held.user) == ("s", viewer, world.a.pk, world.outsider)
    both = list(RoleAssignment.objects.filter(role=viewer).values_list("pk", flat=True))
    selected = {"action": "delete_selected", "_selected_action": both, "post": "yes"}
    assert post(url(RoleAssignment, "changelist"), **selected) == ["role_assignment.delete"] * 2


def test_resources_and_tags(world: SimpleNamespace, post: Posting) -> None:
    form = {"name": "N2", "visibility": "", "tags": [world.tag.pk], "owner": world.outsider.pk}
    place = {"entity_type": world.resource.entity_type_id, "scope": world.b.pk}
    assert post(url(Resource, "add"), **form, **place) == ["resource.register"]
    resource = Resource.objects.get(name="N2")
    assert (resource.scope.pk, list(resource.tags.all())) == (world.b.pk, [world.tag])
    assert post(url(Resource, "change", resource.pk), **{**form, "name": "N3"}, scope=world.a.pk) == ["resource.update"]
    resource.refresh_from_db()
    assert (resource.name, resource.scope.pk) == ("N3", world.b.pk)
    assert post(url(Resource, "delete", resource.pk), post="yes") == ["resource.retire"]
    assert post(url(Tag, "change", world.tag.pk), roles=[role("roster:administrator").pk], name="blue") == [
        "tag.update"
    ]
    assert Tag.objects.get(pk=world.tag.pk).name == "red"


def test_catalogues_and_modules_are_switched(world: SimpleNamespace, post: Posting) -> None:
    other = Catalogue.objects.get(code="runai")
    for wanted in (True, False):
        data = {"is_enabled": "on"} if wanted else {}
        assert post(url(Catalogue, "change", other.pk), **data, label="forged", digest="forged") == ["catalogue.update"]
        after = Catalogue.objects.get(pk=other.pk)
        assert (after.is_enabled, after.label, after.digest) == (wanted, other.label, other.digest)
    module = Module.objects.first()
    assert post(url(Module, "change", module.pk), **({} if module.is_installed else {"is_installed": "on"})) == [
        "catalogue.update"
    ]


READ_ONLY = [model for model in REGISTERED if model not in (*WRITABLE, *SWITCHES)]


@pytest.mark.once
@pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model._meta.model_name)
def test_the_rest_can_only_be_read(world: SimpleNamespace, post: Posting, model: type[Model]) -> None:
    row = row_of(model, world)
    stored = model._default_manager.filter(pk=row.pk).values().get()
    fields = dict.fromkeys(stored, "1")
    kind = model._meta.model_name
    for page, args, what in (("change", [row.pk], "update"), ("add", [], "create"), ("delete", [row.pk], "delete")):
        (event,) = post(url(model, page, *args), 403, post="yes", **fields)
        assert event.endswith(f".{what} refused"), kind
    selected = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    status = 302 if model is UserSession else 200  # there is no such action; sessions have another one
    assert post(url(model, "changelist"), status, **selected) == []
    if model is not AuditHead:  # it moved with the refusals
        assert model._default_manager.filter(pk=row.pk).values().get() == stored


def test_refused_writes_are_recorded_and_change_nothing(world: SimpleNamespace, signed_in: Any) -> None:
    there = Posting(signed_in("keeper"))
    assert there(url(Project, "delete", world.a.pk), 403, post="yes") == ["project.delete refused"]
    assert there(url(Project, "add"), 403, name="Mine") == ["project.create refused"]
    assert there(url(Group, "change", world.group.pk), 403, name="Mine") == ["group.update refused"]
    assert there(url(Catalogue, "change", Catalogue.objects.get(code="roster").pk), 403) == ["catalogue.update refused"]
    assert there(url(Project, "delete", world.b.pk), 403, post="yes") == ["project.delete refused"]
    assert there(url(Project, "change", world.b.pk), name="Mine") == []  # not seen at all, as if it were not there
    assert Project.objects.count() == 2
    administrator = role("roster:administrator")
    form = {
        "role": administrator.pk,
        "scope": world.a.pk,
        "user": world.user_a.pk,
        "expires_at_0": "",
        "expires_at_1": "",
    }
    assert there(url(RoleAssignment, "add"), 200, **form) == []  # it is no role for a project


def test_the_chain_holds(world: SimpleNamespace, post: Posting) -> None:
    post(url(Project, "add"), name="New")
    assert AuditEvent.objects.latest("sequence").actor == world.administrator.label
    assert AuditEvent.objects.latest("sequence").actor_uid == world.administrator.uid


def test_history_leads_to_the_audit_trail(world: SimpleNamespace, signed_in: Any) -> None:
    client = signed_in("keeper")
    answer = client.get(url(Project, "history", world.a.pk), follow=True)
    assert answer.status_code == 200
    assert {event.object_uid for event in answer.context["cl"].result_list} == {world.a.uid}


# ---- guardian's pages


def shares_url(thing: Model, *subject: Any) -> str:
    if not subject:
        return url(type(thing), "permissions", thing.pk)
    return url(
        type(thing),
        f"permissions_manage_{'group' if isinstance(subject[0], Group) else 'user'}",
        thing.pk,
        subject[0].pk,
    )


def sees(user: User, project: Project) -> bool:
    user = User.objects.get(pk=user.pk)
    return (
        access.may(user, "read", project) and access.permitted(user, "read", "project").filter(pk=project.pk).exists()
    )


@pytest.mark.parametrize("by", ["user", "group"])
def test_a_share_opens_a_project_until_it_is_taken_back(
    world: SimpleNamespace, post: Posting, signed_in: Any, by: str
) -> None:
    subject = world.outsider if by == "user" else world.group
    page = reverse("project_detail", args=[world.b.uid])
    person = signed_in("outsider")
    assert not sees(world.outsider, world.b)
    assert person.get(page).status_code == 404
    chosen = (
        {"submit_manage_user": "1", "user": "outsider"}
        if by == "user"
        else {"submit_manage_group": "1", "group": "Team"}
    )
    assert post(shares_url(world.b), **chosen) == []
    assert post.answer.url == shares_url(world.b, subject)
    assert post(shares_url(world.b, subject), permissions=["read"]) == ["project.share"]
    assert sees(world.outsider, world.b)
    assert person.get(page, follow=True).status_code == 200
    assert str(subject) in post.client.get(shares_url(world.b)).content.decode()
    assert post(shares_url(world.b, subject), permissions=[]) == ["project.unshare"]
    assert not sees(world.outsider, world.b)
    assert person.get(page).status_code == 404


def test_resources_are_shared(world: SimpleNamespace, post: Posting) -> None:
    refused = post(shares_url(world.resource, world.outsider), 200, permissions=["access"])
    assert refused == []  # nobody gives what they may not do
    give_role(actor=COMMAND, role=role("ovhcloud:ai_training_operator"), subject=world.administrator, scope=world.a)
    assert post(shares_url(world.resource, world.outsider), permissions=["access"]) == ["resource.share"]
    assert access.may(User.objects.get(pk=world.outsider.pk), "access", world.resource)
    assert ResourceShareWithUser.objects.filter(user=world.outsider).count() == 1
    assert post(shares_url(world.resource, world.outsider)) == ["resource.unshare"]
    assert ResourceShareWithGroup.objects.count() == 1


def test_only_what_can_be_shared_is_offered(world: SimpleNamespace, post: Posting) -> None:
    content = post.client.get(shares_url(world.b, world.outsider)).content.decode()
    assert set(re.findall(r'type="checkbox" name="permissions" value="(\w+)"', content)) == {"read", "update", "delete"}
    assert post(shares_url(world.b, world.outsider), 200, permissions=["share"]) == []
    assert ProjectShareWithUser.objects.filter(content_object=world.b).count() == 0
    assert post.client.get(shares_url(world.user_a)).status_code == 200


def test_shares_are_given_by_those_who_may(world: SimpleNamespace, signed_in: Any) -> None:
    there = Posting(signed_in("keeper"))
    assert there(shares_url(world.b, world.keeper), 404, permissions=["read"]) == []
    assert there(shares_url(world.a, world.outsider), 404, permissions=["read"]) == []  # cannot be seen by the keeper
    assert there(shares_url(world.a, world.group), permissions=[]) == ["project.unshare"]
    assert ProjectShareWithGroup.objects.count() == 0
    give_role(actor=COMMAND, role=role("roster:project_viewer"), subject=world.keeper, scope=world.b)
    assert there(shares_url(world.b, world.keeper), 403, permissions=["read"]) == ["project.share refused"]


@pytest.mark.once
def test_the_number_of_queries_does_not_depend_on_the_rows(world: SimpleNamespace, signed_in: Any) -> None:
    client = signed_in("administrator")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url(User, "changelist")).status_code == 200
        return len(captured)

    queries()
    few = queries()
    for number in range(30):
        add_project_user(actor=COMMAND, project=world.a, description="x", username=f"many-{number}", password="")
    assert queries() == few
