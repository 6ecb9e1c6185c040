"""Look-ups of the ORM that Django lacks."""

from collections.abc import Collection
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigAutoField, ForeignKey, Lookup
from django.db.models.sql.compiler import SQLCompiler


@BigAutoField.register_lookup
@ForeignKey.register_lookup
class Among(Lookup):
    """`parent__among=numbers`: the row number is one of these, as `in`, but they are one parameter however many they are.

    Django and the driver look at every parameter several times: of thousands that costs more than the query itself.
    """

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        test = "= ANY(%s::bigint[])" if connection.vendor == "postgresql" else "IN (SELECT value FROM json_each(%s))"
        return f"{column} {test}", (*parameters, as_text(self.rhs, connection.vendor))


def as_text(numbers: Collection[int] | str, vendor: str) -> str:
    """Row numbers as one parameter of this kind of database; a text is one already. (The driver would adapt each of a list.)"""
    if isinstance(numbers, str):
        return numbers
    listed = ",".join(map(str, sorted(numbers)))
    return f"{{{listed}}}" if vendor == "postgresql" else f"[{listed}]"
