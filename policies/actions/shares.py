"""Shares: give one action on one object to a user or group, and take it back."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError

from accounts.models import User
from policies.access import type_id
from policies.actor import Actor
from policies.audit import recording
from policies.models import Resource
from policies.protected import PROTECTED, At, entity_type_of
from policies.rulebook import rulebook
from policies.shares import get_content_type


def share(*, actor: Actor, thing: Any, action: str, subject: User | Group) -> bool:
    """Give somebody one action on this object alone; giving it twice changes nothing. Nobody gives what they may not do.

    Returns whether it is new. Raises Denied, ValidationError for an action that cannot be shared.
    """
    with recording(actor) as trail:
        actor.require(*who_shares(thing))
        rows = _rows(thing, subject)
        permission = permission_for(thing, action)
        actor.require(action, thing)
        _, created = rows.get_or_create(content_object=thing, permission=permission, **_holder(subject))
        if created:
            trail.add(f"{entity_type_of(thing)}.share", thing, after=_told(thing, action, subject))
    return bool(created)


def unshare(*, actor: Actor, thing: Any, action: str, subject: User | Group) -> bool:
    """Take a share back; it ends with the next decision. Returns whether there was one. Raises Denied."""
    with recording(actor) as trail:
        actor.require(*who_shares(thing))
        gone, _ = (
            _rows(thing, subject).filter(content_object=thing, permission__codename=action, **_holder(subject)).delete()
        )
        if gone:
            trail.add(f"{entity_type_of(thing)}.unshare", thing, before=_told(thing, action, subject))
    return bool(gone)


def _told(thing: Any, action: str, subject: User | Group) -> dict[str, str]:
    """A share as the audit trail tells it; of a resource, with the type that says what the action is called."""
    kind = {"type": thing.entity_type.full_name} if isinstance(thing, Resource) else {}
    return {"action": action, "with": str(subject), **kind}


def who_shares(thing: Any) -> tuple[str, Any]:
    """The question that decides who may share an object: `share` where its type has that action, else who may change it."""
    if isinstance(thing, Resource):
        return "share", At("resource", thing.scope)
    book = rulebook()
    return ("share" if "share" in book.entity_types[type_id(book, thing)].actions else "update"), thing


def shareable_actions(thing: Any) -> dict[str, str]:
    """{action: label} that can be given on this object alone, as its catalogue says."""
    book = rulebook()
    kind = book.entity_types[type_id(book, thing)]
    return {action: kind.actions[action] for action in kind.shareable}


def permission_for(thing: Any, action: str) -> Permission:
    """guardian's row for an action on objects of this model. Raises ValidationError for one that cannot be shared."""
    if action not in shareable_actions(thing):
        raise ValidationError({"action": f"{action} cannot be shared."})
    return Permission.objects.get(content_type=get_content_type(thing), codename=action)


def _rows(thing: Any, subject: User | Group) -> Any:
    shares = PROTECTED[entity_type_of(thing)].shares
    if not shares:
        raise ValidationError("This cannot be shared.")
    if isinstance(subject, User) and subject.is_project_user:
        raise ValidationError({"subject": "A project user belongs to its project: give it roles instead."})
    return shares[0 if isinstance(subject, User) else 1]._default_manager


def _holder(subject: User | Group) -> dict[str, Any]:
    return {"user": subject} if isinstance(subject, User) else {"group": subject}
