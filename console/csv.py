"""The one way out for tables: CSV of which a spreadsheet shows every cell and runs none."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from console.times import iso

ROWS_AT_ONCE = 500
# A spreadsheet takes a cell that begins so for a formula, some of them behind spaces or in full width too. An
# apostrophe before it makes it text; what already looks neutralised gets one more, so that plain() gives it back.
FORMULA = re.compile(r"'*\s*[=+\-@\t\r\n＝＋－＠]")


def neutral(cell: Any) -> Any:
    """A cell as it is written: never a formula; moments in ISO 8601, nothing for None."""
    if isinstance(cell, datetime):
        return iso(cell)
    if isinstance(cell, str) and FORMULA.match(cell):
        return f"'{cell}"
    return "" if cell is None else cell


def plain(cell: str) -> str:
    """What stood in a cell before neutral(): for imports of our own exports."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def csv_response(filename: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """A download that is written while the rows are read, and kept by no cache."""
    return StreamingHttpResponse(
        _lines(header, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": content_disposition_header(True, filename), "Cache-Control": "no-store"},
    )


def _lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    yield _written([header])
    left = iter(rows)
    while some := list(islice(left, ROWS_AT_ONCE)):
        yield _written(some)


def _written(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([neutral(cell) for cell in row] for row in rows)
    return text.getvalue()
