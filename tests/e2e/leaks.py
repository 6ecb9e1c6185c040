"""Where a generated password could have been left behind."""

import sqlite3
from collections.abc import Iterable, Iterator

import psycopg
from psycopg import sql

from tests.servers import Server

# What the tables hold in a form in which a search for bytes finds nothing.
DECODED = """
import base64
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
for session in Session.objects.all():
    print(session.get_decoded())
with connection.cursor() as cursor:
    cursor.execute(f"SELECT value FROM {cache._table}")
    for (value,) in cursor.fetchall():
        print(base64.b64decode(value))
"""


def assert_kept_nowhere(server: Server, secrets: Iterable[str]) -> None:
    """No secret's bytes are in ROSTER_DATA (database, write-ahead log, audit head, keys), in a dump or in the server's log.

    The first administrator's password is printed once, on purpose: the server's log may hold it there.
    """
    found = [
        f"{place} holds secret {number}"
        for place, content in places(server)
        for number, secret in enumerate(secrets)
        if secret.encode() in content
    ]
    assert found == [], found


def places(server: Server) -> Iterator[tuple[str, bytes]]:
    """(name, content) of everything that lasts."""
    for path in sorted(server.data.rglob("*")):
        if path.is_file() and "static" not in path.parts:
            content = path.read_bytes()
            if path == server.log_file:
                content = content.replace(server.password.encode(), b"", 1)
            yield str(path.relative_to(server.data)), content
    yield "sessions and cache", server.shell(DECODED).encode()
    yield "dump", "\n".join(dump(server)).encode()


def dump(server: Server) -> Iterator[str]:
    """Every row of every table, sessions and cache included."""
    if address := server.variables.get("DATABASE_URL"):
        with psycopg.connect(address) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (table,) in tables:
                every_row = sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))
                yield from (str(row) for row in connection.execute(every_row))
    else:
        with sqlite3.connect(server.data / "roster.sqlite3") as database:
            yield from database.iterdump()
