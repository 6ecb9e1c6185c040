"""The form of an identity token."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.models import User
from console.forms.account import PASSWORD_MAX_LENGTH
from console.signing_in import one_of_few
from policies.actions.sign_in import TooManyTries
from policies.actions.tokens import check_password
from policies.actor import Actor


class IdentityTokenForm(forms.Form):
    """The password of the user that the token is for. `retry_after`: seconds to wait, where there were too many tries."""

    password = forms.CharField(
        max_length=PASSWORD_MAX_LENGTH, strip=False, help_text="The user's own, not yours. It is checked, and kept nowhere.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip

    def __init__(self, data: Any = None, *, actor: Actor, user: User) -> None:
        super().__init__(data)
        self.actor, self.user, self.retry_after = actor, user, 0

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        try:
            with one_of_few():
                found = check_password(actor=self.actor, username=self.user.username, password=password)
        except TooManyTries as refused:
            self.retry_after = refused.seconds
            raise ValidationError(str(refused)) from refused
        if found is None:
            raise ValidationError("That is not the password of this user, or the user is disabled.")
        return password
