"""Moments as programs read them: in commands, the API, exports and the log."""

from datetime import UTC, datetime


def iso(moment: datetime | None, timespec: str = "seconds") -> str | None:
    """ISO 8601 in UTC, with Z; None stays None."""
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z") if moment else None
