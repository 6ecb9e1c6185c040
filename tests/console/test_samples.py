"""The sample's pages: loaded from the first-run page, removed after a look at what goes, or refused with a list."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from zeal import zeal_ignore

from accounts.models import GroupProfile, Project
from console.views import samples
from policies.actions.assignments import give_role
from policies.actions.resources import register_resource
from policies.actions.scopes import create_scope
from policies.actions.shares import share
from policies.actions.users import add_project_user
from policies.models import EntityType
from tests.console.conftest import COMMAND, role

ClientOf = Callable[[str], Client]


@pytest.fixture
def small(org: SimpleNamespace) -> Project:
    """A sample of one project: what the pages do does not depend on how large it is."""
    return create_scope(actor=COMMAND, kind="project", name="Small", is_sample=True)


@pytest.mark.parametrize("who", ["outsider", "viewer", "keeper"])
def test_only_administrators_load_and_remove(
    org: SimpleNamespace, small: Project, client_of: ClientOf, who: str
) -> None:
    client = client_of(who)
    assert client.post(reverse("sample_load")).status_code == 403
    assert client.get(reverse("sample_delete")).status_code == 403
    assert client.post(reverse("sample_delete")).status_code == 403
    assert Project.objects.filter(is_sample=True).get() == small


def test_loading_is_a_post(org: SimpleNamespace, client_of: ClientOf) -> None:
    assert client_of("administrator").get(reverse("sample_load")).status_code == 405


def test_load_leads_to_the_projects(org: SimpleNamespace, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    monkeypatch.setattr(samples, "load_sample", lambda actor: loaded.append(actor.user))
    answer = client_of("administrator").post(reverse("sample_load"), follow=True)
    assert answer.redirect_chain == [(reverse("project_index"), 302)]
    assert loaded == [org.administrator]
    assert "The sample is loaded" in answer.content.decode()


def test_every_page_of_the_sample_opens(org: SimpleNamespace, client_of: ClientOf) -> None:
    """With all of it loaded, so that a page that asks a query per row shows here; the load itself does by design."""
    client = client_of("administrator")
    with zeal_ignore():
        assert client.post(reverse("sample_load")).url == reverse("project_index")
    for project in Project.objects.filter(is_sample=True):
        for page in ("project_detail", "project_user_index", "member_index", "share_index", "project_activity"):
            assert client.get(reverse(page, args=[project.uid])).status_code == 200, (project, page)
    users = client.get(reverse("project_user_index", args=[Project.objects.get(name="vision-lab").uid]), {"page": 2})
    assert users.context["page"].paginator.num_pages > 1
    assert client.get(reverse("activity_index")).status_code == 200
    page = client.get(reverse("sample_delete"))
    assert ({"count": 8, "text": "projects"} in page.context["counts"], page.context["blockers"]) == (True, [])


def test_a_second_load_is_refused(org: SimpleNamespace, small: Project, client_of: ClientOf) -> None:
    answer = client_of("administrator").post(reverse("sample_load"), follow=True)
    assert "The sample is loaded already." in answer.content.decode()


def test_removal_says_what_goes_and_then_it_goes(org: SimpleNamespace, small: Project, client_of: ClientOf) -> None:
    client = client_of("administrator")
    page = client.get(reverse("sample_delete"))
    assert page.context["counts"] == [{"count": 1, "text": "projects"}]
    assert page.context["blockers"] == []
    answer = client.post(reverse("sample_delete"), follow=True)
    assert "The sample is removed" in answer.content.decode()
    assert not Project.objects.filter(is_sample=True).exists()
    assert Project.objects.filter(pk=org.alpha.pk).exists()


def test_removing_what_is_not_there_says_so(org: SimpleNamespace, client_of: ClientOf) -> None:
    answer = client_of("administrator").post(reverse("sample_delete"), follow=True)
    assert "There is no sample here." in answer.content.decode()


def test_removal_is_refused_with_a_list_that_leads_there(
    org: SimpleNamespace, small: Project, client_of: ClientOf
) -> None:
    inside = create_scope(actor=COMMAND, kind="project", name="Other", is_sample=True)
    user, _ = add_project_user(actor=COMMAND, project=small, description="Real", username="real", password="")
    share(actor=COMMAND, thing=inside, action="read", subject=org.outsider)
    kind = EntityType.objects.get(catalogue__code="ovhcloud", code="job")
    register_resource(actor=COMMAND, entity_type=kind, scope=small, name="night")
    group = Group.objects.create(name="Friends")
    GroupProfile.objects.create(group=group, is_sample=True)
    group.user_set.add(org.outsider)
    client = client_of("administrator")
    for answer, status in ((client.get(reverse("sample_delete")), 200), (client.post(reverse("sample_delete")), 409)):
        assert answer.status_code == status
        assert answer.context["blockers"] == [
            {"label": "user real in Small", "url": reverse("project_user_detail", args=[small.uid, user.uid])},
            {"label": "resource night in Small", "url": ""},
            {"label": "outsider in the group Friends", "url": ""},
            {"label": "Other, shared with outsider (read)", "url": reverse("share_index", args=[inside.uid])},
        ]
        assert "Something real was added inside" in answer.content.decode()
    assert Project.objects.filter(is_sample=True).count() == 2


def test_roles_and_places_lead_to_their_pages(org: SimpleNamespace, small: Project) -> None:
    given = give_role(actor=COMMAND, role=role("roster:project_viewer"), subject=org.outsider, scope=small)
    above = give_role(actor=COMMAND, role=role("roster:project_viewer"), subject=org.outsider, scope=org.cluster)
    assert samples.url_of(given) == reverse("member_index", args=[small.uid])
    assert samples.url_of(above) == ""
    assert samples.url_of(org.alpha) == reverse("project_detail", args=[org.alpha.uid])
    assert samples.url_of(org.cluster) == ""
