"""What bodies and queries of Identity v3 say, read strictly: what Roster does not keep is refused, not dropped in silence."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest

from console.identity.errors import IdentityError, not_found
from console.identity.protocol import DOMAIN, text

OFF = ("0", "false", "no")
# What clients send with every object of a kind although it says nothing here: {member: the values that say nothing}.
EMPTY: dict[str, tuple[Any, ...]] = {
    "domain_id": (None, DOMAIN["id"]),
    "options": (None, {}),
    "tags": (None, []),
    "is_domain": (None, False),
    "extra": (None, {}),
    "links": (None, {}),
}


def refuse_others(given: dict[str, Any], *known: str) -> None:
    """Raises what is answered 400 for a member that would not be kept, 404 for another domain than the one."""
    for name, value in given.items():
        if name == "domain_id" and isinstance(value, str) and value != DOMAIN["id"]:
            raise not_found("domain", value)
        if name not in known and value not in EMPTY.get(name, ()):
            raise IdentityError(400, f"{name[:100]}: this cannot be set here.")


def flag(given: dict[str, Any], name: str, default: bool) -> bool:
    """A member that has to be true or false, and no text that might mean either. Raises what is answered 400."""
    found = given.get(name)
    if found is None:
        return default
    if not isinstance(found, bool):
        raise IdentityError(400, f"{name}: expected true or false.")
    return found


def required(given: dict[str, Any], name: str) -> str:
    """A member that has to be there, as text. Raises what is answered 400."""
    found = text(given, name)
    if not found.strip():
        raise IdentityError(400, f"{name}: expected a string.")
    return found


def unchanged(given: dict[str, Any], name: str, now: str | None) -> None:
    """Raises what is answered 400 where a member that cannot be changed has another value than it has now."""
    if name in given and given[name] != now:
        raise IdentityError(400, f"{name}: this cannot be changed.")


def asked(request: HttpRequest, name: str) -> str | None:
    """A filter of a list; None where it is not asked for."""
    found = request.GET.get(name)
    return None if found is None else str(found)


def asked_flag(request: HttpRequest, name: str) -> bool | None:
    """`enabled=False`, and `include_names` without a value, which means yes; None where it is not asked for."""
    found = asked(request, name)
    return None if found is None else found.lower() not in OFF


def is_other_domain(request: HttpRequest) -> bool:
    """Whether a list is asked for what lies in another domain than the one: nothing does."""
    return asked(request, "domain_id") not in (None, DOMAIN["id"])


def possible(name: str) -> bool:
    """Whether any id or name can be this: no database looks for NUL."""
    return "\x00" not in name and len(name) <= 255


def or_taken(error: ValidationError, taken: bool, kind: str, name: str) -> Exception:
    """What to raise: where the name is taken clients expect 409, to go on with what there is."""
    return IdentityError(409, f"The {kind} {name[:100]} exists already.") if taken else error
