"""Role catalogues: loaded from files, and to look at here; a catalogue can be switched off, a module installed."""

from typing import Any

from console.admin.base import ReadOnlyAdmin
from policies.actions.switches import install_module, switch_catalogue
from policies.actor import Actor
from policies.models import Catalogue, Module


class PartAdmin(ReadOnlyAdmin):
    """Roles, rules, entity types: what the files of the catalogues bring."""

    entity_types = ("catalogue",)
    sees = "read"
    no_secret = True
    list_select_related = True


class RoleAdmin(PartAdmin):
    list_display = ("label", "catalogue", "code", "heading", "purpose", "is_retired")
    list_filter = ("catalogue", "is_retired")
    search_fields = ("label", "code")


class SwitchAdmin(PartAdmin):
    """Everything to look at, but one switch."""

    changes = "update"
    switch = ""

    def get_readonly_fields(self, request: Any, obj: Any = None) -> list[str]:
        return [name for name in self.get_fields(request, obj) if name != self.switch]


class CatalogueAdmin(SwitchAdmin):
    list_display = ("label", "code", "description", "is_enabled", "platform_version")
    switch = "is_enabled"

    def write(self, actor: Actor, form: Any) -> Catalogue:
        return switch_catalogue(actor=actor, catalogue=form.instance, enabled=form.cleaned_data["is_enabled"])


class ModuleAdmin(SwitchAdmin):
    list_display = ("label", "catalogue", "code", "is_installed")
    switch = "is_installed"

    def write(self, actor: Actor, form: Any) -> Module:
        return install_module(actor=actor, module=form.instance, installed=form.cleaned_data["is_installed"])
