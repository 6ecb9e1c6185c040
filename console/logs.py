"""The structured log: one JSON object a line, on standard error.

json.dumps escapes everything but printable ASCII, so no value can begin a line of its own or move a terminal's cursor.
"""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from console.times import iso

# What every line of a request says beside its own words: request id, client address, user. The middleware fills it.
request_context: ContextVar[dict[str, Any]] = ContextVar("request_context")

# What a LogRecord has anyway; everything else on it was given as extra= and is shown.
STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request", "server_time", "taskName"}


class JSONFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": iso(datetime.fromtimestamp(record.created, UTC), "milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **request_context.get({}),
            **{name: value for name, value in vars(record).items() if name not in STANDARD},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configuration(level: str) -> dict[str, Any]:
    """Django's LOGGING: everything from `level` up, once, as JSON."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JSONFormatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        # Django's own handlers mail tracebacks and print text; the root handler says it all.
        "loggers": {
            "django": {"handlers": [], "level": "NOTSET"},
            # What these would say is in the lines that the middleware writes.
            "django.request": {"level": "CRITICAL"},
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            "django.server": {"handlers": [], "propagate": True},
        },
    }
