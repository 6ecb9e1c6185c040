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
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from heroicons.templatetags.heroicons import heroicon_micro, heroicon_outline

register = template.Library()


@register.simple_tag
@cache
def icon(name: str, style: str = "outline", css: str = "") -> SafeString:
    """A heroicon as inline SVG, hidden from screen readers: `{% icon "plus" "micro" %}`."""
    draw, extra = (heroicon_micro, {}) if style == "micro" else (heroicon_outline, {"stroke_width": "1.75"})
    svg = draw(name, size=None, **{"class": f"icon {css}".strip()}, **extra)
    return mark_safe(svg)  # noqa: S308 - heroicons' own SVG; names come from templates and the menu, never from people


@cache
def _address(name: str, number: int) -> str:
    """The address of a view with places for so many ids."""
    return reverse(name, args=[f"{place:032d}" for place in range(number)])


@register.simple_tag
def link(name: str, *ids: str) -> str:
    """Django's `url` for addresses that hold ids alone, cheap enough for every entry of a menu in every row of a list."""
    address = _address(name, len(ids))
    for place, uid in enumerate(ids):
        address = address.replace(f"{place:032d}", quote(uid, safe=""), 1)
    return address


@register.simple_tag
@lru_cache(maxsize=256)
def remembered(component: str, word: str) -> SafeString:
    """`components/<component>.html`, which depends on one word alone: rendered once, not in every row."""
    return render_to_string(f"components/{component}.html", {component: word})


def _local(value: datetime) -> datetime:
    return timezone.localtime(value) if timezone.is_aware(value) else value


def _ago(value: datetime) -> str:
    """`2 hours ago`, `in 3 days` within a week, else the date."""
    distance = timezone.now() - value
    seconds = abs(distance.total_seconds())
    if seconds < 60:
        return "just now"
    if seconds >= timedelta(days=7).total_seconds():
        return date_format(_local(value), "j M Y")
    size, unit = next((s, u) for s, u in ((86400, "day"), (3600, "hour"), (60, "minute")) if seconds >= s)
    count = int(seconds // size)
    words = f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{words} ago" if distance > timedelta(0) else f"in {words}"


@register.filter
def when(value: datetime | None, absent: str = "never") -> str:
    """A moment as people say it, exact in `datetime` and `title`; the given word (else "never") for no moment."""
    if value is None or value == "":
        return absent
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), _exact(value), _ago(value))


@register.filter
def instant(value: datetime | date | None, absent: str = "never") -> str:
    """A moment as date and time: 14 Nov 2026, 09:05."""
    if value is None or value == "":
        return absent
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', value.isoformat(), _exact(value), _exact(value, seconds=False)
    )


def _exact(value: datetime | date, *, seconds: bool = True) -> str:
    if not isinstance(value, datetime):
        return date_format(value, "j M Y")
    return date_format(_local(value), "j M Y, H:i:s T" if seconds else "j M Y, H:i")


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


def _query(context: template.Context) -> QueryDict:
    request = getattr(context, "request", None) or context.get("request")
    return request.GET.copy() if request else QueryDict(mutable=True)


@register.simple_tag(takes_context=True)
def query_without(context: template.Context, name: str, value: str = "") -> str:
    """The query string without this value of a parameter (none named: without all of them), from the first page."""
    query = _query(context)
    query.setlist(name, [kept for kept in query.getlist(name) if value and kept != str(value)])
    for place in ("page", "before", "after"):
        query.pop(place, None)
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def query_inputs(context: template.Context, *names: str) -> str:
    """Hidden inputs that carry the named parameters of this page's address into a form."""
    query = _query(context)
    pairs = ((name, value) for name in names for value in query.getlist(name) if value)
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', pairs)


@register.inclusion_tag("components/sort_th.html", takes_context=True)
def sort_th(
    context: template.Context, key: str, label: str, sort: str, css: str = "", first: str = ""
) -> dict[str, Any]:
    """A column head that sorts. `sort` is the order in force (`created` or `-created`); `first="-"`: newest first."""
    return {"request": getattr(context, "request", None), "css": css, **_sort(key, label, sort, first)}


@register.inclusion_tag("components/sort_link.html", takes_context=True)
def sort_link(context: template.Context, key: str, label: str, sort: str, first: str = "") -> dict[str, Any]:
    """The link of a column head alone, for two sorts in one head."""
    return {"request": getattr(context, "request", None), **_sort(key, label, sort, first)}


def _sort(key: str, label: str, sort: str, first: str) -> dict[str, Any]:
    current = {key: "ascending", f"-{key}": "descending"}.get(sort, "")
    follow = {"ascending": f"-{key}", "descending": key}.get(current, f"{first}{key}")
    return {"label": label, "current": current, "follow": follow}
