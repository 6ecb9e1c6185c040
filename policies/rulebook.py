"""All rules of the installation, read once per process and version: a few hundred rows."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from django.db.models import QuerySet, Subquery

from accounts.models import Scope
from policies.compiled import Compiled
from policies.conditions import Condition, conditions_of
from policies.models import Catalogue, EntityType, Role, RoleSetting, Rule, RulebookVersion


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
    types_by_name: dict[str, tuple[int, ...]]  # full name or code -> row numbers; for its code a shared type alone
    held_with: dict[int, frozenset[int]]  # role -> the roles that come with it, itself among them
    comes_with: dict[int, frozenset[int]]  # the other way round: role -> the roles that it comes with
    switched_off: dict[int, str]  # role without effect now -> why, as the end of a sentence that begins with its name
    defaults: tuple[tuple[int, int | None], ...]  # (role that people hold, unless they hold this one)
    lines: dict[tuple[str, int], tuple[Line, ...]]  # (action, entity type) -> rules

    @property
    def root_id(self) -> int:
        return self.root.pk

    @cached_property
    def short_role_names(self) -> dict[int, str]:
        """{row number of a role: its code, or `catalogue:code` where two catalogues have one of that code}."""
        alike = Counter(role.code for role in self.roles.values())
        return {pk: role.full_name if alike[role.code] > 1 else role.code for pk, role in self.roles.items()}

    def type_id(self, name: str) -> int:
        """Row number of an entity type, by `catalogue:code`, or by its code where that is clear. Raises UnknownQuestion."""
        found = self.types_by_name.get(name, ())
        if len(found) == 1:
            return found[0]
        if found:
            full = sorted(self.entity_types[pk].full_name for pk in found)
            raise UnknownQuestion(f"More than one catalogue declares {name}. Say which: {', '.join(full)}.")
        raise UnknownQuestion(f"No catalogue declares the entity type {name}.")

    def type_called(self, name: str) -> EntityType | None:
        """The entity type of a name; None where no type, or more than one, has it."""
        found = self.types_by_name.get(name, ())
        return self.entity_types[found[0]] if len(found) == 1 else None

    def rules_for(self, action: str, type_id: int) -> tuple[Line, ...]:
        """The rules that could allow an action. Raises UnknownQuestion for an action that the entity type does not have."""
        found = self.lines.get((action, type_id))
        if found is None:
            kind = self.entity_types.get(type_id)
            if kind is None or action not in kind.actions:
                raise UnknownQuestion(f"Nothing can be asked about {action} on {kind.code if kind else type_id}.")
            return ()
        return found


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


def know_version(version: str) -> None:
    """Within asked_once(): another query has brought the version (RULEBOOK_VERSION)."""
    held = _of_request.get()
    if held is not None and not held:
        held.append(_load(version))


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
    (version,) = next(iter(_version()), ("",))
    return _load(version)


RULEBOOK_VERSION = Subquery(RulebookVersion.objects.values("token")[:1])


@Compiled
def _version() -> QuerySet[Any]:
    return RulebookVersion.objects.values_list("token")


@lru_cache(maxsize=3)
def _load(version: str) -> Rulebook:
    """A few versions are kept: a change that is only looked at, or fails, leaves the rules as they were before."""
    roles = {role.pk: role for role in Role.objects.select_related("module", "catalogue").prefetch_related("includes")}
    types = {kind.pk: kind for kind in EntityType.objects.select_related("catalogue")}
    by_name = {role.full_name: role.pk for role in roles.values()}
    lines: dict[tuple[str, int], list[Line]] = defaultdict(list)
    for rule in Rule.objects.all():
        lines[rule.action, rule.entity_type_id].append(Line(rule, rule.role_id, conditions_of(rule, by_name)))
    settings = list(RoleSetting.objects.filter(catalogue__is_enabled=True))
    switched_off = {pk: why for pk, role in roles.items() if (why := _without_effect(role))}
    set_aside = _set_aside(settings, roles)
    held_with = _held_with(roles, settings, switched_off.keys(), set_aside.keys())
    return Rulebook(
        version=version,
        root=Scope.objects.filter(kind=Scope.Kind.ORGANIZATION).first() or Scope.objects.root(),
        roles=roles,
        entity_types=types,
        types_by_name=_types_by_name(types.values()),
        held_with=held_with,
        comes_with={pk: frozenset(giver for giver, held in held_with.items() if pk in held) for pk in roles},
        switched_off=set_aside | switched_off,
        defaults=tuple(_defaults(settings, held_with, switched_off)),
        lines={key: tuple(found) for key, found in lines.items()},
    )


def _types_by_name(types: Iterable[EntityType]) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = defaultdict(tuple)
    shared = {kind.code for kind in types if kind.is_shared}
    for kind in types:
        found[kind.full_name] += (kind.pk,)
        if kind.is_shared or kind.code not in shared:
            found[kind.code] += (kind.pk,)
    return dict(found)


def _held_with(
    roles: dict[int, Role], settings: list[RoleSetting], switched_off: Collection[int], set_aside: Collection[int]
) -> dict[int, frozenset[int]]:
    """Role -> itself and the roles that come with it: those it includes, and those that a setting hangs on it.

    A role without effect brings nothing to one that has effect and includes it (RUN-07); one that is set aside comes by
    its setting alone (H2O-02).
    """
    direct = {pk: {included.pk for included in role.includes.all()}.difference(set_aside) for pk, role in roles.items()}
    for setting in settings:
        if setting.named_id:
            direct[setting.named_id].add(setting.role_id)

    def closure(pk: int) -> frozenset[int]:
        without = () if pk in switched_off else switched_off
        found, todo = {pk}, [pk]
        while todo:
            new = direct[todo.pop()].difference(found, without)
            found |= new
            todo += new
        return frozenset(found)

    return {pk: closure(pk) for pk in roles}


def _set_aside(settings: list[RoleSetting], roles: dict[int, Role]) -> dict[int, str]:
    """Roles that a setting takes from those who were given them (H2O-02, H2O-16)."""
    return {
        s.role_id: f"is not given any more: {s.code} names {roles[s.named_id] if s.named_id else 'nobody'}"
        for s in settings
        if s.named_id != s.role_id and not (s.named_id is None and s.everybody_if_unset)
    }


def _defaults(
    settings: list[RoleSetting], held_with: dict[int, frozenset[int]], switched_off: Iterable[int]
) -> Iterator[tuple[int, int | None]]:
    """(role that every person holds, unless they hold this one), those in effect (H2O-01, H2O-02).

    A catalogue's default role is one of its own: without effect where the catalogue is off.
    """
    starts = list(Catalogue.objects.exclude(default_role=None).values_list("default_role", "default_unless"))
    everybody = [s.role_id for s in settings if s.named_id is None and s.everybody_if_unset]
    everybody += [role for role, unless in starts if not unless]
    always = [pk for pk in everybody if pk not in switched_off]
    yield from ((pk, None) for pk in dict.fromkeys(always))
    held_always = frozenset().union(*(held_with[pk] for pk in always))
    for role, unless in starts:
        if unless and role not in switched_off and unless not in held_always:
            yield role, unless


def _without_effect(role: Role) -> str:
    """Why nobody has anything from the role now; empty where it is in effect (RUN-07, RUN-08)."""
    catalogue = role.catalogue
    if not catalogue.is_enabled:
        return f"is switched off with its catalogue {catalogue}"
    if role.is_retired:
        return f"is gone from its catalogue {catalogue}"
    if role.module and not role.module.is_installed:
        return f"needs the module {role.module}, which is not installed"
    if role.since and catalogue.platform_version and _numbers(catalogue.platform_version) < _numbers(role.since):
        return f"needs version {role.since} of the platform, this is {catalogue.platform_version}"
    return ""


def _numbers(version: str) -> tuple[Any, ...]:
    """Versions compare by their numbers: 2.9 comes before 2.10."""
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))
