"""Form of a change to many users."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from policies.models import Role
from policies.offers import roles_of_project_users

CHANGES = [("", "Leave as it is"), ("add", "Give to all"), ("remove", "Take from all")]


class BulkForm(forms.Form):
    """What to do: for roles one choice each, for a deletion the number of users, typed."""

    confirm = forms.CharField(required=False, max_length=20)

    def __init__(self, *args: Any, action: str, total: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.action, self.total = action, total
        self.roles = {f"role-{role.uid}": role for role in roles_of_project_users()} if action == "roles" else {}
        for name, role in self.roles.items():
            self.fields[name] = forms.ChoiceField(choices=CHANGES, required=False, label=role.label)

    def clean_confirm(self) -> str:
        typed: str = self.cleaned_data["confirm"].replace(",", "").strip()
        if self.action == "delete" and typed != str(self.total):
            raise ValidationError(f"Type {self.total}, the number of users to delete.")
        return typed

    def clean(self) -> None:
        if self.action == "roles" and not (self.chosen("add") or self.chosen("remove")):
            raise ValidationError("Choose a role to give or take.")

    def chosen(self, change: str) -> list[Role]:
        """The roles to `add` or `remove`; also while the rest of the form has errors."""
        self.is_valid()  # cleans what was sent, if it was not cleaned yet
        return [role for name, role in self.roles.items() if getattr(self, "cleaned_data", {}).get(name) == change]
