"""Files with which programs sign in as a project user: read here by the programs that they are for, or their parsers."""

import configparser
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from openstack.config import OpenStackConfig

from accounts.models import User
from console.credential_files import FILES, SignIn, clouds, dotenv, openrc, rclone
from console.views import identity_tokens
from policies import tokens
from policies.actions.services import update_service
from policies.actions.users import generate_password
from policies.models import AuditEvent
from tests.console.pages import Page
from tests.console.services import a_service, an_endpoint
from tests.factories import COMMAND, a_project, signed_in

pytestmark = pytest.mark.django_db
ClientOf = Callable[[str], Client]

AUTH_URL = "http://127.0.0.1:8000/identity/v3"
PASSWORD = "Ab1" * 8
HOSTILE = "x'; touch pwned; echo \"$(touch pwned)`touch pwned`\\ #%(y)s"


def url(user: User, name: str) -> str:
    assert user.project is not None
    return reverse(f"project_user_{name}", args=[user.project.uid, user.uid])


def download(client: Client, user: User, file: str, **data: str) -> Any:
    answer: HttpResponse = client.post(url(user, "file_download"), {"file": file, **data})  # type: ignore[assignment]
    assert answer.status_code == 200
    return answer


@pytest.fixture
def keeper(client_of: ClientOf) -> Client:
    return client_of("keeper")


def sign_in(**changed: str) -> SignIn:
    known = {"auth_url": AUTH_URL, "username": "user-1", "project_id": "0" * 32, "project_name": "alpha"}
    return SignIn(**{**known, **changed})


def sourced(text: str, folder: Path, shell: str, typed: str = "") -> dict[str, str]:
    """The variables that a real shell has after it read the file, in which it should set nothing else going."""
    (folder / "openrc.sh").write_text(text)
    environment = {"PATH": os.environ["PATH"], "OS_TOKEN": "of somebody else", "OS_CLOUD": "another"}
    done = subprocess.run(
        [shell, "-c", ". ./openrc.sh; env -0"], cwd=folder, env=environment, input=typed.encode(), capture_output=True,
        check=True, timeout=20,
    )  # fmt: skip
    assert [path.name for path in folder.iterdir()] == ["openrc.sh"]
    found = dict(line.split("=", 1) for line in done.stdout.decode().split("\0") if line)
    return {name: value for name, value in found.items() if name.startswith("OS_")}


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_real_shell_signs_in_with_openrc(org: SimpleNamespace, keeper: Client, tmp_path: Path, shell: str) -> None:
    answer = download(keeper, org.alpha_user, "openrc.sh")
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Disposition"] == 'attachment; filename="openrc.sh"'
    assert sourced(answer.content.decode(), tmp_path, shell, f"{HOSTILE}\n") == {
        "OS_AUTH_URL": AUTH_URL,
        "OS_IDENTITY_API_VERSION": "3",
        "OS_USERNAME": "alpha-user",
        "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_ID": org.alpha.uid,
        "OS_PROJECT_NAME": "alpha",
        "OS_PROJECT_DOMAIN_NAME": "Default",
        "OS_PASSWORD": HOSTILE,
    }


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("field", ["auth_url", "username", "project_id", "project_name", "region", "password"])
def test_nothing_in_it_runs(tmp_path: Path, shell: str, field: str) -> None:
    """28: whatever the values may become one day."""
    assert HOSTILE in sourced(openrc(sign_in(**{"password": "p", field: HOSTILE})), tmp_path, shell).values()


def test_the_other_files_quote_too(tmp_path: Path) -> None:
    to = sign_in(username=HOSTILE, password=HOSTILE)
    assert yaml.safe_load(clouds(to))["clouds"]["alpha"]["auth"]["password"] == HOSTILE
    (tmp_path / "file.env").write_text(dotenv(to))
    read = ["sh", "-c", 'set -a; . ./file.env; printf %s "$OS_USERNAME"']
    done = subprocess.run(read, cwd=tmp_path, capture_output=True, check=True, timeout=20)
    assert done.stdout.decode() == HOSTILE
    assert [path.name for path in tmp_path.iterdir()] == ["file.env"]


@pytest.mark.filterwarnings("ignore:Support for InfluxDB")
def test_clouds_yaml_is_understood_by_the_sdk(org: SimpleNamespace, keeper: Client, tmp_path: Path) -> None:
    (tmp_path / "clouds.yaml").write_bytes(download(keeper, org.alpha_user, "clouds.yaml", password=PASSWORD).content)
    config = OpenStackConfig(
        config_files=[str(tmp_path / "clouds.yaml")], secure_files=[], vendor_files=[], load_envvars=False
    )
    cloud = config.get_one(cloud="alpha")
    assert cloud.get_auth_args() == {
        "auth_url": AUTH_URL, "username": "alpha-user", "user_domain_name": "Default", "project_id": org.alpha.uid,
        "password": PASSWORD,
    }  # fmt: skip


def test_rclone_reads_its_file(org: SimpleNamespace, keeper: Client, tmp_path: Path) -> None:
    storage = update_service(actor=COMMAND, service=a_service("storage"), service_type="object-store")
    an_endpoint(storage, url="https://storage.example.com:8080/v1/AUTH_%(project_id)s")
    path = tmp_path / "rclone.conf"
    path.write_bytes(download(keeper, org.alpha_user, "rclone.conf", password=PASSWORD).content)
    found = configparser.ConfigParser(interpolation=None)
    found.read(path)
    assert dict(found["alpha"]) == {
        "type": "swift", "auth_version": "3", "auth": AUTH_URL, "user": "alpha-user", "key": PASSWORD, "domain": "Default",
        "tenant": "alpha", "tenant_id": org.alpha.uid, "tenant_domain": "Default", "region": "GRA",
    }  # fmt: skip
    assert dict(found["alpha-s3"]) == {
        "type": "s3", "provider": "Other", "env_auth": "true", "endpoint": "https://storage.example.com:8080",
        "region": "GRA",
    }  # fmt: skip
    if shutil.which("rclone"):
        listed = subprocess.run(
            ["rclone", "--config", path, "listremotes"], capture_output=True, check=True, timeout=60, text=True
        )
        assert listed.stdout.split() == ["alpha:", "alpha-s3:"]


def test_s3_has_a_server_of_its_own_where_the_catalogue_names_one(org: SimpleNamespace, keeper: Client) -> None:
    for name, address in (("s3", "https://s3.example.com"), ("object-store", "https://swift.example.com/v1")):
        an_endpoint(update_service(actor=COMMAND, service=a_service(f"a-{name}"), service_type=name), url=address)
    assert b"endpoint = https://s3.example.com\n" in download(keeper, org.alpha_user, "rclone.conf").content


def test_without_object_storage_there_is_no_s3() -> None:
    assert "s3" not in rclone(sign_in())


def test_a_region_is_chosen_where_there_are_several(org: SimpleNamespace, keeper: Client) -> None:
    assert b"OS_REGION_NAME=" not in download(keeper, org.alpha_user, ".env").content
    endpoint = an_endpoint(update_service(actor=COMMAND, service=a_service("storage"), service_type="object-store"))
    assert b"OS_REGION_NAME=GRA\n" in download(keeper, org.alpha_user, ".env").content
    assert "Region" not in Page(keeper.get(url(org.alpha_user, "files"))).text
    an_endpoint(endpoint.service, region="SBG")
    form = Page(keeper.get(url(org.alpha_user, "files"))).form("region", "file")
    assert ("file", "clouds.yaml") in form.buttons
    answer: Any = form.submit(keeper, "", file=".env", region="SBG")
    assert b"OS_REGION_NAME=SBG\n" in answer.content
    for other in ("", "nowhere", "x\ny"):
        assert b"REGION" not in download(keeper, org.alpha_user, ".env", region=other).content


def test_the_password_is_in_them_only_on_the_one_time_page(org: SimpleNamespace, keeper: Client) -> None:
    """27, 28: Roster keeps no copy; the page that shows it once sends it along."""
    user, page = org.alpha_user, url(org.alpha_user, "password")
    assert "password" not in Page(keeper.get(url(user, "files"))).form("file").names
    before = AuditEvent.objects.count()
    shown = keeper.post(page, {"nonce": keeper.get(page).context["nonce"]})
    password = shown.context["password"]
    form = Page(shown).form("file", "password")
    for name in FILES:
        answer: Any = form.submit(keeper, page, file=name)
        assert password in answer.content.decode()
        assert answer["Cache-Control"] == "no-store"
        assert password not in download(keeper, user, name).content.decode()
    assert password not in str(list(AuditEvent.objects.values_list("before", "after")))
    assert AuditEvent.objects.count() == before + 1  # the password was made


def test_what_is_no_generated_password_gets_into_no_file(org: SimpleNamespace, keeper: Client) -> None:
    page = url(org.alpha_user, "file_download")
    for hostile in ("a b", "a\nb", "$(x)", "ä" * 24, "a" * 65, "\x00", "'"):
        assert keeper.post(page, {"file": "openrc.sh", "password": hostile}).status_code == 400
    for name in ("", "../openrc.sh", "passwd"):
        assert keeper.post(page, {"file": name}).status_code == 400
    assert keeper.get(page).status_code == 405


# ---- The token


def test_whoever_knows_the_users_password_gets_a_token(org: SimpleNamespace, keeper: Client) -> None:
    password, page = generate_password(actor=COMMAND, user=org.alpha_user), url(org.alpha_user, "token")
    before = AuditEvent.objects.count()
    an_endpoint(update_service(actor=COMMAND, service=a_service("storage"), service_type="object-store"))
    answer: Any = Page(keeper.get(page)).form("password").submit(keeper, page, password=password)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    token = tokens.read(answer.context["text"])
    assert (token.user, token.project) == (org.alpha_user, org.alpha)
    text = Page(answer).text
    assert answer.context["text"] in text
    assert "AI Training Read" in text
    assert "https://storage.example.com/v1" in text
    assert password not in answer.content.decode()
    told = AuditEvent.objects.order_by("sequence")[before:]
    assert [event.action for event in told][-1] == "user.get_token"
    assert told[len(told) - 1].actor == org.keeper.label
    assert answer.context["text"] not in str(list(AuditEvent.objects.values_list("before", "after")))


def test_without_the_password_there_is_none(org: SimpleNamespace, keeper: Client, client_of: ClientOf) -> None:
    """7: tries are limited; one's own password is of no use."""
    generate_password(actor=COMMAND, user=org.alpha_user)
    page = url(org.alpha_user, "token")
    answers = [keeper.post(page, {"password": f"wrong {number}"}) for number in range(12)]
    assert [answer.status_code for answer in answers[:10]] == [422] * 10
    assert (answers[11].status_code, "Retry-After" in answers[11]) == (429, True)
    assert "text" not in (answers[0].context or {})
    assert client_of("outsider").post(page, {"password": "x"}).status_code == 404


def test_without_a_role_there_is_no_token(org: SimpleNamespace, keeper: Client) -> None:
    password = generate_password(actor=COMMAND, user=org.alpha_user)
    org.alpha_user.role_assignments.all().delete()
    answer: Any = keeper.post(url(org.alpha_user, "token"), {"password": password})
    assert answer.status_code == 422
    assert "This user has no role here" in Page(answer).text


def test_people_get_one_of_their_own(org: SimpleNamespace) -> None:
    """For a project where one holds a role, or for none; by one's own password, though one is signed in already."""
    org.keeper.set_password(PASSWORD)
    org.keeper.save()
    keeper, page = signed_in(org.keeper), reverse("account_token")
    assert page in Page(keeper.get(reverse("account_detail"))).links
    shown = Page(keeper.get(page))
    assert ("option", "value", "alpha") in shown.attributes
    assert ("option", "value", "beta") not in shown.attributes
    form = shown.form("project", "password")
    for project, found in (("Alpha", org.alpha), ("", None)):
        answer: Any = form.submit(keeper, page, project=project, password=PASSWORD)
        assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
        token = tokens.read(answer.context["text"])
        assert (token.user, token.project) == (org.keeper, found)
        assert PASSWORD not in answer.content.decode()
    for project, password, said in (
        ("beta", PASSWORD, "You hold no role in a project with this short name."),
        ("nothing", PASSWORD, "You hold no role in a project with this short name."),
        ("alp", PASSWORD, "short name. Near names: alpha."),
        ("alpha", "wrong", "That is not your password"),
    ):
        answer = form.submit(keeper, page, project=project, password=password)
        assert (answer.status_code, said in Page(answer).text) == (422, True)
        assert Page(answer).form("project").fields["project"] == [project]
        assert "beta." not in Page(answer).text


def test_a_project_that_is_not_suggested_can_be_typed(org: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_tokens, "PROJECTS_OFFERED", 1)
    last = a_project("z" * 80)  # the longest short name
    org.administrator.set_password(PASSWORD)
    org.administrator.save()
    administrator, page = signed_in(org.administrator), reverse("account_token")
    shown = Page(administrator.get(page))
    assert [value for tag, _, value in shown.attributes if tag == "option"] == ["alpha"]
    assert "The first 1 are suggested; any other can be typed." in shown.text
    form = shown.form("project", "password")
    answer: Any = form.submit(administrator, page, project=last.slug, password=PASSWORD)
    assert tokens.read(answer.context["text"]).project == last


def test_files_are_among_the_actions_of_a_user(org: SimpleNamespace, keeper: Client, client_of: ClientOf) -> None:
    files = url(org.alpha_user, "files")
    assert files in Page(keeper.get(reverse("project_user_index", args=[org.alpha.uid]))).links
    assert files in Page(keeper.get(url(org.alpha_user, "detail"))).links
    assert files in Page(client_of("viewer").get(url(org.alpha_user, "detail"))).links
