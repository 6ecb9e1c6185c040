"""Services: registered, described, given tokens that are shown once, disabled, retired; by whom, and what the trail says."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import ServiceToken, User
from policies.actions.services import (
    LONGEST_LIFE,
    create_token,
    disable_service,
    register_service,
    retire_service,
    revoke_token,
    update_service,
)
from policies.actor import Actor
from policies.errors import AlreadyDone, Conflict, Denied
from policies.history import tell
from policies.models import AuditEvent
from tests.console.pages import Page
from tests.console.services import EVALUATION, Caller, a_service, a_token, question
from tests.factories import COMMAND, give, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(org: SimpleNamespace) -> Client:
    return signed_in(org.administrator)


@pytest.fixture
def service(org: SimpleNamespace) -> User:
    return a_service("gateway", "roster:decision_client", trusts=("owner",))


def url(name: str, service: User, *more: str) -> str:
    return reverse(name, args=[service.uid, *more])


def in_days(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


def make(client: Client, service: User, **data: str) -> HttpResponse:
    """Make a token in the browser."""
    page = client.get(url("service_token_create", service))
    nonce = page.context["nonce"]
    answer: Any = client.post(
        url("service_token_create", service), {"name": "production", "expires_at": in_days(30), "nonce": nonce, **data}
    )
    return answer  # type: ignore[no-any-return]


# ---- Actions


def test_nobody_but_who_may_registers_changes_or_retires_one(org: SimpleNamespace, service: User) -> None:
    for name in ("keeper", "viewer", "outsider"):
        actor = Actor(name, getattr(org, name))
        for attempt in (
            lambda actor=actor: register_service(actor=actor, username="x"),
            lambda actor=actor: update_service(actor=actor, service=service, description="x"),
            lambda actor=actor: disable_service(actor=actor, service=service),
            lambda actor=actor: retire_service(actor=actor, service=service),
            lambda actor=actor: create_token(actor=actor, service=service, name="x", expires_at=timezone.now()),
        ):
            with pytest.raises(Denied):
                attempt()
    assert AuditEvent.objects.filter(outcome="refused", object_type="service").count() == 15
    assert User.objects.services().get() == service


def test_a_service_may_not_make_itself_a_token(service: User) -> None:
    with pytest.raises(Denied):
        create_token(actor=Actor("gateway", service), service=service, name="x", expires_at=timezone.now())


@pytest.mark.parametrize("life", [timedelta(0), -timedelta(days=1), LONGEST_LIFE + timedelta(minutes=1)])
def test_a_token_has_to_expire_within_a_year(service: User, life: timedelta) -> None:
    with pytest.raises(ValidationError) as error:
        create_token(actor=COMMAND, service=service, name="x", expires_at=timezone.now() + life)
    assert "expires_at" in error.value.message_dict
    assert not ServiceToken.objects.exists()


def test_only_the_digest_of_a_token_is_kept(service: User) -> None:
    token, secret = create_token(
        actor=COMMAND, service=service, name="x", expires_at=timezone.now() + timedelta(days=1), nonce="n"
    )
    assert secret.startswith(f"roster_{token.uid[:8]}_")
    assert len(secret) > 50
    assert token.digest == ServiceToken.digest_of(secret)
    kept = [*ServiceToken.objects.values_list(), *AuditEvent.objects.values_list()]
    assert secret not in str(kept)
    assert secret[16:] not in str(kept)
    with pytest.raises(AlreadyDone):
        create_token(actor=COMMAND, service=service, name="x", expires_at=timezone.now() + timedelta(days=1), nonce="n")


def test_who_is_faster_wins_and_the_other_hears_it(service: User) -> None:
    seen = {"description": "", "trusted_attributes": ["owner"]}
    update_service(actor=COMMAND, service=service, seen=seen, description="Gateway")
    with pytest.raises(Conflict):
        update_service(actor=COMMAND, service=service, seen=seen, trusted_attributes=["owner", "place"])
    token = create_token(actor=COMMAND, service=service, name="x", expires_at=timezone.now() + timedelta(days=1))[0]
    revoke_token(actor=COMMAND, token=token)
    with pytest.raises(Conflict):
        revoke_token(actor=COMMAND, token=token)
    retire_service(actor=COMMAND, service=service)
    with pytest.raises(Conflict):
        retire_service(actor=COMMAND, service=service)


def test_only_known_attributes_can_be_trusted_and_nothing_else_changes(service: User) -> None:
    with pytest.raises(ValidationError, match="Expected owner, visibility, place, not admin"):
        register_service(actor=COMMAND, username="x", trusted_attributes=["admin"])
    with pytest.raises(ValidationError, match="This cannot be changed"):
        update_service(actor=COMMAND, service=service, username="root")


def test_the_trail_tells_it_in_words(service: User) -> None:
    update_service(actor=COMMAND, service=service, description="Gateway", trusted_attributes=[])
    token = create_token(actor=COMMAND, service=service, name="ci", expires_at=timezone.now() + timedelta(days=1))[0]
    revoke_token(actor=COMMAND, token=token)
    disable_service(actor=COMMAND, service=service)
    disable_service(actor=COMMAND, service=service)  # nothing to do, nothing to tell
    retire_service(actor=COMMAND, service=service)
    events = AuditEvent.objects.filter(object_uid=service.uid, object_type="service").order_by("sequence")
    assert [f"{told.what} {told.target}" for told in tell(events)] == [
        "registered the service gateway", "changed the service gateway", "made a token for gateway",
        "revoked a token of gateway", "disabled the service gateway", "retired the service gateway",
    ]  # fmt: skip


# ---- Pages


def test_from_registering_to_the_first_answer(org: SimpleNamespace, admin: Client) -> None:
    answer = admin.post(
        reverse("service_create"),
        {"description": "Training gateway", "username": "Train-Gate", "trusted_attributes": ["owner"]},
    )
    service = User.objects.services().get()
    assert answer["Location"] == url("service_detail", service)
    assert (service.username, service.service_profile.trusted_attributes) == ("train-gate", ["owner"])
    assert not service.has_usable_password()
    give(service, "roster:decision_client")
    page = make(admin, service)
    assert (page.status_code, page["Cache-Control"]) == (200, "no-store")
    asked = question("keeper", "read", "project", "alpha")
    assert Caller(page.context["secret"]).ask(EVALUATION, asked) == {"decision": True}
    shown = Page(admin.get(url("service_detail", service))).text
    assert "production" in shown
    assert page.context["secret"] not in shown


def test_the_same_form_sent_twice_makes_one_token(admin: Client, service: User) -> None:
    first = make(admin, service, nonce="a-nonce-of-this-form")
    again = make(admin, service, nonce="a-nonce-of-this-form")
    assert (first.status_code, again.status_code) == (200, 409)
    assert ServiceToken.objects.count() == 1
    assert first.context["secret"] not in again.content.decode()


def test_a_token_form_without_nonce_makes_none(admin: Client, service: User) -> None:
    assert make(admin, service, nonce="").status_code == 200
    assert not ServiceToken.objects.exists()


@pytest.mark.once
@pytest.mark.parametrize(
    ("data", "field"),
    [({"name": ""}, "name"), ({"expires_at": ""}, "expires_at"), ({"expires_at": "never"}, "expires_at"),
     ({"expires_at": "9999-12-31"}, "expires_at"), ({"name": "x" * 81}, "name"), ({"name": "a\x00b"}, "name")],
)  # fmt: skip
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(
    admin: Client, service: User, data: dict[str, str], field: str
) -> None:
    page = make(admin, service, **data)
    assert page.status_code == 422
    assert page.context["form"].errors.keys() == {field}
    assert not ServiceToken.objects.exists()


@pytest.mark.parametrize(("days", "status"), [(-1, 422), (0, 200), (365, 200), (366, 422)])
def test_a_token_ends_with_the_day_that_is_chosen(admin: Client, service: User, days: int, status: int) -> None:
    assert make(admin, service, expires_at=in_days(days)).status_code == status


def test_two_people_editing_never_overwrite_each_other(admin: Client, service: User) -> None:
    form = admin.get(url("service_update", service)).context["form"].initial
    update_service(actor=Actor("Jonas Weber"), service=service, trusted_attributes=["place"])
    mine = {"description": "Mine", "trusted_attributes": ["owner"], "seen": form["seen"]}
    page = admin.post(url("service_update", service), mine)
    assert page.status_code == 409
    text = Page(page).text
    assert "Jonas Weber changed this while you were editing." in text
    assert "place that a thing lies in" in text
    service.refresh_from_db()
    assert service.description == ""
    mine["seen"] = page.context["form"].data["seen"]
    assert admin.post(url("service_update", service), mine).status_code == 302
    service.refresh_from_db()
    assert (service.description, service.service_profile.trusted_attributes) == ("Mine", ["owner"])


@pytest.mark.once
@pytest.mark.parametrize("seen", ["", "null", "[]", "{", "{}", '{"description": "other"}'])
def test_a_form_that_does_not_say_what_it_was_shown_with_changes_nothing(
    admin: Client, service: User, seen: str
) -> None:
    assert admin.post(url("service_update", service), {"description": "x", "seen": seen}).status_code == 409


def test_disabling_and_enabling(admin: Client, service: User) -> None:
    token = a_token(service)
    asked = question("x", "read", "project", "x")
    for name, status in (("service_disable", 401), ("service_enable", 200)):
        assert admin.get(url(name, service)).status_code == 200
        assert admin.post(url(name, service)).status_code == 302
        assert Caller(token).send(EVALUATION, asked).status_code == status


def test_retiring_asks_for_its_name(admin: Client, service: User) -> None:
    assert admin.post(url("service_delete", service), {"confirm": "Gateway"}).status_code == 422
    assert admin.post(url("service_delete", service), {"confirm": "gateway"}).status_code == 302
    assert not User.objects.services().exists()
    assert admin.get(url("service_detail", service)).status_code == 404


def test_revoking_a_token(admin: Client, service: User) -> None:
    secret, other = a_token(service), a_service("other")
    token = service.service_tokens.get()
    assert admin.post(url("service_token_delete", other, token.uid)).status_code == 404
    assert admin.get(url("service_token_delete", service, token.uid)).status_code == 200
    assert Caller(secret).send(EVALUATION, question("x", "read", "project", "x")).status_code == 200
    assert admin.post(url("service_token_delete", service, token.uid)).status_code == 302
    assert Caller(secret).send(EVALUATION, question("x", "read", "project", "x")).status_code == 401
    assert admin.post(url("service_token_delete", service, token.uid)).status_code == 404


def test_the_list_searches_filters_and_says_what_each_has(admin: Client, service: User) -> None:
    disable_service(actor=COMMAND, service=register_service(actor=COMMAND, username="old", description="Old importer"))
    a_token(service, days=3)

    def rows(**query: str) -> list[tuple[str, str, int]]:
        found = admin.get(reverse("service_index"), query).context["rows"]
        return [(row["service"].username, row["status"], row["token_count"]) for row in found]

    assert rows() == [("gateway", "ok", 1), ("old", "disabled", 0)]
    assert rows(sort="-description") == [("old", "disabled", 0), ("gateway", "ok", 1)]
    assert rows(q="importer") == rows(status="disabled") == [("old", "disabled", 0)]
    assert rows(q="nothing") == []
    assert rows(status="ok") == [("gateway", "ok", 1)]


def test_the_menu_shows_them_to_those_who_may_open_them(org: SimpleNamespace) -> None:
    for name, shown in (("administrator", True), ("keeper", False), ("viewer", False), ("outsider", False)):
        page = signed_in(getattr(org, name)).get(reverse("project_index"))
        assert (reverse("service_index") in page.content.decode()) == shown


def test_the_first_service_is_offered(admin: Client) -> None:
    page = admin.get(reverse("service_index"))
    assert "No program asks yet" in Page(page).text


def test_the_form_shown_for_editing_holds_what_is_there(admin: Client, service: User) -> None:
    form = admin.get(url("service_update", service)).context["form"]
    assert json.loads(form.initial["seen"]) == {
        "description": "", "service_type": "", "trusted_attributes": ["owner"],
    }  # fmt: skip
    assert "username" not in form.fields
