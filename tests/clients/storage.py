"""A small object storage behind keystonemiddleware's auth_token, unmodified: what it stores it forgets.

    python -m tests.clients.storage PORT '{"auth_url": …, "username": …, "password": …}'

It lets in whoever has the role objectstore_operator in the project of the URL, as Swift's keystoneauth does, and says in
X-Seen what the middleware told it about them.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from tests.clients.world import Demo
from tests.servers import ROOT

SEEN = ("HTTP_X_IDENTITY_STATUS", "HTTP_X_USER_NAME", "HTTP_X_PROJECT_NAME", "HTTP_X_ROLES", "HTTP_X_SERVICE_ROLES")
objects: dict[str, bytes] = {}


def storage(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
    seen = {name: environ.get(name) for name in SEEN}
    project, roles = environ.get("HTTP_X_PROJECT_ID"), (seen["HTTP_X_ROLES"] or "").split(",")
    if not path.startswith(f"/v1/AUTH_{project}") or "objectstore_operator" not in roles:
        start_response("403 Forbidden", [("X-Seen", json.dumps(seen))])
        return [b""]
    if method == "PUT":
        objects[path] = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    inside = [name.removeprefix(path).strip("/") for name in objects if name.startswith(f"{path.rstrip('/')}/")]
    body = b"" if method == "PUT" else objects.get(path) or json.dumps([{"name": name} for name in inside]).encode()
    headers = [("X-Seen", json.dumps(seen)), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response({"PUT": "201 Created"}.get(method, "200 OK"), [*headers, ("Etag", "0")])
    return [b"" if method == "HEAD" else body]


@contextmanager
def serving(demo: Demo) -> Iterator[None]:
    """The storage runs where the catalogue says."""
    port = demo.storage.rpartition(":")[2]
    signs_in = {"auth_url": demo.auth_url, "username": "swift", "password": demo.passwords["swift"]}
    command = [sys.executable, "-W", "ignore", "-m", "tests.clients.storage", port, json.dumps(signs_in)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "DJANGO_SETTINGS_MODULE": ""})
    try:
        deadline = time.monotonic() + 60
        while not answers(int(port)):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(30)


def answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 401
    except OSError:
        return False
    finally:
        connection.close()


def main(port: str, signs_in: str) -> None:
    from keystonemiddleware import auth_token

    class Quiet(WSGIRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            """Nothing: the test looks at the answers."""

    options = {
        **json.loads(signs_in),
        "www_authenticate_uri": json.loads(signs_in)["auth_url"],
        "auth_type": "password",
        "user_domain_id": "default",
        "project_name": "demo",
        "project_domain_id": "default",
        "token_cache_time": "-1",  # each request is validated
        "service_token_roles_required": "true",
        "service_token_roles": "token_validator",
    }
    make_server(
        "127.0.0.1", int(port), auth_token.filter_factory(options)(storage), handler_class=Quiet
    ).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
