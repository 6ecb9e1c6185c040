"""One change to many users of a project: stored as a job, done in batches, a result for each user."""

import hashlib
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from accounts.models import Project, User
from policies.actions import users as user_actions
from policies.actions.assignments import add_and_take_roles
from policies.actor import Actor
from policies.audit import recording
from policies.errors import Conflict, Denied
from policies.models import BulkItem, BulkJob, Role, RoleAssignment
from policies.offers import roles_by_uid
from policies.protected import At

BATCH = 500

# What a change asks for, on each user; and what is said when it was done or had been so already.
ASKS = {"roles": "give_role", "disable": "disable", "enable": "disable", "delete": "delete"}
DONE = {"roles": "Roles changed", "disable": "Disabled", "enable": "Enabled", "delete": "Deleted"}
UNCHANGED = {"roles": "Nothing to change", "disable": "Was disabled already", "enable": "Was enabled already"}


def digest_of(uids: Iterable[str]) -> str:
    """Says which users a preview was made for."""
    return hashlib.sha256("\n".join(sorted(uids)).encode()).hexdigest()


def start_bulk(
    *, actor: Actor, project: Project, change: str, users: QuerySet[User], digest: str,
    add: Iterable[Role] = (), take: Iterable[Role] = (),
) -> BulkJob:  # fmt: skip
    """Store a job for these users. Raises Denied, Conflict when they are no longer those of the preview's digest."""
    with recording(actor) as trail:
        for user in users[:1]:
            actor.require(ASKS[change], user)
        rows = list(users.order_by("pk").values_list("uid", "username"))
        if digest_of(uid for uid, _ in rows) != digest:
            raise Conflict(project)
        roles = {"add": [role.uid for role in add], "take": [role.uid for role in take]}
        job = BulkJob.objects.create(project=project, started_by=actor.user, change=change, **roles)
        items = (BulkItem(job=job, user_uid=uid, username=name) for uid, name in rows)
        BulkItem.objects.bulk_create(items, batch_size=1000)
        after = {"change": change, "users": len(rows)}
        if change == BulkJob.Change.ROLES:
            after |= {"gives": [role.full_name for role in add], "takes": [role.full_name for role in take]}
        trail.add("bulk_job.create", project, after=after)
    return job


def run_batch(*, actor: Actor, job: BulkJob) -> int:
    """Do the next users of a job, in one transaction, with the rights of whoever asks.

    Returns how many were done; 0: none is left.
    """
    with recording(actor):
        waiting = job.items.select_for_update(skip_locked=False).filter(result=BulkItem.Result.WAITING).order_by("pk")
        items = list(waiting[:BATCH])
        found = User.objects.filter(project=job.project_id, uid__in=[item.user_uid for item in items])
        users = {user.uid: user for user in found}
        for item in items:
            try:
                item.result, item.message = _do(actor, job, users.get(item.user_uid))
            except (Denied, ValidationError, Conflict) as error:  # undone alone; the others go on
                item.result, item.message = BulkItem.Result.REFUSED, _said(error)
        BulkItem.objects.bulk_update(items, ["result", "message"])
    return len(items)


def stop_bulk(*, actor: Actor, job: BulkJob) -> int:
    """Leave out whoever still waits; what was done stays. Returns how many are left out. Raises Denied."""
    with recording(actor) as trail:
        actor.require(ASKS[job.change], At("project_user", job.project))
        waiting = job.items.filter(result=BulkItem.Result.WAITING)
        left = waiting.update(result=BulkItem.Result.NOT_DONE, message="Left as it was")
        if left:
            trail.add("bulk_job.stop", job.project, after={"change": job.change, "users_left_out": left})
    return left


def _do(actor: Actor, job: BulkJob, user: User | None) -> tuple[str, str]:
    if user is None:
        return BulkItem.Result.UNCHANGED, "Was deleted meanwhile"
    if job.change == BulkJob.Change.ROLES:
        known = roles_by_uid()
        add, take = ([known[uid] for uid in uids if uid in known] for uids in (job.add, job.take))
        change = add_and_take_roles(actor=actor, user=user, add=add, take=take)
        changed = bool(change.added or change.removed)
    elif job.change == BulkJob.Change.DELETE:
        user_actions.delete_user(actor=actor, user=user)
        changed = True
    else:
        enable = job.change == BulkJob.Change.ENABLE
        (user_actions.enable_user if enable else user_actions.disable_user)(actor=actor, user=user)
        changed = user.is_active != enable
    return (BulkItem.Result.DONE, DONE[job.change]) if changed else (BulkItem.Result.UNCHANGED, UNCHANGED[job.change])


def _said(error: Exception) -> str:
    if isinstance(error, Denied) and isinstance(error.thing, RoleAssignment):
        return f"You may not {'give' if error.action == 'create' else 'take away'} {error.thing.role}."
    return (" ".join(error.messages) if isinstance(error, ValidationError) else str(error))[:300]
