"""The audit trail. `policies.audit` alone writes it; triggers in the database refuse to change or delete its rows."""

from django.db import models
from django.db.models import Q


class AuditEvent(models.Model):
    """One thing that somebody did, or tried. Points to nothing by foreign key: it outlives what it tells about."""

    sequence = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField("when")
    action = models.CharField(
        max_length=60, help_text="What happened: entity type and action, as in project_user.create."
    )
    outcome = models.CharField(max_length=10, default="done", choices=[("done", "done"), ("refused", "refused")])
    actor_uid = models.CharField(max_length=32, blank=True)
    actor = models.CharField(max_length=160, help_text="Who did it, by the name they had then.")
    object_type = models.CharField(max_length=40, blank=True)
    object_uid = models.CharField(max_length=32, blank=True)
    object_name = models.CharField(max_length=160, blank=True)
    scope_id = models.BigIntegerField(null=True, help_text="Row number of the scope it happened in.")
    scope_name = models.CharField(max_length=80, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    address = models.CharField("from", max_length=45, blank=True)
    request_id = models.CharField(max_length=40, blank=True)
    mac = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()
        ordering = ["-sequence"]
        indexes = [
            models.Index(fields=["scope_id", "-sequence"], name="audit_by_scope"),
            models.Index(fields=["object_uid", "-sequence"], name="audit_by_object"),
            models.Index(fields=["actor_uid", "-sequence"], name="audit_by_actor"),
            models.Index(fields=["-at"], name="audit_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.actor} {self.action} {self.object_name}"


class AuditHead(models.Model):
    """One row: where the chain ends. Its lock puts the writers in order."""

    sequence = models.BigIntegerField(default=0)
    mac = models.CharField(max_length=64, default="")

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="audit_head_is_one_row")]

    def __str__(self) -> str:
        return str(self.sequence)
