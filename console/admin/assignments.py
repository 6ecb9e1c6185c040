"""Who holds which role where."""

from typing import Any

from django.db.models import QuerySet
from django.forms import ModelChoiceField, ValidationError
from django.http import HttpRequest

from console.admin.base import ActionForm, RosterAdmin
from policies.actions.assignments import give_role, take_role, update_assignment
from policies.actor import Actor
from policies.models import Role, RoleAssignment


class AssignmentForm(ActionForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if expiry := self.fields.get("expires_at"):
            # Django writes "Date:" and "Time:" beside the two inputs, but not as their labels.
            for widget, name in zip(expiry.widget.widgets, ("Day", "Time"), strict=True):
                widget.attrs["aria-label"] = f"{name} of expiry"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.instance.pk and bool(cleaned.get("user")) == bool(cleaned.get("group")):
            raise ValidationError("Choose a user or a group.")
        return cleaned


class AssignmentAdmin(RosterAdmin):
    entity_types = ("role_assignment",)
    sees, adds, changes, deletes = "read", "create", "update", "delete"
    form = AssignmentForm
    fields = ("role", "user", "group", "scope", "expires_at", "reason", "granted_by", "granted_at")
    readonly_fields = ("granted_by", "granted_at")
    list_display = ("role_name", "user", "group", "scope", "granted_by", "granted_at", "expires_at")
    list_select_related = ("role__catalogue", "user", "group", "scope")
    list_filter = ("expires_at",)
    lookups = ("user__id__exact", "group__id__exact", "scope__id__exact", "role__id__exact")
    search_fields = ("role__label", "user__search_text", "group__name", "scope__name")
    autocomplete_fields = ("user", "group", "scope")
    ordering = ("-granted_at", "-pk")

    def role_name(self, assignment: RoleAssignment) -> str:
        return assignment.role.full_name

    role_name.short_description = "role"  # type: ignore[attr-defined]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What was given to whom stays: to give another role is another assignment."""
        return ("role", "user", "group", "scope", *self.readonly_fields) if obj else self.readonly_fields

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "role":
            kwargs.update(queryset=roles_to_give(), form_class=RoleField)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def write(self, actor: Actor, form: Any) -> RoleAssignment:
        given = form.cleaned_data
        terms = {"expires_at": given["expires_at"], "reason": given["reason"]}
        if form.instance.pk:
            return update_assignment(actor=actor, assignment=form.instance, **terms)
        subject = given["user"] or given["group"]
        return give_role(actor=actor, role=given["role"], subject=subject, scope=given["scope"], **terms)

    def erase(self, actor: Actor, obj: Any) -> None:
        take_role(actor=actor, assignment=obj)


class RoleField(ModelChoiceField):
    """Roles by their full names: those of two catalogues may have one label."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.catalogue}: {obj}"


def roles_to_give() -> QuerySet[Role]:
    """Roles of the catalogues that are switched on; the action decides which of them this person may give."""
    return Role.objects.filter(is_retired=False, catalogue__is_enabled=True).select_related("catalogue")
