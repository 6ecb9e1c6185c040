"""Forms of identity tokens."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.models import Project, User
from console.forms.account import PASSWORD_MAX_LENGTH
from console.identity.projects import projects_of
from console.signing_in import one_of_few
from policies.actions.sign_in import TooManyTries
from policies.actions.tokens import check_password
from policies.actor import Actor
from policies.naming import near_names


class IdentityTokenForm(forms.Form):
    """The password of the user that the token is for. `retry_after`: seconds to wait, where there were too many tries."""

    password = forms.CharField(
        max_length=PASSWORD_MAX_LENGTH, strip=False, help_text="The user's own, not yours. It is checked, and kept nowhere.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    wrong = "That is not the password of this user, or the user is disabled."

    def __init__(self, data: Any = None, *, actor: Actor, user: User) -> None:
        super().__init__(data)
        self.actor, self.user, self.retry_after = actor, user, 0

    @property
    def for_project(self) -> Project | None:
        """The project that the token is for; of a valid form."""
        return self.user.project

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        try:
            with one_of_few():
                found = check_password(actor=self.actor, username=self.user.username, password=password)
        except TooManyTries as refused:
            self.retry_after = refused.seconds
            raise ValidationError(str(refused)) from refused
        if found is None:
            raise ValidationError(self.wrong)
        return password


class OwnTokenForm(IdentityTokenForm):
    """One's own password, and a project where one holds a role."""

    project = forms.CharField(
        required=False, max_length=80, help_text="Its short name. Left empty, the token is for no project.",
        widget=forms.TextInput(
            attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false", "list": "projects"}
        ),
    )  # fmt: skip
    field_order = ("project", "password")
    wrong = "That is not your password."

    def __init__(self, data: Any = None, *, actor: Actor, user: User) -> None:
        super().__init__(data, actor=actor, user=user)
        self.fields["password"].help_text = "Yours. It is checked, and kept nowhere."
        self.fields["password"].widget.attrs["autocomplete"] = "current-password"

    @property
    def for_project(self) -> Project | None:
        found: Project | None = self.cleaned_data["project"]
        return found

    def clean_project(self) -> Project | None:
        slug = self.cleaned_data["project"].lower()
        found: Project | None = projects_of(self.user).filter(slug=slug).first() if slug else None
        if slug and found is None:
            near = near_names(slug, projects_of(self.user), "slug")
            words = "You hold no role in a project with this short name."
            raise ValidationError(f"{words} Near names: {', '.join(near)}." if near else words)
        return found
