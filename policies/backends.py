"""Django's door: user.has_perm("accounts.read", project), guardian's mixins, the admin."""

from typing import Any

from guardian.backends import ObjectPermissionBackend, check_support

from policies import access
from policies.rulebook import UnknownQuestion


class RoleBackend(ObjectPermissionBackend):
    """guardian's backend, asked with roles as well as with guardian's own rows (`access` reads both).

    guardian's stock backend must not stand beside it: a share would pass the boundary of clusters.
    """

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        supported, user = check_support(user_obj, obj)
        if not supported or not hasattr(user, "kind"):
            return False
        try:
            return access.may(user, perm.split(".")[-1], obj)
        except (UnknownQuestion, TypeError):
            return False

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        supported, user = check_support(user_obj, obj)
        return access.actions_for(user, [obj])[obj.pk] if supported and obj is not None else set()
