"""Reads what the settings need from the environment. Every refusal is an ImproperlyConfigured that says what to do."""

import os
import secrets
import tempfile
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured


def words(name: str, default: str = "") -> list[str]:
    """The comma-separated values of a variable; an empty list where it is empty."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def choice(name: str, *choices: str) -> str:
    """The value of a variable that must be one of `choices`; the first where it is not set."""
    value = os.environ.get(name) or choices[0]
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is {value!r}. Set it to one of: {', '.join(choices)}.")
    return value


def seconds(name: str, default: int) -> int:
    """A variable that holds a positive number of seconds."""
    return number(name, default, "number of seconds")


def number(name: str, default: int, what: str = "number") -> int:
    """A variable that holds a positive whole number."""
    value = os.environ.get(name) or str(default)
    if not value.isascii() or not value.isdigit() or int(value) == 0:
        raise ImproperlyConfigured(f"{name} is {value!r}. Set it to a {what} above zero.")
    return int(value)


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """A variable that lists IP addresses and networks."""
    try:
        return [ip_network(word) for word in words(name)]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}. List IP addresses or networks such as 10.0.0.0/8.") from None


def folder(name: str, default: Path) -> Path:
    """The folder that a variable names, made where it is missing; nobody else on the machine may look into it."""
    path = Path(os.environ.get(name) or default).expanduser().resolve()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"{name}: {path} cannot be used: {error.strerror}.") from None
    return path


def stored_key(path: Path) -> str:
    """The random key kept in a file that only its owner can read; the first call makes it.

    Two processes may start at the same moment: link() lets one of them win, and both read the winner's key.
    """
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:  # mode 0600
            file.write(secrets.token_urlsafe(64))
            file.flush()
            with suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text()


def refuse_unsafe_production(*, debug: bool, secret_key: str, allowed_hosts: list[str], base_url: str) -> None:
    """Stop a production server that would run open to the world."""
    wrong = []
    if debug:
        wrong.append("ROSTER_DEBUG must not be set")
    if len(secret_key) < 50 or len(set(secret_key)) < 10:
        wrong.append("ROSTER_SECRET_KEY must be a random text of 50 characters or more")
    if not allowed_hosts or "*" in allowed_hosts:
        wrong.append("ROSTER_ALLOWED_HOSTS must list the host names that people type")
    if not base_url.startswith("https://"):
        wrong.append("ROSTER_BASE_URL must begin with https://")
    if wrong:
        raise ImproperlyConfigured(f"ROSTER_ENV is production, so: {'; '.join(wrong)}.")


def database(url: str) -> dict[str, Any]:
    """Django's settings of a database: sqlite:///PATH, or postgres:// with user, password, host, port and name.

    Connections outlive a request on both: on SQLite, closing the last one rewrites the whole log.
    """
    if not url.startswith(("sqlite:///", "postgres://", "postgresql://")):
        raise ImproperlyConfigured("DATABASE_URL must begin with postgres:// (user:password@host:5432/name).")
    try:
        return dict(dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True))
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {error}.") from None


def cache(url: str) -> dict[str, str]:
    """Django's settings of a cache: db://TABLE, or redis://, rediss:// and valkey:// with host, port and number."""
    scheme, _, rest = url.partition("://")
    match scheme:
        case "db":
            return {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": rest}
        case "redis" | "rediss" | "valkey":
            location = f"redis://{rest}" if scheme == "valkey" else url
            return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": location}
    raise ImproperlyConfigured("CACHE_URL must begin with db://, redis://, rediss:// or valkey://.")
