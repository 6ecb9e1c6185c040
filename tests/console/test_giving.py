"""Giving roles through the page: choose, review, a result for each; who may give what (RUN-05, RUN-10 to RUN-13, RUN-20)."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Scope, User
from console import pickers
from policies import access
from policies.actions.assignments import give_role
from policies.actions.groups import create_group
from policies.actions.scopes import create_scope
from policies.models import AuditEvent, Catalogue, Module, RoleAssignment, RulebookVersion
from policies.protected import At
from tests.console.conftest import COMMAND, role
from tests.console.pages import Page
from tests.factories import signed_in

ClientOf = Callable[[str], Client]
VIEWER, KEEPER, RESEARCHER = "roster:project_viewer", "roster:project_administrator", "runai:researcher"
NEW = "/assignments/new/"


def asked(subjects: list[Any], roles: list[str], scopes: list[Any], **more: str) -> dict[str, Any]:
    """What the form sends."""
    return {
        "subjects": [pickers.uid_of(subject) for subject in subjects], "roles": [role(name).uid for name in roles],
        "scopes": [scope.uid for scope in scopes], "expires_in": "", "expires_at": "", "reason": "", **more,
    }  # fmt: skip


def review(client: Client, *chosen: Any, **more: str) -> list[tuple[str, str, str, str]]:
    """(who, role, where, what will happen) of the second step."""
    response = client.post(NEW, asked(*chosen, **more) | {"step": "review"})
    assert response.status_code == 200, response.status_code
    return [
        (str(c.assignment.subject), c.assignment.role.code, str(c.assignment.scope), str(c.effect))
        for c in response.context["found"]
    ]


def give(client: Client, *chosen: Any, **more: str) -> list[str]:
    """The outcomes of the third step."""
    response = client.post(NEW, asked(*chosen, **more) | {"step": "give"})
    assert response.status_code == 200, response.status_code
    return [result.outcome for result in response.context["results"]]


def offered(client: Client) -> dict[str, str]:
    """{full name of each role on the page: why it cannot be given, or nothing}."""
    groups = client.get(NEW).context["role_groups"]
    return {c["role"].full_name: c["blocked"] for g in groups for c in (*g["choices"], *g["more"])}


# The three steps


def test_many_at_once_with_a_result_for_each(org: SimpleNamespace, client_of: ClientOf) -> None:
    team, client = create_group(actor=COMMAND, name="Team"), client_of("administrator")
    page = Page(client.post(NEW, {"find": "subjects", "who": "outsider"}))
    assert page.form("subjects").unticked["subjects"] == [org.outsider.uid]
    chosen = ([org.outsider, org.viewer, team], [VIEWER, KEEPER], [org.alpha, org.beta])
    response = client.post(NEW, asked(*chosen, reason="Pilot", expires_in="30") | {"step": "review"})
    effects = [str(c.effect) for c in response.context["found"]]
    assert (len(effects), effects.count("new"), effects.count("held")) == (12, 11, 1)
    assert "Give 11 roles" in Page(response).text
    assert not org.outsider.role_assignments.exists()
    done = Page(response).form("subjects", "roles", "scopes").submit(client, NEW, step="give")
    outcomes = [result.outcome for result in done.context["results"]]
    assert (outcomes.count("given"), outcomes.count("held")) == (11, 1)
    assert "11 roles given" in Page(done).text
    given = org.outsider.role_assignments.get(role=role(VIEWER).pk, scope=org.beta)
    assert (given.reason, given.granted_by) == ("Pilot", "Administrator Person")
    assert given.expires_at is not None
    assert abs(given.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=5)
    assert AuditEvent.objects.filter(action="role_assignment.create", actor="Administrator Person").count() == 11
    again = Page(response).form("subjects").submit(client, NEW, step="give")  # sent twice
    assert {result.outcome for result in again.context["results"]} == {"held"}


def test_errors_and_back_lose_nothing(org: SimpleNamespace, client_of: ClientOf) -> None:
    client = client_of("keeper")
    sent = asked([org.outsider], [VIEWER], [org.alpha], reason="kept", expires_at="2001-01-01T00:00")
    response = client.post(NEW, sent | {"step": "review"})
    assert response.status_code == 422
    assert "This moment is past" in Page(response).text
    for answer in (response, client.post(NEW, sent | {"step": "back"})):
        form = Page(answer).form("subjects", "roles", "reason")
        assert form.fields["subjects"] == [org.outsider.uid]
        assert form.fields["roles"] == [role(VIEWER).uid]
        assert form.fields["scopes"] == [org.alpha.uid]
        assert form.fields["reason"] == ["kept"]
        assert form.fields["expires_at"] == ["2001-01-01T00:00"]
    response = client.post(NEW, {"step": "review"})
    assert response.status_code == 422
    for said in ("at least one person, group or service", "at least one role", "at least one place"):
        assert said in Page(response).text
    both = asked([org.outsider], [VIEWER], [org.alpha], expires_in="3", expires_at="2100-01-01T00:00")
    assert "Say either" in Page(client.post(NEW, both | {"step": "review"})).text


def test_a_skipped_step_is_decided_all_the_same(org: SimpleNamespace, client_of: ClientOf) -> None:
    keeper = client_of("keeper")
    assert give(keeper, [org.outsider], [VIEWER], [org.alpha]) == ["given"]
    answer = keeper.post(NEW, asked([org.outsider], [VIEWER], [org.beta]) | {"step": "give"})
    assert answer.status_code == 403
    assert org.outsider.role_assignments.count() == 1


def test_at_most_500_at_once(org: SimpleNamespace, client_of: ClientOf) -> None:
    people = User.objects.bulk_create(User(username=f"p{n}", search_text=f"p{n}") for n in range(130))
    chosen = (people, [VIEWER, KEEPER], [org.alpha, org.beta])
    response = client_of("administrator").post(NEW, asked(*chosen) | {"step": "review"})
    assert response.status_code == 422
    assert "That would be 520 assignments. Give at most 500 at once." in Page(response).text


@pytest.mark.once
def test_a_review_of_many_takes_as_many_queries_as_one_of_few(org: SimpleNamespace, client_of: ClientOf) -> None:
    people = User.objects.bulk_create(User(username=f"p{n}", search_text=f"p{n}") for n in range(60))
    client = client_of("administrator")

    def queries(count: int, scopes: list[Any]) -> int:
        with CaptureQueriesContext(connection) as captured:
            review(client, people[:count], [VIEWER, KEEPER], scopes)
        return len(captured)

    queries(1, [org.alpha])
    assert queries(60, [org.alpha, org.beta, org.cluster, org.department]) == queries(2, [org.alpha])


def test_links_prefill_the_form(org: SimpleNamespace, client_of: ClientOf) -> None:
    query = {"subject": org.outsider.uid, "role": role(VIEWER).uid, "project": org.alpha.uid}
    form = Page(client_of("keeper").get(NEW, query)).form("subjects", "roles", "scopes")
    assert form.fields["subjects"] == [org.outsider.uid]
    assert form.fields["roles"] == [role(VIEWER).uid]
    assert form.fields["scopes"] == [org.alpha.uid]
    form = Page(client_of("keeper").get(NEW, {"project": org.beta.uid, "role": "x", "subject": "0"})).form("scopes")
    assert "Beta" not in str(form)
    assert form.fields.get("scopes", []) == []


def test_a_project_user_gets_a_role_that_ends(org: SimpleNamespace, client_of: ClientOf) -> None:
    """From its page: the one way to give it a role for some days; of another project it is nobody."""
    keeper, storage = client_of("keeper"), ["ovhcloud:objectstore_operator"]
    assert give(keeper, [org.alpha_user], storage, [org.alpha], expires_in="7") == ["given"]
    answer = keeper.post(NEW, asked([org.beta_user], storage, [org.alpha]) | {"step": "give"})
    assert answer.status_code == 422
    assert "Somebody you chose is gone" in Page(answer).text
    assert org.beta_user.role_assignments.count() == 1


# The pickers


def test_without_javascript_a_search_is_a_button(org: SimpleNamespace, client_of: ClientOf) -> None:
    client = client_of("keeper")
    form = Page(client.get(NEW)).form("who")
    assert ("find", "subjects") in form.buttons
    found = form.submit(client, NEW, who="OUTSID", find="subjects", reason="typed")
    page = Page(found)
    assert page.form("subjects").unticked["subjects"] == [org.outsider.uid]
    assert page.form("reason").fields["reason"] == ["typed"]
    ticked = page.form("who").submit(client, NEW, subjects=org.outsider.uid, who="viewer", find="subjects")
    form = Page(ticked).form("subjects")
    assert (form.fields["subjects"], form.unticked["subjects"]) == ([org.outsider.uid], [org.viewer.uid])
    entered = Page(client.get(NEW)).form("who").submit(client, NEW, who="outsider", step="review")  # Enter in the field
    assert entered.status_code == 200
    assert Page(entered).form("subjects").unticked["subjects"] == [org.outsider.uid]


def test_with_htmx_the_rows_alone(org: SimpleNamespace, client_of: ClientOf) -> None:
    response = client_of("keeper").post(NEW, {"find": "subjects", "who": "outsider"}, HTTP_HX_REQUEST="true")
    assert b"<html" not in response.content
    assert org.outsider.uid in response.content.decode()


def test_the_picker_is_no_list_of_people(runai: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """For those who may give but not list people: three characters, ten rows, masked addresses, none searched, not without end."""
    User.objects.bulk_create(User(username=f"ada{n:02}", search_text=f"ada{n:02}") for n in range(20))
    head = signed_in(runai.head)

    def found(text: str) -> Any:
        return head.post(NEW, {"find": "subjects", "who": text}).context["subjects"]

    assert not access.may(runai.head, "list", At("user"))
    assert (found("ad").rows, found("ad").said) == ([], "Type at least 3 characters.")
    assert len(found("ada").rows) == 10
    (row,) = found("outsider").rows
    assert row.detail == "outsider · o…@example.com"
    assert found("example").rows == []
    assert found("o…@").rows == []
    assert "outsider@example.com" not in head.post(NEW, {"find": "subjects", "who": "outsider"}).content.decode()
    monkeypatch.setattr(pickers, "SEARCHES", 5)  # as many as were done
    assert found("ada").said == "Too many searches. Go on in a minute."
    assert found("ada").rows == []


def test_whoever_may_list_people_sees_addresses(org: SimpleNamespace, client_of: ClientOf) -> None:
    picker = client_of("administrator").post(NEW, {"find": "subjects", "who": "outsider@"}).context["subjects"]
    assert [row.detail for row in picker.rows] == ["outsider · outsider@example.com"]


def test_many_places_are_searched_few_are_shown(org: SimpleNamespace, client_of: ClientOf) -> None:
    (row,) = client_of("keeper").get(NEW).context["scopes"].rows
    assert (row.label, row.detail) == ("Alpha", "project in Perception")
    for number in range(12):
        create_scope(actor=COMMAND, kind="project", name=f"Project {number}")
    client = client_of("administrator")
    picker = client.get(NEW).context["scopes"]
    assert (picker.searchable, [row.label for row in picker.rows]) == (True, ["Organization"])
    picker = client.post(NEW, {"find": "scopes", "where": "percep"}).context["scopes"]
    assert [row.label for row in picker.rows] == ["Perception"]


# Who may give what


def test_run_05_given_at_the_organization_it_is_pending(runai: SimpleNamespace) -> None:
    """Not refused: the review and the result say that it has no effect yet, and the user is shown as incomplete."""
    boss = signed_in(runai.boss)
    answer = boss.post(NEW, asked([runai.outsider], [RESEARCHER], [runai.root]) | {"step": "review"})
    assert "Given, incomplete" in Page(answer).text
    assert "Without effect until it is given in a project." in Page(answer).text
    assert give(boss, [runai.outsider], [RESEARCHER], [runai.root]) == ["given"]
    assert "Incomplete" in Page(boss.get(reverse("assignment_index"), {"q": "outsider"})).text
    assert not access.may(runai.outsider, "create", At("runai:job", runai.alpha))
    editor = signed_in(runai.editor)
    assert give(editor, [runai.outsider], [RESEARCHER], [runai.alpha]) == ["given"]
    outsider = User.objects.get(pk=runai.outsider.pk)
    assert access.may(outsider, "create", At("runai:job", runai.alpha))
    assert not access.may(outsider, "create", At("runai:job", runai.beta))


def test_run_07_offered_only_while_the_module_is_installed(runai: SimpleNamespace) -> None:
    boss, engineer = signed_in(runai.boss), "runai:ml_engineer"
    assert offered(boss)[engineer] == ""
    Module.objects.filter(catalogue__code="runai").update(is_installed=False)
    RulebookVersion.renew()
    assert offered(boss)[engineer] == "Needs the module Inference, which is not installed."
    assert review(boss, [runai.outsider], [engineer], [runai.root])[0][3] == "unfit"
    assert give(boss, [runai.outsider], [engineer], [runai.root]) == ["refused"]


def test_run_08_offered_from_the_version_that_has_it(runai: SimpleNamespace) -> None:
    head = "runai:department_admin"
    assert offered(signed_in(runai.boss))[head] == ""
    Catalogue.objects.filter(code="runai").update(platform_version="2.9")
    RulebookVersion.renew()
    assert offered(signed_in(runai.boss))[head] == "Needs version 2.10 of the platform, this is 2.9."


def test_run_10_department_administrators_give_two_roles(runai: SimpleNamespace) -> None:
    """The form offers only these two, in their departments' projects; the others stand there, disabled, with why."""
    head = signed_in(runai.head)
    enabled = {name for name, why in offered(head).items() if not why}
    assert enabled == {RESEARCHER, "runai:ml_engineer"}
    assert offered(head)["runai:editor"] == "You may not give this role."
    assert [row.label for row in head.get(NEW).context["scopes"].rows] == ["Alpha"]
    assert give(head, [runai.outsider], [RESEARCHER, "runai:ml_engineer"], [runai.alpha]) == ["given", "given"]


FORGED: list[tuple[list[str], list[str]]] = [
    (["runai:editor"], ["alpha"]),
    (["runai:department_admin"], ["department"]),
    (["runai:administrator"], ["root"]),
    ([KEEPER], ["alpha"]),
    ([RESEARCHER], ["beta"]),
    ([RESEARCHER], ["root"]),
    ([RESEARCHER], ["department"]),
    ([RESEARCHER, "runai:editor"], ["alpha"]),
    ([RESEARCHER], ["alpha", "beta"]),
]


@pytest.mark.once
@pytest.mark.parametrize(("roles", "places"), FORGED)
@pytest.mark.parametrize("step", ["review", "give"])
def test_run_10_forged_requests_get_403(runai: SimpleNamespace, roles: list[str], places: list[str], step: str) -> None:
    """What the form did not offer: nothing of the request is done, and it is audited as refused."""
    head, before = signed_in(runai.head), RoleAssignment.objects.count()
    data = asked([runai.outsider, runai.head], roles, [getattr(runai, place) for place in places])
    answer = head.post(NEW, data | {"step": step})
    assert answer.status_code == 403
    assert RoleAssignment.objects.count() == before
    event = AuditEvent.objects.order_by("-sequence").first()
    assert event is not None
    assert (event.action, event.outcome, event.actor) == ("role_assignment.create", "refused", "Head Person")


def test_a_place_that_one_may_not_see_looks_like_one_that_does_not_exist(runai: SimpleNamespace) -> None:
    """19: neither its name nor whether it is there."""
    head = signed_in(runai.head)
    hidden = asked([runai.outsider], [RESEARCHER], [runai.beta]) | {"step": "give"}
    answers = [head.post(NEW, {**hidden, "scopes": [uid]}) for uid in (runai.beta.uid, "0" * 32)]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert "Beta" not in answers[0].content.decode()
    assert answers[0].context["denied"] == answers[1].context["denied"]


def test_run_11_administrators_give_all_seven(runai: SimpleNamespace) -> None:
    seven = {name: why for name, why in offered(signed_in(runai.boss)).items() if name.startswith("runai:")}
    assert len(seven) == 7
    assert set(seven.values()) == {""}


def test_run_12_administrators_put_nobody_into_projects_and_departments(runai: SimpleNamespace) -> None:
    """They read those; Editors put people there who hold a role, or have it pending; the others nothing."""
    boss, editor = signed_in(runai.boss), signed_in(runai.editor)
    answer = boss.post(NEW, asked([runai.outsider], [RESEARCHER], [runai.alpha]) | {"step": "give"})
    assert answer.status_code == 403
    found = review(editor, [runai.outsider], [RESEARCHER], [runai.alpha, runai.beta])
    assert [line[3] for line in found] == ["denied", "denied"]
    assert give(editor, [runai.outsider], [RESEARCHER], [runai.alpha]) == ["refused"]
    give_role(actor=COMMAND, role=role(RESEARCHER), subject=runai.outsider, scope=runai.root)
    assert give(editor, [runai.outsider], [RESEARCHER], [runai.alpha, runai.beta]) == ["given", "given"]
    assert signed_in(runai.reader).get(NEW).status_code == 403


def test_run_13_administrator_and_editor_together(runai: SimpleNamespace) -> None:
    """What neither may alone: a Researcher in a project, at once."""
    give_role(actor=COMMAND, role=role("runai:editor"), subject=runai.boss, scope=runai.root)
    both = signed_in(User.objects.get(pk=runai.boss.pk))
    assert give(both, [runai.outsider], [RESEARCHER], [runai.alpha]) == ["given"]
    assert access.may(User.objects.get(pk=runai.boss.pk), "create", At("project"))


def test_run_20_users_groups_and_services(runai: SimpleNamespace) -> None:
    team = create_group(actor=COMMAND, name="Vision team")
    service = User.objects.create(username="vision-bot", kind=User.Kind.SERVICE, description="Vision bot")
    head = signed_in(runai.head)
    rows = head.post(NEW, {"find": "subjects", "who": "vision"}).context["subjects"].rows
    assert {row.value for row in rows} == {pickers.uid_of(team), service.uid}
    assert give(head, [runai.outsider, team, service], [RESEARCHER], [runai.alpha]) == ["given"] * 3
    team.user_set.add(runai.viewer)
    for user in (runai.viewer, service):
        assert access.may(User.objects.get(pk=user.pk), "create", At("runai:job", runai.alpha))
    unfit = review(signed_in(runai.administrator), [service], [VIEWER], [runai.alpha])
    assert unfit[0][3] == "unfit"


def test_nobody_gives_beyond_their_own_reach(org: SimpleNamespace, client_of: ClientOf) -> None:
    """21: a project administrator gives nothing above the project, not even to themselves (JupyterHub CVE-2024-41942)."""
    keeper = client_of("keeper")
    for place in (org.root, org.cluster, org.department, org.beta):
        answer = keeper.post(NEW, asked([org.keeper], [KEEPER], [place]) | {"step": "give"})
        assert answer.status_code == 403
    assert org.keeper.role_assignments.count() == 1
    assert offered(keeper)["roster:administrator"] == "You may not give this role."


def test_extra_fields_change_nothing(org: SimpleNamespace, client_of: ClientOf) -> None:
    """20"""
    extra = {"granted_by": "somebody", "uid": "x", "user": org.viewer.uid, "scope": org.beta.uid}
    assert give(client_of("keeper"), [org.outsider], [VIEWER], [org.alpha], **extra) == ["given"]
    given = org.outsider.role_assignments.get()
    assert (given.granted_by, given.scope) == ("Keeper Person", Scope.objects.get(pk=org.alpha.pk))


def test_a_grant_for_some_days_ends_in_so_many_days(org: SimpleNamespace, client_of: ClientOf) -> None:
    administrator = client_of("administrator")
    assert give(administrator, [org.outsider], [VIEWER], [org.alpha], expires_in="4") == ["given"]
    response = administrator.get(reverse("assignment_index"), {"q": "outsider"})
    assert "in 3 days" in Page(response).text  # and some hours
    assert give(administrator, [org.outsider], [VIEWER], [org.beta], expires_at="2100-05-04T12:00") == ["given"]
    assert "4 May 2100" in Page(administrator.get(reverse("assignment_index"), {"q": "outsider"})).text
