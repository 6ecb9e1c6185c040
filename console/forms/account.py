"""One's own account: signing in, password, sessions, theme."""

from typing import Any

from allauth.account import forms as account_forms
from allauth.usersessions.forms import ManageUserSessionsForm
from allauth.usersessions.models import UserSession
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator

from accounts.models import User
from console.protection import PageRequest
from policies.actions import sign_in
from policies.actions.sign_in import TooManyTries
from policies.actor import Actor

# Longer than anybody's, short enough that nobody sends a book to be hashed. Nothing is ever cut off.
PASSWORD_MAX_LENGTH = 1024


def _prepare(form: forms.Form, labels: dict[str, str]) -> None:
    """Labels instead of placeholders, which vanish while one types; a bound for passwords."""
    for name, label in labels.items():
        field = form.fields[name]
        field.label, field.help_text = label, ""
        field.widget.attrs.pop("placeholder", None)
        if "password" in name:
            field.validators.append(MaxLengthValidator(PASSWORD_MAX_LENGTH))


class SignInForm(account_forms.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _prepare(self, {"login": "Username", "password": "Password"})
        self.fields["login"].widget.attrs["autofocus"] = True
        self.retry_after = 0

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except TooManyTries as refused:
            self.retry_after = refused.seconds
            raise ValidationError(str(refused)) from refused


class ChangePasswordForm(account_forms.ChangePasswordForm):
    """`actor`: whose password it is, and from where."""

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _prepare(
            self,
            {"oldpassword": "Current password", "password1": "New password", "password2": "New password, once more"},
        )
        self.actor = actor
        self.retry_after = 0

    def clean_oldpassword(self) -> str:
        typed: str = self.cleaned_data["oldpassword"]
        try:
            if sign_in.is_own_password(actor=self.actor, user=self.user, password=typed):
                return typed
        except TooManyTries as refused:
            self.retry_after = refused.seconds
            raise ValidationError(str(refused)) from refused
        raise ValidationError("This is not your current password.")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()
        if cleaned.get("password1") and cleaned["password1"] == cleaned.get("oldpassword"):
            self.add_error("password1", "This is the password that you have now. Choose another.")
        return cleaned


class EndSessionsForm(ManageUserSessionsForm):
    """One of one's other sessions, or none: then all others."""

    session = forms.ModelChoiceField(
        UserSession.objects.none(), required=False, error_messages={"invalid_choice": "That session has ended already."}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        session = self.request.session.session_key
        self.fields["session"].queryset = self.request.user.usersession_set.exclude(session_key=session)

    def save(self, request: PageRequest) -> None:
        chosen = self.cleaned_data["session"]
        sessions = [chosen] if chosen else self.fields["session"].queryset
        sign_in.end_sessions(actor=Actor.of_request(request), user=request.user, sessions=sessions)


class ThemeForm(forms.Form):
    theme = forms.ChoiceField(choices=User.Theme.choices, required=False)
