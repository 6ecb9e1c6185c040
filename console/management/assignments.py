"""What the commands about role assignments and shares have in common."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import Group

from accounts.models import Scope, User
from console.management.output import Row
from console.times import iso
from policies.access import type_id
from policies.actions.shares import shareable_actions
from policies.models import RoleAssignment
from policies.naming import GROUP, NotFound, find_object, find_subject
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


def add_share_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("object", metavar="TYPE:ID", help="the object, as project:speech-models")
    parser.add_argument("action", help="an action of the type that can be shared")
    parser.add_argument("subject", help="username or id, or group:NAME")


def find_share(options: dict[str, Any]) -> dict[str, Any]:
    """`thing`, `action` and `subject`, as add_share_arguments() took them.

    Raises NotFound for each that there is not; for an action it lists those that can be shared.
    """
    thing, action = find_object(options["object"]), options["action"].strip().lower()
    if action not in (actions := shareable_actions(thing)):
        raise NotFound("action", options["action"], list(actions), where=" that can be shared")
    return {"thing": thing, "action": action, "subject": find_subject(options["subject"])}


def share_row(thing: Any, action: str, subject: User | Group) -> Row:
    book = rulebook()
    return {
        "type": book.entity_types[type_id(book, thing)].full_name,
        "id": thing.uid,
        "name": str(thing),
        "action": action,
        "subject": subject_name(subject),
    }
