"""Forms of projects."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.forms.models import fields_for_model

from accounts.models import Project, Scope, User
from console import conflicts
from console.lists import Sorts, both_ways
from policies.access import permitted_scopes
from policies.actions.scopes import told

SORTS: Sorts = both_ways(name="name", slug="slug", place="parent__name", created="created_at")
DEFAULT_SORT = "name"
PLACES_IN_A_LIST = 100  # more places than that are named by typing
MODEL_FIELDS = fields_for_model(Project, ["name", "slug", "description"])


class ProjectForm(forms.Form):
    """A project to create, or the project that is edited. `seen` is the state that the form was shown with."""

    name = MODEL_FIELDS["name"]
    slug = forms.SlugField(
        max_length=80, required=False, label="Short name",
        error_messages={"invalid": "Use lower-case letters, digits and hyphens."},
        help_text="For commands: lower-case letters, digits and hyphens. Left empty, it is made from the name.",
    )  # fmt: skip
    parent = forms.CharField(required=False, max_length=200, label="Lies in")
    description = forms.CharField(max_length=200, required=False, label="Description")
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, user: User, project: Project | None = None) -> None:
        super().__init__(data, initial=initial_of(project) if project else None)
        self.project = project
        self.places = places_for(user)
        if project:
            self.fields["slug"].required = True
            self.fields["slug"].help_text = "For commands: lower-case letters, digits and hyphens."
        else:
            del self.fields["seen"]
        self._offer_places()

    def _offer_places(self) -> None:
        """A list to pick from; where there are too many, a name to type; nothing, where there is nothing to choose."""
        offered = list(self.places.select_related("parent")[: PLACES_IN_A_LIST + 1])
        if self.project and self.project.parent and self.project.parent not in offered:
            offered.insert(0, self.project.parent)
        if len(offered) <= 1:
            del self.fields["parent"]
        elif len(offered) <= PLACES_IN_A_LIST:
            choices = [(place.uid, place_label(place)) for place in sorted(offered, key=depth)]
            self.fields["parent"] = forms.ChoiceField(label="Lies in", choices=choices, required=bool(self.project))
        else:
            self.initial["parent"] = self.project.parent.slug if self.project and self.project.parent else ""
            self.fields["parent"].help_text = "Name or short name of a department or cluster. Empty: the organization."

    def clean_parent(self) -> Scope | None:
        """The place that was picked or typed, among those where one may put the project."""
        typed = self.cleaned_data["parent"].strip()
        current = self.project.parent if self.project else None
        if not typed:
            return current
        if current and typed in (current.uid, current.slug, current.name):
            return current
        found = list(self.places.filter(Q(slug=typed.lower()) | Q(name=typed) | Q(uid=typed)))
        if len(found) > 1:
            said = " or ".join(f"{place.slug} ({place.kind} {place.name})" for place in found[:5])
            raise ValidationError(f"Several places are called that. Type the short name: {said}.")
        if not found:
            raise ValidationError("There is no such place where you may put a project.")
        return found[0]

    def clean(self) -> dict[str, Any]:
        """The project lies in the only place there is, or in the organization, unless a place was named."""
        asked = super().clean() or {}
        if not self.project and not asked.get("parent") and "parent" not in self.errors:
            asked["parent"] = self.places.filter(kind=Scope.Kind.ORGANIZATION).first() or self._only_place()
        return asked

    def _only_place(self) -> Scope | None:
        found = list(self.places[:2])
        if len(found) != 1:
            self.add_error("parent" if "parent" in self.fields else None, "Choose where the project lies.")
            return None
        return found[0]


def places_for(user: User) -> QuerySet[Scope]:
    """Where somebody may create projects."""
    return permitted_scopes(user, ("create", "project")).filter(kind__in=Scope.PARENTS[Scope.Kind.PROJECT])


def depth(place: Scope) -> tuple[int, str]:
    return place.path.count("/"), place.name


def place_label(place: Scope) -> str:
    return place.name if place.kind == Scope.Kind.ORGANIZATION else f"{place.name} ({place.kind})"


def initial_of(project: Project) -> dict[str, str]:
    return {
        "name": project.name, "slug": project.slug, "description": project.description,
        "parent": project.parent.uid if project.parent else "", "seen": state_of(project),
    }  # fmt: skip


def state_of(project: Project) -> str:
    """A digest of what the form can change: equal as long as nobody changed any of it."""
    return conflicts.state_of(told(project))
