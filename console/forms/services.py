"""Forms of services and their tokens."""

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict

from accounts.models import User
from console.lists import Sorts, both_ways, search_text
from policies.actions.services import LONGEST_LIFE, told

SORTS: Sorts = {
    **both_ways(description="description", username="username", created="created_at", status="is_active"),
    **both_ways(last_used="last_used_at"),
}
DEFAULT_SORT = "description"
TRUSTED = {
    "owner": "Who owns a thing",
    "visibility": "Whom a thing is visible to",
    "place": "The project or other place that a thing lies in",
}
OFFERED_LIFE = 90  # days that a new token is first offered


class ServiceForm(forms.Form):
    """A service to register, or the service that is edited; `seen` is the state that the form was shown with."""

    description = forms.CharField(max_length=120, label="Name", help_text="What it is, such as “Training gateway”.")
    username = forms.CharField(
        max_length=64, help_text="Short name for commands and the activity log. Lower-case letters, digits and . _ @ + -",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    service_type = forms.CharField(
        max_length=60, required=False, label="Type",
        help_text="What clients look for in the catalogue of their token, such as object-store. Empty: it is not in it.",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    trusted_attributes = forms.MultipleChoiceField(
        choices=list(TRUSTED.items()), required=False, widget=forms.CheckboxSelectMultiple,
        label="Believed when it says",
        help_text="About things that are not registered here. What Roster knows itself is stronger.",
    )  # fmt: skip
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, service: User | None = None) -> None:
        now = told(service) if service else {}
        super().__init__(data, initial={**now, "seen": json.dumps(now)} if service else None)
        if service:
            del self.fields["username"]
        else:
            del self.fields["seen"]

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"].lower()
        User._meta.get_field("username").run_validators(username)
        return username

    def clean_seen(self) -> dict[str, Any]:
        """What was seen; of a form that does not say, something that nobody can have seen."""
        try:
            seen = json.loads(self.cleaned_data["seen"])
        except (ValueError, RecursionError):
            seen = None
        return seen if isinstance(seen, dict) and seen else {"description": None}


class TokenForm(forms.Form):
    """A token to make: it ends with the day that is chosen."""

    name = forms.CharField(max_length=80, help_text="Where it will be kept, such as “production cluster”.")
    expires_at = forms.DateField(
        label="Ends after", help_text="Make the next one before: both work meanwhile.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )  # fmt: skip

    def __init__(self, data: Any = None) -> None:
        today = datetime.now(UTC).date()
        super().__init__(data, initial={"expires_at": today + timedelta(days=OFFERED_LIFE)})
        last = today + LONGEST_LIFE - timedelta(days=1)
        self.fields["expires_at"].widget.attrs |= {"min": today.isoformat(), "max": last.isoformat()}

    def clean_expires_at(self) -> datetime:
        """The last second of the day (UTC): pages then name the day that was chosen."""
        return datetime.combine(self.cleaned_data["expires_at"], time(23, 59, 59), UTC)


class FilterForm(forms.Form):
    """The filter of the list; it lives in the URL."""

    STATUSES = {"ok": "Active", "disabled": "Disabled"}

    status = forms.ChoiceField(required=False, choices=[("", "Any"), *STATUSES.items()])

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self.is_valid()  # a value that fits no choice filters nothing

    def apply(self, rows: QuerySet[User]) -> QuerySet[User]:
        asked = self.cleaned_data.get("status")
        return rows.filter(is_active=asked == "ok") if asked else rows

    @property
    def chips(self) -> list[dict[str, str]]:
        """The filter in force, for components/filter_chips.html."""
        asked = self.cleaned_data.get("status")
        return [{"label": "Status", "value": self.STATUSES[asked], "name": "status", "raw": asked}] if asked else []


def listed_services(services: QuerySet[User], data: QueryDict) -> tuple[QuerySet[User], FilterForm]:
    """The services that search and filter leave, and the filter."""
    form = FilterForm(data)
    return form.apply(services.search(search_text(data))), form  # type: ignore[attr-defined]
