"""The few queries that every decision asks. Writing their SQL takes Django longer than the database takes to answer it, so
it is written once; afterwards only the row numbers and names in it change.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model, QuerySet
from django.db.models.expressions import RawSQL

from accounts.lookups import as_text

Argument = int | str | Collection[int]

# What no table has: it shows where the SQL has a place for which argument.
NUMBERS = (-9101, -9102, -9103)
TEXTS = ("place 9101", "place 9102", "place 9103")


class Compiled:
    """`Compiled(build)(4, "mara")` gives the rows of `build(4, "mara")`, a queryset of `values_list`.

    `build` takes row numbers, names, and sets of row numbers (for `among`); it is called once per kind of database.
    """

    def __init__(self, build: Callable[..., QuerySet[Any]]) -> None:
        self.build = build
        self.written: dict[str, _Written] = {}

    def __call__(self, *given: Argument) -> list[tuple[Any, ...]]:
        database = connections[DEFAULT_DB_ALIAS]  # once: to find out which thread's connection it is takes a while
        written, params = self._filled(given, database)
        with database.cursor() as cursor:
            cursor.execute(written.sql, params)
            rows = cursor.fetchall()
        return [written.converted(row, database) for row in rows] if written.converters else rows

    def subquery(self, *given: Argument) -> RawSQL:
        """The same rows, to stand behind `in` within another queryset."""
        written, params = self._filled(given, connections[DEFAULT_DB_ALIAS])
        return RawSQL(written.sql, params)  # noqa: S611  written by Django

    def _filled(self, given: Sequence[Argument], database: BaseDatabaseWrapper) -> tuple[_Written, list[Any]]:
        written = self.written.get(database.vendor)
        if written is None:
            places = [
                number if isinstance(value, int) else text
                for value, text, number in zip(given, TEXTS, NUMBERS, strict=False)
            ]
            written = self.written[database.vendor] = _Written(self.build(*places), places, database)
        params = list(written.params)
        for position, argument in written.places:
            value = given[argument]
            params[position] = value if isinstance(value, int) else as_text(value, database.vendor)
        return written, params


class _Written:
    """The SQL of a queryset, where its arguments stand, and what Django makes of the values that come back."""

    def __init__(self, queryset: QuerySet[Any], places: Sequence[int | str], database: BaseDatabaseWrapper) -> None:
        compiler = queryset.query.get_compiler(connection=database)
        self.sql, self.params = compiler.as_sql()
        self.places = [(at, places.index(value)) for at, value in enumerate(self.params) if value in places]
        self.converters = list(compiler.get_converters([column for column, *_ in compiler.select]).items())

    def converted(self, row: tuple[Any, ...], database: BaseDatabaseWrapper) -> tuple[Any, ...]:
        values = list(row)
        for position, (converters, column) in self.converters:
            for convert in converters:
                values[position] = convert(values[position], column, database)
        return tuple(values)


def columns_of(model: type[Model], *names: str) -> tuple[str, ...]:
    """Names of columns, the row number among them, in the order in which made() takes their values."""
    return tuple(field.attname for field in model._meta.concrete_fields if field.primary_key or field.name in names)


def made(model: type[Model], columns: Sequence[str], values: Sequence[Any]) -> Any:
    """An object as the database has it, of these columns; others are read when somebody asks for them."""
    return model.from_db(DEFAULT_DB_ALIAS, columns, values)
