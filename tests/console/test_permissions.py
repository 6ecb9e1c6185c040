"""Every URL x everybody x own and other project; a URL that the table does not know fails.

404: one may not see what it is about; 403: one may see that, but not do this; 302 to the sign-in page: nobody is signed in.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from console.admin.site import site
from console.views import samples
from policies.actions.bulk import digest_of, start_bulk
from policies.actions.roles import RoleDraft, create_role
from policies.actions.shares import share
from policies.models import AuditEvent
from policies.rulebook import rulebook
from tests.console.conftest import COMMAND, a_credential, a_notebook, an_app_token
from tests.console.services import a_service, a_token, an_endpoint
from tests.factories import signed_in

PEOPLE = ("anonymous", "outsider", "viewer", "keeper", "administrator")

# Pages of a project, in the order of PEOPLE; in another project than their own all but the administrator see nothing (404).
SEE = (302, 404, 200, 200, 200)
MANAGE = (302, 404, 403, 200, 200)
DESTROY = (302, 404, 403, 403, 200)
# Whoever is signed in; the installation's administrator alone.
ALL = (302, 200, 200, 200, 200)
ADMINISTER = (302, 403, 403, 403, 200)
# Whoever may read, or give, some role somewhere.
READ = (302, 403, 200, 200, 200)
GIVE = (302, 403, 403, 200, 200)
REGISTERED = (302, 404, 404, 404, 200)  # a resource that only who manages registrations sees
NOT_GET = (302, 405, 405, 405, 405)
LEADS_ON = (302, 302, 302, 302, 302)


def ends(allowed: int, row: tuple[int, ...] = MANAGE) -> tuple[int, ...]:
    """The same, with another status for those who may."""
    return tuple(allowed if status == 200 else status for status in row)


NOT_MINE = (302, 404, 404, 404, 404)
OWN = (302, 404, 403, 200, 403)  # who made it alone
OF_SERVICES = (302, 404, 404, 404, 200)
# For services: whoever shows no token of one is told so, signed in or not (tests/console/test_bearer.py).
SERVICES = (401, 401, 401, 401, 401)

# {name of the URL: (GET, POST)}. A POST sends nothing but what DATA names; 422: so it is a form with errors.
TABLE: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "project_user_index": (SEE, SEE),
    "project_user_export": (SEE, SEE),
    "project_user_create": (MANAGE, ends(422)),
    "project_user_preview": (NOT_GET, SEE),
    "project_user_detail": (SEE, SEE),
    "project_user_update": (MANAGE, ends(422)),
    "project_user_roles": (MANAGE, ends(422)),
    "project_user_password": (MANAGE, MANAGE),
    "project_user_secret_download": (NOT_GET, ends(400, SEE)),
    "project_user_files": (SEE, SEE),
    "project_user_token": (SEE, ends(422, SEE)),
    "project_user_file_download": (NOT_GET, ends(400, SEE)),
    "project_user_disable": (MANAGE, ends(302)),
    "project_user_enable": (MANAGE, ends(302)),
    "project_user_delete": (MANAGE, ends(422)),
    "project_user_activity": (SEE, SEE),
    "project_user_activity_export": (MANAGE, MANAGE),
    "bulk_create": (MANAGE, ends(409)),
    "bulk_detail": (SEE, ends(302)),
    "project_index": (ALL, ALL),
    "project_create": (ADMINISTER, ends(422, ADMINISTER)),
    "project_detail": (SEE, SEE),
    "project_update": (MANAGE, ends(422)),
    "project_delete": (DESTROY, ends(422, DESTROY)),
    "project_user_credential_delete": (MANAGE, ends(302)),
    "account_credential_delete": (NOT_MINE, NOT_MINE),
    "app_token_index": (SEE, SEE),
    "app_token_create": (MANAGE, ends(422)),
    "app_token_preview": (NOT_GET, MANAGE),
    "app_token_renew": (OWN, ends(422, OWN)),
    "app_token_delete": (MANAGE, ends(302)),
    "project_activity": (SEE, SEE),
    "project_activity_export": (MANAGE, MANAGE),
    "member_index": (SEE, SEE),
    "share_index": (MANAGE, MANAGE),
    "share_create": (MANAGE, ends(422)),
    "share_search": ((302, 404, 403, 404, 200), (302, 404, 403, 404, 200)),  # for who may list people anyway
    "share_delete": (MANAGE, ends(302)),
    "resource_index": (ALL, ALL),
    "resource_export": (ALL, ALL),
    "resource_detail": (REGISTERED, REGISTERED),
    "resource_update": (REGISTERED, ends(422, REGISTERED)),
    "resource_delete": (REGISTERED, ends(422, REGISTERED)),
    "resource_share_create": (REGISTERED, ends(422, REGISTERED)),
    "resource_share_search": (REGISTERED, REGISTERED),
    "resource_share_delete": ((302, 403, 404, 404, 200), (302, 403, 404, 404, 302)),  # shared with the outsider
    "activity_index": (ADMINISTER, ADMINISTER),
    "activity_export": (ADMINISTER, ADMINISTER),
    "assignment_index": (READ, READ),
    "assignment_export": (READ, READ),
    "assignment_create": (GIVE, GIVE),
    "assignment_update": (MANAGE, ends(409)),
    "assignment_delete": (MANAGE, ends(302)),
    "role_index": (READ, READ),
    "role_compare": (READ, READ),
    "catalogue_detail": (SEE, SEE),
    "role_detail": (SEE, SEE),
    "role_create": (ADMINISTER, ends(422, ADMINISTER)),
    "role_update": (DESTROY, ends(422, DESTROY)),
    "role_delete": (DESTROY, ends(422, DESTROY)),
    "catalogue_update": (DESTROY, ends(409, DESTROY)),
    "access_check": (ALL, ALL),  # whoever is signed in asks about themselves
    "who_can": (ALL, ALL),
    "who_can_export": ((302, 404, 404, 404, 404), (302, 404, 404, 404, 404)),  # nothing is asked
    "what_can": (ALL, ALL),
    "what_can_export": (ALL, ALL),
    "decision_help": (ALL, ALL),
    "sample_load": (NOT_GET, ends(302, ADMINISTER)),
    "sample_delete": (ADMINISTER, ends(302, ADMINISTER)),
    "home": ((302, 200, 302, 302, 302), (302, 200, 302, 302, 302)),
    "account_login": ((200, 302, 302, 302, 302), (200, 302, 302, 302, 302)),
    "account_logout": (ALL, LEADS_ON),
    "account_detail": (ALL, LEADS_ON),
    "account_change_password": (LEADS_ON, LEADS_ON),  # nobody here has a password of their own
    "account_token": (ALL, ends(422, ALL)),
    "usersessions_list": (ALL, LEADS_ON),
    "service_index": (ADMINISTER, ADMINISTER),
    "service_create": (ADMINISTER, ends(422, ADMINISTER)),
    "service_detail": (OF_SERVICES, OF_SERVICES),
    "service_update": (OF_SERVICES, ends(422, OF_SERVICES)),
    "service_disable": (OF_SERVICES, ends(302, OF_SERVICES)),
    "service_enable": (OF_SERVICES, ends(302, OF_SERVICES)),
    "service_delete": (OF_SERVICES, ends(422, OF_SERVICES)),
    "service_endpoint_create": (OF_SERVICES, ends(422, OF_SERVICES)),
    "service_endpoint_update": (OF_SERVICES, ends(422, OF_SERVICES)),
    "service_endpoint_delete": (OF_SERVICES, ends(302, OF_SERVICES)),
    "region_index": (ADMINISTER, ADMINISTER),
    "region_create": (ADMINISTER, ends(422, ADMINISTER)),
    "region_update": (ADMINISTER, ends(302, ADMINISTER)),
    "region_delete": (ADMINISTER, ends(409, ADMINISTER)),  # an endpoint stands in it
    "service_token_create": (OF_SERVICES, ends(422, OF_SERVICES)),
    "service_token_delete": (OF_SERVICES, ends(302, OF_SERVICES)),
    "authzen_configuration": ((200, 200, 200, 200, 200), (405, 405, 405, 405, 405)),
    "forward_auth": ((400, 400, 400, 400, 400), (405, 405, 405, 405, 405)),  # no proxy asks
    "authzen_evaluation": (SERVICES, SERVICES),
    "authzen_evaluations": (SERVICES, SERVICES),
    "authzen_search_subject": (SERVICES, SERVICES),
    "authzen_search_resource": (SERVICES, SERVICES),
    "authzen_search_action": (SERVICES, SERVICES),
    "api_resource_index": (SERVICES, SERVICES),
    "api_resource_detail": (SERVICES, SERVICES),
}
DATA = {"bulk_create": {"action": "disable", "all": "1"}}


def patterns(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """(route, pattern) of every URL of the site."""
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern, route)
        else:
            yield route, pattern


EVERY = list(patterns(get_resolver()))
# Those of Identity v3 have a table of their own (tests/console/test_identity_permissions.py).
OURS = {pattern.name: route for route, pattern in EVERY if not route.startswith(("admin/", "identity"))}
ADMIN = sorted({route for route, _ in EVERY if route.startswith("admin/") and route != "admin/login/"})


@pytest.fixture
def clients(org: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> dict[str, Client]:
    monkeypatch.setattr(samples, "load_sample", lambda actor: None)
    monkeypatch.setattr(samples, "delete_sample", lambda actor: None)
    return {name: signed_in(getattr(org, name)) if name != "anonymous" else Client() for name in PEOPLE}


def address(name: str, org: SimpleNamespace, project: Any, user: Any) -> str:
    """The URL of this name, about a project, its user, a job and a share there."""
    wanted = re.findall(r"<\w+:(\w+)>", OURS[name])
    known = {"project": project.uid, "user": user.uid, "holder": org.outsider.uid, "action": "delete"}
    known["assignment"] = user.role_assignments.get().uid
    known |= {"role": user.role_assignments.get().role.uid, "catalogue": "ovhcloud"}
    if name in ("role_update", "role_delete"):
        known["role"] = create_role(actor=COMMAND, draft=RoleDraft("Own")).uid
    if "app_token" in wanted:
        known["app_token"] = an_app_token(project, org.keeper).uid
    if "credential" in wanted:
        known["credential"] = a_credential(user, project).uid
    if "job" in wanted:
        users = type(user).objects.filter(pk=user.pk)
        job = start_bulk(actor=COMMAND, project=project, change="disable", users=users, digest=digest_of([user.uid]))
        known["job"] = job.uid
    thing, action = project, "delete"
    if "resource" in wanted:
        thing, action = a_notebook(project), "access"
        known |= {"resource": thing.uid, "action": action}
    if "service" in wanted:
        service = a_service("gateway")
        a_token(service)
        known |= {"service": service.uid, "token": service.service_tokens.get().uid}
    if "endpoint" in wanted or "region" in wanted:
        endpoint = an_endpoint(a_service("storage"))
        known |= {"service": endpoint.service.uid, "endpoint": endpoint.uid, "region": endpoint.region.code}
    if "holder" in wanted:
        share(actor=COMMAND, thing=thing, action=action, subject=org.outsider)
    return reverse(name, kwargs={key: known[key] for key in wanted})


@contextmanager
def changes_nothing(name: str, org: SimpleNamespace) -> Iterator[None]:
    """32: GET and HEAD change nothing; only what is exported is written down."""
    before = AuditEvent.objects.count()
    yield
    assert AuditEvent.objects.count() == before or name.endswith("_export")
    org.alpha_user.refresh_from_db()
    assert org.alpha_user.is_active
    assert org.alpha_user.role_assignments.count() == 1


def asked(client: Client, method: str, path: str, data: dict[str, str]) -> HttpResponse:
    """The answer; whatever it changed is undone."""
    with transaction.atomic():
        response: Any = getattr(client, method)(path, data)
        response.getvalue()
        transaction.set_rollback(True)
    return response  # type: ignore[no-any-return]


def looked(client: Client, path: str, data: dict[str, str]) -> HttpResponse:
    """The answer to GET, and all of it: an export asks while it is read."""
    response: Any = client.get(path, data)
    response.getvalue()
    return response  # type: ignore[no-any-return]


def test_the_table_knows_every_url() -> None:
    """18: default deny: a new URL is written down here, with who may open it, before this is green again."""
    assert set(TABLE) == set(OURS)


@pytest.mark.django_db
def test_every_view_declares_who_may_open_it() -> None:
    book = rulebook()
    for route, pattern in EVERY:
        declared = getattr(pattern.callback, "permission", None)
        if route.startswith("admin/") and declared != "public":
            model_admin = getattr(pattern.callback, "model_admin", None)
            guard = getattr(pattern.callback, "admin_site", None) or (model_admin and model_admin.admin_site)
            assert guard is site or declared == ("open", "admin_site"), route
        elif isinstance(declared, tuple):
            action, entity_type = declared
            assert action in book.entity_types[book.type_id(entity_type)].actions, route
        else:
            assert declared in ("public", "signed in", "service", "identity", "visible"), route
    public = {route for route, pattern in EVERY if getattr(pattern.callback, "permission", None) == "public"}
    expected = {"sign-in/", "sign-out/", "admin/login/", ".well-known/authzen-configuration", "auth/forward"}
    assert {route for route in public if not route.startswith("identity")} == expected


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("method", ["get", "post"])
def test_who_may(org: SimpleNamespace, clients: dict[str, Client], name: str, method: str) -> None:
    """18: everybody, in their own project and in another one."""
    expected = dict(zip(PEOPLE, TABLE[name][method == "post"], strict=True))

    def answers(project: Any, user: Any) -> dict[str, HttpResponse]:
        path, data = address(name, org, project, user), DATA.get(name, {})
        if method == "post":
            return {who: asked(client, method, path, data) for who, client in clients.items()}
        with changes_nothing(name, org):
            return {who: looked(client, path, data) for who, client in clients.items()}

    found = answers(org.alpha, org.alpha_user)
    assert {who: answer.status_code for who, answer in found.items()} == expected
    if expected["anonymous"] == 302 and name != "account_logout":
        assert found["anonymous"]["Location"].startswith(reverse("account_login"))
    if "<slug:project>" not in OURS[name]:
        return
    nothing = 405 if expected["outsider"] == 405 else 404
    expected |= dict.fromkeys(("outsider", "viewer", "keeper"), nothing)
    if connection.vendor != "sqlite":  # to the others every project is the same
        for who in ("anonymous", "outsider", "administrator"):
            del clients[who], expected[who]
    found = answers(org.beta, org.beta_user)
    assert {who: answer.status_code for who, answer in found.items()} == expected


# Who sees one role sees every role.
@pytest.mark.once
@pytest.mark.parametrize("name", [n for n in TABLE if "<slug:" in OURS[n] and "<slug:role>" not in OURS[n]])
def test_what_one_may_not_see_looks_like_what_does_not_exist(
    org: SimpleNamespace, clients: dict[str, Client], name: str
) -> None:
    """19: the same answer, byte for byte but for the request's own id and nonces (Keycloak CVE-2026-14615)."""

    def told(path: str, method: str) -> tuple[int, str]:
        answer = asked(clients["keeper"], method, path, DATA.get(name, {}))
        text = answer.content.decode().replace(path, "")
        return answer.status_code, re.sub(
            r'request <code>\w+|nonce="[^"]*"|name="csrfmiddlewaretoken" value="\w+"', "", text
        )

    hidden = address(name, org, org.beta, org.beta_user)
    absent = re.sub(r"[0-9a-f]{32}", "0" * 32, hidden, count=1)
    for method in ("get", "post"):
        assert told(hidden, method) == told(absent, method)


@pytest.mark.once
@pytest.mark.parametrize("name", TABLE)
def test_looking_changes_nothing(org: SimpleNamespace, clients: dict[str, Client], name: str) -> None:
    """32: HEAD too."""
    path = address(name, org, org.alpha, org.alpha_user)
    with changes_nothing(name, org):
        for who in ("viewer", "administrator"):
            clients[who].head(path, DATA.get(name, {}))


@pytest.mark.once
@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row[1] is not SERVICES])
def test_a_post_without_our_token_does_nothing(org: SimpleNamespace, clients: dict[str, Client], name: str) -> None:
    """32: CSRF, on sign-in and sign-out too."""
    path = address(name, org, org.alpha, org.alpha_user)
    before = AuditEvent.objects.count()
    client = clients["anonymous" if name == "account_login" else "administrator"]
    client.handler.enforce_csrf_checks = True
    for method in (client.post, client.put, client.delete):
        answer = method(path)
        assert answer.status_code == 403
        assert "403_csrf.html" in [template.name for template in answer.templates]
    assert AuditEvent.objects.count() == before


@pytest.mark.once
@pytest.mark.parametrize("method", ["get", "post"])
def test_the_admin_opens_for_administrators_alone(clients: dict[str, Client], method: str) -> None:
    """Whatever the page: its own rules come behind this door (tests/console/test_admin.py)."""
    for route in ADMIN:
        path = "/" + re.sub(r"<[^>]+>|\(\?P<app_label>[^)]*\)|\(\?P<url>\.\*\)", "accounts", route).replace(
            "^", ""
        ).rstrip("$")
        leads_on = path in ("/admin/logout/", "/admin/password_change/", "/admin/password_change/done/")
        for who, status in (("anonymous", 302), ("viewer", 403)):
            answer = asked(clients[who], method, path, {})
            assert answer.status_code == (answer.status_code if leads_on else status), (who, path)
            assert answer.status_code != 200, (who, path)
