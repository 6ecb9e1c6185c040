"""Forms of resources: the filters of the list, and what may be changed of one."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Lower, NullIf
from django.forms.models import fields_for_model
from django.http import QueryDict

from accounts.models import Project, User
from console.lists import Sorts, search_text
from console.navigation import visible_projects
from policies.models import EntityType, Resource, Role, Tag
from policies.resources import registrable_types, seen_resources, visibilities
from policies.rulebook import rulebook

FIRST_TAG = Tag.objects.filter(resource=OuterRef("pk")).order_by("name").values("name")[:1]
OWNER = Lower(Coalesce(NullIf("owner__description", Value("")), "owner__username", Value("")))
COLUMNS: dict[str, tuple[Any, ...]] = {
    "name": (Lower("name"),),
    "type": (Lower("entity_type__label"), F("entity_type__catalogue__position")),
    "place": (Lower("scope__name"),),
    "owner": (OWNER,),
    "visibility": (F("visibility"),),
    "tags": (Coalesce(Subquery(FIRST_TAG), Value("")),),
    "created": (F("created_at"),),
}
SORTS: Sorts = {
    **{name: (*(column.asc() for column in columns), "pk") for name, columns in COLUMNS.items()},
    **{f"-{name}": (*(column.desc() for column in columns), "-pk") for name, columns in COLUMNS.items()},
}
DEFAULT_SORT = "name"
MOST_TAGS = 50
SEARCHED_PROJECTS = 10  # projects of one name that are looked at


class FilterForm(forms.Form):
    """The filters of the list; they live in the URL. A project is named by short name, name or id."""

    OWNERS = {"mine": "Me", "nobody": "Nobody"}

    type = forms.ChoiceField(required=False)
    project = forms.CharField(required=False, max_length=100, help_text="Short name or name")
    owner = forms.ChoiceField(required=False, choices=[("", "Anybody"), *OWNERS.items()])
    visibility = forms.ChoiceField(required=False)
    tag = forms.CharField(required=False, max_length=60)

    def __init__(self, data: QueryDict, user: User) -> None:
        super().__init__(data.copy())
        self.user = user
        self.types = {kind.full_name: kind for kind in registrable_types()}
        values = sorted({value for kind in self.types.values() for value in visibilities(kind)})
        types = [("", "Any"), *((name, type_label(kind)) for name, kind in self.types.items())]
        self.fields["type"].choices = types  # type: ignore[attr-defined]
        self.fields["visibility"].choices = [("", "Any"), *((value, value) for value in values)]  # type: ignore[attr-defined]
        self.is_valid()  # a value that fits no choice filters nothing
        if self.within:
            self.data["project"] = self.within.slug  # type: ignore[index]

    @cached_property
    def within(self) -> Project | None:
        """The project that is asked for, as far as one may see it or something in it."""
        typed = str(self.cleaned_data.get("project") or "").strip()
        if not typed:
            return None
        named = Q(uid=typed) | Q(slug=typed.lower()) | Q(name__iexact=typed)
        found = Project.objects.filter(named).select_related("parent").order_by("pk")[:SEARCHED_PROJECTS]
        return next((project for project in found if self._shows(project)), None)

    def _shows(self, project: Project) -> bool:
        if visible_projects(self.user).filter(pk=project.pk).exists():
            return True
        return seen_resources(self.user, within=project).exists()

    def apply(self, rows: QuerySet[Resource]) -> QuerySet[Resource]:
        """What the filters leave. The project is not among them: what lies in it is asked for from the start."""
        asked = self.cleaned_data
        if asked.get("project") and not self.within:
            return rows.none()
        if asked.get("type"):
            rows = rows.filter(entity_type=self.types[asked["type"]].pk)
        if asked.get("owner"):
            rows = rows.filter(owner=self.user.pk if asked["owner"] == "mine" else None)
        if asked.get("visibility"):
            rows = rows.filter(visibility=asked["visibility"])
        if asked.get("tag"):
            rows = rows.filter(Exists(Tag.objects.filter(resource=OuterRef("pk"), name=asked["tag"].strip())))
        return rows

    @property
    def chips(self) -> list[dict[str, str]]:
        """The filters in force, for components/filter_chips.html."""
        in_words: dict[str, Callable[[Any], str]] = {
            "type": lambda name: str(self.types[name]),
            "project": lambda typed: self.within.name if self.within else typed,
            "owner": lambda which: self.OWNERS[which],
            "visibility": str,
            "tag": str,
        }
        return [
            {"label": name.capitalize(), "value": say(asked), "name": name, "raw": ""}
            for name, say in in_words.items()
            if (asked := self.cleaned_data.get(name))
        ]


def listed_resources(user: User, data: QueryDict) -> tuple[QuerySet[Resource], FilterForm]:
    """The resources that one may see and that search and filters leave, and the filters.

    The search looks into names and the services' own ids, never into addresses of owners (H2O-11).
    """
    form, text = FilterForm(data, user), search_text(data)
    rows = seen_resources(user, within=form.within)
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(external_id__icontains=text))
    return form.apply(rows), form


class ResourceForm(forms.Form):
    """What somebody may change of a resource, and nothing else; `seen` is the state that the form was shown with."""

    name = fields_for_model(Resource, ["name"])["name"]
    owner = forms.CharField(
        required=False, max_length=200,
        help_text="The exact username of a person or of a user of the project. Empty: nobody.",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    url = forms.CharField(
        required=False, max_length=300, label="URL", widget=forms.TextInput(attrs={"inputmode": "url", "spellcheck": "false"}),
        help_text="Where browsers reach it. A proxy in front of it asks Roster who may pass.",
    )  # fmt: skip
    visibility = forms.ChoiceField(required=False)
    tags = forms.CharField(
        required=False,
        max_length=1000,
        help_text="Separated by commas. The roles that a tag lists open what carries it.",
    )
    listed_roles = forms.CharField(
        required=False, max_length=2000, label="Listed roles",
        help_text="Names of roles, separated by commas. Whoever holds one may what the rules allow for listed roles.",
    )  # fmt: skip
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, resource: Resource, changeable: set[str], seen: str) -> None:
        super().__init__(data, initial={**initial_of(resource), "seen": seen})
        self.resource = resource
        values = visibilities(resource.entity_type)
        if resource.visibility and resource.visibility not in values:
            values.append(resource.visibility)
        self.fields["visibility"].choices = [("", "Not set"), *((value, value) for value in values)]  # type: ignore[attr-defined]
        for name in set(self.fields) - changeable - {"seen"}:
            del self.fields[name]
        if not values:
            self.fields.pop("visibility", None)

    def clean_owner(self) -> User | None:
        typed = self.cleaned_data["owner"].strip().lower()
        if not typed:
            return None
        if self.resource.owner and typed == self.resource.owner.username:
            return self.resource.owner
        found: User | None = User.objects.exclude(kind=User.Kind.SERVICE).filter(username=typed).first()
        if found is None:
            raise ValidationError("Nobody is called exactly that.")
        return found

    def clean_tags(self) -> list[str]:
        names = words(self.cleaned_data["tags"])
        if len(names) > MOST_TAGS:
            raise ValidationError(f"Use at most {MOST_TAGS} tags.")
        if any(len(name) > 60 for name in names):
            raise ValidationError("Use at most 60 characters for a tag.")
        return names

    def clean_listed_roles(self) -> list[Role]:
        """Roles by full name, or by label where one role alone is called so."""
        roles = rulebook().roles.values()
        found = []
        for name in words(self.cleaned_data["listed_roles"]):
            called = [role for role in roles if name == role.full_name]
            called = called or [role for role in roles if name.casefold() in (role.label.casefold(), role.code)]
            if len(called) != 1:
                near = ", ".join(sorted(role.full_name for role in called)[:5])
                raise ValidationError(f"{name} is several roles: {near}." if near else f"There is no role {name}.")
            found += called
        return found


def words(text: str) -> list[str]:
    """What stands between the commas, each once."""
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def initial_of(resource: Resource) -> dict[str, str]:
    return {
        "name": resource.name,
        "url": resource.url,
        "owner": resource.owner.username if resource.owner else "",
        "visibility": resource.visibility,
        "tags": ", ".join(tag.name for tag in resource.tags.all()),
        "listed_roles": ", ".join(role.full_name for role in resource.listed_roles.all()),
    }


def type_label(kind: EntityType) -> str:
    """A type with its catalogue: two catalogues may have apps."""
    return f"{kind} · {kind.catalogue}"
