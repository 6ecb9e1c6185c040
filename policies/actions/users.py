"""People and project users: add, describe, give a new password, disable, enable, delete."""

from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import Project, User
from policies import access
from policies.actions.administrators import keep_an_administrator
from policies.actions.assignments import change_roles
from policies.actions.saving import save
from policies.actor import Actor
from policies.audit import recording
from policies.errors import Conflict
from policies.holdings import subject_for
from policies.models import Role
from policies.nonces import use_up
from policies.passwords import generate_password as new_password
from policies.passwords import generate_username
from policies.protected import At
from policies.rulebook import rulebook


def add_project_user(
    *,
    actor: Actor,
    project: Project,
    description: str,
    username: str = "",
    roles: list[Role] | None = None,
    nonce: str = "",
    is_sample: bool = False,
    password: str | None = None,
) -> tuple[User, str]:
    """Add a credential to a project, with roles. Returns the user and the generated password, which is stored nowhere (OVH-11).

    Raises Denied, ValidationError (by field), AlreadyDone. `password=""` makes it unusable (sample data).
    """
    secret = new_password() if password is None else password
    user = User(
        kind=User.Kind.PROJECT_USER,
        project=project,
        description=description.strip(),
        username=username.strip() or generate_username(),
        is_sample=is_sample,
        password=make_password(secret or None),
        password_set_at=timezone.now(),  # hashed before the transaction begins
    )
    with recording(actor) as trail:
        actor.require("create", user)
        use_up(nonce)
        user.full_clean(validate_constraints=False)  # they hold by construction
        save(user)
        given = change_roles(actor=actor, user=user, scope=project, wanted=roles or [])
        trail.add("project_user.create", user, after={"description": user.description, "roles": given.now})
    return user, secret


def add_person(
    *,
    actor: Actor,
    username: str,
    description: str = "",
    email: str = "",
    nonce: str = "",
    is_sample: bool = False,
    password: str | None = None,
) -> tuple[User, str]:
    """Add a person. Returns the user and a temporary password, to be changed at the first sign-in (RUN-18).

    Raises Denied, ValidationError, AlreadyDone. `password=""` makes it unusable (sample data).
    """
    secret = new_password() if password is None else password
    user = User(
        username=username.strip(),
        description=description.strip(),
        email=email,
        is_sample=is_sample,
        password=make_password(secret or None),
        password_set_at=timezone.now(),
        password_is_temporary=bool(secret),
    )
    with recording(actor) as trail:
        actor.require("create", user)
        use_up(nonce)
        user.full_clean()
        save(user)
        trail.add("user.create", user, after={"description": user.description, "email": user.email})
    return user, secret


def update_user(*, actor: Actor, user: User, seen: dict[str, Any] | None = None, **fields: Any) -> User:
    """Change description, email, or the clusters that a person is bound to. `seen`: the values the form was shown with.

    Raises Denied, Conflict when a field has another value than was seen, ValidationError.
    """
    with recording(actor) as trail:
        user = lock(user)
        actor.require("update", user)
        clusters = fields.pop("clusters", None)
        before = {name: getattr(user, name) for name in fields}
        if seen and any(seen.get(name, value) != value for name, value in before.items()):
            raise Conflict(user)
        for name, value in fields.items():
            if name not in UPDATABLE:
                raise ValidationError({name: "This cannot be changed."})
            setattr(user, name, value)
        if clusters is not None:
            before["clusters"] = sorted(user.clusters.values_list("name", flat=True))
            fields["clusters"] = sorted(cluster.name for cluster in clusters)
        if before == fields:
            return user
        user.full_clean()
        save(user)
        if clusters is not None:
            user.clusters.set(clusters)
        trail.add(f"{entity(user)}.update", user, before=before, after=fields)
    return user


UPDATABLE = {"description", "email", "all_clusters"}


def generate_password(*, actor: Actor, user: User, nonce: str = "", and_keys: bool = False) -> str:
    """Give the user a new random password; the old one, and sessions and tokens opened with it, stop working (OVH-12).

    Application credentials and S3 keys go on, unless `and_keys` deletes them too. A person's password is temporary, a
    project user's is a machine credential. Raises Denied, AlreadyDone.
    """
    from policies.actions.credentials import delete_credentials

    secret = new_password()
    encoded = make_password(secret)
    with recording(actor) as trail:
        user = lock(user)
        actor.require("generate_password", user)
        _require_no_less(actor, user)
        use_up(nonce)
        set_password(user, encoded, temporary=not user.is_project_user)
        trail.add(f"{entity(user)}.generate_password", user)
        if and_keys:
            delete_credentials(actor=actor, user=user)
    return secret


def choose_password(*, actor: Actor, user: User, password: str) -> None:
    """Give the user a password that the actor chose: as `generate_password`, and by the same right.

    A person's is temporary. The caller has checked that it is good enough. Raises Denied, Conflict.
    """
    encoded = make_password(password)
    with recording(actor) as trail:
        user = lock(user)
        actor.require("generate_password", user)
        _require_no_less(actor, user)
        set_password(user, encoded, temporary=not user.is_project_user)
        trail.add(f"{entity(user)}.generate_password", user, after={"chosen": True})


def _require_no_less(actor: Actor, user: User) -> None:
    """Raises Denied where the new password would open what the actor may not do: everything, of an administrator."""
    everything = At("installation", rulebook().root)
    if user.is_person and any(not c.missing for c in access.walk(subject_for(user), "administer", everything)):
        actor.require("administer", everything)


def set_password(user: User, encoded: str, *, temporary: bool) -> None:
    """Store an encoded password; the callers audit. Sessions hold a hash of it and end on their next request."""
    user.password, user.password_set_at, user.password_is_temporary = encoded, timezone.now(), temporary
    user.save(update_fields=["password", "password_set_at", "password_is_temporary"])


def disable_user(*, actor: Actor, user: User) -> User:
    """The user is denied everything from the next decision on (RUN-16).

    Raises Denied, ValidationError for the last administrator.
    """
    return _switch(actor, user, False)


def enable_user(*, actor: Actor, user: User) -> User:
    """The user may do again what their roles allow. Raises Denied."""
    return _switch(actor, user, True)


def _switch(actor: Actor, user: User, enabled: bool) -> User:
    with recording(actor) as trail:
        user = lock(user)
        actor.require("disable", user)
        if user.is_active == enabled:
            return user
        with keep_an_administrator(user):
            user.is_active = enabled
            user.tokens_since = user.tokens_since if enabled else timezone.now()
            user.save(update_fields=["is_active", "tokens_since"])
        trail.add(
            f"{entity(user)}.{'enable' if enabled else 'disable'}",
            user,
            before={"status": "ok" if not enabled else "disabled"},
            after={"status": user.status},
        )
    return user


def delete_user(*, actor: Actor, user: User) -> None:
    """Delete the user with roles and shares; what they own stays, without owner. Raises Denied, ValidationError."""
    with recording(actor) as trail:
        user = lock(user)
        actor.require("delete", user)
        roles = sorted(str(a) for a in user.role_assignments.select_related("role", "scope", "user"))
        trail.add(f"{entity(user)}.delete", user, before={"description": user.description, "roles": roles})
        with keep_an_administrator(user):
            user.delete()


def lock(user: User) -> User:
    """The user's row, locked until the transaction ends. Raises Conflict where somebody deleted it meanwhile.

    The lock is the weaker one that lets others point to the row (put the user in a group): against it they would deadlock.
    """
    found = (
        User.objects.select_for_update(of=("self",), no_key=True).select_related("project").filter(pk=user.pk).first()
    )
    if found is None:
        raise Conflict(f"{user} was deleted.")
    return found


def entity(user: User) -> str:
    """The entity type that events and questions name."""
    return "user" if user.is_person else user.kind
