"""Signing in to the console."""

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest


class SignInBackend(ModelBackend):
    """Checks a person's password. Permissions are not its matter: RoleBackend answers them."""


class AccountAdapter(DefaultAccountAdapter):
    """allauth, with sign-up closed."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
