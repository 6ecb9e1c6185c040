"""Role assignments: give a role, take it away, change a project user's roles."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import Scope, User
from policies.actions.administrators import keep_an_administrator
from policies.actor import Actor
from policies.audit import Trail, recording
from policies.errors import Conflict
from policies.holdings import LIVE, forget
from policies.models import Role, RoleAssignment
from policies.protected import OrgAssignment

SORTED_AT_ONCE = 2000  # users whose sort keys are written together


class Change(NamedTuple):
    """What a change of roles did."""

    added: list[Role]
    removed: list[Role]
    before: list[Role]

    @property
    def now(self) -> list[str]:
        """Full names of the roles held after it."""
        return names_of({*self.before, *self.added} - set(self.removed))


def edit_roles(
    *, actor: Actor, user: User, roles: Iterable[Role], seen: Iterable[Role] | None = None, reason: str = ""
) -> Change:
    """Set a project user's roles (OVH-13). `seen`: the roles the form was shown with.

    Raises Denied, Conflict when the roles are no longer those that were seen, ValidationError for a role that a project
    user cannot hold. Roles that stay keep who gave them, and when.
    """
    from policies.actions.users import lock

    with recording(actor) as trail:
        user = lock(user)
        actor.require("give_role", user)
        current = set(user.role_assignments.filter(scope=user.project_id).values_list("role", flat=True))
        if seen is not None and current != {role.pk for role in seen}:
            raise Conflict(user)
        return _edit(actor, trail, user, list(roles), reason)


def add_and_take_roles(*, actor: Actor, user: User, add: Iterable[Role] = (), take: Iterable[Role] = ()) -> Change:
    """Give a project user some roles and take others, whatever else they hold or somebody gives them meanwhile.

    Raises Denied, Conflict when the user was deleted, ValidationError for a role that a project user cannot hold.
    """
    from policies.actions.users import lock

    with recording(actor) as trail:
        user = lock(user)
        actor.require("give_role", user)
        taken = {role.pk for role in take}
        held = [a.role for a in user.role_assignments.filter(scope=user.project_id).select_related("role__catalogue")]
        wanted = [role for role in (*held, *add) if role.pk not in taken]
        return _edit(actor, trail, user, wanted)


def change_roles(*, actor: Actor, user: User, scope: Scope, wanted: list[Role], reason: str = "") -> Change:
    """Give and take a user's roles in one scope until they are those wanted.

    Runs in the caller's transaction, with the user locked; the caller tells the audit trail.
    """
    held = {
        a.role_id: a
        for a in user.role_assignments.filter(scope=scope.pk).select_related("role__catalogue", "scope", "user")
    }
    kept = {role.pk for role in wanted}
    added = [role for role in dict.fromkeys(wanted) if role.pk not in held]
    removed = [assignment for pk, assignment in held.items() if pk not in kept]
    for role in added:
        _give(actor, RoleAssignment(role=role, user=user, scope=scope, reason=reason.strip()))
    for assignment in removed:
        require(actor, "delete", assignment)
        assignment.delete()
    if added or removed:
        update_sort_keys([user.pk])
        forget(user)
    return Change(added, [assignment.role for assignment in removed], [a.role for a in held.values()])


def _edit(actor: Actor, trail: Trail, user: User, wanted: list[Role], reason: str = "") -> Change:
    assert user.project is not None
    change = change_roles(actor=actor, user=user, scope=user.project, wanted=wanted, reason=reason)
    if change.added or change.removed:
        after = {"roles": change.now, "reason": reason} if reason else {"roles": change.now}
        trail.add("project_user.edit_roles", user, before={"roles": names_of(change.before)}, after=after)
    return change


def names_of(roles: Iterable[Role]) -> list[str]:
    """Full names, as the audit trail tells them."""
    return sorted(role.full_name for role in roles)


def give_role(
    *,
    actor: Actor,
    role: Role,
    subject: User | Group,
    scope: Scope,
    expires_at: datetime | None = None,
    reason: str = "",
) -> RoleAssignment:
    """Give a role to a user or group in a scope. One that they hold there already is returned as it is; an expired one
    makes room for the new one.

    Raises Denied, Conflict when the subject or the scope is gone, ValidationError for a role that cannot be held by the
    subject or given at the scope, and for an end without a time zone.
    """
    if expires_at is not None and timezone.is_naive(expires_at):
        raise ValidationError({"expires_at": "Say the time zone of the moment at which it ends."}, code="naive")
    holder = {"user": subject} if isinstance(subject, User) else {"group": subject}
    with recording(actor) as trail:
        locked = type(subject)._default_manager.select_for_update(no_key=True)  # one giver at a time
        if locked.filter(pk=subject.pk).first() is None or not Scope.objects.filter(pk=scope.pk).exists():
            raise Conflict(f"{subject} or {scope} is gone.")
        held = RoleAssignment.objects.filter(role=role, scope=scope, **holder)
        existing = held.filter(LIVE).first()
        if existing:
            return existing
        assignment = RoleAssignment(role=role, scope=scope, expires_at=expires_at, reason=reason.strip(), **holder)
        held.delete()
        _give(actor, assignment)
        _changed(subject)
        _tell(trail, "create", assignment, after=told(assignment))
    return assignment


def take_role(*, actor: Actor, assignment: RoleAssignment) -> None:
    """Take a role assignment away. Raises Denied, Conflict where it is gone, ValidationError for the last administrator's."""
    take_roles(actor=actor, assignments=[assignment])


def take_roles(*, actor: Actor, assignments: Collection[RoleAssignment]) -> None:
    """Take role assignments away, all of them or none. Raises as take_role."""
    users = {assignment.user for assignment in assignments}
    with recording(actor) as trail:
        for assignment in assignments:
            require(actor, "delete", assignment)
        before = {assignment.pk: told(assignment) for assignment in assignments}
        with keep_an_administrator(users.pop() if len(users) == 1 else None):
            gone, _ = RoleAssignment.objects.filter(pk__in=before).delete()
        if gone < len(before):
            raise Conflict(f"{', '.join(map(str, assignments))}: taken away already.")
        for assignment in assignments:
            _changed(assignment.subject)
            _tell(trail, "delete", assignment, before=before[assignment.pk])


def update_assignment(
    *,
    actor: Actor,
    assignment: RoleAssignment,
    expires_at: datetime | None,
    reason: str,
    seen: dict[str, str] | None = None,
) -> RoleAssignment:
    """Change when an assignment ends, and why it exists. `seen`: what it was told as when the form was shown.

    Raises Denied, Conflict where it is gone or no longer what was seen, ValidationError for the last administrator's and
    for an end without a time zone.
    """
    if expires_at is not None and timezone.is_naive(expires_at):
        raise ValidationError({"expires_at": "Say the time zone of the moment at which it ends."}, code="naive")
    rows = RoleAssignment.objects.select_for_update(of=("self",)).select_related(
        "role__catalogue", "scope", "user", "group"
    )
    with recording(actor) as trail:
        with keep_an_administrator(
            assignment.user
        ):  # its lock first, as everywhere: else two could wait for each other
            found = rows.filter(pk=assignment.pk).first()
            if found is None:
                raise Conflict(f"{assignment} was taken away.")
            require(actor, "update", found)
            before = told(found)
            if seen is not None and seen != before:
                raise Conflict(f"{assignment} was changed.")
            found.expires_at, found.reason = expires_at, reason.strip()
            found.save(update_fields=["expires_at", "reason"])
        trail.add("role_assignment.update", found, before=before, after=told(found))
    if found.user:
        forget(found.user)
    return found


def _give(actor: Actor, assignment: RoleAssignment) -> None:
    """Decide before saving: an assignment must not be what allows itself."""
    require(actor, "create", assignment)
    check_fits(assignment)
    assignment.granted_by = actor.name[:120]
    assignment.save()


def require(actor: Actor, action: str, assignment: RoleAssignment) -> None:
    """Raises Denied where the actor may not create, update or delete this assignment."""
    for thing in asked(assignment):
        actor.require(action, thing)


def may_change(actor: Actor, action: str, assignment: RoleAssignment, *, held_besides: bool | None = None) -> bool:
    """Whether the actor may create, update or delete this assignment, saved or not: what forms offer.

    `held_besides`: whether the subject holds the role in another place, where the caller knows it for many at once.
    """
    return all(actor.may(action, thing) for thing in asked(assignment, held_besides=held_besides))


def asked(assignment: RoleAssignment, *, held_besides: bool | None = None) -> Iterator[Any]:
    """Giving, changing and taking a role asks for the role, and in a department or project for the place too (RUN-12).

    Whoever holds the role besides, in effect or pending, may be put in a further department or project, and taken out of
    it, by those who may not give the role: there only the place is asked for.
    """
    in_a_place = assignment.scope.kind in (Scope.Kind.DEPARTMENT, Scope.Kind.PROJECT)
    if held_besides is None:
        held_besides = in_a_place and _is_held_besides(assignment)
    if not (in_a_place and held_besides):
        yield assignment
    if in_a_place:
        yield OrgAssignment(assignment.scope)


def _is_held_besides(assignment: RoleAssignment) -> bool:
    holder = {"user": assignment.user_id} if assignment.user_id else {"group": assignment.group_id}
    if not any(holder.values()) or (assignment.user and assignment.user.is_project_user):
        return False  # a project user has no further place
    rows = RoleAssignment.objects.filter(LIVE, role=assignment.role_id, **holder)
    return rows.exclude(pk=assignment.pk).exists()


def check_fits(assignment: RoleAssignment) -> None:
    """Raises ValidationError for a role that the subject cannot hold, or that cannot be given at the scope."""
    role, user = assignment.role, assignment.user
    kind = "group" if user is None else user.kind
    if role.is_retired:
        raise ValidationError({"roles": f"{role} is gone from its catalogue."}, code="retired")
    if role.subjects and kind not in role.subjects:
        raise ValidationError({"roles": f"{role} cannot be given to a {kind.replace('_', ' ')}."}, code="subject")
    if user is not None and user.is_project_user and user.project_id != assignment.scope_id:
        raise ValidationError({"roles": f"{user} belongs to another project (OVH-10)."}, code="project")
    pending = role.needs_scope and assignment.scope.kind == Scope.Kind.ORGANIZATION
    if role.binds and assignment.scope.kind not in role.binds and not pending:
        kinds, kind = " or a ".join(role.binds), assignment.scope.kind
        there = f"the {kind}" if kind == Scope.Kind.ORGANIZATION else f"a {kind}"
        raise ValidationError({"roles": f"{role} is given in a {kinds}, not in {there}."}, code="scope")


def told(assignment: RoleAssignment) -> dict[str, str]:
    """An assignment as the audit trail tells it."""
    return {
        "role": assignment.role.full_name,
        "to": str(assignment.subject),
        "in": str(assignment.scope),
        "expires": assignment.expires_at.isoformat() if assignment.expires_at else "",
        "reason": assignment.reason,
    }


def _tell(trail: Trail, action: str, assignment: RoleAssignment, **what: Any) -> None:
    """A project user's roles are told as a change of its roles, whichever way they changed: its activity shows all of them."""
    user = assignment.user
    if user is None or not user.is_project_user:
        trail.add(f"role_assignment.{action}", assignment, **what)
        return
    role, held = assignment.role.full_name, user.role_assignments.filter(scope=user.project_id)
    now = names_of(a.role for a in held.select_related("role__catalogue"))
    before = sorted({*now, role} if action == "delete" else {*now} - {role})
    after = {"roles": now, "reason": assignment.reason} if assignment.reason and action == "create" else {"roles": now}
    trail.add("project_user.edit_roles", user, before={"roles": before}, after=after)


def _changed(subject: User | Group) -> None:
    if isinstance(subject, User):
        forget(subject)
        if subject.is_project_user:
            update_sort_keys([subject.pk])


def update_sort_keys(users: Collection[int]) -> None:
    """The only writer of User.roles_sort_key: the labels of a project user's roles, in the order in which a row shows them."""
    labels: dict[int, list[str]] = {user: [] for user in users}
    rows = RoleAssignment.objects.filter(user__in=users).order_by("role__label").values_list("user", "role__label")
    for user, label in rows:
        labels[user].append(label)
    alike: dict[str, list[int]] = {}
    for user, found in labels.items():
        alike.setdefault(", ".join(found)[:200], []).append(user)
    for key, some in alike.items():
        User.objects.filter(pk__in=some).update(roles_sort_key=key)


def relabelled(roles: Iterable[Role]) -> None:
    """Roles are called otherwise now: so are they in the sort keys of the project users who hold them."""
    held = RoleAssignment.objects.filter(role__in=roles, user__project__isnull=False).order_by()
    users = list(held.values_list("user", flat=True).distinct())
    for start in range(0, len(users), SORTED_AT_ONCE):
        update_sort_keys(users[start : start + SORTED_AT_ONCE])
