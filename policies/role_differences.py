"""What differs between two drafts of a role, in words."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from policies.actions.roles import RoleDraft
from policies.catalogue_files import RuleEntry
from policies.conditions import conditions_of
from policies.effects import Permission, in_words
from policies.models import Rule
from policies.rulebook import Rulebook, rulebook
from policies.sentences import FAMILY_WORDS, HOLDERS, PLACES, joined, sentence_case


@dataclass(frozen=True)
class Difference:
    """One part of a role: what it no longer says, and what it says now; each as lines.

    Of a list, lines come and go; of anything else one line replaces another.
    """

    label: str
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    is_list: bool = False


def description(draft: RoleDraft) -> list[Difference]:
    """What a new role says."""
    return [replace(part, removed=()) for part in differences(RoleDraft(""), draft)]


def differences(before: RoleDraft, after: RoleDraft) -> list[Difference]:
    """The parts that differ, rules last."""
    book = rulebook()
    parts = (
        ("Name", _text(before.label), _text(after.label)),
        ("Purpose", _text(before.purpose), _text(after.purpose)),
        ("Kind", _text(FAMILY_WORDS[before.family]), _text(FAMILY_WORDS[after.family])),
        (
            "Who can hold it",
            _kinds(before.subjects, HOLDERS, "Everybody"),
            _kinds(after.subjects, HOLDERS, "Everybody"),
        ),
        (
            "Where it can be given",
            _kinds(before.binds, PLACES, "Everywhere"),
            _kinds(after.binds, PLACES, "Everywhere"),
        ),
    )
    found = [Difference(label, was, now) for label, was, now in parts if was != now]
    lists = (
        ("Includes", _roles(book, before.includes, after.includes), _roles(book, after.includes, before.includes)),
        ("Rules", _rules(book, before.rules, after.rules), _rules(book, after.rules, before.rules)),
    )
    found += [Difference(label, gone, new, is_list=True) for label, gone, new in lists if gone or new]
    return found


def rules_in_words(book: Rulebook, rules: Iterable[RuleEntry]) -> Iterable[str]:
    """Rules of a draft: "launch, stop · Notebooks where they own it"."""
    roles = {role.full_name: pk for pk, role in book.roles.items()}
    permissions = []
    for rule in rules:
        asked = Rule(owner=rule.owner, parent_owner=rule.parent_owner, listed=rule.listed, fields=rule.fields)
        permissions.append(Permission(rule.action, book.type_id(rule.entity_type), conditions_of(asked, roles)))
    return in_words(book, permissions)


def _text(value: str) -> tuple[str, ...]:
    return (value,) if value else ()


def _kinds(chosen: Collection[str], words: dict[str, str], all_of_them: str) -> tuple[str, ...]:
    return (sentence_case(joined([words.get(kind, kind) for kind in chosen])) if chosen else all_of_them,)


def _roles(book: Rulebook, names: Collection[str], others: Collection[str]) -> tuple[str, ...]:
    """Those of the roles that are not among the others."""
    return tuple(str(role) for role in book.roles.values() if role.full_name in names and role.full_name not in others)


def _rules(book: Rulebook, rules: Collection[RuleEntry], others: Collection[RuleEntry]) -> tuple[str, ...]:
    """Those of the rules that are not among the others."""
    return tuple(rules_in_words(book, [rule for rule in rules if rule not in others]))
