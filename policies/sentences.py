"""Rules in words: "Can launch, open and stop notebooks, jobs and apps where they own it". Data only, no markup."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from accounts.models import Scope
from policies.abilities import lines_in_order
from policies.conditions import Condition, Field
from policies.models import Catalogue, EntityType, Role
from policies.rulebook import Line, Rulebook

# What an action asks for: one of these groups of conditions holds as a whole. Empty: nothing is asked.
Alternatives = tuple[tuple[Condition, ...], ...]

# Verbs of two words that take the thing behind them; other labels of several words name their own: "Read logs".
PARTICLES = (" away", " off", " out", " up")
HOLDERS = {
    "person": "people",
    "group": "groups",
    "project_user": "users of a project",
    "service": "services",
    "app_token": "app tokens",
}
FAMILY_WORDS = {"ai": "AI work", "storage": "Storage", "console": "Rights in a console", "infra": "Infrastructure"}
PLACES = {kind.value: f"{kind.label.lower()}s" for kind in Scope.Kind} | {Scope.Kind.ORGANIZATION.value: "organization"}


class Area(NamedTuple):
    """Things that belong together, and the catalogue that declares them."""

    catalogue: Catalogue
    label: str


@dataclass(frozen=True)
class Sentence:
    """What a role can do with some kinds of things under one condition, and what the vendor calls that."""

    text: str
    vendor: tuple[str, ...]


def rules_in_words(book: Rulebook, role: Role) -> dict[Area, list[Sentence]]:
    """The rules of the role itself, without those of roles that come with it; in the order of the catalogues."""
    areas: dict[Area, dict[EntityType, dict[str, list[Line]]]] = {}
    for action, kind, line in lines_in_order(book, {role.pk}):
        areas.setdefault(area_of(kind), {}).setdefault(kind, {}).setdefault(action, []).append(line)
    return {area: list(_sentences(book, area, kinds)) for area, kinds in areas.items()}


def area_of(kind: EntityType) -> Area:
    """Where a kind of thing is told."""
    return Area(kind.catalogue, kind.area or kind.label)


def _sentences(book: Rulebook, area: Area, kinds: dict[EntityType, dict[str, list[Line]]]) -> Iterable[Sentence]:
    """Kinds of things with which the same can be done are told together; each condition has a sentence of its own."""
    alike: dict[tuple[tuple[str, Alternatives], ...], list[EntityType]] = {}
    for kind, actions in kinds.items():
        key = tuple((kind.actions.get(a, a), alternatives(lines)) for a, lines in actions.items())
        alike.setdefault(key, []).append(kind)
    for key, together in alike.items():
        asked: dict[Alternatives, list[str]] = {}
        for label, conditions in key:
            asked.setdefault(conditions, []).append(label)
        for conditions, labels in asked.items():
            lines = [
                line
                for kind in together
                for action, found in kinds[kind].items()
                if kind.actions.get(action, action) in labels
                for line in found
            ]
            only = where(book, conditions)
            text = f"Can {done(labels, things(book, area, together))}{f' where {only}' if only else ''}"
            plain = {kind.label for kind in together}
            yield Sentence(text, tuple(name for name in vendor_names(lines) if name not in plain))


def alternatives(lines: Iterable[Line]) -> Alternatives:
    """What the rules of one action ask for, taken together."""
    found = dict.fromkeys(line.conditions for line in lines)
    return () if () in found else tuple(found)


def where(book: Rulebook, asked: Alternatives) -> str:
    """The conditions, as the end of "only where …"; empty for none."""
    return ", or ".join(" and ".join(said(book, condition) for condition in group) for group in asked)


def said(book: Rulebook, condition: Condition) -> str:
    """One condition; roles by their labels."""
    if not isinstance(condition, Field):
        return condition.sentence
    subject = field_name(condition.name)
    if condition.name == "role":
        roles = sorted((book.roles[pk] for pk in condition.values if pk in book.roles), key=place_of)
        return f"{subject} is {joined([str(role) for role in roles], 'or')}"
    if condition.name == "target":
        return f"{subject} is {'an' if condition.said[:1] in 'aeiou' else 'a'} {condition.said}"
    return f"{subject} is {condition.said}"


def field_name(name: str) -> str:
    """What a field of a condition is about."""
    return {"role": "the role", "target": "the place"}.get(name, f"its {name.replace('_', ' ')}")


def place_of(role: Role) -> tuple[int, int, str]:
    """Where a role stands among the roles of the installation."""
    return role.catalogue.position, role.position, role.code


def done(labels: Iterable[str], object_: str) -> str:
    """Actions and their things: "list, add and change users, read logs and set visibility"."""
    said = [lowered(label) for label in labels]
    verbs = [label for label in said if " " not in label or label.endswith(PARTICLES)]
    phrases = [label for label in said if label not in verbs]
    if not verbs:
        return f"{joined(phrases)} ({object_})"
    told = f"{joined(verbs)} {object_}"
    return f"{told}, {'and ' if len(phrases) == 1 else ''}{joined(phrases)}" if phrases else told


def things(book: Rulebook, area: Area, kinds: Collection[EntityType]) -> str:
    """Kinds of things of one area; all of a larger area by its name, if none of them has it: "notebooks, jobs and apps"."""
    whole = {kind.pk: kind.label for kind in book.entity_types.values() if area_of(kind) == area}
    if len(whole) > 1 and whole.keys() == {kind.pk for kind in kinds} and area.label not in whole.values():
        return lowered(area.label)
    return joined([lowered(kind.label) for kind in kinds])


def vendor_names(lines: Iterable[Line]) -> tuple[str, ...]:
    """What the vendor calls the rules: "AI Training: ai_training_all, ai_training_read"."""
    found: dict[str, dict[str, None]] = {}
    for line in lines:
        found.setdefault(line.rule.service, {})[line.rule.permission] = None
    names = ((service, ", ".join(filter(None, permissions))) for service, permissions in found.items())
    return tuple(": ".join(filter(None, pair)) for pair in names if any(pair))


def holders_in_words(role: Role) -> str:
    """Who can hold the role: "People and groups"."""
    return sentence_case(joined([HOLDERS.get(kind, kind) for kind in role.subjects]) or "everybody")


def places_in_words(role: Role) -> str:
    """Where the role can be given: "Departments and projects"."""
    if not role.binds or set(role.binds) >= set(PLACES):
        return "Any place"
    if role.binds == [Scope.Kind.ORGANIZATION]:
        return "Whole organization"
    return sentence_case(joined([PLACES.get(kind, kind) for kind in role.binds]))


def joined(parts: Collection[str], word: str = "and") -> str:
    """One, two and three."""
    *before, last = parts or [""]
    return f"{', '.join(before)} {word} {last}" if before else last


def lowered(label: str) -> str:
    """A label inside a sentence; abbreviations stay: "Data Sources" -> "data sources", "AI engines" as it is."""
    return " ".join(word.lower() if word[1:].islower() or len(word) == 1 else word for word in label.split())


def sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]


def givers(book: Rulebook, role: Role) -> dict[Role, str]:
    """The roles in effect whose holders may give this role, each with what else is asked; empty for nothing."""
    asked: dict[Role, set[tuple[Condition, ...]]] = {}
    for line in book.rules_for("create", book.type_id("role_assignment")):
        about_role = [c for c in line.conditions if isinstance(c, Field) and c.name == "role"]
        if all(role.pk in condition.values for condition in about_role):
            rest = tuple(condition for condition in line.conditions if condition not in about_role)
            for giver in book.comes_with[line.role_id] - book.switched_off.keys():
                asked.setdefault(book.roles[giver], set()).add(rest)
    return {
        giver: "" if () in groups else where(book, tuple(sorted(groups, key=lambda group: where(book, (group,)))))
        for giver, groups in sorted(asked.items(), key=lambda pair: place_of(pair[0]))
    }
