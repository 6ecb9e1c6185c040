"""Roles made in the console: create, change, delete, in the catalogue that is editable. Shipped roles are read-only."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.text import slugify

from accounts.models import Scope
from policies.actions.administrators import keep_an_administrator
from policies.actions.assignments import relabelled, take_roles
from policies.actions.saving import save
from policies.actions.widening import require_own
from policies.actor import Actor
from policies.audit import recording
from policies.catalogue_files import CONDITIONS, FAMILIES, SUBJECTS, RuleEntry, askable
from policies.errors import Conflict
from policies.models import AppToken, Catalogue, Resource, Role, RoleSetting, Rule, RulebookVersion, Tag
from policies.protected import At
from policies.rulebook import Rulebook, rulebook

TAKEN_AT_ONCE = 100  # assignments that go with a role; more are taken away before
READ_ONLY = "This role came with its catalogue and cannot be changed. Clone it, and change the clone."


@dataclass(frozen=True)
class RoleDraft:
    """A role as people write it, saved or not."""

    label: str
    purpose: str = ""
    family: str = "console"
    binds: tuple[str, ...] = ()  # kinds of scope; none: everywhere
    subjects: tuple[str, ...] = ()  # kinds of subject; none: everybody
    includes: tuple[str, ...] = ()  # full names of roles
    rules: tuple[RuleEntry, ...] = ()

    def __post_init__(self) -> None:
        """Each rule once, in an order that does not depend on who wrote them."""
        rules = {str(rule): rule for rule in self.rules}
        object.__setattr__(self, "rules", tuple(rules[text] for text in sorted(rules)))
        object.__setattr__(self, "includes", tuple(sorted(set(self.includes))))

    @property
    def token(self) -> str:
        """Another one for every other draft."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:32]


def draft_of(role: Role) -> RoleDraft:
    """A role as it is now; what vendors call its rules is left out."""
    rules = [
        RuleEntry(
            rule.action,
            rule.entity_type.full_name,
            rule.owner,
            rule.parent_owner,
            rule.listed,
            {name: sorted(values) for name, values in sorted(rule.fields.items())},
        )
        for rule in role.rules.select_related("entity_type__catalogue").order_by("position", "pk")
    ]
    return RoleDraft(
        role.label,
        role.purpose,
        role.family,
        tuple(role.binds),
        tuple(role.subjects),
        tuple(included.full_name for included in role.includes.select_related("catalogue")),
        tuple(rules),
    )


def home_of_roles() -> Catalogue | None:
    """The catalogue that roles made in the console belong to; None where no catalogue is editable."""
    return Catalogue.objects.filter(is_editable=True).order_by("position", "code").first()


def create_role(*, actor: Actor, draft: RoleDraft) -> Role:
    """Make a role; its code follows from its label. Raises Denied, ValidationError (by field)."""
    with recording(actor) as trail:
        actor.require("create", At("role", rulebook().root))
        home = home_of_roles()
        if home is None:
            raise ValidationError("No catalogue takes roles that are made here.")
        last = home.roles.order_by("-position").first()
        role = Role(catalogue=home, code=_free_code(home, draft.label), position=last.position + 1 if last else 0)
        _write(actor, role, draft, RoleDraft(""))
        trail.add("role.create", role, after=_told(draft, RoleDraft("")))
    return role


def update_role(*, actor: Actor, role: Role, draft: RoleDraft, seen: str = "") -> Role:
    """Make a role what the draft says; its code stays. `seen`: token of the draft that the form started from.

    Raises Denied, Conflict when the role is another one by now or gone, ValidationError (by field; also for a shipped
    role, and when it would end the last administrator).
    """
    with recording(actor) as trail:
        role = _lock(role)
        actor.require("update", role)
        _check_editable(role)
        before = draft_of(role)
        if seen and seen != before.token:
            raise Conflict(role)
        if draft == before:
            return role
        with keep_an_administrator():
            _write(actor, role, draft, before)
        if draft.label != before.label:
            relabelled([role])
        trail.add("role.update", role, before=_told(before, draft), after=_told(draft, before))
    return role


def delete_role(*, actor: Actor, role: Role, assignments: int = 0) -> None:
    """Delete a role that nothing needs any more. `assignments`: how many of them the actor knows to go with it.

    Raises Denied (also for an assignment that the actor may not take away), Conflict when it is gone or held by others
    than the actor knew, ValidationError while something needs it, or more than TAKEN_AT_ONCE assignments have it.
    """
    with recording(actor) as trail:
        role = _lock(role)
        actor.require("delete", role)
        _check_editable(role)
        if needed := list(what_needs(role)):
            raise ValidationError(needed)
        held = list(role.assignments.select_related("role__catalogue", "scope", "user", "group")[: TAKEN_AT_ONCE + 1])
        if len(held) > TAKEN_AT_ONCE:
            raise ValidationError(f"More than {TAKEN_AT_ONCE} assignments have it. Take some of them away first.")
        if len(held) != assignments:
            raise Conflict(role)
        if held:
            take_roles(actor=actor, assignments=held)  # keeps an administrator: a role that nobody has makes none
        trail.add("role.delete", role, before=_told(draft_of(role), RoleDraft("")))
        role.delete()
        RulebookVersion.renew()


def what_needs(role: Role) -> Iterator[str]:
    """Why a role cannot be deleted: what else would lose something, or mean something else; as sentences."""
    for other in role.included_in.all():
        yield f"{other} includes it."
    for setting in RoleSetting.objects.filter(named=role).exclude(role=role).select_related("catalogue"):
        yield f"The setting {setting.code} of {setting.catalogue} names it."
    for catalogue in Catalogue.objects.filter(default_role=role) | Catalogue.objects.filter(default_unless=role):
        yield f"{catalogue} decides by it what everybody has."
    naming = {rule.role for rule in Rule.objects.exclude(fields={}).select_related("role") if _names(rule, role)}
    for other in sorted(naming - {role}, key=str):
        yield f"A rule of {other} names it."
    listing = (("tag", Tag.objects.filter(roles=role)), ("resource", Resource.objects.filter(listed_roles=role)))
    if count := AppToken.objects.filter(role=role).count():
        yield f"{count:,} app token{'s have' if count > 1 else ' has'} it."
    for noun, rows in listing:
        if count := rows.count():
            yield f"{count:,} {noun}{'s list' if count > 1 else ' lists'} it."


def _names(rule: Rule, role: Role) -> bool:
    return role.full_name in rule.fields.get("role", ())


def _lock(role: Role) -> Role:
    rows = Role.objects.select_for_update(of=("self",), no_key=True).select_related("catalogue")
    found = rows.filter(pk=role.pk).first()
    if found is None:
        raise Conflict(f"{role} was deleted.")
    return found


def _check_editable(role: Role) -> None:
    if not role.catalogue.is_editable:
        raise ValidationError(READ_ONLY, code="read_only")


def _free_code(home: Catalogue, label: str) -> str:
    """A short name from the label that no role of the catalogue has."""
    short = slugify(label)[:50] or "role"
    taken = set(home.roles.filter(code__startswith=short).values_list("code", flat=True))
    return next(code for number in range(1, len(taken) + 2) if (code := _numbered(short, number)) not in taken)


def _numbered(short: str, number: int) -> str:
    return short if number == 1 else f"{short}-{number}"


def _write(actor: Actor, role: Role, draft: RoleDraft, before: RoleDraft) -> None:
    book = rulebook()
    included = _included(book, role, draft)
    _check(book, role, draft)
    new = [rule for rule in draft.rules if rule not in before.rules]
    added = [each for each in included if each.full_name not in before.includes]
    require_own(actor, [(rule.action, rule.entity_type) for rule in new], added)
    for name in ("label", "purpose", "family"):
        setattr(role, name, getattr(draft, name))
    role.binds, role.subjects = list(draft.binds), list(draft.subjects)
    role.full_clean(exclude=["module"])
    save(role)
    role.includes.set(included)
    role.rules.all().delete()
    types = {kind.full_name: kind for kind in book.entity_types.values()}
    Rule.objects.bulk_create(
        Rule(role=role, position=position, **(asdict(rule) | {"entity_type": types[rule.entity_type]}))
        for position, rule in enumerate(draft.rules)
    )
    RulebookVersion.renew()


def _included(book: Rulebook, role: Role, draft: RoleDraft) -> list[Role]:
    """The roles that the draft includes. Raises ValidationError for one that cannot be."""
    by_name = {each.full_name: each for each in book.roles.values() if not each.is_retired}
    unknown = [name for name in draft.includes if name not in by_name]
    if unknown:
        raise ValidationError({"includes": f"There is no role {unknown[0]}."})
    included = [by_name[name] for name in draft.includes]
    for each in included:
        if role.pk and role.pk in _with_included(book, each.pk):
            raise ValidationError({"includes": f"{each} includes this role already: that would be a circle."})
    return included


def _with_included(book: Rulebook, pk: int) -> set[int]:
    found, todo = {pk}, [pk]
    while todo:
        new = {included.pk for included in book.roles[todo.pop()].includes.all()} - found
        found |= new
        todo += new
    return found


def _check(book: Rulebook, role: Role, draft: RoleDraft) -> None:
    """Raises ValidationError, by field, for what no file could say either."""
    if not draft.label.strip():
        raise ValidationError({"label": "Give the role a name."})
    same = Role.objects.filter(catalogue=role.catalogue, label__iexact=draft.label.strip()).exclude(pk=role.pk)
    if same.exists():
        raise ValidationError({"label": "Another role has this name."})
    chosen = (("family", [draft.family], FAMILIES), ("binds", draft.binds, Scope.Kind.values))
    for name, values, known in (*chosen, ("subjects", draft.subjects, SUBJECTS)):
        if not set(values) <= set(known):
            raise ValidationError({name: f"Choose among {', '.join(dict.fromkeys(known))}."})
    for rule in draft.rules:
        _check_rule(book, rule)


def _check_rule(book: Rulebook, rule: RuleEntry) -> None:
    kind = book.type_called(rule.entity_type)
    if kind is None or kind.full_name != rule.entity_type or rule.action not in kind.actions:
        raise ValidationError({"rules": f"Nothing is known about {rule.action} on {rule.entity_type}."})
    asked = [*(name for name in CONDITIONS if getattr(rule, name)), *rule.fields]
    if not set(asked) <= set(askable(kind.code, kind.is_shared)):
        raise ValidationError({"rules": f"{kind} cannot be asked for {' and '.join(asked)}."})
    known: dict[str, Iterable[str]] = {
        "role": {each.full_name for each in book.roles.values()},
        "target": set(Scope.Kind.values),
    }
    for name, values in rule.fields.items():
        if not values or not set(values) <= set(known.get(name, values)):
            raise ValidationError({"rules": f"Choose values that {name} of {kind} can have."})


def _told(draft: RoleDraft, other: RoleDraft) -> dict[str, Any]:
    """What of the draft differs from the other one, as the audit trail tells it."""
    mine, others = _as_json(draft), _as_json(other)
    told = {name: value for name, value in mine.items() if value != others[name]}
    if "rules" in told:
        told["rules"] = [rule for rule in mine["rules"] if rule not in others["rules"]]
    return told


def _as_json(draft: RoleDraft) -> dict[str, Any]:
    values = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(draft).items()}
    return values | {"rules": [str(rule) for rule in draft.rules]}


def clone_of(role: Role) -> RoleDraft:
    """A draft to start from: another role's rules under a name of its own."""
    return replace(draft_of(role), label=f"{role.label} (copy)"[:80])
