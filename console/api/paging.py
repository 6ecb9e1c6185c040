"""Pages of search results, by opaque tokens.

A token says where the next page begins and of which search it is; it is signed, and of no use for any other search.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.db.models import QuerySet

from console.api.bearer import APIError

SALT = "console.api.paging"
RESULTS, MOST_RESULTS = 100, 1000  # on a page, without and with a limit


@dataclass(frozen=True)
class Paging:
    """The page that a search asks for: at most `limit` results, those behind `after`."""

    search: str  # what every page of one search has in common
    limit: int
    after: str = ""

    @classmethod
    def of(cls, body: dict[str, Any], *searched: Any) -> Paging:
        """From a request's `page`. `searched`: what tells this search from every other. Raises APIError."""
        page = body.get("page", {})
        token, limit = page.get("token", ""), page.get("limit")
        if limit is not None and (type(limit) is not int or limit < 0):
            raise APIError(400, "page.limit: expected a whole number, 0 or more.")
        asked = [body.get(name) for name in ("subject", "action", "resource", "context")]
        search = hashlib.sha256(json.dumps([*searched, *asked], sort_keys=True).encode()).hexdigest()[:32]
        if not token:
            return cls(search, RESULTS if limit is None else min(limit, MOST_RESULTS))
        try:
            found, kept, after = signing.loads(token, salt=SALT)
        except (signing.BadSignature, ValueError) as error:
            raise APIError(400, "page.token: this is no token of ours.") from error
        if found != search or (limit is not None and min(limit, MOST_RESULTS) != kept):
            raise APIError(400, "page.token: it belongs to another search. Ask for the next page as for the first one.")
        return cls(search, kept, after)

    def of_rows(self, rows: QuerySet[Any], key: str, told: Callable[[Any], Any]) -> dict[str, Any]:
        """A page of a queryset in the order of a unique column."""
        some = rows.filter(**{f"{key}__gt": self.after}) if self.after else rows
        return self._answer(list(some.order_by(key)[: self.limit + 1]), lambda row: str(getattr(row, key)), told)

    def of_list(self, items: Iterable[str], told: Callable[[str], Any]) -> dict[str, Any]:
        """A page of a short list without repetitions."""
        every = list(items)
        start = every.index(self.after) + 1 if self.after in every else 0
        return self._answer(every[start : start + self.limit + 1], str, told)

    def _answer(self, found: list[Any], key: Callable[[Any], str], told: Callable[[Any], Any]) -> dict[str, Any]:
        shown, more = found[: self.limit], len(found) > self.limit
        last = key(shown[-1]) if shown else self.after
        token = signing.dumps([self.search, self.limit, last], salt=SALT) if more else ""
        return {"page": {"next_token": token, "count": len(shown)}, "results": [told(row) for row in shown]}
