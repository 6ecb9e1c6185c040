"""The Django admin at /admin/: who may enter it, and every model in it."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Group
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator

from accounts.models import (
    Cluster,
    Department,
    Endpoint,
    GroupProfile,
    Organization,
    Project,
    Region,
    Scope,
    ScopeClosure,
    ServiceProfile,
    ServiceToken,
    Throttle,
    User,
)
from console.admin import (
    assignments,
    audit,
    base,
    bulk,
    catalogues,
    credentials,
    groups,
    resources,
    scopes,
    services,
    shares,
    users,
)
from console.protection import public
from policies import models
from policies.actor import Actor
from policies.audit import record
from policies.protected import At

DOOR = "open", "admin_site"


class RosterAdminSite(AdminSite):
    """Django's site with Roster's own door: rights from the access layer, sign-in and password on Roster's pages."""

    site_title = site_header = "Roster"
    index_title = "Administration"

    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_authenticated and base.may(request.user, DOOR[0], At(DOOR[1]))

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        """403 for whoever is signed in and may not enter: to sign in again would change nothing."""
        guarded = super().admin_view(view, cacheable)

        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if request.user.is_authenticated and not self.has_permission(request):
                if request.method == "POST":
                    record(Actor.of_request(request), f"{DOOR[1]}.{DOOR[0]}", outcome="refused")
                raise PermissionDenied
            return guarded(request, *args, **kwargs)

        inner.permission = DOOR  # type: ignore[attr-defined]
        return update_wrapper(inner, guarded)

    def get_urls(self) -> list[Any]:
        """Without the page that jumps to an object by its row number: its answers tell which ones exist."""
        return [pattern for pattern in super().get_urls() if getattr(pattern, "name", "") != "view_on_site"]

    @method_decorator(public)
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if request.user.is_authenticated:
            return redirect("admin:index")
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"), reverse("account_login"))

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(reverse("account_logout"), preserve_request=True)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return redirect("account_change_password")

    password_change_done = password_change


site = RosterAdminSite(name="admin")

site.register(User, users.UserAdmin)
site.register(Group, groups.GroupAdmin)
site.register(Project, scopes.ProjectAdmin)
site.register([Department, Cluster], scopes.PlaceAdmin)
site.register(Organization, scopes.OrganizationAdmin)
site.register(Scope, scopes.ScopeAdmin)
site.register(models.RoleAssignment, assignments.AssignmentAdmin)
site.register(models.Resource, resources.ResourceAdmin)
site.register(models.Tag, resources.TagAdmin)
site.register(models.Catalogue, catalogues.CatalogueAdmin)
site.register(models.Module, catalogues.ModuleAdmin)
site.register(models.Role, catalogues.RoleAdmin)
site.register(models.RoleSetting, catalogues.RoleSettingAdmin)
site.register(models.EntityType, catalogues.PartAdmin)
site.register(models.Rule, catalogues.RuleAdmin)
site.register(models.AuditEvent, audit.AuditEventAdmin)
site.register([models.BulkJob, models.BulkItem], bulk.BulkAdmin)
site.register(shares.MODELS, shares.ShareAdmin)
site.register(UserSession, users.SessionAdmin)
site.register(ServiceProfile, services.ServiceProfileAdmin)
site.register(Region, services.RegionAdmin)
site.register(Endpoint, services.EndpointAdmin)
site.register(ServiceToken, services.ServiceTokenAdmin)
site.register(models.AppToken, credentials.AppTokenAdmin)
site.register(models.ApplicationCredential, credentials.ApplicationCredentialAdmin)
site.register(models.EC2Credential, credentials.EC2CredentialAdmin)
site.register(models.RevokedToken, credentials.RevokedTokenAdmin)
# Roster's own bookkeeping, for whoever administers the installation.
site.register(
    [GroupProfile, ScopeClosure, Throttle, models.AuditHead, models.RulebookVersion, models.UsedNonce],
    base.ReadOnlyAdmin,
)
