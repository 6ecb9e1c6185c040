"""Exported cells are text for every spreadsheet, and come back unchanged."""

import csv
import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from console.csv import csv_response, neutral, plain

DANGEROUS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    '=HYPERLINK("http://evil","x")',
    "=cmd|' /C calc'!A0",
    " =1",
    "\u00a0=1",
    "＝1",
    "＋1",
    "－1",
    "＠1",
]
HARMLESS = [
    "",
    "a",
    "1-2",
    "it's",
    "'tis",
    "ü",
    'a "quoted" cell',
    "a,b",
    "two\nlines",
    "<script>",
    "\x00",
    "\u202eabc",
]


def table(response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(response.getvalue().decode(), newline="")))


@pytest.mark.parametrize("cell", DANGEROUS)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(cell: str) -> None:
    [_, [written]] = table(csv_response("x.csv", ["a"], [[cell]]))
    assert written == f"'{cell}"


@pytest.mark.parametrize("cell", [*DANGEROUS, *HARMLESS, *(f"'{cell}" for cell in DANGEROUS), "''=1"])
def test_what_goes_out_comes_back(cell: str) -> None:
    [_, [written, end]] = table(csv_response("x.csv", ["a", "b"], [[cell, "end"]]))
    assert plain(written) == cell
    assert end == "end"
    assert not written.startswith(tuple("=+-@\t\r\n"))


def test_what_is_harmless_stays_as_it_is() -> None:
    assert [neutral(cell) for cell in [*HARMLESS, -5, None]] == [*HARMLESS, -5, ""]


def test_moments_are_in_utc() -> None:
    berlin = datetime(2026, 7, 1, 2, 30, 15, 999, tzinfo=ZoneInfo("Europe/Berlin"))
    assert [neutral(moment) for moment in (berlin, berlin.astimezone(UTC))] == ["2026-07-01T00:30:15Z"] * 2


def test_it_is_a_download_that_no_cache_keeps_and_that_is_written_row_by_row() -> None:
    read = []

    def rows():
        for number in range(2000):
            read.append(number)
            yield [number]

    response = csv_response('a "b".csv', ["n"], rows())
    assert response.streaming
    assert not read
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="a \\"b\\".csv"'
    parts = iter(response.streaming_content)
    next(parts), next(parts)
    assert len(read) < 2000
