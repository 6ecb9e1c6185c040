"""Roles as data. A role CAN do actions TO entity types WHERE conditions hold; catalogues bring them."""

from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property

from accounts.uids import new_uid


class Catalogue(models.Model):
    """A set of entity types, roles and rules, shipped with Roster or brought as a file."""

    code = models.SlugField(max_length=40, unique=True)
    label = models.CharField(max_length=80)
    description = models.CharField(max_length=300, blank=True)
    is_enabled = models.BooleanField(
        "enabled", default=False, help_text="Switched off, its roles have no effect; the assignments stay."
    )
    is_editable = models.BooleanField(
        default=False, editable=False, help_text="Its roles are made and changed in the console, not by its file."
    )
    position = models.PositiveSmallIntegerField(default=0)
    platform_version = models.CharField(
        max_length=20,
        blank=True,
        help_text="Version of the platform that these roles are for; empty: every role is offered.",
    )
    # Everybody who is a person holds default_role, unless they hold default_unless.
    default_role = models.ForeignKey("Role", models.SET_NULL, null=True, blank=True, related_name="+")
    default_unless = models.ForeignKey("Role", models.SET_NULL, null=True, blank=True, related_name="+")
    # Only forms read these: presets [{label, purpose, roles}] and hints [{has_any|has_all, lacks, with_others, offer, say}].
    presets = models.JSONField(default=list, blank=True)
    hints = models.JSONField(default=list, blank=True)
    digest = models.CharField(
        max_length=64, blank=True, editable=False, help_text="SHA-256 of the file as loaded last."
    )

    class Meta:
        default_permissions = ()
        ordering = ["position", "code"]

    def __str__(self) -> str:
        return self.label


class Module(models.Model):
    """A part of a platform that may be missing; roles that need it have no effect without it."""

    catalogue = models.ForeignKey(Catalogue, models.CASCADE, related_name="modules")
    code = models.SlugField(max_length=40)
    label = models.CharField(max_length=80)
    is_installed = models.BooleanField("installed", default=False)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["catalogue", "code"], name="module_once")]

    def __str__(self) -> str:
        return self.label


class EntityType(models.Model):
    """A kind of thing that rules speak about: notebook, project, role assignment …"""

    catalogue = models.ForeignKey(Catalogue, models.CASCADE, related_name="entity_types")
    code = models.SlugField(max_length=40)
    label = models.CharField(max_length=80, help_text="Plural, as it stands in lists: Notebooks.")
    area = models.CharField(
        max_length=80, blank=True, help_text="Entity types of one area are told in one line: Notebooks, jobs and apps."
    )
    is_shared = models.BooleanField(default=False, help_text="The rules of every catalogue may speak about it.")
    # A list of pairs: PostgreSQL forgets the order of the keys of an object, and pages keep the catalogue's order.
    action_labels = models.JSONField(default=list, help_text="What can be done with it: pairs of code and label.")
    shareable = models.JSONField(
        default=list, blank=True, help_text="The actions that can be given on one object alone."
    )
    seen_by = models.JSONField(
        default=list, blank=True, help_text="Actions, each of which lets somebody see such a thing in lists."
    )
    # {property that a service states in a question: what of the object it is}, as {ownerID: owner}.
    attributes = models.JSONField(default=dict, blank=True)
    field_actions = models.JSONField(
        default=dict,
        blank=True,
        help_text="{field: the action that shows it (owner_email) or changes it (visibility)}.",
    )
    visibilities = models.JSONField(
        default=list,
        blank=True,
        help_text="The values that its visibility usually has; rules may ask for some of them.",
    )
    web_actions = models.JSONField(
        default=dict,
        blank=True,
        help_text="The actions that somebody needs who reaches it by its URL: {read: for GET, write: for POST and the like}.",
    )
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        default_permissions = ()
        ordering = ["catalogue", "position"]
        constraints = [models.UniqueConstraint(fields=["catalogue", "code"], name="entity_type_once")]

    def __str__(self) -> str:
        return self.label

    @property
    def full_name(self) -> str:
        """`catalogue:code`, unambiguous in the installation."""
        return f"{self.catalogue.code}:{self.code}"

    @cached_property
    def actions(self) -> dict[str, str]:
        """{code: label}, in the order of the catalogue."""
        return dict(self.action_labels)

    @cached_property
    def actions_on_one(self) -> dict[str, str]:
        """Those that can be done with a thing that exists: nothing is created twice."""
        return {code: label for code, label in self.actions.items() if code != "create"}


class Role(models.Model):
    """A named set of rules that can be given to somebody in a scope."""

    uid = models.CharField("id", max_length=32, unique=True, default=new_uid, editable=False)
    catalogue = models.ForeignKey(Catalogue, models.CASCADE, related_name="roles")
    code = models.SlugField(max_length=60)
    label = models.CharField(max_length=80)
    purpose = models.CharField(max_length=300, blank=True)
    family = models.CharField(
        max_length=12, default="console", help_text="Shape of its chip: ai, storage, console, infra."
    )
    heading = models.CharField(max_length=80, blank=True, help_text="Roles with one heading stand together in forms.")
    heading_purpose = models.CharField(max_length=200, blank=True)
    aliases = models.JSONField(default=list, blank=True)
    includes = models.ManyToManyField("self", symmetrical=False, blank=True, related_name="included_in")
    module = models.ForeignKey(Module, models.PROTECT, null=True, blank=True)
    since = models.CharField(max_length=20, blank=True, help_text="First platform version that has it.")
    binds = models.JSONField(default=list, blank=True, help_text="Kinds of scope where it can be given; empty: all.")
    needs_scope = models.BooleanField(
        default=False,
        help_text="Given at the organization it is pending: without effect until given at one of the kinds above.",
    )
    subjects = models.JSONField(
        default=list, blank=True, help_text="Who can hold it: person, group, project_user, service, app_token."
    )
    is_retired = models.BooleanField(
        default=False, help_text="Gone from its catalogue, kept because somebody holds it. Has no rules."
    )
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        default_permissions = ()
        ordering = ["catalogue__position", "position", "code"]
        constraints = [models.UniqueConstraint(fields=["catalogue", "code"], name="role_once")]

    def __str__(self) -> str:
        return self.label

    @property
    def full_name(self) -> str:
        """`catalogue:code`, unambiguous in the installation."""
        return f"{self.catalogue.code}:{self.code}"


class RoleSetting(models.Model):
    """A setting of a platform that names a role: whoever holds the named role holds `role` too, and nobody else does.

    Named is `role` itself at first: then it is given like any other. Named nobody: everybody has it, or nobody.
    """

    catalogue = models.ForeignKey(Catalogue, models.CASCADE, related_name="settings")
    code = models.CharField(max_length=40, help_text="As the platform writes it: fullAccessRoleName.")
    label = models.CharField(max_length=80)
    help = models.CharField(max_length=300, blank=True)
    role = models.ForeignKey(Role, models.CASCADE, related_name="+")
    named = models.ForeignKey(Role, models.PROTECT, null=True, blank=True, related_name="+")
    everybody_if_unset = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        default_permissions = ()
        ordering = ["catalogue", "position"]
        constraints = [models.UniqueConstraint(fields=["catalogue", "code"], name="role_setting_once")]

    def __str__(self) -> str:
        return self.label


class Rule(models.Model):
    """One line: the role may do one action to one entity type, where all its conditions hold."""

    role = models.ForeignKey(Role, models.CASCADE, related_name="rules")
    action = models.SlugField(max_length=40)
    entity_type = models.ForeignKey(EntityType, models.CASCADE, related_name="rules")
    owner = models.BooleanField(default=False)
    parent_owner = models.BooleanField(default=False)
    listed = models.BooleanField(default=False)
    fields = models.JSONField(
        default=dict, blank=True, help_text="Further conditions: field name and the values it may have."
    )
    # The vendor's own name of what the rule belongs to; rows of the role matrix.
    service = models.CharField(max_length=80, blank=True)
    permission = models.CharField(max_length=80, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        default_permissions = ()
        ordering = ["role", "position"]

    def __str__(self) -> str:
        return f"{self.role} can {self.action} {self.entity_type}"


class RulebookVersion(models.Model):
    """One row: a random token, written anew in the transaction of every change to catalogues, roles, rules and modules.

    Random, because a counter could be matched by another later change after a rollback.
    """

    token = models.CharField(max_length=32, default=new_uid)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="rulebook_version_is_one_row")]

    def __str__(self) -> str:
        return self.token

    @classmethod
    def renew(cls) -> None:
        """Call after every change of what the rulebook holds, in its transaction."""
        from policies.rulebook import forget_rulebook

        forget_rulebook()
        cls.objects.update_or_create(pk=1, defaults={"token": new_uid()})
