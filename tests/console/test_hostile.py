"""Hostile input in every field and every query parameter of every page: refused or shown as what it is, never run, never a 500.

The fields are read from the pages themselves, so a new one is tried as well.
"""

import csv
import html
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import Project, User
from console.csv import FORMULA
from policies.actions.bulk import digest_of, start_bulk
from policies.actions.roles import RoleDraft, create_role
from policies.actions.users import add_project_user, update_user
from policies.models import AuditEvent, Catalogue, EntityType, Role, RulebookVersion
from tests.console.conftest import COMMAND, a_credential, a_notebook, an_app_token, role
from tests.console.pages import Page, PageForm
from tests.console.services import a_service, an_endpoint
from tests.console.test_project_users import READER
from tests.factories import signed_in

MARK = "h0stile"  # stands in what would run, so that it is found again
PAYLOADS = {
    "nul": f"a\x00b{MARK}",
    "megabyte": "x" * 1_000_000,
    "right to left": f"\u202e{MARK}\u2066gnp.exe",
    "look-alike": "аdmin-кееper",  # Cyrillic
    "composed": unicodedata.normalize("NFC", f"Café{MARK}"),
    "decomposed": unicodedata.normalize("NFD", f"Café{MARK}"),
    "case": "ALPHA-USER İıẞ",
    "percent": f"%{MARK}%",
    "underscore": "_" * 12,
    "sql": f"'; DROP TABLE accounts_user; -- {MARK}",
    "sql or": "' OR '1'='1",
    "script": f"<script>alert('{MARK}')</script>",
    "attribute": f"\"><img src=x onerror=alert('{MARK}')>",
    "attribute 2": f"' autofocus onfocus='{MARK}",
    "javascript": f"javascript:alert('{MARK}')",
    "end of title": f"</title></textarea></select><svg/onload={MARK}>",
    "template": f"{{{{ 7|add:7 }}}}{MARK}{{% debug %}}${{7*7}}",
    "formula": f"=cmd|' /C calc'!{MARK}",
    "formula 2": f"@SUM(1){MARK}",
    "ansi": f"\x1b[2J\x1b]0;{MARK}\x07",
    "line": f"a\r\nSet-Cookie: {MARK}=1\r\n\r\n<b>",
    "surrogate": f"\ud83d{MARK}",
    "number": "9" * 400,
    "negative": "-1",
    "huge": "99999999999999999999999999",
    "float": "1e309",
    "date": "2024-02-30",
    "far date": "9999-12-31",
    "first date": "0001-01-01",
    "path": f"../../../../etc/passwd%00{MARK}",
    "null": "null",
    "json": f'{{"$ne": "{MARK}"}}',
    "empty": "",
    "blank": " \t\u3000\u200b",
    "emoji": "👩‍👩‍👧‍👦" * 30,
}
# Several in one text, where each is to be shown as what it is: the first is what it begins with.
STORABLE = [
    ("script", "right to left"), ("javascript", "attribute 2"), ("formula", "attribute"), ("formula 2", "end of title"),
    ("template", "ansi"), ("line", "decomposed"),
]  # fmt: skip
TOGETHER = [
    *STORABLE, ("json", "composed", "emoji"), ("look-alike", "case"), ("sql", "sql or"), ("percent", "path", "underscore"),
]  # fmt: skip
TEXTS = {", ".join(names): "".join(PAYLOADS[name] for name in names) for names in TOGETHER}
TEXTS |= {name: text for name, text in PAYLOADS.items() if not any(name in names for names in TOGETHER)}
# On these no database has a say, nor on what is markup: they are tried on one alone.
MARKUP = {"null", "negative", "float", "date", "json, composed, emoji", *map(", ".join, STORABLE)}
ON_SQLITE = connection.vendor == "sqlite"
TRIED = {name: text for name, text in TEXTS.items() if ON_SQLITE or name not in MARKUP}
LONGEST_ADDRESS = 4000  # the server takes no longer one
# Those that are tried in each field of a form alone, the others as they should be: what no field refuses gets furthest.
SHARP = {"nul", "megabyte", "script, right to left", "huge", "date"}
LISTS = {
    "project_user_index": {"q", "role", "status", "created", "sort", "page"},
    "project_user_export": {"q", "role", "status", "created", "sort", "page"},
    "project_index": {"q", "sort", "page"},
    "member_index": {"q", "sort", "page"},
    "share_index": {"sort", "page"},
    "share_search": {"holder"},
    "resource_index": {"q", "type", "project", "owner", "visibility", "tag", "sort", "page"},
    "resource_export": {"q", "type", "project", "owner", "visibility", "tag", "sort"},
    "resource_detail": {"page"},
    "resource_share_search": {"holder"},
    "assignment_index": {"q", "type", "role", "place", "project", "inherited", "status", "sort", "page"},
    "assignment_export": {"q", "type", "role", "place", "project", "inherited", "status", "sort"},
    "assignment_create": {"subject", "role", "project", "expires_at", "expires_in", "reason"},
    "assignment_update": {"cancel"},
    "app_token_index": {"sort", "page"},
    "project_activity": {"q", "action", "outcome", "since", "until", "before", "after"},
    "project_activity_export": {"q", "action", "outcome", "since", "until"},
    "project_user_activity": {"q", "action", "outcome", "since", "until", "before", "after"},
    "activity_index": {"q", "action", "outcome", "since", "until", "before", "after"},
    "activity_export": {"q", "action", "outcome", "since", "until"},
    "bulk_create": {"action", "user", "all", "q", "role", "status", "created"},
    "bulk_detail": {"page"},
    "role_index": {"q"},
    "role_compare": {"role", "user", "place", "only"},
    "catalogue_detail": {"role"},
    "access_check": {"user", "what", "object", "place"},
    "who_can": {"what", "object", "place", "q", "sort", "page"},
    "who_can_export": {"what", "object", "place", "q", "sort"},
    "what_can": {"user", "place", "page"},
    "what_can_export": {"user", "place"},
    "service_index": {"q", "status", "sort", "page"},
    "region_index": {"sort", "page"},
    "account_login": {"next"},
    "account_detail": {"next"},
    "project_user_detail": {"tab"},
}
FORMS = [
    "assignment_create", "assignment_update",
    "app_token_create", "app_token_renew",
    "service_create", "service_update", "service_delete", "service_token_create", "service_endpoint_create",
    "service_endpoint_update", "project_user_token", "account_token", "region_create", "region_update",
    "project_user_create", "project_user_update", "project_user_roles", "project_user_password", "project_user_delete",
    "project_user_disable", "project_create", "project_update", "project_delete", "share_create", "account_detail",
    "resource_update", "resource_delete", "resource_share_create", "account_login", "bulk_create", "role_delete",
    "catalogue_update",
]  # fmt: skip
# Fields that pages send without a form of their own.
UNSHOWN = {
    "app_token_preview": {"role", "selector"},
    "project_user_preview": {"roles", "user", "preset", "add"},
    "project_user_secret_download": {"password", "username"},
    "project_user_file_download": {"password", "file", "region"},
    "project_user_create": {"step", "roles", "nonce", "no_role", "preset", "add", "back", "refresh"},
    "bulk_create": {"digest", "all", "q", "role", "status", "created", "preview", "confirm"},
    "bulk_detail": {"page"},
    "assignment_create": {"step", "find", "who", "where", "subjects", "roles", "scopes"},
    # One field of each kind: every entity type has the same.
    "role_create": {
        "label", "purpose", "includes", "step", "more", "from", "roster:project-0", "ovhcloud:notebook-1",
        "ovhcloud:notebook-1-visibility", "roster:role_assignment-1-role",
    },
}  # fmt: skip


@pytest.fixture
def client(org: SimpleNamespace, settings: Any) -> Client:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a user is added many times over
    return signed_in(org.administrator)


class Run(HTMLParser):
    """Whatever a browser would run on a page, where it bears the mark: elements, event attributes, addresses."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        for name, value in given:
            said = (value or "").strip().lower()
            if name.startswith("on") or MARK in name:
                self.found.append(f"<{tag} {name}>")
            if name in ("href", "src", "action", "formaction") and said.startswith(("javascript:", "data:", "//")):
                self.found.append(f"<{tag} {name}={said[:40]}>")

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and MARK in data:
            self.found.append("script")


def harmless(response: Any, where: str, *payloads: Any) -> None:
    """No error, and nothing of what was sent runs or forges a header."""
    assert response.status_code < 500, where
    body = response.getvalue().decode() if response.streaming else response.content.decode()
    assert "Traceback" not in body, where
    assert not [name for name, _ in response.items() if MARK in name], where
    assert all("\r" not in value and "\n" not in value for _, value in response.items()), where
    assert MARK not in response.cookies, where
    if "text/html" in response["Content-Type"]:
        assert MARK not in body or Run(body).found == [], where
        assert f"14{MARK}" not in body, where
        for payload in payloads:
            if isinstance(payload, str) and len(payload) < 1000 and any(sign in payload for sign in "<>\"'"):
                assert payload not in body, where
    if "text/csv" in response["Content-Type"]:
        for row in csv.reader(body.splitlines()):
            assert not [cell for cell in row if FORMULA.match(cell) and not cell.startswith("'")], where


def address(name: str, org: SimpleNamespace) -> str:
    route = {"project": org.alpha.uid, "user": org.alpha_user.uid}
    users = User.objects.filter(pk=org.alpha_user.pk)
    if name == "bulk_detail":
        digest = digest_of([org.alpha_user.uid])
        job = start_bulk(actor=COMMAND, project=org.alpha, change="disable", users=users, digest=digest)
        return reverse(name, args=[org.alpha.uid, job.uid])
    if name.startswith("resource_") and name not in ("resource_index", "resource_export"):
        return reverse(name, args=[a_notebook(org.alpha).uid])
    if name == "project_user_credential_delete":
        credential = org.alpha_user.application_credentials.first() or a_credential(org.alpha_user, org.alpha)
        return reverse(name, args=[org.alpha.uid, org.alpha_user.uid, credential.uid])
    if name in ("app_token_renew", "app_token_delete"):
        return reverse(name, args=[org.alpha.uid, an_app_token(org.alpha, org.administrator).uid])
    if name in ("assignment_update", "assignment_delete"):
        return reverse(name, args=[org.alpha_user.role_assignments.get().uid])
    if name in ("catalogue_detail", "catalogue_update"):
        return reverse(name, args=["ovhcloud" if name == "catalogue_detail" else "h2o"])
    if name == "role_delete":
        return reverse(name, args=[create_role(actor=COMMAND, draft=RoleDraft("Own")).uid])
    if name == "role_detail":
        return reverse(name, args=[Role.objects.order_by("-pk")[0].uid])
    if name in ("service_endpoint_update", "region_update"):
        endpoint = an_endpoint(a_service("storage"))
        return reverse(name, args=[endpoint.region.code] if "region" in name else [endpoint.service.uid, endpoint.uid])
    if name.startswith("service_") and name not in ("service_index", "service_create"):
        return reverse(name, args=[a_service("gateway").uid])
    for args in ([], [route["project"]], [route["project"], route["user"]]):
        try:
            return reverse(name, args=args)
        except LookupError:
            continue
        except Exception as error:
            if type(error).__name__ != "NoReverseMatch":
                raise
    raise LookupError(name)


def sent(client: Client, method: str, path: str, data: dict[str, Any]) -> Any:
    """The answer; what it changed is undone."""
    with transaction.atomic():
        response = getattr(client, method)(path, data)
        transaction.set_rollback(True)
    return response


def sendable(payload: str) -> str:
    """What a browser can send: text in UTF-8."""
    return payload.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def variations(fields: Collection[str]) -> Iterator[tuple[dict[str, Any], str, str]]:
    """(what is sent, payload, name of both): each payload in all fields at once, the sharp ones in each field alone."""
    for label, payload in TRIED.items():
        text = sendable(payload)
        yield dict.fromkeys(fields, text), text, f"everything: {label}"
        if label in SHARP and len(fields) > 1:
            yield from (({field: text}, text, f"{field}: {label}") for field in fields)
    if ON_SQLITE:
        script = PAYLOADS["script"]
        yield from (({field: ["", "x", script]}, script, f"{field}: three values") for field in fields)


def mixtures(fields: Iterable[str]) -> Iterator[dict[str, Any]]:
    """What is sent: each payload once in each field, beside others in the other fields; then lists of values."""
    texts = [sendable(payload)[:LONGEST_ADDRESS] for payload in TRIED.values()]
    for first in range(len(texts)):
        yield {field: texts[(first + place) % len(texts)] for place, field in enumerate(fields)}
    if ON_SQLITE:
        yield {field: ["", "x", PAYLOADS["script"]] for field in fields}
        yield {f"{field}{end}": PAYLOADS["script"] for field in fields for end in ("[]", "[a]")}


@pytest.mark.parametrize("name", LISTS)
def test_every_parameter_of_every_list(org: SimpleNamespace, client: Client, name: str) -> None:
    """36: `%` and `_` in searches, NUL, 1 MB, marks, look-alikes; unknown sorts, pages and dates."""
    path, base = address(name, org), {"action": "disable"} if name == "bulk_create" else {}
    for data in mixtures(sorted(LISTS[name])):
        harmless(sent(client, "get", path, {**base, **data}), f"{name}?{data!r:.2000}", *data.values())


def test_the_lists_have_no_other_parameters(org: SimpleNamespace, client: Client) -> None:
    """LISTS names every field of every GET form and every parameter of a link on these pages."""
    for name, known in LISTS.items():
        response = sent(client, "get", address(name, org), {})
        if response.streaming or "text/html" not in response["Content-Type"] or response.status_code != 200:
            continue
        page = Page(response)
        found = {name for form in page.forms if form.method == "get" and not form.action for name in form.names}
        found |= {
            name
            for link in page.links
            if link.startswith("?")
            for name in re.findall(r"[?&](\w+)=", html.unescape(link))
        }
        assert found <= known, name


def the_form(client: Client, path: str, name: str) -> PageForm:
    """The page's own form, with what it would send; of two steps, the second."""
    data = {"action": "roles", "all": "1"} if name == "bulk_create" else {}
    response = sent(client, "get", path, data)
    forms = [form for form in Page(response).forms if form.method == "post" and form.action in ("", path)]
    return forms[-1] if forms else PageForm(path, "post")


@pytest.mark.parametrize("name", sorted({*FORMS, *UNSHOWN}))
def test_every_field_of_every_form(org: SimpleNamespace, client: Client, name: str) -> None:
    """34, 36: in each field alone, the others as the page sends them; nothing breaks, nothing runs."""
    client = Client() if name == "account_login" else client
    path = address(name, org)
    form = the_form(client, path, name) if name in FORMS else PageForm(path, "post")
    whole = {key: value for key, value in form.fields.items() if key != "csrfmiddlewaretoken"}
    if name == "project_user_create":  # the second step, which adds the user
        whole |= {"step": ["2"], "nonce": ["n"], "description": ["x"], "roles": [role(READER).uid]}
    if name == "assignment_create":  # the last step, which gives
        viewer = role("roster:project_viewer").uid
        whole |= {"step": ["give"], "subjects": [org.outsider.uid], "roles": [viewer], "scopes": [org.alpha.uid]}
    if name == "role_create":
        whole = {"label": ["x"], "family": ["ai"], "ovhcloud:notebook-1-owner": ["1"]}
    for data, text, where in variations(form.names | UNSHOWN.get(name, set())):
        harmless(sent(client, "post", path, {**whole, **data}), f"{name}: {where}", text)


@pytest.mark.once
@pytest.mark.parametrize("name", ["project_user_create", "project_user_update", "bulk_create", "project_user_preview"])
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"description": "x", "is_superuser": true}'),
        ("text/plain", b"\xff\xfe\x00"),
        ("application/x-www-form-urlencoded; charset=utf-16", "description=x".encode("utf-16")),
        ("application/x-www-form-urlencoded; charset=nonsense", b"description=x"),
        ("application/x-www-form-urlencoded", b"description=%FF%FE&%00=%00&=&&&"),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=\"description\"\r\n\r\nx"),
        ("multipart/form-data; boundary=" + "x" * 5000, b"--x--"),
        ("", b"description=x"),
        ("../../etc/passwd", b"x"),
    ],
)  # fmt: skip
def test_bodies_of_other_kinds(org: SimpleNamespace, client: Client, name: str, content_type: str, body: bytes) -> None:
    before = AuditEvent.objects.count()
    response = client.generic("POST", address(name, org), body, content_type)
    harmless(response, f"{name} {content_type[:40]}")
    assert AuditEvent.objects.count() == before
    assert response.status_code in (200, 400, 404, 409, 422)


@pytest.mark.once
def test_too_many_fields(org: SimpleNamespace, client: Client) -> None:
    """44: bounded before anything is done."""
    path = address("project_user_create", org)
    assert client.post(path, {f"f{number}": "x" for number in range(1001)}).status_code == 400
    assert client.get(address("project_user_index", org), {f"f{n}": "x" for n in range(1001)}).status_code < 500


@pytest.mark.parametrize(
    "uid", ["0", "x" * 5000, "%00", "..%2F..%2F", "%F0%9F%98%80", "-1", "' OR 1=1", "<script>", "é", "%25s", "None"]
)
def test_ids_that_are_none(org: SimpleNamespace, client: Client, uid: str) -> None:
    for path in (
        f"/projects/{uid}/",
        f"/projects/{uid}/users/",
        f"/projects/{org.alpha.uid}/users/{uid}/",
        f"/projects/{org.alpha.uid}/users/{uid}/roles/",
        f"/projects/{org.alpha.uid}/users/bulk/{uid}/",
        f"/projects/{org.alpha.uid}/access/{uid}/read/delete/",
        f"/projects/{org.alpha.uid}/access/{org.keeper.uid}/{uid}/delete/",
    ):
        for method in (client.get, client.post):
            response = method(path)
            assert response.status_code == 404, path
            assert Run(response.content.decode()).found == []


# Names that were stored with something in them


@pytest.fixture(params=STORABLE, ids=", ".join)
def stored(request: pytest.FixtureRequest, org: SimpleNamespace) -> str:
    """A text with payloads that stands wherever somebody can store one that others see."""
    text = "".join(PAYLOADS[name] for name in request.param)
    assert len(text) <= 76
    update_user(actor=COMMAND, user=org.alpha_user, description=text)
    update_user(actor=COMMAND, user=org.keeper, description=text)
    for project in (org.alpha, org.beta):
        Project.objects.filter(pk=project.pk).update(name=text, description=text)
    roles = [role(READER)]
    add_project_user(actor=COMMAND, project=org.alpha, description=text, roles=roles, password="", username="other")
    org.alpha_user.role_assignments.update(reason=text, granted_by=text)
    own = Catalogue.objects.get(code="custom")
    one = Role.objects.create(catalogue=own, code="own", label=text, purpose=text, family=text[:12], since=text[:20])
    for user in (org.alpha_user, org.administrator):
        a_credential(user, org.alpha, text[:120])
    for maker in (org.keeper, org.administrator):
        token = an_app_token(org.alpha, maker)
        token.name, token.selector = f"{text[:70]}{maker.pk}", text[:60]
        token.save()
    one.rules.create(action="read", entity_type=EntityType.objects.get(code="project"), fields={"visibility": [text]})
    RulebookVersion.renew()
    return text


PAGES = [
    "assignment_index", "assignment_export", "assignment_create", "assignment_update", "assignment_delete",
    "project_user_index", "project_user_detail", "project_user_update", "project_user_roles", "project_user_password",
    "project_user_disable", "project_user_enable", "project_user_delete", "project_user_create", "project_user_activity",
    "project_index", "project_detail", "project_update", "project_delete", "member_index", "share_index", "share_create",
    "app_token_index", "app_token_create", "app_token_renew", "app_token_delete",
    "project_user_credential_delete",
    "project_activity", "activity_index", "account_detail", "bulk_create", "bulk_detail", "project_user_export",
    "project_activity_export", "activity_export", "project_user_activity_export", "resource_index", "resource_export",
    "resource_detail", "resource_update", "resource_delete", "resource_share_create", "role_index", "role_detail", "role_compare",
]  # fmt: skip


@pytest.mark.once
def test_what_was_stored_is_shown_as_what_it_is(org: SimpleNamespace, client: Client, stored: str) -> None:
    """34: page, attribute, title, CSV; the audit trail's "before" and "after" too (Zitadel CVE-2024-41953)."""
    for name in PAGES:
        data = {"action": "delete", "all": "1"} if name == "bulk_create" else {}
        response = sent(client, "get", address(name, org), data)
        harmless(response, name, stored)
        assert response.status_code == 200, name
    shown = Page(client.get(address("project_user_index", org)))
    assert " ".join(stored.split()) in shown.text
    for path in (address("project_detail", org), address("project_user_index", org)):
        harmless(signed_in(org.outsider).get(path), path, stored)
        harmless(signed_in(org.viewer).get(address("project_user_create", org)), path, stored)


def test_search_finds_signs_as_signs(org: SimpleNamespace, client: Client) -> None:
    """36: `%` and `_` are no wildcards, in any list."""
    for name in ("project_user_index", "project_index", "member_index", "project_activity", "assignment_index"):
        for text in ("%", "_", "al%a", "a_pha", "\\"):
            response = client.get(address(name, org), {"q": text})
            found = response.context.get("rows", response.context.get("events"))
            assert found == [], (name, text)


LOOK_ALIKES = [
    "alpha-user", "ALPHA-USER", "Alpha-User", " alpha-user ", "alpha-user\n", "alpha-user\u200b",
    "\u0430lpha-user", "alpha\u2010user", "\uff41lpha-user",
]  # fmt: skip


@pytest.mark.parametrize("username", LOOK_ALIKES)
def test_no_second_name_that_looks_like_the_first(org: SimpleNamespace, client: Client, username: str) -> None:
    """36: look-alikes, forms and cases of somebody's username."""
    path = address("project_user_create", org)
    asked = {"step": "2", "nonce": "n", "description": "x", "username": username, "roles": role(READER).uid}
    response = client.post(path, asked)
    assert response.status_code == 422
    assert response.context["form"].errors["username"]


def test_a_message_stands_beside_the_field(org: SimpleNamespace, client: Client) -> None:
    for name, field, payload in (
        ("project_user_create", "description", "nul"),
        ("project_user_create", "username", "nul"),
        ("project_user_update", "description", "nul"),
        ("project_user_update", "description", "megabyte"),
        ("project_user_roles", "reason", "nul"),
        ("project_user_roles", "reason", "megabyte"),
        ("project_user_delete", "confirm", "nul"),
        ("project_create", "name", "nul"),
        ("project_create", "description", "megabyte"),
        ("share_create", "holder", "nul"),
        ("assignment_update", "reason", "megabyte"),
        ("assignment_update", "expires_at", "date"),
    ):
        form = the_form(client, address(name, org), name)
        whole = {key: value for key, value in form.fields.items() if key != "csrfmiddlewaretoken"}
        response = sent(client, "post", address(name, org), {"description": "x", **whole, field: PAYLOADS[payload]})
        assert response.status_code == 422, (name, field)
        assert response.context["form"].errors[field], (name, field)


def test_a_header_cannot_be_forged(org: SimpleNamespace, client: Client) -> None:
    """42: CR and LF in a name that stands in a header."""
    Project.objects.filter(pk=org.alpha.pk).update(slug="a")
    response: HttpResponse = client.get(address("project_user_export", org))  # type: ignore[assignment]
    assert response["Content-Disposition"] == 'attachment; filename="a-users.csv"'
