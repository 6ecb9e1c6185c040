"""The App tokens page: list, make, count, renew, revoke; who sees what of it, and that a secret is shown once (OVH-17)."""

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from policies.actions.resources import register_resource
from policies.app_tokens import find
from policies.models import AppToken, AuditEvent, EntityType
from tests.console.conftest import COMMAND, an_app_token, role
from tests.console.pages import Page
from tests.console.services import EVALUATION, SEARCH, caller
from tests.factories import give, signed_in

pytestmark = pytest.mark.django_db
OPERATOR, READER = "ovhcloud:ai_training_operator", "ovhcloud:ai_training_read"


@pytest.fixture
def keeper(org: SimpleNamespace) -> Client:
    """Who administers alpha and runs AI there, with three notebooks; two carry the label team=red."""
    give(org.keeper, OPERATOR, org.alpha)
    kind = EntityType.objects.get(catalogue__code="ovhcloud", code="notebook")
    for name, tags in (("first", ["team=red"]), ("second", ["team=red", "night"]), ("third", [])):
        register_resource(actor=COMMAND, entity_type=kind, scope=org.alpha, name=name, tags=tags)
    return signed_in(org.keeper)


def url(name: str, org: SimpleNamespace, *more: str) -> str:
    return reverse(f"app_token_{name}", args=[org.alpha.uid, *more])


def in_days(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


def make(client: Client, org: SimpleNamespace, **data: str) -> HttpResponse:
    """Make a token in the browser."""
    path = url("create", org)
    form = Page(client.get(path)).form("nonce", "selector")
    given = {"name": "nightly", "role": role(READER).uid, "expires_at": in_days(30), **data}
    return form.submit(client, path, **given)


def secret_of(answer: HttpResponse) -> str:
    [secret] = set(re.findall(r"roster_app_[\w-]{40,}", answer.content.decode()))
    return secret


def test_the_secret_is_shown_once_and_works(org: SimpleNamespace, keeper: Client) -> None:
    """OVH-17: value shown once. Security 27."""
    answer = make(keeper, org, selector="team=red")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    secret, token = secret_of(answer), AppToken.objects.get()
    assert find(secret) == token
    assert (token.selector, token.role, token.made_by, token.project_id) == (
        "team=red", role(READER), org.keeper, org.alpha.pk,
    )  # fmt: skip
    assert token.expires_at.date().isoformat() == in_days(30)
    shown = keeper.get(url("index", org)).content.decode()
    assert secret not in shown
    assert secret[:20] in shown
    assert secret[20:] not in str([*AuditEvent.objects.values_list()])


def test_sent_twice_it_makes_one(org: SimpleNamespace, keeper: Client) -> None:
    """Security 29."""
    path = url("create", org)
    form = Page(keeper.get(path)).form("nonce", "selector")
    given = {"name": "nightly", "role": role(READER).uid, "expires_at": in_days(30)}
    assert form.submit(keeper, path, **given).status_code == 200
    again = form.submit(keeper, path, **{**given, "name": "another"})
    assert again.status_code == 409
    assert "sent already" in again.content.decode()
    assert AppToken.objects.count() == 1


def test_the_form_says_what_is_wrong_and_keeps_what_was_typed(org: SimpleNamespace, keeper: Client) -> None:
    answer = make(keeper, org, name="", role="", selector="red", expires_at=in_days(400))
    assert answer.status_code == 422
    page = Page(answer)
    assert page.form("nonce", "selector").fields["selector"] == ["red"]
    assert AppToken.objects.count() == 0
    for wrong, said in (
        ({"selector": "red"}, "name=value"),
        ({"expires_at": in_days(400)}, "next 366 days"),
        ({"expires_at": in_days(-1)}, "next 366 days"),
        ({"role": role("roster:administrator").uid}, "Select a valid choice"),
    ):
        answer = make(keeper, org, **wrong)
        assert answer.status_code == 422
        assert said in Page(answer).text, wrong


def test_it_offers_the_roles_for_app_tokens_and_labels_that_are_there(org: SimpleNamespace, keeper: Client) -> None:
    """OVH-17: read or operator."""
    page = Page(keeper.get(url("create", org)))
    form = page.form("nonce", "selector")
    assert set(form.unticked["role"]) == {role(OPERATOR).uid, role(READER).uid}
    assert ("option", "value", "team=red") in page.attributes
    assert ("option", "value", "night") not in page.attributes


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("", "It matches everything: 3 things"),
        ("team=red", "Opens 2 of 3 things"),
        ("team=blue", "Nothing carries this label yet"),
        ("%", "Nothing carries this label yet"),
    ],
)
def test_what_it_would_open_is_counted_while_one_types(
    org: SimpleNamespace, keeper: Client, label: str, said: str
) -> None:
    """OVH-17: a live count, and a warning when it matches everything; with script and without."""
    given = {"role": role(OPERATOR).uid, "selector": label}
    preview: Any = keeper.post(url("preview", org), given)
    assert said in Page(preview).text
    assert "Launch, open, stop, delete" in Page(preview).text
    path = url("create", org)
    form = Page(keeper.get(path)).form("nonce", "selector", "count")
    counted = form.submit(keeper, path, **given, count="1")
    assert counted.status_code == 200
    assert said in Page(counted).text
    assert not AppToken.objects.exists()


def test_what_one_does_not_see_is_not_counted(org: SimpleNamespace, keeper: Client) -> None:
    """Security 19 and 17: whoever holds no role for the things learns nothing of their number, and is warned."""
    org.keeper.role_assignments.filter(role=role(OPERATOR)).delete()
    preview: Any = keeper.post(url("preview", org), {"role": role(READER).uid})
    assert "It would open nothing that you see" in Page(preview).text
    assert not [name for name in ("first", "second", "third") if name in Page(preview).text]
    assert "It opens nothing yet" in Page(make(keeper, org)).text


@pytest.mark.parametrize(("hours", "said"), [("0", "has stopped working"), ("24", "stops")])
def test_renewing_shows_a_new_secret(org: SimpleNamespace, keeper: Client, hours: str, said: str) -> None:
    first = secret_of(make(keeper, org))
    path = url("renew", org, AppToken.objects.get().uid)
    form = Page(keeper.get(path)).form("nonce", "overlap")
    answer = form.submit(keeper, path, overlap=hours, expires_at=in_days(60))
    second = secret_of(answer)
    assert answer["Cache-Control"] == "no-store"
    assert said in Page(answer).text
    assert find(second)
    assert bool(find(first)) is (hours == "24")
    assert ("Old secret" in Page(keeper.get(url("index", org))).text) is (hours == "24")
    assert ("The secret before the last renewal" in Page(keeper.get(path)).text) is (hours == "24")
    assert form.submit(keeper, path, overlap=hours, expires_at=in_days(60)).status_code == 409
    assert find(second)


@pytest.mark.parametrize("wrong", [{"overlap": "1000"}, {"overlap": ""}, {"expires_at": in_days(400)}])
def test_renewing_asks_for_what_it_offers(org: SimpleNamespace, keeper: Client, wrong: dict[str, str]) -> None:
    secret = secret_of(make(keeper, org))
    path = url("renew", org, AppToken.objects.get().uid)
    form = Page(keeper.get(path)).form("nonce", "overlap")
    assert form.submit(keeper, path, **{"overlap": "0", "expires_at": in_days(60), **wrong}).status_code == 422
    assert find(secret)


def test_revoking_is_asked_first_and_stops_it(org: SimpleNamespace, keeper: Client) -> None:
    secret, path = secret_of(make(keeper, org)), url("delete", org, AppToken.objects.get().uid)
    assert "It stops working at once" in Page(keeper.get(path)).text
    assert find(secret)
    assert keeper.post(path)["Location"] == url("index", org)
    assert find(secret) is None
    assert keeper.get(path).status_code == 404
    activity = Page(keeper.get(reverse("project_activity", args=[org.alpha.uid]))).text
    assert "made the app token" in activity
    assert "revoked the app token" in activity


def test_everybody_sees_what_they_may_do(org: SimpleNamespace) -> None:
    """Only its maker renews a token; who administers the project revokes it; who looks at the project looks."""
    mine, other = an_app_token(org.alpha, org.keeper), an_app_token(org.alpha, org.administrator)
    links = {who: Page(signed_in(getattr(org, who)).get(url("index", org))).links for who in ("keeper", "viewer")}
    renew = [url("renew", org, token.uid) for token in (mine, other)]
    delete = [url("delete", org, token.uid) for token in (mine, other)]
    assert [path in links["keeper"] for path in (*renew, *delete)] == [True, False, True, True]
    assert not {*renew, *delete, url("create", org)} & {*links["viewer"]}
    assert url("index", org) in Page(signed_in(org.viewer).get(reverse("project_detail", args=[org.alpha.uid]))).links
    elsewhere = reverse("app_token_renew", args=[org.beta.uid, mine.uid])
    assert signed_in(org.administrator).get(elsewhere).status_code == 404


def test_the_list_tells_what_no_longer_works(org: SimpleNamespace) -> None:
    expired, orphaned = an_app_token(org.alpha, org.keeper), an_app_token(org.alpha, org.outsider, "team=red")
    AppToken.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    org.outsider.is_active = False
    org.outsider.save()
    said = Page(signed_in(org.keeper).get(url("index", org))).text
    assert "Expired" in said
    assert "Disabled with Outsider Person" in said
    assert "team=red" in said
    assert orphaned.name in said


def test_without_tokens_the_page_says_what_they_are_for(org: SimpleNamespace) -> None:
    for who, may in (("keeper", True), ("viewer", False)):
        page = Page(signed_in(getattr(org, who)).get(url("index", org)))
        assert "No app tokens yet" in page.text
        assert (url("create", org) in page.links) is may


def test_the_decision_api_agrees_with_the_page(org: SimpleNamespace) -> None:
    """Security 26: a service that asks hears what the list shows."""
    mine, other = an_app_token(org.alpha, org.keeper), an_app_token(org.alpha, org.administrator)
    hidden = an_app_token(org.beta, org.keeper)
    service = caller("gateway", "roster:decision_client")
    subject = {"type": "user", "id": "keeper"}

    def may(action: str, token: AppToken) -> bool:
        thing = {"type": "app_token", "id": token.uid}
        asked = {"subject": subject, "action": {"name": action}, "resource": thing}
        return bool(service.ask(EVALUATION, asked)["decision"])

    for action, expected in (("read", {mine, other}), ("update", {mine}), ("delete", {mine, other})):
        asked = {"subject": subject, "action": {"name": action}, "resource": {"type": "app_token"}}
        found = {each["id"] for each in service.ask(SEARCH["resource"], asked)["results"]}
        assert found == {token.uid for token in expected}
        assert {token for token in (mine, other, hidden) if may(action, token)} == expected
