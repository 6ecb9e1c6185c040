"""Log lines: JSON, complete, and impossible to forge."""

import json
import logging

import pytest

from console.logs import JSONFormatter, request_context

FORGERY = 'x\r\n{"level": "INFO"}\x1b[2J\x1b]0;title\x07\u2028\u202e\x85end'


def line(message: str, *arguments: object, **extra: object) -> str:
    record = logging.LogRecord("console.test", logging.WARNING, "test.py", 1, message, arguments, None)
    vars(record).update(extra)
    return JSONFormatter().format(record)


def test_hostile_values_cannot_forge_a_line() -> None:
    text = line("sign-in of %s", FORGERY, username=FORGERY)
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text)["message"] == f"sign-in of {FORGERY}"
    assert json.loads(text)["username"] == FORGERY


def test_a_line_says_when_what_and_for_which_request() -> None:
    token = request_context.set({"request_id": "r1", "client": "192.0.2.1"})
    said = json.loads(line("refused", project="p1"))
    request_context.reset(token)
    assert said.pop("time").endswith("Z")
    assert said == {
        "level": "WARNING",
        "logger": "console.test",
        "message": "refused",
        "request_id": "r1",
        "client": "192.0.2.1",
        "project": "p1",
    }


def test_an_exception_stays_on_its_line() -> None:
    try:
        raise ValueError(FORGERY)
    except ValueError as error:
        record = logging.LogRecord("t", logging.ERROR, "t.py", 1, "broke", (), (ValueError, error, error.__traceback__))
    text = JSONFormatter().format(record)
    assert text.isprintable()
    assert "ValueError" in json.loads(text)["exception"]


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, ValueError("x")])
def test_any_value_can_be_logged(value: object) -> None:
    json.loads(line("odd", value=value))
