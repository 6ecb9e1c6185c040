"""Roles made in the console: edit, review who gains and loses what, save. Shipped roles are read-only.

Both steps are one URL; what was ticked travels in the form, so Back and errors lose nothing.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from console.conflicts import who_changed
from console.forms.project_users import ConfirmForm
from console.forms.role_editing import Cells, RoleForm, cells_of, includable, posted_cells
from console.protection import PageRequest, requires, visible_roles
from console.views.project_users import add_errors
from policies import access
from policies.actions.roles import (
    TAKEN_AT_ONCE,
    RoleDraft,
    clone_of,
    create_role,
    delete_role,
    draft_of,
    home_of_roles,
    update_role,
    what_needs,
)
from policies.actions.widening import is_bound
from policies.effects import effects_of
from policies.errors import Conflict
from policies.history import last_change
from policies.models import Role
from policies.protected import At
from policies.role_differences import Difference, description, differences
from policies.rulebook import rulebook
from policies.sentences import PLACES

BUTTONS = {"csrfmiddlewaretoken", "step", "back", "more", "refresh"}


@requires("create", "role", of_installation=True)
def role_create(request: PageRequest) -> HttpResponse:
    """A new role; `?from=` begins with a copy of another one."""
    source = request.GET.get("from", "")
    found = visible_roles(request.user).filter(uid=source).first() if source.isalnum() else None
    return steps(request, None, clone_of(found) if found else RoleDraft(""))


@requires("update", "role")
def role_update(request: PageRequest, role: Role) -> HttpResponse:
    if not role.catalogue.is_editable:
        return read_only(request, role, "Edit")
    return steps(request, role, draft_of(role))


def steps(request: PageRequest, role: Role | None, start: RoleDraft) -> HttpResponse:
    """The form, then its review, then the role; `start`: what the form begins with."""
    book = rulebook()
    if request.method != "POST":
        form = RoleForm(initial=vars(start), book=book, role=role)
        return edit_page(request, role, start, form, cells_of(book, start.rules))
    form, cells = RoleForm(request.POST, book=book, role=role), posted_cells(book, request.POST)
    if request.POST.keys() & {"back", "more"}:
        return edit_page(request, role, start, unchecked(form), cells)
    if not form.is_valid() or any(line.error for cell in cells for line in cell.lines):
        return edit_page(request, role, start, form, cells, status=422)
    draft = form.draft(rule for cell in cells for rule in cell.rules())
    try:
        if request.POST.get("step") == "2":
            return saved(request, role, draft)
        return review_page(request, role, start, draft)
    except Conflict:
        return conflict_page(request, role, draft, form, cells)
    except ValidationError as error:
        add_errors(form, error)
        return edit_page(request, role, start, form, cells, status=422)


def unchecked(form: RoleForm) -> RoleForm:
    """The form with what was typed, without its errors: nobody asked to go on yet."""
    form.is_valid()
    form.errors.clear()
    return form


def change(request: PageRequest, role: Role | None, draft: RoleDraft) -> Role:
    """Create or update; what the review tries and the second step does."""
    if role is None:
        return create_role(actor=request.actor, draft=draft)
    return update_role(actor=request.actor, role=role, draft=draft, seen=request.POST.get("seen", "?"))


def saved(request: PageRequest, role: Role | None, draft: RoleDraft) -> HttpResponse:
    done = change(request, role, draft)
    messages.success(request, f"Role {done} {'saved' if role else 'created'}")
    return redirect("role_detail", done.uid)


def edit_page(
    request: PageRequest, role: Role | None, start: RoleDraft, form: RoleForm, cells: list[Cells],
    status: int = 200, conflict: dict[str, Any] | None = None,
) -> HttpResponse:  # fmt: skip
    """A form that comes back keeps the state that it started from, except after a conflict."""
    block(request, cells)
    kept = None if conflict else request.POST.get("seen")
    context = {
        "role": role, "form": form, "crumbs": crumbs(role, "Edit" if role else "New role"),
        "sections": under_headings(cells), "home": role.catalogue if role else home_of_roles(),
        "seen": start.token if kept is None else kept, "conflict": conflict, "bound": is_bound(request.actor),
        "roles": includable(rulebook()), "places": PLACES.items(),
        "wrong": [(cell, line) for cell in cells for line in cell.lines if line.error],
    }  # fmt: skip
    return render(request, "console/role_editing/form.html", context, status=status)


def block(request: PageRequest, cells: Iterable[Cells]) -> None:
    """Mark what the actor may not put into a role, because they may not do it themselves."""
    if not is_bound(request.actor):
        return
    root = access.root_for(request.user)
    for cell in cells:
        foreign = {action for action in cell.kind.actions if not access.may(request.user, action, At(cell.name, root))}
        for line in cell.lines:
            line.blocked = foreign - line.actions


def under_headings(cells: Iterable[Cells]) -> list[dict[str, Any]]:
    """The entity types by catalogue and area: [{catalogue, areas: [{label, cells, ticked}]}]."""
    found: dict[Any, dict[str, list[Cells]]] = {}
    for cell in cells:
        found.setdefault(cell.kind.catalogue, {}).setdefault(cell.kind.area or cell.kind.label, []).append(cell)
    return [
        {
            "catalogue": catalogue,
            "areas": [
                {
                    "label": label,
                    "cells": those,
                    "ticked": sum(cell.ticked for cell in those),
                    "open": any(line.actions or line.error for cell in those for line in cell.lines),
                }
                for label, those in areas.items()
            ],
        }
        for catalogue, areas in found.items()
    ]


def review_page(request: PageRequest, role: Role | None, start: RoleDraft, draft: RoleDraft) -> HttpResponse:
    """Who would gain and lose what, and what would change; the action itself says whether it may be."""
    effects = effects_of(request.actor, partial(change, request, role, draft))
    context = {
        "role": role, "draft": draft, "crumbs": crumbs(role, "Review"), "effects": effects,
        "differences": differences(start, draft) if role else description(draft), "home": home_of_roles(),
        "sent": [(name, value) for name in request.POST if name not in BUTTONS for value in request.POST.getlist(name)],
    }  # fmt: skip
    return render(request, "console/role_editing/review.html", context)


def conflict_page(
    request: PageRequest, role: Role | None, draft: RoleDraft, form: RoleForm, cells: list[Cells]
) -> HttpResponse:
    """The form with one's own ticks, and what somebody else saved meanwhile; saved again, it replaces that."""
    assert role is not None
    role.refresh_from_db()  # gone: the page is, too
    now, told = draft_of(role), last_change(role, "update")
    theirs: list[Difference] = differences(now, draft)
    conflict = {"who": who_changed(role), "at": told.at if told else None, "differences": theirs}
    return edit_page(request, role, now, form, cells, status=409, conflict=conflict)


@requires("delete", "role")
def role_delete(request: PageRequest, role: Role) -> HttpResponse:
    if not role.catalogue.is_editable:
        return read_only(request, role, "Delete")
    sent_form = request.POST if request.method == "POST" else None
    form, needed = ConfirmForm(sent_form, expected=role.label), list(what_needs(role))
    count, sent = role.assignments.count(), request.POST.get("assignments", "")
    known = int(sent) if sent.isdecimal() and len(sent) < 9 else 0
    if form.is_valid() and not needed:
        try:
            delete_role(actor=request.actor, role=role, assignments=known)
        except Conflict:
            form.add_error(None, f"By now {count:,} have this role. Look again at who loses what.")
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, f"Role {role} deleted")
            return redirect("role_index")
    return delete_page(request, role, form, needed, count)


def delete_page(request: PageRequest, role: Role, form: ConfirmForm, needed: list[str], count: int) -> HttpResponse:
    possible = not needed and count <= TAKEN_AT_ONCE
    removal = partial(delete_role, actor=request.actor, role=role, assignments=count)
    context = {
        "role": role, "form": form, "needed": needed, "count": count, "most": TAKEN_AT_ONCE, "possible": possible,
        "crumbs": crumbs(role, "Delete"),
    }  # fmt: skip
    try:
        context["effects"] = effects_of(request.actor, removal) if possible and count else None
    except ValidationError as error:
        context |= {"needed": error.messages, "possible": False}
    return render(request, "console/role_editing/confirm_delete.html", context, status=422 if form.is_bound else 200)


def read_only(request: PageRequest, role: Role, page: str) -> HttpResponse:
    may_create = access.may(request.user, "create", At("role", access.root_for(request.user)))
    context = {"role": role, "crumbs": crumbs(role, page), "may_create": may_create}
    return render(request, "console/role_editing/read_only.html", context, status=403)


def crumbs(role: Role | None, page: str) -> list[tuple[str, str]]:
    """Roles / role / page."""
    way = [("Roles", reverse("role_index"))]
    return [*way, (str(role), reverse("role_detail", args=[role.uid])), (page, "")] if role else [*way, (page, "")]
