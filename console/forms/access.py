"""The questions of the access pages, asked in the URL."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from accounts.models import Scope, User
from console.finders import (
    FINDERS,
    Branches,
    Finder,
    Named,
    Several,
    find,
    named_in_list,
    place_named,
    user_named,
    user_named_or_written_to,
    visible_places,
    visible_users,
)
from policies import access
from policies.models import EntityType, RoleAssignment
from policies.protected import At, OrgAssignment
from policies.questions import question_in_words
from policies.rulebook import rulebook


class QuestionSelect(forms.Select):
    """Hundreds of options under headings, written at once: Django's own renders a template for each."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        written = flatatt(self.build_attrs(self.attrs, {**(attrs or {}), "name": name}))
        option = '<option value="{}"{}>{}</option>'
        groups: list[tuple[str, Any]] = [
            (heading, format_html_join("", option, [(key, _selected(key, value), label) for key, label in options]))
            for heading, options in self.choices
        ]
        first, *others = groups
        body = format_html_join("", '<optgroup label="{}">{}</optgroup>', others)
        return format_html("<select{}>{}{}</select>", written, first[1], body)


def _selected(key: str, value: Any) -> SafeString:
    return mark_safe(" selected" if key == value else "")  # noqa: S308 - written here


class NameField(forms.CharField):
    """A name or id, without what no database can look for."""

    def __init__(self, label: str, placeholder: str) -> None:
        off = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false", "maxlength": "200"}
        super().__init__(required=False, label=label, widget=forms.TextInput({"placeholder": placeholder, **off}))

    def to_python(self, value: Any) -> str:
        return (super().to_python(str(value or "").replace("\x00", "")) or "")[:200]


class PlaceForm(forms.Form):
    """A form with a place. `offers`: of a field that several things fit, those things, for a list to choose from."""

    place = NameField("in", "Anywhere")

    def __init__(self, data: Any, *, viewer: User, initial: dict[str, str] | None = None) -> None:
        super().__init__(data, auto_id="%s", initial=initial)
        self.viewer = viewer
        self.offers: dict[str, list[dict[str, str]]] = {}

    def clean_place(self) -> Scope | None:
        text = self.cleaned_data["place"]
        return self.found("place", visible_places(self.viewer), text, place_named, ("name", "pk")) if text else None

    def found(self, field: str, rows: Branches, text: str, named: Named, order: tuple[str, ...]) -> Any:
        """The one thing that a field means. Raises ValidationError."""
        try:
            return find(rows, text, named, order)
        except Several as several:
            self.offers[field] = [named_in_list(thing) for thing in several.found]
            raise

    def find_user(self, scope: Scope) -> User | None:
        """Whom the field `user` means, among those whom the viewer may see there; None leaves an error on the field."""
        named = user_named_or_written_to if access.may(self.viewer, "list", At("user")) else user_named
        text, users = self.cleaned_data["user"], visible_users(self.viewer, scope)
        try:
            return self.found("user", users, text, named, ("description", "username"))
        except ValidationError as error:
            self.add_error("user", error)
            return None

    @property
    def is_about_oneself(self) -> bool:
        return self.cleaned_data.get("user", "").casefold() in ("", self.viewer.uid, self.viewer.username)


class QuestionForm(PlaceForm):
    """An action on one object, or on some object of a kind in a place: `action` and `thing`."""

    what = forms.ChoiceField(label="do", widget=QuestionSelect)
    object = NameField("on", "Any: or a name or id")
    field_order = ("user", "what", "object", "place")

    thing: Any = None
    action = ""

    def __init__(self, data: Any, *, viewer: User, initial: dict[str, str] | None = None) -> None:
        super().__init__(data, viewer=viewer, initial=initial)
        self.fields["what"].choices = choices()  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        asked = self.cleaned_data
        if "what" in asked and "place" in asked:
            name, _, self.action = asked["what"].rpartition("/")
            kind = rulebook().type_called(name)
            assert kind is not None  # it is one of the choices
            try:
                self.thing = self._thing(kind, asked.get("object", ""), asked["place"])
            except ValidationError as error:
                self.add_error("object", error)
        return asked

    def _thing(self, kind: EntityType, text: str, place: Scope | None) -> Any:
        code = kind.code if kind.is_shared else "resource"
        if not text and code == "org_assignment" and place:
            return OrgAssignment(place)
        if not text:
            return At(kind.code if kind.is_shared else kind.full_name, place)
        if code not in FINDERS or (code == "resource" and kind.is_shared):
            raise ValidationError("These are asked about as a whole: leave this empty.")
        if code == "role_assignment" and self.action == "create":
            role = self._found(FINDERS["role"], kind, text, place)
            return RoleAssignment(role=role, scope=place or rulebook().root)
        return self._found(FINDERS[code], kind, text, place)

    def _found(self, finder: Finder, kind: EntityType, text: str, place: Scope | None) -> Any:
        return self.found("object", finder.rows(self.viewer, kind, place), text, finder.named, finder.order)


class CheckForm(QuestionForm):
    """May this user do this?"""

    user = NameField("May", "You")


class WhatForm(PlaceForm):
    """What may this user do, in a place?"""

    user = NameField("User", "You")
    field_order = ("user", "place")


def choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Every action that can be asked about, under its catalogue and entity type."""
    kinds = sorted(rulebook().entity_types.values(), key=lambda kind: (kind.catalogue.position, kind.position))
    return [
        ("", [("", "Choose an action")]),
        *(
            (
                f"{kind.catalogue}: {kind.label}",
                [(f"{kind.full_name}/{action}", question_in_words(kind, action)) for action in kind.actions],
            )
            for kind in kinds
        ),
    ]
