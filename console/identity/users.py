"""Users: people, project users and services, as far as the caller may see them; one's own password.

A user with a default project is a project user of that project; one without is a person. What is written goes through the
same actions as on the pages.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from accounts.models import User
from console.finders import listed_users
from console.identity import projects
from console.identity.errors import IdentityError, not_found, unauthorized
from console.identity.protocol import DOMAIN, Answer, IdentityRequest, body, identity, link, listing, text, time
from console.identity.reading import (
    asked,
    asked_flag,
    flag,
    is_other_domain,
    or_taken,
    possible,
    refuse_others,
    required,
    unchanged,
)
from console.signing_in import one_of_few
from policies import access
from policies.actions import services, sign_in, users
from policies.actor import Actor
from policies.audit import recording
from policies.holdings import memberships, union
from policies.protected import At


@identity("GET", "POST")
def user_index(request: IdentityRequest) -> Answer:
    if request.method == "POST":
        return 201, {"user": told(created(request.actor, request.user, body(request, "user")))}
    return listing(request, "users", listed(request), lambda page: [told(user) for user in page])


@identity("GET", "PATCH", "DELETE", restricted=("GET", "HEAD"))
def user_detail(request: IdentityRequest, user: str) -> Answer:
    found = the_user(request, user)
    if request.method == "DELETE":
        delete(request.actor, found)
        return None
    if request.method == "PATCH":
        found = changed(request.actor, found, body(request, "user"))
    return {"user": told(found, with_email=sees_email(request.user, found))}


@identity("POST")
def user_password(request: IdentityRequest, user: str) -> Answer:
    """One's own, by whoever knows it: the tokens that the old one gave end with it."""
    if user != request.user.uid:
        raise not_found("user", user)
    given = body(request, "user")
    refuse_others(given, "password", "original_password")
    change_own_password(request.actor, request.user, required(given, "original_password"), required(given, "password"))
    return None


@identity("GET", restricted=("GET", "HEAD"))
def user_projects(request: IdentityRequest, user: str) -> Answer:
    """Where a user holds a role: of oneself all, of others those where one may see role assignments."""
    found = the_user(request, user)
    rows = projects.projects_of(found)
    if found.pk != request.user.pk:
        rows = rows.filter(pk__in=access.permitted_scopes(request.user, ("read", "role_assignment")).values("pk"))
    elif request.token.is_of_one_project and request.token.project:
        rows = rows.filter(pk=request.token.project.pk)
    rows = projects.narrowed(request, rows)
    return listing(request, "projects", rows, lambda page: [projects.told(project) for project in page])


def the_user(request: IdentityRequest, uid: str) -> User:
    """A user whom the caller may list, or who holds a role that the caller may see. Raises what is answered 404.

    A restricted application credential sees its own user alone.
    """
    if uid == request.user.uid:
        return User.objects.select_related("project").get(pk=request.user.pk)
    found = None
    if possible(uid) and not request.token.is_restricted:
        found = User.objects.select_related("project").filter(uid=uid).first()
    if found is None or not (is_listed(request.user, found) or holds_what_is_seen(request.user, found)):
        raise not_found("user", uid)
    return found


def is_listed(viewer: User, user: User) -> bool:
    return any(branch.filter(pk=user.pk).exists() for branch in listed_users(viewer))


def holds_what_is_seen(viewer: User, user: User) -> bool:
    """Whether the viewer sees a role assignment of the user, or of a group that the user is in."""
    groups = memberships().filter(user=user.pk).values("group")
    return access.visible_assignments(viewer).filter(Q(user=user.pk) | Q(group__in=groups)).exists()


def sees_email(viewer: User, user: User) -> bool:
    return viewer.pk == user.pk or access.may(viewer, "list", At("user"))


def listed(request: IdentityRequest) -> QuerySet[User]:
    """The users whom the caller may list, by name, enabled or not, and by the project that they belong to."""
    name, enabled, project = (
        asked(request, "name"),
        asked_flag(request, "enabled"),
        asked(request, "default_project_id"),
    )
    if is_other_domain(request) or not possible(f"{name}{project}"):
        return User.objects.none()
    everybody = lists_everybody(request.user)
    branches = [User.objects.all()] if everybody else listed_users(request.user)
    branches = [branch.order_by() for branch in branches]
    if name is not None:
        branches = [branch.filter(username=name.lower()) for branch in branches]
    if project is not None:
        branches = [branch.filter(project__uid=project) for branch in branches]
    if enabled is not None:
        branches = [branch.filter(is_active=enabled) for branch in branches]
    if everybody:
        return told_rows(branches[0])
    return told_rows(User.objects.filter(pk__in=union([branch.values("pk") for branch in branches])))


def lists_everybody(viewer: User) -> bool:
    """Whether all users are listed: then a page of a million is read in its order, and not picked out of them."""
    root = access.root_for(viewer)
    questions = (("list", "user"), ("list", "project_user"), ("read", "service"))
    return viewer.all_clusters and all(access.may(viewer, action, At(kind, root)) for action, kind in questions)


def told_rows(rows: QuerySet[User]) -> QuerySet[User]:
    """With what `told` reads, and no more: of each further column, lists of many take longer."""
    own = ("uid", "username", "is_active", "description", "email", "password_is_temporary", "password_set_at")
    return rows.select_related("project").only(*own, "project__uid")


def created(actor: Actor, viewer: User, given: dict[str, Any]) -> User:
    """Add a person, or a user of the project that is named. Raises what is answered 400, 404 and 409, and Denied."""
    refuse_others(given, "name", "description", "email", "enabled", "password", "default_project_id")
    name, enabled = required(given, "name"), flag(given, "enabled", True)
    fields: dict[str, Any] = {"username": name, "description": text(given, "description")}
    project = (
        projects.the_project(viewer, text(given, "default_project_id")) if given.get("default_project_id") else None
    )
    if project is None:
        fields["email"] = text(given, "email")
    elif given.get("email"):
        raise IdentityError(400, "email: a user of a project has none.")
    password = text(given, "password")
    if password:
        check_password(password, User(username=name, description=fields["description"], email=fields.get("email", "")))
    try:
        with a_place_to_hash(password), recording(actor):
            if project is None:
                user, _ = users.add_person(actor=actor, password=password, **fields)
            else:
                user, _ = users.add_project_user(actor=actor, project=project, password=password, **fields)
            return user if enabled else users.disable_user(actor=actor, user=user)
    except ValidationError as error:
        raise or_taken(error, User.objects.filter(username=name.strip().lower()).exists(), "user", name) from error


def changed(actor: Actor, user: User, given: dict[str, Any]) -> User:
    """Change all that is named, or nothing. Raises what is answered 400, and Denied."""
    refuse_others(given, "name", "description", "email", "enabled", "password", "default_project_id")
    unchanged(given, "name", user.username)
    unchanged(given, "default_project_id", project_id(user))
    fields: dict[str, Any] = {name: text(given, name) for name in ("description", "email") if name in given}
    if not user.is_person and not fields.get("email", "said"):
        del fields["email"]  # it has none
    enabled, password = flag(given, "enabled", user.is_active), text(given, "password")
    if user.is_service:
        return changed_service(actor, user, fields, enabled, password)
    if password:
        check_password(password, user)
    with a_place_to_hash(password), recording(actor):
        if password:
            users.choose_password(actor=actor, user=user, password=password)
        if fields:
            user = users.update_user(actor=actor, user=user, **fields)
        if enabled != user.is_active:
            user = (users.enable_user if enabled else users.disable_user)(actor=actor, user=user)
    return user


def changed_service(actor: Actor, service: User, fields: dict[str, Any], enabled: bool, password: str) -> User:
    if password:
        raise IdentityError(400, "password: a service shows tokens, which are made on its page.")
    with recording(actor):
        if fields:
            service = services.update_service(actor=actor, service=service, **fields)
        if enabled != service.is_active:
            switch = services.enable_service if enabled else services.disable_service
            service = switch(actor=actor, service=service)
    return service


def delete(actor: Actor, user: User) -> None:
    if user.is_service:
        services.retire_service(actor=actor, service=user)
    else:
        users.delete_user(actor=actor, user=user)


def change_own_password(actor: Actor, user: User, current: str, wanted: str) -> None:
    """Raises what is answered 400, 401 and 429."""
    if user.is_service:
        raise IdentityError(400, "A service has no password: it shows tokens, which are made on its page.")
    check_password(wanted, user)
    with one_of_few():
        stored = User.objects.get(pk=user.pk)
        if not sign_in.is_own_password(actor=actor, user=stored, password=current):
            raise unauthorized()
        sign_in.change_own_password(actor=actor, user=stored, password=wanted)


def a_place_to_hash(password: str) -> AbstractContextManager[None]:
    """Raises TooManyTries where as many others hash passwords as this worker takes at once."""
    return one_of_few() if password else nullcontext()


LONGEST_PASSWORD = 1024  # characters; nothing is ever cut off


def check_password(password: str, user: User) -> None:
    """Raises ValidationError for a password that nobody may choose on a page either."""
    if len(password) > LONGEST_PASSWORD:
        raise ValidationError({"password": f"At most {LONGEST_PASSWORD:,} characters."})
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from error


def project_id(user: User) -> str | None:
    return user.project.uid if user.project else None


def told(user: User, *, with_email: bool = True) -> dict[str, Any]:
    """A user as clients know one. `with_email`: whether the caller may see the address."""
    return {
        "id": user.uid,
        "name": user.username,
        "domain_id": DOMAIN["id"],
        "enabled": user.is_active,
        "default_project_id": project_id(user),
        "description": user.description,
        "email": user.email if with_email and user.email else None,
        "password_expires_at": time(password_ends(user)),
        "options": {},
        "links": {"self": link(f"/users/{user.uid}")},
    }


def password_ends(user: User) -> Any:
    """When a temporary password ends; others don't."""
    if not (user.password_is_temporary and user.password_set_at):
        return None
    return user.password_set_at + sign_in.TEMPORARY_PASSWORD_LASTS
