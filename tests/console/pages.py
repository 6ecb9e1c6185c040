"""A page as a browser reads it: its forms with what they would send, its words, its links."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.http import HttpResponse
from django.test import Client


@dataclass
class PageForm:
    """One form: its fields with their values, the values that a browser would not send, its named buttons."""

    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    unticked: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        """Every name that the form can send."""
        return {*self.fields, *self.unticked, *(name for name, _ in self.buttons)} - {"csrfmiddlewaretoken"}

    def submit(self, client: Client, path: str, **changes: Any) -> HttpResponse:
        """Send it as it stands, with some fields changed; None leaves one out."""
        data = {name: value for name, value in {**self.fields, **changes}.items() if value is not None}
        send = client.post if self.method == "post" else client.get
        return send(self.action or path, data)  # type: ignore[return-value]


class Page(HTMLParser):
    """Page(response).forms, .text, .links, .attributes."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[PageForm] = []
        self.links: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []  # (tag, name, value)
        self.tags: list[str] = []
        self._by_id: dict[str, PageForm] = {}
        self._open: PageForm | None = None
        self._select: str = ""
        self._several = False
        self._chosen: list[str] = []
        self._offered: list[str] = []
        self._textarea: str = ""
        self._words: list[str] = []
        self.feed(response.content.decode())

    @property
    def text(self) -> str:
        """The words of the page, one blank between them."""
        return " ".join(" ".join(self._words).split())

    def form(self, *names: str) -> PageForm:
        """The form that has all of these fields."""
        return next(form for form in self.forms if form.names >= set(names))

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in given}
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes.items()]
        form = self._by_id.get(attributes.get("form", ""), self._open)
        if tag == "form":
            self._open = PageForm(attributes.get("action", ""), attributes.get("method", "get").lower())
            self.forms.append(self._open)
            if "id" in attributes:
                self._by_id[attributes["id"]] = self._open
        elif tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        elif form and attributes.get("name"):
            self._control(form, tag, attributes)
        if tag == "option" and form and self._select:
            self._offered.append(attributes.get("value", ""))
            if "selected" in attributes:
                self._chosen.append(attributes.get("value", ""))

    def _control(self, form: PageForm, tag: str, attributes: dict[str, str]) -> None:
        boxes = attributes.get("type") in ("checkbox", "radio")
        name, value = attributes["name"], attributes.get("value", "on" if boxes else "")
        if tag == "button":
            form.buttons.append((name, value))
        elif tag == "select":
            self._select, self._chosen, self._offered, self._several = name, [], [], "multiple" in attributes
        elif tag == "textarea":
            self._textarea = name
            form.fields.setdefault(name, []).append("")
        elif tag == "input" and attributes.get("type") in ("checkbox", "radio"):
            sent = "checked" in attributes and "disabled" not in attributes
            (form.fields if sent else form.unticked).setdefault(name, []).append(value)
        elif tag == "input":
            form.fields.setdefault(name, []).append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select" and self._select and self._open:
            chosen = self._chosen or ([] if self._several else self._offered[:1])
            (self._open.fields if chosen or not self._several else self._open.unticked)[self._select] = (
                chosen or self._offered
            )
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._textarea and self._open:
            self._open.fields[self._textarea][-1] += data
        self._words.append(data)
