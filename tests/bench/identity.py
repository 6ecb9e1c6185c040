"""Identity v3 over HTTP: `make bench-identity`. Two workers, PostgreSQL; callers and database share their two cores.

To reach: validation 400 a second at concurrency 8 with p99 under 40 ms, as quick (within 10 %) with 100,000 tokens taken
back; 40 sign-ins a second; p99 of validation under 80 ms while ten times as many wrong passwords come in.
"""

import json
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import NamedTuple

from django.contrib.auth.hashers import make_password
from django.db import connection
from django.utils import timezone

from accounts.models import Throttle, User
from policies import tokens
from policies.actions.services import create_token
from policies.actions.users import disable_user
from policies.models import RevokedToken, RoleAssignment
from tests.bench.setting import SCALE, p50, p95, p99, server, settle, times
from tests.factories import COMMAND, a_project, a_service, role

PROJECTS, USERS_OF_EACH = 50, int(200 * SCALE) or 1
CONCURRENCY, SECONDS = 8, float(os.environ.get("SECONDS", "8"))
SIGNING_IN, WRONG_A_SECOND = 4, 400
TAKEN_BACK = 100_000
PASSWORD = "a good password of nobody"
PATH = "/identity/v3/auth/tokens"


class Answers(NamedTuple):
    """What a number of callers got: seconds of each answer, how many of each status, how many a second, and the
    milliseconds that server and database computed for each, which others on the machine change less."""

    seconds: list[float]
    statuses: Counter[int]
    rate: float
    computed: float = 0.0


def main() -> None:
    users = build()
    service = a_service("object-store", "roster:token_validator")
    validator = tokens.issue(service, None, ["password"])
    shown = [tokens.issue(user, user.project, ["password"]) for user in users[:500]]
    validations = [validation(validator, text) for text in shown]
    settle()
    head = f"{PROJECTS * USERS_OF_EACH:,} project users; milliseconds"
    print(f"\n{head:45}{'p50':>8}{'p95':>8}{'p99':>8}{'a second':>10}{'computed':>10}")
    tell("yardstick: one password, hashed here", yardstick())
    with server(workers=2, threads=4) as port:
        callers(port, validations, 2, 1)  # the first request of a process also reads the rules
        with_none = callers(port, validations, CONCURRENCY, SECONDS)
        tell(f"validation, {CONCURRENCY} at once", with_none)
        take_back()
        with_many = callers(port, validations, CONCURRENCY, SECONDS)
        tell(f"validation, {TAKEN_BACK:,} tokens taken back", with_many)
        tell(f"sign-in by password, {SIGNING_IN} at once", signing_in(port, users))
        tell(
            "sign-in by a service's token", callers(port, [sign_in("object-store", a_secret(service))], 4, SECONDS / 2)
        )
        tell("validation while wrong passwords come in", flooded(port, validations, users))
        refused(port, validator, users)


def yardstick() -> Answers:
    """About 20 ms on a machine that does nothing else: the others grow with it."""
    before = time.process_time()
    seconds = times(lambda: make_password(PASSWORD), 10, 0)
    return Answers(
        seconds, Counter(), len(seconds) / sum(seconds), (time.process_time() - before) * 1000 / len(seconds)
    )


def build() -> list[User]:
    """Project users with a password and a role each."""
    encoded, reader = make_password(PASSWORD), role("ovhcloud:ai_training_read")
    projects = [a_project(f"Project {number}") for number in range(PROJECTS)]
    numbers = count(1)
    made = [
        User(
            username=f"pipeline-{next(numbers)}",
            kind=User.Kind.PROJECT_USER,
            project=project,
            password=encoded,
            search_text="",
        )
        for project in projects
        for _ in range(USERS_OF_EACH)
    ]
    users = User.objects.bulk_create(made)
    RoleAssignment.objects.bulk_create(
        RoleAssignment(role=reader, user=user, scope=user.project, granted_by="bench") for user in users
    )
    return users


def a_secret(service: User) -> str:
    return create_token(actor=COMMAND, service=service, name="bench", expires_at=timezone.now() + timedelta(days=1))[1]


def validation(validator: str, shown: str) -> bytes:
    """The request that keystonemiddleware sends for a token."""
    return request("GET", f"{PATH}?nocatalog", f"X-Auth-Token: {validator}", f"X-Subject-Token: {shown}")


def sign_in(name: str, password: str) -> bytes:
    user = {"name": name, "password": password, "domain": {"id": "default"}}
    body = json.dumps({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}})
    return request("POST", f"{PATH}?nocatalog", "Content-Type: application/json", body=body)


def request(method: str, path: str, *headers: str, body: str = "") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}", *headers, "", body]
    return "\r\n".join(lines).encode()


def signing_in(port: int, users: Sequence[User]) -> Answers:
    return callers(port, [sign_in(user.username, PASSWORD) for user in users[:500]], SIGNING_IN, SECONDS)


def flooded(port: int, validations: Sequence[bytes], users: Sequence[User]) -> Answers:
    """Validation, while others try passwords at a fixed pace."""
    wrong = [sign_in(user.username, "wrong") for user in users]
    done = threading.Event()
    with ThreadPoolExecutor(SIGNING_IN) as pool:
        pace = SIGNING_IN / WRONG_A_SECOND
        tries = [pool.submit(call, port, wrong[n::SIGNING_IN], done, pace) for n in range(SIGNING_IN)]
        found = callers(port, validations, CONCURRENCY, SECONDS)
        done.set()
        flood = gathered([one.result() for one in tries], SECONDS)
    tell("  the wrong passwords", flood)
    Throttle.objects.all().delete()
    return found


def refused(port: int, validator: str, users: Sequence[User]) -> None:
    """Both workers refuse at once: every call is a connection of its own, so the workers share them."""
    user = users[0]
    text = tokens.issue(user, user.project, ["password"])
    assert set(callers(port, [validation(validator, text)], 1, 0.2).statuses) == {200}
    disable_user(actor=COMMAND, user=user)
    statuses = Counter(ask(port, validation(validator, text)) for _ in range(40))
    print(f"disabled: {dict(statuses)}")


def take_back() -> None:
    ends = timezone.now() + timedelta(hours=1)
    rows = (RevokedToken(audit_id=os.urandom(16).hex(), expires_at=ends) for _ in range(TAKEN_BACK))
    RevokedToken.objects.bulk_create(rows, batch_size=10_000)
    settle()


def callers(port: int, requests: Sequence[bytes], concurrency: int, seconds: float) -> Answers:
    """So many connections, each of which asks one request after the other."""
    done = threading.Event()
    with ThreadPoolExecutor(concurrency) as pool:
        started, before = time.perf_counter(), computed()
        asked = [pool.submit(call, port, requests[n::concurrency] or requests, done, 0) for n in range(concurrency)]
        time.sleep(seconds)
        done.set()
        found = gathered([one.result() for one in asked], time.perf_counter() - started)
        return found._replace(computed=(computed() - before) / len(found.seconds))


def gathered(found: Sequence[list[tuple[float, int]]], seconds: float) -> Answers:
    every = [answer for one in found for answer in one]
    return Answers([each for each, _ in every], Counter(status for _, status in every), len(every) / seconds)


def call(port: int, requests: Sequence[bytes], done: threading.Event, pace: float) -> list[tuple[float, int]]:
    """Seconds and status of each answer, over one connection; `pace`: seconds from one request to the next."""
    found: list[tuple[float, int]] = []
    connected = socket.create_connection(("127.0.0.1", port))
    with closing(connected):
        while not done.is_set():
            started = time.perf_counter()
            status, goes_on = answer(connected, requests[len(found) % len(requests)])
            found.append((time.perf_counter() - started, status))
            if not goes_on:
                connected.close()
                connected = socket.create_connection(("127.0.0.1", port))
            if pace:
                time.sleep(max(0.0, started + pace - time.perf_counter()))
    return found


def ask(port: int, request: bytes) -> int:
    with closing(socket.create_connection(("127.0.0.1", port))) as connected:
        return answer(connected, request)[0]


def answer(connected: socket.socket, request: bytes) -> tuple[int, bool]:
    """Status of the answer, and whether the connection goes on: read by hand, because the callers share the cores."""
    connected.sendall(request)
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += connected.recv(65536)
    head = received[:end].lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0)
    while len(received) < end + 4 + length:
        received += connected.recv(65536)
    return int(received[9:12]), b"connection: close" not in head


def computed() -> float:
    """Milliseconds that the processes below this one's (the server) and below the database's have computed so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [(backend,)] = cursor.fetchall()
    stats = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            stats[int(path.parent.name)] = int(fields[1]), int(fields[11]) + int(fields[12])
    below = {os.getpid(), stats[backend][0]}
    while more := {pid for pid, (parent, _) in stats.items() if parent in below} - below:
        below |= more
    return sum(stats[pid][1] for pid in below - {os.getpid()}) * 1000 / os.sysconf("SC_CLK_TCK")


def tell(name: str, found: Answers) -> None:
    columns = "".join(f"{measure(found.seconds):8.1f}" for measure in (p50, p95, p99))
    print(f"{name:45}{columns}{found.rate:10.0f}{found.computed:10.2f}  {dict(found.statuses)}", flush=True)
