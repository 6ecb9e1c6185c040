"""Resources: what services registered; and the tags on them."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from console.admin.base import RosterAdmin, everywhere, may
from console.admin.shares import ShareableAdmin
from policies.access import permitted_scopes
from policies.actions.resources import register_resource, retire_resource, update_resource, update_tag
from policies.actor import Actor
from policies.models import EntityType, Resource, Tag
from policies.protected import PROTECTED, At
from policies.rulebook import UnknownQuestion


class ResourceAdmin(ShareableAdmin):
    """Seen by whoever manages resources in their place; what may be done with one is its own entity type's matter."""

    entity_types = ("resource",)
    sees, adds, changes, deletes = "update", "register", "update", "retire"
    fields = (
        "entity_type",
        "scope",
        "name",
        "owner",
        "parent",
        "visibility",
        "listed_roles",
        "tags",
        "uid",
        "created_at",
    )
    readonly_fields = ("uid", "created_at")
    list_display = ("name", "entity_type", "scope", "owner", "visibility", "created_at")
    list_select_related = ("entity_type", "scope", "owner", "parent")
    search_fields = ("name",)
    autocomplete_fields = ("scope", "owner", "parent", "tags")

    def may(self, request: HttpRequest, action: str, obj: Any = None) -> bool:
        return may(request.user, action, At("resource", obj.scope if obj else None))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = Resource.objects.select_related(*self.list_select_related)
        try:
            return rows.filter(scope__in=permitted_scopes(request.user, (self.sees, "resource")))
        except UnknownQuestion:
            return rows.none()

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        if db_field.name == "entity_type":
            return EntityType.objects.exclude(is_shared=True, code__in=PROTECTED)
        return super().get_field_queryset(db, db_field, request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A thing of another type or place is another thing."""
        return ("entity_type", "scope", *self.readonly_fields) if obj else self.readonly_fields

    def write(self, actor: Actor, form: Any) -> Resource:
        fields = form.changes() if form.instance.pk else dict(form.cleaned_data)
        if "tags" in fields:
            fields["tags"] = [tag.name for tag in fields["tags"]]
        if form.instance.pk:
            return update_resource(actor=actor, resource=form.instance, **fields)
        return register_resource(actor=actor, **fields)

    def erase(self, actor: Actor, obj: Any) -> None:
        retire_resource(actor=actor, resource=obj)


class TagAdmin(RosterAdmin):
    """What a tag lists holds wherever it stands, so tags are the matter of those who manage resources everywhere."""

    sees, adds, changes = "update", "update", "update"
    fields = ("name", "roles")
    search_fields = ("name",)
    filter_horizontal = ("roles",)

    def may(self, request: HttpRequest, action: str, obj: Any = None) -> bool:
        return may(request.user, action, everywhere(request.user, "resource"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name",) if obj else ()

    def write(self, actor: Actor, form: Any) -> Tag:
        return update_tag(
            actor=actor, name=form.cleaned_data.get("name", form.instance.name), roles=form.cleaned_data["roles"]
        )
