"""Projects: who sees which, the list, create, edit with conflicts, delete."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Project, Scope, User
from console.forms.projects import PLACES_IN_A_LIST, state_of
from policies.actions.assignments import give_role
from policies.actions.scopes import create_scope, update_scope
from policies.actor import Actor
from policies.models import AuditEvent, Catalogue, EntityType, Role, Rule, RulebookVersion
from tests.console.conftest import COMMAND, person, role

ClientOf = Callable[[str], Client]
PAGES = (
    "project_detail",
    "project_update",
    "project_delete",
    "member_index",
    "share_index",
    "share_create",
    "project_activity",
)
HOSTILE = [
    "\x00",
    "%",
    "_",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "\u202egnp",
    "x" * 100_000,
    "{{ 7*7 }}",
    "\ud7ff",
    "＝1",
]


def url(name: str, *args: str) -> str:
    return reverse(name, args=args)


@pytest.mark.once
@pytest.mark.parametrize(
    ("who", "statuses"),
    [
        ("outsider", (404, 404, 404, 404, 404, 404, 404)),
        ("viewer", (200, 403, 403, 200, 403, 403, 200)),
        ("keeper", (200, 200, 403, 200, 200, 200, 200)),
        ("administrator", (200, 200, 200, 200, 200, 200, 200)),
    ],
)
def test_who_may_open_which_page(
    org: SimpleNamespace, client_of: ClientOf, who: str, statuses: tuple[int, ...]
) -> None:
    client = client_of(who)
    assert tuple(client.get(url(page, org.alpha.uid)).status_code for page in PAGES) == statuses


@pytest.mark.parametrize("who", ["outsider", "viewer", "keeper"])
def test_another_project_is_like_one_that_does_not_exist(org: SimpleNamespace, client_of: ClientOf, who: str) -> None:
    client = client_of(who)
    for page in PAGES:
        for uid in (org.beta.uid, "0" * 32, "a\x00b"):
            path = url(page, org.beta.uid).replace(org.beta.uid, uid.replace("\x00", "%00"))
            assert client.get(path).status_code == 404
            assert client.post(path, {"confirm": "beta", "name": "x"}).status_code == 404
    assert Project.objects.filter(name="Beta").exists()


def test_nobody_signed_out_sees_anything(org: SimpleNamespace) -> None:
    for path in (url("home"), url("project_index"), *(url(page, org.alpha.uid) for page in PAGES)):
        assert Client().get(path).status_code == 302


@pytest.mark.parametrize(
    ("who", "names"),
    [("outsider", []), ("viewer", ["Alpha"]), ("keeper", ["Alpha"]), ("administrator", ["Alpha", "Beta"])],
)
def test_the_list_has_what_one_may_see(org: SimpleNamespace, client_of: ClientOf, who: str, names: list[str]) -> None:
    answer = client_of(who).get(url("project_index"))
    assert [row["project"].name for row in answer.context["rows"]] == names
    assert answer.context["may_create"] is (who == "administrator")


def test_search_sort_and_counts(org: SimpleNamespace, client_of: ClientOf) -> None:
    client = client_of("administrator")
    rows = client.get(url("project_index"), {"sort": "-name"}).context["rows"]
    assert [(row["project"].name, row["place"], row["users"]) for row in rows] == [
        ("Beta", "", 1), ("Alpha", "North / Perception", 1),
    ]  # fmt: skip
    assert [row["project"].name for row in client.get(url("project_index"), {"q": "ALP"}).context["rows"]] == ["Alpha"]
    for sort in ("slug", "-slug", "place", "-place", "created", "-created", "nonsense", "pk; DROP"):
        assert len(client.get(url("project_index"), {"sort": sort}).context["rows"]) == 2
    for q in HOSTILE[:1]:
        assert client.get(url("project_index"), {"q": q}).status_code == 200
    for q in HOSTILE[1:]:
        assert client.get(url("project_index"), {"q": q}).context["rows"] == []
    assert client.get(url("project_index"), {"page": "999999999999999999999"}).status_code == 200


def test_htmx_gets_the_results_alone(org: SimpleNamespace, client_of: ClientOf) -> None:
    answer = client_of("viewer").get(url("project_index"), headers={"HX-Request": "true"})
    assert b"<html" not in answer.content
    assert b"Alpha" in answer.content
    assert "HX-Request" in answer["Vary"]


def queries(client: Client, path: str) -> int:
    client.get(path)  # once for what is written when the place changes
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


@pytest.mark.once
@pytest.mark.parametrize("who", ["administrator", "viewer"])
def test_ten_or_a_thousand_projects_take_the_same_queries(org: SimpleNamespace, client_of: ClientOf, who: str) -> None:
    def projects(count: int, prefix: str) -> None:
        for number in range(count):
            create_scope(actor=COMMAND, kind="project", name=f"{prefix}{number:04}", parent=org.department)

    give_role(actor=COMMAND, role=role("roster:project_viewer"), subject=org.viewer, scope=org.department)
    projects(10, "ten")
    client = client_of(who)
    few = queries(client, url("project_index"))
    projects(60, "many")
    assert queries(client, url("project_index")) == few


def test_create(org: SimpleNamespace, client_of: ClientOf) -> None:
    client = client_of("administrator")
    page = client.get(url("project_create"))
    assert [label for _, label in page.context["form"].fields["parent"].choices] == [
        "Organization", "North (cluster)", "Perception (department)",
    ]  # fmt: skip
    answer = client.post(
        url("project_create"), {"name": " Vision Lab ", "parent": org.department.uid, "kind": "cluster"}
    )
    project = Project.objects.get(name="Vision Lab")
    assert (project.slug, project.parent_id, project.kind) == ("vision-lab", org.department.pk, "project")
    assert answer["Location"] == url("project_user_index", project.uid)
    event = AuditEvent.objects.first()
    assert (event.action, event.actor_uid, event.object_uid) == ("project.create", org.administrator.uid, project.uid)


def test_the_first_run_page_needs_only_a_name(org: SimpleNamespace, client_of: ClientOf) -> None:
    client_of("administrator").post(url("project_create"), {"name": "Somewhere"})
    assert Project.objects.get(name="Somewhere").parent_id == org.root.pk


@pytest.mark.parametrize("who", ["outsider", "viewer", "keeper"])
def test_who_may_not_create(org: SimpleNamespace, client_of: ClientOf, who: str) -> None:
    assert client_of(who).get(url("project_create")).status_code == 403
    assert client_of(who).post(url("project_create"), {"name": "Mine"}).status_code == 403
    assert not Project.objects.filter(name="Mine").exists()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"name": ""}, "required"),
        ({"name": "n" * 81}, "80 characters"),
        ({"name": "x", "slug": "Not a slug"}, "slug"),
        ({"name": "x", "slug": "alpha"}, "taken"),
        ({"name": "Beta"}, "taken"),
        ({"name": "x", "parent": "0" * 32}, "valid choice"),
        ({"name": "x\x00y"}, "Null"),
    ],
)
def test_what_is_wrong_stands_there_and_nothing_typed_is_lost(
    org: SimpleNamespace, client_of: ClientOf, data: dict[str, str], said: str
) -> None:
    answer = client_of("administrator").post(url("project_create"), {"description": "kept as typed", **data})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert "kept as typed" in answer.content.decode()
    assert Project.objects.count() == 2


def test_somebody_creates_only_where_they_may(org: SimpleNamespace, client_of: ClientOf) -> None:
    """A role at the department lets one create there alone; a place elsewhere is as unknown as none."""
    elsewhere = create_scope(actor=COMMAND, kind="department", name="Elsewhere")
    founder = Role.objects.create(catalogue=Catalogue.objects.get(code="roster"), code="founder", label="Founder")
    for action in ("create", "read"):
        Rule.objects.create(
            role=founder, action=action, entity_type=EntityType.objects.get(code="project", is_shared=True)
        )
    RulebookVersion.renew()
    give_role(actor=COMMAND, role=founder, subject=org.outsider, scope=org.department)
    client = client_of("outsider")
    client.post(url("project_create"), {"name": "Inside"})
    assert Project.objects.get(name="Inside").parent_id == org.department.pk
    client.post(url("project_create"), {"name": "Outside", "parent": elsewhere.uid})
    assert Project.objects.get(name="Outside").parent_id == org.department.pk


def test_of_many_places_one_is_typed(org: SimpleNamespace, client_of: ClientOf) -> None:
    for number in range(PLACES_IN_A_LIST):
        create_scope(actor=COMMAND, kind="department", name=f"Team {number}")
    create_scope(actor=COMMAND, kind="department", name="Perception")
    client = client_of("administrator")
    page = client.get(url("project_create")).content.decode()
    assert "Team 7" not in page
    answer = client.post(url("project_create"), {"name": "x", "parent": "Perception"})
    assert answer.status_code == 422
    assert "perception-2 (department Perception)" in answer.content.decode()
    assert client.post(url("project_create"), {"name": "x", "parent": "nowhere"}).status_code == 422
    assert client.post(url("project_create"), {"name": "x", "parent": "Team-7"}).status_code == 302
    assert Project.objects.get(name="x").parent.name == "Team 7"
    edit = url("project_update", Project.objects.get(name="x").uid)
    assert 'value="team-7"' in client.get(edit).content.decode()


def test_buttons_follow_what_one_may(org: SimpleNamespace, client_of: ClientOf) -> None:
    path = url("project_detail", org.alpha.uid)
    edit, delete = url("project_update", org.alpha.uid), url("project_delete", org.alpha.uid)
    for who, has_edit, has_delete in (("viewer", False, False), ("keeper", True, False), ("administrator", True, True)):
        page = client_of(who).get(path).content.decode()
        assert ((edit in page), (delete in page)) == (has_edit, has_delete)


def edited(project: Project, **changes: str) -> dict[str, str]:
    shown = {"name": project.name, "slug": project.slug, "description": project.description, "seen": state_of(project)}
    return {**shown, "parent": project.parent.uid, **changes}


def test_edit(org: SimpleNamespace, client_of: ClientOf) -> None:
    answer = client_of("keeper").post(
        url("project_update", org.alpha.uid), edited(org.alpha, description="What it is for")
    )
    assert answer.status_code == 302
    assert Project.objects.get(pk=org.alpha.pk).description == "What it is for"


def test_a_project_moves_only_where_one_may_create(org: SimpleNamespace, client_of: ClientOf) -> None:
    path = url("project_update", org.alpha.uid)
    assert "parent" not in client_of("keeper").get(path).context["form"].fields
    client_of("keeper").post(path, edited(org.alpha, parent=org.root.uid))
    assert Project.objects.get(pk=org.alpha.pk).parent_id == org.department.pk
    client_of("administrator").post(path, edited(org.alpha, parent=org.root.uid))
    assert Project.objects.get(pk=org.alpha.pk).parent_id == org.root.pk


def test_a_conflict_overwrites_nothing_and_says_who_and_what(org: SimpleNamespace, client_of: ClientOf) -> None:
    mine = edited(org.alpha, name="Mine")
    other = Actor("Jonas Weber", org.administrator)
    update_scope(actor=other, scope=org.alpha, description="Theirs")
    client, path = client_of("keeper"), url("project_update", org.alpha.uid)
    answer = client.post(path, mine)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Jonas Weber changed this" in page
    assert "Description: nothing → Theirs" in page
    assert 'value="Mine"' in page
    assert Project.objects.get(pk=org.alpha.pk).name == "Alpha"
    again = {**mine, "seen": answer.context["form"]["seen"].value()}
    assert client.post(path, again).status_code == 302
    now = Project.objects.get(pk=org.alpha.pk)
    assert (now.name, now.description) == ("Mine", "")


def test_without_the_state_that_was_seen_nothing_is_saved(org: SimpleNamespace, client_of: ClientOf) -> None:
    data = {name: value for name, value in edited(org.alpha, name="Blind").items() if name != "seen"}
    assert client_of("keeper").post(url("project_update", org.alpha.uid), data).status_code == 409
    assert not Project.objects.filter(name="Blind").exists()


def test_delete_asks_for_the_short_name(org: SimpleNamespace, client_of: ClientOf) -> None:
    client, path = client_of("administrator"), url("project_delete", org.alpha.uid)
    page = client.get(path).content.decode()
    assert "1 user stops working." in page
    assert "2 roles of members end." in page
    for wrong in ("", "Alpha", "beta", "\x00"):
        assert client.post(path, {"confirm": wrong}).status_code == 422
    assert Project.objects.filter(pk=org.alpha.pk).exists()
    assert client.post(path, {"confirm": "alpha"})["Location"] == url("project_index")
    assert not Scope.objects.filter(pk=org.alpha.pk).exists()
    assert not User.objects.filter(pk=org.alpha_user.pk).exists()
    assert client.get(path).status_code == 404
    assert AuditEvent.objects.filter(action="project.delete", object_uid=org.alpha.uid).count() == 1


def test_reading_changes_nothing(org: SimpleNamespace, client_of: ClientOf) -> None:
    before = AuditEvent.objects.count()
    for page in PAGES:
        client_of("administrator").get(url(page, org.alpha.uid), {"confirm": "alpha", "name": "x"})
    assert AuditEvent.objects.count() == before


def test_hostile_text_is_shown_as_text(org: SimpleNamespace, client_of: ClientOf) -> None:
    client = client_of("administrator")
    evil = "<img src=x onerror=alert(1)>"
    client.post(url("project_create"), {"name": evil, "description": evil})
    project = Project.objects.get(name=evil)
    give_role(actor=COMMAND, role=role("roster:project_viewer"), subject=person("eve", evil), scope=project)
    for page in PAGES:
        assert b"<img src=x" not in client.get(url(page, project.uid)).content
    assert b"<img src=x" not in client.get(url("project_index")).content


def test_forms_are_protected(org: SimpleNamespace) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(org.administrator)
    for page in ("project_update", "project_delete", "share_create"):
        assert client.post(url(page, org.alpha.uid), {"confirm": "alpha"}).status_code == 403
    assert Project.objects.filter(pk=org.alpha.pk).exists()


def test_a_refused_read_stands_in_the_log_and_a_refused_write_in_the_trail(
    org: SimpleNamespace, client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    """Security 40: what was refused, on what; the line has who and from where, as every line of a request."""
    viewer, page = client_of("viewer"), reverse("project_update", args=[org.alpha.uid])
    before = AuditEvent.objects.count()
    with caplog.at_level("INFO", "console.access"):
        assert viewer.get(page).status_code == 403
    [line] = caplog.records
    assert (line.getMessage(), line.thing) == ("refused update", "Alpha")  # type: ignore[attr-defined]
    assert AuditEvent.objects.count() == before
    caplog.clear()
    assert viewer.post(page).status_code == 403
    event = AuditEvent.objects.latest("sequence")
    assert (event.action, event.object_name, event.actor, event.outcome) == (
        "project.update", "Alpha", "Viewer Person", "refused",
    )  # fmt: skip
