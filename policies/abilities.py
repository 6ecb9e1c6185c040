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
    held = {role.pk: [Holding(pk, 0) for pk in book.held_with[role.pk]] for role in roles if role.pk not in book.switched_off}
    return _told(book, ((holding.role_id, str(book.roles[pk])) for pk, holdings in held.items() for holding in holdings))


def abilities_of(user: User, scope: Scope) -> list[Ability]:
    """What the user can do in the scope now, and through what."""
    if not user.is_active:
        return []
    subject = subject_for(user)
    above = set(scope.ancestor_ids)
    places = Scope.objects.in_bulk({h.scope_id for h in subject.holdings if h.scope_id in above and h.scope_id != scope.pk})
    return _told(subject.book, (
        (h.role_id, _source(subject.book, h, places)) for h in subject.holdings if h.scope_id in above
    ))


def _source(book: Rulebook, holding: Holding, places: dict[int, Scope]) -> str:
    role = book.roles[holding.included_in or holding.role_id]
    place = places.get(holding.scope_id)
    where = f"from {place}" if place else "given here"
    return f"{role}, {'through a group' if holding.group_id else where}"


def _told(book: Rulebook, held: Iterable[tuple[int, str]]) -> list[Ability]:
    sources: dict[int, list[str]] = {}
    for role_id, source in held:
        sources.setdefault(role_id, []).append(source)
    told: dict[str, Ability] = {}
    for action, kind, line in _lines_in_order(book, sources):
        ability = told.setdefault(kind.area or kind.label, Ability(kind.area or kind.label))
        label = kind.actions.get(action, action).lower()
        ability.actions[label] = ability.actions.get(label, True) and bool(line.conditions)
        ability.because += [source for source in sources[line.role_id] if source not in ability.because]
    return list(told.values())


def _lines_in_order(book: Rulebook, role_ids: Collection[int]) -> list[tuple[str, EntityType, Line]]:
    """The rules of these roles in the order of their catalogue: entity types first, then the actions as the type lists them."""
    found = [
        (action, book.entity_types[kind], line)
        for (action, kind), lines in book.lines.items() for line in lines if line.role_id in role_ids
    ]
    return sorted(found, key=lambda f: (
        f[1].catalogue.position, f[1].position, list(f[1].actions).index(f[0]) if f[0] in f[1].actions else 99
    ))
