"""What the commands about registered things have in common."""

from argparse import ArgumentParser
from typing import Any

from accounts.models import User
from console.management.assignments import scope_name
from console.management.output import Row
from console.times import iso
from policies.models import Resource
from policies.naming import find_resource, find_role, find_user


def add_resource_options(parser: ArgumentParser) -> None:
    """What can be said about a thing beside its name; resource_fields() reads it."""
    parser.add_argument("--owner", metavar="USER", help="username or id")
    parser.add_argument("--parent", metavar="RESOURCE", help="the thing that it belongs to: id, or TYPE:ID")
    parser.add_argument("--visibility", metavar="WORD", help="as the rules of its type name it")
    parser.add_argument("--external-id", metavar="ID", help="what the service that runs it calls it")
    parser.add_argument("--url", metavar="URL", help="where browsers reach it")
    parser.add_argument("--tag", nargs="*", metavar="TAG", help="its tags; several")
    parser.add_argument("--lists-role", nargs="*", metavar="ROLE", help="roles that it lists; several")


def resource_fields(options: dict[str, Any]) -> dict[str, Any]:
    """What was said, as the actions take it. An empty text is no owner, no parent … Raises NotFound."""
    said = {name: options[name] for name in ("visibility", "external_id", "url") if options[name] is not None}
    if options["owner"] is not None:
        said["owner"] = find_user(options["owner"]) if options["owner"] else None
    if options["parent"] is not None:
        said["parent"] = find_resource(options["parent"]) if options["parent"] else None
    if options["tag"] is not None:
        said["tags"] = options["tag"]
    if options["lists_role"] is not None:
        said["listed_roles"] = [find_role(name, User.Kind.PERSON) for name in options["lists_role"]]
    return said


def resource_row(resource: Resource) -> Row:
    return {
        "id": resource.uid,
        "type": resource.entity_type.full_name,
        "name": resource.name,
        "external_id": resource.external_id,
        "url": resource.url,
        "scope": scope_name(resource.scope),
        "owner": resource.owner.username if resource.owner else None,
        "parent": resource.parent.uid if resource.parent else None,
        "visibility": resource.visibility,
        "tags": sorted(tag.name for tag in resource.tags.all()),
        "lists": sorted(role.full_name for role in resource.listed_roles.select_related("catalogue")),
        "created": iso(resource.created_at),
    }
