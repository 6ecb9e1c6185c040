"""What users and programs show instead of a password: looked at here, made and taken back elsewhere. Never a digest."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from console.admin.base import ReadOnlyAdmin


class AppTokenAdmin(ReadOnlyAdmin):
    hidden = ("digest", "old_digest")
    list_display = ("name", "project", "role", "selector", "made_by", "expires_at", "last_used_at")
    list_select_related = ("project", "role", "made_by")

    def tools(self, request: HttpRequest, obj: Any = None) -> Iterable[tuple[str, str]]:
        return [("Open the app tokens", reverse("app_token_index", args=[obj.project.uid]))] if obj else ()


class ApplicationCredentialAdmin(ReadOnlyAdmin):
    hidden = ("digest",)
    list_display = ("name", "user", "project", "is_unrestricted", "expires_at", "last_used_at")
    list_select_related = ("user", "project")


class EC2CredentialAdmin(ReadOnlyAdmin):
    list_display = ("access", "user", "project", "last_used_at")
    list_select_related = ("user", "project")


class RevokedTokenAdmin(ReadOnlyAdmin):
    list_display = ("audit_id", "expires_at")
