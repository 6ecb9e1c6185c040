from django.conf import settings
from django.db import models

from accounts.models import Project
from accounts.uids import new_uid


class BulkJob(models.Model):
    """One change to many users of a project, done in batches that can be resumed."""

    class Change(models.TextChoices):
        ROLES = "roles", "Change roles"
        DISABLE = "disable", "Disable users"
        ENABLE = "enable", "Enable users"
        DELETE = "delete", "Delete users"

    uid = models.CharField("id", max_length=32, unique=True, default=new_uid, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="bulk_jobs")
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    change = models.CharField(max_length=10, choices=Change.choices)
    add = models.JSONField(default=list, help_text="Ids of the roles to give.")
    take = models.JSONField(default=list, help_text="Ids of the roles to take away.")
    created_at = models.DateTimeField("started", auto_now_add=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.get_change_display()} in {self.project}"


class BulkItem(models.Model):
    """One user of a bulk job, and what came of it."""

    class Result(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        UNCHANGED = "unchanged"
        REFUSED = "refused"
        NOT_DONE = "not done"

    job = models.ForeignKey(BulkJob, models.CASCADE, related_name="items", db_index=False)
    user_uid = models.CharField(max_length=32)
    username = models.CharField(max_length=64)
    result = models.CharField(max_length=10, choices=Result.choices, default=Result.WAITING)
    message = models.CharField(max_length=300, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["job", "user_uid"], name="bulk_item_once")]
        indexes = [models.Index(fields=["job", "result", "id"], name="bulk_item_by_result")]

    def __str__(self) -> str:
        return f"{self.username}: {self.result}"
