"""assign_role SUBJECT ROLE: give a role to a user or group in a place."""

from argparse import ArgumentParser
from typing import Any

from console.management.arguments import MOMENTS, moment
from console.management.assignments import assignment_row
from console.management.base import RosterCommand
from policies.actions.assignments import give_role, update_assignment
from policies.actor import Actor
from policies.holdings import LIVE
from policies.models import RoleAssignment
from policies.naming import find_role, find_subject, subject_kind


class Command(RosterCommand):
    help = (
        "Give a role to a user or group, in a place and everything below it. "
        "One that is held there already gets the new end and reason."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("subject", help="username or id, or group:NAME")
        parser.add_argument("role", help="code, label or alias, or CATALOGUE:CODE")
        self.add_place_options(parser, required=True)
        parser.add_argument("--expires", type=moment, metavar="WHEN", help=f"{MOMENTS}; default: never")
        parser.add_argument("--reason", metavar="TEXT", help="why, for those who look at it later")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        actor, subject = self.actor(options), find_subject(options["subject"])
        role, place = find_role(options["role"], subject_kind(subject)), self.place(options)
        assert place is not None  # one of the two options is required
        held = subject.role_assignments.filter(LIVE, role=role, scope=place).first()
        assignment = (
            self.renew(actor, held, options)
            if held
            else give_role(
                actor=actor,
                role=role,
                subject=subject,
                scope=place,
                expires_at=options["expires"],
                reason=options["reason"] or "",
            )
        )
        self.print_row(assignment_row(assignment), options)

    def renew(self, actor: Actor, held: RoleAssignment, options: dict[str, Any]) -> RoleAssignment:
        """What is held already, with the end and the reason that were given now."""
        expires_at = options["expires"] or held.expires_at
        reason = held.reason if options["reason"] is None else options["reason"]
        if (expires_at, reason) == (held.expires_at, held.reason):
            self.note("Held already: nothing was changed.")
            return held
        return update_assignment(actor=actor, assignment=held, expires_at=expires_at, reason=reason)
