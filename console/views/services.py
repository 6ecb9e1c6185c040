"""Services: programs that ask Roster; who they are, what they hold, and their tokens."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from accounts.models import ServiceToken, User
from console.conflicts import who_changed
from console.forms.project_users import ConfirmForm
from console.forms.services import DEFAULT_SORT, SORTS, TRUSTED, ServiceForm, TokenForm, listed_services
from console.lists import render_list, search_text, sorted_page
from console.protection import PageRequest, requires, visible, visible_services
from console.role_choices import is_expired
from console.views.project_users import add_errors
from policies import access, history
from policies.actions import services as actions
from policies.errors import AlreadyDone, Conflict
from policies.models import RoleAssignment
from policies.nonces import new_nonce
from policies.protected import At

EVENTS_SHOWN = 6


@requires("read", "service")
def service_index(request: PageRequest) -> HttpResponse:
    services, filters = listed_services(visible_services(request.user), request.GET)
    page, sort = sorted_page(request, with_tokens(services), SORTS, DEFAULT_SORT)
    text = search_text(request.GET)
    return render_list(request, "services", {
        "crumbs": [("Services", "")], "may_create": access.may(request.user, "create", At("service")),
        "q": text, "filter_form": filters, "chips": filters.chips, "sort": sort,
        "onboarding": not (filters.chips or text) and page.paginator.count == 0,
        "page": page, "rows": [row_of(service) for service in page.object_list],
    })  # fmt: skip


def with_tokens(services: QuerySet[User]) -> QuerySet[User]:
    """Services with their assignments in `held` and the tokens that work in `tokens`: three queries for any number."""
    held = RoleAssignment.objects.select_related("role__catalogue", "scope").order_by("role__label", "pk")
    tokens = ServiceToken.objects.valid().order_by("expires_at")
    return services.prefetch_related(
        Prefetch("role_assignments", held, to_attr="held"), Prefetch("service_tokens", tokens, to_attr="tokens")
    )


def row_of(service: Any) -> dict[str, Any]:
    return {
        "service": service,
        "roles": list(dict.fromkeys(a.role for a in service.held)),
        "status": status_of(service, service.held),
        "token_count": len(service.tokens),
        "next_end": service.tokens[0].expires_at if service.tokens else None,
    }


def status_of(service: User, held: Iterable[RoleAssignment]) -> str:
    if not service.is_active:
        return "disabled"
    return "ok" if any(not is_expired(assignment) for assignment in held) else "no_role"


@requires("create", "service")
def service_create(request: PageRequest) -> HttpResponse:
    form = ServiceForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            service = actions.register_service(actor=request.actor, **form.cleaned_data)
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{service.label} registered. Give it a role and make a token next.")
            return redirect("service_detail", service.uid)
    context = {"service": None, "crumbs": crumbs("Register service"), "form": form}
    return render(request, "console/services/form.html", context, status=422 if form.is_bound else 200)


@visible
def service_detail(request: PageRequest, service: User) -> HttpResponse:
    held = list(service.role_assignments.select_related("role__catalogue", "scope").order_by("role__label", "pk"))
    events = None
    if access.may(request.user, "read", At("event_history", access.root_for(request.user))):
        events = history.tell(history.about(history.readable(request.user), service)[:EVENTS_SHOWN], targets=False)
    trusted = actions.told(service)["trusted_attributes"] if hasattr(service, "service_profile") else []
    return render(request, "console/services/detail.html", {
        "service": service, "crumbs": crumbs(service.label), "status": status_of(service, held),
        "actions": access.actions_for(request.user, [service])[service.pk],
        "assignments": [{"assignment": a, "expired": is_expired(a)} for a in held],
        "endpoints": service.endpoints.select_related("region").order_by("region__code", "interface"),
        "service_type": actions.told(service)["service_type"] if hasattr(service, "service_profile") else "",
        "tokens": [told(token) for token in service.service_tokens.order_by("-created_at", "-pk")],
        "trusted": [TRUSTED[name].lower() for name in trusted], "events": events, "base_url": settings.ROSTER_BASE_URL,
        "may_give": access.may(request.user, "create", At("role_assignment")),
    })  # fmt: skip


def told(token: ServiceToken) -> dict[str, Any]:
    return {
        "token": token,
        "begins_with": actions.shown_prefix(token),
        "expired": token.expires_at <= timezone.now(),
    }


@requires("update", "service")
def service_update(request: PageRequest, service: User) -> HttpResponse:
    form = ServiceForm(request.POST if request.method == "POST" else None, service=service)
    status = 422 if form.is_bound else 200
    if form.is_valid():
        try:
            actions.update_service(actor=request.actor, service=service, **form.cleaned_data)
        except Conflict:
            form, status = conflicting(request, service), 409
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{form.cleaned_data['description']} saved")
            return redirect("service_detail", service.uid)
    context = {"service": service, "crumbs": crumbs("Edit", service), "form": form}
    return render(request, "console/services/form.html", context, status=status)


def conflicting(request: PageRequest, service: User) -> ServiceForm:
    """The form with what was typed, and what somebody else saved meanwhile; saved again, it replaces that."""
    now = visible_services(request.user).filter(pk=service.pk).first()
    if now is None:
        raise Http404
    data = request.POST.copy()
    data["seen"] = ServiceForm(service=now).initial["seen"]
    form, is_now = ServiceForm(data, service=now), actions.told(now)
    trusted = ", ".join(TRUSTED[name].lower() for name in is_now["trusted_attributes"]) or "nothing"
    kind = f" of the type {is_now['service_type']}" if is_now["service_type"] else ""
    said = f"{who_changed(now)} It is now called “{is_now['description']}”{kind} and believed about {trusted}."
    form.add_error(None, f"{said} Save again to replace that with yours.")
    return form


@requires("update", "service")
def service_disable(request: PageRequest, service: User) -> HttpResponse:
    if request.method == "POST":
        actions.disable_service(actor=request.actor, service=service)
        messages.success(request, f"{service.label} disabled")
        return redirect("service_detail", service.uid)
    context = {"service": service, "crumbs": crumbs("Disable", service)}
    return render(request, "console/services/confirm_disable.html", context)


@requires("update", "service")
def service_enable(request: PageRequest, service: User) -> HttpResponse:
    if request.method == "POST":
        actions.enable_service(actor=request.actor, service=service)
        messages.success(request, f"{service.label} enabled")
        return redirect("service_detail", service.uid)
    context = {
        "service": service,
        "crumbs": crumbs("Enable", service),
        "token_count": service.service_tokens.filter(expires_at__gt=timezone.now()).count(),
    }
    return render(request, "console/services/confirm_enable.html", context)


@requires("delete", "service")
def service_delete(request: PageRequest, service: User) -> HttpResponse:
    form = ConfirmForm(request.POST if request.method == "POST" else None, expected=service.username)
    if form.is_valid():
        actions.retire_service(actor=request.actor, service=service)
        messages.success(request, f"{service.label} retired")
        return redirect("service_index")
    owned = service.resources.count()
    stops = [f"{owned} resource{'s' if owned > 1 else ''} it owns stay, without an owner."] if owned else []
    context = {
        "service": service,
        "crumbs": crumbs("Retire", service),
        "form": form,
        "stops": stops,
        "actions": access.actions_for(request.user, [service])[service.pk],
    }
    status = 422 if form.is_bound else 200
    return render(request, "console/services/confirm_delete.html", context, status=status)


@requires("update", "service")
def service_token_create(request: PageRequest, service: User) -> HttpResponse:
    form, nonce = TokenForm(request.POST if request.method == "POST" else None), request.POST.get("nonce", "")
    if form.is_valid() and nonce:
        try:
            token, secret = actions.create_token(actor=request.actor, service=service, nonce=nonce, **form.cleaned_data)
        except AlreadyDone:
            context = {"service": service, "crumbs": crumbs("Already done", service)}
            return render(request, "console/services/already_made.html", context, status=409)
        except ValidationError as error:
            add_errors(form, error)
        else:
            return secret_page(request, token, secret)
    context = {
        "service": service, "crumbs": crumbs("Make a token", service), "form": form, "nonce": nonce or new_nonce(),
    }  # fmt: skip
    return render(request, "console/services/token_form.html", context, status=422 if form.errors else 200)


def secret_page(request: PageRequest, token: ServiceToken, secret: str) -> HttpResponse:
    """The one answer that carries a token; nothing of it is stored."""
    service = token.service
    context = {
        "service": service,
        "crumbs": crumbs(token.name, service),
        "token": token,
        "secret": secret,
        "base_url": settings.ROSTER_BASE_URL,
        "has_role": service.role_assignments.exists(),
    }
    response = render(request, "console/services/secret.html", context)
    response["Cache-Control"] = "no-store"
    return response


@requires("update", "service")
def service_token_delete(request: PageRequest, service: User, token: str) -> HttpResponse:
    found = service.service_tokens.filter(uid=token).first() if token.isalnum() else None
    if found is None:
        raise Http404
    if request.method == "POST":
        actions.revoke_token(actor=request.actor, token=found)
        messages.success(request, f"Token {found} revoked")
        return redirect("service_detail", service.uid)
    context = {"service": service, "crumbs": crumbs("Revoke a token", service), **told(found)}
    return render(request, "console/services/confirm_revoke.html", context)


def crumbs(page: str, service: User | None = None) -> list[tuple[str, str]]:
    """Services / service / page."""
    way = [(service.label, reverse("service_detail", args=[service.uid]))] if service else []
    return [("Services", reverse("service_index")), *way, (page, "")]
