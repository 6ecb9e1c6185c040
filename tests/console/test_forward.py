"""Forward auth: whom a proxy lets through to a web tool, as whom, and what others are told."""

from base64 import b64encode
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from console import basic_auth
from console.environment import networks
from policies import tokens
from policies.actions.app_tokens import create_app_token
from policies.actions.resources import register_resource, update_resource
from policies.actions.switches import switch_catalogue
from policies.actions.users import add_project_user, disable_user, generate_password
from policies.actor import Actor
from policies.models import ApplicationCredential, EntityType, Resource
from policies.web_addresses import normal, prefixes, resource_at
from tests.console.conftest import person, role
from tests.factories import COMMAND, a_service, give, signed_in

pytestmark = pytest.mark.django_db
ClientOf = Callable[[str], Client]
URL = "https://tools.example.com/notebook-1"
READER, OPERATOR = "ovhcloud:ai_training_read", "ovhcloud:ai_training_operator"


def a_tool(scope: Any, url: str = URL, kind: str = "notebook", **more: Any) -> Resource:
    entity_type = EntityType.objects.get(catalogue__code="ovhcloud", code=kind)
    return register_resource(actor=COMMAND, entity_type=entity_type, scope=scope, name=url[-20:], url=url, **more)


@pytest.fixture(autouse=True)
def proxy(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' client is a proxy that is trusted."""
    monkeypatch.setenv("ROSTER_TRUSTED_PROXIES", "127.0.0.1")
    settings.ROSTER_TRUSTED_PROXIES = networks("ROSTER_TRUSTED_PROXIES")
    basic_auth._right.clear()


@pytest.fixture
def tool(org: SimpleNamespace) -> Resource:
    return a_tool(org.alpha)


def somebody(username: str, *roles: str, scope: Any = None) -> User:
    """A person with roles, who signs in without a password: hashing takes long."""
    found = person(username, username.title())
    for name in roles:
        give(found, name, scope)
    return found


def ask(
    client: Client | None = None, path: str = "/notebook-1/lab", method: str = "GET", host: str = "tools.example.com",
    scheme: str = "https", **headers: str,
) -> HttpResponse:  # fmt: skip
    """What a proxy hears about a request."""
    said = {
        "X-Forwarded-Method": method,
        "X-Forwarded-Proto": scheme,
        "X-Forwarded-Host": host,
        "X-Forwarded-Uri": path,
    }
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    answer: Any = (client or Client()).get(reverse("forward_auth"), headers={**said, **shown})
    return answer  # type: ignore[no-any-return]


def basic(name: str, password: str) -> str:
    return f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"


def bearer(user: User, project: Any) -> str:
    return f"Bearer {tokens.issue(user, project, ['password'])}"


@pytest.fixture
def program(org: SimpleNamespace) -> tuple[User, str]:
    """A project user with a password, who reads."""
    return add_project_user(actor=COMMAND, project=org.alpha, description="x", username="svc", roles=[role(READER)])


# ---- Who gets through, and as whom


def test_a_signed_in_person_with_a_role(org: SimpleNamespace, tool: Resource) -> None:
    ana = somebody("ana", READER, scope=org.alpha)
    answer = ask(signed_in(ana))
    assert answer.status_code == 200
    assert answer.content == b""
    assert {name: answer[name] for name in ("X-Roster-User", "X-Roster-Roles", "X-Roster-Project")} == {
        "X-Roster-User": "ana", "X-Roster-Roles": "ai_training_read", "X-Roster-Project": "alpha",
    }  # fmt: skip
    assert ask(signed_in(ana), method="POST").status_code == 200  # its type names one action for both


def test_the_headers_of_the_client_change_nothing(org: SimpleNamespace, tool: Resource) -> None:
    """Forged identity headers behind a proxy (keystonemiddleware CVE-2026-22797, authentik CVE-2026-25748)."""
    forged = {"X_Roster_User": "administrator", "X_Roster_Roles": "administrator", "X_Roster_Project": "beta"}
    assert ask(**forged).status_code == 401
    ana = somebody("ana", READER, scope=org.alpha)
    assert ask(signed_in(ana), **forged)["X-Roster-User"] == "ana"
    more = {"X_Original_URL": f"{URL}/", "X_Original_URI": "/notebook-1/", "X_Original_Method": "GET"}
    assert ask(signed_in(ana), path="/other", **more).status_code == 403


def test_a_project_users_own_password(org: SimpleNamespace, tool: Resource, program: tuple[User, str]) -> None:
    user, password = program
    answer = ask(Authorization=basic("svc", password))
    assert (answer.status_code, answer["X-Roster-User"], answer["X-Roster-Roles"]) == (200, "svc", "ai_training_read")
    user.refresh_from_db()
    assert user.last_used_at is not None
    for name, secret in (("svc", "wrong"), ("nobody", password), ("", password), ("svc", ""), ("s\x00", password)):
        assert ask(Authorization=basic(name, secret)).status_code == 401
    for header in ("Basic", "Basic ???", "Basic /w==", "Bearer roster_t_x", "Bearer roster_app_x"):
        assert ask(Authorization=header).status_code == 401


def test_a_persons_password_opens_nothing_here(org: SimpleNamespace, tool: Resource) -> None:
    ana = somebody("ana", READER, scope=org.alpha)
    password = generate_password(actor=COMMAND, user=ana)
    User.objects.filter(pk=ana.pk).update(password_is_temporary=False)
    assert ask(Authorization=basic("ana", password)).status_code == 401


def test_a_right_password_is_hashed_once(
    org: SimpleNamespace, tool: Resource, program: tuple[User, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is worth nothing as soon as the user is disabled, has another one, or lost the role."""
    user, password = program
    hashed: list[str] = []
    check = User.check_password

    def counted(self: User, raw: str) -> bool:
        hashed.append(raw)
        return check(self, raw)

    monkeypatch.setattr(User, "check_password", counted)
    shown = basic("svc", password)
    assert [ask(Authorization=shown).status_code for _ in range(3)] == [200] * 3
    assert len(hashed) == 1
    assert password not in repr(basic_auth._right)
    disable_user(actor=COMMAND, user=user)
    assert ask(Authorization=shown).status_code == 401
    User.objects.filter(pk=user.pk).update(is_active=True)
    assert ask(Authorization=shown).status_code == 200
    new = generate_password(actor=COMMAND, user=user)
    assert ask(Authorization=shown).status_code == 401
    assert ask(Authorization=basic("svc", new)).status_code == 200
    user.role_assignments.all().delete()
    assert ask(Authorization=basic("svc", new)).status_code == 403


def test_tries_of_passwords_are_limited(org: SimpleNamespace, tool: Resource, program: tuple[User, str]) -> None:
    """7: before anything is hashed."""
    answers = [ask(Authorization=basic("svc", f"wrong-{number}")).status_code for number in range(12)]
    assert answers[:10] == [401] * 10
    assert answers[-1] == 429
    assert ask(Authorization=basic("svc", program[1]))["Retry-After"]


def test_an_identity_token_opens_its_own_project(org: SimpleNamespace, tool: Resource) -> None:
    other = a_tool(org.beta, "https://tools.example.com/other")
    ana = somebody("ana", READER, scope=org.alpha)
    give(ana, READER, org.beta)
    assert ask(Authorization=bearer(ana, org.alpha))["X-Roster-User"] == "ana"
    assert ask(Authorization=bearer(ana, org.beta)).status_code == 403
    assert ask(Authorization=bearer(ana, None)).status_code == 403
    assert ask(path="/other", Authorization=bearer(ana, org.beta)).status_code == 200
    shown = bearer(ana, org.alpha)
    ana.role_assignments.all().delete()
    assert ask(Authorization=shown).status_code == 401
    assert other.url.endswith("other")


def test_an_application_credential_opens_what_its_roles_allow(org: SimpleNamespace, tool: Resource) -> None:
    """17: never more than its own roles, whatever its user may."""
    ana = somebody("ana", READER, scope=org.alpha)
    give(ana, "ovhcloud:objectstore_operator", org.alpha)
    for name, expected in ((READER, 200), ("ovhcloud:objectstore_operator", 403)):
        credential = ApplicationCredential.objects.create(user=ana, project=org.alpha, name=name, digest=name)
        credential.roles.set([role(name)])
        shown = tokens.issue(ana, org.alpha, ["application_credential"], credential=credential)
        assert ask(Authorization=f"Bearer {shown}").status_code == expected


def test_an_app_token_opens_what_carries_its_label(org: SimpleNamespace, tool: Resource) -> None:
    """OVH-17."""
    labelled = a_tool(org.alpha, "https://tools.example.com/labelled", tags=["team=vision"])
    maker = somebody("ana", OPERATOR, scope=org.alpha)
    give(maker, "roster:project_administrator", org.alpha)
    until = timezone.now() + timezone.timedelta(days=7)
    _, secret = create_app_token(
        actor=Actor("ana", maker), project=org.alpha, name="ci", role=role(READER), selector="team=vision",
        expires_at=until,
    )  # fmt: skip
    answer = ask(path="/labelled/x", Authorization=f"Bearer {secret}")
    assert (answer.status_code, answer["X-Roster-User"], answer["X-Roster-Roles"]) == (200, "ana", "ai_training_read")
    assert ask(Authorization=f"Bearer {secret}").status_code == 403
    maker.role_assignments.all().delete()
    assert ask(path="/labelled/x", Authorization=f"Bearer {secret}").status_code in (401, 403)
    assert labelled.url


def test_words_of_the_tool_itself_in_authorization_are_left_to_it(org: SimpleNamespace, tool: Resource) -> None:
    client = signed_in(somebody("ana", READER, scope=org.alpha))
    for shown in ("token of-the-notebook", "Bearer eyJhbGciOi.of-the-tool", "Digest x"):
        assert ask(client, Authorization=shown).status_code == 200
        assert ask(Authorization=shown).status_code == 401


# ---- Who does not


def test_a_browser_is_led_to_the_sign_in_page_and_back(org: SimpleNamespace, tool: Resource, settings: Any) -> None:
    settings.ROSTER_BASE_URL = "https://tools.example.com"
    answer = ask(path="/notebook-1/lab?file=a b", Accept="text/html,*/*")
    sign_in = (
        f"https://tools.example.com/sign-in/?next={quote('/notebook-1/lab?file=a b', safe='').replace('%20', '+')}"
    )
    assert (answer.status_code, answer["Location"], answer["Refresh"]) == (401, sign_in, f"0; url={sign_in}")
    assert "WWW-Authenticate" not in answer  # no dialog of the browser's own
    assert b"Sign in first" in answer.content
    elsewhere = ask(host="elsewhere.example.com", path="/x", Accept="text/html")
    assert elsewhere["Location"] == "https://tools.example.com/sign-in/"


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "https:evil", "/x\r\nSet-Cookie: a=b", "/..//x"])
def test_nobody_is_led_elsewhere(org: SimpleNamespace, path: str, settings: Any) -> None:
    """33: next."""
    settings.ROSTER_BASE_URL = "https://tools.example.com"
    answer = ask(path=path, Accept="text/html")
    assert answer["Location"] == "https://tools.example.com/sign-in/"
    assert "Set-Cookie" not in answer


def test_a_program_is_told_what_to_show(tool: Resource) -> None:
    answer: Any = ask()
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith('Bearer realm="Roster", Basic')
    assert answer.json()["error"]["status"] == 401


def test_the_reason_is_for_those_who_may_see_the_thing(org: SimpleNamespace, client_of: ClientOf) -> None:
    kind = EntityType.objects.get(catalogue__code="runai", code="workspace")
    switch_catalogue(actor=COMMAND, catalogue=kind.catalogue, enabled=True)
    register_resource(actor=COMMAND, entity_type=kind, scope=org.alpha, name="ws-7", url=URL)
    viewer = somebody("ana", "runai:research_manager")
    assert ask(signed_in(viewer)).status_code == 200
    answer = ask(signed_in(viewer), method="POST", Accept="text/html")
    assert answer.status_code == 403
    assert "You may not update" in answer.content.decode()
    assert "Ana" in answer.content.decode()
    assert ask(signed_in(viewer), X_HTTP_Method_Override="DELETE").status_code == 403
    for path in ("/notebook-1/lab", "/nothing"):
        hidden = ask(client_of("outsider"), path=path, Accept="text/html").content.decode()
        assert "Nothing here is open to you" in hidden
        assert "ws-7" not in hidden


@pytest.mark.once
@pytest.mark.parametrize(
    "path",
    ["/", "/notebook-10/lab", "/notebook-", "/Notebook-1/lab", "/other/../notebook-1", "/notebook-1/../admin", "//notebook-1",
     "/notebook-1//x", "/notebook-1/%2e%2e/admin", "/notebook-1/..%2fadmin", "/notebook-1/%252e%252e/admin", "/notebook-1\\x",
     "/notebook-1/..;/admin", "/notebook-1/%00", "/notebook-1/%ff", "notebook-1", "/notebook-1/%5c..", "*", "/notebook-1#x"],
)  # fmt: skip
def test_whatever_could_mean_another_address_is_closed(org: SimpleNamespace, tool: Resource, path: str) -> None:
    """Default deny."""
    assert ask(signed_in(somebody("ana", READER, scope=org.alpha)), path=path).status_code == 403


@pytest.mark.parametrize(
    ("scheme", "host"),
    [("http", "tools.example.com"), ("https", "tools.example.com:8443"), ("https", "example.com"), ("ftp", "tools.example.com"),
     ("https", "tools.example.com, evil"), ("https", "x@tools.example.com"), ("https", "tools.example.com:x")],
)  # fmt: skip
def test_another_server_is_another_address(org: SimpleNamespace, tool: Resource, scheme: str, host: str) -> None:
    assert ask(signed_in(somebody("ana", READER, scope=org.alpha)), scheme=scheme, host=host).status_code == 403


def test_the_same_server_written_otherwise(org: SimpleNamespace, tool: Resource) -> None:
    client = signed_in(somebody("ana", READER, scope=org.alpha))
    for host in ("TOOLS.example.com", "tools.example.com:443"):
        for path in ("/notebook-1", "/notebook-1/", "/notebook-1?x=//../", "/%6eotebook-1/a%20b"):
            assert ask(client, host=host, path=path).status_code == 200


def test_only_a_trusted_proxy_says_what_was_asked(org: SimpleNamespace, tool: Resource, settings: Any) -> None:
    ana = somebody("ana", READER, scope=org.alpha)
    settings.ROSTER_TRUSTED_PROXIES = []
    assert ask(signed_in(ana)).status_code == 400
    assert signed_in(ana).post(reverse("forward_auth")).status_code == 405


def test_whoever_has_a_temporary_password_changes_it_first(org: SimpleNamespace, tool: Resource) -> None:
    ana = somebody("ana", READER, scope=org.alpha)
    User.objects.filter(pk=ana.pk).update(password_is_temporary=True)
    assert ask(signed_in(ana), Accept="text/html").status_code == 401


# ---- Registered addresses


def test_the_longest_address_decides(org: SimpleNamespace, tool: Resource) -> None:
    inner = a_tool(org.alpha, f"{URL}/files", kind="app")
    assert resource_at("https", "tools.example.com", "/notebook-1/files/x") == inner
    assert resource_at("https", "tools.example.com", "/notebook-1/filesystem") == tool
    assert resource_at("https", "tools.example.com", "/") is None


def test_one_query_for_an_address(tool: Resource, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        found = resource_at("https", "tools.example.com", "/notebook-1/a/b/c")
        assert found is not None
        assert (str(found.entity_type.catalogue), str(found.scope)) == ("OVHcloud AI Solutions", "Alpha")


@pytest.mark.parametrize(
    ("url", "kept"),
    [("", ""), ("HTTPS://Tools.Example.com:443/", "https://tools.example.com"), ("http://h:80/a/", "http://h/a"),
     ("http://h:8080/A_b~c@d", "http://h:8080/A_b~c@d"), ("https://[::1]:8443/x", "https://[::1]:8443/x")],
)  # fmt: skip
def test_addresses_are_kept_in_one_form(url: str, kept: str) -> None:
    assert normal(url) == kept
    if kept:
        scheme, _, rest = kept.partition("://")
        host, slash, path = rest.partition("/")
        assert prefixes(scheme, host, slash + path or "/")[-1] in (kept, f"{kept}/")


@pytest.mark.parametrize(
    "url",
    ["tools.example.com", "ftp://h/x", "https://h/x?y", "https://h/x#y", "https://h/../x", "https://h/%2e", "https://h//x",
     "https://a:b@h/", "https://h/a b", "https://h:x/", "https://é/", "https://h/" + "a/" * 13, "javascript:alert(1)"],
)  # fmt: skip
def test_other_addresses_are_refused(org: SimpleNamespace, url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        a_tool(org.alpha, url)
    assert list(refused.value.message_dict) == ["url"]


def test_nobody_takes_the_address_of_another_project(org: SimpleNamespace, tool: Resource) -> None:
    """Whoever registers inside or around an address decides who gets through there."""
    actor = Actor("registrar", a_service("registrar", "roster:resource_registrar", scope=org.beta))
    kind = EntityType.objects.get(catalogue__code="ovhcloud", code="app")
    for url in (URL, f"{URL}/", f"{URL}/admin", "https://tools.example.com"):
        with pytest.raises(ValidationError):
            register_resource(actor=actor, entity_type=kind, scope=org.beta, name="x", url=url)
    own = register_resource(
        actor=actor, entity_type=kind, scope=org.beta, name="x", url="https://tools.example.com/mine"
    )
    with pytest.raises(ValidationError):
        update_resource(actor=actor, resource=own, url=URL)
    with pytest.raises(ValidationError):
        a_tool(org.alpha, URL, kind="app")  # not twice, whoever asks
    assert update_resource(actor=COMMAND, resource=own, url="").url == ""
