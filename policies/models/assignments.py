from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q

from accounts.models import Scope, User
from accounts.uids import new_uid
from policies.models.catalogues import Role


class RoleAssignment(models.Model):
    """A role, given to a user or a group, in a scope. The only stored truth about who holds what where."""

    uid = models.CharField("id", max_length=32, unique=True, default=new_uid, editable=False)
    role = models.ForeignKey(Role, models.PROTECT, related_name="assignments")
    user = models.ForeignKey(
        User, models.CASCADE, null=True, blank=True, related_name="role_assignments", db_index=False
    )
    group = models.ForeignKey(
        Group, models.CASCADE, null=True, blank=True, related_name="role_assignments", db_index=False
    )
    scope = models.ForeignKey(Scope, models.CASCADE, related_name="role_assignments", db_index=False)
    reason = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField("expires", null=True, blank=True)
    granted_at = models.DateTimeField("since", auto_now_add=True)
    granted_by = models.CharField("given by", max_length=120, editable=False)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(user=None, group__isnull=False) | Q(user__isnull=False, group=None),
                name="assignment_to_a_user_or_a_group",
            ),
            models.UniqueConstraint(
                fields=["user", "role", "scope"], condition=Q(user__isnull=False), name="assignment_once_per_user"
            ),
            models.UniqueConstraint(
                fields=["group", "role", "scope"], condition=Q(group__isnull=False), name="assignment_once_per_group"
            ),
        ]
        indexes = [
            models.Index(fields=["scope", "role"], name="assignment_by_scope_and_role"),
            # The orders of the list of millions; the row number makes each total.
            models.Index(fields=["granted_at", "id"], name="assignment_by_since"),
            models.Index(fields=["expires_at", "id"], name="assignment_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.role} for {self.user or self.group} in {self.scope}"

    @property
    def subject(self) -> User | Group:
        """The user or the group that holds the role."""
        holder = self.user or self.group
        assert holder is not None  # a constraint of the table
        return holder
