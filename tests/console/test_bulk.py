"""One change to many users: the preview, the job in batches, a result for each user."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User
from console.views import bulk as bulk_views
from policies.actions import bulk
from policies.actions.catalogues import load_catalogues
from policies.models import AuditEvent, BulkItem, BulkJob, RoleAssignment
from tests.console.conftest import COMMAND, role
from tests.console.pages import Page
from tests.console.test_project_users import FILE, OPERATOR, READER, STORAGE, a_user, held
from tests.factories import give

ClientOf = Callable[[str], Client]


@pytest.fixture
def keeper(client_of: ClientOf) -> Client:
    return client_of("keeper")


@pytest.fixture
def create(org: SimpleNamespace) -> str:
    return reverse("bulk_create", args=[org.alpha.uid])


@pytest.fixture
def users(org: SimpleNamespace) -> list[User]:
    """Three of alpha: a reader, one with storage who is disabled, one without roles."""
    return [
        a_user(org.alpha, "one", READER),
        a_user(org.alpha, "two", STORAGE, is_active=False),
        a_user(org.alpha, "three"),
    ]


@pytest.fixture
def events(users: list[User]) -> Callable[[], list[tuple[str, str, str]]]:
    """(action, whom it happened to, outcome) of what was recorded since the test began."""
    last = AuditEvent.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
    rows = AuditEvent.objects.filter(sequence__gt=last).order_by("sequence")
    return lambda: list(rows.all().values_list("action", "object_name", "outcome"))


def ticked(users: list[User]) -> dict[str, list[str]]:
    return {"user": [user.uid for user in users]}


def preview(client: Client, create: str, action: str, **what: Any) -> tuple[HttpResponse, Any]:
    response: Any = client.get(create, {"action": action, **what})
    assert response.status_code == 200
    return response, Page(response).form("action", "digest")


def effects(response: Any) -> list[tuple[int, str]]:
    return [(effect["count"], effect["text"]) for effect in response.context["effects"]]


def results(response: Any) -> dict[str, tuple[str, str]]:
    return {row["username"]: (row["outcome"], row["text"]) for row in response.context["rows"]}


def test_add_and_take_roles(
    org: SimpleNamespace, keeper: Client, create: str, users: list[User], events: Callable[..., Any]
) -> None:
    response, form = preview(keeper, create, "roles", **ticked(users))
    assert effects(response) == []
    assert "Change roles of 3 users" in Page(response).text
    assert "one, three, two" in Page(response).text
    have = {str(change["role"]): change["held"] for change in response.context["changes"]}  # type: ignore[attr-defined]
    assert (have["AI Training Reader"], have["ObjectStore Operator"], have["AI Training Operator"]) == (1, 1, 0)
    wanted = {f"role-{role(STORAGE).uid}": "add", f"role-{role(READER).uid}": "remove"}
    response = form.submit(keeper, create, **wanted, preview="1")
    assert effects(response) == [(2, "get ObjectStore Operator"), (1, "lose AI Training Reader")]
    assert not events()
    response = Page(response).form("digest").submit(keeper, create)
    [job] = BulkJob.objects.all()
    assert response["Location"] == reverse("bulk_detail", args=[org.alpha.uid, job.uid])
    assert [held(user) for user in users] == [{STORAGE}, {STORAGE}, {STORAGE}]
    assert held(org.alpha_user) == {READER}
    assert events() == [
        ("bulk_job.create", "Alpha", "done"),
        ("project_user.edit_roles", "one", "done"),
        ("project_user.edit_roles", "three", "done"),
    ]
    started = AuditEvent.objects.get(action="bulk_job.create")
    assert started.after == {"change": "roles", "users": 3, "gives": [STORAGE], "takes": [READER]}
    response = keeper.get(response["Location"])
    assert results(response) == {
        "one": ("done", "Roles changed"), "two": ("unchanged", "Nothing to change"), "three": ("done", "Roles changed"),
    }  # fmt: skip
    assert "Done: 3 of 3 users" in Page(response).text
    assert "Started by Keeper Person" in Page(response).text


def test_disable_enable_and_delete_what_is_ticked(
    org: SimpleNamespace, keeper: Client, create: str, users: list[User], events: Callable[..., Any]
) -> None:
    response, form = preview(keeper, create, "disable", **ticked(users))
    assert effects(response) == [(2, "disabled"), (1, "disabled already")]
    response = keeper.get(form.submit(keeper, create)["Location"])
    assert results(response)["two"] == ("unchanged", "Was disabled already")
    assert not User.objects.filter(pk__in=[u.pk for u in users], is_active=True).exists()
    response, form = preview(keeper, create, "enable", **ticked(users[:2]))
    assert effects(response) == [(2, "enabled")]
    assert results(keeper.get(form.submit(keeper, create)["Location"])) == {
        "one": ("done", "Enabled"), "two": ("done", "Enabled"),
    }  # fmt: skip
    response, form = preview(keeper, create, "delete", **ticked(users))
    assert effects(response) == [(3, "deleted, with their roles")]
    before = len(events())
    for typed in ("", "2", "three", "3.0", "-3"):
        refused = form.submit(keeper, create, confirm=typed)
        assert refused.status_code == 422
        assert refused.context["form"].errors["confirm"] == ["Type 3, the number of users to delete."]
    assert len(events()) == before
    response = keeper.get(form.submit(keeper, create, confirm=" 3 ")["Location"])
    assert {outcome for outcome, _ in results(response).values()} == {"done"}
    assert not [link for link in Page(response).links if "/users/" in link and users[0].uid in link]
    assert set(User.objects.filter(project=org.alpha)) == {org.alpha_user}
    assert [action for action, _, _ in events()[before:]] == ["bulk_job.create", *["project_user.delete"] * 3]


def test_all_that_match_the_filter(org: SimpleNamespace, keeper: Client, create: str, users: list[User]) -> None:
    response, form = preview(keeper, create, "disable", all="1", role=READER, q="", **ticked(users[1:]))
    assert effects(response) == [(2, "disabled")]
    assert "All that match the filter, in Alpha" in Page(response).text
    assert form.fields["role"] == [READER]
    response = keeper.get(form.submit(keeper, create)["Location"])
    assert set(results(response)) == {"alpha-user", "one"}
    assert set(User.objects.filter(is_active=True, project=org.alpha)) == {users[2]}


def test_nobody_of_another_project(org: SimpleNamespace, keeper: Client, create: str, users: list[User]) -> None:
    """19: ids of users whom one may not see are like ids of nobody."""
    _, form = preview(keeper, create, "disable", user=[users[0].uid, org.beta_user.uid, org.keeper.uid, "0" * 32])
    response = keeper.get(form.submit(keeper, create)["Location"])
    assert set(results(response)) == {"one"}
    for nobody in ([org.beta_user.uid], [org.keeper.uid], ["\x00"], ["x" * 5000], []):
        response = keeper.get(create, {"action": "disable", "user": nobody})
        assert response["Location"] == reverse("project_user_index", args=[org.alpha.uid])
    assert "There was no user to change" in Page(keeper.get(response["Location"])).text
    org.beta_user.refresh_from_db()
    assert org.beta_user.is_active


def test_users_that_changed_since_the_preview_are_previewed_again(
    org: SimpleNamespace, keeper: Client, create: str, users: list[User], events: Callable[..., Any]
) -> None:
    _, form = preview(keeper, create, "delete", all="1", status="no_role")
    new = a_user(org.alpha, "new")
    before = len(events())
    response = form.submit(keeper, create, confirm="1")
    assert response.status_code == 409
    assert "The users that match changed meanwhile" in Page(response).text
    assert effects(response) == [(2, "deleted, with their roles")]
    assert not response.context["form"].errors
    assert User.objects.filter(pk__in=[users[2].pk, new.pk]).count() == 2
    assert len(events()) == before
    again = Page(response).form("digest")
    assert again.submit(keeper, create, confirm="1").status_code == 422
    assert again.submit(keeper, create, confirm="2").status_code == 302
    assert not User.objects.filter(pk__in=[users[2].pk, new.pk]).exists()


def test_users_that_change_in_the_very_moment_are_not_touched(
    org: SimpleNamespace, keeper: Client, create: str, users: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, form = preview(keeper, create, "disable", all="1")
    start = bulk.start_bulk

    def after_somebody_else(**options: Any) -> BulkJob:
        a_user(org.alpha, "new")
        return start(**options)

    monkeypatch.setattr(bulk_views, "start_bulk", after_somebody_else)
    response = form.submit(keeper, create)
    assert response.status_code == 409
    assert not BulkJob.objects.exists()
    assert "5 users" in Page(response).text


def test_no_preview_no_change(org: SimpleNamespace, keeper: Client, create: str, users: list[User]) -> None:
    """A skipped step does nothing: without the digest there was no preview."""
    for digest in ({}, {"digest": ""}, {"digest": "0" * 64}, {"digest": bulk.digest_of([users[1].uid])}):
        asked = {"action": "delete", "confirm": "1", "user": users[0].uid, **digest}
        assert keeper.post(create, asked).status_code == 409
    assert User.objects.filter(pk=users[0].pk).exists()


@pytest.mark.parametrize("chosen", [{}, {"value": "nonsense"}, {"value": ""}])
def test_roles_want_a_choice(keeper: Client, create: str, users: list[User], chosen: dict[str, str]) -> None:
    _, form = preview(keeper, create, "roles", **ticked(users))
    asked = {f"role-{role(STORAGE).uid}": chosen["value"]} if chosen else {}
    response = form.submit(keeper, create, **asked)
    assert response.status_code == 422
    assert "Choose a role to give or take." in Page(response).text
    assert not BulkJob.objects.exists()


def test_a_role_that_no_project_user_can_hold_is_no_choice(keeper: Client, create: str, users: list[User]) -> None:
    _, form = preview(keeper, create, "roles", **ticked(users))
    for name in ("roster:administrator", "runai:researcher"):
        assert form.submit(keeper, create, **{f"role-{role(name).uid}": "add"}).status_code == 422
    assert not BulkJob.objects.exists()


def test_an_action_that_there_is_not(keeper: Client, create: str, users: list[User]) -> None:
    for action in ("", "create", "password", "\x00"):
        assert keeper.get(create, {"action": action, **ticked(users)}).status_code == 404
        assert keeper.post(create, {"action": action, **ticked(users)}).status_code == 404


def test_batches_go_on_where_they_stopped(
    org: SimpleNamespace, keeper: Client, create: str, users: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    _, form = preview(keeper, create, "disable", all="1")
    job_page = form.submit(keeper, create)["Location"]
    page = keeper.get(job_page)
    assert "Disabling 2 of 4 users." in Page(page).text
    users_page = reverse("project_user_index", args=[org.alpha.uid])
    assert "Disable users: not finished" in Page(keeper.get(users_page)).text
    assert job_page in keeper.get(users_page).content.decode()
    assert len(results(page)) == 2
    before = AuditEvent.objects.count()
    assert keeper.head(job_page).status_code == keeper.get(job_page).status_code == 200
    assert AuditEvent.objects.count() == before
    users[1].delete()
    User.objects.filter(username="three").delete()
    fragment = keeper.post(job_page, headers={"HX-Request": "true"})
    assert fragment.status_code == 200
    assert b"<html" not in fragment.content
    assert "Done: 4 of 4 users" in Page(fragment).text
    assert "not finished" not in Page(keeper.get(users_page)).text
    assert results(fragment)["three"] == ("unchanged", "Was deleted meanwhile")
    before = AuditEvent.objects.count()
    assert keeper.post(job_page)["Location"] == job_page
    assert AuditEvent.objects.count() == before
    assert not User.objects.filter(project=org.alpha, is_active=True).exists()


def test_it_can_be_stopped_half_way(
    org: SimpleNamespace, client_of: ClientOf, create: str, users: list[User], events: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """What was done and what was not is listed; it does not go on. Somebody who may not do it does not stop it either."""
    monkeypatch.setattr(bulk, "BATCH", 2)
    keeper, viewer = client_of("keeper"), client_of("viewer")
    job_page = preview(keeper, create, "disable", all="1")[1].submit(keeper, create)["Location"]
    users_page = reverse("project_user_index", args=[org.alpha.uid])
    for page in (job_page, users_page):
        assert "Stop here" in Page(keeper.get(page)).text
        assert "Stop here" not in Page(viewer.get(page)).text
    assert viewer.post(job_page, {"stop": "1"}).status_code == 403
    before = len(events())
    assert keeper.post(job_page, {"stop": "1"})["Location"] == job_page
    assert events()[before:] == [("bulk_job.stop", "Alpha", "done")]
    stopped = keeper.get(job_page)
    assert "Stopped: 2 of 4 users" in Page(stopped).text
    assert "2 users not done" in Page(stopped).text
    assert sorted(results(stopped).values()) == [("done", "Disabled")] * 2 + [("not done", "Left as it was")] * 2
    for again in ({}, {"stop": "1"}):
        assert keeper.post(job_page, again).status_code == 302
    assert len(events()) == before + 1
    assert User.objects.get(username="three").is_active
    assert "not finished" not in Page(keeper.get(users_page)).text


def test_a_batch_that_fails_leaves_nothing_half_done(
    org: SimpleNamespace, keeper: Client, create: str, users: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, form = preview(keeper, create, "disable", all="1")
    disable, calls = bulk.user_actions.disable_user, iter(range(10))

    def fails_in_the_middle(**options: Any) -> User:
        if next(calls) == 2:
            raise RuntimeError("the machine stops here")
        return disable(**options)

    monkeypatch.setattr(bulk.user_actions, "disable_user", fails_in_the_middle)
    keeper.raise_request_exception = False
    assert form.submit(keeper, create).status_code == 500
    monkeypatch.undo()
    [job] = BulkJob.objects.all()
    assert set(job.items.values_list("result", flat=True)) == {"waiting"}
    assert User.objects.filter(project=org.alpha, is_active=True).count() == 3
    keeper.post(reverse("bulk_detail", args=[org.alpha.uid, job.uid]))
    assert not User.objects.filter(project=org.alpha, is_active=True).exists()


@pytest.fixture
def local_roles(org: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "local.yaml"
    path.write_text(FILE)
    load_catalogues(actor=COMMAND, files=[path])


@pytest.mark.usefixtures("local_roles")
def test_what_one_may_not_give_is_refused_user_by_user(
    org: SimpleNamespace, client_of: ClientOf, create: str, users: list[User], events: Callable[..., Any]
) -> None:
    """21: of a forged role nothing is given; each refusal is a result, and one event."""
    give(org.outsider, "local:giver", org.alpha)
    client = client_of("outsider")
    response, form = preview(client, create, "roles", **ticked(users))
    blocked = {str(change["role"]): change["blocked"] for change in response.context["changes"]}  # type: ignore[attr-defined]
    assert blocked["AI Training Operator"] == "You may not give this role."
    assert blocked["AI Training Reader"] == ""
    before = len(events())
    wanted = {f"role-{role(OPERATOR).uid}": "add", f"role-{role(READER).uid}": "add"}
    response = client.get(form.submit(client, create, **wanted)["Location"])
    assert results(response) == dict.fromkeys(
        ("one", "two", "three"), ("refused", "You may not give AI Training Operator.")
    )
    assert [held(user) for user in users] == [{READER}, {STORAGE}, set()]
    assert events()[before:] == [
        ("bulk_job.create", "Alpha", "done"),
        *[("role_assignment.create", f"AI Training Operator for {user} in Alpha", "refused") for user in users],
    ]
    form = preview(client, create, "roles", **ticked(users))[1]
    response = client.get(form.submit(client, create, **{f"role-{role(STORAGE).uid}": "remove"})["Location"])
    assert results(response)["two"] == ("refused", "You may not take away ObjectStore Operator.")
    assert results(response)["one"] == ("unchanged", "Nothing to change")


def test_who_may_only_look_changes_nobody(
    org: SimpleNamespace, client_of: ClientOf, create: str, users: list[User], events: Callable[..., Any]
) -> None:
    viewer = client_of("viewer")
    for action in ("roles", "disable", "enable", "delete"):
        asked = {"action": action, **ticked(users), "digest": bulk.digest_of(u.uid for u in users), "confirm": "3"}
        assert viewer.get(create, asked).status_code == 403
        assert viewer.post(create, asked).status_code == 403
    assert not BulkJob.objects.exists()
    assert {outcome for _, _, outcome in events()} == {"refused"}
    assert len(events()) == 4


def test_a_job_is_continued_with_the_rights_of_whoever_continues_it(
    org: SimpleNamespace, client_of: ClientOf, keeper: Client, create: str, users: list[User],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(bulk, "BATCH", 1)
    _, form = preview(keeper, create, "disable", all="1")
    job_page = form.submit(keeper, create)["Location"]
    viewer = client_of("viewer")
    looked_at = viewer.get(job_page)
    assert len(results(looked_at)) == 1
    assert "Not finished: 1 of 4 users" in Page(looked_at).text
    assert b"Continue" not in looked_at.content
    assert "not finished" not in Page(viewer.get(reverse("project_user_index", args=[org.alpha.uid]))).text
    assert viewer.post(job_page).status_code == 403
    assert viewer.post(job_page, headers={"HX-Request": "true"}).status_code == 403
    assert BulkItem.objects.filter(result="waiting").count() == 3
    RoleAssignment.objects.filter(user=org.keeper).delete()
    assert keeper.post(job_page).status_code == 404
    assert client_of("administrator").post(job_page).status_code == 302
    assert BulkItem.objects.filter(result="waiting").count() == 2
    assert AuditEvent.objects.filter(action="project_user.disable", outcome="done").latest("sequence").actor == (
        "Administrator Person"
    )


def test_jobs_of_another_project_are_not_there(
    org: SimpleNamespace, client_of: ClientOf, keeper: Client, users: list[User]
) -> None:
    administrator = client_of("administrator")
    create = reverse("bulk_create", args=[org.beta.uid])
    _, form = preview(administrator, create, "disable", all="1")
    job_page = form.submit(administrator, create)["Location"]
    assert administrator.get(job_page).status_code == 200
    job = BulkJob.objects.get()
    for project in (org.alpha, org.beta):
        for uid in (job.uid, "0" * 32, "nonsense"):
            path = reverse("bulk_detail", args=[project.uid, uid])
            assert keeper.get(path).status_code == keeper.post(path).status_code == 404
    assert administrator.get(reverse("bulk_detail", args=[org.alpha.uid, job.uid])).status_code == 404
    assert keeper.get(create, {"action": "disable", "all": "1"}).status_code == 404
