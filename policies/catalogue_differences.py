"""What a catalogue's file changes: the stored catalogue beside the file's, and what differs, in words."""

from dataclasses import fields
from typing import Any

from policies.catalogue_files import CatalogueEntry, RoleEntry, RuleEntry, SettingEntry, TypeEntry
from policies.models import Catalogue, EntityType, Role, RoleSetting, Rule

Told = dict[str, dict[str, Any]]  # part of a catalogue -> its fields, as the audit trail tells them


def stored(catalogue: Catalogue) -> CatalogueEntry:
    """A catalogue of the installation, as an entry to compare with a file's."""
    rules: dict[int, list[RuleEntry]] = {}
    columns = ("owner", "parent_owner", "listed", "fields", "service", "permission")
    rows = Rule.objects.filter(role__catalogue=catalogue).order_by("position", "pk")
    for role, of, code, action, *values in rows.values_list(
        "role", "entity_type__catalogue__code", "entity_type__code", "action", *columns
    ):
        rules.setdefault(role, []).append(RuleEntry(action, f"{of}:{code}", *values))
    roles = catalogue.roles.select_related("module").prefetch_related("includes").order_by("position", "code")
    return CatalogueEntry(
        catalogue.code,
        catalogue.label,
        catalogue.description,
        catalogue.position,
        catalogue.presets,
        catalogue.hints,
        modules={module.code: module.label for module in catalogue.modules.all()},
        types={kind.code: type_entry(kind) for kind in catalogue.entity_types.select_related("catalogue")},
        roles={role.code: _role_entry(role, rules.get(role.pk, [])) for role in roles},
        settings={s.code: _setting_entry(s) for s in catalogue.settings.select_related("role")},
        is_editable=catalogue.is_editable,
    )


def type_entry(kind: EntityType) -> TypeEntry:
    return TypeEntry(
        kind.catalogue.code,
        kind.code,
        kind.label,
        kind.area,
        kind.is_shared,
        kind.actions,
        tuple(kind.shareable),
        tuple(kind.seen_by),
        kind.attributes,
        kind.field_actions,
        tuple(kind.visibilities),
        kind.web_actions,
    )


def _setting_entry(setting: RoleSetting) -> SettingEntry:
    return SettingEntry(setting.code, setting.label, setting.role.code, setting.help, setting.everybody_if_unset)


def _role_entry(role: Role, rules: list[RuleEntry]) -> RoleEntry:
    return RoleEntry(
        role.code,
        role.label,
        role.purpose,
        role.family,
        role.heading,
        role.heading_purpose,
        tuple(role.aliases),
        tuple(sorted(included.code for included in role.includes.all())),
        role.module.code if role.module else "",
        role.since,
        tuple(role.binds),
        role.needs_scope,
        tuple(role.subjects),
        role.is_retired,
        tuple(rules),
    )


def _told(entry: CatalogueEntry) -> Told:
    """The parts of a catalogue and their fields, as JSON."""
    parts: Told = {
        "catalogue": {
            "label": entry.label,
            "description": entry.description,
            "position": entry.position,
            "is_editable": entry.is_editable,
            "presets": [f"{preset['label']}: {_listed(preset, 'label')}" for preset in entry.presets],
            "hints": [f"{hint['say']} ({_listed(hint, 'say')})" for hint in entry.hints],
        }
    }
    parts |= {f"module {code}": {"label": label} for code, label in entry.modules.items()}
    parts |= {f"entity type {code}": _fields(kind) for code, kind in entry.types.items()}
    parts |= {f"role {code}": _fields(role) for code, role in entry.roles.items()}
    parts |= {f"setting {code}": _fields(setting) for code, setting in entry.settings.items()}
    return parts


def _listed(values: dict[str, Any], but: str) -> str:
    return "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in sorted(values.items()) if name != but)


def _fields(part: TypeEntry | RoleEntry | SettingEntry) -> dict[str, Any]:
    found = {f.name: getattr(part, f.name) for f in fields(part) if f.name not in ("catalogue", "code")}
    if isinstance(part, RoleEntry):
        found |= {"rules": [str(rule) for rule in part.rules], "includes": sorted(part.includes)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def differences(old: CatalogueEntry, new: CatalogueEntry) -> tuple[Told, Told]:
    """(before, after): the parts that differ, each with the fields that differ."""
    old_parts, new_parts = _told(old), _told(new)
    before: Told = {}
    after: Told = {}
    for part in {**new_parts, **old_parts}:
        was, becomes = old_parts.get(part, {}), new_parts.get(part, {})
        differing = [name for name in {**was, **becomes} if was.get(name) != becomes.get(name)]
        if differing and part in old_parts:
            before[part] = {name: was[name] for name in differing}
        if differing and part in new_parts:
            after[part] = {name: becomes[name] for name in differing}
    common = [part for part in old_parts if part in new_parts and not new_parts[part].get("is_retired")]
    if common != (now := [part for part in new_parts if part in common]):
        before["order"], after["order"] = {"of": common}, {"of": now}
    return before, after


def sentences(before: Told, after: Told, assigned: dict[str, int]) -> list[str]:
    """What differs, for people. `assigned`: how many assignments each role has."""
    said: list[str] = []
    for part in {**after, **before}:
        was, becomes = before.get(part, {}), after.get(part, {})
        if part == "order":
            said.append("the order changed")
        elif part not in before:
            said.append(f"new {part}" + (f" with {len(becomes['rules'])} rules" if "rules" in becomes else ""))
        elif part not in after:
            said.append(f"{part} is deleted" + (": nobody holds it" if "rules" in was else ""))
        elif becomes.get("is_retired"):
            count = assigned.get(part.removeprefix("role "), 0)
            said.append(f"{part} is gone from the file and retired: {count} assignments stay, without effect")
        else:
            said += [f"{part}: {_sentence(name, was[name], value)}" for name, value in becomes.items()]
    return said


def _sentence(name: str, was: Any, becomes: Any) -> str:
    if name == "is_retired":
        return "is back in the file"
    label = name.removeprefix("is_").replace("_", " ")
    if isinstance(was, list) and isinstance(becomes, list):
        added = [f"new: {item}" for item in becomes if item not in was]
        removed = [f"gone: {item}" for item in was if item not in becomes]
        return f"{label}: {'; '.join(added + removed) or 'in another order'}"
    return f"{label}: {_quoted(was)} becomes {_quoted(becomes)}"


def _quoted(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} ({label})" for name, label in value.items())
    return f"“{value}”" if isinstance(value, str) else str(value).lower()
