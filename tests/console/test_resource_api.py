"""Services register, read, change and retire resources over HTTP, as far as their roles allow."""

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from policies.actions.assignments import give_role
from policies.actions.resources import register_resource
from policies.models import AuditEvent, Catalogue, EntityType, Resource, RulebookVersion
from tests.console.conftest import COMMAND, a_notebook, person, role
from tests.console.services import a_service, a_token
from tests.factories import give

PATH = "/api/v1/resources/"
REGISTRAR = "roster:resource_registrar"


class Api:
    """A service that holds roles, and how it speaks."""

    def __init__(self, service: User) -> None:
        self.service, self.client = service, Client(enforce_csrf_checks=True)
        self.actor = f"service:{service.username}"
        self.headers = {"Authorization": f"Bearer {a_token(service)}"}

    def send(self, method: str, path: str = PATH, body: Any = None, **query: Any) -> Any:
        more = {"data": json.dumps(body) if not isinstance(body, bytes) else body, "content_type": "application/json"}
        given = more if body is not None else {"query_params": query} if query else {}
        return getattr(self.client, method)(path, headers=self.headers, **given)

    def get(self, path: str = PATH, **query: Any) -> Any:
        return self.client.get(path, query, headers=self.headers)

    def register(self, **body: Any) -> Any:
        return self.send("post", body={"type": "ovhcloud:notebook", "name": "masks", "project": "alpha", **body})


@pytest.fixture(scope="module")
def organization(organization: SimpleNamespace) -> SimpleNamespace:
    """With every catalogue switched on."""
    Catalogue.objects.update(is_enabled=True)
    RulebookVersion.renew()
    return organization


@pytest.fixture
def api(org: SimpleNamespace) -> Api:
    """The service that runs the notebooks of alpha."""
    return Api(a_service("notebook-service", REGISTRAR, scope=org.alpha))


def one(uid: str) -> str:
    return f"{PATH}{uid}/"


def events() -> list[tuple[str, str, str]]:
    return [(event.action, event.actor, event.outcome) for event in AuditEvent.objects.order_by("sequence")]


def test_register_change_and_retire(org: SimpleNamespace, api: Api) -> None:
    before = len(events())
    body = {
        "external_id": "nb/17", "owner": "alpha-user", "visibility": "ALL", "tags": ["b", "a", "a"],
        "lists": ["h2o:visitor"],
    }  # fmt: skip
    answer = api.register(**body)
    assert answer.status_code == 201
    row = answer.json()
    path = answer["Location"]
    assert path == row["links"]["self"] == one(row["id"])
    assert {name: row[name] for name in ("type", "name", "external_id", "scope", "owner", "parent")} == {
        "type": "ovhcloud:notebook", "name": "masks", "external_id": "nb/17", "scope": "project:alpha",
        "owner": "alpha-user", "parent": None,
    }  # fmt: skip
    assert (row["visibility"], row["tags"], row["lists"]) == ("ALL", ["a", "b"], ["h2o:visitor"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["created"])
    assert api.get(path).json() == row

    changed = api.send("patch", path, {"name": "better", "owner": None, "tags": [], "lists": []})
    assert changed.status_code == 200
    assert changed.json() == row | {"name": "better", "owner": None, "tags": [], "lists": []}
    assert api.send("patch", path, {"name": "better"}).json() == changed.json()

    gone = api.send("delete", path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert api.get(path).status_code == api.send("delete", path).status_code == 404
    service = api.actor
    assert events()[before:] == [
        ("resource.register", service, "done"), ("resource.update", service, "done"), ("resource.retire", service, "done"),
    ]  # fmt: skip


def test_registering_again_changes_nothing(org: SimpleNamespace, api: Api) -> None:
    first = api.register(external_id="17", tags=["x"], owner="alpha-user")
    before = events()
    same = api.register(external_id="17", tags=["x"], owner="alpha-user")
    assert (first.status_code, same.status_code, same.json()) == (201, 200, first.json())
    assert events() == before
    for other in ({"name": "other"}, {"tags": ["y"]}, {"owner": None}, {"visibility": "v"}, {"lists": ["h2o:visitor"]}):
        answer = api.register(**{"external_id": "17", "tags": ["x"], "owner": "alpha-user", **other})
        assert answer.status_code == 409
        assert answer.json()["error"]["id"] == first.json()["id"]
    assert api.register(external_id="17", type="ovhcloud:job").status_code == 201  # once for each type
    assert api.register().status_code == api.register().status_code == 201  # without one, each is another thing
    assert events()[len(before):] == [("resource.register", api.actor, "done")] * 3  # fmt: skip


def test_an_id_that_another_service_took(org: SimpleNamespace, api: Api) -> None:
    kind = EntityType.objects.get(catalogue__code="ovhcloud", code="notebook")
    hidden = register_resource(actor=COMMAND, entity_type=kind, scope=org.beta, name="hidden", external_id="17")
    answer = api.register(external_id="17")
    assert answer.status_code == 409
    assert hidden.uid not in answer.content.decode()
    assert "hidden" not in answer.content.decode()
    mine = api.register(external_id="18").json()
    taken = api.send("patch", mine["links"]["self"], {"external_id": "17"})
    assert (taken.status_code, list(taken.json()["error"]["fields"])) == (400, ["external_id"])


def test_other_projects_do_not_exist(org: SimpleNamespace, api: Api) -> None:
    """OVH-10, and of the place nothing is told: not whether it is there, not what is in it."""
    hidden = a_notebook(org.beta, "hidden")
    for name in (hidden.uid, "0" * 32, "nothing"):
        for method, body in (("get", None), ("patch", {"name": "x"}), ("delete", None)):
            assert api.send(method, one(name), body).status_code == 404
    assert api.get().json() == {"items": [], "links": {"next": None}}
    assert api.get(scope="project:beta").json()["items"] == api.get(scope="project:gamma").json()["items"] == []
    there, nowhere = (api.register(project=name) for name in ("beta", "gamma"))
    assert there.status_code == nowhere.status_code == 403
    assert there.json() == nowhere.json()
    assert ("resource.register", api.actor, "refused") in events()
    assert api.register(owner="beta-user").json() == api.register(owner="nobody-user").json() | {
        "error": api.register(owner="beta-user").json()["error"]
    }
    for name in ("beta-user", "gamma-user"):
        answer = api.register(owner=name).json()["error"]["fields"]
        assert answer == {"owner": [f"There is no user {name}."]}
    assert list(api.register(parent=hidden.uid).json()["error"]["fields"]) == ["parent"]
    assert Resource.objects.count() == 1


def test_what_the_roles_allow_in_each_place(org: SimpleNamespace) -> None:
    notebook = a_notebook(org.alpha)
    nobody = Api(a_service("asks-only", "roster:decision_client"))
    assert nobody.get(one(notebook.uid)).status_code == 404
    assert nobody.register().status_code == 403
    # It sees what a role of a platform shows it, and changes nothing.
    run = EntityType.objects.get(catalogue__code="runai", code="job")
    job = register_resource(actor=COMMAND, entity_type=run, scope=org.alpha, name="job")
    reader = Api(a_service("reads", "runai:research_manager"))
    assert reader.get(one(job.uid)).status_code == 200
    assert [row["name"] for row in reader.get().json()["items"]] == ["job"]
    for method, body in (("patch", {"name": "x"}), ("delete", None)):
        assert reader.send(method, one(job.uid), body).status_code == 403
    assert events()[-1] == ("resource.retire", "service:reads", "refused")
    # Above the project: everything below.
    above = Api(a_service("department", REGISTRAR, scope=org.department))
    assert above.send("patch", one(notebook.uid), {"name": "theirs"}).status_code == 200
    assert above.register(project=None, scope="department:perception").status_code == 400
    placed = above.send("post", body={"type": "ovhcloud:notebook", "name": "wide", "scope": "department:perception"})
    assert placed.json()["scope"] == "department:perception"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"), ({"name": "x" * 121}, "name"), ({"name": "x" * 100_000}, "name"), ({"name": 7}, "name"),
        ({"name": "a\x00b"}, "name"), ({"name": "a\x1b[2J"}, "name"), ({"name": None}, "name"), ({"name": ["a"]}, "name"),
        ({"type": "nothing"}, "type"), ({"type": "project"}, "type"), ({"type": "job"}, "type"),
        ({"external_id": "x" * 201}, "external_id"), ({"visibility": "x" * 21}, "visibility"),
        ({"visibility": None}, "visibility"), ({"owner": "nobody-user"}, "owner"), ({"owner": {}}, "owner"),
        ({"parent": "nothing"}, "parent"), ({"parent": ""}, "parent"), ({"tags": "a,b"}, "tags"), ({"tags": [1]}, "tags"),
        ({"tags": ["x" * 61]}, "tags"), ({"tags": ["t"] * 51}, "tags"), ({"lists": ["visitor"]}, "lists"),
        ({"scope": "project:alpha"}, "scope"), ({"uid": "mine"}, "uid"), ({"is_sample": True}, "is_sample"),
        ({"created": "2020-01-01"}, "created"), ({"owner_email": "a@example.com"}, "owner_email"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_member(org: SimpleNamespace, api: Api, body: dict[str, Any], field: str) -> None:
    before = events()
    answer = api.register(**body)
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == [field]
    assert not Resource.objects.exists()
    assert events() == before


def test_everything_that_is_wrong_is_told_at_once(org: SimpleNamespace, api: Api) -> None:
    answer = api.send("post", body={"tags": 1, "more": 1}).json()["error"]
    assert set(answer["fields"]) == {"type", "name", "scope", "tags", "more"}
    many = api.register(**{f"f{number}": 1 for number in range(1000)})
    assert len(many.json()["error"]["fields"]) == 20
    path = api.register().json()["links"]["self"]
    fixed = api.send("patch", path, {"type": "ovhcloud:job", "project": "beta", "id": "x"}).json()["error"]["fields"]
    assert set(fixed) == {"type", "project", "id"}


@pytest.mark.once
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"name": "a", "name": "b"}', b'{"name": NaN}', b"[" * 5000,
             b'{"name": "\\ud800"}'],
)  # fmt: skip
def test_bodies_that_are_no_object(org: SimpleNamespace, api: Api, body: bytes) -> None:
    path = api.register().json()["links"]["self"]
    for method, where in (("post", PATH), ("patch", path)):
        assert api.send(method, where, body).status_code == 400
    assert Resource.objects.count() == 1


def test_a_body_that_is_too_large(org: SimpleNamespace, api: Api) -> None:
    assert api.register(name="x" * 1_100_000).status_code == 413


def test_only_tokens_of_services_are_let_in(org: SimpleNamespace, api: Api) -> None:
    """No session counts here: not even an administrator's."""
    notebook = a_notebook(org.alpha)
    signed_in = Client()
    signed_in.force_login(org.administrator)
    wrong = Client(headers={"Authorization": "Bearer " + "x" * 40})
    for client in (Client(), signed_in, wrong):
        for path in (PATH, one(notebook.uid)):
            for method in (client.get, client.post, client.patch, client.delete):
                answer = method(path, content_type="application/json") if method != client.get else method(path)
                assert answer.status_code == 401
                assert answer["WWW-Authenticate"].startswith("Bearer")
    assert api.send("put", PATH, {}).status_code == api.send("post", one(notebook.uid), {}).status_code == 405
    assert not api.client.cookies
    assert "no-store" in api.get()["Cache-Control"]


def test_by_the_services_own_id(org: SimpleNamespace, api: Api) -> None:
    first = api.register(external_id="17").json()
    assert api.get(one("17")).json() == first
    api.register(external_id="17", type="ovhcloud:job")
    assert api.get(one("17")).status_code == 400
    assert api.get(one("17"), type="ovhcloud:notebook").json() == first
    assert api.get(one("17"), type="ovhcloud:app").status_code == 404
    assert api.get(one("17"), kind="x").status_code == api.get(one("17"), type="x").status_code == 400
    slashed = api.register(external_id="a/b").json()
    assert [row["id"] for row in api.get(external_id="a/b").json()["items"]] == [slashed["id"]]


def test_the_list_page_by_page(org: SimpleNamespace, api: Api) -> None:
    for number in range(7):
        api.register(name=f"n{number}", type="ovhcloud:job" if number % 2 else "ovhcloud:notebook")
    a_notebook(org.beta, "hidden")
    found, path = [], f"{PATH}?limit=3"
    while path:
        answer = api.get(path).json()
        assert len(answer["items"]) <= 3
        found += [row["name"] for row in answer["items"]]
        path = answer["links"]["next"]
    assert sorted(found) == [f"n{number}" for number in range(7)]
    jobs = api.get(type="ovhcloud:job", limit=2).json()
    assert {row["type"] for row in jobs["items"] + api.get(jobs["links"]["next"]).json()["items"]} == {"ovhcloud:job"}
    assert len(api.get(scope="project:alpha").json()["items"]) == 7
    assert len(api.get(scope="cluster:north").json()["items"]) == 7
    for query in (
        {"limit": "0"},
        {"limit": "x"},
        {"limit": "1001"},
        {"limit": "9" * 400},
        {"page": "2"},
        {"type": "x"},
    ):
        assert api.get(**query).status_code == 400
    for text in ("\x00", "%", "x" * 3000, "'; --"):
        for name in ("after", "scope", "external_id"):
            assert api.get(**{name: text}).status_code == 200


def test_what_it_belongs_to(org: SimpleNamespace, api: Api) -> None:
    app = api.register(type="h2o:app", external_id="app").json()
    run = api.register(type="h2o:instance", name="run", parent="app").json()
    assert run["parent"] == app["id"]
    assert list(api.send("patch", app["links"]["self"], {"parent": run["id"]}).json()["error"]["fields"]) == ["parent"]
    above = a_notebook(org.beta, "above")
    Resource.objects.filter(uid=run["id"]).update(parent=above)
    assert api.get(run["links"]["self"]).json()["parent"] is None


def test_h2o_11_the_owners_address_is_not_for_every_service(org: SimpleNamespace, api: Api) -> None:
    """H2O-11: where a type names an action for it, that action alone shows it; else whoever may list people sees it."""
    person("olga", "Olga", "olga@example.com")
    app = api.register(type="h2o:app", owner="olga", visibility="ALL_USERS").json()
    book = api.register(owner="olga").json()
    wide = Api(a_service("directory", "runai:administrator", REGISTRAR))
    for who in (api, wide):
        text = who.get(app["links"]["self"]).content.decode() + who.get(type="h2o:app").content.decode()
        assert "olga@" not in text
    assert "owner_email" not in api.get(book["links"]["self"]).json()
    assert wide.get(book["links"]["self"]).json()["owner_email"] == "olga@example.com"


@pytest.mark.once
def test_ten_or_hundreds_of_rows_take_the_same_queries(org: SimpleNamespace, api: Api) -> None:
    kinds = [EntityType.objects.get(catalogue__code=of, code="app") for of in ("h2o", "ovhcloud")]
    give(api.service, "runai:research_manager")

    def more(count: int) -> None:
        rows = Resource.objects.bulk_create(
            Resource(entity_type=kinds[n % 2], scope=org.alpha, name=f"{n}", owner=org.viewer) for n in range(count)
        )
        Resource.objects.filter(pk__in=[row.pk for row in rows[1:]]).update(parent=rows[0])
        for row in rows[:20]:
            row.listed_roles.set([role("h2o:visitor")])

    def queries() -> int:
        api.get(limit=200)
        with CaptureQueriesContext(connection) as captured:
            assert api.get(limit=200).status_code == 200
        return len(captured)

    more(10)
    few = queries()
    more(190)
    assert queries() == few < 20


def test_a_role_that_ends_ends_at_once(org: SimpleNamespace, api: Api) -> None:
    path = api.register().json()["links"]["self"]
    api.service.role_assignments.all().delete()
    assert api.get(path).status_code == 404
    give_role(actor=COMMAND, role=role(REGISTRAR), subject=api.service, scope=org.beta)
    assert api.get(path).status_code == 404
    assert api.register(project="beta").status_code == 201
    User.objects.filter(pk=api.service.pk).update(is_active=False)
    assert api.get(path).status_code == 401
