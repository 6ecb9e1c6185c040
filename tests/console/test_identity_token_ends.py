"""What ends an identity token: each thing on the very next validation, with nothing told to any worker (8.3.2)."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Project, ServiceToken
from policies import tokens
from policies.actions.assignments import change_roles
from policies.actions.credentials import delete_application_credential
from policies.actions.services import disable_service, retire_service, revoke_token
from policies.actions.switches import switch_catalogue
from policies.actions.users import delete_user, disable_user, enable_user, generate_password, update_user
from policies.models import AuditEvent, Catalogue, RevokedToken, RoleAssignment
from policies.rulebook import asked_once
from tests.console.services import a_service, a_token
from tests.console.test_identity_tokens import TOKENS, a_credential, about, by_credential, shown
from tests.factories import COMMAND, give, role

pytestmark = pytest.mark.django_db


@pytest.fixture
def validator(org: SimpleNamespace) -> str:
    return tokens.issue(a_service("swift", "roster:token_validator"), None, ["password"])


def take_away(org: SimpleNamespace) -> None:
    change_roles(actor=COMMAND, user=org.alpha_user, scope=org.alpha, wanted=[])


def let_expire(org: SimpleNamespace) -> None:
    RoleAssignment.objects.filter(user=org.alpha_user).update(expires_at=timezone.now() - timedelta(seconds=1))


def new_password(org: SimpleNamespace) -> None:
    generate_password(actor=COMMAND, user=org.alpha_user)


def disable(org: SimpleNamespace) -> None:
    disable_user(actor=COMMAND, user=org.alpha_user)


def disable_and_enable(org: SimpleNamespace) -> None:
    disable_user(actor=COMMAND, user=org.alpha_user)
    enable_user(actor=COMMAND, user=org.alpha_user)


def delete(org: SimpleNamespace) -> None:
    delete_user(actor=COMMAND, user=org.alpha_user)


def switch_off(org: SimpleNamespace) -> None:
    switch_catalogue(actor=COMMAND, catalogue=Catalogue.objects.get(code="ovhcloud"), enabled=False)


def bind_to_another_cluster(org: SimpleNamespace) -> None:
    update_user(actor=COMMAND, user=org.alpha_user, all_clusters=False)


ENDS = (take_away, let_expire, new_password, disable, disable_and_enable, delete, switch_off, bind_to_another_cluster)


@pytest.mark.parametrize("end", ENDS, ids=[end.__name__ for end in ENDS])
def test_the_next_validation_refuses(
    org: SimpleNamespace, validator: str, end: Callable[[SimpleNamespace], None]
) -> None:
    """13, 22: and what the token's owner does with it is refused (401). A revoked grant that goes on in a token: Zitadel
    CVE-2024-46999."""
    asked = tokens.issue(org.alpha_user, org.alpha, ["password"])
    assert about(validator, asked).status_code == 200
    end(org)
    assert about(validator, asked).status_code == 404
    assert about(asked).status_code == 401
    assert Client().get("/identity/v3/auth/projects", headers={"X-Auth-Token": asked}).status_code == 401


def test_a_new_token_after_that_is_good(org: SimpleNamespace, validator: str) -> None:
    disable_and_enable(org)
    org.alpha_user.refresh_from_db()
    assert about(validator, tokens.issue(org.alpha_user, org.alpha, ["password"])).status_code == 200


def test_a_role_that_is_left_keeps_it(org: SimpleNamespace, validator: str) -> None:
    """Roles are those of now, not those of when it was made."""
    asked = tokens.issue(org.alpha_user, org.alpha, ["password"])
    other = role("ovhcloud:objectstore_operator")
    change_roles(actor=COMMAND, user=org.alpha_user, scope=org.alpha, wanted=[other])
    answer: Any = about(validator, asked)
    assert answer.json()["token"]["roles"] == [{"id": other.uid, "name": "objectstore_operator"}]


def test_a_deleted_project_ends_its_tokens(org: SimpleNamespace, validator: str) -> None:
    give(org.keeper, "roster:project_viewer", org.beta)
    asked = tokens.issue(org.keeper, org.beta, ["password"])
    unscoped = tokens.issue(org.keeper, None, ["password"])
    assert about(validator, asked).status_code == 200
    Project.objects.filter(pk=org.beta.pk).update(kind="department")  # what stays is no project
    assert about(validator, asked).status_code == 404
    assert about(validator, unscoped).status_code == 200


def test_it_expires(org: SimpleNamespace, validator: str, settings: Any) -> None:
    settings.ROSTER_TOKEN_SECONDS = -1
    assert about(validator, tokens.issue(org.alpha_user, org.alpha, ["password"])).status_code == 404


# Taken back


def test_a_user_takes_a_token_back(org: SimpleNamespace, validator: str) -> None:
    """With those that were made from it; others of the same user stay. Audited, without the token."""
    asked, other = (tokens.issue(org.alpha_user, org.alpha, ["password"]) for _ in range(2))
    derived = tokens.issue(org.alpha_user, org.alpha, ["token"], parent=tokens.read(asked))
    answer = about(asked, asked, "delete")
    assert (answer.status_code, answer.content) == (204, b"")
    assert [about(validator, one).status_code for one in (asked, derived, other)] == [404, 404, 200]
    assert about(other, asked, "delete").status_code == 404
    said: Any = shown({"methods": ["token"], "token": {"id": asked}})
    assert said.status_code == 404
    event = AuditEvent.objects.get(action="user.revoke_token")
    assert (event.object_uid, event.actor_uid) == (org.alpha_user.uid, org.alpha_user.uid)
    assert asked not in json.dumps([event.before, event.after])


def test_of_others_by_those_who_may(org: SimpleNamespace, validator: str) -> None:
    """Who may validate may not take back: a service is shown everybody's tokens."""
    asked = tokens.issue(org.alpha_user, org.alpha, ["password"])
    assert about(validator, asked, "delete").status_code == 403
    assert AuditEvent.objects.filter(action="identity_token.revoke", outcome="refused").count() == 1
    assert about(tokens.issue(org.keeper, org.alpha, ["password"]), asked, "delete").status_code == 403
    assert about(validator, asked).status_code == 200
    assert about(tokens.issue(org.administrator, None, ["password"]), asked, "delete").status_code == 204
    assert about(validator, asked).status_code == 404


def test_rows_of_tokens_that_have_expired_go(org: SimpleNamespace) -> None:
    RevokedToken.objects.create(audit_id="f" * 32, expires_at=timezone.now() - timedelta(seconds=1))
    asked = tokens.issue(org.alpha_user, org.alpha, ["password"])
    about(asked, asked, "delete")
    [row] = RevokedToken.objects.all()
    assert row.expires_at > timezone.now() + timedelta(hours=48)  # as long as a service may ask about an expired one


def test_a_hundred_thousand_tokens_taken_back_make_validation_no_slower(
    org: SimpleNamespace, validator: str, django_assert_num_queries: Callable[[int], Any]
) -> None:
    """As many questions as without any, and each token is looked up by its key. `make bench-identity` tells the time."""
    asked = tokens.issue(org.alpha_user, org.alpha, ["password"])
    about(validator, asked)
    ends = timezone.now() + timedelta(hours=1)
    rows = (RevokedToken(audit_id=f"{number:032x}", expires_at=ends) for number in range(1, 100_001))
    RevokedToken.objects.bulk_create(rows, batch_size=10_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with asked_once(), CaptureQueriesContext(connection) as queries, django_assert_num_queries(2):
        assert about(validator, asked).status_code == 200
    [statement] = [query["sql"] for query in queries if "revokedtoken" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"{'EXPLAIN' if connection.vendor == 'postgresql' else 'EXPLAIN QUERY PLAN'} {statement}")
        plan = "\n".join(str(row) for row in cursor.fetchall())
    assert re.search(r"SEARCH r USING .*INDEX|Index (Only )?Scan using policies_revokedtoken_pkey", plan), plan
    assert not re.search(r"SCAN r\b|Seq Scan on policies_revokedtoken", plan), plan


# With what was shown to get it


def test_it_ends_with_the_application_credential(org: SimpleNamespace, validator: str) -> None:
    credential = a_credential(org.alpha_user, org.alpha, "ovhcloud:ai_training_read")
    texts = [shown(by_credential(id=credential.uid))["X-Subject-Token"] for _ in range(2)]
    texts[1] = shown({"methods": ["token"], "token": {"id": texts[1]}})["X-Subject-Token"]
    assert [about(validator, text).status_code for text in texts] == [200, 200]
    delete_application_credential(actor=COMMAND, credential=credential)
    assert [about(validator, text).status_code for text in texts] == [404, 404]


def test_it_ends_where_the_user_has_none_of_the_credential_s_roles(org: SimpleNamespace, validator: str) -> None:
    """17: what is left is the part that both have."""
    credential = a_credential(org.alpha_user, org.alpha, "ovhcloud:ai_training_read")
    text = tokens.issue(org.alpha_user, org.alpha, ["application_credential"], credential=credential)
    change_roles(actor=COMMAND, user=org.alpha_user, scope=org.alpha, wanted=[role("ovhcloud:objectstore_operator")])
    assert about(validator, text).status_code == 404


def test_that_of_a_service_ends_with_the_token_that_it_showed() -> None:
    service = a_service("swift", "roster:token_validator")
    secrets = [a_token(service) for _ in range(2)]
    texts = [shown(by_credential(id="swift", secret=secret))["X-Subject-Token"] for secret in secrets]
    assert [about(text).status_code for text in texts] == [200, 200]
    first = ServiceToken.objects.get(digest=ServiceToken.digest_of(secrets[0]))
    revoke_token(actor=COMMAND, token=first)
    assert [about(text).status_code for text in texts] == [401, 200]
    disable_service(actor=COMMAND, service=service)
    assert [about(text).status_code for text in texts] == [401, 401]
    retire_service(actor=COMMAND, service=service)
    assert [about(text).status_code for text in texts] == [401, 401]


# Forged


@pytest.mark.parametrize("place", [0, 9, 30, 100, 170, 196])
def test_a_changed_character_is_noticed(org: SimpleNamespace, place: int) -> None:
    text = tokens.issue(org.alpha_user, org.alpha, ["password"])
    changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
    with pytest.raises(tokens.InvalidToken):
        tokens.read(changed)


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: t[:-4], lambda t: t + "A", lambda t: f"{t} ", str.upper]
)
def test_a_truncated_one_is_refused(org: SimpleNamespace, change: Callable[[str], str]) -> None:
    """16: CVE-2026-27840 of Zitadel."""
    with pytest.raises(tokens.InvalidToken):
        tokens.read(change(tokens.issue(org.alpha_user, org.alpha, ["password"])))


@pytest.mark.parametrize(
    "text", ["", "roster_t_", "roster_t_" + "é" * 188, "roster_t_" + "A" * 188, "\x00" * 197, "x" * 9000]
)
def test_what_is_no_token_asks_the_database_nothing(text: str, django_assert_num_queries: Callable[[int], Any]) -> None:
    with django_assert_num_queries(0), pytest.raises(tokens.InvalidToken):
        tokens.read(text)


def test_another_key_signs_nothing_here_and_an_old_one_goes_on(org: SimpleNamespace, settings: Any) -> None:
    """43: rotation of the installation's key."""
    text = tokens.issue(org.alpha_user, org.alpha, ["password"])
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another key for tests only, that signs nothing either"
    with pytest.raises(tokens.InvalidToken):
        tokens.read(text)
    settings.SECRET_KEY_FALLBACKS = [old]
    assert tokens.read(text).user == org.alpha_user
    assert tokens.read(tokens.issue(org.alpha_user, None, ["password"]))


def test_a_token_tells_nothing_of_the_password(org: SimpleNamespace) -> None:
    """The fingerprint is keyed: equal passwords of two installations do not show."""
    text = tokens.issue(org.alpha_user, org.alpha, ["password"])
    assert TOKENS not in text
    assert org.alpha_user.password not in text
