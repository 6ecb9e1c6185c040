"""Settings of a catalogue: edit, review who gains and loses what, save. Both steps are one URL."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from console.conflicts import who_changed
from console.forms.catalogues import CatalogueForm
from console.protection import PageRequest, requires
from console.views.project_users import add_errors
from policies.actions.switches import change_catalogue, state_of, told
from policies.effects import effects_of
from policies.errors import Conflict
from policies.history import last_change
from policies.models import Catalogue
from policies.role_differences import Difference
from policies.rulebook import rulebook
from policies.sentences import sentence_case


@requires("update", "catalogue")
def catalogue_update(request: PageRequest, catalogue: Catalogue) -> HttpResponse:
    if request.method != "POST":
        return settings_page(request, catalogue, CatalogueForm(catalogue=catalogue, book=rulebook()))
    form = CatalogueForm(request.POST, catalogue=catalogue, book=rulebook())
    if not form.is_valid():
        return settings_page(request, catalogue, form, status=422)
    if "back" in request.POST:
        return settings_page(request, catalogue, form)
    change = partial(change_catalogue, actor=request.actor, catalogue=catalogue, **form.changes())
    try:
        if request.POST.get("step") != "2":
            return review_page(request, catalogue, form, change)
        change()
    except Conflict:
        return conflict_page(request, catalogue)
    except ValidationError as error:
        add_errors(form, error)
        return settings_page(request, catalogue, form, status=422)
    messages.success(request, f"Settings of {catalogue} saved")
    return redirect("catalogue_detail", catalogue.code)


def settings_page(
    request: PageRequest, catalogue: Catalogue, form: CatalogueForm, status: int = 200, conflict: str = ""
) -> HttpResponse:
    context = {"catalogue": catalogue, "form": form, "crumbs": crumbs(catalogue, "Settings"), "conflict": conflict}
    return render(request, "console/catalogues/form.html", context, status=status)


def review_page(
    request: PageRequest, catalogue: Catalogue, form: CatalogueForm, change: Callable[[], Catalogue]
) -> HttpResponse:
    """Who would gain and lose what; the action itself says whether it may be."""
    was, now = told(catalogue), dict[str, Any]()
    effects = effects_of(request.actor, lambda: now.update(told(change())))
    context = {
        "catalogue": catalogue, "crumbs": crumbs(catalogue, "Review"), "effects": effects,
        "differences": differences(was, now),
        "sent": [(name, value) for name in form.fields for value in request.POST.getlist(name)],
    }  # fmt: skip
    return render(request, "console/catalogues/review.html", context)


def differences(was: dict[str, Any], now: dict[str, Any]) -> list[Difference]:
    """What of the settings differs, in words."""
    labels = {role.full_name: str(role) for role in rulebook().roles.values()}

    def said(value: Any) -> tuple[str]:
        word = ("yes" if value else "no") if isinstance(value, bool) else labels.get(value, value)
        return (word or "not set",)

    return [
        Difference("Switched on" if name == "enabled" else sentence_case(name), said(was[name]), said(now[name]))
        for name in was
        if was[name] != now[name]
    ]


def conflict_page(request: PageRequest, catalogue: Catalogue) -> HttpResponse:
    """The form with one's own choices, and who was faster with what; saved again, it replaces that."""
    catalogue.refresh_from_db()
    last = last_change(catalogue)
    changes = f" {last.before_and_after}." if last else ""
    sent = request.POST.copy()
    sent["seen"] = state_of(catalogue)
    form = CatalogueForm(sent, catalogue=catalogue, book=rulebook())
    return settings_page(request, catalogue, form, 409, f"{who_changed(catalogue)}{changes}")


def crumbs(catalogue: Catalogue, page: str) -> list[tuple[str, str]]:
    """Roles / catalogue / page."""
    return [
        ("Roles", reverse("role_index")),
        (str(catalogue), reverse("catalogue_detail", args=[catalogue.code])),
        (page, ""),
    ]
