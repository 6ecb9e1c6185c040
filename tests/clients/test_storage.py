"""swiftclient and keystoneauth1 in front, keystonemiddleware behind, all unmodified: whoever has the role gets in."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients import storage
from tests.clients.world import Demo

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import requests
    from keystoneauth1 import exceptions, session
    from keystoneauth1.identity import v3
    from swiftclient.client import Connection
    from swiftclient.exceptions import ClientException

# The clients warn of what is theirs to mend.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def running(demo: Demo) -> Iterator[Demo]:
    with storage.serving(demo):
        yield demo


@pytest.fixture
def client(running: Demo) -> Iterator[session.Session]:
    """Alice, in her project."""
    found = signed_in(running)
    yield found
    found.session.close()


def signed_in(demo: Demo, who: str = "alice", **more: Any) -> session.Session:
    named = {"username": who, "password": demo.passwords[who], "user_domain_id": "default"}
    scope = {"project_name": "demo", "project_domain_id": "default"}
    auth = v3.Password(f"{demo.auth_url}/v3", **named, **(more or scope))
    return session.Session(auth=auth, session=requests.Session())


def asked(demo: Demo, token: str, **headers: str) -> requests.Response:
    """What the storage answers to a token, whatever shows it."""
    url = f"{demo.storage}/v1/AUTH_{demo.project}"
    return requests.get(url, headers={"X-Auth-Token": token, **headers}, timeout=30)


def test_swiftclient_uploads_and_lists(running: Demo) -> None:
    said = running.variables("alice")
    connection = Connection(
        authurl=f"{said['OS_AUTH_URL']}/v3", user="alice", key=said["OS_PASSWORD"], auth_version="3", retries=0,
        os_options={"project_name": "demo", "user_domain_id": "default", "project_domain_id": "default",
                    "region_name": "RegionOne"},
    )  # fmt: skip
    connection.put_container("models")
    connection.put_object("models", "weights", b"0123")
    assert connection.get_object("models", "weights")[1] == b"0123"
    headers, listed = connection.get_container("models")
    assert [one["name"] for one in listed] == ["weights"]
    assert json.loads(headers["x-seen"]) == {
        "HTTP_X_IDENTITY_STATUS": "Confirmed", "HTTP_X_USER_NAME": "alice", "HTTP_X_PROJECT_NAME": "demo",
        "HTTP_X_ROLES": "objectstore_operator", "HTTP_X_SERVICE_ROLES": None,
    }  # fmt: skip
    connection.close()
    wrong = Connection(
        authurl=f"{said['OS_AUTH_URL']}/v3", user="alice", key="wrong", auth_version="3", retries=0,
        os_options={"project_name": "demo", "user_domain_id": "default", "project_domain_id": "default"},
    )  # fmt: skip
    with pytest.raises(ClientException):
        wrong.get_account()


def test_keystoneauth_finds_the_way_by_itself(running: Demo, client: session.Session) -> None:
    assert client.get_endpoint(service_type="object-store", interface="public") == (
        f"{running.storage}/v1/AUTH_{running.project}"
    )
    assert client.get_project_id() == running.project
    assert client.get_user_id() == running.user
    filters = {"service_type": "object-store", "region_name": "RegionOne", "interface": "internal"}
    assert client.get("/", endpoint_filter=filters).status_code == 200
    own = client.get(f"/users/{running.user}", endpoint_filter={"service_type": "identity", "version": "3"})
    assert own.json()["user"]["name"] == "alice"


def test_a_token_gets_another_one_for_a_project(running: Demo) -> None:
    """As Horizon: without scope first, then for the project that was chosen."""
    first = signed_in(running, "admin", unscoped=True)
    assert first.auth.get_access(first).project_id is None
    url = f"{running.auth_url}/v3"
    second = session.Session(v3.Token(url, first.get_token(), project_id=running.project), session=requests.Session())
    assert second.auth.get_access(second).project_name == "demo"
    assert {*second.auth.get_access(second).role_names} == {"roster:administrator"}
    for one in (first, second):
        one.session.close()


def test_only_whoever_has_the_role_gets_in(running: Demo, client: session.Session) -> None:
    """And what a client says about itself counts for nothing (keystonemiddleware CVE-2026-22797)."""
    token = client.get_token()
    assert asked(running, token).status_code == 200
    claimed = {"X-Roles": "objectstore_operator", "X-Identity-Status": "Confirmed", "X-Project-Id": running.project}
    assert asked(running, "", **claimed).status_code == 401
    assert asked(running, "nonsense", **claimed).status_code == 401
    assert asked(running, token[:-1], **claimed).status_code == 401
    admin = signed_in(running, "admin")
    answer = asked(running, admin.get_token(), **claimed)
    assert (answer.status_code, json.loads(answer.headers["X-Seen"])["HTTP_X_ROLES"]) == (403, "roster:administrator")
    admin.session.close()


def test_a_service_vouches_for_a_request(running: Demo, client: session.Session) -> None:
    """X-Service-Token: with it, the middleware asks with allow_expired."""
    service = signed_in(running, "swift")
    answer = asked(running, client.get_token(), **{"X-Service-Token": service.get_token()})
    assert answer.status_code == 200
    assert json.loads(answer.headers["X-Seen"])["HTTP_X_SERVICE_ROLES"] == "token_validator"
    assert asked(running, client.get_token(), **{"X-Service-Token": client.get_token()}).status_code == 401
    service.session.close()


def test_what_ends_a_token_ends_it_at_the_next_request(running: Demo, client: session.Session) -> None:
    """13: a role taken, a user disabled, a new password; on whichever worker is asked. A client signs in again by itself."""
    token, admin, v3_url = client.get_token(), signed_in(running, "admin"), f"{running.auth_url}/v3"
    [role] = admin.get(f"{v3_url}/roles?name=objectstore_operator").json()["roles"]
    alice = f"{v3_url}/users/{running.user}"
    held = f"{v3_url}/projects/{running.project}/users/{running.user}/roles/{role['id']}"

    def answers() -> set[int]:
        return {asked(running, token).status_code for _ in range(4)}

    admin.delete(held)
    assert answers() == {401}  # no role is left in the project
    with pytest.raises(exceptions.Unauthorized):
        signed_in(running).get_token()
    admin.put(held)
    assert answers() == {200}
    admin.patch(alice, json={"user": {"enabled": False}})
    assert answers() == {401}
    running.passwords["alice"] = "a long enough new one"
    admin.patch(alice, json={"user": {"enabled": True, "password": running.passwords["alice"]}})
    assert answers() == {401}
    again = signed_in(running)
    assert asked(running, again.get_token()).status_code == 200
    for one in (admin, again):
        one.session.close()


def test_an_application_credential_opens_the_storage(running: Demo, client: session.Session) -> None:
    url = f"{running.auth_url}/v3/users/{running.user}/application_credentials"
    made = client.post(url, json={"application_credential": {"name": f"backup-{os.getpid()}"}})
    credential = made.json()["application_credential"]
    auth = v3.ApplicationCredential(
        f"{running.auth_url}/v3",
        application_credential_id=credential["id"],
        application_credential_secret=credential["secret"],
    )
    program = session.Session(auth=auth, session=requests.Session())
    assert asked(running, program.get_token()).status_code == 200
    with pytest.raises(exceptions.Forbidden):
        program.post(url, json={"application_credential": {"name": "another"}})
    client.delete(f"{url}/{credential['id']}")
    assert asked(running, program.get_token()).status_code == 401
    program.session.close()


# The file of this name, as the one-time page gives it out.
FILE = """
from accounts.models import User
from console.credential_files import FILES, sign_in_of
user = User.objects.get(username="alice")
print(FILES["{name}"].text(sign_in_of(user, region="RegionOne", password="{password}")))
"""


COMMANDS = {
    "openrc.sh": ". ./openrc.sh && exec swift download models weights --ignore-checksum -o -",
    ".env": "set -a; . ./.env; exec swift download models weights --ignore-checksum -o -",
    "rclone.conf": "exec rclone --config rclone.conf cat demo:models/weights",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_programs_sign_in_with_the_files(running: Demo, client: session.Session, tmp_path: Path, name: str) -> None:
    """A real shell, swift and rclone get what was uploaded, with nothing but the file."""
    url = f"{running.storage}/v1/AUTH_{running.project}/models"
    client.put(url)
    client.put(f"{url}/weights", data=b"0123")
    if name == "rclone.conf" and not shutil.which("rclone"):
        pytest.skip("There is no rclone here.")
    text = running.server.shell(FILE.format(name=name, password=running.passwords["alice"]))
    (tmp_path / name).write_text(text)
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # swift is beside our Python
    environment = {"PATH": programs, "HOME": str(tmp_path)}
    done = subprocess.run(
        ["sh", "-c", COMMANDS[name]], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout) == (0, "0123"), done.stderr
