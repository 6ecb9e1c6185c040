"""An identity token, for somebody who wants to try something: of a project user whose password they know, or their own."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.models import Project, User
from console.forms.identity_tokens import IdentityTokenForm, OwnTokenForm
from console.identity.catalog import catalog_of, identity_url
from console.identity.projects import projects_of
from console.protection import PageRequest, requires, signed_in
from console.views.project_users import users_crumbs
from policies import tokens
from policies.actions.tokens import got_token
from policies.tokens import InvalidToken, Token

PROJECTS_OFFERED = 50


@requires("list", "project_user")
def project_user_token(request: PageRequest, project: Project, user: User) -> HttpResponse:
    form = IdentityTokenForm(request.POST if request.method == "POST" else None, actor=request.actor, user=user)
    return get_token(request, form, {
        "project": project, "crumbs": users_crumbs(request, project, user.username, "Token", user),
        "back_url": reverse("project_user_detail", args=[project.uid, user.uid]),
    })  # fmt: skip


@signed_in
def account_token(request: PageRequest) -> HttpResponse:
    """One's own, for a project where one holds a role, or for none."""
    form = OwnTokenForm(request.POST if request.method == "POST" else None, actor=request.actor, user=request.user)
    offered = list(projects_of(request.user).order_by("slug").values_list("slug", flat=True)[: PROJECTS_OFFERED + 1])
    if len(offered) > PROJECTS_OFFERED:
        form.fields["project"].help_text += f" The first {PROJECTS_OFFERED} are suggested; any other can be typed."
    return get_token(request, form, {
        "projects": offered[:PROJECTS_OFFERED],
        "crumbs": [("Your account", reverse("account_detail")), ("Token", "")], "back_url": reverse("account_detail"),
    })  # fmt: skip


def get_token(request: PageRequest, form: IdentityTokenForm, page: dict[str, Any]) -> HttpResponse:
    """The form, or what it asks for. `page`: what the pages are shown with."""
    if form.is_valid():
        text = tokens.issue(form.user, form.for_project, ["password"])
        try:
            token = tokens.read(text)
        except InvalidToken:
            form.add_error(None, "This user has no role here: no token. Give it a role first.")
        else:
            got_token(actor=request.actor, user=form.user, project=form.for_project)
            return token_page(request, token, text, page)
    context = {**page, "user": form.user, "form": form}
    status = 429 if form.retry_after else 422 if form.is_bound else 200
    response = render(request, "console/identity_tokens/form.html", context, status=status)
    if form.retry_after:
        response["Retry-After"] = str(form.retry_after)
    return response


def token_page(request: PageRequest, token: Token, text: str, page: dict[str, Any]) -> HttpResponse:
    """The one answer that carries the token; nothing of it is stored."""
    services = [
        {"type": entry["type"], "name": entry["name"], "url": endpoint["url"], "region": endpoint["region"]}
        for entry in catalog_of(token.project)[1:]
        for endpoint in entry["endpoints"]
        if endpoint["interface"] == "public"
    ]
    context = {
        **page, "user": token.user, "token": token, "text": text, "services": services, "identity_url": identity_url(),
    }  # fmt: skip
    response = render(request, "console/identity_tokens/token.html", context)
    response["Cache-Control"] = "no-store"
    return response
