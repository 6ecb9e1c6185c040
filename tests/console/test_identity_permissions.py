"""Identity v3: every URL x everybody; a URL that the table does not know fails.

401: without a valid token; 403: one may see what it is about, but not do this; 404: one may not see it.
"""

import json
import re
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User
from policies import tokens
from policies.actions.credentials import create_application_credential, create_ec2_credential
from policies.actions.groups import create_group
from policies.actions.services import update_service
from policies.actor import Actor
from policies.models import AuditEvent
from tests.console.services import a_service, an_endpoint
from tests.console.test_permissions import EVERY
from tests.factories import COMMAND, a_project, give

pytestmark = pytest.mark.django_db
ROUTES = {str(pattern.name): (route, pattern) for route, pattern in EVERY if route.startswith("identity")}
PUBLIC = {
    "identity_root", "identity_version_index", "identity_version_detail", "identity_version_root",
    "identity_auth_tokens", "identity_nothing",
}  # fmt: skip
WRITES = ("POST", "PUT", "PATCH", "DELETE")

# A project user, shown by a restricted application credential and by itself; people.
CALLERS = ("restricted", "itself", "outsider", "viewer", "keeper", "administrator")
ALL = (200, 200, 200, 200, 200, 200)
LISTS = (403, 200, 200, 200, 200, 200)  # each holds what the caller may see
SEE = (403, 200, 404, 200, 200, 200)
OWN = (200, 200, 404, 200, 200, 200)
CREDENTIALS = (200, 200, 404, 404, 200, 200)  # the user's, and for those who could lock the user out
ADMINISTER = (403, 404, 404, 404, 404, 200)
LIST_ALL = (403, 403, 403, 403, 403, 200)
NOT_GET = (405, 405, 405, 405, 405, 405)
NOT_GIVEN = (403, 404, 404, 404, 404, 404)

# {name of the URL: GET about a project user of Alpha, in the order of CALLERS}
TABLE: dict[str, tuple[int, ...]] = {
    "identity_auth_projects": ALL,
    "identity_auth_catalog": ALL,
    "identity_service_index": LIST_ALL,
    "identity_service_detail": ADMINISTER,
    "identity_endpoint_index": LIST_ALL,
    "identity_endpoint_detail": ADMINISTER,
    "identity_region_index": LISTS,
    "identity_region_detail": LISTS,
    "identity_user_index": LISTS,
    "identity_user_detail": OWN,
    "identity_user_password": NOT_GET,
    "identity_user_projects": OWN,
    "identity_user_groups": SEE,
    "identity_application_credential_index": CREDENTIALS,
    "identity_application_credential_detail": CREDENTIALS,
    "identity_ec2_credential_index": CREDENTIALS,
    "identity_ec2_credential_detail": CREDENTIALS,
    "identity_credential_index": ALL,  # one's own
    "identity_credential_detail": (404, 404, 404, 404, 404, 404),
    "identity_s3_tokens": NOT_GET,
    "identity_ec2_tokens": NOT_GET,
    "identity_group_index": LISTS,
    "identity_group_detail": ADMINISTER,
    "identity_group_users": ADMINISTER,
    "identity_group_user": NOT_GIVEN,  # it is in none
    "identity_project_index": LISTS,
    "identity_project_detail": SEE,
    "identity_domain_index": LISTS,
    "identity_domain_detail": LISTS,
    "identity_role_index": LISTS,
    "identity_role_detail": SEE,
    "identity_role_inferences": LISTS,
    "identity_assignment_index": LISTS,
    "identity_project_user_roles": SEE,
    "identity_project_user_role": (403, 204, 404, 204, 204, 204),
    "identity_project_user_role_inherited": (403, 204, 404, 204, 204, 204),
    "identity_project_group_roles": ADMINISTER,
    "identity_project_group_role": NOT_GIVEN,
    "identity_project_group_role_inherited": NOT_GIVEN,
    "identity_domain_user_roles": SEE,
    "identity_domain_user_role": NOT_GIVEN,
    "identity_domain_user_role_inherited": NOT_GIVEN,
    "identity_domain_group_roles": ADMINISTER,
    "identity_domain_group_role": NOT_GIVEN,
    "identity_domain_group_role_inherited": NOT_GIVEN,
    "identity_limits": LISTS,
    "identity_registered_limits": LISTS,
    "identity_trusts": LISTS,
}


@pytest.fixture
def known(org: SimpleNamespace) -> dict[str, str]:
    """What the names in a URL stand for."""
    storage, team = a_service("storage"), create_group(actor=COMMAND, name="Team")
    update_service(actor=COMMAND, service=storage, service_type="object-store")
    endpoint = an_endpoint(storage)
    team.user_set.add(org.viewer)
    token = tokens.read(tokens.issue(org.alpha_user, org.alpha, ["password"]))
    mine = {"actor": Actor("alpha-user", org.alpha_user), "token": token}
    org.credential, _ = create_application_credential(**mine, name="backup")
    keys, _ = create_ec2_credential(**mine, project=org.alpha)
    return {
        "user": org.alpha_user.uid, "project": org.alpha.uid, "group": team.profile.uid, "domain": "default",
        "role": org.alpha_user.role_assignments.get().role.uid, "credential": org.credential.uid,
        "access_key": keys.access, "service": endpoint.service.uid, "endpoint": endpoint.uid,
        "region": endpoint.region.code,
    }  # fmt: skip


@pytest.fixture
def shown(org: SimpleNamespace, known: dict[str, str]) -> dict[str, str]:
    """{caller: their token}"""
    found = {name: tokens.issue(getattr(org, name), None, ["password"]) for name in CALLERS[2:]}
    found["itself"] = tokens.issue(org.alpha_user, org.alpha, ["password"])
    method = ["application_credential"]
    found["restricted"] = tokens.issue(org.alpha_user, org.alpha, method, credential=org.credential)
    return found


def address(name: str, known: dict[str, str]) -> str:
    wanted = re.findall(r"<\w+:(\w+)>", ROUTES[name][0])
    return reverse(name, kwargs={key: known[key] for key in wanted})


def asked(method: str, path: str, token: str = "") -> HttpResponse:
    headers = {"X-Auth-Token": token} if token else {}
    answer: Any = Client().generic(method, path, "{}", content_type="application/json", headers=headers)
    return answer  # type: ignore[no-any-return]


def test_the_table_knows_every_url() -> None:
    """18: default deny."""
    assert {*TABLE} | PUBLIC == {*ROUTES}
    declared = {name: pattern.callback.permission for name, (_, pattern) in ROUTES.items()}
    assert {name for name, who in declared.items() if who == "public"} == PUBLIC
    assert {declared[name] for name in TABLE} == {"identity"}


def test_nothing_without_a_valid_token(known: dict[str, str], shown: dict[str, str]) -> None:
    """Not for somebody who is signed in to the console either."""
    for name in TABLE:
        path = address(name, known)
        for method in ("GET", *WRITES):
            assert asked(method, path).status_code in (401, 405), (name, method)
        assert asked("GET", path, shown["itself"][:-1]).status_code in (401, 405), name


def test_who_sees_what(known: dict[str, str], shown: dict[str, str]) -> None:
    """18."""
    before = AuditEvent.objects.count()
    for name, expected in TABLE.items():
        found = {who: asked("GET", address(name, known), shown[who]) for who in CALLERS}
        assert {who: answer.status_code for who, answer in found.items()} == dict(
            zip(CALLERS, expected, strict=True)
        ), name
    assert AuditEvent.objects.count() == before  # 32


def test_what_one_may_not_see_looks_like_what_does_not_exist(
    org: SimpleNamespace, known: dict[str, str], shown: dict[str, str]
) -> None:
    """19: about another project, and about nothing at all."""
    hidden = {**known, "user": org.beta_user.uid, "project": org.beta.uid, "role": known["role"]}
    absent = {**hidden, "user": "0" * 32, "project": "0" * 32}
    for name, row in TABLE.items():
        route = ROUTES[name][0]
        if row is NOT_GET or not ("<str:user>" in route or "<str:project>" in route):
            continue
        for who in ("itself", "keeper"):
            answers = [asked("GET", address(name, about), shown[who]) for about in (hidden, absent)]
            told = [answer.content.replace(hidden[key].encode(), absent[key].encode())
                    for answer in answers for key in ("user", "project")]  # fmt: skip
            assert {answer.status_code for answer in answers} == {404}, (name, who)
            assert told[1].replace(hidden["user"].encode(), b"0" * 32) == told[3], (name, who)


def test_a_restricted_application_credential_changes_nothing(known: dict[str, str], shown: dict[str, str]) -> None:
    """17; Keystone CVE-2026-33551: it makes no keys and no wider credential. Asked by URL, so that none is forgotten."""
    before = User.objects.get(uid=known["user"]).password
    for name in TABLE:
        for method in WRITES:
            answer = asked(method, address(name, known), shown["restricted"])
            assert answer.status_code in (403, 405), (name, method, answer.content)
    assert User.objects.get(uid=known["user"]).password == before


@pytest.mark.parametrize("wrong", ["\x00", "a" * 300, "'; --‮"])
def test_no_id_breaks_a_url(known: dict[str, str], shown: dict[str, str], wrong: str) -> None:
    """36: 404 for whatever is no id."""
    for name in TABLE:
        wanted = re.findall(r"<\w+:(\w+)>", ROUTES[name][0])
        for key in wanted:
            path = address(name, known).replace(known[key], quote(wrong))
            assert asked("GET", path, shown["administrator"]).status_code in (404, 405), (name, key)


@pytest.mark.parametrize(
    "query", ["limit=-1", "limit=" + "9" * 5000, "limit=x", "marker=%00", "limit=1&marker=%00", "marker=%ff"]
)
def test_no_page_breaks_a_list(known: dict[str, str], shown: dict[str, str], query: str) -> None:
    for name, row in TABLE.items():
        if row in (ALL, LISTS, LIST_ALL):
            status = asked("GET", f"{address(name, known)}?{query}", shown["administrator"]).status_code
            assert status in (200, 400, 404), (name, status)


def test_every_list_says_that_it_is_not_all(
    org: SimpleNamespace, known: dict[str, str], shown: dict[str, str], settings: Any
) -> None:
    """Keystone cuts at 1,000 without a word. Here nothing is cut below the bound, and pages come to the whole list."""
    give(org.administrator, "roster:project_viewer", org.alpha)
    a_project("gamma")
    token = shown["administrator"]
    whole = {name: found for name in TABLE if (found := a_list(address(name, known), token))}
    assert not [name for name, found in whole.items() if "truncated" in found or found["links"]["next"]]
    settings.ROSTER_IDENTITY_LIST_LIMIT, cut = 1, set()
    for name, everything in whole.items():
        pages = [a_list(address(name, known), token)]
        while path := pages[-1]["links"]["next"]:
            pages.append(a_list(path.removeprefix(settings.ROSTER_BASE_URL), token))
        kind = next(iter(everything))
        assert [one for page in pages for one in page[kind]] == everything[kind], name
        assert ("truncated" in pages[0]) is (len(pages) > 1), name
        cut |= {name} if len(pages) > 1 else set()
    assert {"identity_user_index", "identity_project_index", "identity_role_index", "identity_service_index",
            "identity_endpoint_index", "identity_assignment_index", "identity_auth_projects"} <= cut  # fmt: skip


def a_list(path: str, token: str) -> Any:
    """The answer, where it is a list that may go on; else None."""
    answer = asked("GET", path, token)
    told = json.loads(answer.content) if answer.status_code == 200 else {}
    return told if "next" in told.get("links", {}) else None
