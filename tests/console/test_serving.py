"""The server that make run starts, as a process: what it prints, keeps, answers and how it ends."""

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import READY, Server

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def server(installation: Path) -> Iterator[Server]:
    with Server(workers=1, of=installation) as server:
        yield server


def test_first_and_second_start() -> None:
    began = time.monotonic()
    with Server() as server:
        took = time.monotonic() - began
        password = server.password
        assert len(password) >= 16
        collected = (server.data / "static" / "collected").stat().st_mtime_ns
        assert server.stop(signal.SIGINT) == 0  # Ctrl-C
        first = server.log

        began = time.monotonic()
        server.start()
        assert time.monotonic() - began < took / 1.5  # seconds would measure what else this machine does
        second = server.log[len(first) :]
        assert password not in second
        assert second.splitlines()[-1].startswith(READY)
        assert (server.data / "static" / "collected").stat().st_mtime_ns == collected

        database = server.data / "roster.sqlite3"
        for path in (database, server.data / "secret_key", server.data / "audit.key"):
            assert not path.exists() or path.stat().st_mode & 0o077 == 0


def test_static_files_and_what_is_missing_carry_the_headers(server: Server) -> None:
    page, body = server.get("/sign-in/")
    assert page.status == 200, server.log
    [style] = set(re.findall(r'href="(/static/css/roster\.[0-9a-f]+\.css)"', body.decode()))
    for path, status in ((style, 200), ("/missing/", 404), ("/static/missing.css", 404)):
        response, _ = server.get(path)
        assert response.status == status
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Permissions-Policy"]
        assert response.headers["X-Request-ID"]
    assert "immutable" in server.get(style)[0].headers["Cache-Control"]


def test_nobody_can_forge_the_log(server: Server) -> None:
    server.get("/x%0D%0A%1B[2J%E2%80%A8")
    server.get("/", **{"Host": "127.0.0.1", "X-Forwarded-For": "6.6.6.6", "X-Request-ID": "forged-request-id"})
    lines = server.log.split(READY)[1].splitlines()[1:]
    assert [json.loads(line)["message"] for line in lines]
    assert "\x1b" not in server.log
    assert "6.6.6.6" not in server.log
    assert "forged-request-id" not in server.log


def test_behind_a_proxy_in_production(installation: Path) -> None:
    production = {
        "ROSTER_ENV": "production",
        "ROSTER_SECRET_KEY": "8c1T-vQ0n4bY_2mZr7Lw5xKd9eHj3pUa6sFg1iOtBqCyXoRkEz",
        "ROSTER_ALLOWED_HOSTS": "roster.example",
        "ROSTER_BASE_URL": "https://roster.example",
    }
    https = {"Host": "roster.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    with Server(workers=1, of=installation, **production) as server:
        response, _ = server.get("/sign-in/", **https)
        assert response.status == 301  # a stranger's word that this is https counts for nothing
        server.stop()
        server.variables["ROSTER_TRUSTED_PROXIES"] = "127.0.0.1"
        server.start()
        response, _ = server.get("/sign-in/", **https)
        assert response.status == 200
        assert response.headers["Strict-Transport-Security"].startswith("max-age=31536000")
        cookie = response.headers["Set-Cookie"]
        assert cookie.startswith("__Host-roster_csrf=")
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        assert '"client": "203.0.113.9"' in server.log
