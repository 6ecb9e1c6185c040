"""App tokens of a project: what opens its resources without a person; made, renewed and revoked, each secret shown once."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.models import Project, User
from console.forms.app_tokens import DEFAULT_SORT, SORTS, AppTokenForm, RenewForm
from console.lists import render_list, sorted_page
from console.navigation import crumbs
from console.protection import PageRequest, requires
from console.role_choices import able
from console.views.project_users import add_errors
from policies import access
from policies.abilities import abilities
from policies.actions import app_tokens as actions
from policies.app_tokens import labels, opens, shown_prefix
from policies.errors import AlreadyDone
from policies.models import AppToken
from policies.nonces import new_nonce
from policies.protected import At

NAMED = 5  # things that the form names as examples


@requires("read", "app_token")
def app_token_index(request: PageRequest, project: Project) -> HttpResponse:
    tokens = project.app_tokens.select_related("role", "made_by", "project")
    page, sort = sorted_page(request, tokens, SORTS, DEFAULT_SORT)
    return render_list(request, "app_tokens", {
        "project": project, "crumbs": crumbs(request, project, ("App tokens", "")), "page": page, "sort": sort,
        "may_create": access.may(request.user, "create", At("app_token", project)),
        "rows": rows_of(request.user, page.object_list),
    })  # fmt: skip


def rows_of(user: User, tokens: Iterable[AppToken]) -> list[dict[str, Any]]:
    """Tokens as the list shows them; a constant number of queries."""
    listed = list(tokens)
    allowed, now = access.actions_for(user, listed), timezone.now()
    return [
        {
            "token": token,
            "begins_with": shown_prefix(token),
            "status": "" if token.made_by.is_active and token.expires_at > now else "expired",
            "old_ends": old_ends(token),
            "actions": allowed[token.pk],
        }
        for token in listed
    ]


def old_ends(token: AppToken) -> datetime | None:
    """Until when the secret before the last renewal works; None where it works no longer."""
    ends = token.old_expires_at
    return ends if ends and ends > timezone.now() else None


@requires("create", "app_token")
def app_token_create(request: PageRequest, project: Project) -> HttpResponse:
    form, nonce = AppTokenForm(request.POST if request.method == "POST" else None), request.POST.get("nonce", "")
    counting = "count" in request.POST
    if form.is_bound and not counting and nonce and form.is_valid():
        try:
            given = form.cleaned_data
            made = actions.create_app_token(actor=request.actor, project=project, nonce=nonce, **given)
        except AlreadyDone:
            return already_done(request, project)
        except ValidationError as error:
            add_errors(form, error)
        else:
            return secret_page(request, *made, renewed=False)
    context = {
        "project": project, "crumbs": token_crumbs(request, project, "Make app token"), "form": form,
        "nonce": nonce or new_nonce(), "counting": counting, "labels": labels(request.user, project),
        **reach_of(request.user, project, form),
    }  # fmt: skip
    status = 422 if form.is_bound and not counting else 200
    return render(request, "console/app_tokens/form.html", context, status=status)


@require_POST
@requires("create", "app_token")
def app_token_preview(request: PageRequest, project: Project) -> HttpResponse:
    """What the token would open, while the form is filled in."""
    return render(request, "console/app_tokens/reach.html", reach_of(request.user, project, AppTokenForm(request.POST)))


def reach_of(user: User, project: Project, form: AppTokenForm) -> dict[str, Any]:
    """Context of reach.html: what a token of this role and label would open now, as far as the maker sees it."""
    role, label = form.chosen
    if role is None:
        return {"role": None}
    every, found = opens(user, project, role), opens(user, project, role, label)
    total, matching = every.count(), found.count()
    return {
        "role": role, "label": label, "total": total, "matching": matching, "able": able(abilities([role])),
        "everything": not label or (total and matching == total),
        "names": [thing.name for thing in found.order_by("name", "pk")[:NAMED]],
    }  # fmt: skip


@requires("update", "app_token")
def app_token_renew(request: PageRequest, project: Project, app_token: AppToken) -> HttpResponse:
    form, nonce = RenewForm(request.POST if request.method == "POST" else None), request.POST.get("nonce", "")
    if form.is_bound and nonce and form.is_valid():
        try:
            made = actions.renew_app_token(actor=request.actor, token=app_token, nonce=nonce, **form.cleaned_data)
        except AlreadyDone:
            return already_done(request, project)
        except ValidationError as error:
            add_errors(form, error)
        else:
            return secret_page(request, *made, renewed=True)
    context = {
        "project": project, "crumbs": token_crumbs(request, project, "Renew"), "token": app_token, "form": form,
        "begins_with": shown_prefix(app_token), "old_ends": old_ends(app_token), "nonce": nonce or new_nonce(),
    }  # fmt: skip
    return render(request, "console/app_tokens/renew.html", context, status=422 if form.is_bound else 200)


def secret_page(request: PageRequest, token: AppToken, secret: str, *, renewed: bool) -> HttpResponse:
    """The one answer that carries a secret; nothing of it is stored."""
    context = {
        "project": token.project, "crumbs": token_crumbs(request, token.project, token.name), "token": token,
        "secret": secret, "renewed": renewed, "opens_nothing": not opens(request.user, token.project, token.role).exists(),
    }  # fmt: skip
    response = render(request, "console/app_tokens/secret.html", context)
    response["Cache-Control"] = "no-store"
    return response


def already_done(request: PageRequest, project: Project) -> HttpResponse:
    context = {"project": project, "crumbs": token_crumbs(request, project, "Already done")}
    return render(request, "console/app_tokens/already_made.html", context, status=409)


@requires("delete", "app_token")
def app_token_delete(request: PageRequest, project: Project, app_token: AppToken) -> HttpResponse:
    if request.method == "POST":
        actions.revoke_app_token(actor=request.actor, token=app_token)
        messages.success(request, f"App token {app_token} revoked")
        return redirect("app_token_index", project.uid)
    context = {
        "project": project, "crumbs": token_crumbs(request, project, "Revoke"), "token": app_token,
        "begins_with": shown_prefix(app_token), "expired": app_token.expires_at <= timezone.now(),
    }  # fmt: skip
    return render(request, "console/app_tokens/confirm_revoke.html", context)


def token_crumbs(request: PageRequest, project: Project, page: str) -> list[tuple[str, str]]:
    return crumbs(request, project, ("App tokens", reverse("app_token_index", args=[project.uid])), (page, ""))
