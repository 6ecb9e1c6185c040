"""People and project users, and the sessions of those who signed in."""

from typing import Any

from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse

from accounts.models import User
from console.admin.base import ActionForm, ReadOnlyAdmin, may
from console.admin.shares import ShareableAdmin
from policies.actions.credentials import key_count
from policies.actions.sign_in import end_sessions
from policies.actions.users import (
    add_person,
    add_project_user,
    delete_user,
    disable_user,
    enable_user,
    generate_password,
    update_user,
)
from policies.actor import Actor
from policies.audit import recording
from policies.models import Role
from policies.nonces import new_nonce
from policies.offers import roles_of_project_users
from policies.protected import At

PERSON, PROJECT_USER = User.Kind.PERSON, User.Kind.PROJECT_USER
READ_ONLY = ("status", "roles", "project", "created_at", "last_used_at", "password_set_at")


class UserForm(ActionForm):
    guarded = ("description", "email")
    nonce = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields.pop("nonce")
            self.fields.pop("roles", None)  # given and taken as assignments
        else:
            self.initial["nonce"] = new_nonce()
            self.fields["nonce"].required = True


class ProjectUserForm(UserForm):
    roles = forms.ModelMultipleChoiceField(Role.objects.none(), required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "roles" in self.fields:
            offered = Role.objects.filter(pk__in=[role.pk for role in roles_of_project_users()])
            self.fields["roles"].queryset = offered.select_related("catalogue")
        if "username" in self.fields:
            self.fields["username"].required = False
            self.fields["username"].help_text = "Nothing typed: one is generated."
        if "project" in self.fields:
            self.fields["project"].required = True


class UserAdmin(ShareableAdmin):
    """Passwords are generated, shown once in the answer to the POST, and no page has a field for them."""

    entity_types = ("user", "project_user")
    sees, adds, changes, deletes = "list", "create", "update", "delete"
    list_display = ("username", "description", "kind", "project", "status", "created_at", "last_used_at")
    list_select_related = ("project",)
    list_filter = ("kind", "is_active")
    lookups = ("project__id__exact",)
    search_fields = ("search_text", "project__name")
    ordering = ("username",)
    autocomplete_fields = ("project", "clusters")
    actions = ("disable", "enable")

    # ---- What a form shows

    def kind(self, request: HttpRequest, obj: User | None = None) -> str:
        """Of the user in the form; of one to add it stands in the URL, never among the fields."""
        if obj:
            return obj.kind
        asked = request.GET.get("kind") == PROJECT_USER or not may(request.user, "create", At("user"))
        return PROJECT_USER if asked else PERSON

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        is_person = self.kind(request, obj) == PERSON
        if obj is None:
            return (
                ("username", "description", "email", "nonce")
                if is_person
                else ("project", "description", "username", "roles", "nonce")
            )
        return (
            "username",
            "description",
            *(("email", "all_clusters", "clusters") if is_person else ()),
            *READ_ONLY,
            "uid",
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("username", *READ_ONLY, "uid") if obj else ()

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        kwargs["form"] = UserForm if self.kind(request, obj) == PERSON else ProjectUserForm
        return super().get_form(request, obj, change=change, **kwargs)

    def roles(self, user: User) -> str:
        """Where the user holds what."""
        held = user.role_assignments.select_related("role__catalogue", "scope").order_by("scope__name", "role__label")
        return ", ".join(f"{assignment.role} in {assignment.scope}" for assignment in held) or "None"

    def tools(self, request: HttpRequest, obj: Any = None) -> list[tuple[str, str]]:
        if obj is None:
            url = f"{reverse('admin:accounts_user_add')}?kind={PROJECT_USER}"
            return [("Add project user", url)] if may(request.user, "create", At("project_user")) else []
        found = super().tools(request, obj)
        if self.may(request, "generate_password", obj):
            found.append(("Generate a password", reverse("admin:accounts_user_password", args=[obj.pk])))
        return [*found, ("Roles", f"{reverse('admin:policies_roleassignment_changelist')}?user__id__exact={obj.pk}")]

    # ---- Writing

    def write(self, actor: Actor, form: Any) -> User:
        given = form.cleaned_data
        if form.instance.pk:
            return update_user(actor=actor, user=form.instance, seen=form.seen() or None, **form.changes())
        if isinstance(form, ProjectUserForm):
            given["roles"] = list(given["roles"])
            user, secret = add_project_user(actor=actor, **given)
        else:
            user, secret = add_person(actor=actor, **given)
        user.secret = secret  # type: ignore[attr-defined]  # for this answer alone: nothing stores it
        return user

    def erase(self, actor: Actor, obj: Any) -> None:
        delete_user(actor=actor, user=obj)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        return self._secret_page(request, obj, obj.secret)

    def has_disable_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "disable")

    @admin.action(description="Disable selected users", permissions=["disable"])
    def disable(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._switch(request, queryset, disable_user, "disabled")

    @admin.action(description="Enable selected users", permissions=["disable"])
    def enable(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._switch(request, queryset, enable_user, "enabled")

    def _switch(self, request: HttpRequest, queryset: QuerySet[User], action: Any, done: str) -> None:
        """All of them or none, one event each."""
        actor = Actor.of_request(request)
        with recording(actor):
            for user in queryset:
                action(actor=actor, user=user)
        self.message_user(request, f"Users {done}: {len(queryset)}.")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.password_view)
        return [path("<path:object_id>/password/", view, name="accounts_user_password"), *super().get_urls()]

    def password_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.answer(request, self._password_view, object_id, action="generate_password")

    def _password_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user = self.get_object(request, unquote(object_id))
        if user is None:
            raise Http404
        if not self.may(request, "generate_password", user):
            raise PermissionDenied
        if request.method == "POST":
            nonce = request.POST.get("nonce") or "none"  # a form without one works once, for everybody together
            secret = generate_password(
                actor=Actor.of_request(request), user=user, nonce=nonce, and_keys="and_keys" in request.POST
            )
            return self._secret_page(request, user, secret)
        return self._page(request, "admin/generate_password.html", user, nonce=new_nonce(), keys=key_count(user))

    def _secret_page(self, request: HttpRequest, user: User, secret: str) -> HttpResponse:
        """The answer to the POST itself: a redirect would have to keep the password somewhere."""
        response = self._page(request, "admin/secret.html", user, secret=secret)
        response["Cache-Control"] = "no-store"
        return response

    def _page(self, request: HttpRequest, template: str, user: User, **context: Any) -> HttpResponse:
        return render(
            request, template, {**self.admin_site.each_context(request), "opts": self.opts, "object": user, **context}
        )


class SessionAdmin(ReadOnlyAdmin):
    """Who is signed in from where, and ending it; never the key, which is as good as a password."""

    hidden = ("session_key", "data")
    list_display = ("user", "ip", "user_agent", "created_at", "last_seen_at")
    list_select_related = ("user",)
    search_fields = ("user__username",)
    actions = ("end",)

    @admin.action(description="End selected sessions")
    def end(self, request: HttpRequest, queryset: QuerySet[UserSession]) -> None:
        """All of them or none, one event each."""
        actor = Actor.of_request(request)
        with recording(actor):
            for session in queryset:
                end_sessions(actor=actor, user=session.user, sessions=[session])
        self.message_user(request, f"Sessions ended: {len(queryset)}.")
