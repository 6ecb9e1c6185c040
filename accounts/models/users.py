"""Users: people, project users (credentials that belong to one project) and services (programs that ask Roster)."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Upper
from django.utils import timezone

from accounts.models.scopes import Project, Scope
from accounts.uids import new_uid

# Lower-case ASCII leaves no room for look-alikes and case variants of somebody else's name.
username_validator = RegexValidator(
    r"\A[a-z0-9][a-z0-9._@+-]*\Z", "Use lower-case letters, digits and . _ @ + - and begin with a letter or digit."
)


class UserQuerySet(models.QuerySet["User"]):
    def people(self) -> "UserQuerySet":
        return self.filter(kind=User.Kind.PERSON)

    def project_users(self) -> "UserQuerySet":
        return self.filter(kind=User.Kind.PROJECT_USER)

    def services(self) -> "UserQuerySet":
        return self.filter(kind=User.Kind.SERVICE)

    def search(self, text: str) -> "UserQuerySet":
        """Username or description contains the text, whatever its case; an empty text finds everybody."""
        return self.filter(search_text__contains=text.casefold()) if text else self


class UserManager(BaseUserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]
    pass


class User(AbstractBaseUser, PermissionsMixin):
    """A person, a project user or a service: whoever can hold roles."""

    class Kind(models.TextChoices):
        PERSON = "person"
        PROJECT_USER = "project_user", "project user"
        SERVICE = "service"

    class Theme(models.TextChoices):
        DEVICE = "", "Same as this device"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    uid = models.CharField("id", max_length=32, unique=True, default=new_uid, editable=False)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.PERSON)
    username = models.CharField(
        max_length=64,
        unique=True,
        validators=[username_validator],
        error_messages={"unique": "This username is taken."},
    )
    description = models.CharField(
        max_length=120, blank=True, help_text="A person's name, or what a project user or service is for."
    )
    email = models.EmailField(blank=True)
    project = models.ForeignKey(Project, models.PROTECT, null=True, blank=True, related_name="users", db_index=False)
    is_active = models.BooleanField("enabled", default=True)
    password_set_at = models.DateTimeField(null=True, blank=True, editable=False)
    password_is_temporary = models.BooleanField(
        default=False, editable=False, help_text="Must be changed at the next sign-in."
    )
    tokens_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Identity tokens issued before are refused: set on disabling."
    )
    all_clusters = models.BooleanField(
        default=True, help_text="Not bounded to clusters. A bounded person is denied everything in all other clusters."
    )
    clusters = models.ManyToManyField(Scope, blank=True, related_name="+", limit_choices_to={"kind": "cluster"})
    theme = models.CharField(max_length=5, choices=Theme.choices, default=Theme.DEVICE, blank=True)
    is_sample = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField("created", default=timezone.now, editable=False)
    last_used_at = models.DateTimeField("last used", null=True, blank=True, editable=False)
    # COMPUTED by save() alone: what the search looks in, case-folded once instead of at every search.
    search_text = models.CharField(max_length=400, editable=False)
    # COMPUTED by policies.actions.assignments alone: labels of a project user's roles, the sort key of the list's column Roles.
    roles_sort_key = models.CharField(max_length=200, default="", editable=False)

    # In memory: row numbers of the only roles that count in this request, behind an application credential. None: all do.
    only_roles: frozenset[int] | None = None

    objects = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        default_permissions = ()
        ordering = ["username"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="project_user", project__isnull=False)
                | Q(kind__in=("person", "service"), project=None),
                name="user_project_users_have_a_project",
            ),
            models.CheckConstraint(condition=Q(kind="person") | Q(email=""), name="user_project_users_have_no_email"),
            # A superuser is let in before any rule is asked: people get roles instead.
            models.CheckConstraint(condition=Q(is_superuser=False), name="user_nobody_is_superuser"),
            models.CheckConstraint(condition=Q(username=Lower("username")), name="user_username_lower_case"),
        ]
        # One for every column that the list of a project's users sorts by; the row number makes each order total.
        # The list puts "never used" last; on PostgreSQL that needs the index of migration 0002.
        indexes = [
            models.Index(Upper("email"), name="user_by_email"),  # whatever its case, as `iexact` compares
            # A list counts its users: equal keys take so little room that this is several times as fast as the others.
            models.Index(fields=["project"], name="user_by_project", condition=Q(project__isnull=False)),
            *(
                models.Index(fields=["project", column, "id"], name=f"user_by_{name}")
                for column, name in (
                    ("username", "username"),
                    ("description", "description"),
                    ("created_at", "created"),
                    ("last_used_at", "last_used"),
                    ("is_active", "status"),
                    ("roles_sort_key", "roles"),
                )
            ),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def label(self) -> str:
        """What pages call this user: the description, else the username."""
        return self.description or self.username

    def get_full_name(self) -> str:
        return self.label

    def get_short_name(self) -> str:
        return self.username

    @property
    def is_project_user(self) -> bool:
        return self.kind == self.Kind.PROJECT_USER

    @property
    def is_service(self) -> bool:
        return self.kind == self.Kind.SERVICE

    @property
    def is_person(self) -> bool:
        return self.kind == self.Kind.PERSON

    @property
    def status(self) -> str:
        """`ok` or `disabled`."""
        return "ok" if self.is_active else "disabled"

    @property
    def is_staff(self) -> bool:
        """Django asks; the admin's doors ask the access layer instead."""
        return False

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.username = self.username.lower()
        self.search_text = f"{self.username} {self.description} {self.email}".casefold()
        fields = kwargs.get("update_fields")
        if fields is not None:
            kwargs["update_fields"] = {*fields, "search_text"}
        super().save(*args, **kwargs)
