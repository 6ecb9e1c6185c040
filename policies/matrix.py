"""The role matrix: which role brings which of the platform's own permissions. Drawn from the rules."""

from dataclasses import dataclass

from policies.models import Role
from policies.rulebook import Rulebook, rulebook


@dataclass(frozen=True)
class MatrixRow:
    service: str
    permission: str
    cells: list[bool]  # one per role


@dataclass(frozen=True)
class Matrix:
    roles: list[Role]
    rows: list[MatrixRow]


def role_matrix(roles: list[Role]) -> Matrix:
    """Service and permission x role; rules without such a heading stand under their area and action."""
    book = rulebook()
    held: dict[tuple[str, str], set[int]] = {}
    for key, role_id in _headings(book, {role.pk for role in roles}):
        held.setdefault(key, set()).add(role_id)
    rows = [
        MatrixRow(*key, [bool(holders & book.held_with[role.pk]) for role in roles]) for key, holders in held.items()
    ]
    return Matrix(roles, rows)


def _headings(book: Rulebook, role_ids: set[int]) -> list[tuple[tuple[str, str], int]]:
    wanted = frozenset().union(*(book.held_with[pk] for pk in role_ids)) if role_ids else frozenset()
    found = []
    for (action, kind_id), lines in book.lines.items():
        kind = book.entity_types[kind_id]
        place = (
            kind.catalogue.position,
            kind.position,
            list(kind.actions).index(action) if action in kind.actions else 99,
        )
        for line in lines:
            if line.role_id in wanted:
                key = (
                    line.rule.service or kind.area or kind.label,
                    line.rule.permission or kind.actions.get(action, action),
                )
                found.append((place, line.rule.position, key, line.role_id))
    return [(key, role_id) for _, _, key, role_id in sorted(found, key=lambda f: (f[0], f[1]))]
