"""Role catalogues: bring the installation to what their files say."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import Count, QuerySet

from accounts.models import Scope
from policies.actions.administrators import keep_an_administrator
from policies.actions.assignments import relabelled
from policies.actor import Actor
from policies.audit import Trail, recording
from policies.catalogue_differences import differences, sentences, stored, type_entry
from policies.catalogue_files import CatalogueEntry, Known, RoleEntry, TypeEntry, read
from policies.models import (
    AppToken,
    Catalogue,
    EntityType,
    Module,
    Resource,
    Role,
    RoleAssignment,
    RoleSetting,
    Rule,
    RulebookVersion,
    Tag,
)
from policies.protected import PROTECTED, At
from policies.shares import get_content_type


class _DryRun(Exception):
    """Rolls everything back."""


def shipped_files() -> list[Path]:
    """The catalogues that come with Roster."""
    return sorted((Path(__file__).parent.parent / "catalogues").glob("*.yaml"))


def load_catalogues(*, actor: Actor, files: Iterable[Path] | None = None, dry_run: bool = False) -> list[str]:
    """Load catalogue files (those shipped, unless others are named) and return what changed, as sentences.

    Loading again changes nothing. What an installation sets itself (switched on or off, modules, platform version,
    default role) is taken from a file at its first load only. A role that is gone from its file but in use is retired:
    without rules, its assignments kept. `dry_run` says what would change. Raises Denied, BadFile, ValidationError when
    it would leave no administrator.
    """
    words: list[str] = []
    try:
        with recording(actor) as trail:
            actor.require("update", At("catalogue", Scope.objects.root()))
            RulebookVersion.objects.select_for_update().get_or_create(pk=1)  # one load at a time
            entries = read(shipped_files() if files is None else files, _known())
            words += _load(entries, trail)
            _ensure_permissions()
            if dry_run:
                raise _DryRun
    except _DryRun:
        pass
    return words


def _known() -> dict[str, Known]:
    types = EntityType.objects.filter(is_shared=True).select_related("catalogue")
    roles = Role.objects.filter(is_retired=False).select_related("catalogue")
    columns = ("role__catalogue__code", "entity_type__catalogue__code", "entity_type__code", "action")
    uses = Rule.objects.order_by().values_list(*columns).distinct()
    return {
        catalogue.code: Known(
            tuple(type_entry(kind) for kind in types if kind.catalogue_id == catalogue.pk),
            frozenset(role.full_name for role in roles if role.catalogue_id == catalogue.pk),
            frozenset((f"{of}:{code}", action) for by, of, code, action in uses if by == catalogue.code),
            catalogue.is_editable,
        )
        for catalogue in Catalogue.objects.all()
    }


def _with_what_stays(entry: CatalogueEntry, old: CatalogueEntry, catalogue: Catalogue) -> CatalogueEntry:
    """The file's entry, with the roles and entity types that are gone from it but in use."""
    if entry.is_editable:  # its roles are made in the console
        return replace(entry, roles=old.roles | entry.roles)
    gone = catalogue.roles.exclude(code__in=entry.roles)
    retired = {
        role.code: replace(old.roles[role.code], is_retired=True, rules=(), includes=(), module="", aliases=())
        for role in gone
        if any(rows.exists() for rows in _uses(role))
    }
    used = Resource.objects.filter(entity_type__catalogue=catalogue).exclude(entity_type__code__in=entry.types)
    kept = {code: old.types[code] for code in used.order_by().values_list("entity_type__code", flat=True).distinct()}
    return replace(entry, roles=entry.roles | retired, types=entry.types | kept)


def _uses(role: Role) -> list[QuerySet[Any]]:
    """What would be lost, or mean something else, without the role."""
    return [
        RoleAssignment.objects.filter(role=role),
        AppToken.objects.filter(role=role),
        role.included_in.exclude(catalogue=role.catalogue_id),
        Resource.objects.filter(listed_roles=role),
        Tag.objects.filter(roles=role),
        Catalogue.objects.filter(default_role=role),
        Catalogue.objects.filter(default_unless=role),
        RoleSetting.objects.filter(named=role).exclude(role=role),
    ]


@dataclass
class _Change:
    """One catalogue to be written."""

    catalogue: Catalogue
    entry: CatalogueEntry
    roles: Collection[str]  # those whose rules changed
    is_new: bool = False
    made_here: Collection[str] = ()  # roles that the file does not know and that stay as they are


def _load(entries: list[CatalogueEntry], trail: Trail) -> list[str]:
    words: list[str] = []
    changes: list[_Change] = []
    for entry in sorted(entries, key=lambda e: (e.position, e.code)):
        catalogue = Catalogue.objects.select_for_update().filter(code=entry.code).first()
        if catalogue is None:
            changes.append(_Change(_create(entry, trail), entry, entry.roles, is_new=True))
            words.append(_introduced(entry))
            continue
        old = stored(catalogue)
        wanted = _with_what_stays(entry, old, catalogue)
        before, after = differences(old, wanted)
        if before or after:
            trail.add("catalogue.update", catalogue, before=before, after=after)
            words += [f"{entry.code}: {said}" for said in sentences(before, after, _assigned(catalogue))]
            with_new_rules = {code for code in wanted.roles if "rules" in after.get(f"role {code}", {})}
            made_here = old.roles.keys() - entry.roles.keys() if entry.is_editable else ()
            changes.append(_Change(catalogue, wanted, with_new_rules, made_here=made_here))
        if catalogue.digest != entry.digest:
            catalogue.digest = entry.digest
            catalogue.save(update_fields=["digest"])
    if changes:
        with keep_an_administrator():
            _write(changes)
            RulebookVersion.renew()
    return words


def _assigned(catalogue: Catalogue) -> dict[str, int]:
    rows = RoleAssignment.objects.filter(role__catalogue=catalogue).values("role__code")
    return dict(rows.annotate(count=Count("pk")).values_list("role__code", "count"))


def _create(entry: CatalogueEntry, trail: Trail) -> Catalogue:
    catalogue = Catalogue.objects.create(
        code=entry.code,
        label=entry.label,
        is_enabled=entry.start.enabled,
        platform_version=entry.start.platform_version,
        digest=entry.digest,
    )
    trail.add("catalogue.create", catalogue, after={"enabled": entry.start.enabled, "roles": sorted(entry.roles)})
    return catalogue


def _introduced(entry: CatalogueEntry) -> str:
    rules = sum(len(role.rules) for role in entry.roles.values())
    switched = "on" if entry.start.enabled else "off"
    counts = f"{len(entry.roles)} roles, {rules} rules, {len(entry.types)} entity types"
    return f"{entry.code}: new catalogue {entry.label}, switched {switched}: {counts}"


def _write(changes: list[_Change]) -> None:
    """All entity types before all rules: the rules of one file may speak about the types of another."""
    for change in changes:
        _write_types(change)
    types = {f"{kind.catalogue.code}:{kind.code}": kind for kind in EntityType.objects.select_related("catalogue")}
    for change in changes:
        _write_roles(change, types)
        _write_settings(change)
    for change in changes:
        change.catalogue.settings.exclude(code__in=change.entry.settings).delete()
        change.catalogue.roles.exclude(code__in=change.entry.roles).delete()
        change.catalogue.modules.exclude(code__in=change.entry.modules).delete()
        change.catalogue.entity_types.exclude(code__in=change.entry.types).delete()


def _write_types(change: _Change) -> None:
    catalogue, entry = change.catalogue, change.entry
    for name in ("label", "description", "position", "presets", "hints", "is_editable"):
        setattr(catalogue, name, getattr(entry, name))
    catalogue.save()
    for code, label in entry.modules.items():
        named = {"label": label}
        Module.objects.update_or_create(
            catalogue=catalogue,
            code=code,
            defaults=named,
            create_defaults=named | {"is_installed": code in entry.start.installed},
        )
    for position, kind in enumerate(entry.types.values()):
        values = _row(kind) | {"position": position, "action_labels": list(kind.actions.items())}
        EntityType.objects.update_or_create(catalogue=catalogue, code=kind.code, defaults=values)


def _write_roles(change: _Change, types: dict[str, EntityType]) -> None:
    catalogue, entry = change.catalogue, change.entry
    modules = {module.code: module for module in catalogue.modules.all()}
    rows: dict[str, Role] = {}
    from_file = {code: role for code, role in entry.roles.items() if code not in change.made_here}
    called = dict(catalogue.roles.values_list("code", "label"))
    for position, role in enumerate(from_file.values()):
        values = _row(role) | {"module": modules.get(role.module), "position": position}
        rows[role.code], _ = Role.objects.update_or_create(catalogue=catalogue, code=role.code, defaults=values)
    relabelled([row for code, row in rows.items() if called.get(code, row.label) != row.label])
    for code, role in from_file.items():
        rows[code].includes.set(rows[included] for included in role.includes)
    Rule.objects.filter(role__in=[rows[code] for code in change.roles]).delete()
    Rule.objects.bulk_create(
        Rule(
            role=rows[code],
            action=rule.action,
            entity_type=types[rule.entity_type],
            owner=rule.owner,
            parent_owner=rule.parent_owner,
            listed=rule.listed,
            fields=rule.fields,
            service=rule.service,
            permission=rule.permission,
            position=position,
        )
        for code in change.roles
        for position, rule in enumerate(entry.roles[code].rules)
    )
    if change.is_new:
        catalogue.default_role = rows.get(entry.start.default_role)
        catalogue.default_unless = rows.get(entry.start.default_unless)
        catalogue.save(update_fields=["default_role", "default_unless"])


def _write_settings(change: _Change) -> None:
    """What a setting names is the installation's: a file says it at the first load only."""
    roles = {role.code: role for role in change.catalogue.roles.all()}
    for position, setting in enumerate(change.entry.settings.values()):
        values = {
            "label": setting.label,
            "help": setting.help,
            "role": roles[setting.role],
            "everybody_if_unset": setting.everybody_if_unset,
            "position": position,
        }
        named = None if setting.code in change.entry.start.unset else roles[setting.role]
        RoleSetting.objects.update_or_create(
            catalogue=change.catalogue, code=setting.code, defaults=values, create_defaults=values | {"named": named}
        )


def _row(part: TypeEntry | RoleEntry) -> dict[str, Any]:
    """The columns of an entity type or role that stand in the file as they are."""
    elsewhere = ("catalogue", "code", "actions", "includes", "module", "rules")
    found = {f.name: getattr(part, f.name) for f in fields(part) if f.name not in elsewhere}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def _ensure_permissions() -> None:
    """guardian stores a share as a row of Permission: one for each action that can be shared, by model."""
    needed: dict[tuple[int, str], str] = {}
    for kind in EntityType.objects.all():
        model = PROTECTED[kind.code].model if kind.is_shared and kind.code in PROTECTED else Resource
        for action in kind.shareable:
            needed.setdefault((get_content_type(model).pk, action), kind.actions[action])
    existing = set(Permission.objects.values_list("content_type", "codename"))
    Permission.objects.bulk_create(
        Permission(content_type_id=model, codename=action, name=label)
        for (model, action), label in needed.items()
        if (model, action) not in existing
    )
