"""All rules of the installation, read once per process and version: a few hundred rows."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from accounts.models import Scope
from policies.conditions import Condition, conditions_of
from policies.models import Catalogue, EntityType, Role, Rule, RulebookVersion


class UnknownQuestion(LookupError):
    """The question names an entity type or an action that no catalogue declares."""


@dataclass(frozen=True)
class Line:
    """One rule, ready to be asked."""

    rule: Rule
    role_id: int
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Rulebook:
    version: str
    root: Scope  # as it was when the rules were read; renaming it renews the version
    roles: dict[int, Role]
    entity_types: dict[int, EntityType]
    shared_types: dict[str, int]  # code -> row number of the types that every catalogue may speak about
    held_with: dict[int, frozenset[int]]  # role -> the roles that come with it, itself among them
    switched_off: frozenset[int]  # roles without effect now: catalogue, module or platform version
    defaults: tuple[tuple[int, int | None], ...]  # (role that people hold, unless they hold this one)
    lines: dict[tuple[str, int], tuple[Line, ...]]  # (action, entity type) -> rules

    @property
    def root_id(self) -> int:
        return self.root.pk

    def type_id(self, code: str) -> int:
        """Row number of a shared entity type. Raises UnknownQuestion."""
        try:
            return self.shared_types[code]
        except KeyError:
            raise UnknownQuestion(f"No catalogue declares the entity type {code}. Load the catalogues first.") from None

    def rules_for(self, action: str, type_id: int) -> tuple[Line, ...]:
        """The rules that could allow an action. Raises UnknownQuestion for an action that the entity type does not have."""
        found = self.lines.get((action, type_id))
        if found is None:
            kind = self.entity_types.get(type_id)
            if kind is None or action not in kind.actions:
                raise UnknownQuestion(f"Nothing can be asked about {action} on {kind.code if kind else type_id}.")
            return ()
        return found


_current: Rulebook | None = None
# Within asked_once(): the rules that this request has read already.
_of_request: ContextVar[list[Rulebook] | None] = ContextVar("rulebook of the request", default=None)


@contextmanager
def asked_once() -> Iterator[None]:
    """Inside, the version is asked once: a page is drawn from one state of the rules. Writes ask again (forget_rulebook)."""
    token = _of_request.set([])
    try:
        yield
    finally:
        _of_request.reset(token)


def forget_rulebook() -> None:
    """Ask for the version again at the next question."""
    (_of_request.get() or []).clear()


def rulebook() -> Rulebook:
    """The rules now: one small query to learn the version, a reload only when it moved."""
    held = _of_request.get()
    if held:
        return held[0]
    book = _newest()
    if held is not None:
        held.append(book)
    return book


def _newest() -> Rulebook:
    global _current
    version = RulebookVersion.objects.values_list("token", flat=True).first() or ""
    if _current is None or _current.version != version:
        _current = _load(version)
    return _current


def _load(version: str) -> Rulebook:
    roles = {role.pk: role for role in Role.objects.select_related("module", "catalogue").prefetch_related("includes")}
    types = {kind.pk: kind for kind in EntityType.objects.select_related("catalogue")}
    by_name = {role.full_name: role.pk for role in roles.values()}
    lines: dict[tuple[str, int], list[Line]] = defaultdict(list)
    for rule in Rule.objects.all():
        lines[rule.action, rule.entity_type_id].append(Line(rule, rule.role_id, conditions_of(rule, by_name)))
    return Rulebook(
        version=version,
        root=Scope.objects.root(),
        roles=roles,
        entity_types=types,
        shared_types={kind.code: pk for pk, kind in types.items() if kind.is_shared},
        held_with={pk: frozenset(_with_included(pk, roles)) for pk in roles},
        switched_off=frozenset(pk for pk, role in roles.items() if not _in_effect(role)),
        defaults=tuple(
            (c.default_role_id, c.default_unless_id)
            for c in Catalogue.objects.filter(is_enabled=True)
            if c.default_role_id
        ),
        lines={key: tuple(found) for key, found in lines.items()},
    )


def _with_included(pk: int, roles: dict[int, Role], seen: frozenset[int] = frozenset()) -> set[int]:
    if pk in seen:
        return set()
    return {pk}.union(*(_with_included(role.pk, roles, seen | {pk}) for role in roles[pk].includes.all()))


def _in_effect(role: Role) -> bool:
    catalogue = role.catalogue
    if not catalogue.is_enabled or role.is_retired or (role.module and not role.module.is_installed):
        return False
    return not (role.since and catalogue.platform_version) or _numbers(catalogue.platform_version) >= _numbers(
        role.since
    )


def _numbers(version: str) -> tuple[Any, ...]:
    """Versions compare by their numbers: 2.9 comes before 2.10."""
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))
