"""What the settings refuse, generate and allow, each seen by starting Django as an operator would."""

import subprocess
from pathlib import Path

import pytest

from tests.servers import manage

pytestmark = pytest.mark.once

PRODUCTION = {
    "ROSTER_ENV": "production",
    "ROSTER_SECRET_KEY": "8c1T-vQ0n4bY_2mZr7Lw5xKd9eHj3pUa6sFg1iOtBqCyXoRkEz",
    "ROSTER_ALLOWED_HOSTS": "roster.example",
}


def check(tmp_path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return manage("check", *arguments, check=False, ROSTER_DATA=str(tmp_path), **variables)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ROSTER_DEBUG": "1"}, "ROSTER_DEBUG must not be set"),
        ({"ROSTER_SECRET_KEY": ""}, "ROSTER_SECRET_KEY must be"),
        ({"ROSTER_SECRET_KEY": "changeme"}, "ROSTER_SECRET_KEY must be"),
        ({"ROSTER_SECRET_KEY": "x" * 80}, "ROSTER_SECRET_KEY must be"),
        ({"ROSTER_ALLOWED_HOSTS": ""}, "ROSTER_ALLOWED_HOSTS must list"),
        ({"ROSTER_ALLOWED_HOSTS": "*"}, "ROSTER_ALLOWED_HOSTS must list"),
        ({"ROSTER_BASE_URL": "http://roster.example"}, "ROSTER_BASE_URL must begin with https://"),
        ({"ROSTER_ENV": "prod"}, "Set it to one of: development, production"),
        ({"ROSTER_SESSION_IDLE": "2h"}, "number of seconds"),
        ({"ROSTER_TRUSTED_PROXIES": "proxy.local"}, "List IP addresses or networks"),
        ({"CACHE_URL": "memory"}, "CACHE_URL must begin with"),
        ({"DATABASE_URL": "mysql://db.example/roster"}, "DATABASE_URL must begin with"),
        ({"DATABASE_URL": "postgres://db.example:port/roster"}, "DATABASE_URL cannot be read"),
    ],
)
def test_production_refuses_to_start(tmp_path: Path, change: dict[str, str], words: str) -> None:
    refused = check(tmp_path, **{**PRODUCTION, **change})
    assert refused.returncode != 0
    [line] = refused.stderr.splitlines()
    assert words in line


def test_production_passes_the_deployment_check(tmp_path: Path) -> None:
    passed = check(tmp_path, "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert passed.returncode == 0, passed.stderr
    assert not (tmp_path / "secret_key").exists()


def test_development_generates_a_key_that_only_its_owner_can_read(tmp_path: Path) -> None:
    data = tmp_path / "data"
    key = data / "secret_key"
    keys = []
    for _ in range(2):
        assert check(data).returncode == 0
        keys.append(key.read_text())
    assert keys[0] == keys[1]
    assert len(keys[0]) >= 64
    assert key.stat().st_mode & 0o777 == 0o600
    assert data.stat().st_mode & 0o777 == 0o700


def test_a_data_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = check(tmp_path / "file")
    assert refused.returncode != 0
    assert f"ROSTER_DATA: {tmp_path / 'file'} cannot be used" in refused.stderr.splitlines()[-1]


def test_production_cookies_and_transport(tmp_path: Path) -> None:
    shown = manage(
        "shell",
        "--no-imports",
        "-c",
        "from django.conf import settings as s\n"
        "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.DEBUG,"
        " s.SECURE_SSL_REDIRECT, s.ROSTER_BASE_URL)\n"
        "from django.contrib.auth.hashers import make_password\n"
        "print(make_password('x').rsplit('$', 2)[0])",
        ROSTER_DATA=str(tmp_path),
        **PRODUCTION,
    ).stdout
    assert shown.split() == [
        "__Host-roster_session",
        "__Host-roster_csrf",
        "True",
        "True",
        "False",
        "True",
        "https://roster.example",
        "argon2$argon2id$v=19$m=12288,t=3,p=1",  # security 4: one of OWASP's costs
    ]
