from policies.models.assignments import RoleAssignment
from policies.models.audit import AuditEvent, AuditHead
from policies.models.bulk import BulkItem, BulkJob
from policies.models.catalogues import Catalogue, EntityType, Module, Role, RoleSetting, Rule, RulebookVersion
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
    "AuditEvent",
    "AuditHead",
    "BulkItem",
    "BulkJob",
    "Catalogue",
    "EntityType",
    "Module",
    "ProjectShareWithGroup",
    "ProjectShareWithUser",
    "Resource",
    "ResourceShareWithGroup",
    "ResourceShareWithUser",
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
