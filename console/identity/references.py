"""How objects of Identity v3 name each other: in tokens, in role assignments.

Names are unique, as clients expect: of a user the username, of a project the slug, of a role its code, or
`catalogue:code` where two catalogues have one of that code.
"""

from __future__ import annotations

from typing import Any

from accounts.models import Scope, User
from console.identity.protocol import DOMAIN
from policies.models import Role
from policies.naming import short_role_names


def user_reference(user: User) -> dict[str, Any]:
    return {"id": user.uid, "name": user.username, "domain": DOMAIN}


def project_reference(project: Scope) -> dict[str, Any]:
    return {"id": project.uid, "name": project.slug, "domain": DOMAIN}


def role_reference(role: Role) -> dict[str, Any]:
    return {"id": role.uid, "name": short_role_names()[role.pk]}
