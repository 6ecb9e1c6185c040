"""Catalogue files: what may stand in them, and what it means.

    read([path, ...], known) -> [CatalogueEntry, ...]

Entries are plain data, complete and checked: bundles of permissions, "all" and matrix cells are spelt out as rules,
names of entity types are full names. The database is not asked: `known` says what other catalogues declare.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from accounts.models import Scope, User
from policies.marked import Entry, read_file, unknown
from policies.protected import PROTECTED

FAMILIES = ("ai", "storage", "console", "infra")
TOKENS = "app_token"  # among `subjects`: app tokens can have the role (OVH-17)
SUBJECTS = (*User.Kind.values, "group", TOKENS)
TOP = (
    "catalogue",
    "label",
    "description",
    "position",
    "enabled",
    "editable",
    "platform_version",
    "modules",
    "entity_types",
    "permissions",
    "letters",
    "matrix",
    "headings",
    "every_role",
    "roles",
    "default_role",
    "settings",
    "presets",
    "hints",
)
EVERY_ROLE = ("family", "binds", "subjects")
ROLE = (
    "label",
    "purpose",
    "heading",
    "aliases",
    "includes",
    "module",
    "since",
    "needs_scope",
    "permissions",
    "rules",
    *EVERY_ROLE,
)
LAST = 100  # position of a catalogue that names none: behind those shipped
CONDITIONS = ("owner", "parent_owner", "listed")
STATED = ("owner", "visibility", "place")  # what a trusted service may state about an object in a question
WEB = ("read", "write")  # what a browser does with a thing by its URL: GET, HEAD and OPTIONS; everything else
FIELDS = ("owner_email", "visibility")  # what of a registered thing an action can show (H2O-10) or change (H2O-06)


@dataclass(frozen=True)
class TypeEntry:
    catalogue: str
    code: str
    label: str
    area: str = ""
    is_shared: bool = False
    actions: dict[str, str] = field(default_factory=dict)  # code -> label
    shareable: tuple[str, ...] = ()
    seen_by: tuple[str, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)  # property that a service states -> one of STATED
    field_actions: dict[str, str] = field(default_factory=dict)  # one of FIELDS -> action
    visibilities: tuple[str, ...] = ()
    web_actions: dict[str, str] = field(default_factory=dict)  # one of WEB -> action

    @property
    def full_name(self) -> str:
        return f"{self.catalogue}:{self.code}"


@dataclass(frozen=True)
class RuleEntry:
    action: str
    entity_type: str  # full name
    owner: bool = False
    parent_owner: bool = False
    listed: bool = False
    fields: dict[str, list[str]] = field(default_factory=dict)
    service: str = ""
    permission: str = ""

    def __str__(self) -> str:
        asked = [name for name in CONDITIONS if getattr(self, name)]
        asked += [f"{name} is {' or '.join(map(_word, values))}" for name, values in sorted(self.fields.items())]
        belongs = ": ".join(filter(None, (self.service, self.permission)))
        where = f" where {' and '.join(asked)}" if asked else ""
        return f"can {self.action} {self.entity_type}{where}{f' ({belongs})' if belongs else ''}"


@dataclass(frozen=True)
class RoleEntry:
    code: str
    label: str
    purpose: str = ""
    family: str = "console"
    heading: str = ""
    heading_purpose: str = ""
    aliases: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()
    module: str = ""
    since: str = ""
    binds: tuple[str, ...] = ()
    needs_scope: bool = False
    subjects: tuple[str, ...] = ()
    is_retired: bool = False
    rules: tuple[RuleEntry, ...] = ()


@dataclass(frozen=True)
class SettingEntry:
    """A setting of the platform that names a role."""

    code: str
    label: str
    role: str
    help: str = ""
    everybody_if_unset: bool = False


@dataclass(frozen=True)
class Start:
    """What a file says for the first load; from then on the installation says it."""

    enabled: bool = False
    platform_version: str = ""
    installed: tuple[str, ...] = ()  # modules
    default_role: str = ""
    default_unless: str = ""
    unset: tuple[str, ...] = ()  # settings that name no role at first


@dataclass(frozen=True)
class CatalogueEntry:
    code: str
    label: str
    description: str = ""
    position: int = 0
    presets: list[dict[str, Any]] = field(default_factory=list)
    hints: list[dict[str, Any]] = field(default_factory=list)
    modules: dict[str, str] = field(default_factory=dict)  # code -> label
    types: dict[str, TypeEntry] = field(default_factory=dict)
    roles: dict[str, RoleEntry] = field(default_factory=dict)
    settings: dict[str, SettingEntry] = field(default_factory=dict)
    is_editable: bool = False
    start: Start = field(default=Start(), compare=False)
    digest: str = field(default="", compare=False)


@dataclass(frozen=True)
class Known:
    """What the catalogues of the installation declare, those of the files left out."""

    shared_types: tuple[TypeEntry, ...] = ()
    roles: frozenset[str] = frozenset()  # full names
    uses: frozenset[tuple[str, str]] = frozenset()  # (full name of an entity type, action) in its rules
    is_editable: bool = False  # made in the console, its rules may speak about every type, shared or not


def read(paths: Iterable[Path], known: dict[str, Known]) -> list[CatalogueEntry]:
    """The catalogues of some files, which may speak about each other's shared types. `known`: by catalogue.

    Raises BadFile.
    """
    files: dict[str, _File] = {}
    for path in paths:
        file = _File(*read_file(path))
        if file.code in files:
            raise file.top["catalogue"].bad(f'expected one file per catalogue, "{file.code}" is read already')
        files[file.code] = file
    others = [known[code] for code in known if code not in files]
    for file in files.values():
        file.check_uses({code: by for code, by in known.items() if code not in files or by.is_editable})
    shared = [kind for other in others for kind in other.shared_types]
    for file in files.values():
        file.check_shared(shared)
        shared += [kind for kind in file.types.values() if kind.is_shared]
    roles = {name for other in others for name in other.roles}.union(*(file.role_names() for file in files.values()))
    return [file.read(shared, roles) for file in files.values()]


class _File:
    """One file while it is read: first its own entity types, then everything that speaks about types."""

    def __init__(self, entry: Entry, content: bytes) -> None:
        self.top = entry.keys(TOP, ("catalogue", "label", "roles"))
        self.code = self.top["catalogue"].code()
        self.digest = hashlib.sha256(content).hexdigest()
        self.type_entries = self.part("entity_types", limit=40)
        self.types = {code: self.entity_type(code, found) for code, found in self.type_entries.items()}
        self.role_entries = self.part("roles", limit=60)
        # Codes as the platform writes them.
        self.setting_entries = self.top["settings"].mapping(lambda key: key.text(40)) if "settings" in self.top else {}
        self.bundles: dict[str, tuple[RuleEntry, ...]] = {}
        self.in_sight: dict[str, list[TypeEntry]] = {}
        self.known_roles: set[str] = set()

    def part(self, name: str, limit: int = 0) -> dict[str, Entry]:
        """A part of the file; empty without one. `limit`: its keys are short names of at most so many characters."""
        if name not in self.top:
            return {}
        return self.top[name].mapping((lambda key: key.code(limit)) if limit else None)

    def role_names(self) -> set[str]:
        return {f"{self.code}:{code}" for code in self.role_entries}

    def entity_type(self, code: str, entry: Entry) -> TypeEntry:
        known = (
            "label",
            "area",
            "shared",
            "actions",
            "shareable",
            "seen_by",
            "attributes",
            "field_actions",
            "visibilities",
            "web_actions",
        )
        keys = entry.keys(known, ("label", "actions"))
        actions = keys["actions"]
        if actions.is_list():
            labels = {action: action.replace("_", " ").capitalize() for action in actions.codes()}
        else:
            labels = {action: label.text(80) for action, label in actions.mapping(lambda key: key.code(40)).items()}
        shareable = keys["shareable"].some_of(labels, f"action of {code}") if "shareable" in keys else ()
        shared = _flag(keys, "shared")
        seen = PROTECTED.get(code) if shared else PROTECTED["resource"]
        if shareable and not (seen and seen.shares):
            raise keys["shareable"].bad(f'expected no such line: "{code}" has no objects that can be shared')
        # What Roster knows itself has pages of its own; registered things are seen by those who may read them.
        sees = ("read",) if "read" in labels and not (shared and code in PROTECTED) else ()
        stated = keys["attributes"].mapping() if "attributes" in keys else {}
        asked = (
            keys["field_actions"].mapping(lambda key: key.one_of(FIELDS, "field")) if "field_actions" in keys else {}
        )
        web = keys["web_actions"].mapping(lambda key: key.one_of(WEB, "way")) if "web_actions" in keys else {}
        return TypeEntry(
            catalogue=self.code,
            code=code,
            label=keys["label"].text(80),
            area=_text(keys, "area", 80),
            is_shared=shared,
            actions=labels,
            shareable=shareable,
            seen_by=keys["seen_by"].some_of(labels, f"action of {code}") if "seen_by" in keys else sees,
            attributes={name: means.one_of(STATED, "meaning") for name, means in stated.items()},
            field_actions={name: action.one_of(labels, f"action of {code}") for name, action in asked.items()},
            visibilities=keys["visibilities"].texts(20) if "visibilities" in keys else (),
            web_actions={way: action.one_of(labels, f"action of {code}") for way, action in web.items()},
        )

    def check_shared(self, others: list[TypeEntry]) -> None:
        """A second shared type of the same name would take the place of the first in what pages ask."""
        taken = {kind.code: kind.full_name for kind in others}
        for code, kind in self.types.items():
            if kind.is_shared and code in taken:
                raise self.type_entries[code].bad(f'expected a name that is not shared yet: "{code}" is {taken[code]}')

    def check_uses(self, others: dict[str, Known]) -> None:
        """What the rules of other catalogues speak about has to stay: they would lose their meaning silently."""
        for name, action, by in sorted((*use, by) for by, known in others.items() for use in known.uses):
            catalogue, _, code = name.partition(":")
            if catalogue != self.code or by == self.code:
                continue
            kind, shared = self.types.get(code), not others[by].is_editable
            if kind is None or action not in kind.actions or (shared and not kind.is_shared):
                entry = self.type_entries.get(code) or self.top.get("entity_types") or self.top["catalogue"]
                wanted = f'"{code}", shared, with' if shared else f'"{code}" with'
                raise entry.bad(f'expected {wanted} its action "{action}": rules of {by} speak about it')

    def read(self, shared: list[TypeEntry], known_roles: set[str]) -> CatalogueEntry:
        sight = defaultdict(list)
        for kind in [*self.types.values(), *(kind for kind in shared if kind.catalogue != self.code)]:
            sight[kind.code].append(kind)
            sight[kind.full_name].append(kind)
        self.in_sight, self.known_roles = dict(sight), known_roles
        self.bundles = dict(self.permissions())
        modules = {
            code: entry.keys(("label", "installed"), ("label",)) for code, entry in self.part("modules", 40).items()
        }
        labels = {code: keys["label"].text(80) for code, keys in modules.items()}
        return CatalogueEntry(
            code=self.code,
            label=self.top["label"].text(80),
            description=_text(self.top, "description"),
            position=self.top["position"].number() if "position" in self.top else LAST,
            presets=list(self.presets()),
            hints=list(self.hints()),
            modules=labels,
            types=self.types,
            roles=self.roles(labels),
            settings=dict(self.settings()),
            is_editable=_flag(self.top, "editable"),
            digest=self.digest,
            start=self.start(tuple(code for code, keys in modules.items() if _flag(keys, "installed"))),
        )

    def start(self, installed: tuple[str, ...]) -> Start:
        default = self.top["default_role"].keys(("role", "unless"), ("role",)) if "default_role" in self.top else {}
        return Start(
            enabled=_flag(self.top, "enabled"),
            installed=installed,
            platform_version=self.top["platform_version"].version() if "platform_version" in self.top else "",
            default_role=default["role"].one_of(self.role_entries, "role") if default else "",
            default_unless=default["unless"].one_of(self.role_entries, "role") if "unless" in default else "",
            unset=tuple(code for code, entry in self.setting_entries.items() if _flag(entry.mapping(), "unset")),
        )

    def settings(self) -> Iterator[tuple[str, SettingEntry]]:
        """Settings that name a role; at first the one that they give, or with `unset` none."""
        for code, entry in self.setting_entries.items():
            keys = entry.keys(("label", "help", "role", "everybody_if_unset", "unset"), ("label", "role"))
            role = keys["role"].one_of(self.role_entries, "role")
            everybody = _flag(keys, "everybody_if_unset")
            _flag(keys, "unset")
            yield code, SettingEntry(code, keys["label"].text(80), role, _text(keys, "help"), everybody)

    def permissions(self) -> Iterator[tuple[str, tuple[RuleEntry, ...]]]:
        """Named bundles of rules, as the vendor groups them into services."""
        seen: set[str] = set()
        for service, bundles in self.part("permissions").items():
            for name, entry in bundles.mapping(lambda key: key.code(80)).items():
                if name in seen:
                    raise entry.bad(f'expected "{name}" under one service only')
                seen.add(name)
                yield name, tuple(replace(rule, service=service, permission=name) for rule in self.rules(entry))

    def rules(self, entry: Entry) -> Iterator[RuleEntry]:
        """Lines of {can: [action], to: [entity type], where: {condition}}, one rule per action and entity type."""
        for line in entry.items():
            keys = line.keys(("can", "to", "where"), ("can", "to"))
            to = keys["to"]
            for kind in self.types.values() if _is_all(to) else [self.kind(name) for name in to.items()]:
                asked = self.conditions(keys["where"], kind) if "where" in keys else {}
                can = keys["can"]
                actions = kind.actions if _is_all(can) else can.some_of(kind.actions, f"action of {kind.full_name}")
                for action in actions:
                    yield RuleEntry(action, kind.full_name, **asked)

    def kind(self, entry: Entry) -> TypeEntry:
        name = entry.text()
        found = self.in_sight.get(name, [])
        if len(found) > 1:
            raise entry.bad(f'expected "{name}" with its catalogue: {" or ".join(kind.full_name for kind in found)}')
        if not found:
            raise entry.bad(unknown("entity type", name, [n for n in self.in_sight if ":" in name or ":" not in n]))
        return found[0]

    def conditions(self, entry: Entry, kind: TypeEntry) -> dict[str, Any]:
        """What a rule asks of an object, as keywords of RuleEntry; only what objects of the type have."""
        known = askable(kind.code, kind.is_shared)
        if not known:
            raise entry.bad(f"expected no conditions: nothing can be asked of {kind.label}")
        asked: dict[str, Any] = {"fields": {}}
        for name, value in entry.mapping(lambda key: key.one_of(known, f"condition on {kind.label}")).items():
            if name not in CONDITIONS:
                asked["fields"][name] = self.values(name, value)
            elif not value.flag():
                raise value.bad(f'expected true; without the condition leave "{name}" out')
            else:
                asked[name] = True
        return asked

    def values(self, name: str, entry: Entry) -> list[str]:
        if name == "role":
            return [self.role_name(item) for item in entry.items()]
        if name == "target":
            return list(entry.some_of(Scope.Kind.values, "kind of place"))
        return list(entry.texts())

    def role_name(self, entry: Entry) -> str:
        """The full name of a role, of this catalogue where none is named."""
        name = entry.text()
        full = name if ":" in name else f"{self.code}:{name}"
        if full not in self.known_roles:
            raise entry.bad(unknown("role", name, self.known_roles if ":" in name else self.role_entries))
        return full

    def matrix(self) -> dict[str, list[RuleEntry]]:
        """Rules by role, from rows of an entity type with one cell per role."""
        found: dict[str, list[RuleEntry]] = defaultdict(list)
        if "matrix" not in self.top:
            return found
        if "letters" not in self.top:
            raise self.top["matrix"].bad('expected the key "letters" too, as in letters: {R: read}')
        letters = {letter: entry.code() for letter, entry in self.top["letters"].mapping().items()}
        columns: list[str] = []
        for name, row in self.top["matrix"].mapping(lambda key: self.kind(key).full_name).items():
            kind = self.in_sight[name][0]
            cells = row.keys(("label", *self.role_entries), ("label", *columns))
            label = cells.pop("label").text(80)
            columns = columns or list(cells)
            for role, cell in cells.items():
                if role not in columns:
                    raise cell.bad(f'expected a cell for "{role}" in every row, the first row has none')
                found[role] += self.cell(cell, kind, letters, label)
        return found

    def cell(self, entry: Entry, kind: TypeEntry, letters: dict[str, str], label: str) -> Iterator[RuleEntry]:
        """`N/A`, letters as in CRUD, or {actions: CRUD, where: {condition}, note: the vendor's words}."""
        keys = {"actions": entry} if entry.is_text() else entry.keys(("actions", "where", "note"), ("actions",))
        actions = keys["actions"]
        asked = self.conditions(keys["where"], kind) if "where" in keys else {}
        written = actions.text(20)
        if written == "N/A":
            return
        if set(written) - set(letters) or len(set(written)) < len(written):
            raise actions.bad(f'expected N/A or letters of {"".join(letters)}, each once, found "{written}"')
        for letter in written:
            if letters[letter] not in kind.actions:
                raise actions.bad(unknown(f"action of {kind.full_name}", letters[letter], kind.actions))
            yield RuleEntry(letters[letter], kind.full_name, service=label, permission=_text(keys, "note", 80), **asked)

    def roles(self, modules: dict[str, str]) -> dict[str, RoleEntry]:
        headings = {name: entry.text(200) for name, entry in self.part("headings").items()}
        common = self.top["every_role"].keys(EVERY_ROLE) if "every_role" in self.top else {}
        cells, found, including = self.matrix(), {}, {}
        for code, entry in self.role_entries.items():
            keys = {**common, **entry.keys(ROLE, ("label",))}
            including[code] = keys.get("includes")
            found[code] = self.role(code, keys, modules, headings, cells.get(code, []))
        self.check_includes(found, including)
        self.check_aliases(found)
        return found

    def role(
        self,
        code: str,
        keys: dict[str, Entry],
        modules: dict[str, str],
        headings: dict[str, str],
        cells: list[RuleEntry],
    ) -> RoleEntry:
        heading = keys["heading"].one_of(headings, "heading") if "heading" in keys else ""
        binds = keys["binds"].some_of(Scope.Kind.values, "kind of scope") if "binds" in keys else ()
        needs_scope = _flag(keys, "needs_scope")
        if needs_scope and (not binds or Scope.Kind.ORGANIZATION in binds):
            raise keys["needs_scope"].bad("expected the key binds to name narrower kinds of scope than organization")
        rules = [*cells, *self.bundled(keys), *(self.rules(keys["rules"]) if "rules" in keys else ())]
        return RoleEntry(
            code=code,
            label=keys["label"].text(80),
            purpose=_text(keys, "purpose"),
            family=keys["family"].one_of(FAMILIES, "family") if "family" in keys else "console",
            heading=heading,
            heading_purpose=headings.get(heading, ""),
            aliases=keys["aliases"].codes(60) if "aliases" in keys else (),
            includes=keys["includes"].some_of(self.role_entries, "role") if "includes" in keys else (),
            module=keys["module"].one_of(modules, "module") if "module" in keys else "",
            since=keys["since"].version() if "since" in keys else "",
            binds=binds,
            needs_scope=needs_scope,
            subjects=keys["subjects"].some_of(SUBJECTS, "kind of subject") if "subjects" in keys else (),
            rules=tuple({str(rule): rule for rule in rules}.values()),
        )

    def bundled(self, keys: dict[str, Entry]) -> Iterator[RuleEntry]:
        if "permissions" in keys:
            entry = keys["permissions"]
            for name in self.bundles if _is_all(entry) else entry.some_of(self.bundles, "permission"):
                yield from self.bundles[name]

    def check_includes(self, roles: dict[str, RoleEntry], entries: dict[str, Entry | None]) -> None:
        done: set[str] = set()

        def walk(code: str, path: tuple[str, ...]) -> None:
            if code in path:
                entry = entries[path[-1]]
                assert entry is not None
                raise entry.bad(f"expected no circle of roles: {' includes '.join((*path[path.index(code) :], code))}")
            for included in roles[code].includes if code not in done else ():
                walk(included, (*path, code))
            done.add(code)

        for code in roles:
            walk(code, ())

    def check_aliases(self, roles: dict[str, RoleEntry]) -> None:
        taken = set(roles)
        for code, role in roles.items():
            for alias in role.aliases:
                if alias in taken:
                    entry = self.role_entries[code].mapping()["aliases"]
                    raise entry.bad(f'expected an alias that no other role has, found "{alias}"')
                taken.add(alias)

    def presets(self) -> Iterator[dict[str, Any]]:
        for label, entry in self.part("presets").items():
            keys = entry.keys(("purpose", "roles"), ("roles",))
            roles = keys["roles"].some_of(self.role_entries, "role")
            yield {"label": label, "purpose": _text(keys, "purpose"), "roles": list(roles)}

    def hints(self) -> Iterator[dict[str, Any]]:
        for entry in self.top["hints"].items() if "hints" in self.top else ():
            keys = entry.keys(("has_any", "has_all", "lacks", "with_others", "offer", "say"), ("say",))
            if ("has_any" in keys) == ("has_all" in keys):
                raise entry.bad('expected either "has_any" or "has_all"')
            hint: dict[str, Any] = {"say": keys["say"].text()}
            for name in keys.keys() & {"has_any", "has_all"}:
                hint[name] = list(keys[name].some_of(self.role_entries, "role"))
            for name in keys.keys() & {"lacks", "offer"}:
                hint[name] = keys[name].one_of(self.role_entries, "role")
            yield hint | ({"with_others": True} if _flag(keys, "with_others") else {})


def _word(value: str) -> str:
    """A value in a sentence, quoted where it could be taken for several."""
    return value if " " not in value else f'"{value}"'


def _text(keys: dict[str, Entry], name: str, limit: int = 300) -> str:
    return keys[name].text(limit) if name in keys else ""


def _flag(keys: dict[str, Entry], name: str) -> bool:
    return name in keys and keys[name].flag()


def _is_all(entry: Entry) -> bool:
    """Whether the word `all` stands where names could be listed. Raises BadFile for any other single word."""
    if not entry.is_text():
        return False
    if entry.text() != "all":
        raise entry.bad(f'expected a list or the word all, found "{entry.text()}"')
    return True


def askable(code: str, is_shared: bool) -> list[str]:
    """The conditions that objects of an entity type can meet."""
    seen = PROTECTED.get(code) if is_shared else PROTECTED["resource"]
    if seen is None:
        return []
    kept = {"owner": seen.owner, "parent_owner": seen.parent_owner, "listed": seen.listed}
    return [*(name for name in CONDITIONS if kept[name]), *seen.fields]
