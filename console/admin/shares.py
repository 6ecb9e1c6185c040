"""guardian's object-permission pages, with every write through the actions; and the rows of shares, to look at."""

from typing import Any, ClassVar

from django import forms
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from guardian.admin import (
    AdminGroupObjectPermissionsForm,
    AdminUserObjectPermissionsForm,
    GroupManage,
    GuardedModelAdminMixin,
    UserManage,
)

from accounts.models import User
from console.admin.base import ReadOnlyAdmin, RosterAdmin, may
from policies import access, models
from policies.actions.shares import share, shareable_actions, unshare, who_shares
from policies.actor import Actor
from policies.audit import recording
from policies.protected import PROTECTED, entity_type_of

MODELS = (
    models.ProjectShareWithUser,
    models.ProjectShareWithGroup,
    models.ResourceShareWithUser,
    models.ResourceShareWithGroup,
    models.UserShareWithUser,
    models.UserShareWithGroup,
)


class ShareAdmin(ReadOnlyAdmin):
    """What is shared with whom: given and taken back on the pages of the objects."""

    list_display = ("content_object", "permission", "holder")
    list_select_related = ("content_object", "permission__content_type")

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super().get_queryset(request).select_related("content_object", "permission__content_type", self._holder())
        )

    def _holder(self) -> str:
        return "user" if any(field.name == "user" for field in self.opts.fields) else "group"

    def holder(self, row: Any) -> Any:
        return getattr(row, self._holder())

    holder.short_description = "with"  # type: ignore[attr-defined]


def visible(request: HttpRequest, model: Any) -> QuerySet[Any]:
    """The people or groups whom the person may see: to share with others needs their page of the project."""
    return access.permitted(request.user, "list", "user" if model is User else "group")


def holders(thing: Any, model: Any) -> QuerySet[Any]:
    """The people or groups whom the object is shared with."""
    with_users, with_groups = PROTECTED[entity_type_of(thing)].shares or MODELS[:2]
    rows: Any = with_users if model is User else with_groups
    return model.objects.filter(
        pk__in=rows.objects.filter(content_object=thing.pk).values(rows.objects.user_or_group_field)
    )


class ChooseUser(UserManage):
    visible: ClassVar[QuerySet[User]]

    def clean_user(self) -> User:
        found = self.visible.filter(username=self.cleaned_data["user"]).first()
        if found is None:
            raise ValidationError(self.fields["user"].error_messages["does_not_exist"])
        return found


class ChooseGroup(GroupManage):
    visible: ClassVar[QuerySet[Group]]

    def clean_group(self) -> Group:
        found = self.visible.filter(name=self.cleaned_data["group"]).first()
        if found is None:
            raise ValidationError(self.fields["group"].error_messages["does_not_exist"])
        return found


class ShareForm:
    """Ticks for the actions that may be given on the object; saving gives and takes back through the actions."""

    actor: ClassVar[Actor]
    obj: Any
    cleaned_data: dict[str, Any]

    def get_obj_perms_field_choices(self) -> list[tuple[str, str]]:
        """What can be shared and this person may do: nobody gives more. What the subject has can be taken back."""
        held = set(self.get_obj_perms_field_initial())  # type: ignore[attr-defined]
        offered = shareable_actions(self.obj).items()
        return [(action, label) for action, label in offered if action in held or self.actor.may(action, self.obj)]

    def get_obj_perms_field_widget(self) -> type[forms.Widget]:
        return forms.CheckboxSelectMultiple

    def save_obj_perms(self) -> None:
        """One event for each action that was given or taken back."""
        subject = self.user if hasattr(self, "user") else self.group  # type: ignore[attr-defined]
        wanted, held = set(self.cleaned_data["permissions"]), set(self.get_obj_perms_field_initial())  # type: ignore[attr-defined]
        with recording(self.actor):
            for action in sorted(wanted - held):
                share(actor=self.actor, thing=self.obj, action=action, subject=subject)
            for action in sorted(held - wanted):
                unshare(actor=self.actor, thing=self.obj, action=action, subject=subject)


class ShareableAdmin(GuardedModelAdminMixin, RosterAdmin):
    """guardian's "Object permissions", for those who may share the object."""

    change_form_template = RosterAdmin.change_form_template

    def tools(self, request: HttpRequest, obj: Any = None) -> list[tuple[str, str]]:
        if obj is None or not self._may_share(request, obj) or not shareable_actions(obj):
            return []
        url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_permissions", args=[obj.pk])
        return [("Object permissions", url)]

    def obj_perms_manage_view(self, request: HttpRequest, object_pk: str) -> HttpResponse:
        return self.answer(request, self._shared, object_pk, super().obj_perms_manage_view, action="share")

    def obj_perms_manage_user_view(self, request: HttpRequest, object_pk: str, user_id: str) -> HttpResponse:
        view = super().obj_perms_manage_user_view
        return self.answer(request, self._shared, object_pk, view, User, user_id, action="share")

    def obj_perms_manage_group_view(self, request: HttpRequest, object_pk: str, group_id: str) -> HttpResponse:
        view = super().obj_perms_manage_group_view
        return self.answer(request, self._shared, object_pk, view, Group, group_id, action="share")

    def _shared(self, request: HttpRequest, object_pk: str, view: Any, model: Any = None, pk: str = "") -> HttpResponse:
        obj = self.get_object(request, unquote(object_pk))
        if obj is None:
            raise Http404
        if not self._may_share(request, obj):
            raise PermissionDenied
        if model is None:
            return view(request, object_pk)
        if not visible(request, model).filter(pk=pk).exists() and not holders(obj, model).filter(pk=pk).exists():
            raise Http404
        return view(request, object_pk, pk)

    def _may_share(self, request: HttpRequest, obj: Any) -> bool:
        return PROTECTED[entity_type_of(obj)].shares is not None and may(request.user, *who_shares(obj))

    def get_obj_perms_base_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        context = super().get_obj_perms_base_context(request, obj)
        context["model_perms"] = [
            {"codename": action, "name": label} for action, label in shareable_actions(obj).items()
        ]
        return context

    def get_obj_perms_user_select_form(self, request: HttpRequest) -> type[forms.Form]:
        return type("ChooseUser", (ChooseUser,), {"visible": visible(request, User)})

    def get_obj_perms_group_select_form(self, request: HttpRequest) -> type[forms.Form]:
        return type("ChooseGroup", (ChooseGroup,), {"visible": visible(request, Group)})

    def get_obj_perms_manage_user_form(self, request: HttpRequest) -> type[forms.Form]:
        return type("UserShares", (ShareForm, AdminUserObjectPermissionsForm), {"actor": Actor.of_request(request)})

    def get_obj_perms_manage_group_form(self, request: HttpRequest) -> type[forms.Form]:
        return type("GroupShares", (ShareForm, AdminGroupObjectPermissionsForm), {"actor": Actor.of_request(request)})
