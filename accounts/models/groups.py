from django.contrib.auth.models import Group
from django.db import models

from accounts.uids import new_uid


class GroupProfile(models.Model):
    """What Roster knows of a group beside Django's own model, which guardian's tables point to."""

    group = models.OneToOneField(Group, models.CASCADE, related_name="profile")
    uid = models.CharField("id", max_length=32, unique=True, default=new_uid, editable=False)
    description = models.CharField(max_length=200, blank=True)
    is_sample = models.BooleanField(default=False, editable=False)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.group.name
