"""Places: create, change, move and delete projects, departments and clusters."""

from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import Cluster, Department, Organization, Project, Scope, User
from policies.actions.saving import save
from policies.actor import Actor
from policies.audit import recording
from policies.errors import Conflict
from policies.models import BulkJob, Resource, RoleAssignment, RulebookVersion

MODELS: dict[str, type[Scope]] = {
    "organization": Organization,
    "project": Project,
    "department": Department,
    "cluster": Cluster,
}


def create_scope(
    *,
    actor: Actor,
    kind: str,
    name: str,
    slug: str = "",
    description: str = "",
    parent: Scope | None = None,
    is_sample: bool = False,
) -> Scope:
    """Create a project, department or cluster in a parent (default: the organization). Decided at the parent.

    Raises Denied, ValidationError by field.
    """
    scope = MODELS[kind](
        kind=kind,
        name=name.strip(),
        slug=slug,
        description=description.strip(),
        parent=parent or Scope.objects.root(),
        is_sample=is_sample,
    )
    with recording(actor) as trail:
        actor.require("create", scope)
        _check(scope)
        save(scope)
        trail.add(f"{kind}.create", scope, after=told(scope))
    return scope


def update_scope(*, actor: Actor, scope: Scope, seen: dict[str, Any] | None = None, **fields: Any) -> Scope:
    """Change name, slug, description or parent (a move asks for the right to create there). `seen`: values the form was shown with.

    Raises Denied, Conflict when a field has another value than was seen, ValidationError.
    """
    with recording(actor) as trail:
        scope = lock(scope)
        actor.require("update", scope)
        before = told(scope)
        if seen and any(before[name] != value for name, value in seen.items()):
            raise Conflict(scope)
        parent = fields.pop("parent", None)
        for name in ("name", "slug", "description"):
            setattr(scope, name, fields.get(name, getattr(scope, name)))
        _check(scope)
        save(scope)
        if parent is not None and parent.pk != scope.parent_id:
            _move(actor, scope, parent)
        if told(scope) != before:
            if scope.kind == Scope.Kind.ORGANIZATION:
                RulebookVersion.renew()  # every worker keeps the root beside the rules
            trail.add(f"{scope.kind}.update", scope, before=before, after=told(scope))
    return scope


def _move(actor: Actor, scope: Scope, parent: Scope) -> None:
    actor.require("create", MODELS[scope.kind](kind=scope.kind, parent=parent))
    if parent.kind not in Scope.PARENTS[Scope.Kind(scope.kind)] or scope.pk in parent.ancestor_ids:
        raise ValidationError({"parent": f"A {scope.kind} cannot lie in {parent}."})
    scope.move_to(parent)


def delete_scope(*, actor: Actor, scope: Scope) -> None:
    """Delete a place with its project users, roles, shares and resources. Places with places inside are refused.

    Raises Denied, ValidationError.
    """
    with recording(actor) as trail:
        scope = lock(scope)
        actor.require("delete", scope)
        if scope.children.exists():
            raise ValidationError(f"{scope} still holds other places. Move or delete them first.")
        users, resources = User.objects.filter(project=scope.pk), Resource.objects.filter(scope=scope.pk)
        lost = {**told(scope), "users": users.count(), "resources": resources.count()}
        trail.add(f"{scope.kind}.delete", scope, before=lost)
        BulkJob.objects.filter(project=scope.pk).delete()
        RoleAssignment.objects.filter(scope=scope.pk).delete()
        resources.delete()
        users.delete()
        Scope.objects.filter(pk=scope.pk).update(cluster=None)  # a cluster lies in itself, which would protect it
        scope.delete()


def lock(scope: Scope) -> Scope:
    """The scope's row as its own kind, locked until the transaction ends. Raises Conflict where it is gone."""
    found = (
        MODELS[scope.kind].objects.select_for_update(of=("self",)).select_related("parent").filter(pk=scope.pk).first()
    )
    if found is None:
        raise Conflict(f"{scope} was deleted.")
    return found


def _check(scope: Scope) -> None:
    scope.slug = (scope.slug or "").lower()  # as it is looked up
    if scope.parent and scope.parent.kind not in Scope.PARENTS[Scope.Kind(scope.kind)]:
        raise ValidationError({"parent": f"A {scope.kind} cannot lie in a {scope.parent.kind}."})
    scope.full_clean(exclude=[] if scope.slug else ["slug"])


def told(scope: Scope) -> dict[str, Any]:
    """A scope as the audit trail tells it."""
    return {
        "name": scope.name,
        "slug": scope.slug,
        "description": scope.description,
        "parent": scope.parent.name if scope.parent else "",
    }
