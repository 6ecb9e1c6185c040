"""Forms of the users of a project."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Exists, F, OuterRef, QuerySet
from django.http import QueryDict

from accounts.models import User
from console.lists import Sorts, both_ways, search_text
from console.role_choices import choosable_roles
from policies.holdings import LIVE
from policies.models import RoleAssignment
from policies.offers import roles_of_project_users

SORTS: Sorts = {
    **both_ways(username="username", description="description", created="created_at"),
    **both_ways(status="is_active", roles="roles_sort_key"),
    # Never used is the oldest use.
    "last_used": (F("last_used_at").asc(nulls_first=True), "pk"),
    "-last_used": (F("last_used_at").desc(nulls_last=True), "-pk"),
}
DEFAULT_SORT = "-created"


class DescriptionForm(forms.Form):
    """Step 1 of adding a user."""

    description = forms.CharField(
        max_length=120, help_text="What it is for, such as “Nightly training pipeline”. Up to 120 characters."
    )
    username = forms.CharField(
        max_length=64, required=False,
        help_text="Leave empty for a generated one. Lower-case letters, digits and . _ @ + -",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"].lower()
        if username:
            User._meta.get_field("username").run_validators(username)
            if User.objects.filter(username=username).exists():
                raise ValidationError("This username is taken.")
        return username


class UpdateForm(forms.Form):
    """A user's description; `seen` is the one that the form was shown with."""

    description = DescriptionForm.base_fields["description"]
    seen = forms.CharField(required=False, widget=forms.HiddenInput, strip=False)


class RolesForm(forms.Form):
    """The ticked roles, of those on offer and those held. The boxes are drawn by components/role_groups.html."""

    roles = forms.MultipleChoiceField(required=False)
    reason = forms.CharField(required=False, max_length=200, help_text="Stands in the activity log.")
    no_role = forms.BooleanField(required=False, label="Roles")

    def __init__(self, *args: Any, held: Collection[RoleAssignment] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(uid, role.label) for uid, role in choosable_roles(held).items()]
        self.fields["roles"].choices = choices  # type: ignore[attr-defined]


class ConfirmForm(forms.Form):
    """What cannot be undone is confirmed by typing a name."""

    confirm = forms.CharField(required=False, max_length=200)

    def __init__(self, *args: Any, expected: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected

    def clean_confirm(self) -> str:
        if self.cleaned_data["confirm"].strip() != self.expected:
            raise ValidationError(f"Type {self.expected} exactly as it stands here.")
        return self.expected


class FilterForm(forms.Form):
    """The filters of the list; they live in the URL."""

    STATUSES = {"ok": "Active", "no_role": "No access", "disabled": "Disabled"}

    role = forms.ChoiceField(required=False)
    status = forms.ChoiceField(required=False, choices=[("", "Any"), *STATUSES.items()])
    created = forms.DateField(
        required=False, label="Created since", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.roles = {role.full_name: role for role in roles_of_project_users()}
        choices = [("", "Any"), *((name, role.label) for name, role in self.roles.items())]
        self.fields["role"].choices = choices  # type: ignore[attr-defined]
        self.is_valid()  # a value that fits no choice filters nothing

    def apply(self, rows: QuerySet[User]) -> QuerySet[User]:
        asked = self.cleaned_data
        if asked.get("role"):
            role = self.roles[asked["role"]].pk
            rows = rows.filter(Exists(RoleAssignment.objects.filter(user=OuterRef("pk"), role=role)))
        if asked.get("status"):
            live = Exists(RoleAssignment.objects.filter(LIVE, user=OuterRef("pk")))
            rows = rows.filter(is_active=asked["status"] != "disabled")
            rows = rows if asked["status"] == "disabled" else rows.filter(live if asked["status"] == "ok" else ~live)
        if asked.get("created"):
            rows = rows.filter(created_at__gte=datetime.combine(asked["created"], time.min, UTC))
        return rows

    @property
    def chips(self) -> list[dict[str, str]]:
        """The filters in force, for components/filter_chips.html."""
        in_words: dict[str, Callable[[Any], str]] = {
            "role": lambda name: str(self.roles[name]),
            "status": lambda status: self.STATUSES[status],
            "created": "since {:%-d %b %Y}".format,
        }
        return [
            {"label": name.capitalize(), "value": say(asked), "name": name, "raw": self.data[name]}
            for name, say in in_words.items()
            if (asked := self.cleaned_data.get(name))
        ]


def listed_users(users: QuerySet[User], data: QueryDict) -> tuple[QuerySet[User], FilterForm]:
    """The users that search and filters leave, and the filters."""
    form = FilterForm(data)
    return form.apply(users.search(search_text(data))), form  # type: ignore[attr-defined]
