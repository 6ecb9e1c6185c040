"""OpenID AuthZEN Authorization API 1.0: may this subject do this action with that resource?

A service is answered about the places where it may `ask` for decisions, and told why where it may `explain` them. Of
everything else it learns as much as of what does not exist. Decisions stand in the log, not in the audit trail.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.models import User
from console.api.bearer import APIError, ServiceRequest, json_body, service_api
from console.api.entities import Entity, Named, Question, id_of, kinds_of_subjects, order_of, type_of
from console.api.paging import Paging
from console.protection import public
from policies import access
from policies.holdings import subject_for
from policies.models import AuditEvent, Resource
from policies.protected import At, entity_type_of, protected_as, scope_of
from policies.reasons import reasons_for
from policies.rulebook import rulebook

log = logging.getLogger("console.decisions")

MOST_EVALUATIONS = 1000
SEMANTICS = ("execute_all", "deny_on_first_deny", "permit_on_first_permit")
QUESTION = ("subject", "action", "resource", "context")
NOTHING = "There is no such subject, or no such thing that has this action."
LOGGED = 200  # characters of what a service wrote


@require_safe
@public
def configuration(request: HttpRequest) -> HttpResponse:
    """Where the endpoints are: GET /.well-known/authzen-configuration."""
    base = settings.ROSTER_BASE_URL
    endpoints = {
        "access_evaluation_endpoint": "authzen_evaluation",
        "access_evaluations_endpoint": "authzen_evaluations",
        "search_subject_endpoint": "authzen_search_subject",
        "search_resource_endpoint": "authzen_search_resource",
        "search_action_endpoint": "authzen_search_action",
    }
    told = {"policy_decision_point": base, **{name: base + reverse(view) for name, view in endpoints.items()}}
    return JsonResponse(told, headers={"Cache-Control": "public, max-age=3600"})


@service_api("POST")
def evaluation(request: ServiceRequest) -> JsonResponse:
    asking = Asking(request.service)
    return JsonResponse(asking.decisions([question_of(json_body(request))])[0])


@service_api("POST")
def evaluations(request: ServiceRequest) -> JsonResponse:
    """Many questions; what stands beside them is the default of each."""
    asking, body = Asking(request.service), json_body(request)
    given = body.get("evaluations", [])
    semantic = _object(body, "options").get("evaluations_semantic", SEMANTICS[0])
    if semantic not in SEMANTICS:
        raise APIError(400, f"options.evaluations_semantic: expected one of {', '.join(SEMANTICS)}.")
    if not isinstance(given, list) or len(given) > MOST_EVALUATIONS:
        raise APIError(400, f"evaluations: expected a list of at most {MOST_EVALUATIONS:,} questions.")
    if not given:
        return JsonResponse(asking.decisions([question_of(body)])[0])
    defaults: dict[str, Any] = {name: body[name] for name in QUESTION if name in body}
    questions = [question_of(item, defaults, f"evaluations[{number}].") for number, item in enumerate(given)]
    return JsonResponse({"evaluations": _until(semantic, asking.decisions(questions))})


@service_api("POST")
def search_subject(request: ServiceRequest) -> JsonResponse:
    """Who may do it?"""
    asking, body = Asking(request.service), json_body(request)
    wanted, question = entity_of(body, "subject", with_id=False), question_of(body, without="subject")
    page = Paging.of(_paged(body), "subject", request.service.uid)
    kinds = kinds_of_subjects(asking.book, wanted.type)
    thing = asking.named([question]).thing(question)
    rows = User.objects.none()
    if kinds and thing is not None and asking.may("ask", thing):
        rows = access.people_who_may(question.action, thing).filter(kind__in=kinds)
    return JsonResponse(page.of_rows(rows, "username", lambda user: {"type": wanted.type, "id": id_of(user)}))


@service_api("POST")
def search_resource(request: ServiceRequest) -> JsonResponse:
    """With which registered things of a type?"""
    asking, body = Asking(request.service), json_body(request)
    wanted, question = entity_of(body, "resource", with_id=False), question_of(body, without="resource")
    page = Paging.of(_paged(body), "resource", request.service.uid)
    kind = type_of(asking.book, wanted.type, question.action)
    subject = asking.named([question]).subject(question)
    protected = protected_as(asking.book.entity_types, [(question.action, kind.pk)]) if kind else None
    if kind is None or protected is None or subject is None or protected.model is AuditEvent:  # events have no names
        return JsonResponse(page.of_list([], str))
    rows = asking.within(access.permitted(subject, question.action, kind.full_name), protected.scope)
    told = page.of_rows(rows, order_of(protected.model), lambda thing: {"type": wanted.type, "id": id_of(thing)})
    return JsonResponse(told)


@service_api("POST")
def search_action(request: ServiceRequest) -> JsonResponse:
    """What may the subject do with it?"""
    asking, body = Asking(request.service), json_body(request)
    question = question_of(body, without="action")
    page = Paging.of(_paged({**body, "action": None}), "action", request.service.uid)
    named = Named(request.service, [question], asking.book, any_action=True)
    subject, thing = named.subject(question), named.thing(question)
    allowed: Iterable[str] = ()
    if subject is not None and thing is not None and asking.may("ask", thing):
        allowed = actions_of(subject, thing, asking)
    return JsonResponse(page.of_list(allowed, lambda action: {"name": action}))


def actions_of(subject: User, thing: Any, asking: Asking) -> list[str]:
    """The actions that are allowed, in the order of the catalogue."""
    kind = asking.book.entity_types[access.type_id(asking.book, thing)]
    if isinstance(thing, At):
        return [action for action in kind.actions if access.may(subject, action, thing)]
    is_stated = isinstance(thing, Resource) and thing.pk is None  # its service may be about to create it
    allowed = access.actions_for(subject, [thing])[thing.pk]
    return [action for action in (kind.actions if is_stated else kind.actions_on_one) if action in allowed]


class Asking:
    """A service that asks, and what it may ask and be told: decided once for each place of a request."""

    def __init__(self, service: User) -> None:
        """Raises APIError for a service that may ask nowhere."""
        self.service = service
        self.book = rulebook()
        self._places: dict[tuple[str, int], bool] = {}
        if not access.may(service, "ask", At("decision")):
            raise APIError(403, "This service holds no role that lets it ask for decisions.")

    def named(self, questions: list[Question]) -> Named:
        return Named(self.service, questions, self.book)

    def may(self, action: str, thing: Any) -> bool:
        """Whether it may ask for decisions about the object, or have them explained: where the object lies."""
        scope = scope_of(thing) or self.book.root
        key = action, scope.pk
        if key not in self._places:
            self._places[key] = access.may(self.service, action, At("decision", scope))
        return self._places[key]

    def within(self, rows: Any, scope: str) -> Any:
        """Those of the objects that it may ask about. `scope`: where they keep their place."""
        if self.may("ask", self.book.root):
            return rows
        places: Any = access.permitted_scopes(self.service, ("ask", "decision"))
        return rows.filter(**{f"{scope}__in": places.values("pk")}) if scope else rows.none()

    def decisions(self, questions: list[Question]) -> list[dict[str, Any]]:
        """The answers, in the order of the questions."""
        named = self.named(questions)
        found = [(named.subject(question), named.thing(question)) for question in questions]
        known = [
            pair if pair[0] is not None and pair[1] is not None and self.may("ask", pair[1]) else None for pair in found
        ]
        allowed = _allowed_together(questions, known)
        answers = []
        for number, (question, pair) in enumerate(zip(questions, known, strict=True)):
            answers.append(self._answer(question, pair, allowed.get(number)))
            _log(question, answers[-1])
        return answers

    def _answer(self, question: Question, pair: tuple[Any, Any] | None, allowed: bool | None) -> dict[str, Any]:
        if pair is None:
            told = self.may("explain", self.book.root)
            return {"decision": False, "context": {"reasons": [NOTHING]}} if told else {"decision": False}
        subject, thing = pair
        if self.may("explain", thing):
            return self._explained(subject, question.action, thing)
        return {"decision": access.may(subject, question.action, thing) if allowed is None else allowed}

    def _explained(self, subject: User, action: str, thing: Any) -> dict[str, Any]:
        """With the reasons; but of roles in other places none, for a service that may not have decisions explained there."""
        decision = access.explain(subject, action, thing)
        reasons = decision.reasons
        if decision.candidates and not self.may("explain", self.book.root):
            here = [c for c in decision.candidates if all(m.kind != "other_scope" for m in c.missing)]
            beyond = decision.refused == "boundary"
            reasons = reasons_for(subject_for(subject), action, thing, here, beyond=beyond, shared=decision.shared)
        return {"decision": decision.allowed, "context": {"reasons": list(reasons)}}


def _allowed_together(questions: list[Question], known: list[tuple[Any, Any] | None]) -> dict[int, bool]:
    """{number of a question: its decision}: one subject's questions about saved things of one model cost what one costs."""
    groups: dict[tuple[User, str], dict[int, Any]] = defaultdict(dict)
    for number, pair in enumerate(known):
        if pair is not None and getattr(pair[1], "pk", None) is not None:
            groups[pair[0], entity_type_of(pair[1])][number] = pair[1]
    found: dict[int, bool] = {}
    for (subject, _), things in groups.items():
        if len(things) > 1:
            actions = access.actions_for(subject, {thing.pk: thing for thing in things.values()}.values())
            found |= {number: questions[number].action in actions[thing.pk] for number, thing in things.items()}
    return found


def _until(semantic: str, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers up to the one that decides, as options.evaluations_semantic asks for."""
    if semantic == SEMANTICS[0]:
        return answers
    last = semantic == SEMANTICS[2]
    for number, answer in enumerate(answers):
        if answer["decision"] is last:
            return answers[: number + 1]
    return answers


# ---- What a request has to look like; members that the specification does not know are left alone


def question_of(body: Any, defaults: dict[str, Any] | None = None, at: str = "", without: str = "") -> Question:
    """A question from its JSON; `without` the part that is searched for. Raises APIError that names what is wrong."""
    if not isinstance(body, dict):
        raise APIError(400, f"{at.rstrip('.')}: expected an object.")
    whole = {**(defaults or {}), **body}
    _object(whole, "context", at)
    subject = Entity("") if without == "subject" else entity_of(whole, "subject", at)
    resource = Entity("") if without == "resource" else entity_of(whole, "resource", at)
    action = ""
    if without != "action":
        named = _object(whole, "action", at, required=True)
        _object(named, "properties", f"{at}action.")
        action = _string(named, "name", f"{at}action.")
    return Question(subject, action, resource)


def entity_of(body: dict[str, Any], name: str, at: str = "", with_id: bool = True) -> Entity:
    found = _object(body, name, at, required=True)
    properties = _object(found, "properties", f"{at}{name}.")
    kind = _string(found, "type", f"{at}{name}.")
    return Entity(kind, _string(found, "id", f"{at}{name}.") if with_id else "", properties)


def _paged(body: dict[str, Any]) -> dict[str, Any]:
    page = _object(body, "page")
    _object(page, "properties", "page.")
    if not isinstance(page.get("token", ""), str):
        raise APIError(400, "page.token: expected a string.")
    return body


def _object(body: dict[str, Any], name: str, at: str = "", required: bool = False) -> dict[str, Any]:
    if name not in body and not required:
        return {}
    found = body.get(name)
    if not isinstance(found, dict):
        raise APIError(400, f"{at}{name}: expected an object.")
    return found


def _string(body: dict[str, Any], name: str, at: str) -> str:
    found = body.get(name)
    if not isinstance(found, str):
        raise APIError(400, f"{at}{name}: expected a string.")
    return found


def _log(question: Question, answer: dict[str, Any]) -> None:
    log.info(
        "decided",
        extra={
            "subject": question.subject.id[:LOGGED],
            "action": question.action[:LOGGED],
            "resource": f"{question.resource.type}:{question.resource.id}"[:LOGGED],
            "decision": answer["decision"],
        },
    )
