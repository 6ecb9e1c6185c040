"""What differs between two drafts of a role, in words."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from policies.actions.roles import RoleDraft
from policies.catalogue_files import RuleEntry
from policies.conditions import conditions_of
from policies.effects import Permission, in_words
from policies.models import Rule
from policies.rulebook import Rulebook, rulebook
from policies.sentences import HOLDERS, PLACES, joined, sentence_case


@dataclass(frozen=True)
class Difference:
    """One part of a role: what it no longer says, and what it says now; each as lines."""

    label: str
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


def differences(before: RoleDraft, after: RoleDraft) -> list[Difference]:
    """The parts that differ, rules last."""
    book = rulebook()
    parts = (
        ("Name", _text(before.label), _text(after.label)),
        ("Purpose", _text(before.purpose), _text(after.purpose)),
        ("Chip", _text(before.family), _text(after.family)),
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
        ("Includes", _roles(book, before.includes), _roles(book, after.includes)),
    )
    found = [Difference(label, was, now) for label, was, now in parts if was != now]
    gone = [rule for rule in before.rules if rule not in after.rules]
    new = [rule for rule in after.rules if rule not in before.rules]
    if gone or new:
        found.append(Difference("Rules", tuple(rules_in_words(book, gone)), tuple(rules_in_words(book, new))))
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


def _roles(book: Rulebook, names: Collection[str]) -> tuple[str, ...]:
    return tuple(str(role) for role in book.roles.values() if role.full_name in names)
