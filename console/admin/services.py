"""Services, their tokens and endpoints: looked at here, changed on the console's own pages."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from console.admin.base import ReadOnlyAdmin


class ServiceProfileAdmin(ReadOnlyAdmin):
    list_display = ("service", "service_type", "trusted_attributes")
    list_select_related = ("service",)

    def tools(self, request: HttpRequest, obj: Any = None) -> Iterable[tuple[str, str]]:
        return [("Open the service", reverse("service_detail", args=[obj.service.uid]))] if obj else ()


class ServiceTokenAdmin(ReadOnlyAdmin):
    """Never the digest: whoever finds one knows which lost secret is worth trying."""

    hidden = ("digest",)
    list_display = ("name", "service", "created_by", "expires_at", "last_used_at")
    list_select_related = ("service",)

    def tools(self, request: HttpRequest, obj: Any = None) -> Iterable[tuple[str, str]]:
        return [("Open the service", reverse("service_detail", args=[obj.service.uid]))] if obj else ()


class RegionAdmin(ReadOnlyAdmin):
    list_display = ("code", "description")

    def tools(self, request: HttpRequest, obj: Any = None) -> Iterable[tuple[str, str]]:
        return [("Open the regions", reverse("region_index"))]


class EndpointAdmin(ReadOnlyAdmin):
    list_display = ("url", "service", "region", "interface", "is_enabled")
    list_select_related = ("service", "region")

    def tools(self, request: HttpRequest, obj: Any = None) -> Iterable[tuple[str, str]]:
        return [("Open the service", reverse("service_detail", args=[obj.service.uid]))] if obj else ()
