"""What the forms that tick roles show: choices, presets, hints, what saving changes and what it will allow."""

from collections.abc import Collection
from typing import Any

from django.http import QueryDict
from django.utils import timezone

from accounts.models import Project, User
from console.questions import why_url
from policies.abilities import Ability, abilities, lost
from policies.actions.assignments import asked, may_change
from policies.actor import Actor
from policies.models import Role, RoleAssignment
from policies.offers import Hint, hints, presets, roles_by_uid, roles_of_project_users, under_headings

SHOWN_AT_ONCE = 4  # of a longer group the rest stands behind a disclosure


def choosable_roles(held: Collection[RoleAssignment] = ()) -> dict[str, Role]:
    """{public id: role} of the roles on offer, and of those held: also one that is no longer on offer may stay."""
    return {role.uid: role for role in (*roles_of_project_users(), *(a.role for a in held))}


def ticked_roles(data: QueryDict, actor: Actor, held: Collection[RoleAssignment] = ()) -> list[Role]:
    """The roles that a posted form ticks, with those that its preset or hint button adds.

    Held roles that the actor may not take away stay: the form cannot send them.
    """
    roles = choosable_roles(held)
    ticked = [roles[uid] for uid in (*data.getlist("roles"), *data.getlist("add")) if uid in roles]
    for preset in presets(list(roles.values())):
        ticked += preset.roles if preset.key == data.get("preset") else []
    ticked += [a.role for a in held if not may_change(actor, "delete", a)]
    return list(dict.fromkeys(ticked))


def choices_context(
    actor: Actor, project: Project, ticked: Collection[Role], held: Collection[RoleAssignment] | None = None
) -> dict[str, Any]:
    """Context of role_groups.html, presets.html and preview.html; with `held`, for a user who exists."""
    return {
        "role_groups": role_groups(actor, project, ticked, held or ()),
        "presets": [
            {
                "key": preset.key, "label": preset.label, "purpose": preset.purpose,
                "values": [role.uid for role in preset.roles], "pressed": set(preset.roles) <= set(ticked),
            }
            for preset in presets(roles_of_project_users())
        ],
        **preview_context(ticked, None if held is None else [a.role for a in held]),
    }  # fmt: skip


def role_groups(
    actor: Actor, project: Project, ticked: Collection[Role], held: Collection[RoleAssignment]
) -> list[dict[str, Any]]:
    """The roles on offer and those held, under their headings; what one may not give or take says why."""
    assignments = {a.role_id: a for a in held}
    groups = []
    for heading in under_headings(list(choosable_roles(held).values())):
        choices = [_choice(actor, project, role, role in ticked, assignments.get(role.pk)) for role in heading.roles]
        long = len(choices) > SHOWN_AT_ONCE + 1
        first = [c for number, c in enumerate(choices) if not long or number < SHOWN_AT_ONCE or c["checked"]]
        more = [c for c in choices if c not in first]
        groups.append({"label": heading.label, "purpose": heading.purpose, "choices": first, "more": more})
    return groups


def _choice(actor: Actor, project: Project, role: Role, ticked: bool, held: RoleAssignment | None) -> dict[str, Any]:
    action, assignment = ("delete", held) if held else ("create", RoleAssignment(role=role, scope=project))
    refused = next((thing for thing in asked(assignment) if not actor.may(action, thing)), None)
    blocked = f"You may not {'take this role away' if held else 'give this role'}." if refused else ""
    return {
        "role": role, "value": role.uid, "checked": ticked or bool(blocked and held), "held": bool(held),
        "blocked": blocked, "why_url": why_url(action, refused) if refused else "",
    }  # fmt: skip


def preview_context(ticked: Collection[Role], held: Collection[Role] | None = None) -> dict[str, Any]:
    """What the ticked roles mean; with the roles held now, also what saving changes."""
    said = [_hint(hint, ticked) for hint in hints(list(ticked))]
    context: dict[str, Any] = {"able": able(abilities(ticked)), "hints": said, "diff": None}
    if held is not None:
        context["diff"] = {
            "added": [role for role in ticked if role not in held],
            "removed": [role for role in held if role not in ticked],
            "kept": [role for role in held if role in ticked],
        }
        context["able"] += able(lost(held, ticked), state="lost")
    return context


def able(found: list[Ability], *, why: bool = False, state: str = "yes") -> list[dict[str, str]]:
    """Abilities for components/able.html."""
    return [
        {"state": state, "label": a.area, "detail": a.detail, "why": "; ".join(a.because) if why else ""} for a in found
    ]


def _hint(hint: Hint, ticked: Collection[Role]) -> dict[str, Any]:
    offer = hint.offer if hint.offer and hint.offer not in ticked else None
    return {"text": hint.text, "offer": {"value": offer.uid, "label": offer.label} if offer else None}


def held_roles(user: User) -> list[RoleAssignment]:
    """The assignments of a project user, in the order of their labels."""
    rows = user.role_assignments.filter(scope=user.project_id).select_related("role__catalogue", "scope")
    found = list(rows.order_by("role__label", "pk"))
    assert user.project is not None
    for assignment in found:
        assignment.user, assignment.scope = user, user.project  # known already: nothing is asked again row by row
    return found


def is_expired(assignment: RoleAssignment) -> bool:
    return bool(assignment.expires_at and assignment.expires_at <= timezone.now())


def version_of(held: Collection[RoleAssignment]) -> str:
    """The roles that a form starts from, as it sends them back."""
    return ",".join(sorted(a.role.uid for a in held))


def roles_seen(version: str) -> list[Role]:
    """The roles that a form started from. A role that is gone by now is left out, and so differs from what is held."""
    known = roles_by_uid()
    return [known[uid] for uid in version.split(",") if uid in known]
