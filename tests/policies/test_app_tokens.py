"""App tokens: what they open, when they end, and that nobody gets more by one than they may do themselves (OVH-17)."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import Project, User
from policies.actions.app_tokens import create_app_token, renew_app_token, revoke_app_token
from policies.actions.assignments import take_role
from policies.actions.resources import register_resource, update_resource
from policies.actions.users import disable_user
from policies.actor import Actor
from policies.app_tokens import find, may, opens
from policies.errors import AlreadyDone, Conflict, Denied
from policies.models import AppToken, AuditEvent, EntityType, Resource
from policies.protected import At
from tests.factories import COMMAND, a_person, a_project, give, role

pytestmark = pytest.mark.django_db
OPERATOR, READER = "ovhcloud:ai_training_operator", "ovhcloud:ai_training_read"


def in_days(days: float) -> datetime:
    return timezone.now() + timedelta(days=days)


@pytest.fixture
def world(p: SimpleNamespace) -> SimpleNamespace:
    return p


def make_platform() -> SimpleNamespace:
    """A project with a maker of tokens who runs AI there, two notebooks (one labelled), and a project beside it."""
    w = SimpleNamespace(project=a_project("vision"), other=a_project("speech"))
    w.maker = a_person("maker", "roster:project_administrator", OPERATOR, scope=w.project)
    w.keeper = a_person("keeper", "roster:project_administrator", scope=w.project)
    for scope in (w.project, w.other):
        give(w.maker, READER, scope)
    kind = EntityType.objects.get(catalogue__code="ovhcloud", code="notebook")

    def a_notebook(name: str, scope: Project, *tags: str) -> Resource:
        return register_resource(actor=COMMAND, entity_type=kind, scope=scope, name=name, tags=tags)

    w.plain, w.labelled = a_notebook("plain", w.project), a_notebook("labelled", w.project, "team=red")
    w.elsewhere = a_notebook("elsewhere", w.other, "team=red")
    return w


def make(w: SimpleNamespace, by: User, code: str = OPERATOR, label: str = "", name: str = "ci") -> tuple[AppToken, str]:
    return create_app_token(
        actor=Actor(by.username, by),
        project=w.project,
        name=name,
        role=role(code),
        selector=label,
        expires_at=in_days(30),
    )


def found(secret: str) -> AppToken:
    """The token as a request finds it: its maker's roles are read anew."""
    token = find(secret)
    assert token is not None
    return token


def test_the_role_says_what_it_opens_in_its_project_alone(world: SimpleNamespace) -> None:
    """OVH-17: role read or operator."""
    _, operator = make(world, world.maker)
    _, reader = make(world, world.maker, READER, name="reader")
    for action, by_reader in (("access", True), ("launch", False), ("stop", False), ("delete", False)):
        assert may(found(operator), action, world.plain)
        assert may(found(reader), action, world.plain) is by_reader
        assert not may(found(operator), action, world.elsewhere)
    assert may(found(operator), "launch", At("ovhcloud:job", world.project))
    assert not may(found(reader), "launch", At("ovhcloud:job", world.project))
    assert not may(found(operator), "launch", At("ovhcloud:job", world.other))
    assert not may(found(operator), "launch", At("ovhcloud:job"))
    assert may(found(operator), "login", At("ovhcloud:cli", world.project))


def test_it_opens_nothing_of_the_console(world: SimpleNamespace) -> None:
    token = found(make(world, world.maker)[1])
    assert not may(token, "update", world.project)
    assert not may(token, "create", At("project_user", world.project))
    assert not may(token, "create", At("app_token", world.project))


def test_a_label_narrows_it_to_what_carries_it(world: SimpleNamespace) -> None:
    """OVH-17: label selector name=value."""
    token = found(make(world, world.maker, label="team=red")[1])
    assert may(token, "launch", world.labelled)
    assert not may(token, "launch", world.plain)
    assert not may(token, "launch", world.elsewhere)
    assert not may(token, "launch", At("ovhcloud:notebook", world.project))
    update_resource(actor=COMMAND, resource=world.labelled, tags=["team=blue"])
    assert not may(token, "launch", Resource.objects.get(pk=world.labelled.pk))
    assert set(opens(world.maker, world.project, role(OPERATOR))) == {world.plain, world.labelled}
    assert set(opens(world.maker, world.project, role(OPERATOR), "team=blue")) == {world.labelled}


def test_it_never_opens_more_than_its_maker_may(world: SimpleNamespace) -> None:
    """Security 17: who administers the project without a role for its notebooks makes tokens that open none of them."""
    _, secret = make(world, world.keeper)
    assert not may(found(secret), "access", world.plain)
    assert not opens(world.keeper, world.project, role(OPERATOR)).exists()
    give(world.keeper, READER, world.project)
    assert may(found(secret), "access", world.plain)
    assert not may(found(secret), "launch", world.plain)


def test_it_ends_with_what_its_maker_loses(world: SimpleNamespace) -> None:
    """Security 13 and 22: on the very next question."""
    _, secret = make(world, world.maker)
    assert may(found(secret), "launch", world.plain)
    take_role(actor=COMMAND, assignment=world.maker.role_assignments.get(role=role(OPERATOR)))
    assert not may(found(secret), "launch", world.plain)
    assert may(found(secret), "access", world.plain)  # they still are a reader
    disable_user(actor=COMMAND, user=world.maker)
    assert find(secret) is None


def test_only_a_digest_is_kept_and_a_part_of_the_secret_opens_nothing(world: SimpleNamespace) -> None:
    """OVH-17: shown once. Security 16 and 27."""
    token, secret = make(world, world.maker)
    assert secret.startswith(f"roster_app_{token.uid[:8]}_")
    assert len(secret) > 60
    assert secret[20:] not in str([*AppToken.objects.values_list(), *AuditEvent.objects.values_list()])
    assert find(secret) == token
    for wrong in (secret[:-1], f"{secret}x", secret.upper(), secret.removeprefix("roster_app_"), token.digest, ""):
        assert find(wrong) is None


def test_it_has_to_end_and_has_one_of_the_roles_for_it(world: SimpleNamespace) -> None:
    """Expiry is mandatory, with a maximum; a storage role or one of the console is none for a token."""
    actor = Actor("maker", world.maker)
    right: dict[str, Any] = {"name": "ci", "role": role(OPERATOR), "expires_at": in_days(1)}
    for field, wrong in (
        ("expires_at", in_days(367)),
        ("expires_at", in_days(-1)),
        ("role", role("ovhcloud:objectstore_operator")),
        ("role", role("roster:project_administrator")),
        ("selector", "red"),
        ("selector", "team = red"),
        ("name", " "),
    ):
        with pytest.raises(ValidationError) as error:
            create_app_token(actor=actor, project=world.project, **{**right, field: wrong})
        assert list(error.value.message_dict) == [field]
    make(world, world.maker)
    with pytest.raises(ValidationError):
        make(world, world.maker)  # the same name
    assert AppToken.objects.count() == 1


def test_an_expired_one_opens_nothing(world: SimpleNamespace) -> None:
    token, secret = make(world, world.maker)
    AppToken.objects.filter(pk=token.pk).update(expires_at=in_days(0))
    assert find(secret) is None


@pytest.mark.parametrize("overlap", [timedelta(0), timedelta(hours=1)])
def test_renewing_gives_a_new_secret_and_ends_the_old_one(world: SimpleNamespace, overlap: timedelta) -> None:
    """The old one dies at once, or after a chosen overlap; never later than it would have died."""
    token, first = make(world, world.maker)
    _, second = renew_app_token(actor=Actor("maker", world.maker), token=token, expires_at=in_days(60), overlap=overlap)
    assert find(second) == token
    assert (find(first) == token) is bool(overlap)
    AppToken.objects.filter(pk=token.pk).update(old_expires_at=in_days(0))
    assert find(first) is None
    _, third = renew_app_token(
        actor=Actor("maker", world.maker), token=token, expires_at=in_days(1), overlap=timedelta(hours=24)
    )
    assert find(first) is None
    assert find(second) == find(third) == token
    AppToken.objects.filter(pk=token.pk).update(expires_at=in_days(0.5))
    renew_app_token(actor=Actor("maker", world.maker), token=token, expires_at=in_days(9), overlap=timedelta(hours=24))
    token.refresh_from_db()
    assert token.old_expires_at
    assert token.old_expires_at < in_days(0.51)


def test_nobody_else_renews_it(world: SimpleNamespace) -> None:
    """Whoever got a secret of it would do what its maker may. Others revoke it."""
    token, secret = make(world, world.maker)
    administrator = a_person("root", "roster:administrator")
    for who in (world.keeper, administrator):
        with pytest.raises(Denied):
            renew_app_token(actor=Actor(who.username, who), token=token, expires_at=in_days(1))
    with pytest.raises(Denied):
        renew_app_token(actor=COMMAND, token=token, expires_at=in_days(1))
    assert find(secret) == token
    revoke_app_token(actor=Actor("keeper", world.keeper), token=token)
    assert find(secret) is None
    with pytest.raises(Conflict):
        revoke_app_token(actor=Actor("keeper", world.keeper), token=token)


def test_who_may_not_makes_and_revokes_none(world: SimpleNamespace) -> None:
    viewer = a_person("viewer", "roster:project_viewer", OPERATOR, scope=world.project)
    elsewhere = a_person("elsewhere", "roster:project_administrator", scope=world.other)
    token, _ = make(world, world.maker)
    for who in (viewer, elsewhere):
        with pytest.raises(Denied):
            make(world, who, name="mine")
        with pytest.raises(Denied):
            revoke_app_token(actor=Actor(who.username, who), token=token)
    assert AuditEvent.objects.filter(outcome="refused", object_type="app_token").count() == 4


def test_a_form_that_is_sent_twice_makes_one(world: SimpleNamespace) -> None:
    """Security 29."""
    token, _ = make(world, world.maker)
    given: dict[str, Any] = {
        "actor": Actor("maker", world.maker),
        "token": token,
        "expires_at": in_days(1),
        "nonce": "n",
    }
    _, secret = renew_app_token(**given)
    with pytest.raises(AlreadyDone):
        renew_app_token(**given)
    assert find(secret) == token


def test_use_is_noted_once_in_a_quarter_of_an_hour(world: SimpleNamespace, django_assert_num_queries: Any) -> None:
    token, secret = make(world, world.maker)
    find(secret)
    token.refresh_from_db()
    world.maker.refresh_from_db()
    assert token.last_used_at
    assert world.maker.last_used_at
    with django_assert_num_queries(1):
        find(secret)
