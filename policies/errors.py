"""What an action answers when it does not do what it was asked."""

from typing import Any


class Denied(Exception):
    """The actor may not do this; `reasons` say why."""

    is_recorded = False  # whether the audit trail tells of it already

    def __init__(self, action: str, thing: Any, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(f"You may not {action.replace('_', ' ')} {thing}.")
        self.action, self.thing, self.reasons = action, thing, reasons


class Conflict(Exception):
    """Somebody changed the object since the form was shown. Nothing was overwritten."""


class AlreadyDone(Exception):
    """This very form was sent before, and did its work then."""
