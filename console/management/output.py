"""What commands print: rows as an aligned table or as JSON, one by one, so that a pipe can begin to read at once.

No value can begin a line of its own or move a terminal's cursor: tables show control and invisible characters as
escapes, JSON is ASCII.
"""

import json
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

Row = dict[str, Any]
MEASURED = 200  # rows that set the widths of a table's columns; a longer value further down pushes its line aside


def as_json(rows: Iterable[Row]) -> Iterator[str]:
    """The lines of a JSON array, one object a line."""
    before = "[\n"
    for row in rows:
        yield before + json.dumps(row)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def as_table(rows: Iterable[Row], columns: Iterable[str]) -> Iterator[str]:
    """The lines of a table with a heading; columns are the keys of the rows."""
    columns, rows = list(columns), iter(rows)
    first = [[_cell(row[column]) for column in columns] for row in islice(rows, MEASURED)]
    heading = [column.upper().replace("_", " ") for column in columns]
    widths = [max(map(_width, cells)) for cells in zip(heading, *first, strict=True)]
    for cells in chain([heading], first, ([_cell(row[column]) for column in columns] for row in rows)):
        yield "  ".join(map(_padded, cells, widths)).rstrip() + "\n"


def as_record(row: Row) -> str:
    """One row as aligned lines of name and value."""
    width = max(map(len, row))
    return "\n".join(f"{name.replace('_', ' ').ljust(width)}  {_cell(value)}" for name, value in row.items())


def escaped(text: str) -> str:
    """The text with its control, invisible and unassigned characters as \\x1b, \\u202e …"""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return escaped(", ".join(map(str, value)) if isinstance(value, list) else str(value)) or "-"


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    """Columns on a terminal: wide East Asian characters take two, combining ones none."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)
