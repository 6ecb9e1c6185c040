"""Signing in and out, and one's own account: the few of allauth's pages that the console uses."""

from django.urls import path

from console.protection import public, signed_in
from console.views.account import ChangePasswordView, SessionsView, SignInView, SignOutView, account_detail
from console.views.credentials import account_credential_delete
from console.views.identity_tokens import account_token

urlpatterns = [
    path("sign-in/", public(SignInView.as_view()), name="account_login"),
    path("sign-out/", public(SignOutView.as_view()), name="account_logout"),
    path("account/", account_detail, name="account_detail"),
    path("account/credentials/<slug:credential>/delete/", account_credential_delete, name="account_credential_delete"),
    path("account/password/", signed_in(ChangePasswordView.as_view()), name="account_change_password"),
    path("account/token/", account_token, name="account_token"),
    path("account/sessions/", signed_in(SessionsView.as_view()), name="usersessions_list"),
]
