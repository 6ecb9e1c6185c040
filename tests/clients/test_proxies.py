"""The shipped configurations of proxies, run by the proxies themselves, in front of a real tool and a live Roster."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
import yaml

from tests.clients.world import Demo
from tests.servers import ROOT, free_port

PROXIES = ROOT / "proxies"
PATH = "/notebook-1"
IDENTITY = ("X-Roster-User", "X-Roster-Roles", "X-Roster-Project")

# A notebook and a workspace of the project at the proxy's address, a person who opens the one and reads the other, and one
# who does neither.
GUARD = """
from accounts.models import Project, Scope, User
from policies.actions.assignments import give_role
from policies.actions.resources import register_resource
from policies.actions.switches import switch_catalogue
from policies.actions.users import add_person, add_project_user
from policies.actor import Actor
from policies.models import Catalogue, EntityType, Role
me, demo = Actor("tests"), Project.objects.get(slug="demo")
switch_catalogue(actor=me, catalogue=Catalogue.objects.get(code="runai"), enabled=True)
for catalogue, code, url in (("ovhcloud", "notebook", "{url}"), ("runai", "workspace", "{url}/only-read")):
    kind = EntityType.objects.get(catalogue__code=catalogue, code=code)
    register_resource(actor=me, entity_type=kind, scope=demo, name=url[-40:], url=url)
roles = list(Role.objects.filter(code__in=("ai_training_read", "objectstore_operator")))
opener, password = add_project_user(actor=me, project=demo, description="Opens", username="opener", roles=roles)
for name in ("ana", "ben"):
    add_person(actor=me, username=name, password="")
ana, manager = User.objects.get(username="ana"), Role.objects.get(code="research_manager")
give_role(actor=me, role=next(role for role in roles if role.code == "ai_training_read"), subject=ana, scope=demo)
give_role(actor=me, role=manager, subject=ana, scope=Scope.objects.root())
User.objects.filter(username__in=("ana", "ben")).update(password_is_temporary=False, password=opener.password)
print(password)
"""
# The clients' tests know who else there is.
UNGUARD = """
from accounts.models import User
from policies.actions.resources import retire_resource
from policies.actions.switches import switch_catalogue
from policies.actions.users import delete_user
from policies.actor import Actor
from policies.models import Catalogue, Resource
me = Actor("tests")
for resource in Resource.objects.filter(url__startswith="{url}"):
    retire_resource(actor=me, resource=resource)
for user in User.objects.filter(username__in=("opener", "ana", "ben")):
    delete_user(actor=me, user=user)
switch_catalogue(actor=me, catalogue=Catalogue.objects.get(code="runai"), enabled=False)
"""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Tool(BaseHTTPRequestHandler):
    """Tells what it was sent."""

    def answer(self) -> None:
        sent = [list(pair) for pair in self.headers.items()]
        body = json.dumps({"path": self.path, "method": self.command, "headers": sent}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def tool() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Tool) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def running(command: list[str | Path], port: int, folder: Path, **variables: str) -> Iterator[None]:
    """A proxy that listens; it goes with the block."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, env={**os.environ, **variables}, stdout=log, stderr=log, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=2):
                    break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()  # noqa: PT018
                time.sleep(0.05)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def program(name: str) -> str:
    """Where a program is: Caddy is beside our Python. Empty where there is none."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return shutil.which(name, path=places) or ""


def caddy(demo: Demo, tool: str, port: int, folder: Path) -> Any:
    listens = demo.server.url.removeprefix("http://")
    return running(
        [program("caddy"), "run", "--adapter", "caddyfile", "--config", PROXIES / "Caddyfile"], port, folder,
        SITE=f"http://127.0.0.1:{port}", ROSTER=listens, ROSTER_HOST="localhost", TOOL_PATH=PATH, TOOL=tool,
        CADDY_ADMIN=f"unix/{folder}/admin", HOME=str(folder), XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder),
    )  # fmt: skip


def nginx(demo: Demo, tool: str, port: int, folder: Path) -> Any:
    """The shipped server without TLS, at these addresses."""
    text = (PROXIES / "nginx.conf").read_text()
    text = re.sub(r"^ *ssl_.*\n", "", text, flags=re.MULTILINE).replace("443 ssl", f"127.0.0.1:{port}")
    text = text.replace("10.0.0.5:8000", demo.server.url.removeprefix("http://")).replace("10.0.0.9:8888", tool)
    text = text.replace("Host tools.example.com", "Host localhost")
    paths = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr; events {{}} http {{ access_log off; {paths}\n{text}\n}}"
    )
    return running([program("nginx"), "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"], port, folder)


class Guarded:
    """The tool behind a proxy."""

    def __init__(self, port: int) -> None:
        self.port, self.url = port, f"http://127.0.0.1:{port}"
        self.password, self.comes_from = "", "127.0.0.1"

    @property
    def basic(self) -> str:
        """What the project user shows."""
        return f"Basic {b64encode(f'opener:{self.password}'.encode()).decode()}"

    def ask(self, path: str, method: str = "GET", body: str | None = None, **headers: str) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=(self.comes_from, 0))
        said = {name if "__" in name else name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {name.replace("__", "_"): value for name, value in said.items()})
        answer = connection.getresponse()
        found = Answer(answer.status, {name.title(): value for name, value in answer.getheaders()}, answer.read())
        connection.close()
        return found

    def sign_in(self, name: str, password: str) -> str:
        """The cookies of a person who signed in through the proxy."""
        page = self.ask("/sign-in/")
        jar = dict(re.findall(r"(roster_\w+)=([^;]+)", page.headers["Set-Cookie"]))
        token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page.body.decode())
        assert token
        form = urlencode({"login": name, "password": password, "csrfmiddlewaretoken": token[1]})
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {
            "Cookie": "; ".join(f"{key}={value}" for key, value in jar.items()), "Origin": self.url,
            "Content-Type": "application/x-www-form-urlencoded",
        }  # fmt: skip
        connection.request("POST", "/sign-in/", form, headers)
        answer = connection.getresponse()
        assert answer.status == 302, answer.read()
        for line in answer.msg.get_all("Set-Cookie") or []:
            jar.update([line.partition(";")[0].split("=", 1)])
        connection.close()
        return "; ".join(f"{key}={value}" for key, value in jar.items())


@pytest.fixture(scope="module", params=[caddy, nginx], ids=["caddy", "nginx"])
def guarded(request: pytest.FixtureRequest, demo: Demo, tool: str, tmp_path_factory: Any) -> Iterator[Guarded]:
    if not program(request.param.__name__):
        pytest.skip(f"There is no {request.param.__name__} here.")
    port = free_port()
    found = Guarded(port)
    found.password = demo.server.shell(GUARD.format(url=found.url + PATH)).splitlines()[-1]
    with request.param(demo, tool, port, tmp_path_factory.mktemp("proxy")):
        yield found
    demo.server.shell(UNGUARD.format(url=found.url + PATH))


def heard(answer: Answer) -> dict[str, list[str]]:
    """The headers that the tool got, by name in small letters."""
    assert answer.status == 200, answer
    found: dict[str, list[str]] = {}
    for name, value in json.loads(answer.body)["headers"]:
        found.setdefault(name.lower(), []).append(value)
    return found


def test_a_project_user_gets_through_as_itself(guarded: Guarded) -> None:
    answer = guarded.ask(f"{PATH}/api?x=1", Authorization=guarded.basic)
    got = heard(answer)
    assert [got[name.lower()] for name in IDENTITY] == [["opener"], ["ai_training_read,objectstore_operator"], ["demo"]]
    assert json.loads(answer.body)["path"] == f"{PATH}/api?x=1"
    assert "authorization" not in got
    sent = guarded.ask(f"{PATH}/api", "POST", "body", Authorization=guarded.basic)
    assert json.loads(sent.body)["method"] == "POST"


def test_spoofed_headers_never_arrive(guarded: Guarded) -> None:
    """Forged identity headers behind a proxy (keystonemiddleware CVE-2026-22797, authentik CVE-2026-25748)."""
    forged = {
        "X_Roster_User": "admin",
        "x_roster_roles": "administrator",
        "X_Roster_Else": "1",
        "X__Roster__User": "admin",
    }
    got = heard(guarded.ask(f"{PATH}/", Authorization=guarded.basic, **forged))
    assert got["x-roster-user"] == ["opener"]
    assert got["x-roster-roles"] == ["ai_training_read,objectstore_operator"]
    assert "admin" not in [value for values in got.values() for value in values]
    assert guarded.ask(f"{PATH}/", **forged).status == 401
    moved = {
        "X_Forwarded_Uri": "/",
        "X_Forwarded_Host": "elsewhere",
        "X_Forwarded_Method": "GET",
        "X_Original_URL": "/",
    }
    assert heard(guarded.ask(f"{PATH}/", Authorization=guarded.basic, **moved))["x-roster-user"] == ["opener"]


def test_nobody_else_gets_through(guarded: Guarded) -> None:
    wrong = f"Basic {b64encode(b'opener:wrong').decode()}"
    for headers in (
        {},
        {"Authorization": wrong},
        {"Authorization": "Bearer roster_t_x"},
        {"Cookie": "roster_session=x"},
    ):
        assert guarded.ask(f"{PATH}/", **headers).status == 401
    for path in (f"{PATH}/../notebook-1", f"{PATH}/%2e%2e/x", f"{PATH}//x", f"{PATH}/..%2fx"):
        assert guarded.ask(path, Authorization=guarded.basic).status in (
            400,
            403,
            404,
        )  # of the console, where the proxy read it so


def test_a_browser_signs_in_and_comes_back(guarded: Guarded) -> None:
    """A person's session, which counts on the console's own host; the tool never sees its cookie."""
    first = guarded.ask(f"{PATH}/lab", Accept="text/html")
    assert first.status in (401, 302)
    assert "/sign-in/" in first.headers["Location"]
    cookies = guarded.sign_in("ana", guarded.password)
    got = heard(guarded.ask(f"{PATH}/lab", Accept="text/html", Cookie=f"{cookies}; of_the_tool=1"))
    assert got["x-roster-user"] == ["ana"]
    assert "roster_session" not in str(got)
    assert "of_the_tool=1" in got["cookie"][0]
    other = guarded.sign_in("ben", guarded.password)
    assert guarded.ask(f"{PATH}/lab", Accept="text/html", Cookie=other).status == 403


def test_whoever_is_refused_reads_why(guarded: Guarded) -> None:
    """Roster's page, which names the thing for those who see it, and the action that was asked for; a program gets JSON."""
    ana, ben = (guarded.sign_in(name, guarded.password) for name in ("ana", "ben"))
    path = f"{PATH}/only-read/x"
    assert guarded.ask(path, Accept="text/html", Cookie=ana).status == 200
    for method in ("POST", "DELETE"):
        refused = guarded.ask(path, method, "body", Accept="text/html", Cookie=ana)
        assert (refused.status, "You may not update" in refused.body.decode()) == (403, True)
    refused = guarded.ask(path, Accept="text/html", Cookie=ben)
    assert (refused.status, "Nothing here is open to you" in refused.body.decode()) == (403, True)
    refused = guarded.ask(path, Authorization=guarded.basic)
    assert (refused.status, json.loads(refused.body)["error"]["status"]) == (403, 403)


def test_a_program_is_told_what_to_show_and_when_to_come_back(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """7: tries are counted for the program's address, not for the proxy's."""
    answer = guarded.ask(f"{PATH}/")
    assert (answer.status, answer.headers["Www-Authenticate"][:6]) == (401, "Bearer")
    wrong = f"Basic {b64encode(f'somebody-{guarded.port}:wrong'.encode()).decode()}"
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(guarded, "comes_from", "127.0.0.2")
        answers = [guarded.ask(f"{PATH}/", Authorization=wrong) for _ in range(12)]
    assert (answers[0].status, answers[-1].status, answers[-1].headers["Retry-After"].isdigit()) == (401, 429, True)
    assert guarded.ask(f"{PATH}/", Authorization=wrong).status == 401


def test_traefik_is_told_the_same() -> None:
    """By contract: which headers it asks with is in its documentation, what is answered in tests/console/test_forward.py."""
    http = yaml.safe_load((PROXIES / "traefik.yaml").read_text())["http"]
    asks = http["middlewares"]["who"]["forwardAuth"]
    assert asks["address"].endswith("/auth/forward")
    assert asks["trustForwardHeader"] is False
    assert tuple(asks["authResponseHeaders"]) == IDENTITY
    assert http["routers"]["notebook"]["middlewares"] == ["who", "private"]
    assert http["middlewares"]["private"]["headers"]["customRequestHeaders"]["Authorization"] == ""
