from policies.models.assignments import RoleAssignment
from policies.models.audit import AuditEvent, AuditHead
from policies.models.bulk import BulkItem, BulkJob
from policies.models.catalogues import Catalogue, EntityType, Module, Role, RoleSetting, Rule, RulebookVersion
from policies.models.credentials import ApplicationCredential, AppToken, EC2Credential, RevokedToken
from policies.models.nonces import UsedNonce
from policies.models.resources import Resource, Tag
from policies.models.shares import (
    ProjectShareWithGroup,
    ProjectShareWithUser,
    ResourceShareWithGroup,
    ResourceShareWithUser,
    UserShareWithGroup,
    UserShareWithUser,
)

__all__ = [
    "AppToken",
    "ApplicationCredential",
    "AuditEvent",
    "AuditHead",
    "BulkItem",
    "BulkJob",
    "Catalogue",
    "EC2Credential",
    "EntityType",
    "Module",
    "ProjectShareWithGroup",
    "ProjectShareWithUser",
    "Resource",
    "ResourceShareWithGroup",
    "ResourceShareWithUser",
    "RevokedToken",
    "Role",
    "RoleAssignment",
    "RoleSetting",
    "Rule",
    "RulebookVersion",
    "Tag",
    "UsedNonce",
    "UserShareWithGroup",
    "UserShareWithUser",
]
