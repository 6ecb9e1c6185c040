"""An identity token of a project user, for somebody who knows the user's password and wants to try something."""

from django.http import HttpResponse
from django.shortcuts import render

from accounts.models import Project, User
from console.forms.identity_tokens import IdentityTokenForm
from console.identity.catalog import catalog_of, identity_url
from console.protection import PageRequest, requires
from console.views.project_users import users_crumbs
from policies import tokens
from policies.actions.tokens import got_token
from policies.tokens import InvalidToken, Token


@requires("list", "project_user")
def project_user_token(request: PageRequest, project: Project, user: User) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    form = IdentityTokenForm(data, actor=request.actor, user=user)
    if form.is_valid():
        text = tokens.issue(user, project, ["password"])
        try:
            token = tokens.read(text)
        except InvalidToken:
            form.add_error(None, "This user has no role here: no token. Give it a role first.")
        else:
            got_token(actor=request.actor, user=user, project=project)
            return token_page(request, project, token, text)
    way = users_crumbs(request, project, user.username, "Token", user)
    context = {"project": project, "user": user, "crumbs": way, "form": form}
    status = 429 if form.retry_after else 422 if form.is_bound else 200
    response = render(request, "console/project_users/token_form.html", context, status=status)
    if form.retry_after:
        response["Retry-After"] = str(form.retry_after)
    return response


def token_page(request: PageRequest, project: Project, token: Token, text: str) -> HttpResponse:
    """The one answer that carries the token; nothing of it is stored."""
    services = [
        {"type": entry["type"], "name": entry["name"], "url": endpoint["url"], "region": endpoint["region"]}
        for entry in catalog_of(project)[1:]
        for endpoint in entry["endpoints"]
        if endpoint["interface"] == "public"
    ]
    context = {
        "project": project, "user": token.user, "crumbs": users_crumbs(request, project, "Token", "", None),
        "token": token, "text": text, "services": services, "identity_url": identity_url(),
    }  # fmt: skip
    response = render(request, "console/project_users/token.html", context)
    response["Cache-Control"] = "no-store"
    return response
