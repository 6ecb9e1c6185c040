"""YAML that remembers its lines: every complaint names the file, the line and what was expected.

It reads what an administrator means, not what YAML makes of it: `on` is no text, 2.10 is no number, a key stands once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import yaml

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where PyYAML was built with it
LARGEST = 1_000_000  # bytes; the largest shipped file has some thousand
DEEPEST = 20  # lists within lists: the parser recurses, and no catalogue needs as many
CODE = re.compile(r"[a-z][a-z0-9_-]*")
TAG = "tag:yaml.org,2002:"


class BadFile(ValueError):
    """The file cannot be used. The message says file, line and what was expected."""

    def __init__(self, file: str, line: int, problem: str) -> None:
        super().__init__(f"{file}:{line}: {problem}")
        self.file, self.line, self.problem = file, line, problem


@dataclass(frozen=True)
class Entry:
    """One value of a file, with its place. Each method says what it must be, and raises BadFile where it is not."""

    file: str
    node: yaml.Node
    key: yaml.Node | None = None  # the name that it is the value of

    @property
    def line(self) -> int:
        mark = (self.key or self.node).start_mark
        return int(mark.line) + 1 if mark else 1

    def bad(self, problem: str) -> BadFile:
        return BadFile(self.file, self.line, problem)

    def text(self, limit: int = 300) -> str:
        value = self._scalar("str", "a text")
        if len(value) > limit:
            raise self.bad(f"expected at most {limit} characters, found {len(value)}")
        return value

    def code(self, limit: int = 40) -> str:
        value = self.text(limit)
        if not CODE.fullmatch(value):
            raise self.bad(f'expected a short name of lower-case letters, digits, "_" and "-", found "{value}"')
        return value

    def version(self) -> str:
        value = self.text(20)
        if not re.fullmatch(r"\d+(\.\d+)*", value):
            raise self.bad(f'expected a version as in "2.10", found "{value}"')
        return value

    def number(self) -> int:
        value = self._scalar("int", "a number")
        if not value.isdecimal() or int(value) > 32767:
            raise self.bad(f"expected a number from 0 to 32767, found {value}")
        return int(value)

    def flag(self) -> bool:
        value = self._scalar("bool", "true or false")
        if value not in ("true", "false"):
            raise self.bad(f"expected true or false, found {value}")
        return value == "true"

    def one_of(self, known: Collection[str], what: str) -> str:
        value = self.text()
        if value not in known:
            raise self.bad(unknown(what, value, known))
        return value

    def some_of(self, known: Collection[str], what: str) -> tuple[str, ...]:
        return _once(self, lambda entry: entry.one_of(known, what))

    def texts(self, limit: int = 80) -> tuple[str, ...]:
        return _once(self, lambda entry: entry.text(limit))

    def codes(self, limit: int = 40) -> tuple[str, ...]:
        return _once(self, lambda entry: entry.code(limit))

    def items(self) -> list[Entry]:
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.bad(f"expected a list, as in [one, two], found {self._found()}")
        if not self.node.value:
            raise self.bad("expected a list with something in it; leave the line out instead")
        return [Entry(self.file, node) for node in self.node.value]

    def mapping(self, read_key: Callable[[Entry], str] | None = None) -> dict[str, Entry]:
        """Keys and their values; `read_key` checks a key (a text, unless told otherwise)."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.bad(f'expected lines of "name: value", found {self._found()}')
        found: dict[str, Entry] = {}
        for key_node, value_node in self.node.value:
            key = Entry(self.file, key_node)
            name = read_key(key) if read_key else key.text(80)
            if name in found:
                raise key.bad(f'expected "{name}" once, it stands in line {found[name].line} already')
            found[name] = Entry(self.file, value_node, key_node)
        return found

    def keys(self, known: Collection[str], required: Collection[str] = ()) -> dict[str, Entry]:
        """A mapping that has no other keys than those known, and all of those required."""
        found = self.mapping(lambda key: key.one_of(known, "key"))
        for name in required:
            if name not in found:
                raise self.bad(f'expected the key "{name}" here')
        return found

    def is_text(self) -> bool:
        return isinstance(self.node, yaml.ScalarNode)

    def is_list(self) -> bool:
        return isinstance(self.node, yaml.SequenceNode)

    def _scalar(self, tag: str, what: str) -> str:
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag != TAG + tag:
            raise self.bad(f"expected {what}, found {self._found()}")
        if not self.node.value.strip():
            raise self.bad(f"expected {what}, found nothing")
        return str(self.node.value)

    def _found(self) -> str:
        if not isinstance(self.node, yaml.ScalarNode):
            return "a list" if self.is_list() else 'lines of "name: value"'
        kind, value = self.node.tag.removeprefix(TAG), self.node.value
        if kind == "null" or not value:
            return "nothing"
        read_as = {"bool": "true or false", "int": "a number", "float": "a number", "timestamp": "a date"}.get(kind)
        return f'{value}, which is read as {read_as} (a text needs quotes: "{value}")' if read_as else f'"{value}"'


def _once(entry: Entry, read: Callable[[Entry], str]) -> tuple[str, ...]:
    found: list[str] = []
    for item in entry.items():
        value = read(item)
        if value in found:
            raise item.bad(f'expected "{value}" once in this list')
        found.append(value)
    return tuple(found)


def unknown(what: str, value: str, known: Collection[str]) -> str:
    """An unknown name, with the near ones; all of them where none is near and they are few."""
    near = get_close_matches(value, known, n=3) or (sorted(known) if len(known) <= 12 else [])
    expected = f"; expected {' or '.join(near)}" if near else ""
    return f'unknown {what} "{value}"{expected}'


def read_file(path: Path) -> tuple[Entry, bytes]:
    """The file's one document, and its bytes. Raises BadFile."""
    file = str(path)
    try:
        content = path.read_bytes()
        text = content.decode()
    except OSError as error:
        raise BadFile(file, 1, f"expected a file that can be read: {(error.strerror or 'error').lower()}") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadFile(file, line, "expected UTF-8 text") from None
    if len(content) > LARGEST:
        raise BadFile(file, 1, f"expected at most {LARGEST:,} bytes, found {len(content):,}")
    try:
        _check_depth(file, text)
        node = yaml.compose(text, Loader=Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadFile(file, mark.line + 1 if mark else 1, f"expected YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise BadFile(file, 1, f"expected YAML: {error}") from None
    if node is None:
        raise BadFile(file, 1, "expected a catalogue, the file is empty")
    return Entry(file, node), content


def _check_depth(file: str, text: str) -> None:
    """Refuse nesting that no catalogue has, before the parser recurses into it."""
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise BadFile(file, line, f"expected at most {DEEPEST} lists within lists")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
