"""Matrices of roles, drawn from the rules.

entity_matrix(book, columns)   kind of thing x role (or person with all their roles): what each allows, and on what condition
role_matrix(roles)             the platform's own permission x role: yes or no
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from accounts.models import Scope, User
from policies.abilities import lines_in_order
from policies.access import outside
from policies.conditions import Field
from policies.holdings import subject_for
from policies.models import EntityType, Role
from policies.protected import At
from policies.rulebook import Line, Rulebook, rulebook
from policies.sentences import (
    Alternatives,
    Area,
    alternatives,
    area_of,
    field_name,
    joined,
    lowered,
    places_in_words,
    sentence_case,
    where,
)

LETTERS = {"create": "C", "read": "R", "update": "U", "delete": "D"}
MOST_COLUMNS = 12  # more are not read side by side: choose first


@dataclass(frozen=True)
class Column:
    """A role with those that come with it, or a person with all of theirs."""

    label: str
    note: str
    role_ids: frozenset[int]
    role: Role | None = None
    user: User | None = None
    without_effect: str = ""  # why nobody has anything from the role now, as in Rulebook.switched_off


@dataclass(frozen=True)
class Letter:
    """One of the four places of a cell."""

    letter: str  # empty: not allowed
    some: bool = False  # only on a condition


@dataclass(frozen=True)
class Said:
    """Actions in words that are allowed on the same condition."""

    words: str
    note: int = 0  # number of the note that tells the condition; 0: none


@dataclass(frozen=True)
class Cell:
    """What a column allows with a kind of thing: letters, where the kind has them, and further actions in words."""

    asked: dict[str, Alternatives]  # action -> its conditions
    letters: tuple[Letter, ...] = ()
    letters_in_words: str = ""
    letter_notes: tuple[int, ...] = ()
    said: tuple[Said, ...] = ()

    @property
    def read_only(self) -> bool:
        return "".join(place.letter for place in self.letters) == "R"


@dataclass(frozen=True)
class Row:
    kind: EntityType
    cells: list[Cell]

    @property
    def differs(self) -> bool:
        return any(cell.asked != self.cells[0].asked for cell in self.cells)


@dataclass(frozen=True)
class EntityMatrix:
    columns: list[Column]
    areas: dict[Area, list[Row]]
    notes: list[str]  # the first is note 1

    @property
    def of_several_catalogues(self) -> bool:
        """A user may hold roles of any."""
        return any(c.user for c in self.columns) or len({c.role.catalogue_id for c in self.columns if c.role}) > 1

    @property
    def some_differ(self) -> bool:
        """Some rows, with others between them that are alike."""
        return len({row.differs for rows in self.areas.values() for row in rows}) > 1

    @property
    def has_letters(self) -> bool:
        return any(cell.letters for rows in self.areas.values() for row in rows for cell in row.cells)


def column_of_role(book: Rulebook, role: Role) -> Column:
    """What the rules say, whether the role is in effect now or not."""
    why = book.switched_off.get(role.pk, "")
    return Column(str(role), places_in_words(role), book.held_with[role.pk], role=role, without_effect=why)


def column_of_user(user: User, scope: Scope | None) -> Column:
    """What the roles of a user give together, as far as they are in effect, in a scope (None: wherever held).

    Shares are not told: they are about single objects. Outside the user's clusters nothing is allowed (RUN-14).
    """
    subject, held = subject_for(user), frozenset[int]()
    note = f"In {scope}" if scope else "Wherever they hold a role"
    if not user.is_active:
        note = "Nothing: the user is disabled"
    elif scope and outside(subject, At("project", scope)):
        note = f"Nothing: {scope} lies outside their clusters"
    else:
        above = set(scope.ancestor_ids) if scope else None
        held = frozenset(h.role_id for h in subject.holdings if above is None or h.scope_id in above)
    return Column(user.label, note, held, user=user)


def entity_matrix(book: Rulebook, columns: list[Column], *, only_differences: bool = False) -> EntityMatrix:
    """A row for each kind of thing that a rule of some column speaks about, under its area."""
    found: dict[EntityType, dict[str, list[Line]]] = {}
    for action, kind, line in lines_in_order(book, frozenset().union(*(column.role_ids for column in columns))):
        found.setdefault(kind, {}).setdefault(action, []).append(line)
    notes = Notes(book)
    areas: dict[Area, list[Row]] = {}
    for kind in sorted(found, key=_by_area(found)):
        asked = [_asked(found[kind], column) for column in columns]
        row = Row(kind, [_cell(kind, cell, asked, notes.number) for cell in asked])
        if row.differs or not only_differences:
            areas.setdefault(area_of(kind), []).append(row)
    return EntityMatrix(columns, areas, notes.told if areas else [])


def _by_area(kinds: Iterable[EntityType]) -> Callable[[EntityType], int]:
    """Kinds of one area stand together, where its first one stands."""
    places: dict[Area, int] = {}
    for kind in kinds:
        places.setdefault(area_of(kind), len(places))
    return lambda kind: places[area_of(kind)]


def _asked(actions: dict[str, list[Line]], column: Column) -> dict[str, Alternatives]:
    """What one column allows: action -> its conditions."""
    found = {a: [line for line in lines if line.role_id in column.role_ids] for a, lines in actions.items()}
    return {action: alternatives(lines) for action, lines in found.items() if lines}


@dataclass
class Notes:
    """The conditions of a matrix in words, each told once and numbered in the order of reading."""

    book: Rulebook
    told: list[str] = field(default_factory=list)

    def number(self, labels: Iterable[str], asked: Alternatives, free_of: Iterable[str]) -> int:
        """Of the note about actions (named where they are not the whole cell); 0 where there is nothing to say."""
        text = f"only where {where(self.book, asked)}" if asked else ""
        if not asked and free_of:
            text = f"whatever {joined([field_name(name) for name in free_of])}"
        if not text:
            return 0
        text = sentence_case(": ".join(filter(None, [joined(list(labels)), text])))
        if text not in self.told:
            self.told.append(text)
        return self.told.index(text) + 1


Number = Callable[[Iterable[str], Alternatives, Iterable[str]], int]


def _cell(kind: EntityType, cell: dict[str, Alternatives], row: list[dict[str, Alternatives]], number: Number) -> Cell:
    lettered = [action for action in LETTERS if action in cell] if has_letters(kind) else []
    letters = tuple(Letter(letter if a in lettered else "", bool(cell.get(a))) for a, letter in LETTERS.items())
    groups = _alike(cell, lettered, row)
    notes = [number(actions if len(groups) > 1 else (), asked, free_of) for (asked, free_of), actions in groups.items()]
    rest = _alike(cell, [action for action in cell if action not in lettered], row)
    said = tuple(
        Said(joined_labels(kind, actions), number((), asked, free_of)) for (asked, free_of), actions in rest.items()
    )
    return Cell(cell, letters if lettered else (), ", ".join(lettered), tuple(filter(None, notes)), said)


def _alike(
    cell: dict[str, Alternatives], actions: list[str], row: list[dict[str, Alternatives]]
) -> dict[tuple[Alternatives, tuple[str, ...]], list[str]]:
    """The actions by their conditions, and by the fields that others of the row are bound to and this cell is not."""
    found: dict[tuple[Alternatives, tuple[str, ...]], list[str]] = {}
    for action in actions:
        bound = {c.name for other in row for group in other.get(action, ()) for c in group if isinstance(c, Field)}
        free_of = () if cell[action] else tuple(sorted(bound))
        found.setdefault((cell[action], free_of), []).append(action)
    return found


def joined_labels(kind: EntityType, actions: Iterable[str]) -> str:
    """Actions as a list begins: "Launch, open, stop"."""
    return sentence_case(", ".join(lowered(kind.actions.get(action, action)) for action in actions))


def has_letters(kind: EntityType) -> bool:
    """Whether create, read, update and delete tell what can be done: all of them are there, or nothing else is."""
    return kind.actions.keys() <= LETTERS.keys() or kind.actions.keys() >= LETTERS.keys()


class PermissionRow(NamedTuple):
    service: str
    permission: str
    cells: tuple[bool, ...]  # one per role


class PermissionColumn(NamedTuple):
    label: str  # of a role

    def __str__(self) -> str:
        return self.label


class PermissionMatrix(NamedTuple):
    """Plain words throughout: two matrices are equal when they read the same."""

    roles: tuple[PermissionColumn, ...]
    rows: tuple[PermissionRow, ...]


def role_matrix(roles: list[Role]) -> PermissionMatrix:
    """Service and permission x role; rules without such a heading stand under their area and action."""
    book = rulebook()
    wanted = frozenset().union(*(book.held_with[role.pk] for role in roles))
    held: dict[tuple[str, str], set[int]] = {}
    for action, kind, line in lines_in_order(book, wanted):
        rule = line.rule
        key = rule.service or kind.area or kind.label, rule.permission or kind.actions.get(action, action)
        held.setdefault(key, set()).add(line.role_id)
    rows = (
        PermissionRow(*key, tuple(bool(having & book.held_with[role.pk]) for role in roles))
        for key, having in held.items()
    )
    return PermissionMatrix(tuple(PermissionColumn(role.label) for role in roles), tuple(rows))
