"""What templates need beyond Django's own tags: icons, times, initials, links that keep the query string."""

import re
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any
from urllib.parse import quote

from django import template
from django.core.paginator import Page
from django.forms import BoundField, Select
from django.http import QueryDict
from django.template import Context, Node
from django.template.base import FilterExpression, Parser, TextNode, Token
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from heroicons.templatetags.heroicons import heroicon_micro, heroicon_outline

from console.links import link

register = template.Library()


@cache
def icon(name: str, style: str = "outline", css: str = "") -> SafeString:
    """A heroicon as inline SVG, hidden from screen readers: `{% icon "plus" "micro" %}`."""
    draw, extra = (heroicon_micro, {}) if style == "micro" else (heroicon_outline, {"stroke_width": "1.75"})
    svg = draw(name, size=None, **{"class": f"icon {css}".strip()}, **extra)
    return mark_safe(svg)  # noqa: S308 - heroicons' own SVG; names come from templates and the menu, never from people


class IconNode(Node):
    def __init__(self, arguments: list[FilterExpression]) -> None:
        self.arguments = arguments

    def render(self, context: Context) -> SafeString:
        return icon(*(argument.resolve(context) for argument in self.arguments))


@register.tag("icon")
def draw_icon(parser: Parser, token: Token) -> Node:
    """What a template names is drawn when the template is compiled: a list has hundreds of icons."""
    node = IconNode([parser.compile_filter(bit) for bit in token.split_contents()[1:]])
    return node if any(argument.is_var for argument in node.arguments) else TextNode(node.render(Context()))


register.simple_tag(link)

ID = f"{0:032d}"


@register.simple_tag
def remembered(template_name: str, uid: str = "", **values: Any) -> SafeString:
    """A template that depends on these plain values and on one id, `uid`: rendered once, not in every row of a list."""
    alike = frozenset((name, frozenset(v) if isinstance(v, set) else v) for name, v in values.items())
    html = _rendered(template_name, alike).replace(ID, quote(uid, safe=""))
    return mark_safe(html)  # noqa: S308 - a template, with an id that is quoted


@lru_cache(maxsize=512)
def _rendered(template_name: str, alike: frozenset[tuple[str, Any]]) -> str:
    return render_to_string(template_name, {**dict(alike), "uid": ID})


def _local(value: datetime) -> datetime:
    return timezone.localtime(value) if timezone.is_aware(value) else value


def _ago(value: datetime) -> str:
    """`2 hours ago`, `in 3 days` within a week, else the date."""
    distance = timezone.now() - value
    seconds = abs(distance.total_seconds())
    if seconds < 60:
        return "just now"
    if seconds >= timedelta(days=7).total_seconds():
        return _exact(_local(value).date())
    size, unit = next((s, u) for s, u in ((86400, "day"), (3600, "hour"), (60, "minute")) if seconds >= s)
    count = int(seconds // size)
    words = f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{words} ago" if distance > timedelta(0) else f"in {words}"


@register.filter
def when(value: datetime | None, absent: str = "never") -> str:
    """A moment as people say it, exact in `datetime` and `title`; the given word (else "never") for no moment."""
    if value is None or value == "":
        return absent
    return _time(value, _exact(value), _ago(value))


@register.filter
def instant(value: datetime | date | None, absent: str = "never") -> str:
    """A moment as date and time: 14 Nov 2026, 09:05."""
    if value is None or value == "":
        return absent
    return _time(value, _exact(value), _exact(value, seconds=False))


def _time(value: datetime | date, title: str, text: str) -> SafeString:
    return mark_safe(f'<time datetime="{value.isoformat()}" title="{title}">{text}</time>')  # noqa: S308 - digits, names of months


def _exact(value: datetime | date, *, seconds: bool = True) -> str:
    """By strftime: Django's own formatter takes ten times as long, and a list has two moments in a row."""
    if not isinstance(value, datetime):
        return f"{value.day} {value:%b %Y}"
    local = _local(value)
    return f"{local.day} {local:%b %Y, %H:%M:%S %Z}" if seconds else f"{local.day} {local:%b %Y, %H:%M}"


@register.filter
def initials(name: str) -> str:
    """Two letters for an avatar: `vision-lab` gives VL, `Mara Lindqvist` ML."""
    words = re.findall(r"[^\W_]+", str(name)) or ["?"]
    letters = words[0][0] + words[1][0] if len(words) > 1 else words[0][:2]
    return letters.upper()


@register.filter
def pages(page: Page) -> list[int | str]:
    """Page numbers worth a link, with an ellipsis where some are left out."""
    return list(page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1))


@register.filter
def split(text: str, separator: str) -> list[str]:
    """The parts of a text: `"One|Two"|split:"|"`."""
    return text.split(separator)


@register.filter
def control(field: BoundField) -> SafeString:
    """The bare control of a form field, with Bootstrap's class for its kind."""
    css = "form-select" if isinstance(field.field.widget, Select) else "form-control"
    if field.errors:
        css += " is-invalid"
    return field.as_widget(attrs={"class": css})


def _query(context: Context) -> QueryDict:
    request = getattr(context, "request", None) or context.get("request")
    return request.GET.copy() if request else QueryDict(mutable=True)


@register.simple_tag(takes_context=True)
def query_without(context: Context, name: str, value: str = "") -> str:
    """The query string without this value of a parameter (none named: without all of them), from the first page."""
    query = _query(context)
    query.setlist(name, [kept for kept in query.getlist(name) if value and kept != str(value)])
    for place in ("page", "before", "after"):
        query.pop(place, None)
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def query_inputs(context: Context, *names: str) -> str:
    """Hidden inputs that carry the named parameters of this page's address into a form."""
    query = _query(context)
    pairs = ((name, value) for name in names for value in query.getlist(name) if value)
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', pairs)


@register.inclusion_tag("components/sort_th.html", takes_context=True)
def sort_th(context: Context, key: str, label: str, sort: str, css: str = "", first: str = "") -> dict[str, Any]:
    """A column head that sorts. `sort` is the order in force (`created` or `-created`); `first="-"`: newest first."""
    return {"request": getattr(context, "request", None), "css": css, **_sort(key, label, sort, first)}


@register.inclusion_tag("components/sort_link.html", takes_context=True)
def sort_link(context: Context, key: str, label: str, sort: str, first: str = "") -> dict[str, Any]:
    """The link of a column head alone, for two sorts in one head."""
    return {"request": getattr(context, "request", None), **_sort(key, label, sort, first)}


def _sort(key: str, label: str, sort: str, first: str) -> dict[str, Any]:
    current = {key: "ascending", f"-{key}": "descending"}.get(sort, "")
    follow = {"ascending": f"-{key}", "descending": key}.get(current, f"{first}{key}")
    return {"label": label, "current": current, "follow": follow}
