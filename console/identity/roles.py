"""Roles of all catalogues in use, by their code; those that came with a catalogue cannot be changed."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from accounts.models import User
from console.identity.errors import IdentityError, not_found
from console.identity.protocol import Answer, IdentityRequest, body, identity, link, listing, text
from console.identity.reading import asked, refuse_others, required, unchanged
from policies import access
from policies.actions.roles import RoleDraft, create_role, delete_role, draft_of, update_role
from policies.actor import Actor
from policies.holdings import subject_for
from policies.models import Role
from policies.naming import short_role_names
from policies.protected import At
from policies.rulebook import rulebook

CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")
SHIPPED = "{} came with its catalogue and cannot be changed."


@identity("GET", "POST")
def role_index(request: IdentityRequest) -> Answer:
    if request.method == "POST":
        return 201, {"role": told(created(request.actor, body(request, "role")))}
    names, wanted = short_role_names(), asked(request, "name")
    rows = [role for role in listed(request.user) if wanted in (None, names[role.pk])]
    if asked(request, "domain_id") not in (None, "", "null"):
        rows = []  # roles belong to no domain
    return listing(request, "roles", rows, lambda page: [told(role) for role in page])


@identity("GET", "PATCH", "DELETE")
def role_detail(request: IdentityRequest, role: str) -> Answer:
    found = the_role(request, role)
    if request.method in ("PATCH", "DELETE") and not found.catalogue.is_editable:
        raise IdentityError(403, SHIPPED.format(found))
    if request.method == "DELETE":
        delete_role(actor=request.actor, role=found, assignments=found.assignments.count())
        return None
    if request.method == "PATCH":
        found = changed(request.actor, found, body(request, "role"))
    return {"role": told(found)}


@identity("GET")
def role_inferences(request: IdentityRequest) -> Answer:
    """Which role includes which."""
    rows = [role for role in listed(request.user) if role.includes.all()]
    return {
        "role_inferences": [
            {"prior_role": short(role), "implies": [short(included) for included in role.includes.all()]}
            for role in rows
        ],
        "links": {"self": link("/role_inferences")},
    }


def listed(viewer: User) -> list[Role]:
    """The roles of the catalogues in use, for those who may see roles; for others those that they hold."""
    book = rulebook()
    sees_all = access.may(viewer, "read", At("role"))
    seen = book.roles.keys() if sees_all else held_by(viewer)
    return [role for pk, role in book.roles.items() if pk in seen and role.catalogue.is_enabled and not role.is_retired]


def held_by(viewer: User) -> set[int]:
    subject = subject_for(viewer)
    return subject.given.keys() | subject.role_ids


def the_role(request: IdentityRequest, uid: str) -> Role:
    """A role, in use or not, for those who may see roles, and for those who hold it. Raises what is answered 404."""
    found = next((role for role in rulebook().roles.values() if role.uid == uid), None)
    if found is None or not (access.may(request.user, "read", At("role")) or found.pk in held_by(request.user)):
        raise not_found("role", uid)
    return found


def created(actor: Actor, given: dict[str, Any]) -> Role:
    """A role without rules, in the catalogue of roles that are made here. Raises what is answered 400 and 409, and Denied."""
    refuse_others(given, "name", "description")
    name = required(given, "name")
    if not CODE.fullmatch(name):
        raise IdentityError(400, "name: use small letters, digits, - and _, at most 50.")
    actor.require("create", At("role", rulebook().root))
    if name in short_role_names().values():
        raise IdentityError(409, f"The role {name} exists already.")
    return create_role(actor=actor, draft=RoleDraft(name, text(given, "description")))


def changed(actor: Actor, role: Role, given: dict[str, Any]) -> Role:
    """Describe a role. Raises what is answered 400, and Denied."""
    refuse_others(given, "name", "description")
    unchanged(given, "name", short_role_names()[role.pk])
    draft = draft_of(role)
    purpose = text(given, "description") if "description" in given else draft.purpose
    return update_role(actor=actor, role=role, draft=replace(draft, purpose=purpose))


def told(role: Role) -> dict[str, Any]:
    """A role as clients know one."""
    return {
        **short(role),
        "domain_id": None,
        "description": role.purpose or None,
        "options": {} if role.catalogue.is_editable else {"immutable": True},
    }


def short(role: Role) -> dict[str, Any]:
    return {"id": role.uid, "name": short_role_names()[role.pk], "links": {"self": link(f"/roles/{role.uid}")}}
