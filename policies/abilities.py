"""What roles let somebody do, told by areas: "Notebooks, jobs and apps: launch, open, stop, delete". Drawn from the rules alone."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from accounts.models import Scope, User
from policies.holdings import Holding, subject_for
from policies.models import EntityType, Role
from policies.rulebook import Line, Rulebook, rulebook


@dataclass
class Ability:
    """One area of things: the actions on them, and where each comes from."""

    area: str
    actions: dict[str, bool] = field(default_factory=dict)  # label of the action -> only under conditions
    because: list[str] = field(default_factory=list)

    @property
    def detail(self) -> str:
        """The actions as a sentence part: "Launch, open, stop, delete"."""
        said = [f"{label} (some)" if conditional else label for label, conditional in self.actions.items()]
        return ", ".join(said).capitalize()


def abilities(roles: Collection[Role]) -> list[Ability]:
    """What somebody who holds these roles, and no other, can do where they hold them."""
    book = rulebook()
    return _by_area(book, _per_type(book, _with_included(book, roles)))


def lost(before: Collection[Role], after: Collection[Role]) -> list[Ability]:
    """What the roles before allow and the roles after do not."""
    book = rulebook()
    kept = _per_type(book, _with_included(book, after))
    found = _per_type(book, _with_included(book, before))
    for kind, ability in found.items():
        actions = kept[kind].actions if kind in kept else {}
        ability.actions = {label: some for label, some in ability.actions.items() if label not in actions}
    return _by_area(book, {kind: ability for kind, ability in found.items() if ability.actions})


def _with_included(book: Rulebook, roles: Collection[Role]) -> list[tuple[int, str]]:
    """(role, where it comes from) of these roles and those that they include, as far as they are in effect."""
    live = [role for role in roles if role.pk not in book.switched_off]
    return [(included, str(role)) for role in live for included in book.held_with[role.pk]]


def abilities_of(user: User, scope: Scope) -> list[Ability]:
    """What the user can do in the scope now, and through what."""
    if not user.is_active:
        return []
    subject = subject_for(user)
    above = set(scope.ancestor_ids)
    places = Scope.objects.in_bulk(
        {h.scope_id for h in subject.holdings if h.scope_id in above and h.scope_id != scope.pk}
    )
    held = [(h.role_id, _source(subject.book, h, places)) for h in subject.holdings if h.scope_id in above]
    return _by_area(subject.book, _per_type(subject.book, held))


def _source(book: Rulebook, holding: Holding, places: dict[int, Scope]) -> str:
    role = book.roles[holding.included_in or holding.role_id]
    place = places.get(holding.scope_id)
    where = f"from {place}" if place else "given here"
    return f"{role}, {'through a group' if holding.group_id else where}"


def _per_type(book: Rulebook, held: Iterable[tuple[int, str]]) -> dict[int, Ability]:
    """{entity type: what the (role, source) pairs allow on it}, in the order of the catalogues."""
    sources: dict[int, list[str]] = {}
    for role_id, source in held:
        sources.setdefault(role_id, []).append(source)
    per_type: dict[int, Ability] = {}
    for action, kind, line in lines_in_order(book, sources):
        ability = per_type.setdefault(kind.pk, Ability(kind.label))
        label = kind.actions.get(action, action).lower()
        ability.actions[label] = ability.actions.get(label, True) and bool(line.conditions)
        ability.because += [source for source in sources[line.role_id] if source not in ability.because]
    return per_type


def _by_area(book: Rulebook, per_type: dict[int, Ability]) -> list[Ability]:
    """Types of one area of which the same can be done are told in one line; of the whole area, by its name."""
    lines: dict[tuple[str, frozenset[tuple[str, bool]]], list[int]] = {}
    for pk, ability in per_type.items():
        kind = book.entity_types[pk]
        lines.setdefault((kind.area or kind.label, frozenset(ability.actions.items())), []).append(pk)
    told = []
    for (area, _), types in lines.items():
        whole = {pk for pk, kind in book.entity_types.items() if (kind.area or kind.label) == area}
        first = per_type[types[0]]
        label = area if whole == set(types) else _joined([book.entity_types[pk].label for pk in types])
        because = dict.fromkeys(source for pk in types for source in per_type[pk].because)
        told.append(Ability(label, first.actions, list(because)))
    return told


def _joined(labels: list[str]) -> str:
    """Machines, Volumes, Networks -> "Machines, volumes and networks"."""
    *before, last = [labels[0], *(label[:1].lower() + label[1:] for label in labels[1:])]
    return f"{', '.join(before)} and {last}" if before else last


def lines_in_order(book: Rulebook, role_ids: Collection[int]) -> list[tuple[str, EntityType, Line]]:
    """The rules of these roles in the order of their catalogue: entity types first, then the actions as the type lists them."""
    found = [
        (action, book.entity_types[kind], line)
        for (action, kind), lines in book.lines.items()
        for line in lines
        if line.role_id in role_ids
    ]
    return sorted(found, key=lambda f: (*_place(f[1], f[0]), f[2].rule.position))


def _place(kind: EntityType, action: str) -> tuple[int, int, int]:
    actions = list(kind.actions)
    return kind.catalogue.position, kind.position, actions.index(action) if action in actions else len(actions)
