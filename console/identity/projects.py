"""Projects, as far as the caller may see them; what is written goes through the same actions as on the pages.

Departments and clusters, in which projects lie, can be shown by their id, as what a project's `parent_id` and a role
assignment name; lists hold projects alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from accounts.models import Project, Scope, ScopeClosure, User
from console.identity.errors import IdentityError, not_found
from console.identity.protocol import DOMAIN, Answer, IdentityRequest, body, identity, link, listing, text
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
from console.navigation import visible_projects
from policies import access
from policies.actions.scopes import create_scope, delete_scope, update_scope
from policies.actor import Actor
from policies.holdings import subject_for, union


@identity("GET", "POST")
def project_index(request: IdentityRequest) -> Answer:
    if request.method == "POST":
        return 201, {"project": told(created(request.actor, request.user, body(request, "project")))}
    rows = narrowed(request, seen_projects(request.user, request.token.project))
    return listing(request, "projects", rows, lambda page: [told(project) for project in page])


@identity("GET", "PATCH", "DELETE")
def project_detail(request: IdentityRequest, project: str) -> Answer:
    if request.method in ("GET", "HEAD"):
        return {"project": told(the_place(request.user, project, request.token.project))}
    found = the_project(request.user, project)
    if request.method == "DELETE":
        delete_scope(actor=request.actor, scope=found)
        return None
    return {"project": told(changed(request.actor, found, body(request, "project")))}


def projects_of(user: User) -> QuerySet[Project]:
    """The projects in which a role that the user, or a group of theirs, was given has effect now."""
    rows = Project.objects.select_related("parent")
    if not user.is_active:
        return rows.none()
    subject = subject_for(user)
    scopes = {held.scope_id for held in subject.holdings if held.assignment_id is not None}
    if subject.cluster_ids is not None:
        beyond = Scope.objects.filter(cluster__isnull=False).exclude(cluster__in=subject.cluster_ids).values("pk")
        rows = rows.exclude(pk__in=beyond)
    if subject.book.root_id in scopes:
        return rows
    return rows.filter(pk__in=ScopeClosure.objects.filter(ancestor__in=scopes).values("descendant"))


def seen_projects(viewer: User, own: Project | None = None) -> QuerySet[Project]:
    """The projects of which the viewer may open a page, the one that they belong to, and their token's."""
    rows = visible_projects(viewer)
    mine = {pk for pk in (viewer.project_id, own.pk if own else None) if pk}
    if mine and rows.filter(pk__in=mine).count() < len(mine):
        both = union([rows.values("pk"), Project.objects.filter(pk__in=mine).values("pk")])
        rows = Project.objects.filter(pk__in=both)
    return rows.select_related("parent")


def narrowed(request: IdentityRequest, rows: QuerySet[Project]) -> QuerySet[Project]:
    """What a list of projects is asked for: name, enabled (all are), parent."""
    name, parent, enabled = asked(request, "name"), asked(request, "parent_id"), asked_flag(request, "enabled")
    if is_other_domain(request) or enabled is False or asked_flag(request, "is_domain"):
        return rows.none()
    if not possible(f"{name}{parent}"):
        return rows.none()
    if name is not None:
        rows = rows.filter(slug=name.lower())
    if parent == DOMAIN["id"]:
        rows = rows.filter(parent__kind=Scope.Kind.ORGANIZATION)
    elif parent is not None:
        rows = rows.filter(parent__uid=parent)
    return rows


def the_project(viewer: User, uid: str, own: Project | None = None) -> Project:
    """A project that the viewer sees. Raises what is answered 404."""
    found = seen_projects(viewer, own).filter(uid=uid).first() if possible(uid) else None
    if found is None:
        raise not_found("project", uid)
    return found


def the_place(viewer: User, uid: str, own: Project | None = None) -> Scope:
    """A project, department or cluster that the viewer sees. Raises what is answered 404."""
    rows = places(viewer, own) if possible(uid) else ()
    found = next((place for branch in rows for place in branch.select_related("parent").filter(uid=uid)), None)
    if found is None:
        raise not_found("project", uid)
    return found


def places(viewer: User, own: Project | None) -> Iterator[QuerySet[Any]]:
    yield seen_projects(viewer, own)
    for kind in (Scope.Kind.DEPARTMENT, Scope.Kind.CLUSTER):
        yield access.permitted(viewer, "read", kind)


def created(actor: Actor, viewer: User, given: dict[str, Any]) -> Scope:
    """Create a project. Its name is what clients know it by, and also what pages call it until somebody changes that.

    Raises what is answered 400, 404 and 409, and Denied.
    """
    refuse_others(given, "name", "description", "enabled", "parent_id")
    name = required(given, "name")
    always_enabled(given)
    parent = text(given, "parent_id", DOMAIN["id"])
    above = None if parent == DOMAIN["id"] else the_place(viewer, parent)
    description = text(given, "description")
    try:
        return create_scope(
            actor=actor, kind="project", name=name, slug=slug_of(name), description=description, parent=above
        )
    except ValidationError as error:
        raise or_taken(error, Project.objects.filter(slug=slug_of(name)).exists(), "project", name) from error


def slug_of(name: str) -> str:
    """The name itself, in small letters. Raises what is answered 400, where it would have to become another one."""
    try:
        Scope._meta.get_field("slug").run_validators(name.strip().lower())
    except ValidationError as error:
        raise IdentityError(400, f"name: {' '.join(error.messages)}") from error
    return name.strip().lower()


def changed(actor: Actor, project: Project, given: dict[str, Any]) -> Scope:
    """Raises what is answered 400 and 409, and Denied."""
    refuse_others(given, "name", "description", "enabled", "parent_id")
    always_enabled(given)
    unchanged(given, "parent_id", parent_id(project))
    fields: dict[str, Any] = {"description": text(given, "description")} if "description" in given else {}
    slug = slug_of(required(given, "name")) if "name" in given else project.slug
    if slug != project.slug:
        fields["slug"] = slug
    try:
        return update_scope(actor=actor, scope=project, **fields)
    except ValidationError as error:
        taken = Project.objects.filter(slug=slug).exclude(pk=project.pk).exists()
        raise or_taken(error, taken, "project", slug) from error


def always_enabled(given: dict[str, Any]) -> None:
    if not flag(given, "enabled", True):
        raise IdentityError(400, "enabled: projects cannot be switched off. Disable their users.")


def parent_id(project: Scope) -> str:
    above = project.parent
    return DOMAIN["id"] if above is None or above.kind == Scope.Kind.ORGANIZATION else above.uid


def told(project: Scope) -> dict[str, Any]:
    """A project as clients know one."""
    return {
        "id": project.uid,
        "name": project.slug,
        "domain_id": DOMAIN["id"],
        "description": project.description,
        "enabled": True,
        "parent_id": parent_id(project),
        "is_domain": False,
        "tags": [],
        "options": {},
        "links": {"self": link(f"/projects/{project.uid}")},
    }
