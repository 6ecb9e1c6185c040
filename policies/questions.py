"""Questions in words: an action on an object, or on things of a kind."""

from typing import Any

from accounts.models import User
from policies.access import type_id
from policies.models import EntityType, RoleAssignment
from policies.protected import At, OrgAssignment, scope_of
from policies.rulebook import rulebook


def asked(action: str, thing: Any) -> str:
    """The question as it completes "may …": "stop resnet-nightly", "edit roles of project users in vision-lab"."""
    kind = kind_of(thing)
    verb = kind.actions[action].lower()
    if isinstance(thing, At | OrgAssignment):
        scope = scope_of(thing)
        return f"{verb}{_joint(verb)}{kind.label.lower()} {f'in {scope}' if scope else 'anywhere'}"
    return f"{verb}{_joint(verb)}{named(thing)}"


def question_in_words(kind: EntityType, action: str) -> str:
    """An action on things of a kind: "Launch notebooks", "Generate passwords of project users"."""
    verb = kind.actions[action]
    return f"{verb}{_joint(verb)}{kind.label.lower()}"


def _joint(verb: str) -> str:
    if " " not in verb or verb.endswith(("away", "places")):
        return " "
    return " to " if verb.endswith(" in") else " of "


def named(thing: Any) -> str:
    """What sentences call an object."""
    if isinstance(thing, RoleAssignment) and not thing.user_id and not thing.group_id:
        return f"{thing.role} in {thing.scope}"
    return str(thing.label if isinstance(thing, User) else thing)


def kind_of(thing: Any) -> EntityType:
    """The entity type of an object. Raises UnknownQuestion."""
    book = rulebook()
    return book.entity_types[type_id(book, thing)]
