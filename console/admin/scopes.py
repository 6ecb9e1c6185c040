"""Places: projects, departments and clusters; the organization and the whole tree to look at."""

from typing import Any

from django.http import HttpRequest

from accounts.models import Scope, User
from console.admin.base import ActionForm, ReadOnlyAdmin, RosterAdmin
from console.admin.shares import ShareableAdmin
from policies.actions.scopes import create_scope, delete_scope, update_scope
from policies.actor import Actor
from policies.models import Resource, RoleAssignment


class ScopeAdmin(ReadOnlyAdmin):
    """Every place, of whatever kind: what a field "in" chooses from."""

    entity_types = ("project", "department", "cluster", "organization")
    sees = "read"
    list_display = ("name", "kind", "slug", "parent", "created_at")
    list_select_related = ("parent", "cluster")
    list_filter = ("kind",)
    search_fields = ("name", "slug")
    hidden = ("path",)


class OrganizationAdmin(ScopeAdmin):
    entity_types = ("organization",)


class PlaceForm(ActionForm):
    guarded = ("name", "slug", "description")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "slug" in self.fields and not self.instance.pk:
            self.fields["slug"].required = False  # made from the name
        if "parent" in self.fields:
            self.fields["parent"].help_text = "Nothing chosen: the organization itself."


class PlaceAdmin(RosterAdmin):
    """Places of one kind."""

    sees, adds, changes, deletes = "read", "create", "update", "delete"
    form = PlaceForm
    fields = ("name", "slug", "description", "parent", "uid", "created_at")
    list_display = ("name", "slug", "parent", "description", "created_at")
    list_select_related = ("parent",)
    search_fields = ("name", "slug")
    autocomplete_fields = ("parent",)

    @property
    def entity_types(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.model.KIND,)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A move creates the place elsewhere: whoever may not create is not offered to move."""
        return ("uid", "created_at") if self.has_add_permission(request) else ("uid", "created_at", "parent")

    def write(self, actor: Actor, form: Any) -> Scope:
        if form.instance.pk:
            return update_scope(actor=actor, scope=form.instance, seen=form.seen(), **form.changes())
        return create_scope(actor=actor, kind=self.model.KIND, **form.cleaned_data)

    def erase(self, actor: Actor, obj: Any) -> None:
        delete_scope(actor=actor, scope=obj)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What goes with the places stands in the summary."""
        places = list(objs)
        named, summary, refused, kept = super().get_deleted_objects(places, request)
        lost = {
            "project users": User.objects.filter(project__in=[place.pk for place in places]).count(),
            "role assignments": RoleAssignment.objects.filter(scope__in=places).count(),
            "resources": Resource.objects.filter(scope__in=places).count(),
        }
        return named, summary | {name: number for name, number in lost.items() if number}, refused, kept


class ProjectAdmin(ShareableAdmin, PlaceAdmin):
    """Projects, each of which can be shared with a person or a group."""
