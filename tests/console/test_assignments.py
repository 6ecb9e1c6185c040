"""Role assignments: the list, editing in place, taking away; what Run:ai says about who sees and takes what."""

import csv
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from console.lists import CappedPaginator
from policies import access
from policies.actions.assignments import give_role, update_assignment
from policies.actions.groups import create_group, update_group
from policies.actions.switches import change_catalogue
from policies.actions.users import disable_user
from policies.actor import Actor
from policies.models import AuditEvent, RoleAssignment
from policies.protected import At
from tests.console.conftest import COMMAND, role
from tests.console.pages import Page
from tests.factories import signed_in

ClientOf = Callable[[str], Client]
VIEWER, KEEPER = "roster:project_viewer", "roster:project_administrator"
INDEX = "/assignments/"


def listed(client: Client, **query: str) -> list[str]:
    """The rows of the page, as "viewer roster:project_viewer Alpha"."""
    rows = client.get(INDEX, query).context["rows"]
    return [f"{a.subject} {a.role.full_name} {a.scope}" for a in (row["assignment"] for row in rows)]


def state(client: Client, assignment: RoleAssignment) -> tuple[str, str]:
    rows = client.get(INDEX, {"q": str(assignment.subject)}).context["rows"]
    return next(tuple(row["state"]) for row in rows if row["assignment"] == assignment)


# The list


def test_everybody_sees_what_they_may_see(org: SimpleNamespace, client_of: ClientOf) -> None:
    alpha = {
        "keeper roster:project_administrator Alpha",
        "viewer roster:project_viewer Alpha",
        "alpha-user ovhcloud:ai_training_read Alpha",
    }
    assert set(listed(client_of("viewer"))) == set(listed(client_of("keeper"))) == alpha
    assert set(listed(client_of("administrator"))) == alpha | {
        "administrator roster:administrator Organization",
        "beta-user ovhcloud:ai_training_read Beta",
    }
    assert client_of("outsider").get(INDEX).status_code == 403


def test_the_columns(org: SimpleNamespace, client_of: ClientOf) -> None:
    team = create_group(actor=COMMAND, name="Team")
    update_group(actor=COMMAND, group=team, add=[org.viewer, org.keeper])
    ends = timezone.now() + timedelta(days=3, minutes=5)
    give_role(
        actor=Actor("Mara Lindqvist"), role=role(VIEWER), subject=team, scope=org.department, expires_at=ends,
        reason="Pilot",
    )  # fmt: skip
    response = client_of("administrator").get(INDEX, {"type": "group"})
    (row,) = response.context["rows"]
    assert (row["label"], row["kind"], row["detail"]) == ("Team", "Group", "2 members")
    text = Page(response).text
    for word in (
        "Project Viewer",
        "Perception",
        "Department",
        "Given to the group",
        "Mara Lindqvist",
        "“Pilot”",
        "in 3 days",
    ):
        assert word in text, word
    assert f'datetime="{ends.isoformat()}"' in response.content.decode()


@pytest.mark.parametrize(
    "sort", ["subject", "type", "role", "place", "kind", "by", "source", "since", "expires", "status"]
)
def test_every_column_sorts_the_whole_set(org: SimpleNamespace, client_of: ClientOf, sort: str) -> None:
    people = User.objects.bulk_create(User(username=f"p{n:02}", search_text=f"p{n:02}") for n in range(40))
    now = timezone.now()
    RoleAssignment.objects.bulk_create(
        RoleAssignment(
            role=role(VIEWER), user=user, scope=(org.alpha, org.beta, org.cluster)[n % 3], granted_by=f"giver {n % 7}",
            expires_at=now + timedelta(hours=n - 20) if n % 4 else None,
        ) for n, user in enumerate(people)
    )  # fmt: skip
    client = client_of("administrator")
    keys: dict[str, Callable[[Any], Any]] = {
        "subject": lambda r: r["label"].lower(),
        "type": lambda r: r["assignment"].user.kind if r["assignment"].user else "group",
        "role": lambda r: r["assignment"].role.label.lower(),
        "place": lambda r: r["assignment"].scope.name.lower(),
        "kind": lambda r: r["assignment"].scope.kind,
        "source": lambda r: (r["source"], r["assignment"].scope.name.lower()),
        "by": lambda r: r["assignment"].granted_by.lower(),
        "since": lambda r: r["assignment"].granted_at,
        "expires": lambda r: (r["assignment"].expires_at is None, r["assignment"].expires_at or now),
        "status": lambda r: ["in_effect", "pending", "switched_off", "disabled", "expired"].index(r["state"].state),
    }
    for sign in ("", "-"):
        pages = [client.get(INDEX, {"sort": f"{sign}{sort}", "page": page}).context["rows"] for page in (1, 2)]
        found = [*pages[0], *pages[1]]
        assert len({row["assignment"].pk for row in found}) == 45
        values = [keys[sort](row) for row in found]
        assert values == sorted(values, reverse=bool(sign))


def test_filters_stand_in_the_address_as_chips(org: SimpleNamespace, client_of: ClientOf) -> None:
    administrator, past = client_of("administrator"), timezone.now() - timedelta(seconds=1)
    soon = timezone.now() + timedelta(days=6)
    give_role(actor=COMMAND, role=role(VIEWER), subject=org.outsider, scope=org.cluster, expires_at=past)
    give_role(actor=COMMAND, role=role(VIEWER), subject=org.outsider, scope=org.department, expires_at=soon)
    disable_user(actor=COMMAND, user=org.viewer)
    outsider = [f"outsider {VIEWER} Perception", f"outsider {VIEWER} North"]
    assert listed(administrator, q="OUTSIDER") == outsider
    assert listed(administrator, status="expired") == outsider[1:]
    assert listed(administrator, status="soon") == outsider[:1]
    assert listed(administrator, status="disabled") == [f"viewer {VIEWER} Alpha"]
    assert outsider[0] in listed(administrator, status="in_effect")
    assert outsider[1] not in listed(administrator, status="in_effect")
    assert listed(administrator, place="department") == outsider[:1]
    assert listed(administrator, role=KEEPER) == [f"keeper {KEEPER} Alpha"]
    assert listed(administrator, type="project_user", project="beta") == ["beta-user ovhcloud:ai_training_read Beta"]
    assert len(listed(administrator, project=org.alpha.uid)) == 3
    reaching = listed(administrator, project="alpha", inherited="1")
    assert set(outsider) < set(reaching)
    assert "administrator roster:administrator Organization" in reaching
    response = administrator.get(INDEX, {"project": "alpha", "inherited": "1", "status": "soon", "role": VIEWER})
    assert {chip["value"] for chip in response.context["chips"]} == {
        "Alpha", "and inherited", "Ends within 7 days", "Project Viewer",
    }  # fmt: skip
    assert "Inherited from Perception" in Page(response).text
    reaching = administrator.get(INDEX, {"project": "alpha", "inherited": "1", "sort": "source"}).context["rows"]
    assert [row["source"] for row in reaching][:4] == ["Given here", "Given here", "Given here", "Inherited from North"]
    assert "?project=alpha&inherited=1&status=soon" in Page(response).links
    assert "No role assignments match" in Page(administrator.get(INDEX, {"q": "nobody at all"})).text


def test_links_name_a_role_by_its_id(org: SimpleNamespace, client_of: ClientOf) -> None:
    """As role pages do; the chip names it, and takes it away again."""
    response = client_of("keeper").get(INDEX, {"role": role(VIEWER).uid})
    assert [row["assignment"].role.full_name for row in response.context["rows"]] == [VIEWER]
    (chip,) = response.context["chips"]
    assert (chip["value"], chip["raw"]) == ("Project Viewer", role(VIEWER).uid)
    assert "?" in Page(response).links


@pytest.mark.parametrize(
    ("name", "args", "query"),
    [
        ("member_index", ["alpha"], "?project={alpha}"),
        ("project_user_detail", ["alpha", "alpha_user"], "?subject={alpha_user}&project={alpha}"),
        ("role_detail", ["viewer_role"], "?role={viewer_role}"),
    ],
)
def test_other_pages_lead_to_giving(
    org: SimpleNamespace, client_of: ClientOf, name: str, args: list[str], query: str
) -> None:
    org.viewer_role = role(VIEWER)
    path = reverse(name, args=[getattr(org, arg).uid for arg in args])
    uids = {arg: getattr(org, arg).uid for arg in ("alpha", "alpha_user", "viewer_role")}
    wanted = reverse("assignment_create") + query.format(**uids)
    assert wanted in Page(client_of("keeper").get(path)).links
    assert client_of("keeper").get(wanted).status_code == 200
    assert not [link for link in Page(client_of("viewer").get(path)).links if "/assignments/new/" in link]


def test_filters_and_search_reveal_nothing(org: SimpleNamespace, client_of: ClientOf) -> None:
    """19: neither places nor addresses that one may not see."""
    keeper = client_of("keeper")
    assert len(listed(keeper, project="beta")) == 3  # a project that is not there filters nothing
    assert keeper.get(INDEX, {"project": "beta"}).context["chips"] == []
    assert listed(keeper, q="example.com") == []
    assert listed(client_of("administrator"), q="viewer@example.com") == [f"viewer {VIEWER} Alpha"]
    for text in ("%", "_", "\x00"):
        assert listed(keeper, q=text) == listed(keeper) if text == "\x00" else not listed(keeper, q=text)


def test_a_page_of_its_own_rows_for_htmx(org: SimpleNamespace, client_of: ClientOf) -> None:
    response = client_of("viewer").get(INDEX, HTTP_HX_REQUEST="true")
    assert b"<html" not in response.content
    assert "HX-Request" in response["Vary"]


def test_the_export_is_exactly_the_list(org: SimpleNamespace, client_of: ClientOf) -> None:
    response = client_of("viewer").get(reverse("assignment_export"), {"type": "person", "sort": "subject"})
    rows = list(csv.DictReader(response.getvalue().decode().splitlines()))  # type: ignore[attr-defined]
    assert [(row["subject"], row["role"], row["place"], row["status"]) for row in rows] == [
        ("keeper", KEEPER, "Alpha", "in_effect"),
        ("viewer", VIEWER, "Alpha", "in_effect"),
    ]
    event = AuditEvent.objects.order_by("-sequence").first()
    assert event is not None
    assert (event.action, event.after["filters"]) == ("role_assignment.export", ["Given to: Person"])


def test_millions_are_not_counted(org: SimpleNamespace, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CappedPaginator, "most", 4)
    response = client_of("administrator").get(INDEX)
    assert "4+ role assignments" in Page(response).text
    assert "4+" not in Page(client_of("viewer").get(INDEX)).text


@pytest.mark.once
def test_ten_or_hundreds_take_the_same_queries(org: SimpleNamespace, client_of: ClientOf) -> None:
    def grow(count: int, prefix: str) -> None:
        people = User.objects.bulk_create(
            User(username=f"{prefix}{n}", search_text=f"{prefix}{n}") for n in range(count)
        )
        RoleAssignment.objects.bulk_create(
            RoleAssignment(role=role(VIEWER), user=user, scope=org.alpha, granted_by="x") for user in people
        )
        for n in range(min(count, 12)):
            give_role(
                actor=COMMAND, role=role(VIEWER), subject=create_group(actor=COMMAND, name=f"{prefix}{n}"),
                scope=org.alpha,
            )  # fmt: skip

    def queries(client: Client) -> int:
        client.get(INDEX)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(INDEX).status_code == 200
        return len(captured)

    keeper, administrator = client_of("keeper"), client_of("administrator")
    grow(10, "few")
    few = queries(keeper), queries(administrator)
    grow(200, "many")
    assert (queries(keeper), queries(administrator)) == few


# Editing in place


def edit_path(assignment: RoleAssignment) -> str:
    return reverse("assignment_update", args=[assignment.uid])


def test_change_when_it_ends(org: SimpleNamespace, client_of: ClientOf) -> None:
    given, keeper = org.viewer.role_assignments.get(), client_of("keeper")
    form = Page(keeper.get(edit_path(given))).form("expires_at", "reason", "seen")
    response = form.submit(keeper, edit_path(given), expires_at="2100-01-31T18:30", reason="Until the move")
    assert response.status_code == 302
    given.refresh_from_db()
    assert given.expires_at is not None
    assert (given.expires_at.isoformat(), given.reason) == ("2100-01-31T18:30:00+00:00", "Until the move")
    event = AuditEvent.objects.order_by("-sequence").first()
    assert event is not None
    assert (event.action, event.actor) == ("role_assignment.update", "Keeper Person")
    form = Page(keeper.get(edit_path(given))).form("seen")
    assert form.fields["expires_at"] == ["2100-01-31T18:30"]
    form.submit(keeper, edit_path(given), expires_at="")
    given.refresh_from_db()
    assert given.expires_at is None


def test_the_row_is_edited_in_place(org: SimpleNamespace, client_of: ClientOf) -> None:
    """With htmx the form takes the row's place, and the row comes back with what was saved; Cancel changes nothing."""
    given, keeper, htmx = org.viewer.role_assignments.get(), client_of("keeper"), {"HTTP_HX_REQUEST": "true"}
    shown = keeper.get(edit_path(given), **htmx)
    assert shown.content.strip().startswith(b"<tr>")
    form = Page(shown).form("seen")
    fields = {name: values[0] for name, values in form.fields.items()}
    refused = keeper.post(edit_path(given), fields | {"expires_at": "2001-01-01T00:00"}, **htmx)
    assert refused.status_code == 422
    assert refused.content.strip().startswith(b"<tr>")
    saved = keeper.post(edit_path(given), fields | {"reason": "Because"}, **htmx)
    assert saved.status_code == 200
    assert "“Because”" in Page(saved).text
    assert "Saved" in Page(saved).text
    cancelled = keeper.get(edit_path(given), {"cancel": "1"}, **htmx)
    assert "“Because”" in Page(cancelled).text
    assert Page(cancelled).forms == []


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("2001-01-01T00:00", "This moment is past"),
        ("yesterday", "Write a date and time"),
        ("2026-02-30T00:00", "Write a date and time"),
        ("9999-12-31T23:59", "Write a date and time"),
        ("0001-01-01T00:00", "Write a date and time"),
    ],
)
def test_moments_that_cannot_be(org: SimpleNamespace, client_of: ClientOf, typed: str, said: str) -> None:
    given, keeper = org.viewer.role_assignments.get(), client_of("keeper")
    form = Page(keeper.get(edit_path(given))).form("seen")
    response = form.submit(keeper, edit_path(given), expires_at=typed, reason="kept")
    assert response.status_code == 422
    assert said in Page(response).text
    assert 'value="kept"' in response.content.decode()
    given.refresh_from_db()
    assert given.expires_at is None


def test_a_moment_may_say_its_own_time_zone(org: SimpleNamespace, client_of: ClientOf) -> None:
    given, keeper = org.viewer.role_assignments.get(), client_of("keeper")
    form = Page(keeper.get(edit_path(given))).form("seen")
    assert form.submit(keeper, edit_path(given), expires_at="2100-01-31T18:30:00+02:00").status_code == 302
    given.refresh_from_db()
    assert given.expires_at is not None
    assert given.expires_at.isoformat() == "2100-01-31T16:30:00+00:00"


def test_saving_another_field_keeps_the_exact_end(org: SimpleNamespace, client_of: ClientOf) -> None:
    """Also one that is past: the form shows minutes, the end has seconds."""
    keeper = client_of("keeper")
    for ends in (timezone.now() + timedelta(days=3), timezone.now() - timedelta(days=3)):
        given = org.viewer.role_assignments.get()
        RoleAssignment.objects.filter(pk=given.pk).update(expires_at=ends)
        form = Page(keeper.get(edit_path(given))).form("seen")
        assert form.submit(keeper, edit_path(given), reason="only this").status_code == 302
        given.refresh_from_db()
        assert (given.expires_at, given.reason) == (ends, "only this")


def test_two_people_edit_at_once(org: SimpleNamespace, client_of: ClientOf) -> None:
    """Nothing is overwritten silently: who was faster, what it is now, and what was typed is kept."""
    given, keeper = org.viewer.role_assignments.get(), client_of("keeper")
    form = Page(keeper.get(edit_path(given))).form("seen")
    ends = timezone.now() + timedelta(days=9)
    update_assignment(actor=Actor("Jonas Weber"), assignment=given, expires_at=ends, reason="theirs")
    response = form.submit(keeper, edit_path(given), reason="mine")
    assert response.status_code == 409
    page = Page(response)
    assert "Jonas Weber changed this while you were editing" in page.text
    given.refresh_from_db()
    assert given.reason == "theirs"
    again = page.form("seen")
    assert again.fields["reason"] == ["mine"]
    assert again.submit(keeper, edit_path(given)).status_code == 302
    given.refresh_from_db()
    assert (given.reason, given.expires_at) == ("mine", None)


def test_what_is_gone_is_not_edited(org: SimpleNamespace, client_of: ClientOf) -> None:
    given, keeper = org.viewer.role_assignments.get(), client_of("keeper")
    path = edit_path(given)
    given.delete()
    for send in (keeper.get, keeper.post):
        assert send(path).status_code == 404


# Taking away


def test_take_away_says_what_stops(org: SimpleNamespace, client_of: ClientOf) -> None:
    given, keeper = org.viewer.role_assignments.get(), client_of("keeper")
    path = reverse("assignment_delete", args=[given.uid])
    text = Page(keeper.get(path)).text
    assert "Viewer Person loses Project Viewer" in text
    assert "Loses: Activity Read" in text
    assert access.may(org.viewer, "read", org.alpha)
    assert keeper.post(path).status_code == 302
    assert not access.may(User.objects.get(pk=org.viewer.pk), "read", org.alpha)
    event = AuditEvent.objects.order_by("-sequence").first()
    assert event is not None
    assert (event.action, event.actor) == ("role_assignment.delete", "Keeper Person")
    assert keeper.post(path).status_code == 404


def test_nothing_stops_where_the_same_is_held_otherwise(org: SimpleNamespace, client_of: ClientOf) -> None:
    given = give_role(actor=COMMAND, role=role(VIEWER), subject=org.viewer, scope=org.department)
    path = reverse("assignment_delete", args=[org.viewer.role_assignments.exclude(pk=given.pk).get().uid])
    response = client_of("administrator").get(path)
    assert response.context["stops"] == []
    assert "They hold the same otherwise" in Page(response).text


def test_a_viewer_changes_nothing(org: SimpleNamespace, client_of: ClientOf) -> None:
    """403: one sees it, but may not change it; no buttons, and a forged change is refused and audited."""
    given, viewer = org.keeper.role_assignments.get(), client_of("viewer")
    assert all(row["actions"] == set() for row in viewer.get(INDEX).context["rows"])
    for name in ("assignment_update", "assignment_delete"):
        for send in (viewer.get, viewer.post):
            assert send(reverse(name, args=[given.uid])).status_code == 403
    told = AuditEvent.objects.filter(outcome="refused").values_list("action", flat=True)
    assert sorted(told) == ["role_assignment.delete", "role_assignment.update"]
    assert list(org.keeper.role_assignments.all()) == [given]


# RUN-22: the last administrator is safe


def test_run_22_the_last_administrator_keeps_the_role(org: SimpleNamespace, client_of: ClientOf) -> None:
    org.administrator.set_password("x")
    org.administrator.save()
    given, client = org.administrator.role_assignments.get(), signed_in(org.administrator)
    path = reverse("assignment_delete", args=[given.uid])
    response = client.post(path)
    assert response.status_code == 422
    assert "This is the last administrator." in Page(response).text
    form = Page(client.get(edit_path(given))).form("seen")
    response = form.submit(client, edit_path(given), expires_at="2100-01-01T00:00")
    assert response.status_code == 422
    assert "This is the last administrator." in Page(response).text
    given.refresh_from_db()
    assert given.expires_at is None


def test_run_22_through_a_group(org: SimpleNamespace, client_of: ClientOf) -> None:
    admins = create_group(actor=COMMAND, name="Admins")
    update_group(actor=COMMAND, group=admins, add=[org.administrator])
    through = give_role(actor=COMMAND, role=role("roster:administrator"), subject=admins, scope=org.root)
    org.administrator.set_password("x")
    org.administrator.save()
    client = signed_in(org.administrator)
    own = org.administrator.role_assignments.get()
    assert client.post(reverse("assignment_delete", args=[own.uid])).status_code == 302  # the group still has it
    assert client.post(reverse("assignment_delete", args=[through.uid])).status_code == 422
    with pytest.raises(ValidationError):
        update_group(actor=COMMAND, group=admins, remove=[org.administrator])
    with pytest.raises(ValidationError):
        disable_user(actor=COMMAND, user=org.administrator)


# 22: a grant dies at its instant


def test_a_grant_dies_at_its_instant(org: SimpleNamespace, client_of: ClientOf) -> None:
    """By the database's clock, with no job: the list, the filter and the decision say the same."""
    given = give_role(
        actor=COMMAND, role=role(KEEPER), subject=org.outsider, scope=org.beta,
        expires_at=timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    outsider, administrator = signed_in(org.outsider), client_of("administrator")
    assert outsider.get(INDEX).status_code == 200
    assert state(administrator, given) == ("in_effect", "")
    RoleAssignment.objects.filter(pk=given.pk).update(expires_at=timezone.now())
    assert outsider.get(INDEX).status_code == 403
    assert outsider.get(reverse("assignment_create")).status_code == 403
    assert state(administrator, given)[0] == "expired"
    assert not access.may(User.objects.get(pk=org.outsider.pk), "read", At("role_assignment", org.beta))


# What Run:ai promises


def test_run_05_given_at_the_organization_it_is_pending(runai: SimpleNamespace) -> None:
    given = give_role(actor=COMMAND, role=role("runai:researcher"), subject=runai.outsider, scope=runai.root)
    client = signed_in(runai.boss)
    assert state(client, given) == ("pending", "Without effect until it is given in a project.")
    assert "Incomplete" in Page(client.get(INDEX, {"status": "pending"})).text
    assert listed(client, status="pending") == ["outsider runai:researcher Organization"]
    assert not access.may(runai.outsider, "create", At("runai:job", runai.alpha))


def test_run_07_without_its_module_a_role_is_switched_off(runai: SimpleNamespace) -> None:
    given = give_role(actor=COMMAND, role=role("runai:ml_engineer"), subject=runai.outsider, scope=runai.alpha)
    change_catalogue(actor=COMMAND, catalogue=given.role.catalogue, modules={"inference": False})
    client = signed_in(runai.boss)
    assert state(client, given) == ("switched_off", "Needs the module Inference, which is not installed.")
    assert listed(client, status="switched_off") == ["outsider runai:ml_engineer Alpha"]


def test_run_09_run_10_run_12_what_each_sees_and_takes(runai: SimpleNamespace) -> None:
    """Administrators everything; heads of departments Researcher and ML Engineer in theirs, and whoever is in their
    projects; Editors who is in departments and projects; the others nothing (RUN-15)."""
    inside = give_role(actor=COMMAND, role=role("runai:researcher"), subject=runai.outsider, scope=runai.alpha)
    beyond = give_role(actor=COMMAND, role=role("runai:researcher"), subject=runai.outsider, scope=runai.beta)
    boss, editor, head = (signed_in(user) for user in (runai.boss, runai.editor, runai.head))
    assert {"outsider runai:researcher Alpha", "head runai:department_admin Perception"} < set(listed(boss))
    assert "outsider runai:researcher Alpha" in listed(head)
    assert all(row.endswith(" Alpha") for row in listed(head))
    assert {"outsider runai:researcher Beta", "head runai:department_admin Perception"} < set(listed(editor))
    assert not [row for row in listed(editor) if row.endswith(("Organization", "North"))]
    assert signed_in(runai.reader).get(INDEX).status_code == 403
    keeper = runai.keeper.role_assignments.get()
    assert head.post(reverse("assignment_delete", args=[keeper.uid])).status_code == 403
    assert head.post(reverse("assignment_delete", args=[beyond.uid])).status_code == 404
    assert head.post(reverse("assignment_delete", args=[inside.uid])).status_code == 302


def test_menu_entries_for_those_alone_who_may_open(runai: SimpleNamespace) -> None:
    """RUN-15: no menu entry for what one may not open."""
    for name, shown in (("boss", True), ("head", True), ("editor", True), ("keeper", True), ("reader", False)):
        links = Page(signed_in(getattr(runai, name)).get(reverse("account_detail"))).links
        assert (INDEX in links) == shown, name
