"""What every list does: sort and page in the database, answer htmx with the results alone."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.db.models.expressions import OrderBy
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.functional import cached_property

PAGE_SIZE = 25

# {name in the URL: what to order by}; each ends with the row number: the order is total, and pages do not overlap.
Sorts = dict[str, tuple[Any, ...]]


def searched(request: HttpRequest) -> str:
    """What the URL searches for."""
    return search_text(request.GET)


def search_text(data: QueryDict) -> str:
    """What a query searches for (`q`), without what no database can look for."""
    return data.get("q", "").replace("\x00", "").strip()[:200]


class CappedPaginator(Paginator):
    """For tables of millions of rows: counts no further than `most`, and pages end there.

    `is_capped`: there are more rows.
    """

    most = 10_000

    @cached_property
    def _found(self) -> int:
        rows: Any = self.object_list
        found: int = rows.order_by().values("pk")[: self.most + 1].count()
        return found

    @cached_property
    def count(self) -> int:
        return min(self._found, self.most)

    @property
    def is_capped(self) -> bool:
        return self._found > self.most

    def page(self, number: int | str) -> Page[Any]:
        """Sorted are row numbers alone; only the rows of this page are then read whole, with what they are joined to."""
        number = self.validate_number(number)
        every: Any = self.object_list
        ordered: Any = every if self.is_capped else sorted_whole(every)
        first = (number - 1) * self.per_page
        pks = list(ordered.values_list("pk", flat=True)[first : min(first + self.per_page, self.count)])
        rows = {row.pk: row for row in every.order_by().filter(pk__in=pks)}
        return Page([rows[pk] for pk in pks if pk in rows], number, self)


def sorted_whole(rows: Any) -> Any:
    """The same rows in the same order, but never along an index: for few rows of a large table, for which a database may
    walk the index of all the others. A column that stands in an expression has no index."""
    keys = []
    for key in rows.query.order_by:
        if isinstance(key, OrderBy):
            key = key.copy()
            key.set_source_expressions([Coalesce(*key.get_source_expressions() * 2)])
        keys.append(key)
    return rows.order_by(*keys)


def sorted_page(
    request: HttpRequest,
    rows: QuerySet[Any],
    sorts: Sorts,
    default: str,
    paginator: type[Paginator] = Paginator,
) -> tuple[Page[Any], str]:
    """The page that the URL asks for, in the order that it asks for (`sort=created`, `sort=-created`); that order."""
    sort = request.GET.get("sort", default)
    if sort not in sorts:
        sort = default
    return paginator(rows.order_by(*sorts[sort]), PAGE_SIZE).get_page(request.GET.get("page")), sort


def both_ways(**columns: str) -> Sorts:
    """Sorts over plain columns, ascending and descending."""
    found: Sorts = {}
    for name, column in columns.items():
        found[name] = (column, "pk")
        found[f"-{name}"] = (f"-{column}", "-pk")
    return found


def render_list(
    request: HttpRequest, area: str, context: dict[str, Any], name: str = "index", status: int = 200
) -> HttpResponse:
    """The page `console/<area>/<name>.html`; for htmx, which replaces the results alone, `<name>_results.html`."""
    htmx = getattr(request, "htmx", None)
    part = f"{name}_results" if htmx and not htmx.boosted and not htmx.history_restore_request else name
    response = render(request, f"console/{area}/{part}.html", context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response
