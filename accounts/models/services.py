"""Services: programs that ask Roster for decisions and register what they run. Each is a User of kind `service`."""

import hashlib

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models.users import User
from accounts.uids import new_uid


class ServiceProfile(models.Model):
    """What Roster believes a service about."""

    service = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="service_profile")
    trusted_attributes = models.JSONField(
        default=list,
        blank=True,
        help_text="Attributes of an object (owner, visibility …) that count as this service states them in a question.",
    )

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.service)


class ServiceTokenQuerySet(models.QuerySet["ServiceToken"]):
    def valid(self) -> "ServiceTokenQuerySet":
        """Not expired by the database's clock, and of a service that is not disabled."""
        return self.filter(Q(expires_at__gt=Now()), service__is_active=True)


class ServiceToken(models.Model):
    """A bearer token of a service. Shown once; only its digest is kept."""

    uid = models.CharField("id", max_length=32, unique=True, default=new_uid, editable=False)
    service = models.ForeignKey(
        User, models.CASCADE, related_name="service_tokens", limit_choices_to={"kind": "service"}
    )
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField("expires")
    created_at = models.DateTimeField("created", auto_now_add=True)
    created_by = models.CharField(max_length=120, editable=False)
    last_used_at = models.DateTimeField("last used", null=True, blank=True, editable=False)

    objects = ServiceTokenQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def digest_of(token: str) -> str:
        """SHA-256: the token is random, so no guessing is made cheaper by a quick hash."""
        return hashlib.sha256(token.encode()).hexdigest()
