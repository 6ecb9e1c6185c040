"""The scenarios of the OpenID AuthZEN interop events, asked over HTTP; their rules are files that a user brings."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import User
from policies.actions.resources import register_resource
from policies.actions.users import add_person
from policies.models import EntityType
from tests.console.services import EVALUATION, EVALUATIONS, SEARCH, Caller, caller, load, question
from tests.factories import COMMAND, a_project, give

PEOPLE = {
    "rick@the-citadel.com": ("CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs", ("admin", "evil_genius")),
    "morty@the-citadel.com": ("CiRmZDE2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs", ("editor",)),
    "summer@the-smiths.com": ("CiRmZDI2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs", ("editor",)),
    "beth@the-smiths.com": ("CiRmZDM2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs", ("viewer",)),
    "jerry@the-smiths.com": ("CiRmZDQ2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs", ("viewer",)),
}
EDITORS = {"rick@the-citadel.com", "morty@the-citadel.com", "summer@the-smiths.com"}
TODO = "7240d0db-8ff0-41ec-98b2-34a096273b9f"


def person(username: str, email: str = "") -> User:
    return add_person(actor=COMMAND, username=username, email=email, password="")[0]


@pytest.fixture(scope="module")
def todo(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Caller]:
    """The to-do service, with its catalogue and its five users."""
    with django_db_blocker.unblock(), transaction.atomic():
        load("todo_catalogue")
        for email, (identity, roles) in PEOPLE.items():
            user = person(identity.lower(), email)
            for name in roles:
                give(user, f"todo:{name}")
        yield caller("todo-backend", "roster:decision_client", trusts=("owner",))
        transaction.set_rollback(True)


def decisions() -> Iterator[tuple[str, str, str, str, bool]]:
    """(who, action, type, owner, decision): the table of the scenario."""
    for who, (_, roles) in PEOPLE.items():
        for other in PEOPLE:
            yield who, "can_read_user", "user", other, True
        yield who, "can_read_todos", "todo", "", True
        yield who, "can_create_todo", "todo", "", who in EDITORS
        for owner in PEOPLE:
            own = who in EDITORS and who == owner
            yield who, "can_update_todo", "todo", owner, own or "evil_genius" in roles
            yield who, "can_delete_todo", "todo", owner, own or "admin" in roles


def asked(who: str, action: str, kind: str, owner: str) -> dict[str, Any]:
    if kind == "user":
        return question(who, action, "user", owner, userID=owner)
    return question(who, action, "todo", TODO if owner else "todo-1", **({"ownerID": owner} if owner else {}))


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["email", "identity"])
def test_the_to_do_scenario(todo: Caller, name: str) -> None:
    """Viewer reads; editor creates, and changes and deletes their own; admin deletes any; evil_genius changes any."""
    for who, action, kind, owner, decision in decisions():
        said = asked(who if name == "email" else PEOPLE[who][0], action, kind, owner)
        assert todo.ask(EVALUATION, said) == {"decision": decision}, (who, action, owner)


@pytest.mark.django_db
def test_the_to_do_scenario_in_one_request(todo: Caller) -> None:
    table = list(decisions())
    body = {"evaluations": [asked(*row[:4]) for row in table]}
    assert todo.ask(EVALUATIONS, body) == {"evaluations": [{"decision": row[4]} for row in table]}


@pytest.mark.django_db
def test_who_owns_a_to_do_counts_from_a_trusted_service_alone(todo: Caller) -> None:
    said = asked("morty@the-citadel.com", "can_update_todo", "todo", "morty@the-citadel.com")
    assert todo.ask(EVALUATION, said) == {"decision": True}
    stranger = caller("stranger", "roster:decision_client", trusts=("visibility", "place"))
    assert stranger.ask(EVALUATION, said) == {"decision": False}
    evil = asked("rick@the-citadel.com", "can_update_todo", "todo", "morty@the-citadel.com")
    assert stranger.ask(EVALUATION, evil) == {"decision": True}, "whoever owns it"


@pytest.mark.django_db
def test_the_to_do_scenario_searched(todo: Caller) -> None:
    """Who may, and what may be done: of a to-do that only the service knows."""
    resource = {"type": "todo", "id": TODO, "properties": {"ownerID": "morty@the-citadel.com"}}
    body = {"subject": {"type": "user"}, "action": {"name": "can_delete_todo"}, "resource": resource}
    found = {row["id"] for row in todo.ask(SEARCH["subject"], body)["results"]}
    assert found == {PEOPLE[who][0].lower() for who in ("rick@the-citadel.com", "morty@the-citadel.com")}
    body = {"subject": {"type": "user", "id": "summer@the-smiths.com"}, "resource": resource}
    assert todo.ask(SEARCH["action"], body)["results"] == [{"name": "can_read_todos"}, {"name": "can_create_todo"}]


# ---- The search scenario: (role, department) of users, (department, owner) of records

USERS = {
    "alice": ("manager", "sales"),
    "bob": ("employee", "legal"),
    "carol": ("contractor", "legal"),
    "dan": ("manager", "finance"),
    "erin": ("employee", "finance"),
    "felix": ("contractor", "accounting"),
}
LETTERS = {"l": "legal", "a": "accounting", "s": "sales", "f": "finance"}
DEPARTMENTS = [LETTERS[letter] for letter in "lllalaslasalsafllala"]
RECORDS = {str(101 + number): (department, list(USERS)[number % 6]) for number, department in enumerate(DEPARTMENTS)}
ROWS = {  # some rows of the published table, as it stands there
    ("alice", "edit"): {"101", "107", "110", "113", "119"},
    ("bob", "view"): {"101", "102", "103", "105", "108", "112", "114", "116", "117", "119", "120"},
    ("dan", "edit"): {"104", "110", "115", "116"},
    ("erin", "view"): {"105", "111", "115", "117"},
    ("felix", "delete"): {"106", "112", "118"},
}


def allowed(user: str, action: str, record: str) -> bool:
    """The scenario's six sentences."""
    role, department = USERS[user]
    where, owner = RECORDS[record]
    if owner == user:
        return True
    if action == "view":
        return role == "manager" or department == where
    return action == "edit" and role == "manager" and department == where


@pytest.fixture(scope="module")
def records(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Caller]:
    with django_db_blocker.unblock(), transaction.atomic():
        load("records_catalogue")
        places = {name: a_project(name) for name in {*DEPARTMENTS}}
        people = {name: person(name) for name in USERS}
        for name, (role, department) in USERS.items():
            give(people[name], "records:owner")
            give(people[name], "records:colleague", places[department])
            if role == "manager":
                give(people[name], "records:manager")
                give(people[name], "records:editor", places[department])
        kind = EntityType.objects.get(code="record")
        for number, (department, owner) in RECORDS.items():
            record = register_resource(
                actor=COMMAND, entity_type=kind, scope=places[department], name=f"Record {number}", owner=people[owner]
            )
            record.external_id = number
            record.save()
        yield caller("records", "roster:decision_client")
        transaction.set_rollback(True)


def results(answer: dict[str, Any]) -> list[str]:
    return [row.get("id") or row["name"] for row in answer["results"]]


@pytest.mark.django_db
@pytest.mark.parametrize("action", ["view", "edit", "delete"])
def test_the_search_scenario(records: Caller, action: str) -> None:
    """Subjects and resources: each answer is what the sentences say, and evaluates to true."""
    for user in USERS:
        body = {"subject": {"type": "user", "id": user}, "action": {"name": action}, "resource": {"type": "record"}}
        found = set(results(records.ask(SEARCH["resource"], body)))
        assert found == {record for record in RECORDS if allowed(user, action, record)}
        assert found == ROWS.get((user, action), found)
        body = {"evaluations": [question(user, action, "record", record) for record in RECORDS]}
        answers = records.ask(EVALUATIONS, body)["evaluations"]
        assert [answer["decision"] for answer in answers] == [record in found for record in RECORDS]
    for record in RECORDS:
        body = {
            "subject": {"type": "user"}, "action": {"name": action}, "resource": {"type": "record", "id": record},
        }  # fmt: skip
        assert results(records.ask(SEARCH["subject"], body)) == [u for u in USERS if allowed(u, action, record)]


@pytest.mark.django_db
def test_the_search_scenario_for_actions(records: Caller) -> None:
    for user in USERS:
        for record in RECORDS:
            body = {"subject": {"type": "user", "id": user}, "resource": {"type": "record", "id": record}}
            expected = [action for action in ("view", "edit", "delete") if allowed(user, action, record)]
            assert results(records.ask(SEARCH["action"], body)) == expected


@pytest.mark.django_db
def test_what_the_search_scenario_does_not_know_is_an_empty_answer(records: Caller) -> None:
    for user, action, record in (("mallory", "view", "101"), ("alice", "print", "101"), ("alice", "view", "999")):
        subject, resource = {"type": "user", "id": user}, {"type": "record", "id": record}
        if record == "999":
            body: dict[str, Any] = {"subject": {"type": "user"}, "action": {"name": action}, "resource": resource}
            assert results(records.ask(SEARCH["subject"], body)) == []
        else:
            body = {"subject": subject, "action": {"name": action}, "resource": {"type": "record"}}
            assert results(records.ask(SEARCH["resource"], body)) == []
