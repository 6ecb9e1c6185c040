"""What programs show instead of a user's password: application credentials and S3 keys, on the user's page and one's own."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from accounts.models import Project, User
from console.navigation import crumbs
from console.protection import PageRequest, requires, signed_in
from policies.actions.credentials import Credential, delete_application_credential, delete_ec2_credential
from policies.models import ApplicationCredential


def credentials_of(user: User, delete_url: Callable[[str], str]) -> list[dict[str, Any]]:
    """The credentials of a user for console/credentials/table.html; three queries. `delete_url` takes an id."""
    applications = user.application_credentials.select_related("project").prefetch_related("roles__catalogue")
    every: list[Credential] = [*applications, *user.ec2_credentials.select_related("project")]
    return [told(credential, delete_url) for credential in every]


def told(credential: Credential, delete_url: Callable[[str], str]) -> dict[str, Any]:
    """One of them as a row."""
    row = {
        "name": str(credential), "project": credential.project, "made": credential.created_at,
        "last_used": credential.last_used_at, "delete_url": delete_url(id_of(credential)),
    }  # fmt: skip
    if not isinstance(credential, ApplicationCredential):
        return {**row, "kind": "S3 keys", "is_keys": True, "roles": [], "expires": None, "expired": False}
    expires = credential.expires_at
    return {
        **row, "kind": "Application credential", "is_keys": False, "roles": list(credential.roles.all()),
        "expires": expires, "expired": bool(expires and expires <= timezone.now()),
    }  # fmt: skip


def id_of(credential: Credential) -> str:
    return credential.uid if isinstance(credential, ApplicationCredential) else credential.access


def found(user: User, uid: str) -> Credential:
    """The credential of this id. Raises Http404."""
    credential: Credential | None = (
        user.application_credentials.select_related("user", "project").filter(uid=uid).first()
        or user.ec2_credentials.select_related("user", "project").filter(access=uid).first()
    )
    if credential is None:
        raise Http404
    return credential


def of_project_user(user: User) -> list[dict[str, Any]]:
    return credentials_of(user, in_project(user))


def of_account(user: User) -> list[dict[str, Any]]:
    return credentials_of(user, in_account)


def address(name: str, *ids: str) -> str:
    return reverse(name, args=ids)


def in_project(user: User) -> Callable[[str], str]:
    """Where those of a project user are deleted."""
    assert user.project is not None
    return partial(address, "project_user_credential_delete", user.project.uid, user.uid)


def in_account(uid: str) -> str:
    return address("account_credential_delete", uid)


@requires("generate_password", "project_user")
def project_user_credential_delete(request: PageRequest, project: Project, user: User, credential: str) -> HttpResponse:
    back = reverse("project_user_detail", args=[project.uid, user.uid])
    users = ("Users & Roles", reverse("project_user_index", args=[project.uid]))
    way = crumbs(request, project, users, (user.username, back), ("Delete a credential", ""))
    return delete_page(request, found(user, credential), in_project(user), way, back)


@signed_in
def account_credential_delete(request: PageRequest, credential: str) -> HttpResponse:
    back = reverse("account_detail")
    way = [("Your account", back), ("Delete a credential", "")]
    return delete_page(request, found(request.user, credential), in_account, way, back)


def delete_page(
    request: PageRequest,
    credential: Credential,
    delete_url: Callable[[str], str],
    way: list[tuple[str, str]],
    back: str,
) -> HttpResponse:
    """Asks whether a credential ends, and ends it."""
    row = told(credential, delete_url)
    if request.method == "POST":
        if isinstance(credential, ApplicationCredential):
            delete_application_credential(actor=request.actor, credential=credential)
        else:
            delete_ec2_credential(actor=request.actor, credential=credential)
        messages.success(request, f"{row['kind']} {credential} deleted")
        return redirect(back)
    return render(request, "console/credentials/confirm_delete.html", {**row, "crumbs": way, "back_url": back})
