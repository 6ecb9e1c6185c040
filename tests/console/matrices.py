"""A matrix as a page shows it: read from its HTML, cell by cell."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

from django.http import HttpResponse


@dataclass
class Shown:
    """One cell: its letters, those of them that stand for "on a condition", what a screen reader hears, and its notes."""

    letters: str = ""
    some: str = ""
    heard: str = ""
    letter_notes: list[int] = field(default_factory=list)
    said: dict[str, list[int]] = field(default_factory=dict)  # action in words -> its notes
    only_read: bool = False

    @property
    def notes(self) -> list[int]:
        return [*self.letter_notes, *(note for notes in self.said.values() for note in notes)]


class MatrixPage(HTMLParser):
    """MatrixPage(response).columns, .areas, .cells[row, column], .notes, .legend."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(convert_charrefs=True)
        self.columns: list[str] = []
        self.below: list[str] = []  # what stands under each column's name
        self.areas: dict[str, list[str]] = {}  # area -> its rows
        self.differing: list[str] = []
        self.cells: dict[tuple[str, str], Shown] = {}
        self.notes: dict[int, str] = {}
        self.legend = ""
        self.choices: list[tuple[str, bool]] = []  # on a phone: (number of the column, chosen)
        self._within: list[tuple[str, str]] = []  # (tag, class or id)
        self._row = ""
        self._number = -1
        self._line = ""
        self.feed(response.content.decode())

    def _in(self, tag: str, mark: str = "") -> bool:
        return any(name == tag and mark in given for name, given in self._within)

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in given}
        if tag == "input":
            if "data-col" in attributes:
                self.choices.append((attributes["data-col"], "checked" in attributes))
            return
        if tag in ("path", "meta", "link", "br", "hr", "rect", "circle"):
            return
        marks = f"{attributes.get('class', '')} {attributes.get('id', '')} {attributes.get('scope', '')}"
        if tag == "th" and not self._in("thead"):
            self._row, self._number = "", -1
        elif tag == "th":
            self.columns.append("")
            self.below.append("")
        elif tag == "td" and self._in("table", "matrix"):
            self._number += 1
            self.cells[self._row.strip(), self.columns[self._number + 1]] = Shown()
        elif tag == "span" and "crud" in marks and self._in("td"):
            self._cell.only_read = "some" in marks
        elif tag == "li" and self._in("ul", "acts"):
            self._line = ""
        self._within.append((tag, marks))

    @property
    def _cell(self) -> Shown:
        return self.cells[self._row.strip(), self.columns[self._number + 1]]

    def handle_endtag(self, tag: str) -> None:
        if tag == "th" and self._in("th", "rowgroup"):
            self.areas[self._row.strip()] = []
        elif tag == "th" and self._in("th", "row"):
            self.areas[list(self.areas)[-1]].append(self._row.strip())
        while self._within and self._within.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tag, marks = self._within[-1] if self._within else ("", "")
        if self._in("p", "legend"):
            self.legend = " ".join(f"{self.legend} {data}".split())
        elif self._in("ol", "quiet") and marks.startswith(" note-"):
            self.notes[int(marks.split("-")[1])] = data
        elif not self._in("table", "matrix") or self._in("caption"):
            return
        elif self._in("thead"):
            where = self.below if self._in("small") else self.columns
            where[-1] = f"{where[-1]} {data}".strip()
        elif self._in("th") and self._in("small"):
            self.differing.append(self._row.strip())
        elif self._in("th"):
            self._row += data
        elif self._in("td"):
            self._in_cell(data.strip(), tag, marks)

    def _in_cell(self, text: str, tag: str, marks: str) -> None:
        cell = self._cell
        if not text:
            return
        if self._in("sup") and self._in("li"):
            for action in self._line.split(", "):
                cell.said[action].append(int(text))
        elif self._in("sup"):
            cell.letter_notes.append(int(text))
        elif tag == "b":
            cell.letters += text
            cell.some += text if "some" in marks else ""
        elif self._in("li"):
            self._line = text.lower()
            cell.said |= {action: [] for action in self._line.split(", ")}
        elif "visually-hidden" in marks:
            cell.heard = text
