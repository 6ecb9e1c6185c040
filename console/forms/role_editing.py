"""The form of a role: its name and bounds, and the cells of its matrix.

The cells of an entity type are lines: the first without conditions, every further one with its own. A line's boxes are
called `TYPE-NUMBER`, its conditions `TYPE-NUMBER-NAME`. What is not known is passed over: the action checks the rest.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from django import forms
from django.http import QueryDict

from accounts.models import Scope
from policies.actions.roles import RoleDraft
from policies.catalogue_files import CONDITIONS, SUBJECTS, RuleEntry, askable
from policies.models import EntityType, Role
from policies.rulebook import Rulebook
from policies.sentences import FAMILY_WORDS, HOLDERS, PLACES, place_of, sentence_case

LONGEST_VALUE = 20  # characters of a visibility
MOST_LINES = 20  # of one entity type
LINE = re.compile(r"(?P<type>[a-z0-9_-]+:[a-z0-9_-]+?)-(?P<number>[0-9]{1,2})(-[a-z_]+)?$")
FLAG_WORDS = {
    "owner": "they own it",
    "parent_owner": "they own what it belongs to",
    "listed": "it, or one of its tags, lists a role that they hold",
}


class RoleForm(forms.Form):
    """Everything of a role but its rules."""

    label = forms.CharField(max_length=80, label="Name", help_text="As it stands on chips and in lists.")
    purpose = forms.CharField(max_length=300, required=False, help_text="What it is for, in one sentence.")
    family = forms.ChoiceField(
        choices=FAMILY_WORDS.items(),
        initial="console",
        label="Kind",
        help_text="The shape of its chip.",
    )
    subjects = forms.MultipleChoiceField(
        choices=[(kind, sentence_case(HOLDERS[kind])) for kind in dict.fromkeys(SUBJECTS)],
        required=False,
        label="Who can hold it",
        help_text="None ticked: everybody.",
        widget=forms.CheckboxSelectMultiple,
    )
    binds = forms.MultipleChoiceField(
        choices=[(kind, sentence_case(PLACES[kind])) for kind in Scope.Kind.values],
        required=False,
        label="Where it can be given",
        help_text="None ticked: everywhere. It holds there and in everything below.",
        widget=forms.CheckboxSelectMultiple,
    )
    includes = forms.MultipleChoiceField(
        required=False,
        help_text="Whoever holds this role has what these allow too.",
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, book: Rulebook, role: Role | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["includes"].choices = includable(book, role)  # type: ignore[attr-defined]

    def draft(self, rules: Iterable[RuleEntry]) -> RoleDraft:
        """The role as the form says it; the form is valid."""
        asked = self.cleaned_data
        return RoleDraft(
            label=asked["label"],
            purpose=asked["purpose"],
            family=asked["family"],
            binds=tuple(asked["binds"]),
            subjects=tuple(asked["subjects"]),
            includes=tuple(asked["includes"]),
            rules=tuple(rules),
        )


def includable(book: Rulebook, role: Role | None = None) -> list[tuple[str, list[tuple[str, str]]]]:
    """Roles that another one can include, by catalogue."""
    roles = sorted((r for r in book.roles.values() if not r.is_retired and r != role), key=place_of)
    return [
        (str(catalogue), [(each.full_name, str(each)) for each in found])
        for catalogue, found in groupby(roles, key=lambda each: each.catalogue)
    ]


@dataclass
class Line:
    """Some actions on one entity type, under the same conditions; the first line of a type has none."""

    name: str  # of its boxes; those of its conditions begin with it
    actions: set[str] = field(default_factory=set)
    flags: set[str] = field(default_factory=set)  # conditions that are met or not
    values: dict[str, list[str]] = field(default_factory=dict)  # role, target
    visibility: str = ""  # as it was written
    blocked: set[str] = field(default_factory=set)  # actions that the actor may not put into a role
    error: str = ""

    @property
    def is_first(self) -> bool:
        return self.name.endswith("-0")

    @property
    def is_empty(self) -> bool:
        return not (self.actions or self.flags or self.fields)

    @property
    def fields(self) -> dict[str, list[str]]:
        """The conditions with values, as a rule keeps them."""
        written = {word.strip() for word in self.visibility.split(",")} - {""}
        asked = {**self.values, "visibility": sorted(written)}
        return {name: sorted(values) for name, values in sorted(asked.items()) if values}

    def check(self) -> None:
        """Say what is wrong with it, if anything."""
        if self.is_first or self.is_empty:
            return
        if not self.flags and not self.fields:
            self.error = "Choose a condition, or tick these above, where nothing is asked."
        elif not self.actions:
            self.error = "Tick what may be done under this condition."
        elif any(len(word) > LONGEST_VALUE or "\x00" in word for word in self.fields.get("visibility", ())):
            self.error = f"Write values of at most {LONGEST_VALUE} characters, with commas between them."


@dataclass
class Cells:
    """The lines of one entity type."""

    kind: EntityType
    lines: list[Line]

    @property
    def name(self) -> str:
        return self.kind.full_name

    @property
    def askable(self) -> list[str]:
        return askable(self.kind.code, self.kind.is_shared)

    @property
    def flags(self) -> list[tuple[str, str]]:
        """The conditions to tick: (name, words)."""
        return [(name, FLAG_WORDS[name]) for name in self.askable if name in CONDITIONS]

    @property
    def ticked(self) -> int:
        return len(set().union(*(line.actions for line in self.lines)))

    def rules(self) -> Iterator[RuleEntry]:
        """What the lines say."""
        for line in self.lines:
            owner, parent_owner, listed = (name in line.flags for name in CONDITIONS)
            for action in line.actions:
                yield RuleEntry(action, self.name, owner, parent_owner, listed, line.fields)


def shown_types(book: Rulebook, used: Collection[str]) -> list[EntityType]:
    """The entity types to tick: of every catalogue that is on, and those that the role speaks about already."""
    shown = [k for k in book.entity_types.values() if k.catalogue.is_enabled or k.full_name in used]
    return sorted(shown, key=lambda kind: (kind.catalogue.position, kind.catalogue.code, kind.position))


def cells_of(book: Rulebook, rules: Collection[RuleEntry]) -> list[Cells]:
    """The matrix of a role as it is."""
    used = {rule.entity_type for rule in rules}
    found = {kind.full_name: Cells(kind, [Line(f"{kind.full_name}-0")]) for kind in shown_types(book, used)}
    lines: dict[str, Line] = {}
    for rule in rules:
        cells = found[rule.entity_type]
        asked = str(replace(rule, action="")) if _asks(rule) else ""
        line = lines.get(asked) if asked else cells.lines[0]
        if line is None:
            line = lines[asked] = _line_of(f"{cells.name}-{len(cells.lines)}", rule)
            cells.lines.append(line)
        line.actions.add(rule.action)
    return [_with_room(cells) for cells in found.values()]


def _asks(rule: RuleEntry) -> bool:
    return bool(rule.fields) or any(getattr(rule, name) for name in CONDITIONS)


def _line_of(name: str, rule: RuleEntry) -> Line:
    values = dict(rule.fields)
    visibility = ", ".join(values.pop("visibility", ()))
    flags = {condition for condition in CONDITIONS if getattr(rule, condition)}
    return Line(name, flags=flags, values=values, visibility=visibility)


def posted_cells(book: Rulebook, data: QueryDict) -> list[Cells]:
    """The matrix as it was sent; what is wrong stands with its line."""
    sent: dict[str, set[int]] = {}
    for key in data:
        if match := LINE.match(key):
            sent.setdefault(match["type"], set()).add(int(match["number"]))
    found = []
    for kind in shown_types(book, sent.keys()):
        cells = Cells(kind, [])
        further = sorted(sent.get(cells.name, set()) - {0})[: MOST_LINES - 1] if cells.askable else []
        for number in (0, *further):
            line = _posted_line(data, cells, number)
            if number == 0 or not line.is_empty:
                line.name = f"{cells.name}-{len(cells.lines)}"
                line.check()
                cells.lines.append(line)
        found.append(_with_room(cells))
    return found


def _posted_line(data: QueryDict, cells: Cells, number: int) -> Line:
    name = f"{cells.name}-{number}"
    line = Line(name, actions=set(data.getlist(name)) & cells.kind.actions.keys())
    for condition in cells.askable if number else ():
        sent = data.getlist(f"{name}-{condition}")
        if condition in CONDITIONS:
            line.flags |= {condition} if "1" in sent else set()
        elif condition == "visibility":
            line.visibility = sent[0][:500] if sent else ""
        else:
            line.values[condition] = sorted(set(sent) - {""})
    return line


def _with_room(cells: Cells) -> Cells:
    """With an empty line at the end, for one more condition."""
    if cells.askable and len(cells.lines) < MOST_LINES:
        cells.lines.append(Line(f"{cells.name}-{len(cells.lines)}"))
    return cells
