"""What the database says of identity tokens: one statement for one or two of them, which brings the version of the rules too.

It is written by hand because it is asked with every request of every service: Django would ask four times, and take longer
to write the questions than the database takes to answer them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection
from django.db.models import DateTimeField
from django.utils import timezone

from accounts.models import Project, ServiceToken, User
from policies.compiled import made
from policies.models import ApplicationCredential, EC2Credential, RevokedToken, RulebookVersion
from policies.rulebook import know_version

if TYPE_CHECKING:
    from policies.tokens import Claims

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Row(NamedTuple):
    """The user of a token, its project and the application credential behind it, as far as they exist.

    Without their times: Django reads those where somebody asks for them.
    """

    user: User
    project: Project | None
    credential: ApplicationCredential | None


def find(claims: Mapping[int, Claims]) -> dict[int, Row]:
    """By the same numbers: what tokens name, of those that were not taken back, whose user is enabled and was not disabled
    since, and whose credential exists and has not expired. The signatures, the ends and the passwords are not looked at.
    """
    statements, parameters = [], []
    for number, said in claims.items():
        statements.append(_statement(said.credential_kind))
        parameters += _parameters(number, said)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(statements), parameters)
        rows = cursor.fetchall()
    for row in rows[:1]:
        know_version(row[1] or "")
    return {row[0]: _row(row[2:]) for row in rows}


def _parameters(number: int, said: Claims) -> list[Any]:
    at = connection.ops.adapt_datetimefield_value
    credential = [said.credential.hex()] if said.credential_kind else []
    ends = [at(timezone.now())] if said.credential_kind in (1, 2) else []
    issued = at(EPOCH + timedelta(microseconds=said.issued))
    ids = [said.audit_id.hex(), said.first_audit_id.hex()]
    return [number, said.project.hex(), *credential, *ends, said.user.hex(), issued, *ids]


# How the credential of each kind (policies.tokens.CREDENTIALS) is found, beside the user `u`.
JOINS = {
    0: "",
    1: "JOIN {ApplicationCredential} c ON c.uid = %s AND c.user_id = u.id AND (c.expires_at IS NULL OR c.expires_at > %s)",
    2: "JOIN {ServiceToken} c ON c.uid = %s AND c.service_id = u.id AND c.expires_at > %s",
    3: "JOIN {EC2Credential} c ON c.access = %s AND c.user_id = u.id",
}
SELECT = (
    "SELECT %s, (SELECT v.token FROM {RulebookVersion} v), {columns} FROM {User} u "
    "LEFT JOIN {Project} p ON p.uid = %s AND p.kind = 'project' {join} "
    "WHERE u.uid = %s AND u.is_active AND (u.tokens_since IS NULL OR u.tokens_since <= %s) "
    "AND NOT EXISTS (SELECT 1 FROM {RevokedToken} r WHERE r.audit_id IN (%s, %s))"
)


@cache
def _statement(kind: int) -> str:
    """The SELECT of a token with this kind of credential, with places in the order of _parameters."""
    models = (User, Project, ApplicationCredential, ServiceToken, EC2Credential, RevokedToken, RulebookVersion)
    tables = {model.__name__: f'"{model._meta.db_table}"' for model in models}
    columns = [f"{alias}.{field.column}" for alias, model in (("u", User), ("p", Project)) for field in _fields(model)]
    columns += [f"c.{field.column}" if kind == 1 else "NULL" for field in _fields(ApplicationCredential)]
    return SELECT.format(columns=", ".join(columns), join=JOINS[kind].format(**tables), **tables)


@cache
def _fields(model: Any) -> list[Any]:
    return [field for field in model._meta.concrete_fields if not isinstance(field, DateTimeField)]


def _row(values: tuple[Any, ...]) -> Row:
    first, second = len(_fields(User)), len(_fields(User)) + len(_fields(Project))
    return Row(
        _if_there(User, values[:first]),
        _if_there(Project, values[first:second]),
        _if_there(ApplicationCredential, values[second:]),
    )


def _if_there(model: Any, values: tuple[Any, ...]) -> Any:
    if values[0] is None:
        return None
    return made(model, [field.attname for field in _fields(model)], values)
