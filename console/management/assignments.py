"""What the commands about role assignments and shares have in common."""

from typing import Any

from django.contrib.auth.models import Group

from accounts.models import Scope, User
from console.management.output import Row, iso
from policies.access import type_id
from policies.actions.shares import shareable_actions
from policies.models import RoleAssignment
from policies.naming import GROUP, NotFound
from policies.rulebook import rulebook


def subject_name(subject: User | Group) -> str:
    """A user or group as commands take it."""
    return f"{GROUP}:{subject.name}" if isinstance(subject, Group) else subject.username


def scope_name(scope: Scope) -> str:
    return f"{scope.kind}:{scope.slug}"


def assignment_row(assignment: RoleAssignment) -> Row:
    return {
        "id": assignment.uid,
        "subject": subject_name(assignment.subject),
        "role": assignment.role.full_name,
        "scope": scope_name(assignment.scope),
        "expires": iso(assignment.expires_at),
        "reason": assignment.reason,
        "since": iso(assignment.granted_at),
        "given_by": assignment.granted_by,
    }


def find_shareable(name: str, thing: Any) -> str:
    """The action of a share. Raises NotFound, which lists those that can be shared."""
    actions = shareable_actions(thing)
    if name.strip().lower() not in actions:
        raise NotFound("action", name, list(actions), where=" that can be shared")
    return name.strip().lower()


def share_row(thing: Any, action: str, subject: User | Group) -> Row:
    book = rulebook()
    return {
        "type": book.entity_types[type_id(book, thing)].full_name,
        "id": thing.uid,
        "name": str(thing),
        "action": action,
        "subject": subject_name(subject),
    }
