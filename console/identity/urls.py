"""Identity v3: every URL below /identity/."""

from django.urls import URLPattern, path

from console.identity import (
    application_credentials,
    assignments,
    auth,
    domains,
    ec2,
    groups,
    projects,
    roles,
    services,
    users,
    versions,
)


def assignment_paths(place: str, kind: str) -> list[URLPattern]:
    """Who has which role in a place. What is given above projects is inherited by them, whether or not clients say so."""
    found = []
    for holder in ("user", "group"):
        of, name = f"{place}/{holder}s/<str:{holder}>/roles", f"identity_{kind}_{holder}_role"
        inherited = of.replace("/v3/", "/v3/OS-INHERIT/")
        found += [
            path(of, assignments.assignment_roles, name=f"{name}s"),
            path(f"{of}/<str:role>", assignments.assignment_detail, name=name),
            path(
                f"{inherited}/<str:role>/inherited_to_projects", assignments.assignment_detail, name=f"{name}_inherited"
            ),
        ]
    return found


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
    path("identity/v3/users", users.user_index, name="identity_user_index"),
    path("identity/v3/users/<str:user>", users.user_detail, name="identity_user_detail"),
    path("identity/v3/users/<str:user>/password", users.user_password, name="identity_user_password"),
    path("identity/v3/users/<str:user>/projects", users.user_projects, name="identity_user_projects"),
    path("identity/v3/users/<str:user>/groups", groups.user_groups, name="identity_user_groups"),
    path(
        "identity/v3/users/<str:user>/application_credentials",
        application_credentials.application_credential_index,
        name="identity_application_credential_index",
    ),
    path(
        "identity/v3/users/<str:user>/application_credentials/<str:credential>",
        application_credentials.application_credential_detail,
        name="identity_application_credential_detail",
    ),
    path(
        "identity/v3/users/<str:user>/credentials/OS-EC2",
        ec2.ec2_credential_index,
        name="identity_ec2_credential_index",
    ),
    path(
        "identity/v3/users/<str:user>/credentials/OS-EC2/<str:access_key>",
        ec2.ec2_credential_detail,
        name="identity_ec2_credential_detail",
    ),
    path("identity/v3/credentials", ec2.credential_index, name="identity_credential_index"),
    path("identity/v3/credentials/<str:credential>", ec2.credential_detail, name="identity_credential_detail"),
    path("identity/v3/s3tokens", ec2.s3_tokens, name="identity_s3_tokens"),
    path("identity/v3/ec2tokens", ec2.ec2_tokens, name="identity_ec2_tokens"),
    path("identity/v3/groups", groups.group_index, name="identity_group_index"),
    path("identity/v3/groups/<str:group>", groups.group_detail, name="identity_group_detail"),
    path("identity/v3/groups/<str:group>/users", groups.group_users, name="identity_group_users"),
    path("identity/v3/groups/<str:group>/users/<str:user>", groups.group_user, name="identity_group_user"),
    path("identity/v3/projects", projects.project_index, name="identity_project_index"),
    path("identity/v3/projects/<str:project>", projects.project_detail, name="identity_project_detail"),
    path("identity/v3/domains", domains.domain_index, name="identity_domain_index"),
    path("identity/v3/domains/<str:domain>", domains.domain_detail, name="identity_domain_detail"),
    path("identity/v3/roles", roles.role_index, name="identity_role_index"),
    path("identity/v3/roles/<str:role>", roles.role_detail, name="identity_role_detail"),
    path("identity/v3/role_inferences", roles.role_inferences, name="identity_role_inferences"),
    path("identity/v3/role_assignments", assignments.assignment_index, name="identity_assignment_index"),
    *assignment_paths("identity/v3/projects/<str:project>", "project"),
    *assignment_paths("identity/v3/domains/<str:domain>", "domain"),
    path("identity/v3/limits", domains.limits, name="identity_limits"),
    path("identity/v3/registered_limits", domains.registered_limits, name="identity_registered_limits"),
    path("identity/v3/OS-TRUST/trusts", domains.trusts, name="identity_trusts"),
    # Last of all: other paths are answered in the protocol's words too.
    path("identity/<path:rest>", versions.nothing, name="identity_nothing"),
]
