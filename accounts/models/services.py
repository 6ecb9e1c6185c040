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

    service_type = models.CharField(
        "type",
        max_length=60,
        blank=True,
        help_text="What clients look for in the catalogue of a token: object-store, ai …",
    )

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.service)


class Region(models.Model):
    """Where endpoints of services stand. Its code is its id, as clients know it."""

    code = models.CharField(max_length=60, unique=True)
    description = models.CharField(max_length=120, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code


class Endpoint(models.Model):
    """An address of a service in a region. `%(project_id)s` in it becomes the id of the token's project."""

    class Interface(models.TextChoices):
        PUBLIC = "public"
        INTERNAL = "internal"
        ADMIN = "admin"

    uid = models.CharField("id", max_length=32, unique=True, default=new_uid, editable=False)
    service = models.ForeignKey(User, models.CASCADE, related_name="endpoints", limit_choices_to={"kind": "service"})
    region = models.ForeignKey(Region, models.PROTECT, related_name="endpoints")
    interface = models.CharField(max_length=8, choices=Interface.choices, default=Interface.PUBLIC)
    url = models.CharField("URL", max_length=300)
    is_enabled = models.BooleanField("enabled", default=True)

    class Meta:
        default_permissions = ()
        ordering = ["service", "region", "interface"]
        constraints = [
            models.UniqueConstraint(fields=["service", "region", "interface"], name="endpoint_once_per_interface"),
        ]

    def __str__(self) -> str:
        return self.url


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
