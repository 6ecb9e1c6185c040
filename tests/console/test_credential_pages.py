"""What programs of a user show, on the user's page and on one's own account: seen, and taken back at once."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.urls import reverse

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
