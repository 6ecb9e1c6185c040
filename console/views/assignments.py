"""Role assignments: who holds which role where; change when one ends, take one away."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.models import Project, Scope, User
from console import role_choices
from console.conflicts import state_of as digest_of
from console.conflicts import who_changed
from console.csv import csv_response
from console.forms.assignments import DEFAULT_SORT, AssignmentFilter, UpdateForm, sorts
from console.lists import CappedPaginator, render_list, searched, sorted_page
from console.pickers import KINDS, group_sizes
from console.protection import PageRequest, requires_some, visible, visible_assignments
from console.views.project_users import add_errors
from policies import access, giving
from policies.abilities import abilities, lost
from policies.actions.assignments import require, take_role, told, update_assignment
from policies.audit import record
from policies.errors import Conflict
from policies.holdings import subject_for
from policies.models import Role, RoleAssignment
from policies.rulebook import rulebook
from policies.states import State, state_of

TYPES = ("role_assignment", "org_assignment")
HEADER = ("type", "subject", "role", "place_kind", "place", "status", "given_by", "given", "expires", "reason")


@requires_some("read", *TYPES)
def assignment_index(request: PageRequest) -> HttpResponse:
    filters, text = AssignmentFilter(request.GET, request.user), searched(request)
    rows = filters.apply(visible_assignments(request.user), text).annotate(now=Now())
    page, sort = sorted_page(request, rows, sorts(filters.of_project), DEFAULT_SORT, CappedPaginator)
    return render_list(request, "assignments", {
        "crumbs": [("Role assignments", "")],
        "may_give": access.may_some(request.user, "create", *TYPES),
        "q": text, "filter_form": filters, "chips": filters.chips, "sort": sort,
        "page": page, "rows": rows_of(request, list(page.object_list), filters.of_project),
    })  # fmt: skip


def rows_of(request: PageRequest, assignments: list[Any], project: Project | None = None) -> list[dict[str, Any]]:
    """Assignments as the list shows them; a constant number of queries."""
    allowed = giving.changes_for(request.actor, assignments)
    sizes, book = group_sizes(a.group_id for a in assignments if a.group_id), rulebook()
    return [
        {
            "assignment": assignment,
            "state": state_of(assignment, assignment.now, book),
            **subject_in_words(assignment.subject, sizes),
            "source": source_of(assignment, project),
            "actions": allowed[assignment.pk],
        }
        for assignment in assignments
    ]


def subject_in_words(subject: User | Group, sizes: dict[int, int]) -> dict[str, str]:
    """Who holds it: name, kind, and what tells them apart."""
    if isinstance(subject, Group):
        size = sizes.get(subject.pk, 0)
        return {"label": subject.name, "kind": KINDS["group"], "detail": f"{size:,} member{'' if size == 1 else 's'}"}
    return {"label": subject.label, "kind": KINDS[subject.kind], "detail": subject.username}


def source_of(assignment: RoleAssignment, project: Project | None) -> str:
    """How it comes about; of a project, whether it was given there."""
    if project and assignment.scope_id != project.pk:
        return f"Inherited from {assignment.scope}"
    through = " to the group" if assignment.group_id else ""
    return f"Given here{through}" if project else f"Given{through or ' directly'}"


@requires_some("read", *TYPES)
def assignment_export(request: PageRequest) -> StreamingHttpResponse:
    filters, text = AssignmentFilter(request.GET, request.user), searched(request)
    every = sorts(filters.of_project)
    order = every.get(request.GET.get("sort", ""), every[DEFAULT_SORT])
    rows = filters.apply(visible_assignments(request.user), text).annotate(now=Now()).order_by(*order)
    said = {"filters": [f"{c['label']}: {c['value']}" for c in filters.chips], "search": text}
    record(request.actor, "role_assignment.export", access.root_for(request.user), after=said)
    return csv_response("role-assignments.csv", HEADER, csv_rows(rows))


def csv_rows(rows: QuerySet[Any]) -> Iterator[tuple[Any, ...]]:
    book = rulebook()  # once: the file is written after the request, where each question would ask for the rules anew
    for row in rows.iterator(chunk_size=1000):
        yield (
            row.user.kind if row.user else "group", str(row.subject), row.role.full_name, row.scope.kind, row.scope.name,
            state_of(row, row.now, book).state, row.granted_by, row.granted_at, row.expires_at, row.reason,
        )  # fmt: skip


@visible
def assignment_update(request: PageRequest, assignment: RoleAssignment) -> HttpResponse:
    """On a page of its own, or for htmx in the row of the list."""
    require(request.actor, "update", assignment)
    if "cancel" in request.GET:
        return row_page(request, assignment)
    form, status = update_form(assignment, request.POST if request.method == "POST" else None), 200
    if form.is_bound and not form.is_valid():
        status = 422
    elif form.is_bound:
        try:
            save_terms(request, assignment, form)
        except Conflict:
            form, status = conflicting(request, assignment, form), 409
        except ValidationError as error:
            add_errors(form, error)
            status = 422
        else:
            return saved(request, assignment)
    context = {"assignment": assignment, "form": form, "crumbs": way("Change when it ends"), **words(assignment)}
    part = "row_form" if request.htmx else "form"
    return render(request, f"console/assignments/{part}.html", context, status=status)


def update_form(assignment: RoleAssignment, data: Any = None) -> UpdateForm:
    now = {"expires_at": assignment.expires_at, "reason": assignment.reason, "seen": digest_of(told(assignment))}
    form = UpdateForm(data, initial=now)
    form.fields["expires_at"].widget.attrs["autofocus"] = True  # what the form is for; in a row it has just appeared
    return form


def save_terms(request: PageRequest, assignment: RoleAssignment, form: UpdateForm) -> None:
    """Raises Conflict where somebody changed it since the form was shown."""
    seen = told(assignment)
    if form.cleaned_data["seen"] != digest_of(seen):
        raise Conflict(assignment)
    terms = {"expires_at": form.cleaned_data["expires_at"], "reason": form.cleaned_data["reason"]}
    update_assignment(actor=request.actor, assignment=assignment, seen=seen, **terms)


def conflicting(request: PageRequest, assignment: RoleAssignment, form: UpdateForm) -> UpdateForm:
    """The form with what was typed, and what somebody else saved meanwhile; saved again, it replaces that."""
    now = found_again(request, assignment)
    anew = update_form(now, {**request.POST.dict(), "seen": digest_of(told(now))})
    ends = f"It now ends at {now.expires_at:%-d %b %Y, %H:%M} UTC" if now.expires_at else "It now has no end"
    anew.add_error(None, f"{who_changed(now)} {ends}. Save again to replace that with yours.")
    return anew


def found_again(request: PageRequest, assignment: RoleAssignment) -> RoleAssignment:
    """As it is now. Raises Conflict where it is gone, or is no longer for this person to see."""
    found = visible_assignments(request.user).annotate(now=Now()).filter(pk=assignment.pk).first()
    if found is None:
        raise Conflict(assignment)
    return found


def saved(request: PageRequest, assignment: RoleAssignment) -> HttpResponse:
    if request.htmx:
        return row_page(request, assignment, saved=True)
    messages.success(request, f"{assignment.role} of {assignment.subject} saved")
    return redirect("assignment_index")


def row_page(request: PageRequest, assignment: RoleAssignment, *, saved: bool = False) -> HttpResponse:
    """The row of the list, in place of the form that stood there."""
    (row,) = rows_of(request, [found_again(request, assignment)])
    return render(request, "console/assignments/row.html", {"row": row, "focus": True, "saved": saved})


@visible
def assignment_delete(request: PageRequest, assignment: RoleAssignment) -> HttpResponse:
    require(request.actor, "delete", assignment)
    errors: list[str] = []
    if request.method == "POST":
        try:
            take_role(actor=request.actor, assignment=assignment)
        except ValidationError as error:
            errors = error.messages
        else:
            messages.success(request, f"{assignment.role} taken from {assignment.subject}")
            return redirect("assignment_index")
    context = {
        "assignment": assignment, "crumbs": way("Take away"), "errors": errors,
        **words(assignment), **what_stops(found_again(request, assignment)),
    }  # fmt: skip
    status = 422 if errors else 200
    return render(request, "console/assignments/confirm_delete.html", context, status=status)


def what_stops(assignment: Any) -> dict[str, Any]:
    """What the subject can no longer do in the place; nothing, where the assignment has no effect or they hold the same
    otherwise."""
    state = state_of(assignment, assignment.now, rulebook())
    if state.state != State.IN_EFFECT:
        return {"state": state, "stops": []}
    if assignment.user is None:
        return {"state": state, "stops": role_choices.able(abilities([assignment.role]), state="lost")}
    subject = subject_for(assignment.user)
    above = set(assignment.scope.ancestor_ids)
    holdings = [holding for holding in subject.holdings if holding.scope_id in above]
    kept = [holding for holding in holdings if holding.assignment_id != assignment.pk]
    roles = subject.book.roles
    return {
        "state": state,
        "stops": role_choices.able(lost(_roles(roles, holdings), _roles(roles, kept)), state="lost"),
    }


def _roles(roles: dict[int, Role], holdings: Iterable[Any]) -> list[Role]:
    return [roles[pk] for pk in dict.fromkeys(holding.role_id for holding in holdings)]


def words(assignment: RoleAssignment) -> dict[str, Any]:
    """Whose it is and where, for the pages of one assignment."""
    sizes = group_sizes([assignment.group_id]) if assignment.group_id else {}
    return {**subject_in_words(assignment.subject, sizes), "is_project": assignment.scope.kind == Scope.Kind.PROJECT}


def way(page: str) -> list[tuple[str, str]]:
    return [("Role assignments", reverse("assignment_index")), (page, "")]
