"""What an action answers when it does not do what it was asked."""

from collections.abc import Callable
from functools import cached_property
from typing import Any


class Denied(Exception):
    """The actor may not do this. `explain` finds out why: called only where somebody asks for `reasons`."""

    is_recorded = False  # whether the audit trail tells of it already

    def __init__(self, action: str, thing: Any, explain: Callable[[], tuple[str, ...]] = tuple) -> None:
        super().__init__(f"You may not {action.replace('_', ' ')} {thing}.")
        self.action, self.thing, self._explain = action, thing, explain

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        return self._explain()


class Conflict(Exception):
    """Somebody changed the object since the form was shown. Nothing was overwritten."""


class AlreadyDone(Exception):
    """This very form was sent before, and did its work then."""
