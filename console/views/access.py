"""Who may do what, and why: the access pages."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.models import Scope, User
from console.csv import csv_response
from console.finders import user_named, user_named_or_written_to
from console.forms.access import CheckForm, PlaceForm, QuestionForm, WhatForm
from console.links import url_of, url_of_fix
from console.lists import PAGE_SIZE, CappedPaginator, both_ways, render_list, search_text, searched, sorted_page
from console.protection import PageRequest, signed_in
from console.questions import EXPLAIN, query_of, what_url, who_url, why_url
from policies import access
from policies.audit import record
from policies.fixes import PEOPLE_SHOWN, Fix
from policies.holdings import LIVE
from policies.models import RoleAssignment
from policies.powers import Power, Shared, held_roles, powers_of, shares_with, through
from policies.protected import At, scope_of
from policies.questions import asked, named
from policies.routes import Explanation, Step, explained
from policies.rulebook import rulebook
from policies.truth import truth_tables

HELD_SHOWN = 25
SORTS = {
    **both_ways(name="search_text", username="username"),
    "kind": ("kind", "search_text", "pk"),
    "-kind": ("-kind", "search_text", "pk"),
}


def require_explain(request: PageRequest, place: Scope | None) -> None:
    """Raises Denied for who may not ask about others there; without a place: in the whole organization."""
    action, decision = EXPLAIN
    request.actor.require(action, At(decision, place or rulebook().root))


# Why?


@signed_in
def access_check(request: PageRequest) -> HttpResponse:
    """May this user do this on that, and why? Everybody may ask about themselves."""
    form = CheckForm(request.GET if request.GET.get("what") else None, viewer=request.user, initial=request.GET.dict())
    context: dict[str, Any] = {"form": form, "who_url": reverse("who_can"), "what_url": reverse("what_can")}
    if form.is_bound and form.is_valid():
        user = subject_of(request, form, scope_of(form.thing))
        if user is not None:
            explanation = explained(request.user, user, form.action, form.thing)
            context |= told(request, form, user, explanation)
    context |= frame_of(request, form)
    return render(request, "console/access/check.html", context, status=422 if form.errors else 200)


def subject_of(request: PageRequest, form: Any, place: Scope | None) -> User | None:
    """Whom the form asks about; None leaves an error on the form. Raises Denied, before anybody is looked for."""
    if form.is_about_oneself:
        return request.user
    require_explain(request, place)
    return form.find_user(place or rulebook().root)


def frame_of(request: PageRequest, form: PlaceForm, title: str = "") -> dict[str, Any]:
    """What the access pages have in common."""
    action, decision = EXPLAIN
    asked, way = request.GET.dict(), [("Access check", reverse("access_check"))]
    return {
        "crumbs": [*way, (title, "")] if title else way,
        "offers": [
            {**thing, "url": f"?{urlencode({**asked, field: thing['value']})}"}
            for field, things in form.offers.items()
            for thing in things
        ],
        "may_ask_others": access.may(request.user, action, At(decision)),
        "given": asked,
    }


def told(request: PageRequest, form: CheckForm, user: User, explanation: Explanation) -> dict[str, Any]:
    """An explanation for the page: links for what the viewer may open, names of those who can help."""
    first, *others = [
        {"title": route.title, "steps": [step_of(request, step) for step in route.steps], "route": route}
        for route in explanation.routes
    ]
    helpers = [] if explanation.allowed else helpers_of(request, explanation.fixes)
    return {
        "explanation": explanation, "subject": user, "first": first, "others": others, "helpers": helpers,
        "assignment": assignment_of(request, explanation), "asked": asked_facts(form, user),
        "who_url": who_url(form.action, form.thing), "what_url": what_url(user, scope_of(form.thing)),
    }  # fmt: skip


def step_of(request: PageRequest, step: Step) -> dict[str, Any]:
    """A step with its links."""
    fixes = [{"sentence": fix.sentence, "role": fix.role, "url": url_of_fix(request.user, fix)} for fix in step.fixes]
    return {"step": step, "url": url_of(request.user, step.thing) if step.thing is not None else "", "fixes": fixes}


def helpers_of(request: PageRequest, fixes: list[Fix]) -> list[dict[str, Any]]:
    """What would help, each with a few people who can do it."""
    found = []
    for fix in {fix.sentence: fix for fix in fixes}.values():
        people = list(fix.people()[: PEOPLE_SHOWN + 1])
        found.append(
            {
                "sentence": fix.sentence,
                "people": people[:PEOPLE_SHOWN],
                "more": len(people) > PEOPLE_SHOWN,
                "mine": fix.may(request.user),
            }
        )
    return found


def assignment_of(request: PageRequest, explanation: Explanation) -> dict[str, Any] | None:
    """The assignment that gives it, and how many people have it from there."""
    assignment = explanation.routes[0].assignment
    if not explanation.allowed or assignment is None:
        return None
    size = assignment.group.user_set.count() if assignment.group else 1
    return {"row": assignment, "url": url_of(request.user, assignment), "size": size}


def asked_facts(form: CheckForm, user: User) -> dict[str, str]:
    """The question as a command asks it."""
    query, thing = query_of(form.action, form.thing), form.thing
    kind, scope = query["what"].rpartition("/")[0], scope_of(thing)
    named_thing = thing.role.code if isinstance(thing, RoleAssignment) and not thing.pk else query.get("object", "")
    what = f"{kind}:{named_thing}" if named_thing else kind
    place = f" {option_of(scope)}" if scope and "place" in query else ""
    return {
        "place": scope.name if scope else "",
        "command": f"manage.py check_access {user.username} {form.action} {what}{place}",
    }


def option_of(scope: Scope) -> str:
    """How commands name a place."""
    if scope.kind == Scope.Kind.PROJECT:
        return f"--project {scope.slug}"
    return f"--scope {scope.kind if scope.kind == Scope.Kind.ORGANIZATION else scope.uid}"


# Who can


@signed_in
def who_can(request: PageRequest) -> HttpResponse:
    """Everybody who may do this on that."""
    form = QuestionForm(
        request.GET if request.GET.get("what") else None, viewer=request.user, initial=request.GET.dict()
    )
    context: dict[str, Any] = {"form": form, "q": searched(request)}
    if form.is_bound and form.is_valid():
        users = people(request, form)
        page, sort = sorted_page(request, users, SORTS, "username", CappedPaginator)
        rows = rows_of(form, list(page.object_list))
        context |= {"page": page, "rows": rows, "sort": sort, "sentence": asked(form.action, form.thing)}
        context["export_url"] = reverse("who_can_export")
    context |= frame_of(request, form, "Who can")
    return render_list(request, "access", context, "who", status=422 if form.errors else 200)


def people(request: PageRequest, form: QuestionForm) -> QuerySet[User]:
    """Those who may do what the form asks, as far as the search finds them. Raises Denied."""
    place = scope_of(form.thing)
    require_explain(request, place)
    if isinstance(form.thing, At) and place is None:
        form.thing = At(form.thing.entity_type, rulebook().root)
    users, text = access.people_who_may(form.action, form.thing), search_text(request.GET)
    if text:
        named = user_named_or_written_to if access.may(request.user, "list", At("user")) else user_named
        users = users.filter(named(text)[-1])
    return users.select_related("project")


def rows_of(form: QuestionForm, users: list[User]) -> list[dict[str, Any]]:
    """Users as the list shows them; a constant number of queries."""
    sources = through(users, form.action, form.thing)
    return [
        {"user": user, "sources": sources[user.pk], "why_url": why_url(form.action, form.thing, user)} for user in users
    ]


@signed_in
def who_can_export(request: PageRequest) -> StreamingHttpResponse:
    form = QuestionForm(request.GET, viewer=request.user)
    if not form.is_valid():
        raise Http404
    users = people(request, form).order_by(*SORTS.get(request.GET.get("sort", ""), SORTS["username"]))
    said = asked(form.action, form.thing)
    record(request.actor, "decision.export", scope_of(form.thing) or rulebook().root, after={"who can": said})
    return csv_response(
        "who-can.csv", ("username", "description", "kind", "project", "through"), who_lines(form, users)
    )


def who_lines(form: QuestionForm, users: QuerySet[User]) -> Iterator[tuple[Any, ...]]:
    """Lines of the export; the roles of five hundred users at once."""
    every = users.iterator(chunk_size=500)
    while some := [user for user, _ in zip(every, range(500), strict=False)]:
        sources = through(some, form.action, form.thing)
        for user in some:
            said = "; ".join(f"{source.role}, {source.where}" for source in sources[user.pk])
            yield user.username, user.description, user.kind, user.project.name if user.project else "", said


# What can


@signed_in
def what_can(request: PageRequest) -> HttpResponse:
    """Everything that one user may do, in a place or anywhere, and the roles that it comes from."""
    form = WhatForm(request.GET, viewer=request.user)
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        place = form.cleaned_data["place"]
        user = subject_of(request, form, place)
        if user is not None:
            page = Paginator(powers_of(user, place), PAGE_SIZE).get_page(request.GET.get("page"))
            context |= {"subject": user, "place": place, "page": page, "rows": list(page.object_list)}
            context |= {"held": held_lines(user, place), "shared": shared_lines(user, place)}
            context["export_url"] = reverse("what_can_export")
    context |= frame_of(request, form, "What can")
    return render_list(request, "access", context, "what", status=422 if form.errors else 200)


def held_lines(user: User, place: Scope | None) -> dict[str, Any]:
    """The first roles that reach the user, each with what takes its effect away; and how many there are."""
    book, every = rulebook(), held_roles(user, place)
    rows = list(every[:HELD_SHOWN])
    live = set(RoleAssignment.objects.filter(LIVE, pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
    lines = []
    for row in rows:
        why = "" if row.pk in live else "Expired"
        if row.role.needs_scope and row.scope_id == book.root_id:
            why = "Pending until given at a narrower scope"
        if row.role_id in book.switched_off:
            why = f"The role {book.switched_off[row.role_id]}"
        lines.append({"row": row, "without_effect": why})
    return {"lines": lines, "count": every.count()}


def shared_lines(user: User, place: Scope | None) -> list[dict[str, Any]]:
    """The first things that are shared with the user."""
    return [
        {
            "thing": named(share.thing),
            "action": share.kind.actions.get(share.action, share.action),
            "group": share.group,
        }
        for share in islice(shares_with(user, place), HELD_SHOWN)
    ]


@signed_in
def what_can_export(request: PageRequest) -> StreamingHttpResponse:
    form = WhatForm(request.GET, viewer=request.user)
    if not form.is_valid():
        raise Http404
    place = form.cleaned_data["place"]
    user = subject_of(request, form, place)
    if user is None:
        raise Http404
    record(request.actor, "decision.export", place or rulebook().root, after={"what can": user.label})
    header = ("type", "what", "action", "where", "role", "from")
    lines = (line for power in powers_of(user, place) for line in what_lines(power))
    return csv_response("what-can.csv", header, chain(lines, map(shared_line, shares_with(user, place))))


def what_lines(power: Power) -> Iterator[tuple[Any, ...]]:
    """One line for each action, condition and role."""
    for action, found in power.actions.items():
        for where, sources in found.items():
            for source in sources:
                yield power.kind.full_name, power.kind.label, action, where, source.role.full_name, source.where


def shared_line(share: Shared) -> tuple[Any, ...]:
    """One line for each action on one thing."""
    source = f"shared with group {share.group}" if share.group else "shared with them"
    return share.kind.full_name, named(share.thing), share.action, "", "", source


# How


@signed_in
def decision_help(request: PageRequest) -> HttpResponse:
    """How a decision is made, and which role allows what."""
    way = [("Access check", reverse("access_check")), ("How a decision is made", "")]
    return render(request, "console/access/how.html", {
        "crumbs": way, "tables": truth_tables(), "may_read_roles": access.may(request.user, "read", At("role")),
    })  # fmt: skip
