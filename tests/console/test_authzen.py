"""AuthZEN 1.0 over HTTP: what a request has to look like, batches, pages, trust, and what is told to whom."""

import json
import logging
from collections.abc import Iterator
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Scope, User
from policies import access
from policies.actions.resources import register_resource
from policies.actions.users import disable_user
from policies.models import AuditEvent, Catalogue, EntityType, Resource, RulebookVersion
from policies.protected import At
from tests.console.services import EVALUATION, EVALUATIONS, SEARCH, Caller, a_service, caller, load, question
from tests.factories import COMMAND, a_person, a_project, a_project_user, give

pytestmark = pytest.mark.django_db

CLIENT, EXPLAINER = "roster:decision_client", "roster:decision_explainer"
OK = question("keeper", "read", "project", "alpha")


@pytest.fixture(scope="module")
def organization(organization: SimpleNamespace) -> SimpleNamespace:
    """With Run:ai switched on."""
    Catalogue.objects.filter(code="runai").update(is_enabled=True)
    RulebookVersion.renew()
    return organization


@pytest.fixture
def asking(org: SimpleNamespace) -> Caller:
    """A service that may ask everywhere, and is told no reasons."""
    return caller("gateway", CLIENT)


def a_notebook(
    scope: Scope, name: str, owner: User | None = None, code: str = "ovhcloud:notebook", **more: str
) -> Resource:
    catalogue, _, kind = code.partition(":")
    found = EntityType.objects.get(catalogue__code=catalogue, code=kind)
    thing = register_resource(actor=COMMAND, entity_type=found, scope=scope, name=name, owner=owner)
    Resource.objects.filter(pk=thing.pk).update(**more)
    return thing


def decided(asking: Caller, *said: Any, **more: Any) -> bool:
    answer = asking.ask(EVALUATION, question(*said, **more))
    assert set(answer) <= {"decision", "context"}
    found = answer["decision"]
    assert isinstance(found, bool)
    return found


def ids(answer: dict[str, Any]) -> list[str]:
    return [row.get("id") or row["name"] for row in answer["results"]]


# ---- The schema


def test_the_configuration_names_every_endpoint(settings: Any) -> None:
    settings.ROSTER_BASE_URL = "https://roster.example"
    answer: Any = Client().get("/.well-known/authzen-configuration")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert answer.json() == {
        "policy_decision_point": "https://roster.example",
        "access_evaluation_endpoint": "https://roster.example/access/v1/evaluation",
        "access_evaluations_endpoint": "https://roster.example/access/v1/evaluations",
        "search_subject_endpoint": "https://roster.example/access/v1/search/subject",
        "search_resource_endpoint": "https://roster.example/access/v1/search/resource",
        "search_action_endpoint": "https://roster.example/access/v1/search/action",
    }


def without(path: str) -> dict[str, Any]:
    """OK without the member at a path."""
    said = deepcopy(OK)
    *way, last = path.split(".")
    place = said
    for name in way:
        place = place[name]
    del place[last]
    return said


def with_(path: str, value: Any) -> dict[str, Any]:
    said = deepcopy(OK)
    *way, last = path.split(".")
    place = said
    for name in way:
        place = place[name]
    place[last] = value
    return said


REQUIRED = (
    "subject",
    "subject.type",
    "subject.id",
    "action",
    "action.name",
    "resource",
    "resource.type",
    "resource.id",
)
NO_STRINGS, NO_OBJECTS = (None, 1, True, [], {}), (None, 1, "x", [], True)
MALFORMED = [
    *(without(path) for path in REQUIRED),
    *(with_(path, value) for path in REQUIRED if "." in path for value in NO_STRINGS),
    *(with_(path, value) for path in ("subject", "action", "resource", "context") for value in NO_OBJECTS),
    *(with_(f"{name}.properties", value) for name in ("subject", "action", "resource") for value in NO_OBJECTS),
]


def test_a_malformed_question_is_400_and_says_what_is_wrong(asking: Caller) -> None:
    for said in MALFORMED:
        for path, body in ((EVALUATION, said), (EVALUATIONS, said), (EVALUATIONS, {"evaluations": [OK, said]})):
            answer: Any = asking.send(path, body)
            assert answer.status_code == 400, body
            message = answer.json()["error"]["message"]
            assert "expected" in message
            assert message.startswith("evaluations[1]") == ("evaluations" in body)


def test_a_search_needs_what_it_does_not_search_for(asking: Caller) -> None:
    needed = {"subject": ("action", "resource"), "resource": ("subject", "action"), "action": ("subject", "resource")}
    for name, path in SEARCH.items():
        assert asking.send(path, OK).status_code == 200, "what is searched for may be there, and is ignored"
        for other in needed[name]:
            assert asking.send(path, without(other)).status_code == 400
        if name != "action":
            assert asking.send(path, without(f"{name}.id")).status_code == 200
            assert asking.send(path, with_(f"{name}.id", 17)).status_code == 200
            assert asking.send(path, without(f"{name}.type")).status_code == 400
        for page in (
            {"limit": -1},
            {"limit": 1.5},
            {"limit": "1"},
            {"limit": True},
            {"token": 1},
            {"properties": 1},
            [],
            "x",
            None,
        ):
            assert asking.send(path, {**OK, "page": page}).status_code == 400, page


def test_members_that_nobody_knows_are_ignored(asking: Caller) -> None:
    said = deepcopy(OK)
    said |= {"future": {"x": 1}, "context": {"time": "2026-01-01T00:00:00Z"}}
    for name in ("subject", "action", "resource"):
        said[name] |= {"future": [1, {"a": None}], "properties": {"department": "Sales", "owner": None}}
    assert asking.ask(EVALUATION, said) == {"decision": True}
    assert asking.ask(EVALUATIONS, {**said, "evaluations": [{"future": 1}], "options": {"other": 1}}) == {
        "evaluations": [{"decision": True}]
    }


@pytest.mark.parametrize(
    "name", ["nobody", "", "x" * 300, "a\x00b", "ümläut", "' OR 1=1", "project:", ":", "%", "0" * 32, "-1"]
)
def test_unknown_names_are_denied_and_find_nothing(asking: Caller, name: str) -> None:
    for said in (
        with_("subject.id", name),
        with_("resource.id", name),
        with_("resource.type", name),
        with_("subject.type", name),
    ):
        assert asking.ask(EVALUATION, said) == {"decision": False}
        for search in ("subject", "resource", "action"):
            found = ids(asking.ask(SEARCH[search], said))
            assert name not in found
    assert asking.ask(EVALUATION, with_("action.name", name)) == {"decision": False}
    for search in ("subject", "resource"):
        assert ids(asking.ask(SEARCH[search], with_("action.name", name))) == []


def test_only_post_is_offered(asking: Caller) -> None:
    for path in (EVALUATION, EVALUATIONS, *SEARCH.values()):
        answer: Any = asking.client.get(path, headers={"Authorization": f"Bearer {asking.token}"})
        assert (answer.status_code, answer["Allow"]) == (405, "POST")


# ---- Names


def test_subjects_go_by_id_username_and_a_persons_e_mail(org: SimpleNamespace, asking: Caller) -> None:
    for name in (org.keeper.uid, "keeper", "KEEPER", "keeper@example.com", "Keeper@Example.com"):
        assert decided(asking, name, "read", "project", "alpha"), name
    user, service = a_project_user(org.alpha, "Trainer", "ovhcloud:ai_training_operator"), a_service("other", CLIENT)
    notebook = a_notebook(org.alpha, "masks")
    for kind in ("user", "project_user", "roster:project_user"):
        assert decided(asking, user.username, "access", "notebook", notebook.uid, of=kind)
    assert not decided(asking, user.username, "access", "notebook", notebook.uid, of="service")
    for kind in ("user", "service"):
        assert decided(asking, service.username, "ask", "decision", "project:alpha", of=kind)


def test_an_e_mail_that_two_people_have_is_nobodys(org: SimpleNamespace, asking: Caller) -> None:
    User.objects.filter(pk=org.viewer.pk).update(email="keeper@example.com")
    assert not decided(asking, "keeper@example.com", "read", "project", "alpha")


def test_things_go_by_id_and_by_what_their_service_calls_them(org: SimpleNamespace, asking: Caller) -> None:
    user = a_project_user(org.alpha, "Trainer", "ovhcloud:ai_training_operator")
    thing = a_notebook(org.alpha, "masks", external_id="nb/17")
    for kind in ("notebook", "ovhcloud:notebook"):
        for name in (thing.uid, "nb/17"):
            assert decided(asking, user.username, "access", kind, name)
    assert not decided(asking, user.username, "access", "notebook", "masks"), "a name is no id"
    assert not decided(asking, user.username, "access", "app", "nb/17"), "of another type"


def test_places_people_and_roles_are_things_too(org: SimpleNamespace, asking: Caller) -> None:
    for kind, name in (
        ("project", "alpha"), ("project", org.alpha.uid), ("department", "perception"), ("user", "viewer"),
        ("user", "viewer@example.com"), ("role", "roster:administrator"), ("catalogue", "roster"), ("service", "gateway"),
        ("role_assignment", org.keeper.role_assignments.get().uid), ("event_history", "project:alpha"),
    ):  # fmt: skip
        assert decided(asking, "administrator", "read", kind, name), (kind, name)
        assert not decided(asking, "outsider", "read", kind, name), (kind, name)
    assert decided(asking, "keeper", "update", "project_user", org.alpha_user.username)
    assert not decided(asking, "keeper", "update", "project_user", org.beta_user.username)


def test_some_thing_in_a_place_is_asked_about_by_the_place(org: SimpleNamespace, asking: Caller) -> None:
    assert decided(asking, "keeper", "create", "project_user", "project:alpha")
    assert not decided(asking, "keeper", "create", "project_user", "project:beta")
    user = a_project_user(org.alpha, "Trainer", "ovhcloud:ai_training_operator")
    for place, expected in (("project:alpha", True), (f"project:{org.alpha.uid}", True), ("project:beta", False)):
        assert decided(asking, user.username, "access", "ovhcloud:notebook", place) is expected


def test_a_type_that_two_catalogues_declare_has_to_be_named_in_full(org: SimpleNamespace, asking: Caller) -> None:
    job = a_notebook(org.alpha, "train", code="runai:job")
    give(org.outsider, "runai:researcher", org.alpha)
    assert decided(asking, "outsider", "read", "runai:job", job.uid)
    both = {kind.full_name for kind in EntityType.objects.filter(code="job") if "read" in kind.actions}
    assert decided(asking, "outsider", "read", "job", job.uid) == (len(both) == 1)


# ---- Batches


def batch(asking: Caller, org: SimpleNamespace, **more: Any) -> Any:
    body = {
        "subject": {"type": "user", "id": "keeper"},
        "action": {"name": "read"},
        "evaluations": [
            {"resource": {"type": "project", "id": name}} for name in ("alpha", "beta", "alpha", "nowhere")
        ],
        **more,
    }
    return asking.ask(EVALUATIONS, body)


def test_a_batch_answers_in_order_with_defaults(org: SimpleNamespace, asking: Caller) -> None:
    assert batch(asking, org) == {"evaluations": [{"decision": d} for d in (True, False, True, False)]}
    body = {**OK, "evaluations": [{}, {"subject": {"type": "user", "id": "outsider"}}, {"action": {"name": "delete"}}]}
    assert asking.ask(EVALUATIONS, body) == {"evaluations": [{"decision": d} for d in (True, False, False)]}


@pytest.mark.parametrize(
    ("semantic", "expected"),
    [
        ("execute_all", [True, False, True, False]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
def test_a_batch_ends_where_it_was_asked_to(
    org: SimpleNamespace, asking: Caller, semantic: str, expected: list[bool]
) -> None:
    answer = batch(asking, org, options={"evaluations_semantic": semantic})
    assert [one["decision"] for one in answer["evaluations"]] == expected


@pytest.mark.once
@pytest.mark.parametrize("options", [{"evaluations_semantic": "first"}, {"evaluations_semantic": None}, [], "x", None])
def test_an_unknown_semantic_is_400(asking: Caller, options: Any) -> None:
    assert asking.send(EVALUATIONS, {"evaluations": [OK], "options": options}).status_code == 400


def test_without_questions_it_is_a_single_one(asking: Caller) -> None:
    for body in (OK, {**OK, "evaluations": []}):
        assert asking.ask(EVALUATIONS, body) == {"decision": True}
    for body in ({}, {"evaluations": []}, {"evaluations": {}}, {"evaluations": "x"}, {**OK, "evaluations": [1]}):
        assert asking.send(EVALUATIONS, body).status_code == 400
    assert asking.send(EVALUATIONS, {**OK, "evaluations": [{}] * 1001}).status_code == 400


@pytest.mark.once
def test_a_batch_costs_as_many_queries_whatever_its_size(org: SimpleNamespace, asking: Caller) -> None:
    user = a_project_user(org.alpha, "Trainer", "ovhcloud:ai_training_operator")
    things = [a_notebook(scope, f"n{n}") for n in range(20) for scope in (org.alpha, org.beta)]

    def queries(size: int) -> int:
        body = {
            "subject": {"type": "user", "id": user.username},
            "action": {"name": "access"},
            "evaluations": [{"resource": {"type": "notebook", "id": thing.uid}} for thing in things[:size]],
        }
        with CaptureQueriesContext(connection) as found:
            answers = asking.ask(EVALUATIONS, body)["evaluations"]
        assert [a["decision"] for a in answers] == [thing.scope_id == org.alpha.pk for thing in things[:size]]
        return len(found)

    queries(1)  # notes the use of the token
    assert queries(4) == queries(40) <= queries(1) + 3  # what many things list is read at once


# ---- Pages


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_pages_of_any_size_find_everything_once(org: SimpleNamespace, asking: Caller, limit: int) -> None:
    give(org.outsider, "runai:researcher", org.alpha)
    made = {a_notebook(org.alpha, f"w{n}", code="runai:workspace").uid for n in range(5)}
    a_notebook(org.beta, "not theirs", code="runai:workspace")
    searches = {
        "resource": ({"subject": {"type": "user", "id": "outsider"}, "action": {"name": "read"},
                      "resource": {"type": "workspace"}}, made),
        "subject": ({"subject": {"type": "user"}, "action": {"name": "read"}, "resource": {"type": "project", "id": "alpha"}},
                    {"administrator", "keeper", "viewer", "outsider"}),
        "action": ({"subject": {"type": "user", "id": "keeper"}, "resource": {"type": "project", "id": "alpha"}},
                   {"read", "update", "share"}),
    }  # fmt: skip
    for name, (body, expected) in searches.items():
        found: list[str] = []
        page: dict[str, Any] = {"limit": limit}
        while True:
            answer = asking.ask(SEARCH[name], {**body, "page": page})
            assert list(answer) == ["page", "results"]
            assert answer["page"]["count"] == len(answer["results"]) <= limit
            found += ids(answer)
            if not answer["page"]["next_token"]:
                break
            assert len(answer["results"]) == limit
            page = {"token": answer["page"]["next_token"]}
        assert len(found) == len(set(found))
        assert set(found) >= expected if name == "action" else set(found) == expected


def test_a_limit_of_zero_finds_nothing_and_goes_on_from_there(org: SimpleNamespace, asking: Caller) -> None:
    body = {"subject": {"type": "user"}, "action": {"name": "read"}, "resource": {"type": "project", "id": "alpha"}}
    answer = asking.ask(SEARCH["subject"], {**body, "page": {"limit": 0}})
    assert answer["results"] == []
    assert answer["page"]["next_token"]


def test_a_token_is_of_no_use_for_another_search(org: SimpleNamespace, asking: Caller) -> None:
    body = {"subject": {"type": "user"}, "action": {"name": "read"}, "resource": {"type": "project", "id": "alpha"}}
    token = asking.ask(SEARCH["subject"], {**body, "page": {"limit": 1}})["page"]["next_token"]
    page = {"token": token}
    assert asking.send(SEARCH["subject"], {**body, "page": page}).status_code == 200
    assert asking.send(SEARCH["subject"], {**body, "page": {**page, "limit": 1}}).status_code == 200
    other = caller("other", CLIENT)
    for who, path, said in (
        (asking, "subject", {**body, "page": {**page, "limit": 2}}),
        (asking, "subject", {**body, "page": {"token": f"{token}x"}}),
        (asking, "subject", {**body, "page": {"token": "x"}}),
        (asking, "subject", {**body, "action": {"name": "update"}, "page": page}),
        (asking, "subject", {**body, "subject": {"type": "service"}, "page": page}),
        (asking, "subject", {**body, "context": {"time": "now"}, "page": page}),
        (asking, "resource", {**OK, "page": page}),
        (other, "subject", {**body, "page": page}),
    ):
        assert who.send(SEARCH[path], said).status_code == 400, said


def test_a_token_tells_nothing_but_a_place_in_the_order(org: SimpleNamespace, asking: Caller) -> None:
    """No row number of the database leaves the house."""
    body = {"subject": {"type": "user"}, "action": {"name": "read"}, "resource": {"type": "project", "id": "alpha"}}
    answer = asking.ask(SEARCH["subject"], {**body, "page": {"limit": 1}})
    assert all(set(row) == {"type", "id"} for row in answer["results"])


# ---- Trust


@pytest.fixture
def records(org: SimpleNamespace) -> SimpleNamespace:
    """The to-do catalogue, and an editor and an admin of it in alpha alone."""
    load("todo_catalogue")
    give(org.viewer, "todo:editor", org.alpha)
    give(org.keeper, "todo:admin", org.root)
    EntityType.objects.filter(code="todo").update(
        attributes={"ownerID": "owner", "list": "place", "seen": "visibility"}
    )
    RulebookVersion.renew()
    return org


@pytest.mark.parametrize("trusts", [(), ("owner",), ("place",), ("owner", "place"), ("visibility",)])
def test_what_a_service_states_counts_as_far_as_it_is_trusted(
    records: SimpleNamespace, trusts: tuple[str, ...]
) -> None:
    asking = caller("todo", CLIENT, trusts=trusts)
    stated = {"ownerID": "viewer@example.com", "list": "alpha"}
    assert decided(asking, "viewer", "can_update_todo", "todo", "1", **stated) == (set(trusts) == {"owner", "place"})
    assert decided(asking, "viewer", "can_read_todos", "todo", "1", **stated) == ("place" in trusts)
    assert decided(asking, "keeper", "can_delete_todo", "todo", "1", **stated)


@pytest.mark.once
@pytest.mark.parametrize("value", [None, 1, [], {}, "nobody", "", "a\x00b", "project:nowhere"])
def test_a_stated_value_that_means_nothing_opens_nothing(records: SimpleNamespace, value: Any) -> None:
    asking = caller("todo", CLIENT, trusts=("owner", "place"))
    assert not decided(asking, "viewer", "can_update_todo", "todo", "1", list="alpha", ownerID=value)
    assert not decided(asking, "viewer", "can_update_todo", "todo", "1", list=value, ownerID="viewer")


def test_what_is_registered_is_stronger_than_what_is_stated(records: SimpleNamespace) -> None:
    asking = caller("todo", CLIENT, trusts=("owner", "place"))
    a_notebook(records.beta, "milk", owner=records.outsider, code="todo:todo", external_id="milk")
    stated = {"ownerID": "viewer", "list": "alpha"}
    assert decided(asking, "viewer", "can_update_todo", "todo", "eggs", **stated)
    assert not decided(asking, "viewer", "can_update_todo", "todo", "milk", **stated)


def test_types_that_declare_no_attributes_have_registered_things_alone(org: SimpleNamespace) -> None:
    asking = caller("gateway", CLIENT, trusts=("owner", "visibility", "place"))
    assert not decided(asking, "administrator", "read", "workspace", "unknown", owner="administrator", place="alpha")


# ---- Who is told what


def test_a_service_without_the_right_to_ask_gets_403(org: SimpleNamespace) -> None:
    for asking in (caller("nothing"), caller("registrar", "roster:resource_registrar")):
        for path in (EVALUATION, EVALUATIONS, *SEARCH.values()):
            assert asking.send(path, OK).status_code == 403
            assert asking.send(path, "nonsense").status_code == 403


@pytest.fixture
def local(org: SimpleNamespace) -> Caller:
    """A service that may ask in alpha alone."""
    return caller("local", CLIENT, scope=org.alpha)


def test_elsewhere_it_learns_what_it_would_learn_of_nothing(org: SimpleNamespace, local: Caller) -> None:
    hidden = a_notebook(org.beta, "hidden", code="runai:workspace", external_id="h-1")
    shown = a_notebook(org.alpha, "shown", code="runai:workspace", external_id="s-1")
    give(org.outsider, "runai:researcher", org.alpha)
    give(org.outsider, "runai:researcher", org.beta)
    assert decided(local, "outsider", "read", "workspace", shown.uid)
    for name in (hidden.uid, "h-1", "h-2", "project:beta"):
        for path in (EVALUATION, SEARCH["action"]):
            unknown = local.ask(path, question("outsider", "read", "workspace", "nothing"))
            assert local.ask(path, question("outsider", "read", "workspace", name)) == unknown
        body = {"subject": {"type": "user"}, "action": {"name": "read"}, "resource": {"type": "workspace", "id": name}}
        assert ids(local.ask(SEARCH["subject"], body)) == []
    body = {
        "subject": {"type": "user", "id": "outsider"},
        "action": {"name": "read"},
        "resource": {"type": "workspace"},
    }
    assert ids(local.ask(SEARCH["resource"], body)) == ["s-1"]


def test_what_lies_in_no_place_is_for_those_who_may_ask_everywhere(
    org: SimpleNamespace, local: Caller, asking: Caller
) -> None:
    for kind, name in (
        ("user", "viewer"),
        ("role", "roster:administrator"),
        ("catalogue", "roster"),
        ("service", "local"),
    ):
        said = question("administrator", "read", kind, name)
        assert asking.ask(EVALUATION, said) == {"decision": True}
        assert local.ask(EVALUATION, said) == {"decision": False}
        body = {**said, "resource": {"type": kind}}
        assert name in ids(asking.ask(SEARCH["resource"], body)) or kind == "role"
        assert ids(local.ask(SEARCH["resource"], body)) == []


def test_reasons_are_for_those_who_may_have_decisions_explained(org: SimpleNamespace, asking: Caller) -> None:
    explained = caller("explained", EXPLAINER)
    assert asking.ask(EVALUATION, OK) == {"decision": True}
    assert explained.ask(EVALUATION, OK) == {
        "decision": True,
        "context": {"reasons": ["Holds Project Administrator in Alpha, which allows it."]},
    }
    denied = explained.ask(EVALUATION, question("outsider", "read", "project", "alpha"))
    assert denied["decision"] is False
    assert denied["context"]["reasons"][0].startswith("Holds none of the roles that allow it: ")
    assert "context" in explained.ask(EVALUATION, question("nobody", "read", "project", "alpha"))
    answers = explained.ask(EVALUATIONS, {"evaluations": [OK, OK]})["evaluations"]
    assert all("context" in answer for answer in answers)


def test_reasons_name_no_place_where_the_service_may_not_look(org: SimpleNamespace) -> None:
    explained = caller("explained", EXPLAINER, scope=org.alpha)
    give(org.outsider, "roster:project_administrator", org.beta)
    here = explained.ask(EVALUATION, question("outsider", "read", "project", "alpha"))
    assert here["decision"] is False
    assert "Beta" not in json.dumps(here)
    assert explained.ask(EVALUATION, question("outsider", "read", "project", "beta")) == {"decision": False}
    assert explained.ask(EVALUATION, question("nobody", "read", "project", "alpha")) == {"decision": False}


def test_the_disabled_are_denied_and_found_by_no_search(org: SimpleNamespace, asking: Caller) -> None:
    disable_user(actor=COMMAND, user=org.keeper)
    assert not decided(asking, "keeper", "read", "project", "alpha")
    assert "keeper" not in ids(asking.ask(SEARCH["subject"], OK))
    assert ids(asking.ask(SEARCH["resource"], OK)) == ids(asking.ask(SEARCH["action"], OK)) == []


def test_decisions_stand_in_the_log_and_not_in_the_trail(asking: Caller, caplog: pytest.LogCaptureFixture) -> None:
    asking.ask(EVALUATION, OK)
    before = AuditEvent.objects.count()
    with caplog.at_level(logging.INFO, "console.decisions"):
        asking.ask(EVALUATIONS, {**OK, "evaluations": [{}, {"action": {"name": "x" * 5000}}]})
    assert AuditEvent.objects.count() == before
    lines = [vars(record) for record in caplog.records if record.name == "console.decisions"]
    assert [line["decision"] for line in lines] == [True, False]
    assert (lines[0]["subject"], lines[0]["action"], lines[0]["resource"]) == ("keeper", "read", "project:alpha")
    assert len(lines[1]["action"]) == 200


# ---- Agreement


def everybody(org: SimpleNamespace) -> Iterator[User]:
    yield from User.objects.order_by("pk")


def test_it_agrees_with_may_on_everything_of_the_organization(org: SimpleNamespace, asking: Caller) -> None:
    """Evaluations, both ways of searching, and actions: each user x each thing x each action of its type."""
    a_notebook(org.alpha, "a", owner=org.alpha_user)
    a_notebook(org.beta, "b", code="runai:workspace", owner=org.outsider)
    give(org.outsider, "runai:researcher", org.beta)
    things: list[tuple[str, str, Any]] = [
        *(("project", scope.slug, scope) for scope in (org.alpha, org.beta)),
        *((f"{t.entity_type.full_name}", t.uid, t) for t in Resource.objects.select_related("entity_type__catalogue", "scope")),
        *(("project_user", user.username, user) for user in User.objects.project_users().select_related("project")),
        ("user", "viewer", org.viewer),
    ]  # fmt: skip
    book = access.rulebook()
    for kind, name, thing in things:
        actions = book.entity_types[access.type_id(book, thing)].actions
        for action in actions:
            allowed = {user.username for user in everybody(org) if access.may(user, action, thing)}
            body = {"evaluations": [question(u.username, action, kind, name) for u in everybody(org)]}
            answers = asking.ask(EVALUATIONS, body)["evaluations"]
            assert {u.username for u, a in zip(everybody(org), answers, strict=True) if a["decision"]} == allowed
            body = {"subject": {"type": "user"}, "action": {"name": action}, "resource": {"type": kind, "id": name}}
            assert set(ids(asking.ask(SEARCH["subject"], body))) == allowed
        for user in everybody(org):
            found = ids(asking.ask(SEARCH["action"], question(user.username, "", kind, name)))
            assert found == [action for action in actions if action != "create" and access.may(user, action, thing)]
            for action in found:
                body = {**question(user.username, action, kind), "resource": {"type": kind}}
                assert name in ids(asking.ask(SEARCH["resource"], body))


def test_some_place_of_its_own_is_decided_like_a_page_there(org: SimpleNamespace, asking: Caller) -> None:
    for user in (org.administrator, org.keeper, org.viewer, org.outsider):
        for scope in (org.alpha, org.beta):
            expected = access.may(user, "read", At("event_history", scope))
            assert decided(asking, user.username, "read", "event_history", f"project:{scope.slug}") == expected


def test_what_exists_is_created_nowhere_and_what_may_be_is(org: SimpleNamespace, asking: Caller) -> None:
    a_notebook(org.alpha, "job", code="runai:job", external_id="j-1")
    give(org.outsider, "runai:researcher", org.alpha)
    for thing, expected in (
        ("j-1", ["read", "update", "delete"]),
        ("project:alpha", ["create", "read", "update", "delete"]),
    ):
        assert ids(asking.ask(SEARCH["action"], question("outsider", "", "runai:job", thing))) == expected
    assert decided(asking, "outsider", "create", "runai:job", "project:alpha")


def test_a_person_added_a_moment_ago_is_known(org: SimpleNamespace, asking: Caller) -> None:
    project = a_project("Brand new")
    a_person("newcomer", "roster:project_viewer", scope=project)
    assert decided(asking, "newcomer", "read", "project", "brand-new")
