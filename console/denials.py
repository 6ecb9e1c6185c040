"""The page for what one may not do: it names the thing, and who can give access."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import User
from console.questions import why_url
from policies import access
from policies.access import type_id
from policies.errors import Denied
from policies.protected import OrgAssignment, scope_of
from policies.questions import kind_of, question_in_words
from policies.rulebook import rulebook

HELPERS_SHOWN = 3


def denied_page(request: HttpRequest, denied: Denied) -> HttpResponse:
    """The answer 403 to a refused question."""
    project = scope_of(denied.thing)
    if project is not None:
        request.project = project  # type: ignore[attr-defined]
    context = {"denied": told(denied.action, denied.thing)}
    return render(request, "403.html", context, status=403)


def told(action: str, thing: Any) -> dict[str, Any]:
    """What the templates say of a refusal: what it was, who can help, which role would allow it, where it says why."""
    scope = scope_of(thing)
    helpers = who_can_help(scope)
    return {
        "what": in_words(action, thing),
        "helpers": [user.label for user in helpers[:HELPERS_SHOWN]],
        "helper_count": len(helpers),
        "role": smallest_role(action, thing),
        "why_url": why_url(action, thing),
    }


def in_words(action: str, thing: Any) -> str:
    """The question as it completes "You may not …": "generate passwords of project users in vision-lab"."""
    scope, what = scope_of(thing), question_in_words(kind_of(thing), action).lower()
    return f"{what} in {scope}" if scope else what


def who_can_help(scope: Any) -> list[User]:
    """A few people who may give roles in this scope (of the installation, without one)."""
    scope = scope or rulebook().root
    people = access.people_who_may("create", OrgAssignment(scope)).filter(kind=User.Kind.PERSON)
    return list(people.order_by("description", "pk")[: HELPERS_SHOWN + 1])


def smallest_role(action: str, thing: Any) -> str:
    """Label of the role with the fewest rules that would allow it; empty where none does without conditions."""
    book, scope = rulebook(), scope_of(thing)
    kind = scope.kind if scope else "organization"
    sizes: dict[int, int] = {}
    for lines in book.lines.values():
        for line in lines:
            sizes[line.role_id] = sizes.get(line.role_id, 0) + 1
    fitting = [
        line.role_id
        for line in book.rules_for(action, type_id(book, thing))
        if not line.conditions
        and line.role_id not in book.switched_off
        and (not book.roles[line.role_id].binds or kind in book.roles[line.role_id].binds)
    ]
    return str(book.roles[min(fitting, key=lambda pk: sizes[pk])]) if fitting else ""
