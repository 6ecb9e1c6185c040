"""Identity v3: every URL below /identity/."""

from django.urls import path

from console.identity import auth, services, versions

urlpatterns = [
    path("identity", versions.version_index, name="identity_root"),
    path("identity/", versions.version_index, name="identity_version_index"),
    path("identity/v3", versions.version_detail, name="identity_version_detail"),
    path("identity/v3/", versions.version_detail, name="identity_version_root"),
    path("identity/v3/auth/tokens", auth.auth_tokens, name="identity_auth_tokens"),
    path("identity/v3/auth/projects", auth.auth_projects, name="identity_auth_projects"),
    path("identity/v3/auth/catalog", services.auth_catalog, name="identity_auth_catalog"),
    path("identity/v3/services", services.service_index, name="identity_service_index"),
    path("identity/v3/services/<str:service>", services.service_detail, name="identity_service_detail"),
    path("identity/v3/endpoints", services.endpoint_index, name="identity_endpoint_index"),
    path("identity/v3/endpoints/<str:endpoint>", services.endpoint_detail, name="identity_endpoint_detail"),
    path("identity/v3/regions", services.region_index, name="identity_region_index"),
    path("identity/v3/regions/<str:region>", services.region_detail, name="identity_region_detail"),
    # Last of all: other paths are answered in the protocol's words too.
    path("identity/<path:rest>", versions.nothing, name="identity_nothing"),
]
