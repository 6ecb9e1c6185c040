"""Shares: an action on one object, given to a user or a group beside all roles. guardian's direct tables hold them."""

from django.db import models
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from accounts.models import Project, User
from policies.models.resources import Resource


class ProjectShareWithUser(UserObjectPermissionBase):
    content_object = models.ForeignKey(Project, models.CASCADE, related_name="shares_with_users")

    class Meta(UserObjectPermissionBase.Meta):
        default_permissions = ()


class ProjectShareWithGroup(GroupObjectPermissionBase):
    content_object = models.ForeignKey(Project, models.CASCADE, related_name="shares_with_groups")

    class Meta(GroupObjectPermissionBase.Meta):
        default_permissions = ()


class UserShareWithUser(UserObjectPermissionBase):
    content_object = models.ForeignKey(User, models.CASCADE, related_name="shares_with_users")

    class Meta(UserObjectPermissionBase.Meta):
        default_permissions = ()


class UserShareWithGroup(GroupObjectPermissionBase):
    content_object = models.ForeignKey(User, models.CASCADE, related_name="shares_with_groups")

    class Meta(GroupObjectPermissionBase.Meta):
        default_permissions = ()


class ResourceShareWithUser(UserObjectPermissionBase):
    content_object = models.ForeignKey(Resource, models.CASCADE, related_name="shares_with_users")

    class Meta(UserObjectPermissionBase.Meta):
        default_permissions = ()


class ResourceShareWithGroup(GroupObjectPermissionBase):
    content_object = models.ForeignKey(Resource, models.CASCADE, related_name="shares_with_groups")

    class Meta(GroupObjectPermissionBase.Meta):
        default_permissions = ()
