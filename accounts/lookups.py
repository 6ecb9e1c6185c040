"""Look-ups of the ORM that Django lacks."""

import json
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import ForeignKey, Lookup
from django.db.models.sql.compiler import SQLCompiler


@ForeignKey.register_lookup
class Among(Lookup):
    """`parent__among=numbers`: the row number is one of these, as `in`, but they are one parameter however many they are.

    Django and the driver look at every parameter several times: of thousands that costs more than the query itself.
    """

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        numbers = json.dumps(sorted(self.rhs))
        return f"{column} IN (SELECT value FROM json_each(%s))", (*parameters, numbers)  # noqa: S608  a name that Django quoted

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        numbers = ",".join(map(str, sorted(self.rhs)))  # as text: the driver would adapt each number of a list
        return f"{column} = ANY(%s::bigint[])", (*parameters, f"{{{numbers}}}")
