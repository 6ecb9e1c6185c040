"""What programs of a user show, on the user's page and on one's own account: seen, and taken back at once."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse

from policies.actions.credentials import key_count
from policies.models import ApplicationCredential, AuditEvent, EC2Credential
from tests.console.conftest import a_credential, role
from tests.console.pages import Page
from tests.factories import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(org: SimpleNamespace) -> EC2Credential:
    """S3 keys of alpha's user, beside an application credential."""
    a_credential(org.alpha_user, org.alpha, "nightly").roles.add(role("ovhcloud:ai_training_read"))
    return EC2Credential.objects.create(user=org.alpha_user, project=org.alpha)


def url(name: str, org: SimpleNamespace, *more: str) -> str:
    return reverse(name, args=[org.alpha.uid, org.alpha_user.uid, *more])


def test_who_could_give_a_new_password_sees_and_deletes_them(org: SimpleNamespace, keys: EC2Credential) -> None:
    """Security 9: revocable at once; the page says when each was used last."""
    keeper = signed_in(org.keeper)
    page = Page(keeper.get(url("project_user_detail", org)))
    assert "nightly Application credential" in page.text
    assert f"{keys.access} S3 keys" in page.text
    for uid in (keys.access, ApplicationCredential.objects.get().uid):
        path = url("project_user_credential_delete", org, uid)
        assert path in page.links
        assert "It stops working at once" in Page(keeper.get(path)).text
        assert keeper.post(path)["Location"] == url("project_user_detail", org)
        assert keeper.post(path).status_code == 404
    assert not EC2Credential.objects.exists()
    assert not ApplicationCredential.objects.exists()
    assert "Keys of programs" not in Page(keeper.get(url("project_user_detail", org))).text
    activity = Page(keeper.get(reverse("project_activity", args=[org.alpha.uid]))).text
    assert "deleted an application credential of" in activity
    assert "deleted S3 keys of" in activity


def test_who_may_only_look_sees_none_of_them(org: SimpleNamespace, keys: EC2Credential) -> None:
    viewer = signed_in(org.viewer)
    shown = viewer.get(url("project_user_detail", org))
    assert shown.status_code == 200
    assert keys.access not in shown.content.decode()
    assert viewer.post(url("project_user_credential_delete", org, keys.access)).status_code == 403
    assert EC2Credential.objects.exists()


@pytest.mark.parametrize("deleted", [False, True])
def test_a_new_password_leaves_them_unless_they_are_to_go_too(
    org: SimpleNamespace, keys: EC2Credential, deleted: bool
) -> None:
    """9: the page names what goes on, and offers to delete it in the same step: all of it, or nothing happens."""
    keeper, path = signed_in(org.keeper), url("project_user_password", org)
    other = a_credential(org.beta_user, org.beta)
    page = Page(keeper.get(path))
    assert "2 keys of programs go on" in page.text
    assert f"nightly Application credential, last used: never {keys.access} S3 keys, last used: never" in page.text
    form = page.form("nonce", "and_keys")
    answer: Any = form.submit(keeper, path, **({"and_keys": "1"} if deleted else {}))
    assert ("keys of programs go on working" in Page(answer).text) is not deleted
    assert key_count(org.alpha_user) == (0 if deleted else 2)
    assert AuditEvent.objects.filter(action__endswith="credential.delete").count() == (2 if deleted else 0)
    assert ApplicationCredential.objects.filter(pk=other.pk).exists()
    again: Any = form.submit(keeper, path, and_keys="1")
    assert again.status_code == 409
    assert key_count(org.alpha_user) == (0 if deleted else 2)


def test_so_do_the_command_and_the_administration(
    org: SimpleNamespace, keys: EC2Credential, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("generate_password", "alpha-user")
    assert "S3 keys that go on: 2" in capsys.readouterr().err
    admin = signed_in(org.administrator)
    path = reverse("admin:accounts_user_password", args=[org.alpha_user.pk])
    form = Page(admin.get(path)).form("nonce", "and_keys")
    assert form.submit(admin, path).status_code == 200
    assert key_count(org.alpha_user) == 2
    assert Page(admin.get(path)).form("nonce", "and_keys").submit(admin, path, and_keys="1").status_code == 200
    assert key_count(org.alpha_user) == 0
    assert "and_keys" not in admin.get(path).content.decode()
    a_credential(org.alpha_user, org.alpha)
    call_command("generate_password", "alpha-user", "--and-keys")
    assert key_count(org.alpha_user) == 0


def test_only_those_of_this_user_are_reached(org: SimpleNamespace, keys: EC2Credential) -> None:
    """Security 19: the id of somebody else's is as unknown as one that does not exist."""
    other = a_credential(org.beta_user, org.beta)
    for uid in (other.uid, "0" * 32):
        path = url("project_user_credential_delete", org, uid)
        assert signed_in(org.keeper).post(path).status_code == 404
        assert signed_in(org.keeper).post(reverse("account_credential_delete", args=[uid])).status_code == 404
    assert ApplicationCredential.objects.filter(pk=other.pk).exists()


def test_people_see_and_delete_their_own(org: SimpleNamespace) -> None:
    mine = a_credential(org.viewer, org.alpha, "laptop")
    client = signed_in(org.viewer)
    path = reverse("account_credential_delete", args=[mine.uid])
    page = Page(client.get(reverse("account_detail")))
    assert "laptop Application credential" in page.text
    assert path in page.links
    assert client.get(path).status_code == 200
    answer: Any = client.post(path)
    assert answer["Location"] == reverse("account_detail")
    event = AuditEvent.objects.get(action="application_credential.delete")
    assert (event.object_uid, event.actor_uid) == (org.viewer.uid, org.viewer.uid)
    assert "laptop" not in Page(client.get(reverse("account_detail"))).text.replace("laptop deleted", "")
