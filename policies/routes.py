"""How a decision follows, step by step: from the user over group, role, place, rule and conditions to the object.

A route is told from a candidate of access.explain(), so it cannot disagree with the answer. What the asker may not see
(roles that the user holds in other places) is left out, as if it were not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group

from accounts.models import Scope, User
from policies import access, fixes, sentences
from policies.access import Candidate, Decision, type_id
from policies.conditions import Condition, Field, Owner
from policies.fixes import Fix
from policies.holdings import Holding, memberships, subject_for
from policies.models import RoleAssignment
from policies.protected import PROTECTED, At, OrgAssignment, entity_type_of, scope_of, value
from policies.questions import asked, named, question_in_words
from policies.reasons import roles_that_allow
from policies.rulebook import Rulebook

OK, BROKEN, UNREACHED, END = "ok", "broken", "unreached", "end"
ROUTES_SHOWN = 6


@dataclass(frozen=True)
class Step:
    """One stop of a route. `missing` names what a broken one lacks, as Candidate.missing does, or no_role, no_rule,
    disabled, boundary."""

    kind: str
    what: str
    detail: str = ""
    thing: Any = None  # what it is about, for a link
    state: str = OK
    missing: str = ""
    fixes: tuple[Fix, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Route:
    """Steps that read as one sentence, from top to bottom."""

    title: str
    steps: tuple[Step, ...]
    assignment: RoleAssignment | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(step.missing for step in self.steps if step.missing)


@dataclass(frozen=True)
class Explanation:
    """The answer in one sentence, a remark, the routes (the one that decides first), and how many more there are."""

    allowed: bool
    sentence: str
    remark: str
    routes: tuple[Route, ...]
    more: int = 0

    @property
    def fixes(self) -> list[Fix]:
        """What would help, of the first route."""
        return [fix for step in self.routes[0].steps for fix in step.fixes]


def explained(viewer: User, user: User, action: str, thing: Any) -> Explanation:
    """Whether the user may do the action on the thing, and why, as the viewer may be told. Raises UnknownQuestion."""
    decision = access.explain(user, action, thing)
    candidates = _preferred(decision, _seen(viewer, user, thing, decision.candidates))
    teller = _Teller(user, action, thing, decision, candidates[:ROUTES_SHOWN])
    routes = teller.routes()
    answer = f"Yes. {user.label} may" if decision.allowed else f"No. {user.label} may not"
    return Explanation(
        decision.allowed,
        f"{answer} {asked(action, thing)}.",
        teller.remark(routes),
        routes,
        max(0, len(candidates) - ROUTES_SHOWN),
    )


def _seen(viewer: User, user: User, thing: Any, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Without roles held in places of which the viewer may not see who holds what; those above the object may be told."""
    if viewer.pk == user.pk:
        return list(candidates)
    above = access.ancestor_ids(subject_for(user).book, thing)
    elsewhere = {c.holding.scope_id for c in candidates} - above
    seen = set(above)
    if elsewhere:
        readable = access.permitted_scopes(viewer, ("read", "role_assignment"))
        seen |= set(readable.filter(pk__in=elsewhere).values_list("pk", flat=True))
    return [c for c in candidates if c.holding.scope_id in seen]


def _preferred(decision: Decision, candidates: Iterable[Candidate]) -> list[Candidate]:
    """Those with nothing missing; where there are none, all, those first that lack the least."""
    nearest = ("expired", "pending", "switched_off", "condition", "other_scope")

    def order(candidate: Candidate) -> Any:
        holding, kinds = candidate.holding, sorted(nearest.index(missing.kind) for missing in candidate.missing)
        return (
            len(kinds),
            kinds,
            bool(holding.group_id),
            bool(holding.included_in),
            len(candidate.line.conditions),
            holding.assignment_id or 0,
            candidate.line.rule.pk,
        )

    found = sorted(candidates, key=order)
    met = [candidate for candidate in found if not candidate.missing]
    return met if decision.allowed else found


class _Teller:
    """Candidates as routes; names of places, groups and givers are read at once."""

    def __init__(
        self, user: User, action: str, thing: Any, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        self.user, self.action, self.thing, self.decision, self.candidates = user, action, thing, decision, candidates
        self.subject = subject_for(user)
        self.book: Rulebook = self.subject.book
        self.kind = self.book.entity_types[type_id(self.book, thing)]
        self.scope: Scope | None = scope_of(thing)
        self._given: dict[bool, tuple[Fix, ...]] = {}
        self.near = [] if decision.allowed or candidates or not user.is_active else self._of_the_type()
        holdings = [*(c.holding for c in candidates), *(holding for holding, _ in self.near)]
        rows = RoleAssignment.objects.select_related("role__catalogue", "scope", "user", "group")
        self.assignments = rows.in_bulk({h.assignment_id for h in holdings if h.assignment_id})

    # Routes

    def routes(self) -> tuple[Route, ...]:
        told = [self._of_candidate(candidate) for candidate in self.candidates]
        if self.decision.shared and not self.decision.refused:
            told.append(self._of_share())
        if not told:
            told = [self._of_holding(holding, actions) for holding, actions in self.near] or [self._without_role()]
        return tuple(told)

    def remark(self, routes: Sequence[Route]) -> str:
        """What stands under the answer."""
        if self.decision.refused == "disabled":
            return "Whoever is disabled may do nothing."
        if self.decision.refused == "boundary":
            return "It lies outside the clusters that they are bound to."
        if self.decision.allowed:
            return "One way leads to it." if len(routes) == 1 else f"{len(routes)} ways lead to it."
        if not self.candidates and not self.near:
            return "Nothing gives it: no role that they hold here speaks of it."
        lacks = {len(route.missing) for route in routes}
        close = "One role comes close" if len(routes) == 1 else f"{len(routes)} ways come close"
        each = " each" if len(routes) > 1 else ""
        return f"Nothing gives it. {close}, and{each} lacks {'one thing' if lacks == {1} else 'something'}."

    def _of_candidate(self, candidate: Candidate) -> Route:
        missing = {m.kind for m in candidate.missing}
        title = "How it follows" if self.decision.allowed else _title(missing)
        steps = [*self._held(candidate.holding, missing), self._rule(candidate), *self._conditions(candidate)]
        return Route(title, self._finished(steps), self.assignments.get(candidate.holding.assignment_id or 0))

    def _of_holding(self, holding: Holding, actions: list[str]) -> Route:
        """The role is there, and speaks of this kind of thing; it does not allow this action."""
        labels = [self.kind.actions.get(code, code).lower() for code in actions]
        says = f"The role says only: may {', '.join(labels)} {self.kind.label.lower()}."
        rule = Step("needs a rule that says", f"may {self._may()}", says, None, BROKEN, "no_rule", self._gift())
        return Route("The role is there, the action is not", self._finished([*self._held(holding, set()), rule]))

    def _without_role(self) -> Route:
        if not self.user.is_active:
            return Route("Disabled", self._finished([]))
        roles = roles_that_allow(self.book, self.action, self.kind.pk)
        gift = self._gift() or self._gift(partly=True)
        place = f" in {self.scope}" if self.scope else ""
        if not roles:
            step = Step("would need a role", "No role allows it", "", None, BROKEN, "no_role")
        else:
            names = [str(role) for role in roles]
            said = "" if gift or not self.user.is_project_user else "A project user has nothing outside its project."
            step = Step("would need a role", f"{_either(names)}{place}", said, None, BROKEN, "no_role", gift)
        return Route("No role", self._finished([step]))

    def _of_share(self) -> Route:
        shares = PROTECTED[entity_type_of(self.thing)].shares
        assert shares is not None
        which = {"content_object": self.thing.pk, "permission__codename": self.action}
        direct = shares[0]._default_manager.filter(user=self.user.pk, **which).exists()
        groups = memberships().filter(user=self.user.pk).values("group")
        group = Group.objects.filter(
            pk__in=shares[1]._default_manager.filter(group__in=groups, **which).values("group")
        ).first()
        steps = [] if direct or group is None else [Step("is in group", group.name, thing=group)]
        steps.append(Step("with whom was shared", self._verb(), "On this one object, beside all roles."))
        return Route("Shared", self._finished(steps))

    def _finished(self, steps: list[Step]) -> tuple[Step, ...]:
        """User first, object and answer last. What stands behind the last thing missing was never reached."""
        found = [self._user(), *steps, self._object()]
        last = max((number for number, step in enumerate(found) if step.state == BROKEN), default=len(found))
        reached = [step if number <= last else replace(step, state=UNREACHED) for number, step in enumerate(found)]
        end = Step("so", "Allowed", state=END) if self.decision.allowed else Step("so", "Denied", state=UNREACHED)
        return (*reached, end)

    # Steps

    def _user(self) -> Step:
        kind = self.user.get_kind_display().capitalize()
        where = f" of {self.user.project}" if self.user.project else ""
        if not self.user.is_active:
            return Step(kind, self.user.label, "Disabled", self.user, BROKEN, "disabled", (fixes.enable(self.user),))
        return Step(kind, self.user.label, f"Enabled{f', a project user{where}' if where else ''}", self.user)

    def _held(self, holding: Holding, missing: set[str]) -> list[Step]:
        """Group, role, the role that it is part of, and the place."""
        assignment = self.assignments.get(holding.assignment_id or 0)
        given = self.book.roles[holding.included_in or holding.role_id]
        steps = []
        if assignment and assignment.group:
            steps.append(Step("is in group", assignment.group.name, thing=assignment.group))
        steps.append(self._role(holding, assignment, missing))
        if holding.included_in:
            part = self.book.roles[holding.role_id]
            steps.append(Step("which includes role", str(part), thing=part))
        if assignment:
            steps.append(self._place(assignment, missing, given))
        return steps

    def _role(self, holding: Holding, assignment: RoleAssignment | None, missing: set[str]) -> Step:
        role = self.book.roles[holding.included_in or holding.role_id]
        said = _given_by(assignment) if assignment else "Everybody holds it"
        kind = "which holds role" if holding.group_id else "holds role"
        step = Step(kind, str(role), said, role)
        if assignment:
            step = replace(step, since=assignment.granted_at, until=assignment.expires_at)
        broken: list[str] = [name for name in ("expired", "switched_off", "pending") if name in missing]
        if not broken:
            return step
        helping: list[Fix | None] = []
        if "switched_off" in missing:
            said = f"The role {self.book.switched_off[role.pk]}."
            helping.append(fixes.switch_on(self.book, role))
        if "expired" in missing and assignment:
            said = f"{_sentence(said)} The assignment has expired."
            helping.append(fixes.prolong(assignment))
        if "pending" in missing:
            said = f"{_sentence(said)} It is pending until it is given at a narrower scope."
            helping.append(fixes.give(self.user, role, self.scope) if self.scope else None)
        return replace(step, detail=said, state=BROKEN, missing=" ".join(broken), fixes=tuple(filter(None, helping)))

    def _place(self, assignment: RoleAssignment, missing: set[str], role: Any) -> Step:
        place = assignment.scope
        if "other_scope" not in missing:
            said = "The same place" if self.scope and place.pk == self.scope.pk else place.kind.capitalize()
            return Step("at scope", place.name, said, place)
        gift = fixes.give(self.user, role, self.scope) if self.scope else None
        said = f"Not {self.scope}, nor a place above it." if self.scope else ""
        return Step("at scope", place.name, said, place, BROKEN, "other_scope", (gift,) if gift else self._gift())

    def _rule(self, candidate: Candidate) -> Step:
        return Step(
            "whose rule says", f"may {self._may()}", f"Catalogue {self.book.roles[candidate.line.role_id].catalogue}"
        )

    def _conditions(self, candidate: Candidate) -> list[Step]:
        unmet = {missing.sentence for missing in candidate.missing if missing.kind == "condition"}
        return [
            self._unmet(condition)
            if f"only where {condition.sentence}" in unmet
            else Step("where", sentences.said(self.book, condition), self._state_of(condition))
            for condition in candidate.line.conditions
        ]

    def _unmet(self, condition: Condition) -> Step:
        if isinstance(self.thing, At):
            unknown = "Nothing is known of a thing that is not named: ask about one of them."
            return Step(
                "only where", sentences.said(self.book, condition), unknown, None, BROKEN, "condition", self._gift()
            )
        change = fixes.describe(condition, self.thing)
        helping = ((change,) if change else ()) + self._gift()
        what, now = sentences.said(self.book, condition), self._state_of(condition)
        return Step("only where", what, now, None, BROKEN, "condition", helping)

    def _state_of(self, condition: Condition) -> str:
        """What the object says to a condition."""
        seen = PROTECTED.get(entity_type_of(self.thing))
        if seen is None or isinstance(self.thing, At):
            return ""
        if isinstance(condition, Owner):
            owner = value(self.thing, condition.path(seen).removesuffix("_id")) if condition.path(seen) else None
            return f"It belongs to {owner.label}." if owner else "It belongs to nobody."
        if isinstance(condition, Field) and condition.name in seen.fields:
            found = value(self.thing, seen.fields[condition.name])
            if not found:
                return f"It has no {condition.name}."
            now = replace(condition, values=frozenset({found}), said=str(found))
            return f"{sentences.sentence_case(sentences.said(self.book, now))}."
        return ""

    def _object(self) -> Step:
        label = self.kind.label
        if isinstance(self.thing, At | OrgAssignment):
            what, said = f"{label} {f'in {self.scope}' if self.scope else 'anywhere'}", "Whichever they are"
        else:
            place = f", in {self.scope}" if self.scope and self.scope != self.thing else ""
            what, said = named(self.thing), f"{label}{place}"
        if self.decision.refused != "boundary":
            return Step("on this object", what, said, self.thing)
        cluster = self.scope.cluster if self.scope and self.scope.cluster_id else self._cluster()
        helping = (fixes.add_cluster(self.user, cluster),) if cluster else ()
        said = f"It lies in cluster {cluster}, which is not among the clusters of {self.user.label}."
        return Step("on this object", what, said, self.thing, BROKEN, "boundary", helping)

    # Parts

    def _of_the_type(self) -> list[tuple[Holding, list[str]]]:
        """(holding in effect here, actions that its rules allow on this kind of thing), one for each role given."""
        above = access.ancestor_ids(self.book, self.thing)
        allowed: dict[int, list[str]] = {}
        for (action, kind), lines in self.book.lines.items():
            if kind == self.kind.pk:
                for line in lines:
                    allowed.setdefault(line.role_id, []).append(action)
        order = list(self.kind.actions)
        here = [h for h in self.subject.holdings if h.scope_id in above and h.role_id in allowed]
        by_role = {h.role_id: h for h in reversed(here)}
        return [
            (h, sorted(set(allowed[h.role_id]), key=lambda a: order.index(a) if a in order else 99))
            for h in by_role.values()
        ][:ROUTES_SHOWN]

    def _gift(self, *, partly: bool = False) -> tuple[Fix, ...]:
        if partly not in self._given:
            found = fixes.give_some(self.book, self.user, self.action, self.thing, partly=partly)
            self._given[partly] = (found,) if found else ()
        return self._given[partly]

    def _verb(self) -> str:
        return f"may {self.kind.actions[self.action].lower()}"

    def _may(self) -> str:
        return question_in_words(self.kind, self.action).lower()

    def _cluster(self) -> Scope | None:
        above = self.scope.cluster_above_id if self.scope else None
        return Scope.objects.filter(pk=above).first() if above else None


def _title(missing: set[str]) -> str:
    titles = {
        "expired": "The role was there, and has expired",
        "pending": "The role is pending",
        "switched_off": "The role is switched off",
        "other_scope": "The role is elsewhere",
        "condition": "The role is there, a condition is not met",
    }
    return next((title for kind, title in titles.items() if kind in missing), "Outside their clusters")


def _given_by(assignment: RoleAssignment) -> str:
    reason = f": {assignment.reason}" if assignment.reason else ""
    return f"Given by {assignment.granted_by}{reason}"


def _sentence(said: str) -> str:
    return said if said.endswith((".", "!", "?")) else f"{said}."


def _either(names: list[str]) -> str:
    *before, last = names
    return f"{', '.join(before)} or {last}" if before else last
