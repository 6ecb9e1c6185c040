import accounts.lookups  # noqa: F401
from accounts.models.groups import GroupProfile
from accounts.models.scopes import Cluster, Department, Organization, Project, Scope, ScopeClosure
from accounts.models.services import Endpoint, Region, ServiceProfile, ServiceToken
from accounts.models.throttle import Throttle
from accounts.models.users import User

__all__ = [
    "Cluster",
    "Department",
    "Endpoint",
    "GroupProfile",
    "Organization",
    "Project",
    "Region",
    "Scope",
    "ScopeClosure",
    "ServiceProfile",
    "ServiceToken",
    "Throttle",
    "User",
]
