"""Decisions over HTTP: a service asks POST /access/v1/evaluation, each time about somebody and something else.

To reach: 150 requests a second per process, p99 under 40 ms.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.client import HTTPConnection

from django.utils import timezone

from accounts.models import User
from policies.actions.services import create_token, register_service
from policies.models import Resource
from tests.bench.setting import p50, p95, p99, server
from tests.factories import COMMAND, give

CALLERS, SECONDS = 4, 8


def measure(people: list[int], things: list[int]) -> None:
    """One server process with the database of this one; as many callers as it has threads."""
    token, asked = a_token(), questions(people, things)
    with server(workers=1, threads=CALLERS) as port, ThreadPoolExecutor(CALLERS) as pool:
        call(port, token, asked, 1)  # the first request of a process also reads the rules
        started = time.perf_counter()
        found = list(pool.map(lambda n: call(port, token, asked[n::CALLERS], SECONDS), range(CALLERS)))
        rate = sum(map(len, found)) / (time.perf_counter() - started)
    seconds = [each for one in found for each in one]
    name = "AuthZEN evaluation over HTTP, one process"
    print(f"{name:58}{p50(seconds):8.2f}{p95(seconds):8.2f}{p99(seconds):8.2f}  {rate:.0f} requests/s", flush=True)


def a_token() -> str:
    service = User.objects.services().filter(username="bench").first()
    if service is None:
        service = register_service(actor=COMMAND, username="bench", description="Asks")
        give(service, "roster:decision_client")
    _, secret = create_token(
        actor=COMMAND, service=service, name="bench", expires_at=timezone.now() + timedelta(days=1)
    )
    return secret


def questions(people: list[int], things: list[int]) -> list[bytes]:
    users = User.objects.in_bulk(people)
    resources = Resource.objects.select_related("entity_type__catalogue").in_bulk(things)
    return [
        json.dumps(
            {
                "subject": {"type": "user", "id": users[user].uid},
                "action": {"name": resources[thing].entity_type.seen_by[0]},
                "resource": {"type": resources[thing].entity_type.full_name, "id": resources[thing].uid},
            }
        ).encode()
        for user, thing in zip(people, things, strict=True)
    ]


def call(port: int, token: str, asked: list[bytes], seconds: float) -> list[float]:
    """Ask one after the other for so long; the seconds that each answer took."""
    found: list[float] = []
    connection, end = HTTPConnection("127.0.0.1", port), time.perf_counter() + seconds
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    while (started := time.perf_counter()) < end:
        connection.request("POST", "/access/v1/evaluation", asked[len(found) % len(asked)], headers)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        found.append(time.perf_counter() - started)
    return found
