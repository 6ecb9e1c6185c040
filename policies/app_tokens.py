"""App tokens: what one opens (OVH-17). It acts for whoever made it, and never further than they themselves may act now.

find(secret)               the valid token of a secret
may(token, action, thing)  yes or no, for registered things and for kinds of them
opens(...)                 the things that a token of this kind would open, as a queryset
"""

from __future__ import annotations

import re
from typing import Any

from django.db.models import QuerySet

from accounts.models import Project, Scope, User
from policies import access
from policies.access import type_id
from policies.catalogue_files import TOKENS
from policies.holdings import Subject, subject_for
from policies.last_used import touch
from policies.models import AppToken, Resource, Role, Tag
from policies.offers import roles_for
from policies.protected import PROTECTED, At
from policies.resources import lives_in_roster
from policies.rulebook import Line, Rulebook

PREFIX = "roster_app_"  # programs that look for lost secrets find a token by it
LABELS_OFFERED = 50
LABEL = re.compile(r"[^\s=]+=\S+")  # name=value


def find(secret: str) -> AppToken | None:
    """The valid token with this secret, which counts as used now; one query, and none for a text that is no secret of theirs."""
    if not secret.startswith(PREFIX):
        return None
    found = AppToken.objects.opened_by(secret).select_related("made_by", "project", "role").order_by().first()
    if found is not None:
        touch(found, found.made_by_id)
    return found


def may(token: AppToken, action: str, thing: Any) -> bool:
    """Whether a valid token opens an action on a registered thing, or on some thing of a kind: At(kind, project).

    Its role has to allow it, and its maker has to be allowed; with a label, the thing has to carry it, so of some thing
    nothing is known. Conditions of rules are asked of the maker. Raises UnknownQuestion, as access.may.
    """
    maker = token.made_by
    if not isinstance(thing, At | Resource) or thing.scope is None or thing.scope.pk != token.project_id:
        return False
    if token.selector and not (isinstance(thing, Resource) and _carries(thing, token.selector)):
        return False
    subject = subject_for(maker)
    kind = type_id(subject.book, thing)
    if lives_in_roster(subject.book.entity_types[kind]):
        return False
    given = any(_allows(subject, line, thing) for line in _lines(subject.book, action, kind, token.role_id))
    return given and access.may(maker, action, thing)


def opens(maker: User, project: Project, role: Role, selector: str = "") -> QuerySet[Resource]:
    """The things in a project that the maker sees and the role speaks of; with a label, those that carry it."""
    book = subject_for(maker).book
    kinds = {kind for (action, kind) in book.lines if any(_lines(book, action, kind, role.pk))}
    rows = access.visible_resources(maker, within=project).filter(entity_type__in=kinds)
    return rows.filter(tags__name=selector) if selector else rows


def labels(maker: User, project: Project) -> list[str]:
    """Labels of things in the project that the maker sees, the first few."""
    seen = access.visible_resources(maker, within=project).order_by()
    tags = Tag.objects.filter(name__contains="=", resource__in=seen.values("pk"))
    return list(tags.order_by("name").values_list("name", flat=True).distinct()[:LABELS_OFFERED])


def offered_roles() -> list[Role]:
    """The roles that a token can have: those that say so in their catalogue."""
    return [role for role in roles_for(TOKENS, Scope.Kind.PROJECT) if TOKENS in role.subjects]


def shown_prefix(token: AppToken) -> str:
    """How the secret begins: pages show it, so that people recognize a token that they find."""
    return f"{PREFIX}{token.uid[:8]}_"


def _lines(book: Rulebook, action: str, kind: int, role: int) -> list[Line]:
    """The rules about an action that the role brings now. Raises UnknownQuestion."""
    if role in book.switched_off:
        return []
    return [line for line in book.rules_for(action, kind) if line.role_id in book.held_with[role]]


def _allows(subject: Subject, line: Line, thing: Any) -> bool:
    if isinstance(thing, At):
        return not line.conditions
    return all(condition.holds(subject, thing, PROTECTED["resource"]) for condition in line.conditions)


def _carries(thing: Resource, selector: str) -> bool:
    return any(tag.name == selector for tag in thing.tags.all())
