"""Give roles: many subjects, roles and places at once. Choose, review, and a result for each combination."""

from collections import Counter
from itertools import groupby
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from accounts.models import Scope
from console.forms.assignments import GiveForm
from console.pickers import Picker, pick_places, pick_subjects
from console.protection import PageRequest, requires_some
from console.questions import why_url
from console.views.assignments import TYPES, way
from policies import access, giving
from policies.actions.giving import Result, give_roles
from policies.giving import Combination, Effect
from policies.models import Role, RoleAssignment
from policies.offers import under_headings

SHOWN_AT_ONCE = 4  # roles of a longer group stand behind a disclosure, but for those that are ticked


@requires_some("create", *TYPES)
def assignment_create(request: PageRequest) -> HttpResponse:
    """Three steps in one URL; what was chosen travels in the form, so Back and errors lose nothing."""
    posted = request.method == "POST"
    step = request.POST.get("step", "")
    bound = posted and step in ("review", "give")
    form = GiveForm(request.POST if posted else request.GET, giver=request.user, bound=bound)
    if posted and request.htmx:
        return picker_part(request, form)
    if not bound:
        return choose_page(request, form)
    form.require_offered()
    if step == "review" and names_somebody_else(request, form):
        return choose_page(request, GiveForm(request.POST, giver=request.user, bound=False))
    if not form.is_valid():
        return choose_page(request, form, status=422)
    if step == "review":
        return review_page(request, form, giving.foresee(request.actor, **form.chosen))
    terms: dict[str, Any] = {"expires_at": form.ends, "reason": form.cleaned_data["reason"]}
    return results_page(request, form, give_roles(actor=request.actor, **form.chosen, **terms))


def names_somebody_else(request: PageRequest, form: GiveForm) -> bool:
    """Whether a name was typed and Enter pressed, while nothing of it is ticked yet: that asks to search."""
    return bool(
        (typed(request, "who") and not form.found_subjects) or (typed(request, "where") and not form.found_scopes)
    )


def typed(request: PageRequest, name: str) -> str:
    """What was typed into a search."""
    return request.POST.get(name, "").replace("\x00", "").strip()[:100]


def picker_of(request: PageRequest, form: GiveForm, name: str) -> Picker:
    if name == "scopes":
        return pick_places(request.user, form.found_scopes, typed(request, "where"))
    return pick_subjects(request.user, form.found_subjects, typed(request, "who"))


def picker_part(request: PageRequest, form: GiveForm) -> HttpResponse:
    """What a search finds while one types, with what is ticked already."""
    name = "scopes" if request.POST.get("find") == "scopes" else "subjects"
    response = render(request, "console/assignments/picker.html", {"picker": picker_of(request, form, name)})
    patch_vary_headers(response, ["HX-Request"])
    return response


def choose_page(request: PageRequest, form: GiveForm, status: int = 200) -> HttpResponse:
    if not form.is_bound:  # a search, a link or Back: what was typed stays
        names = ("expires_in", "expires_at", "reason")
        form.initial = {name: value for name in names if (value := form.asked.get(name))}
    return render(request, "console/assignments/create.html", {
        "crumbs": way("Give roles"), "form": form,
        "subjects": picker_of(request, form, "subjects"), "scopes": picker_of(request, form, "scopes"),
        "role_groups": role_groups(request, form),
    }, status=status)  # fmt: skip


def role_groups(request: PageRequest, form: GiveForm) -> list[dict[str, Any]]:
    """Every role of the catalogues in use, for components/role_groups.html; what one may not give says why."""
    offers = giving.offers(request.user)
    blocked, groups = {offer.role: offer.blocked for offer in offers}, []
    for catalogue, some in groupby((offer.role for offer in offers), lambda role: str(role.catalogue)):
        for heading in under_headings(list(some)):
            choices = [choice(request, role, role in form.found_roles, blocked[role]) for role in heading.roles]
            choices.sort(key=lambda choice: bool(choice["blocked"]))  # what one may give first
            long = len(choices) > SHOWN_AT_ONCE + 1
            first = [c for number, c in enumerate(choices) if not long or number < SHOWN_AT_ONCE or c["checked"]]
            more = [c for c in choices if c not in first]
            label = catalogue if heading.label == catalogue else f"{catalogue}: {heading.label}"
            groups.append({"label": label, "purpose": heading.purpose, "choices": first, "more": more})
    return groups


def choice(request: PageRequest, role: Role, ticked: bool, blocked: str) -> dict[str, Any]:
    """A role for components/choice.html."""
    asked = RoleAssignment(role=role, scope=access.root_for(request.user))
    return {
        "role": role, "value": role.uid, "checked": ticked and not blocked, "held": False, "blocked": blocked,
        "why_url": why_url("create", asked) if blocked else "",
    }  # fmt: skip


def review_page(request: PageRequest, form: GiveForm, found: list[Combination]) -> HttpResponse:
    """What will happen to each combination, before anything does."""
    counts = Counter(combination.effect for combination in found)
    rows = [
        {"combination": c, "why_url": why_url("create", c.assignment) if c.effect == Effect.DENIED else ""}
        for c in found
    ]
    return render(request, "console/assignments/review.html", {
        "crumbs": way("Give roles"), "form": form, "found": found, "rows": rows, "ends": form.ends,
        "to_give": counts[Effect.NEW] + counts[Effect.PENDING],
        "held": counts[Effect.HELD], "refused": counts[Effect.DENIED] + counts[Effect.UNFIT],
    })  # fmt: skip


def results_page(request: PageRequest, form: GiveForm, results: list[Result]) -> HttpResponse:
    """What became of each combination. Loaded again, everything is held already."""
    counts = Counter(result.outcome for result in results)
    project = form.found_scopes[0] if len(form.found_scopes) == 1 else None
    return render(request, "console/assignments/results.html", {
        "crumbs": way("Give roles"), "results": results, "total": len(results), "ends": form.ends,
        "given": counts["given"], "held": counts["held"], "refused": counts["refused"],
        "project": project if project and project.kind == Scope.Kind.PROJECT else None,
        "may_list": access.may_some(request.user, "read", *TYPES),
    })  # fmt: skip
