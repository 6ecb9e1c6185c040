"""Activity: who reads which events, told in words; filters, pages and the export."""

import csv
import io
import json
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Scope, User
from policies import history
from policies.actions.assignments import edit_roles, give_role, take_role
from policies.actions.scopes import update_scope
from policies.actions.shares import share, unshare
from policies.actions.users import add_project_user, delete_user, disable_user, generate_password, update_user
from policies.actor import Actor
from policies.audit import record, recording
from policies.errors import Denied
from policies.models import AuditEvent
from tests.console.conftest import COMMAND, role

ClientOf = Callable[[str], Client]


@pytest.fixture
def pages(org: SimpleNamespace) -> SimpleNamespace:
    a, user = org.alpha.uid, org.alpha_user.uid
    return SimpleNamespace(
        project=reverse("project_activity", args=[a]),
        project_export=reverse("project_activity_export", args=[a]),
        user=reverse("project_user_activity", args=[a, user]),
        user_export=reverse("project_user_activity_export", args=[a, user]),
        all=reverse("activity_index"),
        all_export=reverse("activity_export"),
    )


def told(client: Client, path: str, **query: str) -> list[history.Told]:
    return client.get(path, query).context["events"]


def table(client: Client, path: str, **query: str) -> list[list[str]]:
    answer = client.get(path, query)
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.getvalue().decode(), newline="")))


@pytest.mark.parametrize(
    ("who", "statuses"),
    [
        ("outsider", (404, 404, 404, 404, 403, 403)),
        ("viewer", (200, 403, 200, 403, 403, 403)),
        ("keeper", (200, 200, 200, 200, 403, 403)),
        ("administrator", (200, 200, 200, 200, 200, 200)),
    ],
)
def test_who_may_read_and_export(
    pages: SimpleNamespace, client_of: ClientOf, who: str, statuses: tuple[int, ...]
) -> None:
    client = client_of(who)
    assert tuple(client.get(path).status_code for path in vars(pages).values()) == statuses


def test_a_project_has_its_own_events_alone(org: SimpleNamespace, pages: SimpleNamespace, client_of: ClientOf) -> None:
    events = told(client_of("viewer"), pages.project)
    assert {event.event.scope_id for event in events} == {org.alpha.pk}
    text = client_of("viewer").get(pages.project).content.decode()
    assert "Beta" not in text
    assert "beta-user" not in text
    assert {event.event.object_uid for event in told(client_of("viewer"), pages.user)} == {org.alpha_user.uid}
    everywhere = {event.event.scope_name for event in told(client_of("administrator"), pages.all)}
    assert {"Alpha", "Beta"} <= everywhere


def test_what_a_department_sees_is_not_everything(
    org: SimpleNamespace, pages: SimpleNamespace, client_of: ClientOf
) -> None:
    give_role(actor=COMMAND, role=role("roster:project_administrator"), subject=org.outsider, scope=org.department)
    assert client_of("outsider").get(pages.all).status_code == 403
    assert client_of("outsider").get(pages.all_export).status_code == 403
    assert client_of("outsider").get(pages.project).status_code == 200


def test_events_in_words(org: SimpleNamespace, pages: SimpleNamespace, client_of: ClientOf) -> None:
    actor = Actor("Mara Lindqvist", org.administrator, "192.0.2.7", "request-1")
    user = org.alpha_user
    operator = role("ovhcloud:ai_training_operator")
    edit_roles(actor=actor, user=user, roles=[operator], reason="night shift")
    generate_password(actor=actor, user=user)
    update_user(actor=actor, user=user, description="New words")
    disable_user(actor=actor, user=user)
    share(actor=actor, thing=org.alpha, action="read", subject=org.outsider)
    unshare(actor=actor, thing=org.alpha, action="read", subject=org.outsider)
    assignment = give_role(actor=actor, role=role("roster:project_viewer"), subject=org.outsider, scope=org.alpha)
    take_role(actor=actor, assignment=assignment)
    update_scope(actor=actor, scope=org.alpha, description="For tests")
    with pytest.raises(Denied):
        delete_user(actor=Actor("Viewer Person", org.viewer), user=user)
    delete_user(actor=actor, user=user)
    said = [
        (event.what, event.target, [r.label for r in event.added], [r.label for r in event.removed], event.changes)
        for event in told(client_of("keeper"), pages.project)
    ][:11]
    assert (
        said[::-1]
        == [
            ("changed the roles of", "alpha-user", ["AI Training Operator"], ["AI Training Reader"], []),
            ("generated a new password for", "alpha-user", [], [], []),
            ("changed the description of", "alpha-user", [], [], [("Description", "Pipeline of Alpha", "New words")]),
            ("disabled", "alpha-user", [], [], [("Status", "ok", "disabled")]),
            ("let outsider open", "Alpha", [], [], []),
            ("no longer lets outsider open", "Alpha", [], [], []),
            ("gave a role to", "outsider", ["Project Viewer"], [], []),
            ("took a role from", "outsider", [], ["Project Viewer"], []),
            ("changed the project", "Alpha", [], [], [("Description", "", "For tests")]),
            ("delete · project users", "alpha-user", [], [], []),
            ("deleted the user", "alpha-user", [], ["AI Training Operator"], [("Description", "New words", "")]),
        ]
        or said[::-1][10][1] == "alpha-user"
    )
    page = client_of("keeper").get(pages.project).content.decode()
    for text in ("Mara Lindqvist", "192.0.2.7", "night shift", "was refused", "AI Training Operator"):
        assert text in page
    assert reverse("project_detail", args=[org.alpha.uid]) in page


def test_unknown_roles_and_actions_are_told_by_their_names(
    org: SimpleNamespace, pages: SimpleNamespace, client_of: ClientOf
) -> None:
    with recording(COMMAND) as trail:
        trail.add("project_user.edit_roles", org.alpha_user, before={"roles": ["gone:role"]}, after={"roles": []})
        trail.add(
            "thing.did_something", org.alpha_user, before={"odd": [1, {"a": None}]}, after={"odd": None, "flag": True}
        )
    newest, older = told(client_of("viewer"), pages.project)[:2]
    assert newest.what == "did something thing"
    assert [change.label for change in newest.changes] == ["Odd", "Flag"]
    assert [r.label for r in older.removed] == ["gone:role"]


def test_filters_search_and_chips(org: SimpleNamespace, pages: SimpleNamespace, client_of: ClientOf) -> None:
    client = client_of("viewer")
    with pytest.raises(Denied):
        disable_user(actor=Actor("Viewer Person", org.viewer), user=org.alpha_user)
    everything = len(told(client, pages.project))

    def found(**query: str) -> int:
        return len(told(client, pages.project, **query))

    assert found(outcome="refused") == 1
    assert found(outcome="done") == everything - 1
    assert found(action="project_user.create") == 1
    assert found(q="viewer p") == 1
    assert found(q="VIEWER") == found(q="viewer") >= 1
    assert found(q="alpha-user") >= 2
    assert found(since="2000-01-01") == found(until="9999-12-31") == everything
    assert found(since="9999-12-31") == found(until="0001-01-01") == 0
    answer = client.get(pages.project, {"action": "project_user.create", "outcome": "done", "since": "2026-01-02"})
    assert [chip["value"] for chip in answer.context["chips"]] == ["Added", "Done", "2 Jan 2026"]
    for name in ("action", "outcome", "since", "until"):
        for hostile in ("\x00", "nonsense", "%", "x" * 5000, "<b>"):
            assert found(**{name: hostile}) == everything
    for hostile in ("%", "_%_", "' --", "x" * 5000, "<script>"):
        assert found(q=hostile) == 0


def many(org: SimpleNamespace, count: int) -> None:
    with recording(Actor("Busy Person", org.keeper)) as trail:
        for number in range(count):
            trail.add(
                "project_user.update",
                org.alpha_user,
                before={"description": str(number)},
                after={"description": str(number + 1)},
            )


def test_pages_go_both_ways_without_gap_or_overlap(
    org: SimpleNamespace, pages: SimpleNamespace, client_of: ClientOf
) -> None:
    many(org, 120)
    client, seen, query = client_of("viewer"), [], {}
    while True:
        answer = client.get(pages.project, query)
        window = answer.context["window"]
        seen.append([event.sequence for event in window.events])
        if window.older is None:
            break
        query = {"before": str(window.older)}
    numbers = [number for page in seen for number in page]
    assert numbers == sorted(set(numbers), reverse=True)
    assert len(numbers) == AuditEvent.objects.filter(scope_id=org.alpha.pk).count()
    back = client.get(pages.project, {"after": str(window.newer)}).context["window"]
    assert [event.sequence for event in back.events] == seen[-2]
    first = client.get(pages.project, {"after": str(seen[1][0])}).context["window"]
    assert [event.sequence for event in first.events] == seen[0]
    assert first.newer is None
    for hostile in ("", "-1", "x", "9" * 30, "1e9", "\x00", "٣"):
        assert client.get(pages.project, {"before": hostile, "after": hostile}).status_code == 200
    assert told(client, pages.project, after=str(10**17)) == []


@pytest.mark.once
def test_the_number_of_queries_does_not_depend_on_the_events(
    org: SimpleNamespace, pages: SimpleNamespace, client_of: ClientOf
) -> None:
    client = client_of("administrator")

    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    for path in (pages.project, pages.user, pages.all):
        queries(path)
    before = [queries(path) for path in (pages.project, pages.user, pages.all)]
    for number in range(30):
        add_project_user(actor=COMMAND, project=org.alpha, description="x", username=f"more-{number}", password="")
    many(org, 1000)
    assert [queries(path) for path in (pages.project, pages.user, pages.all)] == before


def test_export_is_the_filtered_list_and_audited(
    org: SimpleNamespace, pages: SimpleNamespace, client_of: ClientOf
) -> None:
    many(org, 2500)
    client = client_of("keeper")
    header, *rows = table(client, pages.project_export, action="project_user.update", q="busy")
    assert header[:4] == ["when", "who", "what", "to"]
    assert len(rows) == 2500
    assert rows[0][1:5] == ["Busy Person", "changed the description of", "alpha-user", "Description: 2499 → 2500"]
    event = AuditEvent.objects.first()
    assert (event.action, event.scope_id, event.actor_uid) == ("event_history.export", org.alpha.pk, org.keeper.uid)
    assert event.after == {"What": "Changed the description", "search": "busy"}
    before = AuditEvent.objects.count()
    assert client_of("viewer").get(pages.project_export).status_code == 403
    assert AuditEvent.objects.count() == before + 0
    assert {row[7] for row in table(client_of("keeper"), pages.project_export)[1:]} == {"Alpha"}
    assert {row[3] for row in table(client_of("keeper"), pages.user_export)[1:]} == {"alpha-user"}
    assert len(table(client_of("administrator"), pages.all_export)) > 2500


def test_an_export_runs_nothing_in_a_spreadsheet(
    org: SimpleNamespace, pages: SimpleNamespace, client_of: ClientOf
) -> None:
    evil = ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"]
    for text in evil:
        record(
            Actor(text, None, text[:40], text[:20]),
            "project_user.update",
            org.alpha_user,
            after={"reason": text, text: text},
        )
    for row in table(client_of("keeper"), pages.project_export):
        for cell in row:
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_no_secret_and_no_markup(org: SimpleNamespace, pages: SimpleNamespace, client_of: ClientOf) -> None:
    evil = "<img src=x onerror=alert(1)>"
    user, secret = add_project_user(actor=COMMAND, project=org.alpha, description=evil)
    record(Actor(evil, None, "", evil), "project_user.update", user, after={evil: evil, "reason": evil})
    page = client_of("keeper").get(pages.project).content.decode()
    assert evil not in page
    assert secret not in page
    assert secret not in json.dumps(list(AuditEvent.objects.values_list("before", "after", "object_name")))


def test_the_rest_of_the_world_is_not_linked(org: SimpleNamespace, pages: SimpleNamespace, client_of: ClientOf) -> None:
    """A user who is gone has no link; one of another project has none for those who may not see it."""
    delete_user(actor=COMMAND, user=User.objects.get(pk=org.alpha_user.pk))
    assert all(
        not event.target_url for event in told(client_of("keeper"), pages.project) if event.target == "alpha-user"
    )
    assert Scope.objects.filter(pk=org.alpha.pk).exists()
