"""What a user shows instead of a password, and tokens that were taken back. Secrets are kept as digests or not at all."""

import hashlib
import hmac

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Project
from accounts.uids import new_uid
from policies.models.catalogues import Role


class RevokedToken(models.Model):
    """An identity token that was taken back before its end; after that the row is of no use and is removed."""

    audit_id = models.CharField(max_length=32, primary_key=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.audit_id


class CredentialQuerySet(models.QuerySet["ApplicationCredential"]):
    def valid(self) -> "CredentialQuerySet":
        """Not expired by the database's clock, and of a user who is not disabled."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=Now()), user__is_active=True)


class ApplicationCredential(models.Model):
    """A secret for a program that acts as a user in one project, with some of the user's roles there."""

    uid = models.CharField("id", max_length=32, unique=True, default=new_uid, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="application_credentials")
    project = models.ForeignKey(Project, models.CASCADE, related_name="application_credentials")
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=200, blank=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    roles = models.ManyToManyField(Role, related_name="+")
    is_unrestricted = models.BooleanField(
        "unrestricted", default=False, help_text="May make and delete other credentials of its user."
    )
    expires_at = models.DateTimeField("expires", null=True, blank=True)
    created_at = models.DateTimeField("created", auto_now_add=True)
    last_used_at = models.DateTimeField("last used", null=True, blank=True, editable=False)

    objects = CredentialQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="application_credential_name_once")]

    def __str__(self) -> str:
        return self.name

    def digest_of(self, secret: str) -> str:
        """SHA-256 over id and secret: users may bring their own secret, and two with the same one do not show it."""
        return hashlib.sha256(f"{self.uid}:{secret}".encode()).hexdigest()

    def opens_with(self, secret: str) -> bool:
        """Whether this is the secret; in a time that does not depend on it."""
        return hmac.compare_digest(self.digest, self.digest_of(secret))


class EC2Credential(models.Model):
    """Keys for S3. The secret is computed from the access key by a key of this installation, and stored nowhere."""

    access = models.CharField(max_length=32, unique=True, default=new_uid, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="ec2_credentials")
    project = models.ForeignKey(Project, models.CASCADE, related_name="ec2_credentials")
    created_at = models.DateTimeField("created", auto_now_add=True)
    last_used_at = models.DateTimeField("last used", null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "EC2 credential"
        default_permissions = ()
        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        return self.access


class AppTokenQuerySet(models.QuerySet["AppToken"]):
    def valid(self) -> "AppTokenQuerySet":
        """Not expired by the database's clock, and of somebody who is not disabled."""
        return self.filter(expires_at__gt=Now(), made_by__is_active=True)

    def opened_by(self, secret: str) -> "AppTokenQuerySet":
        """The valid one with this secret, or with this one until its renewal is complete; at most one."""
        digest = AppToken.digest_of(secret)
        return self.valid().filter(Q(digest=digest) | Q(old_digest=digest, old_expires_at__gt=Now()))


class AppToken(models.Model):
    """A secret that opens a project's resources, all or those with one label, as far as its maker still may (OVH-17)."""

    uid = models.CharField("id", max_length=32, unique=True, default=new_uid, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="app_tokens")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="app_tokens")
    name = models.CharField(max_length=80)
    role = models.ForeignKey(Role, models.PROTECT, related_name="+")
    selector = models.CharField(
        "label", max_length=60, blank=True, help_text="Only what carries this label (name=value); empty: everything."
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    # While a renewed token's old secret still works: its digest and end.
    old_digest = models.CharField(max_length=64, null=True, blank=True, unique=True, editable=False)
    old_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField("expires")
    created_at = models.DateTimeField("created", auto_now_add=True)
    last_used_at = models.DateTimeField("last used", null=True, blank=True, editable=False)

    objects = AppTokenQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["-created_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="app_token_name_once")]

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def digest_of(secret: str) -> str:
        """SHA-256: the secret is random, so no guessing is made cheaper by a quick hash."""
        return hashlib.sha256(secret.encode()).hexdigest()
