"""What services write about resources, read from JSON: members by name, each checked, all that is wrong told at once."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q

from accounts.models import Scope, User
from console.api.bearer import APIError
from console.api.entities import places_called
from policies.models import EntityType, Resource, Role
from policies.naming import NotFound, find_entity_type
from policies.resources import seen_resources
from policies.rulebook import rulebook

CHANGEABLE = ("name", "external_id", "url", "owner", "parent", "visibility", "tags", "lists")
KNOWN = ("type", "scope", "project", *CHANGEABLE)
NEEDED = ("type", "name")
LONGEST = 255  # characters; no name or id is longer
MOST = 50  # tags or roles of one resource
TOLD = 20  # unknown members that an answer names
COLUMNS = {"type": "entity_type", "lists": "listed_roles", "project": "scope"}  # members that the model calls otherwise
MEMBERS = {column: member for member, column in COLUMNS.items()} | {"scope": "scope"}


def read_registration(service: User, given: dict[str, Any]) -> dict[str, Any]:
    """What register_resource() takes; `scope` is None for a place that there is not. Raises APIError with all errors."""
    errors = {} if ("scope" in given) != ("project" in given) else {"scope": ["Name one: scope or project."]}
    errors |= {name: ["This is needed."] for name in NEEDED if name not in given}
    return _read(service, given, KNOWN, errors)


def read_changes(service: User, given: dict[str, Any]) -> dict[str, Any]:
    """What update_resource() takes. Raises APIError with all errors."""
    fixed = {name: ["A thing of another type or place is another thing."] for name in KNOWN if name not in CHANGEABLE}
    return _read(service, given, CHANGEABLE, {name: fixed[name] for name in given if name in fixed})


def refuse_foreign_owner(fields: dict[str, Any], scope: Scope) -> None:
    """A user of another project is nobody here (OVH-10). Raises APIError."""
    owner = fields.get("owner")
    if owner is not None and owner.is_project_user and owner.project_id != scope.pk:
        raise bad_members({"owner": [f"There is no user {owner.username}."]})


def bad_members(errors: dict[str, list[str]]) -> APIError:
    said = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in errors.items())
    return APIError(400, said, fields=errors)


def by_member(error: ValidationError) -> APIError:
    """An action's errors, by the members of the body."""
    return bad_members({MEMBERS.get(name, name): messages for name, messages in error.message_dict.items()})


def _read(service: User, given: dict[str, Any], known: Collection[str], errors: dict[str, list[str]]) -> dict[str, Any]:
    unknown = [name for name in given if name not in known and name not in errors]
    errors = errors | {name[:LONGEST]: ["There is no such member."] for name in unknown[:TOLD]}
    fields: dict[str, Any] = {}
    for name in known:
        if name in given and name not in errors:
            try:
                fields[COLUMNS.get(name, name)] = READERS[name](service, given[name])
            except ValidationError as error:
                errors[name] = error.messages
    if errors:
        raise bad_members(errors)
    return fields


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValidationError("Expected a text.")
    if len(value) > LONGEST:
        raise ValidationError(f"Use at most {LONGEST} characters. This has {len(value):,}.")
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in value):
        raise ValidationError("Use no control characters.")
    return value.strip()


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise ValidationError("Expected a list of texts.")
    if len(value) > MOST:
        raise ValidationError(f"Use at most {MOST}. These are {len(value):,}.")
    return [_text(item) for item in value]


def _type(service: User, value: Any) -> EntityType:
    try:
        return find_entity_type(_text(value))
    except NotFound as error:
        raise ValidationError(str(error)) from error


def _scope(service: User, value: Any) -> Scope | None:
    name = _text(value)
    return places_called([name]).get(name)


def _project(service: User, value: Any) -> Scope | None:
    return _scope(service, f"{Scope.Kind.PROJECT}:{_text(value)}")


def _owner(service: User, value: Any) -> User | None:
    if value is None:
        return None
    name = _text(value)
    found: User | None = User.objects.filter(Q(username=name.lower()) | Q(uid=name)).first()
    if found is None:
        raise ValidationError(f"There is no user {name}.")
    return found


def _parent(service: User, value: Any) -> Resource | None:
    if value is None:
        return None
    name = _text(value)
    found = list(seen_resources(service).filter(Q(uid=name) | Q(external_id=name)).order_by("pk")[:3]) if name else []
    found = [thing for thing in found if thing.uid == name] or found
    if len(found) != 1:
        raise ValidationError(f"Several things are called {name}: use an id." if found else f"There is no {name}.")
    return found[0]


def _roles(service: User, value: Any) -> list[Role]:
    names = _texts(value)
    known = {role.full_name: role for role in rulebook().roles.values()}
    if unknown := [name for name in names if name not in known]:
        raise ValidationError(f"There is no role {unknown[0]}. Write catalogue:role.")
    return [known[name] for name in dict.fromkeys(names)]


READERS: dict[str, Callable[[User, Any], Any]] = {
    "type": _type,
    "scope": _scope,
    "project": _project,
    "name": lambda service, value: _text(value),
    "external_id": lambda service, value: _text(value),
    "url": lambda service, value: _text(value),
    "owner": _owner,
    "parent": _parent,
    "visibility": lambda service, value: _text(value),
    "tags": lambda service, value: _texts(value),
    "lists": _roles,
}
