"""The few queries that every decision asks. Writing their SQL takes Django longer than the database takes to answer it, so
it is written once; afterwards only the row numbers in it change.
"""

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.db.models import QuerySet

# Row numbers that no table has: they show where the SQL has a place for which argument.
PLACES = (-9101, -9102, -9103)


class Compiled:
    """`Compiled(build)(4, 7)` gives the rows of the queryset `build(4, 7)`, as tuples of what the database returns.

    `build` takes row numbers, and is called once per kind of database.
    """

    def __init__(self, build: Callable[..., QuerySet[Any]]) -> None:
        self.build = build
        self.written: dict[str, tuple[str, tuple[Any, ...]]] = {}

    def __call__(self, *numbers: int) -> list[tuple[Any, ...]]:
        found = self.written.get(connection.vendor)
        if found is None:
            places = PLACES[: len(numbers)]
            found = self.written[connection.vendor] = self.build(*places).query.sql_with_params()
        values = dict(zip(PLACES, numbers, strict=False))
        with connection.cursor() as cursor:
            cursor.execute(
                found[0], [values.get(value, value) if isinstance(value, int) else value for value in found[1]]
            )
            return cursor.fetchall()
