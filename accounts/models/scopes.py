"""Places where roles can be given: one tree per installation, with a closure table.

    organization (the root) > cluster > department > project

Departments and projects need not lie in a cluster, nor projects in a department. A role given at a scope holds for the
scope and everything below it, so "is B inside A" is asked all the time: `ScopeClosure` answers it in one indexed look-up.
"""

from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils.text import slugify

from accounts.uids import new_uid


class ScopeQuerySet(models.QuerySet["Scope"]):
    def inside(self, *scopes: "Scope") -> "ScopeQuerySet":
        """These scopes and everything below them."""
        return self.filter(pk__in=ScopeClosure.objects.filter(ancestor__in=scopes).values("descendant"))

    def search(self, text: str) -> "ScopeQuerySet":
        """Name or slug contains the text; an empty text finds everything."""
        return self.filter(Q(name__icontains=text) | Q(slug__icontains=text)) if text else self


class ScopeManager(models.Manager["Scope"].from_queryset(ScopeQuerySet)):  # type: ignore[misc]
    """Of a proxy (Project, Department …) it sees that kind only."""

    def get_queryset(self) -> ScopeQuerySet:
        kind = getattr(self.model, "KIND", None)
        found = super().get_queryset()
        return found.filter(kind=kind) if kind else found

    def root(self) -> "Scope":
        """The organization: the scope above all others, made when first asked for."""
        root, _ = Scope.objects.get_or_create(
            kind=Scope.Kind.ORGANIZATION, defaults={"name": "Organization", "slug": "organization"}
        )
        return root


class Scope(models.Model):
    """A place where a role can be given."""

    class Kind(models.TextChoices):
        ORGANIZATION = "organization"
        CLUSTER = "cluster"
        DEPARTMENT = "department"
        PROJECT = "project"

    # What each kind may lie in.
    PARENTS = {
        Kind.ORGANIZATION: (),
        Kind.CLUSTER: (Kind.ORGANIZATION,),
        Kind.DEPARTMENT: (Kind.ORGANIZATION, Kind.CLUSTER),
        Kind.PROJECT: (Kind.ORGANIZATION, Kind.CLUSTER, Kind.DEPARTMENT),
    }

    uid = models.CharField("id", max_length=32, unique=True, default=new_uid, editable=False)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    name = models.CharField(max_length=80)
    slug = models.SlugField(
        max_length=80, help_text="Short name for commands and addresses: lower-case letters, digits and hyphens."
    )
    description = models.CharField(max_length=200, blank=True)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name="lies in"
    )
    is_sample = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField("created", auto_now_add=True)
    # COMPUTED by save() and move_to() alone: the row numbers from the root down to this scope, and the cluster it lies in.
    path = models.CharField(max_length=200, default="", editable=False)
    cluster = models.ForeignKey("self", models.SET_NULL, null=True, editable=False, related_name="+")

    objects = ScopeManager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["kind"], condition=Q(kind="organization"), name="scope_one_organization"),
            models.CheckConstraint(
                condition=Q(kind="organization", parent=None) | (~Q(kind="organization") & Q(parent__isnull=False)),
                name="scope_only_the_root_has_no_parent",
            ),
            models.UniqueConstraint(
                fields=["kind", "slug"],
                name="scope_slug_once_per_kind",
                violation_error_message="This short name is taken.",
            ),
            models.UniqueConstraint(
                fields=["parent", "kind", "name"],
                name="scope_name_once_per_place",
                violation_error_message="This name is taken here.",
            ),
        ]
        indexes = [
            models.Index(fields=["kind", "name", "id"], name="scope_by_name"),
            models.Index(fields=["id"], condition=~models.Q(kind="project"), name="scope_not_project"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        new = self._state.adding
        kind = getattr(self, "KIND", None)
        self.kind = kind or self.kind
        self.slug = self.slug or free_slug(self.kind, self.name)
        with transaction.atomic():
            super().save(*args, **kwargs)
            if new:
                self._place()

    @property
    def ancestor_ids(self) -> list[int]:
        """Row numbers of this scope and of everything above it; of a scope not saved yet, its parent's."""
        path = self.path or (self.parent.path if self.parent else "")
        return [int(number) for number in path.split("/") if number]

    @property
    def cluster_above_id(self) -> int | None:
        """The cluster this scope lies in (a cluster lies in itself); None outside every cluster."""
        if self.path:
            return self.cluster_id
        return self.parent.cluster_id if self.parent else None

    def _place(self) -> None:
        self.path = f"{self.parent.path if self.parent else ''}{self.pk}/"
        above = self.parent.cluster_id if self.parent else None
        self.cluster_id = self.pk if self.kind == self.Kind.CLUSTER else above
        Scope.objects.filter(pk=self.pk).update(path=self.path, cluster=self.cluster_id)
        ScopeClosure.objects.bulk_create(
            ScopeClosure(ancestor_id=ancestor, descendant_id=self.pk) for ancestor in self.ancestor_ids
        )

    def move_to(self, parent: "Scope") -> None:
        """Put this scope, with everything below it, into another parent. Raises ValueError for a parent inside itself."""
        if self.pk in parent.ancestor_ids:
            raise ValueError("A scope cannot lie inside itself.")
        with transaction.atomic():
            below = list(Scope.objects.inside(self).order_by("path"))
            ScopeClosure.objects.filter(descendant__in=below).delete()
            Scope.objects.filter(pk=self.pk).update(parent=parent)
            self.parent = parent
            placed: dict[int, Scope] = {}
            for scope in sorted(below, key=lambda s: s.path.count("/")):
                scope.parent = placed.get(scope.parent_id, parent) if scope.pk != self.pk else parent
                scope._place()
                placed[scope.pk] = scope
        self.refresh_from_db()


class ScopeClosure(models.Model):
    """COMPUTED by Scope.save() and Scope.move_to() alone: `descendant` lies in `ancestor` (every scope lies in itself)."""

    ancestor = models.ForeignKey(Scope, models.CASCADE, related_name="below")
    descendant = models.ForeignKey(Scope, models.CASCADE, related_name="above")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ancestor", "descendant"], name="closure_once")]

    def __str__(self) -> str:
        return f"{self.descendant_id} in {self.ancestor_id}"


class Organization(Scope):
    KIND = Scope.Kind.ORGANIZATION

    class Meta:
        proxy = True
        default_permissions = ()


class Cluster(Scope):
    KIND = Scope.Kind.CLUSTER

    class Meta:
        proxy = True
        default_permissions = ()


class Department(Scope):
    KIND = Scope.Kind.DEPARTMENT

    class Meta:
        proxy = True
        default_permissions = ()


class Project(Scope):
    KIND = Scope.Kind.PROJECT

    class Meta:
        proxy = True
        default_permissions = ()


def free_slug(kind: str, name: str) -> str:
    """A short name made from the name, with a number behind it where others have it already."""
    stem = slugify(name)[:70] or kind
    taken = set(Scope.objects.filter(kind=kind, slug__startswith=stem).values_list("slug", flat=True))
    number, slug = 1, stem
    while slug in taken:
        number += 1
        slug = f"{stem}-{number}"
    return slug
