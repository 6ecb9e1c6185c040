from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from accounts.models import Scope
from accounts.uids import new_uid
from policies.models.catalogues import EntityType, Role


class Tag(models.Model):
    """A label on resources; the roles that it lists open what carries it, where a rule says so."""

    name = models.CharField(max_length=60, unique=True)
    roles = models.ManyToManyField(Role, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Resource(models.Model):
    """A protected thing that some service runs: notebook, app, instance, engine … Roster decides about it, the service does it."""

    uid = models.CharField("id", max_length=32, unique=True, default=new_uid, editable=False)
    entity_type = models.ForeignKey(EntityType, models.PROTECT, db_index=False)
    scope = models.ForeignKey(Scope, models.PROTECT, related_name="resources", db_index=False)
    name = models.CharField(max_length=120)
    external_id = models.CharField(
        max_length=200, blank=True, help_text="What the service that runs it calls it; unique among things of its type."
    )
    url = models.CharField(
        "URL",
        max_length=300,
        blank=True,
        help_text="Where browsers reach it: what a proxy in front of it asks Roster about.",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="resources"
    )
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True)
    visibility = models.CharField(max_length=20, blank=True)
    listed_roles = models.ManyToManyField(Role, blank=True, related_name="+")
    tags = models.ManyToManyField(Tag, blank=True)
    is_sample = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField("created", auto_now_add=True)

    class Meta:
        default_permissions = ()
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["entity_type", "external_id"],
                condition=~models.Q(external_id=""),
                name="resource_external_id_once",
            ),
            models.UniqueConstraint(fields=["url"], condition=~models.Q(url=""), name="resource_url_once"),
        ]
        indexes = [
            models.Index(fields=["scope", "entity_type", "name", "id"], name="resource_by_scope"),
            models.Index(Lower("name"), "id", name="resource_by_name"),
            models.Index(fields=["created_at", "id"], name="resource_by_created"),
            models.Index(fields=["entity_type", "name"], name="resource_by_type"),
            models.Index(fields=["entity_type", "visibility", "name"], name="resource_by_visibility"),
        ]

    def __str__(self) -> str:
        return self.name
