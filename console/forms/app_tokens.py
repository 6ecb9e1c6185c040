"""Forms of app tokens."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from console.forms.services import TokenForm
from console.lists import Sorts, both_ways
from policies.actions.app_tokens import OVERLAPS, longest_life
from policies.app_tokens import offered_roles
from policies.models import Role

SORTS: Sorts = both_ways(name="name", created="created_at", last_used="last_used_at", expires="expires_at")
DEFAULT_SORT = "-created"
SAID = {0: "At once", 1: "In 1 hour", 24: "In 24 hours"}


class EndForm(TokenForm):
    """The day with which a token ends."""

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        last = datetime.now(UTC).date() + longest_life() - timedelta(days=1)
        field = self.fields["expires_at"]
        field.widget.attrs["max"] = last.isoformat()
        field.help_text = ""
        self.initial["expires_at"] = min(self.initial["expires_at"], last)


class AppTokenForm(EndForm):
    """A token to make. Shown again with what was typed when its reach is counted."""

    role = forms.ChoiceField(widget=forms.RadioSelect)
    selector = forms.CharField(
        required=False, max_length=60, label="Label", help_text="Only what carries this label, as name=value.",
        widget=forms.TextInput(
            attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false", "list": "labels"}
        ),
    )  # fmt: skip
    field_order = ("name", "role", "selector", "expires_at")

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        self.roles = {role.uid: role for role in offered_roles()}
        self.fields["role"].choices = [(uid, role.label) for uid, role in self.roles.items()]  # type: ignore[attr-defined]
        self.fields["name"].help_text = "What uses it, such as “Nightly evaluation”."

    @property
    def chosen(self) -> tuple[Role | None, str]:
        """The role and the label as they stand in the form, checked or not."""
        label = str(self["selector"].value() or "").replace("\x00", "").strip()[:60]
        return self.roles.get(str(self["role"].value())), label

    def clean_role(self) -> Role:
        return self.roles[self.cleaned_data["role"]]


class RenewForm(EndForm):
    """A new secret and a new end; and how long the old secret goes on."""

    overlap = forms.ChoiceField(
        widget=forms.RadioSelect, label="The old secret stops working", initial="0",
        choices=[(str(hours), said) for hours, said in SAID.items()],
    )  # fmt: skip

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        del self.fields["name"]

    def clean_overlap(self) -> timedelta:
        overlap = timedelta(hours=int(self.cleaned_data["overlap"]))
        if overlap not in OVERLAPS:
            raise ValidationError("Choose one of the times offered.")
        return overlap
