"""Groups pass roles on, so whoever changes their members must be allowed to give and take those roles (security.md 21)."""

from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError

from accounts.models import User
from policies.actions.catalogues import load_catalogues
from policies.actions.groups import create_group, delete_group, update_group
from policies.actor import Actor
from policies.errors import Denied
from policies.models import AuditEvent
from tests.factories import COMMAND, a_person, a_project, a_project_user, give

KEEPERS = """
catalogue: keepers
label: Keepers
enabled: true
roles:
  keeper:
    label: Group keeper
    rules:
      - {can: [list, read, update], to: [group]}
"""


@pytest.fixture
def keeper(db: None, tmp_path: Path) -> User:
    """Somebody who may change groups, and give nothing."""
    path = tmp_path / "keepers.yaml"
    path.write_text(KEEPERS)
    load_catalogues(actor=COMMAND, files=[path])
    return a_person("keeper", "keepers:keeper")


def actor(user: User) -> Actor:
    return Actor(user.username, User.objects.get(pk=user.pk))


@pytest.fixture
def group(keeper: User) -> Group:
    return create_group(actor=COMMAND, name="team")


def test_a_group_without_roles_takes_members_from_whoever_may_change_it(keeper: User, group: Group) -> None:
    update_group(actor=actor(keeper), group=group, name="crew", add=[keeper])
    assert list(group.user_set.all()) == [keeper]
    event = AuditEvent.objects.filter(action="group.update").get()
    assert (event.before["name"], event.after["name"], event.after["added"]) == ("team", "crew", ["keeper"])


def test_nobody_joins_a_group_that_holds_a_role_which_they_may_not_give(keeper: User, group: Group) -> None:
    give(group, "roster:administrator")
    with pytest.raises(Denied):
        update_group(actor=actor(keeper), group=group, add=[keeper])
    assert not group.user_set.exists()
    assert AuditEvent.objects.filter(outcome="refused").exists()


def test_nobody_takes_out_members_of_a_group_whose_roles_they_may_not_take(keeper: User, group: Group) -> None:
    member = a_person("member")
    update_group(actor=COMMAND, group=group, add=[member])
    give(group, "roster:project_viewer", a_project())
    with pytest.raises(Denied):
        update_group(actor=actor(keeper), group=group, remove=[member])
    assert list(group.user_set.all()) == [member]


def test_a_project_user_is_in_no_group(group: Group) -> None:
    """OVH-10."""
    with pytest.raises(ValidationError, match="belongs to its project"):
        update_group(actor=COMMAND, group=group, add=[a_project_user(a_project())])


def test_the_last_administrator_does_not_leave_through_a_group(group: Group) -> None:
    """RUN-22: neither taken out of the group, nor with the group, nor with the group's role."""
    person = a_person("only")
    give(group, "roster:administrator")
    update_group(actor=COMMAND, group=group, add=[person])
    with pytest.raises(ValidationError, match="last administrator"):
        update_group(actor=COMMAND, group=group, remove=[person])
    with pytest.raises(ValidationError, match="last administrator"):
        delete_group(actor=COMMAND, group=Group.objects.get(name="team"))
    assert list(group.user_set.all()) == [person]
