"""The sample organization: complete, powerless, written by real actions, and removed without a trace or not at all."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import TestCase
from django.utils import timezone

from accounts.models import GroupProfile, Project, Scope, User
from policies import access
from policies.actions.administrators import administrators
from policies.actions.assignments import give_role
from policies.actions.catalogues import load_catalogues
from policies.actions.groups import create_group, update_group
from policies.actions.resources import register_resource
from policies.actions.sample import INSIDE, delete_sample, load_sample
from policies.actions.scopes import create_scope
from policies.actions.services import create_token
from policies.actions.shares import share
from policies.actions.users import add_person, add_project_user, update_user
from policies.actor import Actor
from policies.audit import heads_file, verify
from policies.errors import Denied
from policies.models import (
    ApplicationCredential,
    AppToken,
    AuditEvent,
    Catalogue,
    EC2Credential,
    EntityType,
    Resource,
    Role,
    RoleAssignment,
    Tag,
)
from policies.protected import At
from policies.rulebook import rulebook
from policies.sample.contents import real_additions, sample_counts
from tests.console.services import an_endpoint

COMMAND = Actor.of_command()
REAL, OWN = "real.person", "own-project"
COUNTS = {
    "clusters": 2,
    "departments": 3,
    "projects": 8,
    "people": 60,
    "project users": 78,
    "services": 2,
    "groups": 8,
    "resources": 68,
}
# Removing the sample leaves its events; and it renews the rulebook when it is loaded, with the catalogues switched on.
NOT_COMPARED = {"AuditEvent", "AuditHead", "RulebookVersion", "Catalogue"}


def role(name: str) -> Role:
    catalogue, _, code = name.partition(":")
    return Role.objects.select_related("catalogue").get(catalogue__code=catalogue, code=code)


def everything() -> dict[str, Any]:
    """Every row of every table, but those named above."""
    return {
        model.__name__: list(model._base_manager.order_by("pk").values())
        for model in apps.get_models(include_auto_created=True)
        if model.__name__ not in NOT_COMPARED and not model._meta.proxy and model._meta.managed
    }


@pytest.fixture(scope="module")
def before(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    """An installation in use, with the sample loaded into it once for all tests here. What it held before."""
    with django_db_blocker.unblock():
        heads_file().unlink(missing_ok=True)
        with transaction.atomic():
            with TestCase.captureOnCommitCallbacks(execute=True):  # this transaction never commits
                load_catalogues(actor=COMMAND)
                user, _ = add_person(actor=COMMAND, username=REAL, description="Real Person")
                give_role(actor=COMMAND, role=role("roster:administrator"), subject=user, scope=Scope.objects.root())
                own = create_scope(actor=COMMAND, kind="project", name=OWN)
                add_project_user(actor=COMMAND, project=own, description="Pipeline", username="own-user", password="")
                create_group(actor=COMMAND, name="real-group")
                held = everything()
                load_sample(actor=Actor(user.label, user))
            yield held
            transaction.set_rollback(True)
        heads_file().unlink(missing_ok=True)


@pytest.fixture
def sample(before: dict[str, Any], db: None) -> dict[str, Any]:
    """What each test may change: it is undone after the test."""
    return before


@pytest.fixture
def real(sample: dict[str, Any]) -> User:
    """The person who loaded the sample."""
    return User.objects.get(username=REAL)


def test_it_is_all_there(sample: dict[str, Any]) -> None:
    assert sample_counts() == COUNTS
    assert real_additions() == []


def test_whatever_it_brought_is_marked(sample: dict[str, Any]) -> None:
    for model in (Scope, User, Resource):
        known = [row["id"] for row in sample[model.__name__]]
        assert not model._base_manager.filter(pk__in=known, is_sample=True).exists()
        assert not model._base_manager.exclude(pk__in=known).filter(is_sample=False).exists()
    assert GroupProfile.objects.filter(is_sample=False).count() == 1


def test_every_project_user_role_is_held_by_one(sample: dict[str, Any]) -> None:
    offered = {role.full_name for role in Role.objects.select_related("catalogue") if "project_user" in role.subjects}
    held = Role.objects.filter(assignments__user__kind="project_user", assignments__user__is_sample=True)
    assert {role.full_name for role in held.select_related("catalogue")} == offered != set()


def test_every_other_role_is_held_but_those_that_administer(sample: dict[str, Any]) -> None:
    book = rulebook()
    powerful = {line.role_id for line in book.rules_for("administer", book.type_id("installation"))}
    held = RoleAssignment.objects.filter(scope__is_sample=True) | RoleAssignment.objects.filter(user__is_sample=True)
    by_groups = RoleAssignment.objects.filter(group__profile__is_sample=True)
    roles = {*held.values_list("role", flat=True), *by_groups.values_list("role", flat=True)}
    assert roles == set(book.roles) - powerful
    assert powerful


def test_no_page_of_it_is_empty(sample: dict[str, Any]) -> None:
    projects = Project.objects.filter(is_sample=True)
    without_users = [project for project in projects if not project.users.exists()]
    assert len(without_users) == 1, "one shows how a project begins"
    assert max(project.users.count() for project in projects) > 40, "one has several pages"
    assert all(project.resources.exists() for project in projects)
    assert all(group.user_set.exists() for group in Group.objects.filter(profile__is_sample=True))
    users = User.objects.filter(is_sample=True)
    for kind in ("person", "project_user"):
        of_kind = users.filter(kind=kind)
        assert of_kind.filter(is_active=False).exists()
        assert of_kind.filter(last_used_at=None).exists()
        assert of_kind.filter(last_used_at__gt=timezone.now() - timedelta(days=1)).exists()
        assert not of_kind.filter(description="").exists()
    assert users.filter(kind="project_user", role_assignments=None).exists(), "some without a role"
    assert users.filter(all_clusters=False, clusters__isnull=False).exists()
    assert Resource.objects.filter(is_sample=True, parent__isnull=False, owner__isnull=False).exists()
    assert Resource.objects.filter(is_sample=True, listed_roles__isnull=False).exists()
    assert Tag.objects.filter(roles__isnull=False, resource__isnull=False).exists()


def test_assignments_are_of_every_kind(sample: dict[str, Any]) -> None:
    rows = RoleAssignment.objects.all()
    to_people = rows.filter(user__is_sample=True, user__kind="person")
    to_groups = rows.filter(group__profile__is_sample=True)
    for kind in Scope.Kind.values:
        assert to_people.filter(scope__kind=kind).exists() or to_groups.filter(scope__kind=kind).exists(), kind
    assert to_groups.filter(scope__kind="project").exists()
    assert to_people.filter(expires_at__gt=timezone.now()).exists()
    assert to_people.exclude(reason="").exists()
    assert rows.filter(role__needs_scope=True, scope__kind="organization").exists(), "pending"
    project = Project.objects.get(name="vision-lab")
    assert project.shares_with_users.exists()
    assert Project.objects.filter(shares_with_groups__isnull=False).exists()


def test_nobody_in_it_can_sign_in_or_administer(sample: dict[str, Any], real: User) -> None:
    assert not any(user.has_usable_password() for user in User.objects.filter(is_sample=True))
    assert not access.people_who_may("administer", At("installation")).filter(is_sample=True).exists()
    assert list(administrators()) == [real]


def test_a_sample_person_with_a_password_and_the_role_is_still_no_administrator(
    sample: dict[str, Any], real: User
) -> None:
    mara = User.objects.get(username="mara.lindqvist")
    User.objects.filter(pk=mara.pk).update(password=real.password)
    give_role(actor=COMMAND, role=role("roster:administrator"), subject=mara, scope=Scope.objects.root())
    assert list(administrators()) == [real]


def test_its_activity_is_real(sample: dict[str, Any], real: User) -> None:
    assert verify() == (AuditEvent.objects.count(), [])
    events = AuditEvent.objects.filter(actor_uid=real.uid, outcome="done")
    assert events.filter(action="project_user.create").count() == COUNTS["project users"]
    assert events.filter(action="user.create").count() == COUNTS["people"]
    assert events.filter(action="service.create").count() == COUNTS["services"]
    assert events.filter(action="resource.register").count() == COUNTS["resources"]
    assert events.filter(action="sample.load").get().after == COUNTS
    for user in User.objects.filter(is_sample=True):
        assert events.filter(object_uid=user.uid).exists()
    assert set(RoleAssignment.objects.filter(user__is_sample=True).values_list("granted_by", flat=True)) == {real.label}


def test_the_catalogues_that_it_uses_are_switched_on(sample: dict[str, Any]) -> None:
    assert not Catalogue.objects.filter(is_enabled=False).exists()
    switched = AuditEvent.objects.filter(action="catalogue.update", after={"enabled": True})
    assert sorted(switched.values_list("object_name", flat=True)) == ["H2O AI Cloud", "Run:ai"]


def test_it_is_not_loaded_twice(sample: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="loaded already"):
        load_sample(actor=COMMAND)
    assert sample_counts() == COUNTS


def test_removal_leaves_what_was_there_before(sample: dict[str, Any], real: User) -> None:
    assert delete_sample(actor=Actor(real.label, real)) == COUNTS
    assert everything() == sample
    assert Catalogue.objects.filter(is_enabled=True).count() == 5, "real roles may have been given since"
    event = AuditEvent.objects.order_by("-sequence")[0]
    assert (event.action, event.actor, event.before) == ("sample.delete", real.label, COUNTS)
    with pytest.raises(ValidationError, match="no sample"):
        delete_sample(actor=COMMAND)


def test_removal_takes_few_queries(sample: dict[str, Any], django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(130):
        delete_sample(actor=COMMAND)


def place(name: str) -> Any:
    return Scope.objects.get(name=name)


def add_scope(user: User) -> None:
    create_scope(actor=COMMAND, kind="project", name="real-project", parent=place("Perception"))


def add_user(user: User) -> None:
    project = Project.objects.get(name="vision-lab")
    roles = [Role.objects.filter(assignments__scope=project, assignments__user__kind="project_user")[0]]
    add_project_user(actor=COMMAND, project=project, description="Real", username="real-user", roles=roles, password="")


def add_resource(user: User) -> None:
    kind = EntityType.objects.get(catalogue__code="ovhcloud", code="job")
    register_resource(actor=COMMAND, entity_type=kind, scope=place("churn-models"), name="real-job")


def add_member(user: User) -> None:
    update_group(actor=COMMAND, group=Group.objects.get(name="computer-vision"), add=[user])


def add_role(user: User) -> None:
    give_role(actor=COMMAND, role=role("roster:project_viewer"), subject=user, scope=place("gpu-west"))


def add_group_role(user: User) -> None:
    group = Group.objects.get(name="real-group")
    give_role(actor=COMMAND, role=role("roster:project_viewer"), subject=group, scope=place("speech-eval"))


def add_share(user: User) -> None:
    share(actor=COMMAND, thing=Project.objects.get(name="vision-lab"), action="read", subject=user)


def add_group_share(user: User) -> None:
    group = Group.objects.get(name="real-group")
    share(actor=COMMAND, thing=Project.objects.get(name="vision-lab"), action="read", subject=group)


def add_token(user: User) -> None:
    until = timezone.now() + timedelta(days=1)
    create_token(actor=COMMAND, service=User.objects.services().first(), name="real", expires_at=until)


def add_endpoint(user: User) -> None:
    an_endpoint(User.objects.services().get(username="access-desk"))


def add_app_token(user: User) -> None:
    until = timezone.now() + timedelta(days=1)
    reader = role("ovhcloud:ai_training_read")
    project = Project.objects.get(name="vision-lab")
    AppToken.objects.create(project=project, made_by=user, name="real", role=reader, digest="-", expires_at=until)


def add_application_credential(user: User) -> None:
    project = Project.objects.get(name="vision-lab")
    ApplicationCredential.objects.create(user=user, project=project, name="real", digest="-")


def add_s3_keys(user: User) -> None:
    project = Project.objects.get(name="vision-lab")
    EC2Credential.objects.create(user=user, project=project, access="0" * 32)


def add_bound(user: User) -> None:
    update_user(actor=COMMAND, user=user, all_clusters=False, clusters=[place("gpu-west")])


def add_tag(user: User) -> None:
    kind = EntityType.objects.get(catalogue__code="h2o", code="app")
    register_resource(actor=COMMAND, entity_type=kind, scope=place(OWN), name="real-app", tags=["for-everybody"])


@pytest.mark.parametrize(
    ("add", "told"),
    [
        (add_scope, "project real-project in Perception"),
        (add_user, "user real-user in vision-lab"),
        (add_resource, "resource real-job in churn-models"),
        (add_member, "real.person in the group computer-vision"),
        (add_role, "Project Viewer for real.person in gpu-west"),
        (add_group_role, "Project Viewer for real-group in speech-eval"),
        (add_share, "vision-lab, shared with real.person (read)"),
        (add_group_share, "vision-lab, shared with real-group (read)"),
        (add_bound, "real.person, bounded to the cluster gpu-west"),
        (add_tag, "resource real-app with the tag for-everybody"),
        (add_token, "token real of the service access-desk"),
        (add_endpoint, "endpoint https://storage.example.com/v1 of the service access-desk"),
        (add_app_token, "app token real in vision-lab"),
        (add_application_credential, "application credential real of real.person in vision-lab"),
        (add_s3_keys, "S3 keys 00000000000000000000000000000000 of real.person in vision-lab"),
    ],
)
def test_removal_is_refused_where_something_real_was_added(
    sample: dict[str, Any], real: User, add: Any, told: str
) -> None:
    add(real)
    with pytest.raises(ValidationError) as refused:
        delete_sample(actor=COMMAND)
    assert refused.value.messages == [INSIDE, told]
    assert sample_counts() == COUNTS


def test_what_sample_people_have_outside_goes_with_them(sample: dict[str, Any]) -> None:
    mara, own = User.objects.get(username="mara.lindqvist"), Project.objects.get(name=OWN)
    group = Group.objects.get(name="real-group")
    kind = EntityType.objects.get(catalogue__code="ovhcloud", code="job")
    give_role(actor=COMMAND, role=role("roster:project_viewer"), subject=mara, scope=own)
    share(actor=COMMAND, thing=own, action="read", subject=mara)
    update_group(actor=COMMAND, group=group, add=[mara])
    job = register_resource(actor=COMMAND, entity_type=kind, scope=own, name="kept", owner=mara)
    delete_sample(actor=COMMAND)
    job.refresh_from_db()
    assert job.owner is None
    assert not own.role_assignments.filter(user__kind="person").exists()
    assert not own.shares_with_users.exists()
    assert not group.user_set.exists()


def test_only_who_may_loads_and_removes(sample: dict[str, Any]) -> None:
    user, _ = add_person(actor=COMMAND, username="keeper", password="")
    give_role(actor=COMMAND, role=role("roster:project_administrator"), subject=user, scope=Scope.objects.root())
    for action in (load_sample, delete_sample):
        with pytest.raises(Denied):
            action(actor=Actor("keeper", user))
    assert sample_counts() == COUNTS


def test_names_that_are_taken_are_told_and_nothing_is_loaded(sample: dict[str, Any]) -> None:
    delete_sample(actor=COMMAND)
    add_person(actor=COMMAND, username="mara.lindqvist", password="")
    create_scope(actor=COMMAND, kind="cluster", name="gpu-west")
    create_group(actor=COMMAND, name="serving")
    with pytest.raises(ValidationError) as refused:
        load_sample(actor=COMMAND)
    taken = ("mara.lindqvist", "serving", "gpu-west")
    assert refused.value.messages == [f"The sample needs the name {name}, which is taken." for name in taken]
    assert not any(sample_counts().values())


def test_what_its_catalogues_lack_is_told_and_nothing_is_loaded(sample: dict[str, Any]) -> None:
    delete_sample(actor=COMMAND)
    Role.objects.filter(catalogue__code="h2o", code="visitor").update(is_retired=True)
    EntityType.objects.filter(catalogue__code="h2o", code="engine_profile").delete()
    with pytest.raises(ValidationError) as refused:
        load_sample(actor=COMMAND)
    lacking = ("h2o:engine_profile", "h2o:visitor")
    assert refused.value.messages == [f"{name} is in no catalogue: load the catalogues first." for name in lacking]
    assert not any(sample_counts().values())


def test_the_command_removes_only_when_told_to(sample: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError, match="needs --yes"):
        call_command("load_sample", "--remove")
    add_member(User.objects.get(username=REAL))
    with pytest.raises(CommandError, match="Nothing was removed"):
        call_command("load_sample", "--remove", "--yes")
    assert "real.person in the group computer-vision" in capsys.readouterr().err
    update_group(
        actor=COMMAND, group=Group.objects.get(name="computer-vision"), remove=[User.objects.get(username=REAL)]
    )
    call_command("load_sample", "--remove", "--yes", "--format", "json")
    assert '"projects": 8' in capsys.readouterr().out
    assert not any(sample_counts().values())


def test_the_foreign_keys_hold_after_removal(sample: dict[str, Any]) -> None:
    delete_sample(actor=COMMAND)
    connection.check_constraints()
