"""What of the catalogues is in effect: a catalogue switched on or off, its modules, its platform's version and settings."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from policies.actions.administrators import keep_an_administrator
from policies.actions.widening import require_own
from policies.actor import Actor
from policies.audit import recording
from policies.errors import Conflict
from policies.models import Catalogue, Module, Role, RoleSetting, RulebookVersion

VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")


def switch_catalogue(*, actor: Actor, catalogue: Catalogue, enabled: bool) -> Catalogue:
    """Switch a catalogue on or off; the assignments of its roles stay, and have effect again when it comes back.

    Raises as change_catalogue.
    """
    return change_catalogue(actor=actor, catalogue=catalogue, enabled=enabled)


def install_module(*, actor: Actor, module: Module, installed: bool) -> Module:
    """Say that a module is installed, or is not: roles that need it gain or lose their effect (RUN-07).

    Raises as change_catalogue.
    """
    change_catalogue(actor=actor, catalogue=module.catalogue, modules={module.code: installed})
    module.refresh_from_db()
    return module


def set_platform_version(*, actor: Actor, catalogue: Catalogue, version: str) -> Catalogue:
    """Say which version of the platform the roles are for: later ones lose their effect (RUN-08). Empty: none does.

    Raises as change_catalogue.
    """
    return change_catalogue(actor=actor, catalogue=catalogue, platform_version=version)


def name_role(*, actor: Actor, setting: RoleSetting, role: Role | None) -> RoleSetting:
    """Say which role a setting of the platform names, of whatever catalogue, or none (H2O-01, H2O-02, H2O-16).

    Raises as change_catalogue.
    """
    change_catalogue(actor=actor, catalogue=setting.catalogue, settings={setting.code: role})
    setting.refresh_from_db()
    return setting


def change_catalogue(
    *,
    actor: Actor,
    catalogue: Catalogue,
    enabled: bool | None = None,
    platform_version: str | None = None,
    modules: Mapping[str, bool] | None = None,
    settings: Mapping[str, Role | None] | None = None,
    seen: str = "",
) -> Catalogue:
    """Change what of a catalogue is in effect, by codes of modules and settings; what is not named stays as it is.

    `seen`: state_of() the catalogue when the form was shown. Raises Denied, Conflict when it is another one by now,
    ValidationError (by field; also when it would end the last administrator).
    """
    with recording(actor) as trail:
        actor.require("update", catalogue)
        catalogue = Catalogue.objects.select_for_update().get(pk=catalogue.pk)
        if seen and seen != state_of(catalogue):
            raise Conflict(catalogue)
        before = told(catalogue)
        with keep_an_administrator():
            if enabled is not None:
                catalogue.is_enabled = enabled
            if platform_version is not None:
                catalogue.platform_version = _checked_version(platform_version)
            catalogue.save(update_fields=["is_enabled", "platform_version"])
            for code, installed in (modules or {}).items():
                catalogue.modules.filter(code=code).update(is_installed=installed)
            for code, role in (settings or {}).items():
                _name(actor, catalogue, code, role)
            after = told(catalogue)
            if before != after:
                RulebookVersion.renew()
        differing = [name for name in after if before.get(name) != after[name]]
        if differing:
            trail.add(
                "catalogue.update",
                catalogue,
                before={name: before[name] for name in differing},
                after={name: after[name] for name in differing},
            )
    return catalogue


def _checked_version(version: str) -> str:
    version = version.strip()
    if version and not (VERSION.fullmatch(version) and len(version) <= 20):
        raise ValidationError({"platform_version": "Write a version as in 2.10."})
    return version


def _name(actor: Actor, catalogue: Catalogue, code: str, role: Role | None) -> None:
    setting = catalogue.settings.get(code=code)
    if setting.named_id == (role.pk if role else None):
        return
    if role is not None and role.is_retired:
        raise ValidationError({code: f"{role} is gone from its catalogue."})
    if role is not None or setting.everybody_if_unset:
        require_own(actor, included=[setting.role])
    setting.named = role
    setting.save(update_fields=["named"])


def state_of(catalogue: Catalogue) -> str:
    """A token of what change_catalogue can change; another one after every change."""
    return hashlib.sha256(json.dumps(told(catalogue)).encode()).hexdigest()[:32]


def told(catalogue: Catalogue) -> dict[str, Any]:
    """What change_catalogue can change, as the audit trail tells it: by labels, roles by their full names."""
    modules = {f"module {module.label}": module.is_installed for module in catalogue.modules.order_by("pk")}
    named = catalogue.settings.select_related("named__catalogue")
    settings = {setting.label: setting.named.full_name if setting.named else "" for setting in named}
    return {"enabled": catalogue.is_enabled, "platform version": catalogue.platform_version, **modules, **settings}
