"""Groups and who is in them."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import User
from console.admin.base import ActionForm, RosterAdmin
from policies import access
from policies.actions.groups import create_group, delete_group, update_group
from policies.actor import Actor


class GroupForm(ActionForm):
    description = forms.CharField(max_length=200, required=False)
    members = forms.ModelMultipleChoiceField(User.objects.none(), required=False)
    people: QuerySet[User]

    class Meta:
        model = Group
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.pk:
            del self.fields["members"]  # put in once there is a group
            return
        self.initial["description"] = self.instance.profile.description
        self.initial["members"] = self.instance.user_set.all()
        if "members" in self.fields:
            self.fields["members"].queryset = self.people | self.instance.user_set.all()


class GroupAdmin(RosterAdmin):
    entity_types = ("group",)
    sees, adds, changes, deletes = "list", "create", "update", "delete"
    form = GroupForm
    fields = ("name", "description", "members")
    list_display = ("name", "description")
    list_select_related = ("profile",)
    search_fields = ("name",)
    ordering = ("name",)

    def description(self, group: Group) -> str:
        return group.profile.description

    def members(self, group: Group) -> str:
        return ", ".join(group.user_set.values_list("username", flat=True)[:100])

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.fields if obj else self.fields[:2]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, change=change, **kwargs)
        people = access.permitted(request.user, "list", "user")
        form.people = people  # type: ignore[attr-defined]
        if "members" in form.base_fields:
            member = User.groups.through._meta.get_field("user")
            form.base_fields["members"].widget = AutocompleteSelectMultiple(member, self.admin_site)
        return form

    def write(self, actor: Actor, form: Any) -> Group:
        group, told = form.instance, {name: form.cleaned_data[name] for name in ("name", "description")}
        if not group.pk:
            return create_group(actor=actor, **told)
        now, then = set(form.cleaned_data["members"]), set(group.user_set.all())
        return update_group(actor=actor, group=group, add=now - then, remove=then - now, **told)

    def erase(self, actor: Actor, obj: Any) -> None:
        delete_group(actor=actor, group=obj)
