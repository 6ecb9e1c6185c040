"""Which roles a form offers, and what the catalogues say beside them: presets and hints."""

from dataclasses import dataclass, field
from typing import Any

from accounts.models import Scope
from policies.models import Role
from policies.rulebook import rulebook


@dataclass(frozen=True)
class Preset:
    """Roles that are often given together."""

    key: str
    label: str
    purpose: str
    roles: list[Role]


@dataclass(frozen=True)
class Hint:
    """A remark about a choice of roles, and the role that would answer it."""

    text: str
    offer: Role | None = None


@dataclass
class Heading:
    """Roles that stand together in a form."""

    label: str
    purpose: str
    roles: list[Role] = field(default_factory=list)


def roles_for(subject: str, kind: str) -> list[Role]:
    """The roles in effect that a kind of subject (person, group, project_user) can hold in a kind of scope, in order."""
    book = rulebook()
    return sorted(
        (
            role
            for pk, role in book.roles.items()
            if pk not in book.switched_off
            and (not role.subjects or subject in role.subjects)
            and (not role.binds or kind in role.binds)
        ),
        key=lambda role: (role.catalogue.position, role.position, role.code),
    )


def roles_of_project_users() -> list[Role]:
    """What a project user can be given."""
    return [role for role in roles_for("project_user", Scope.Kind.PROJECT) if "project_user" in role.subjects]


def roles_by_uid() -> dict[str, Role]:
    """Every role of the installation by its public id, from the rulebook."""
    return {role.uid: role for role in rulebook().roles.values()}


def under_headings(roles: list[Role]) -> list[Heading]:
    """The roles under the headings of their catalogue."""
    found: dict[str, Heading] = {}
    for role in roles:
        label = role.heading or role.catalogue.label
        found.setdefault(label, Heading(label, role.heading_purpose)).roles.append(role)
    return list(found.values())


def presets(roles: list[Role]) -> list[Preset]:
    """The presets of the catalogues of these roles."""
    by_name = {(role.catalogue_id, role.code): role for role in roles}
    catalogues = {role.catalogue_id: role.catalogue for role in roles}
    return [
        Preset(
            f"{catalogue.code}-{number}",
            preset["label"],
            preset.get("purpose", ""),
            [by_name[pk, code] for code in preset["roles"]],
        )
        for pk, catalogue in catalogues.items()
        for number, preset in enumerate(catalogue.presets)
        if all((pk, code) in by_name for code in preset["roles"])
    ]


def hints(chosen: list[Role]) -> list[Hint]:
    """What the catalogues remark about exactly this choice; hints, never force (OVH-14)."""
    found = []
    for catalogue in {role.catalogue_id: role.catalogue for role in chosen}.values():
        codes = {role.code for role in chosen if role.catalogue_id == catalogue.pk}
        every = {role.code: role for role in rulebook().roles.values() if role.catalogue_id == catalogue.pk}
        found += [Hint(hint["say"], every.get(hint.get("offer", ""))) for hint in catalogue.hints if _fits(hint, codes)]
    return found


def _fits(hint: dict[str, Any], codes: set[str]) -> bool:
    if "has_any" in hint and not codes & set(hint["has_any"]):
        return False
    if "has_all" in hint and not codes >= set(hint["has_all"]):
        return False
    if hint.get("with_others") and codes == set(hint.get("has_all", ())):
        return False
    return hint.get("lacks") not in codes
