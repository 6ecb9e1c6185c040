"""Role catalogues: loaded from files, and to look at here; what of them is in effect is switched, own roles are renamed."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from console.admin.base import ReadOnlyAdmin
from policies.actions.roles import delete_role, draft_of, update_role
from policies.actions.switches import change_catalogue, install_module, name_role
from policies.actor import Actor
from policies.models import Catalogue, Module, Role, RoleSetting


class PartAdmin(ReadOnlyAdmin):
    """Rules, entity types: what the files of the catalogues bring."""

    entity_types = ("catalogue",)
    sees = "read"
    no_secret = True
    list_select_related: Any = ("catalogue",)

    def _is_protected(self) -> bool:
        return False  # what rules say concerns every place: asked at the organization, for all rows alike


class RuleAdmin(PartAdmin):
    list_select_related = ("role", "entity_type")


class SwitchAdmin(PartAdmin):
    """Everything to look at, but what the installation says itself."""

    changes = "update"
    switches: tuple[str, ...] = ()

    def get_readonly_fields(self, request: Any, obj: Any = None) -> list[str]:
        return [name for name in self.get_fields(request, obj) if name not in self.switches]


class CatalogueAdmin(SwitchAdmin):
    list_display = ("label", "code", "description", "is_enabled", "platform_version")
    list_select_related = ()
    switches = ("is_enabled", "platform_version")

    def write(self, actor: Actor, form: Any) -> Catalogue:
        changed = form.changes("is_enabled", "platform_version")
        return change_catalogue(
            actor=actor,
            catalogue=form.instance,
            enabled=changed.get("is_enabled"),
            platform_version=changed.get("platform_version"),
        )

    def tools(self, request: HttpRequest, obj: Any = None) -> Iterable[tuple[str, str]]:
        if obj is not None and self.has_change_permission(request, obj):
            yield "Review who gains and loses what", reverse("catalogue_update", args=[obj.code])


class ModuleAdmin(SwitchAdmin):
    list_display = ("label", "catalogue", "code", "is_installed")
    switches = ("is_installed",)

    def write(self, actor: Actor, form: Any) -> Module:
        return install_module(actor=actor, module=form.instance, installed=form.cleaned_data["is_installed"])


class RoleSettingAdmin(SwitchAdmin):
    list_display = ("label", "catalogue", "code", "role", "named")
    list_select_related = ("catalogue", "role", "named")
    switches = ("named",)

    def write(self, actor: Actor, form: Any) -> RoleSetting:
        return name_role(actor=actor, setting=form.instance, role=form.cleaned_data["named"])


class RoleAdmin(SwitchAdmin):
    """Roles made in the console are described and deleted here; their rules have a page of their own."""

    entity_types = ("role",)
    deletes = "delete"
    list_display = ("label", "catalogue", "code", "heading", "purpose", "is_retired")
    list_filter = ("catalogue", "is_retired")
    search_fields = ("label", "code")
    switches = ("label", "purpose", "family")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or obj.catalogue.is_editable) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or obj.catalogue.is_editable) and super().has_delete_permission(request, obj)

    def write(self, actor: Actor, form: Any) -> Role:
        before = draft_of(Role.objects.get(pk=form.instance.pk))
        draft = replace(before, **form.changes(*self.switches))
        return update_role(actor=actor, role=form.instance, draft=draft, seen=before.token)

    def erase(self, actor: Actor, obj: Role) -> None:
        delete_role(actor=actor, role=obj)

    def tools(self, request: HttpRequest, obj: Any = None) -> Iterable[tuple[str, str]]:
        if obj is not None and self.has_change_permission(request, obj):
            yield "Edit rules", reverse("role_update", args=[obj.uid])
        elif obj is None and self.may(request, "create"):
            yield "New role", reverse("role_create")
