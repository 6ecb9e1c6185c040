"""Types of what is typed behind a command's options."""

import re
from argparse import ArgumentTypeError
from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone

SPAN = re.compile(r"([0-9]{1,5})([hdw])")
UNITS = {"h": "hours", "d": "days", "w": "weeks"}
MOMENTS = "give a day (2026-12-31), a moment (2026-12-31T18:00Z) or a time from now (12h, 30d, 8w)"


def count(text: str) -> int:
    """A number from 1 on. Raises ArgumentTypeError."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or not int(text):
        raise ArgumentTypeError("give a number from 1 on")
    return int(text)


def moment(text: str) -> datetime:
    """A moment to come: the end of a day, a moment (UTC where nothing else is said), or a time from now.

    Raises ArgumentTypeError.
    """
    found = _moment(text.strip())
    if found <= timezone.now():
        raise ArgumentTypeError(f"{found.isoformat()} has passed")
    return found


def _moment(text: str) -> datetime:
    if span := SPAN.fullmatch(text):
        return timezone.now().replace(microsecond=0) + timedelta(**{UNITS[span[2]]: int(span[1])})
    try:
        return datetime.combine(date.fromisoformat(text), time(23, 59, 59), UTC)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ArgumentTypeError(MOMENTS) from None
