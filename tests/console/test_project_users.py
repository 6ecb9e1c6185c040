"""Users & Roles: list, export, add, one-time secret, roles, password, disable, delete (OVH-01 to OVH-16)."""

import csv
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from console.views import project_users
from policies import access
from policies.actions import users as actions
from policies.actions.assignments import edit_roles
from policies.actions.catalogues import load_catalogues
from policies.actions.shares import share
from policies.actions.switches import switch_catalogue
from policies.models import AuditEvent, Catalogue, RoleAssignment, UsedNonce
from policies.protected import At
from tests.console.conftest import COMMAND, role
from tests.console.pages import Page
from tests.factories import a_project, give

ClientOf = Callable[[str], Client]
Events = Callable[[], list[AuditEvent]]

READER, OPERATOR, STORAGE = (
    f"ovhcloud:{code}" for code in ("ai_training_read", "ai_training_operator", "objectstore_operator")
)
INFRASTRUCTURE = "ovhcloud:volume_operator"

# Somebody who may just list, and somebody who may add users but give one role only.
FILE = """
catalogue: local
label: Local
enabled: true
every_role: {family: console, binds: [project], subjects: [person, group]}
roles:
  lister: {label: Lister, purpose: Lists, rules: [{can: [list], to: [project_user]}]}
  giver:
    label: Giver
    purpose: Gives one role
    rules:
      - {can: [list, create, give_role, delete], to: [project_user]}
      - {can: [create, delete], to: [role_assignment], where: {role: ["ovhcloud:ai_training_read"]}}
      - {can: [create, delete], to: [org_assignment], where: {target: [project]}}
"""


@pytest.fixture
def index(org: SimpleNamespace) -> str:
    return reverse("project_user_index", args=[org.alpha.uid])


@pytest.fixture
def create(org: SimpleNamespace) -> str:
    return reverse("project_user_create", args=[org.alpha.uid])


@pytest.fixture
def keeper(client_of: ClientOf) -> Client:
    return client_of("keeper")


@pytest.fixture
def local_roles(org: SimpleNamespace, tmp_path: Path) -> None:
    """The roles of FILE, loaded."""
    path = tmp_path / "local.yaml"
    path.write_text(FILE)
    load_catalogues(actor=COMMAND, files=[path])


@pytest.fixture
def events(org: SimpleNamespace) -> Events:
    """The audit events since the test began."""
    last = AuditEvent.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
    return lambda: list(AuditEvent.objects.filter(sequence__gt=last).order_by("sequence"))


def users_page(user: User, name: str = "detail") -> str:
    assert user.project is not None
    return reverse(f"project_user_{name}", args=[user.project.uid, user.uid])


def a_user(project: Any, username: str, *roles: str, description: str = "", **fields: Any) -> User:
    """A project user whose password nobody can use: hashing takes long."""
    user, _ = actions.add_project_user(
        actor=COMMAND, project=project, description=description or username, username=username, password="",
        roles=[role(name) for name in roles],
    )  # fmt: skip
    User.objects.filter(pk=user.pk).update(**fields)
    user.refresh_from_db()
    return user


def names(response: HttpResponse) -> list[str]:
    return [row["user"].username for row in response.context["rows"]]  # type: ignore[attr-defined]


def held(user: User) -> set[str]:
    return {a.role.full_name for a in RoleAssignment.objects.filter(user=user).select_related("role__catalogue")}


def secret_in(response: HttpResponse) -> str:
    found = re.findall(r'id="secret-password"[^>]*>([^<]+)<', response.content.decode())
    assert len(found) == 1
    return str(found[0])


# The list


def test_a_row_has_what_the_original_shows(org: SimpleNamespace, index: str, keeper: Client) -> None:
    """OVH-16: username, description, roles, creation date, status, and "…" with what one may do."""
    [row] = keeper.get(index).context["rows"]
    assert row["user"] == org.alpha_user
    assert [str(r) for r in row["roles"]] == ["AI Training Reader"]
    assert row["status"] == "ok"
    assert row["actions"] == {
        "list", "create", "update", "delete", "disable", "generate_password", "give_role",
    }  # fmt: skip
    page = Page(keeper.get(index))
    for said in ("alpha-user", "Pipeline of Alpha", "AI Training Reader", "just now", "Active", "never", "1 user"):
        assert said in page.text
    for name in ("roles", "password", "update", "disable", "delete"):
        assert users_page(org.alpha_user, name) in page.links
    assert users_page(org.alpha_user, "enable") not in page.links


def test_who_may_only_look_is_offered_nothing_else(org: SimpleNamespace, index: str, client_of: ClientOf) -> None:
    page = Page(client_of("viewer").get(index))
    assert not {"user", "action"} & {name for form in page.forms for name in form.names}
    assert reverse("project_user_create", args=[org.alpha.uid]) not in page.links
    assert not [link for link in page.links if re.search(r"./(roles|password|edit|disable|delete)/$", link)]
    assert page.form("q", "role").names == {"q", "role", "status", "created", "sort"}


def test_the_status_says_whether_there_is_access(org: SimpleNamespace, index: str, keeper: Client) -> None:
    """OVH-01: a user without a role may do nothing, and the list says so; an expired role is none."""
    a_user(org.alpha, "roleless")
    a_user(org.alpha, "off", READER, is_active=False)
    late = a_user(org.alpha, "late", READER)
    late.role_assignments.update(expires_at=timezone.now() - timedelta(seconds=1))
    found = {row["user"].username: row["status"] for row in keeper.get(index).context["rows"]}
    assert found == {"alpha-user": "ok", "roleless": "no_role", "off": "disabled", "late": "no_role"}
    for status in ("ok", "no_role", "disabled"):
        wanted = {name for name, state in found.items() if state == status}
        assert set(names(keeper.get(index, {"status": status}))) == wanted
    assert "expired" in Page(keeper.get(users_page(late))).text.lower()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("train", {"svc-train", "batch"}),
        ("  TRAIN  ", {"svc-train", "batch"}),
        ("Straße", {"svc-100_x"}),
        ("STRASSE", {"svc-100_x"}),
        ("100%", set()),
        ("0_x", {"svc-100_x"}),
        ("_", {"svc-100_x"}),
        ("%", set()),
        ("\x00", {"alpha-user", "svc-train", "batch", "svc-100_x"}),
        ("nobody", set()),
    ],
)
def test_search(org: SimpleNamespace, index: str, keeper: Client, text: str, found: set[str]) -> None:
    a_user(org.alpha, "svc-train", description="Nightly")
    a_user(org.alpha, "batch", description="Weekly Training")
    a_user(org.alpha, "svc-100_x", description="Straße")
    a_user(org.beta, "train-of-beta")
    response = keeper.get(index, {"q": text})
    assert set(names(response)) == found
    if not found:
        assert "No users match" in Page(response).text
        assert not response.context["onboarding"]


def test_filters_live_in_the_url_and_leave_as_chips(org: SimpleNamespace, index: str, keeper: Client) -> None:
    """OVH-16: filters as removable chips."""
    long_ago = datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)
    a_user(org.alpha, "old", READER, created_at=long_ago)
    a_user(org.alpha, "storing", STORAGE)
    assert set(names(keeper.get(index, {"role": READER}))) == {"alpha-user", "old"}
    assert set(names(keeper.get(index, {"role": STORAGE}))) == {"storing"}
    assert set(names(keeper.get(index, {"created": "2024-02-29"}))) == {"alpha-user", "old", "storing"}
    assert set(names(keeper.get(index, {"created": "2024-03-01"}))) == {"alpha-user", "storing"}
    narrow = {"role": READER, "status": "ok", "created": "2024-03-01", "q": "a", "sort": "username"}
    response = keeper.get(index, narrow)
    assert names(response) == ["alpha-user"]
    assert [(chip["label"], chip["value"]) for chip in response.context["chips"]] == [
        ("Role", "AI Training Reader"), ("Status", "Active"), ("Created", "since 1 Mar 2024"),
    ]  # fmt: skip
    without = [
        dict(keeper.get(index + link).wsgi_request.GET.items()) for link in Page(response).links if link[0] == "?"
    ]
    for name in ("role", "status", "created"):
        assert {key: value for key, value in narrow.items() if key != name} in without


@pytest.mark.parametrize("created", ["03/01/2024", " 2024-03-01 "])
def test_a_date_in_other_words_has_a_chip_that_goes_away(index: str, keeper: Client, created: str) -> None:
    response = keeper.get(index, {"created": created})
    assert response.context["chips"]
    [link] = [link for link in Page(response).links if link.startswith("?") and "sort" not in link]
    assert not keeper.get(index + link).context["chips"]


@pytest.mark.parametrize(
    "query", [{"role": "roster:administrator"}, {"role": "nonsense"}, {"status": "x"}, {"created": "2024-13-45"}]
)
def test_what_fits_no_filter_filters_nothing(index: str, keeper: Client, query: dict[str, str]) -> None:
    response = keeper.get(index, query)
    assert names(response) == ["alpha-user"]
    assert response.context["chips"] == []


SORTED_BY: dict[str, Callable[[User], Any]] = {
    "username": lambda u: u.username,
    "description": lambda u: u.description,
    "created": lambda u: u.created_at,
    "last_used": lambda u: u.last_used_at or datetime.min.replace(tzinfo=UTC),
    "status": lambda u: u.is_active,
    "roles": lambda u: u.roles_sort_key,
}


@pytest.mark.parametrize("column", SORTED_BY)
@pytest.mark.parametrize("sign", ["", "-"])
def test_every_column_sorts_the_whole_set(
    crowd: None, org: SimpleNamespace, index: str, keeper: Client, column: str, sign: str
) -> None:
    """Pages are cut from one total order: none overlaps, and turned round it is the reverse."""
    seen = []
    for page in (1, 2, 3):
        response = keeper.get(index, {"sort": sign + column, "page": page})
        seen += [row["user"] for row in response.context["rows"]]
    assert "of 60 users" in Page(response).text
    key = SORTED_BY[column]
    expected = sorted(User.objects.filter(project=org.alpha), key=lambda u: (key(u), u.pk), reverse=bool(sign))
    assert [u.username for u in seen] == [u.username for u in expected]


@pytest.fixture
def crowd(org: SimpleNamespace) -> None:
    """59 more users in alpha, many of them alike in everything but their number."""
    now = timezone.now()
    User.objects.bulk_create(
        User(
            kind=User.Kind.PROJECT_USER, project=org.alpha, username=f"u{n:02}", description=f"d{n % 7}",
            is_active=n % 3 > 0, created_at=now - timedelta(days=n % 5), search_text=f"u{n:02} d{n % 7}",
            last_used_at=now - timedelta(hours=n % 4) if n % 4 else None, roles_sort_key="AI" if n % 2 else "",
        )
        for n in range(59)
    )  # fmt: skip


def test_pages(crowd: None, index: str, keeper: Client) -> None:
    for page, rows in (("1", 25), ("3", 10), ("9", 10), ("-1", 10), ("0", 10), ("x", 25), ("", 25), ("9" * 5000, 25)):
        assert len(names(keeper.get(index, {"page": page}))) == rows, page
    response = keeper.get(index, {"q": "d3", "page": "1"})
    assert "8 users" in Page(response).text
    assert all("q=d3" in link for link in Page(response).links if link.startswith("?") and "page=" in link)


def test_no_sort_of_ones_own(index: str, keeper: Client) -> None:
    for sort in ("password", "-pk", "project__name", "username,password", "", "'"):
        response = keeper.get(index, {"sort": sort})
        assert response.status_code == 200
        assert response.context["sort"] == "-created"


def test_htmx_gets_the_results_alone(index: str, keeper: Client) -> None:
    response = keeper.get(index, {"q": "alpha"}, headers={"HX-Request": "true"})
    assert b"<html" not in response.content
    assert b"alpha-user" in response.content
    assert "HX-Request" in response["Vary"]


def test_a_project_without_users_shows_how_to_begin(org: SimpleNamespace, client_of: ClientOf) -> None:
    """OVH-16: an onboarding page while there is no user; a search that finds nothing is something else."""
    empty = a_project("Empty")
    give(org.viewer, "roster:project_viewer", empty)
    index = reverse("project_user_index", args=[empty.uid])
    add = reverse("project_user_create", args=[empty.uid])
    page = Page(client_of("administrator").get(index))
    assert "No users in Empty yet" in page.text
    assert add in page.links
    assert "but not add one" in Page(client_of("viewer").get(index)).text
    assert "No users match" in Page(client_of("administrator").get(index, {"q": "x"})).text


def test_no_permission_says_so_and_never_looks_like_an_empty_list(
    org: SimpleNamespace, index: str, client_of: ClientOf
) -> None:
    share(actor=COMMAND, thing=org.alpha, action="read", subject=org.outsider)
    response = client_of("outsider").get(index)
    assert response.status_code == 403
    text = Page(response).text
    assert "You may not list project users in Alpha" in text
    assert "Administrator Person, Keeper Person can give you Project Viewer" in text
    assert "alpha-user" not in text
    assert "No users" not in text


@pytest.mark.usefixtures("local_roles")
def test_who_may_only_list_one_projects_users_sees_that_and_nothing_of_another(
    org: SimpleNamespace, index: str, client_of: ClientOf
) -> None:
    give(org.outsider, "local:lister", org.alpha)
    client = client_of("outsider")
    assert names(client.get(index)) == ["alpha-user"]
    assert client.get(users_page(org.alpha_user)).status_code == 200
    assert client.get(reverse("project_user_export", args=[org.alpha.uid])).status_code == 200
    assert client.get(reverse("home"))["Location"] == index
    assert client.get(reverse("project_detail", args=[org.alpha.uid])).status_code == 403
    for name in ("update", "roles", "password", "disable", "enable", "delete"):
        assert client.get(users_page(org.alpha_user, name)).status_code == 403
        assert client.post(users_page(org.alpha_user, name)).status_code == 403
    for project, user in ((org.beta, org.beta_user), (org.alpha, org.beta_user), (org.beta, org.alpha_user)):
        path = reverse("project_user_detail", args=[project.uid, user.uid])
        assert client.get(path).status_code == 404
        assert client.post(path).status_code == 404
    assert client.get(reverse("project_user_index", args=[org.beta.uid])).status_code == 404
    assert "Beta" not in Page(client.get(reverse("project_index"))).text


def test_the_export_is_the_filtered_list_neutralised_and_audited(
    org: SimpleNamespace, index: str, keeper: Client, events: Events
) -> None:
    a_user(org.alpha, "formula", READER, STORAGE, description="=HYPERLINK(1)")
    a_user(org.alpha, "off", READER, is_active=False, last_used_at=datetime(2025, 1, 2, tzinfo=UTC))
    a_user(org.alpha, "storing", STORAGE)
    a_user(org.beta, "of-beta", READER)
    before = len(events())
    query = {"role": READER, "sort": "username", "page": "7"}
    response = keeper.get(reverse("project_user_export", args=[org.alpha.uid]), query)
    assert response["Content-Type"].startswith("text/csv")
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Disposition"] == 'attachment; filename="alpha-users.csv"'
    rows = list(csv.DictReader(response.getvalue().decode().splitlines()))
    assert [row["username"] for row in rows] == names(keeper.get(index, query)) == ["alpha-user", "formula", "off"]
    assert rows[1]["description"] == "'=HYPERLINK(1)"
    assert rows[1]["roles"] == "ai_training_read objectstore_operator"
    assert [row["status"] for row in rows] == ["ok", "ok", "disabled"]
    assert [row["last_used"] for row in rows] == ["", "", "2025-01-02T00:00:00Z"]
    [event] = events()[before:]
    assert (event.action, event.object_name, event.actor) == ("project_user.export", "Alpha", "Keeper Person")
    assert event.after == {"filters": ["Role: AI Training Reader"], "search": ""}


def test_the_role_matrix_follows_the_rules(org: SimpleNamespace, index: str, keeper: Client, edited: Any) -> None:
    """OVH-16: a role matrix under the table. One rule less in the file: the running console shows it."""

    def matrix() -> dict[tuple[str, str], list[str]]:
        found = keeper.get(index).context["matrix"]
        labels = [str(r) for r in found.roles]
        return {
            (row.service, row.permission): [label for label, yes in zip(labels, row.cells, strict=True) if yes]
            for row in found.rows
        }

    before = matrix()
    assert before["AI Training", "ai_training_all"] == ["AI Training Operator", "Administrator"]
    assert before["AI Training", "ai_training_read"] == ["AI Training Operator", "AI Training Reader", "Administrator"]
    assert before["Swift", "objectstore_all"] == ["ObjectStore Operator", "Administrator"]
    assert "Role matrix" in Page(keeper.get(index)).text
    detail = users_page(org.alpha_user)
    assert "Open" in [line["detail"] for line in keeper.get(detail).context["able"]]
    rule = "- {can: [access], to: [notebook, job, app]}"
    load_catalogues(actor=COMMAND, files=[edited("ovhcloud", {rule: "- {can: [access], to: [job]}"})])
    assert matrix()["AI Training", "ai_training_read"]
    [line] = keeper.get(detail).context["able"]
    assert line["label"] == "Training jobs"
    preview = keeper.post(reverse("project_user_preview", args=[org.alpha.uid]), {"roles": role(READER).uid})
    assert "Training jobs" in Page(preview).text
    assert "Notebooks" not in Page(preview).text
    changes = {"permissions: [objectstore_all]": "permissions: [compute_read]"}
    load_catalogues(actor=COMMAND, files=[edited("ovhcloud", changes)])
    assert matrix()["Swift", "objectstore_all"] == ["Administrator"]


@pytest.fixture
def edited(tmp_path: Path) -> Iterator[Any]:
    """A shipped catalogue file with some texts replaced; what it said stands again afterwards."""
    from policies.actions.catalogues import shipped_files

    [source] = [path for path in shipped_files() if path.stem == "ovhcloud"]

    def edit(code: str, changes: dict[str, str]) -> Path:
        content = source.read_text()
        for old, new in changes.items():
            assert old in content
            content = content.replace(old, new)
        path = tmp_path / f"{code}.yaml"
        path.write_text(content)
        return path

    return edit


# Add a user


def step_two(client: Client, create: str, **typed: Any) -> Any:
    """The second form of + Add user, after the first was sent."""
    response = client.post(create, {"step": "1", "description": "Nightly training", **typed})
    assert response.status_code == 200
    return Page(response).form("step", "nonce")


def test_add_a_user(org: SimpleNamespace, create: str, keeper: Client, events: Events) -> None:
    """OVH-11: a description, then roles; username and password are generated, and the password is shown once."""
    first = Page(keeper.get(create)).form("description")
    response = first.submit(keeper, create, description="  Nightly training ")
    second = Page(response).form("nonce", "roles")
    assert "For Nightly training" in Page(response).text
    response = second.submit(keeper, create, roles=[role(OPERATOR).uid, role(STORAGE).uid])
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    password = secret_in(response)
    user = User.objects.exclude(pk=org.alpha_user.pk).get(project=org.alpha)
    assert re.fullmatch(r"user-[a-z0-9]{12}", user.username)
    assert user.description == "Nightly training"
    assert (user.kind, user.is_active, user.is_superuser, user.password_is_temporary) == (
        "project_user",
        True,
        False,
        False,
    )
    assert held(user) == {OPERATOR, STORAGE}
    assert re.fullmatch(r"[A-Za-z0-9]{24}", password)
    assert password not in user.password
    assert user.password.startswith("argon2")
    assert check_password(password, user.password)
    [event] = events()
    assert (event.action, event.object_uid, event.actor_uid) == ("project_user.create", user.uid, org.keeper.uid)
    assert event.after == {"description": "Nightly training", "roles": sorted([OPERATOR, STORAGE])}
    assert password not in str(list(AuditEvent.objects.values())) + str(list(UsedNonce.objects.values()))
    for path in (users_page(user), create, reverse("project_user_index", args=[org.alpha.uid])):
        assert password not in keeper.get(path).content.decode()


def test_the_same_form_again_makes_nothing(org: SimpleNamespace, create: str, keeper: Client) -> None:
    """29: of a double submit one password works, the other answer says so."""
    form = step_two(keeper, create)
    first = form.submit(keeper, create, roles=role(READER).uid)
    second = form.submit(keeper, create, roles=role(READER).uid)
    assert (first.status_code, second.status_code) == (200, 409)
    assert "sent already" in Page(second).text
    assert not re.findall(r"secret-password", second.content.decode())
    [user] = User.objects.filter(description="Nightly training")
    assert check_password(secret_in(first), user.password)


def test_the_same_form_again_with_its_own_username_is_no_name_that_is_taken(create: str, keeper: Client) -> None:
    form = step_two(keeper, create, username="svc-own")
    assert form.submit(keeper, create, roles=role(READER).uid).status_code == 200
    assert form.submit(keeper, create, roles=role(READER).uid).status_code == 409


def test_without_a_nonce_the_form_comes_back(create: str, keeper: Client, events: Events) -> None:
    form = step_two(keeper, create)
    response = form.submit(keeper, create, roles=role(READER).uid, nonce=None)
    assert response.status_code == 200
    assert Page(response).form("nonce").fields["roles"] == [role(READER).uid]
    assert not events()


def test_a_username_of_ones_own(create: str, keeper: Client) -> None:
    """Case-folded, unique in the installation, and never a look-alike of somebody else's."""
    form = step_two(keeper, create, username="  SVC-Train ")
    assert form.fields["username"] == ["svc-train"]
    assert form.submit(keeper, create, roles=role(READER).uid).status_code == 200
    assert User.objects.filter(username="svc-train", kind="project_user").exists()


@pytest.mark.once
@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"description": ""}, "description", "required"),
        ({"description": "   "}, "description", "required"),
        ({"description": "x" * 121}, "description", "120"),
        ({"username": "beta-user"}, "username", "taken"),
        ({"username": "BETA-USER"}, "username", "taken"),
        ({"username": "keeper"}, "username", "taken"),
        ({"username": "-x"}, "username", "lower-case"),
        ({"username": "svс-cyrillic"}, "username", "lower-case"),
        ({"username": "a b"}, "username", "lower-case"),
        ({"username": "a" * 65}, "username", "64"),
        ({"username": "ok\n"}, "username", None),
        ({"description": "a\x00b"}, "description", "Null"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(
    create: str, keeper: Client, events: Events, typed: dict[str, str], field: str, said: str | None
) -> None:
    """Whichever step sends it: also a second step whose hidden fields were changed."""
    whole = {"description": "Nightly", "username": "svc-x", **typed}
    for step in ({"step": "1"}, {"step": "2", "nonce": "n", "roles": role(READER).uid}):
        if said is None:
            continue
        response = keeper.post(create, {**whole, **step})
        assert response.status_code == 422
        assert said in " ".join(response.context["form"].errors[field])
        form = Page(response).form("description", "username")
        assert form.fields["description"] == [whole["description"]]
        assert form.fields["username"] == [whole["username"]]
        assert form.fields.get("roles", []) == ([step["roles"]] if "roles" in step else [])
    assert not events()


def test_back_loses_nothing(create: str, keeper: Client) -> None:
    form = step_two(keeper, create, username="svc-own")
    response = form.submit(keeper, create, roles=[role(OPERATOR).uid, role(STORAGE).uid], back="1")
    first = Page(response).form("description", "username")
    assert first.fields["description"] == ["Nightly training"]
    assert first.fields["username"] == ["svc-own"]
    second = Page(first.submit(keeper, create, description="Other")).form("nonce")
    assert second.fields["description"] == ["Other"]
    assert set(second.fields["roles"]) == {role(OPERATOR).uid, role(STORAGE).uid}


def test_presets_and_hints_come_from_the_catalogue_and_force_nothing(create: str, keeper: Client) -> None:
    """OVH-14: (Operator or Reader) + ObjectStore Operator is recommended, never forced."""
    form = step_two(keeper, create)
    presets = dict(keeper.post(create, {"description": "x"}).context["presets"][0])
    assert presets["label"] == "AI practitioner"
    response = form.submit(keeper, create, preset=presets["key"])
    assert response.context["presets"][0]["pressed"]
    assert set(Page(response).form("nonce").fields["roles"]) == {role(OPERATOR).uid, role(STORAGE).uid}
    assert response.context["hints"] == []
    response = form.submit(keeper, create, roles=role(READER).uid, refresh="1")
    [hint] = response.context["hints"]
    assert hint["text"] == "Without ObjectStore Operator this user cannot reach data in object storage."
    assert hint["offer"]["value"] == role(STORAGE).uid
    response = form.submit(keeper, create, roles=role(READER).uid, add=role(STORAGE).uid)
    assert set(Page(response).form("nonce").fields["roles"]) == {role(READER).uid, role(STORAGE).uid}
    assert Page(response).form("nonce").fields["nonce"] == form.fields["nonce"]
    assert form.submit(keeper, create, roles=role(READER).uid).status_code == 200


def test_no_role_is_confirmed(org: SimpleNamespace, create: str, keeper: Client) -> None:
    """OVH-01: a user without a role may do nothing, and whoever adds one has said that they know."""
    form = step_two(keeper, create)
    response = form.submit(keeper, create)
    assert response.status_code == 422
    assert "No role: no access" in Page(response).text
    again = Page(response).form("nonce", "no_role")
    assert not User.objects.filter(description="Nightly training").exists()
    response = again.submit(keeper, create, no_role="1")
    assert response.status_code == 200
    assert "has no role: no access" in Page(response).text
    user = User.objects.get(description="Nightly training")
    assert held(user) == set()


def test_roles_are_grouped_and_explained(create: str, keeper: Client) -> None:
    response = keeper.post(create, {"description": "x"})
    assert [group["label"] for group in response.context["role_groups"]] == [
        "AI Solutions",
        "Storage",
        "Infrastructure",
    ]
    text = Page(response).text
    assert "Opens notebooks, jobs and apps that exist." in text
    assert "Where the data of AI Solutions lives" in text


@pytest.mark.parametrize(
    "extra",
    [
        {"is_superuser": "on", "is_staff": "on", "kind": "person", "is_active": "", "email": "a@b.example"},
        {"password": "chosen", "is_sample": "on", "all_clusters": "", "created_at": "2001-01-01", "uid": "0" * 32},
        {"owner": "1", "granted_by": "somebody", "theme": "dark", "groups": "1", "user_permissions": "1"},
    ],
)
def test_extra_fields_are_ignored(org: SimpleNamespace, create: str, keeper: Client, extra: dict[str, str]) -> None:
    """20: fields that the form does not have change nothing."""
    form = step_two(keeper, create)
    elsewhere = {"project": org.beta.uid, "project_id": str(org.beta.pk), "user": org.beta_user.uid}
    response = form.submit(keeper, create, roles=role(READER).uid, **elsewhere, **extra)
    assert response.status_code == 200
    user = User.objects.get(description="Nightly training")
    assert (user.project_id, user.kind, user.is_active, user.is_superuser) == (
        org.alpha.pk,
        "project_user",
        True,
        False,
    )
    assert (user.email, user.is_sample, user.theme, user.all_clusters) == ("", False, "", True)
    assert user.uid != "0" * 32
    assert user.created_at.year > 2001
    assert not user.check_password("chosen")
    assert [a.granted_by for a in user.role_assignments.all()] == ["Keeper Person"]


@pytest.mark.parametrize("name", ["roster:administrator", "runai:researcher", "roster:project_administrator"])
def test_a_role_of_another_catalogue_is_no_choice(
    org: SimpleNamespace, create: str, keeper: Client, events: Events, name: str
) -> None:
    form = step_two(keeper, create)
    for roles in ([role(name).uid], [role(READER).uid, role(name).uid], ["1"], [role(name).full_name], ["\x00"]):
        assert form.submit(keeper, create, roles=roles).status_code == 422
    edit = users_page(org.alpha_user, "roles")
    shown = Page(keeper.get(edit)).form("version")
    assert shown.submit(keeper, edit, roles=[role(name).uid]).status_code == 422
    assert held(org.alpha_user) == {READER}
    assert not events()


@pytest.mark.usefixtures("local_roles")
def test_a_forged_role_that_one_may_not_give_is_refused_and_recorded(
    org: SimpleNamespace, create: str, client_of: ClientOf, events: Events
) -> None:
    """21: nobody gives a role that they may not; nothing of the rest is saved either."""
    give(org.outsider, "local:giver", org.alpha)
    client, before = client_of("outsider"), len(events())
    response = client.post(create, {"step": "1", "description": "Nightly training"})
    blocked = {
        c["role"].full_name
        for g in response.context["role_groups"]
        for c in [*g["choices"], *g["more"]]
        if c["blocked"]
    }
    assert READER not in blocked
    assert {OPERATOR, STORAGE, "ovhcloud:administrator"} <= blocked
    assert "You may not give this role." in Page(response).text
    form = Page(response).form("nonce")
    response = form.submit(client, create, roles=[role(READER).uid, role(OPERATOR).uid])
    assert response.status_code == 403
    assert not User.objects.filter(description="Nightly training").exists()
    assert not UsedNonce.objects.exists()
    [event] = events()[before:]
    assert (event.outcome, event.actor_uid) == ("refused", org.outsider.uid)
    assert event.action == "role_assignment.create"
    assert form.submit(client, create, roles=[role(READER).uid]).status_code == 200


def test_a_refused_write_is_recorded_a_refused_page_is_not(
    org: SimpleNamespace, create: str, client_of: ClientOf, events: Events
) -> None:
    """40: refused writes stand in the audit trail."""
    viewer = client_of("viewer")
    assert viewer.get(create).status_code == 403
    assert not events()
    assert viewer.post(create, {"description": "x"}).status_code == 403
    assert viewer.post(users_page(org.alpha_user, "disable")).status_code == 403
    assert [(e.action, e.outcome, e.object_name, e.scope_name) for e in events()] == [
        ("project_user.create", "refused", "project user in Alpha", "Alpha"),
        ("project_user.disable", "refused", "alpha-user", "Alpha"),
    ]


def test_the_secret_can_be_downloaded_from_its_page(org: SimpleNamespace, keeper: Client) -> None:
    """28: an authenticated POST that echoes what the page holds; stored and logged nowhere."""
    page = users_page(org.alpha_user, "secret_download")
    response = keeper.post(page, {"password": "Ab1" * 8, "username": "somebody-else"})
    assert response.content.decode() == f"username: alpha-user\npassword: {'Ab1' * 8}\n"
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Disposition"] == 'attachment; filename="alpha-user.txt"'
    assert response["Content-Type"].startswith("text/plain")
    for hostile in ("", "a b", "a\nb", "<b>", "ä" * 24, "$(x)", "a" * 65, "\x00"):
        assert keeper.post(page, {"password": hostile}).status_code == 400
    assert keeper.get(page).status_code == 405


# The user's page, its description


def test_the_page_of_a_user(org: SimpleNamespace, keeper: Client, client_of: ClientOf) -> None:
    user = a_user(org.alpha, "svc-train", OPERATOR, STORAGE, description="Nightly")
    response = keeper.get(users_page(user))
    assert [str(row["role"]) for row in response.context["assignments"]] == [
        "AI Training Operator",
        "ObjectStore Operator",
    ]
    assert all(row["by"] == COMMAND.name and row["at"] for row in response.context["assignments"])
    text = Page(response).text
    for said in (
        "svc-train",
        "Nightly",
        "Launch, open, stop, delete",
        "AI Training Operator, given here",
        "Read, write",
    ):
        assert said in text
    assert "Last used" in text
    assert "added this user" in Page(client_of("viewer").get(users_page(user))).text
    assert users_page(user, "roles") not in Page(client_of("viewer").get(users_page(user))).links


def test_the_list_of_what_a_user_can_do_is_what_access_says(org: SimpleNamespace, keeper: Client) -> None:
    """The panel is derived from the rules; every line of it, and no other, is true of the access layer."""
    from policies.models import EntityType, Resource

    user = a_user(org.alpha, "svc-train", READER, STORAGE)
    able = {line["label"]: line["detail"].lower().split(", ") for line in keeper.get(users_page(user)).context["able"]}
    kinds = EntityType.objects.filter(catalogue__code="ovhcloud")
    for kind in kinds:
        resource = Resource(entity_type=kind, scope=org.alpha, name="x")
        for action, label in kind.actions.items():
            said = label.lower() in able.get(kind.area, []) or label.lower() in able.get(kind.label, [])
            assert access.may(user, action, resource) is said, (kind.code, action)


def test_a_user_without_roles_or_disabled_says_so(org: SimpleNamespace, keeper: Client) -> None:
    """OVH-01."""
    nothing = Page(keeper.get(users_page(a_user(org.alpha, "nothing")))).text
    assert "No role, no access" in nothing
    assert "Nothing: no role, no access." in nothing
    off = Page(keeper.get(users_page(a_user(org.alpha, "off", READER, is_active=False)))).text
    assert "Would be able to" in off
    assert "every request is refused now" in off


def test_the_description_is_edited(org: SimpleNamespace, keeper: Client, events: Events) -> None:
    path = users_page(org.alpha_user, "update")
    form = Page(keeper.get(path)).form("description", "seen")
    response = form.submit(keeper, path, description="  Other words ", username="taken-over", is_active="")
    assert response["Location"] == users_page(org.alpha_user)
    org.alpha_user.refresh_from_db()
    assert (org.alpha_user.description, org.alpha_user.username) == ("Other words", "alpha-user")
    [event] = events()
    assert (event.action, event.before, event.after) == (
        "project_user.update", {"description": "Pipeline of Alpha"}, {"description": "Other words"},
    )  # fmt: skip
    assert form.submit(keeper, path, description="Other words", seen="Other words").status_code == 302
    assert len(events()) == 1


def test_a_description_that_somebody_changed_meanwhile_is_not_overwritten(
    org: SimpleNamespace, keeper: Client, client_of: ClientOf
) -> None:
    path = users_page(org.alpha_user, "update")
    mine, theirs = (Page(client.get(path)).form("description") for client in (keeper, client_of("administrator")))
    theirs.submit(client_of("administrator"), path, description="Theirs")
    client_of("administrator").post(users_page(org.alpha_user, "disable"))
    response = mine.submit(keeper, path, description="Mine")
    assert response.status_code == 409
    text = Page(response).text
    assert "Administrator Person changed this while you were editing." in text
    assert "Theirs" in text
    org.alpha_user.refresh_from_db()
    assert org.alpha_user.description == "Theirs"
    again = Page(response).form("description")
    assert again.fields["description"] == ["Mine"]
    assert again.submit(keeper, path).status_code == 302
    org.alpha_user.refresh_from_db()
    assert org.alpha_user.description == "Mine"


@pytest.mark.parametrize("typed", [{}, {"description": ""}, {"description": "x" * 121}, {"description": "a\x00"}])
def test_a_description_that_cannot_be_saved(
    org: SimpleNamespace, keeper: Client, events: Events, typed: dict[str, str]
) -> None:
    response = keeper.post(users_page(org.alpha_user, "update"), {"seen": "Pipeline of Alpha", **typed})
    assert response.status_code == 422
    assert response.context["form"].errors["description"]
    assert not events()


# Edit roles


def test_edit_roles(org: SimpleNamespace, keeper: Client, events: Events) -> None:
    """OVH-13: "Edit roles" changes the roles of an existing user."""
    path = users_page(org.alpha_user, "roles")
    response = keeper.get(path)
    assert {k: [str(r) for r in v] for k, v in response.context["diff"].items()} == {
        "added": [], "removed": [], "kept": ["AI Training Reader"],
    }  # fmt: skip
    form = Page(response).form("roles", "version")
    assert form.fields["roles"] == [role(READER).uid]
    wanted = [role(OPERATOR).uid, role(STORAGE).uid]
    response = form.submit(keeper, path, roles=wanted, reason="Needs to launch", refresh="1")
    assert [str(r) for r in response.context["diff"]["added"]] == ["AI Training Operator", "ObjectStore Operator"]
    assert [str(r) for r in response.context["diff"]["removed"]] == ["AI Training Reader"]
    assert Page(response).form("reason").fields["reason"] == ["Needs to launch"]
    assert held(org.alpha_user) == {READER}
    response = Page(response).form("version").submit(keeper, path)
    assert response["Location"] == users_page(org.alpha_user)
    assert held(org.alpha_user) == {OPERATOR, STORAGE}
    assert "Roles of alpha-user saved" in Page(keeper.get(response["Location"])).text
    [event] = events()
    assert event.action == "project_user.edit_roles"
    assert event.before == {"roles": [READER]}
    assert event.after == {"roles": [OPERATOR, STORAGE], "reason": "Needs to launch"}
    given = {a.reason for a in RoleAssignment.objects.filter(user=org.alpha_user)}
    assert given == {"Needs to launch"}


def test_roles_that_stay_keep_who_gave_them(org: SimpleNamespace, keeper: Client, events: Events) -> None:
    path = users_page(org.alpha_user, "roles")
    form = Page(keeper.get(path)).form("version")
    form.submit(keeper, path, roles=[role(READER).uid, role(STORAGE).uid])
    given = RoleAssignment.objects.filter(user=org.alpha_user).select_related("role__catalogue")
    by = {a.role.full_name: a.granted_by for a in given}
    assert by == {READER: COMMAND.name, STORAGE: "Keeper Person"}
    assert Page(keeper.get(path)).form("version").submit(keeper, path).status_code == 302
    assert len(events()) == 1


def test_roles_that_somebody_changed_meanwhile_are_not_overwritten(
    org: SimpleNamespace, keeper: Client, client_of: ClientOf, events: Events
) -> None:
    path = users_page(org.alpha_user, "roles")
    mine = Page(keeper.get(path)).form("version")
    theirs = Page(client_of("administrator").get(path)).form("version")
    assert theirs.submit(client_of("administrator"), path, roles=role(OPERATOR).uid).status_code == 302
    client_of("administrator").post(users_page(org.alpha_user, "disable"))
    response = mine.submit(keeper, path, roles=[role(READER).uid, role(STORAGE).uid])
    assert response.status_code == 409
    assert held(org.alpha_user) == {OPERATOR}
    conflict = response.context["conflict"]
    assert conflict["who"] == "Administrator Person"
    assert [str(r) for r in conflict["added"]] == ["AI Training Operator"]
    assert [str(r) for r in conflict["removed"]] == ["AI Training Reader"]
    assert "Administrator Person changed these roles while you were editing" in Page(response).text
    assert [str(r) for r in response.context["diff"]["removed"]] == ["AI Training Operator"]
    again = Page(response).form("version")
    assert set(again.fields["roles"]) == {role(READER).uid, role(STORAGE).uid}
    assert again.submit(keeper, path).status_code == 302
    assert held(org.alpha_user) == {READER, STORAGE}
    assert [e.action for e in events()] == [
        "project_user.edit_roles",
        "project_user.disable",
        "project_user.edit_roles",
    ]


def test_without_a_version_nothing_is_overwritten(org: SimpleNamespace, keeper: Client) -> None:
    path = users_page(org.alpha_user, "roles")
    for version in ("", "nonsense", f"{role(READER).uid},{role(STORAGE).uid}", "\x00"):
        assert keeper.post(path, {"roles": role(STORAGE).uid, "version": version}).status_code == 409
    assert held(org.alpha_user) == {READER}


def test_taking_the_last_role_is_confirmed(org: SimpleNamespace, keeper: Client) -> None:
    """OVH-09: access ends at any time by taking the role away."""
    path = users_page(org.alpha_user, "roles")
    form = Page(keeper.get(path)).form("version")
    response = form.submit(keeper, path, roles=None)
    assert response.status_code == 422
    assert held(org.alpha_user) == {READER}
    assert Page(response).form("no_role").submit(keeper, path, no_role="1").status_code == 302
    assert held(org.alpha_user) == set()


@pytest.mark.usefixtures("local_roles")
def test_roles_that_one_may_not_take_stay(org: SimpleNamespace, client_of: ClientOf, events: Events) -> None:
    user = a_user(org.alpha, "svc", READER, STORAGE)
    give(org.outsider, "local:giver", org.alpha)
    client, path = client_of("outsider"), users_page(user, "roles")
    form = Page(client.get(path)).form("version")
    assert form.fields["roles"] == [role(READER).uid]
    assert "You may not take this role away." in Page(client.get(path)).text
    assert form.submit(client, path, roles=None).status_code == 302
    assert held(user) == {STORAGE}
    before = len(events())
    form = Page(client.get(path)).form("version")
    assert form.submit(client, path, roles=[role(OPERATOR).uid]).status_code == 403
    assert held(user) == {STORAGE}
    assert [event.outcome for event in events()[before:]] == ["refused"]


def test_roles_that_are_no_longer_on_offer_can_be_kept_and_taken(org: SimpleNamespace, keeper: Client) -> None:
    switch_catalogue(actor=COMMAND, catalogue=Catalogue.objects.get(code="ovhcloud"), enabled=False)
    path = users_page(org.alpha_user, "roles")
    form = Page(keeper.get(path)).form("version")
    assert form.fields["roles"] == [role(READER).uid]
    assert form.submit(keeper, path).status_code == 302
    assert held(org.alpha_user) == {READER}
    assert form.submit(keeper, path, roles=None, no_role="1").status_code == 302
    assert held(org.alpha_user) == set()


def test_the_preview_says_what_saving_would_mean(org: SimpleNamespace, keeper: Client, events: Events) -> None:
    preview = reverse("project_user_preview", args=[org.alpha.uid])
    assert "Nothing. No role: no access." in Page(keeper.post(preview)).text
    text = Page(keeper.post(preview, {"roles": [role(OPERATOR).uid]})).text
    assert "Notebooks, jobs and apps Launch, open, stop, delete" in text
    assert "Without ObjectStore Operator" in text
    text = Page(keeper.post(preview, {"roles": [role(STORAGE).uid], "user": org.alpha_user.uid})).text
    assert "Gives ObjectStore Operator" in text
    assert "Takes AI Training Reader" in text
    assert "Loses: Notebooks, jobs and apps" in text
    for uid in (org.beta_user.uid, org.keeper.uid, "0" * 32):
        assert keeper.post(preview, {"user": uid}).status_code == 404
    assert b"<html" not in keeper.post(preview).content
    assert not events()


# Password, disable, enable, delete


def test_generate_a_password(org: SimpleNamespace, keeper: Client, events: Events) -> None:
    """OVH-12: at any time; the old one stops working. Whatever is sent twice makes one password."""
    user, old = actions.add_project_user(actor=COMMAND, project=org.alpha, description="x", roles=[role(READER)])
    path, before = users_page(user, "password"), len(events())
    shown = keeper.get(path)
    assert "The old password stops working at once" in Page(shown).text
    form = Page(shown).form("nonce")
    first, second = form.submit(keeper, path), form.submit(keeper, path)
    assert (first.status_code, second.status_code) == (200, 409)
    assert first["Cache-Control"] == "no-store"
    new = secret_in(first)
    user.refresh_from_db()
    assert check_password(new, user.password)
    assert not check_password(old, user.password)
    assert new not in user.password
    assert users_page(user, "password") in Page(second).links
    [event] = events()[before:]
    assert (event.action, event.before, event.after) == ("project_user.generate_password", {}, {})
    assert keeper.post(path).status_code == 200
    assert len(events()) == before + 1
    for response in (keeper.get(path), keeper.get(users_page(user)), second):
        assert new not in response.content.decode()
    assert held(user) == {READER}


def test_disable_and_enable(org: SimpleNamespace, keeper: Client, events: Events) -> None:
    user, detail = org.alpha_user, users_page(org.alpha_user)
    assert "stops working at once" in Page(keeper.get(users_page(user, "disable"))).text
    assert keeper.post(users_page(user, "disable"))["Location"] == detail
    user.refresh_from_db()
    assert not user.is_active
    assert held(user) == {READER}
    assert "AI Training Reader" in Page(keeper.get(users_page(user, "enable"))).text
    assert users_page(user, "enable") in Page(keeper.get(detail)).links
    keeper.post(users_page(user, "disable"))
    assert keeper.post(users_page(user, "enable"))["Location"] == detail
    user.refresh_from_db()
    assert user.is_active
    assert [(e.action, e.before, e.after) for e in events()] == [
        ("project_user.disable", {"status": "ok"}, {"status": "disabled"}),
        ("project_user.enable", {"status": "disabled"}, {"status": "ok"}),
    ]


def test_delete_by_typing_the_username(org: SimpleNamespace, keeper: Client, events: Events) -> None:
    """OVH-16 "delete", OVH-09: access ends with the user."""
    user, path = org.alpha_user, users_page(org.alpha_user, "delete")
    assert "cannot be undone" in Page(keeper.get(path)).text
    for typed in ({}, {"confirm": ""}, {"confirm": "Alpha-User"}, {"confirm": "alpha-user2"}, {"confirm": "\x00"}):
        response = keeper.post(path, typed)
        assert response.status_code == 422
        assert response.context["form"].errors["confirm"]
    assert not events()
    response = keeper.post(path, {"confirm": " alpha-user "})
    assert response["Location"] == reverse("project_user_index", args=[org.alpha.uid])
    assert not User.objects.filter(uid=user.uid).exists()
    [event] = events()
    assert (event.action, event.object_uid, event.object_name) == ("project_user.delete", user.uid, "alpha-user")
    assert event.before == {"description": "Pipeline of Alpha", "roles": ["AI Training Reader for alpha-user in Alpha"]}
    assert keeper.get(users_page(user)).status_code == 404
    assert keeper.post(path, {"confirm": "alpha-user"}).status_code == 404


def test_what_a_deleted_user_owned_stays(org: SimpleNamespace, keeper: Client) -> None:
    from policies.actions.resources import register_resource
    from policies.models import EntityType

    kind = EntityType.objects.get(catalogue__code="ovhcloud", code="notebook")
    resource = register_resource(actor=COMMAND, entity_type=kind, scope=org.alpha, name="n", owner=org.alpha_user)
    path = users_page(org.alpha_user, "delete")
    assert "1 resource it owns stay" in Page(keeper.get(path)).text
    keeper.post(path, {"confirm": "alpha-user"})
    resource.refresh_from_db()
    assert resource.owner is None


@pytest.mark.parametrize("name", ["update", "roles", "password", "disable", "delete"])
def test_a_user_whom_somebody_deleted_in_this_very_moment_is_not_there(
    org: SimpleNamespace, keeper: Client, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Looked up, then deleted by somebody else, then acted upon: 404, never an error."""
    path = users_page(org.alpha_user, name)
    data = {"confirm": "alpha-user", "nonce": "n", "description": "y", "seen": "x", "roles": role(STORAGE).uid}
    for action in ("update_user", "generate_password", "disable_user", "delete_user"):
        monkeypatch.setattr(project_users.actions, action, deleting_first(getattr(actions, action)))
    monkeypatch.setattr(project_users, "edit_roles", deleting_first(edit_roles))
    assert keeper.post(path, data).status_code == 404


def deleting_first(action: Callable[..., Any]) -> Callable[..., Any]:
    def inner(*, user: User, **options: Any) -> Any:
        User.objects.get(pk=user.pk).delete()
        return action(user=user, **options)

    return inner


@pytest.mark.parametrize("name", ["detail", "update", "roles", "password", "disable", "enable", "delete", "activity"])
def test_a_user_belongs_to_one_project(org: SimpleNamespace, client_of: ClientOf, name: str) -> None:
    """OVH-10: under another project's address there is nobody, not even for an administrator."""
    for project, user in ((org.beta, org.alpha_user), (org.alpha, org.beta_user), (org.alpha, org.keeper)):
        path = reverse(f"project_user_{name}", args=[project.uid, user.uid])
        assert client_of("administrator").get(path).status_code == 404
        assert client_of("administrator").post(path, {"confirm": user.username}).status_code == 404
    assert not access.may(org.alpha_user, "list", At("project_user", org.beta))


def test_a_username_taken_in_the_last_moment_is_told_beside_its_field(
    create: str, keeper: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = step_two(keeper, create, username="svc-own")

    def taken(**_: Any) -> None:
        raise ValidationError({"username": "This username is taken."})

    monkeypatch.setattr(project_users.actions, "add_project_user", taken)
    response = form.submit(keeper, create, roles=role(READER).uid)
    assert response.status_code == 422
    assert response.context["form"].errors["username"] == ["This username is taken."]
    assert Page(response).form("description").fields["roles"] == [role(READER).uid]
