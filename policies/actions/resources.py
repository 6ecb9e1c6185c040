"""Resources: things that services run, registered here so that Roster can decide about them.

Whether somebody may register, change and retire is asked of Roster's own entity type `resource` in the place where the
thing lies; what may be done with the thing itself is asked of its entity type.
"""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import Scope, User
from policies.actor import Actor
from policies.audit import recording
from policies.errors import Conflict
from policies.models import EntityType, Resource, Role, Tag
from policies.protected import At
from policies.resources import CHANGEABLE, changeable_fields, lives_in_roster
from policies.web_addresses import around, normal

DEEPEST = 20  # things above a thing
URL_TAKEN = "Another thing is registered under this address, or around it."
TAKEN = "Another thing of this type is registered under this id."


def register_resource(
    *,
    actor: Actor,
    entity_type: EntityType,
    scope: Scope,
    name: str,
    external_id: str = "",
    url: str = "",
    owner: User | None = None,
    parent: Resource | None = None,
    visibility: str = "",
    listed_roles: Iterable[Role] = (),
    tags: Iterable[str] = (),
    is_sample: bool = False,
) -> Resource:
    """Register a thing of an entity type in a scope. Tags are given by name; a new one lists no role yet.

    Raises Denied, ValidationError by field.
    """
    resource = Resource(
        entity_type=entity_type,
        scope=scope,
        name=name.strip(),
        external_id=external_id.strip(),
        url=url.strip(),
        owner=owner,
        parent=parent,
        visibility=visibility,
        is_sample=is_sample,
    )
    with recording(actor) as trail:
        actor.require("register", At("resource", scope))
        _check(resource)
        _check_url(actor, resource)
        _save(resource)
        resource.listed_roles.set(listed_roles)
        resource.tags.set(_tags(tags))
        trail.add("resource.register", resource, after=told(resource))
    return resource


def update_resource(*, actor: Actor, resource: Resource, seen: dict[str, Any] | None = None, **fields: Any) -> Resource:
    """Change some of CHANGEABLE. `seen`: values, as told() has them, that the form was shown with.

    Who may not change registrations may change the fields that the type names an action for, if they may do it (H2O-06).
    Raises Denied, Conflict where it was retired or a field has another value than was seen, ValidationError by field.
    """
    with recording(actor) as trail:
        resource = _lock(resource)
        if not fields.keys() <= changeable_fields(actor, resource):
            actor.require("update", At("resource", resource.scope))
        if unknown := fields.keys() - set(CHANGEABLE):
            raise ValidationError(dict.fromkeys(unknown, "This cannot be changed."))
        before = told(resource)
        if seen and any(before[name] != value for name, value in seen.items()):
            raise Conflict(f"{resource} was changed.")
        _change(actor, resource, fields)
        after = told(resource)
        if changed := [name for name in before if before[name] != after[name]]:
            was, becomes = ({name: values[name] for name in changed} for values in (before, after))
            trail.add("resource.update", resource, before=was, after=becomes)
    return resource


def _change(actor: Actor, resource: Resource, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if name not in ("listed_roles", "tags"):
            setattr(resource, name, value.strip() if isinstance(value, str) else value)
    _check(resource)
    if "url" in fields:
        _check_url(actor, resource)
    _save(resource)
    if "listed_roles" in fields:
        resource.listed_roles.set(fields["listed_roles"])
    if "tags" in fields:
        resource.tags.set(_tags(fields["tags"]))


def retire_resource(*, actor: Actor, resource: Resource) -> None:
    """Forget a thing that is gone, with its shares; what belonged to it stays. Raises Denied, Conflict."""
    with recording(actor) as trail:
        resource = _lock(resource)
        actor.require("retire", At("resource", resource.scope))
        trail.add("resource.retire", resource, before=told(resource))
        resource.delete()


def update_tag(*, actor: Actor, name: str, roles: Iterable[Role]) -> Tag:
    """Say which roles a tag lists. It may stand on things of any place, so this is decided at the organization.

    Raises Denied, ValidationError for a name that is too long.
    """
    root = Scope.objects.root()
    with recording(actor) as trail:
        actor.require("update", At("resource", root))
        (tag,) = _tags([name], field="name")
        before = _names(tag.roles.select_related("catalogue"))
        tag.roles.set(roles)
        after = _names(tag.roles.select_related("catalogue"))
        if before != after:
            trail.add("tag.update", tag, before={"lists": before}, after={"lists": after}, scope=root)
    return tag


def told(resource: Resource) -> dict[str, Any]:
    """A resource as the audit trail tells it."""
    return {
        "name": resource.name,
        "type": resource.entity_type.label,
        "external_id": resource.external_id,
        "url": resource.url,
        "owner": str(resource.owner or ""),
        "parent": str(resource.parent or ""),
        "visibility": resource.visibility,
        "lists": _names(resource.listed_roles.select_related("catalogue")),
        "tags": sorted(resource.tags.values_list("name", flat=True)),
    }


def _check(resource: Resource) -> None:
    kind, owner = resource.entity_type, resource.owner
    if lives_in_roster(kind):
        raise ValidationError({"entity_type": f"{kind} live in Roster itself: they are not registered."})
    if owner is not None and owner.is_project_user and owner.project_id != resource.scope_id:
        raise ValidationError({"owner": f"{owner} belongs to another project (OVH-10)."})
    _check_parent(resource)
    # Objects, not ids: they exist.
    resource.full_clean(exclude=["entity_type", "scope", "owner", "parent"], validate_constraints=False)
    others = Resource.objects.filter(entity_type=kind, external_id=resource.external_id).exclude(pk=resource.pk)
    if resource.external_id and others.exists():
        raise ValidationError({"external_id": TAKEN})


def _check_url(actor: Actor, resource: Resource) -> None:
    """Whoever registers an address inside another thing's decides who gets through there, so they must be allowed to
    change that thing; and one that holds other things' addresses. Raises ValidationError by field."""
    resource.url = normal(resource.url)
    if not resource.url:
        return
    for other in around(resource.url).exclude(pk=resource.pk):
        if other.url == resource.url or not actor.may("update", At("resource", other.scope)):
            raise ValidationError({"url": URL_TAKEN})


def _check_parent(resource: Resource) -> None:
    above = resource.parent
    for _ in range(DEEPEST if resource.pk else 0):
        if above is None:
            return
        if above.pk == resource.pk:
            raise ValidationError({"parent": "Nothing belongs to itself."})
        above = above.parent
    if resource.pk and above is not None:
        raise ValidationError({"parent": f"Things belong to each other at most {DEEPEST} deep."})


def _save(resource: Resource) -> None:
    """Of two that take the same external id or address at once, the later one hears what it would have heard then."""
    try:
        with transaction.atomic():
            resource.save()
    except IntegrityError as error:
        _check(resource)  # sees the other one now
        if resource.url and Resource.objects.filter(url=resource.url).exclude(pk=resource.pk).exists():
            raise ValidationError({"url": URL_TAKEN}) from error
        raise


def _tags(names: Iterable[str], field: str = "tags") -> list[Tag]:
    """The tags of these names, the new ones made. Raises ValidationError under the name of the field."""
    wanted = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    for name in wanted:
        try:
            Tag(name=name).clean_fields()
        except ValidationError as error:
            raise ValidationError({field: error.messages}) from error
    known = set(Tag.objects.filter(name__in=wanted).values_list("name", flat=True))
    Tag.objects.bulk_create((Tag(name=name) for name in wanted if name not in known), ignore_conflicts=True)
    found = {tag.name: tag for tag in Tag.objects.filter(name__in=wanted)}
    return [found[name] for name in wanted]


def _lock(resource: Resource) -> Resource:
    rows = Resource.objects.select_for_update(of=("self",), no_key=True)
    found = rows.select_related("entity_type", "scope", "owner", "parent").filter(pk=resource.pk).first()
    if found is None:
        raise Conflict(f"{resource} was retired.")
    return found


def _names(roles: Iterable[Role]) -> list[str]:
    return sorted(role.full_name for role in roles)
