"""Identity v3: every URL below /identity/."""

from django.urls import path

from console.identity import auth, versions

urlpatterns = [
    path("identity", versions.version_index, name="identity_root"),
    path("identity/", versions.version_index, name="identity_version_index"),
    path("identity/v3", versions.version_detail, name="identity_version_detail"),
    path("identity/v3/", versions.version_detail, name="identity_version_root"),
    path("identity/v3/auth/tokens", auth.auth_tokens, name="identity_auth_tokens"),
    path("identity/v3/auth/projects", auth.auth_projects, name="identity_auth_projects"),
    # Last of all: other paths are answered in the protocol's words too.
    path("identity/<path:rest>", versions.nothing, name="identity_nothing"),
]
