"""Who changed what while somebody else was editing: told from the audit trail."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from accounts.models import User
from policies.history import last_change
from policies.models import Role


def state_of(told: dict[str, Any]) -> str:
    """A digest of what a form can change: equal as long as nobody changed any of it."""
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def who_changed(thing: Any) -> str:
    """ "Jonas Weber changed this while you were editing." """
    told = last_change(thing, "update")
    return f"{told.actor if told else 'Somebody'} changed this while you were editing."


def roles_conflict(user: User, seen: Iterable[Role], now: Iterable[Role]) -> dict[str, Any]:
    """For console/project_users/roles.html: who gave and took which roles since the form was shown."""
    told, seen, now = last_change(user, "edit_roles") or last_change(user), list(seen), list(now)
    return {
        "who": told.actor if told else "Somebody",
        "at": told.at if told else None,
        "added": [role for role in now if role not in seen],
        "removed": [role for role in seen if role not in now],
    }
