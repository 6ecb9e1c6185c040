"""Which role allows which action, catalogue by catalogue: truth tables, drawn from the rules."""

from dataclasses import dataclass
from itertools import groupby

from policies.models import Catalogue, EntityType, Role
from policies.rulebook import Rulebook, rulebook

YES, SOME, NO = "yes", "some", "no"


@dataclass(frozen=True)
class TruthRow:
    """Things of which the same holds, the actions, and a cell for each role: YES, SOME (under conditions), NO."""

    things: str
    actions: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class TruthTable:
    catalogue: Catalogue
    roles: list[Role]
    rows: list[TruthRow]


def truth_tables() -> list[TruthTable]:
    """One for each catalogue with roles that have rules, switched on or not."""
    book = rulebook()
    ruled = {line.role_id for lines in book.lines.values() for line in lines}
    catalogues = {role.catalogue_id: role.catalogue for role in book.roles.values()}
    found = []
    for catalogue in sorted(catalogues.values(), key=lambda c: (c.position, c.code)):
        roles = [role for role in book.roles.values() if role.catalogue_id == catalogue.pk]
        roles = [role for role in roles if book.held_with[role.pk] & ruled and not role.is_retired]
        if roles:
            found.append(TruthTable(catalogue, roles, list(_rows(book, roles))))
    return found


def _rows(book: Rulebook, roles: list[Role]) -> list[TruthRow]:
    """Actions of one kind with the same cells stand in one row, kinds with the same rows together."""
    kinds: dict[tuple[tuple[str, tuple[str, ...]], ...], list[EntityType]] = {}
    for kind in sorted(book.entity_types.values(), key=lambda k: (k.catalogue.position, k.position)):
        cells = [(label, _cells(book, action, kind, roles)) for action, label in kind.actions.items()]
        cells = sorted((pair for pair in cells if set(pair[1]) != {NO}), key=lambda pair: (pair[1].count(NO), pair[1]))
        grouped = tuple(
            (_joined([label for label, _ in some]), key) for key, some in groupby(cells, key=lambda pair: pair[1])
        )
        if grouped:
            kinds.setdefault(grouped, []).append(kind)
    return [
        TruthRow(_joined([kind.label for kind in same]), actions, cells)
        for grouped, same in kinds.items()
        for actions, cells in grouped
    ]


def _cells(book: Rulebook, action: str, kind: EntityType, roles: list[Role]) -> tuple[str, ...]:
    lines = book.lines.get((action, kind.pk), ())
    plain = {line.role_id for line in lines if not line.conditions}
    some = {line.role_id for line in lines}
    return tuple(
        YES if book.held_with[role.pk] & plain else SOME if book.held_with[role.pk] & some else NO for role in roles
    )


def _joined(labels: list[str]) -> str:
    return ", ".join([labels[0], *(label[:1].lower() + label[1:] for label in labels[1:])])
