"""revoke_role SUBJECT ROLE: take a role away from a user or group in a place."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import Group
from django.core.management import CommandError

from accounts.models import Scope, User
from console.management.assignments import assignment_row, scope_name, subject_name
from console.management.base import RosterCommand
from policies.actions.assignments import take_role
from policies.models import Role, RoleAssignment
from policies.naming import find_role, find_subject, subject_kind

ELSEWHERE = 5  # further places that are told


class Command(RosterCommand):
    help = "Take a role away from a user or group, in one place, and print what was held. Refused where it is not held there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("subject", help="username or id, or group:NAME")
        parser.add_argument("role", help="code, label or alias, or CATALOGUE:CODE")
        self.add_place_options(parser, required=True)
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        subject, place = find_subject(options["subject"]), self.place(options)
        assert place is not None  # one of the two options is required
        held = subject.role_assignments.select_related("role__catalogue", "scope", "user", "group")
        here = [assignment.role for assignment in held.filter(scope=place)]
        role = find_role(options["role"], subject_kind(subject), here)
        assignment = held.filter(role=role, scope=place).first()
        if assignment is None:
            raise CommandError(not_held(subject, role, place))
        row = assignment_row(assignment)
        take_role(actor=self.actor(options), assignment=assignment)
        self.print_row(row, options)


def not_held(subject: User | Group, role: Role, place: Scope) -> str:
    """What is wrong, and where it can be taken instead."""
    rows = (
        RoleAssignment.objects.filter(role=role).select_related("scope", "user", "group").order_by("scope__name", "pk")
    )
    mine = rows.filter(user=subject) if isinstance(subject, User) else rows.filter(group=subject)
    through = rows.filter(group__in=subject.groups.all(), scope=place) if isinstance(subject, User) else rows.none()
    said = [f"{subject_name(subject)} was not given {role.full_name} in {scope_name(place)}."]
    if held_by := [subject_name(one.subject) for one in through[:ELSEWHERE]]:
        said.append(f"It comes from {', '.join(held_by)}.")
    if places := [scope_name(one.scope) for one in mine[:ELSEWHERE]]:
        said.append(f"It was given in {', '.join(places)}.")
    return " ".join(said)
