"""How many queries a page takes, compared with query_counts.json: a number that moves is seen, and meant, or mended."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

BASELINE = Path(__file__).with_suffix(".json")


def queries_of(client: Client, path: str, data: Any = None) -> list[str]:
    """The SQL of a page that was opened before: what a session or a process learns once is not counted."""
    client.get(path, data)
    with CaptureQueriesContext(connection) as captured:
        response = client.get(path, data)
        assert response.status_code == 200, (path, response.status_code)
        response.getvalue()
    return [query["sql"] for query in captured.captured_queries]


def compare(found: dict[str, list[str]]) -> None:
    """Fails with the SQL of each page whose number of queries is not the one of the baseline."""
    expected = json.loads(BASELINE.read_text())
    counts = {name: len(queries) for name, queries in found.items()}
    if counts != expected:
        different = [name for name, count in counts.items() if expected.get(name) != count]
        told = [
            f"{name}: {expected.get(name)} expected, {counts[name]} done\n{listed(found[name])}" for name in different
        ]
        whole = f"If all of it is meant, {BASELINE.name} is\n{json.dumps(counts, indent=2)}"
        raise AssertionError("\n\n".join(["The number of queries changed.", *told, whole]))


def listed(queries: list[str]) -> str:
    """Each query on a line, how often it was asked before it."""
    return "\n".join(f"  {times} x {sql[:400]}" for sql, times in Counter(queries).items())
