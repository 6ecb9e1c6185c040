"""The questions of access control at scale, on PostgreSQL: `make bench-access` (SCALE=0.1 for a tenth of the rows).

To reach, on two cores: a cold decision p50 under 3 ms, p99 under 10 ms, 250 a second; the first page of a permitted list
p95 under 60 ms for a random user, under 120 ms for somebody with a role in the whole organization; who may do something
under 30 ms; all of it less than three times as long for a user with 2,000 assignments; see also tests.bench.authzen.
"""

import gc
import random
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.test.utils import CaptureQueriesContext

from accounts.models import Project, Scope, User
from console.navigation import visible_projects
from policies import access
from policies.models import Resource
from tests.bench import authzen, guardian_rows
from tests.bench.access_world import HEAVY, NUMBERS, build
from tests.bench.setting import p50, p95, p99

PAGE = 25
RUNS = 300
chance = random.Random(7)  # noqa: S311  the same questions at every run


def main() -> None:
    print(f"\nThe world: {NUMBERS}")
    build()
    gc.collect()
    gc.freeze()  # as the server does
    everybody = sample(User.objects.people().filter(is_active=True), RUNS)
    things, projects = sample(Resource.objects.all(), RUNS), sample(Project.objects.all(), RUNS)
    of_the_organization = Scope.objects.root().role_assignments.exclude(user=None).filter(user__is_active=True)
    print(f"\n{'milliseconds':58}{'p50':>8}{'p95':>8}{'p99':>8}  queries  times the first")
    everywhere = list(of_the_organization.values_list("user", flat=True)[:RUNS])
    people = {
        "a random person": everybody,
        "one with 2,000 roles": [User.objects.get(username=HEAVY).pk] * RUNS,
        "one with a role in the organization": [everywhere[n % len(everywhere)] for n in range(RUNS)],
    }

    def ask(name: str, question: Callable[..., Any], asked: Callable[[list[int]], Iterable[tuple[Any, ...]]]) -> None:
        tell_in_turn({f"{name}: {who}": asked(users) for who, users in people.items()}, question)

    ask("may, cold", access_may, lambda users: ((a_user(u), a_thing(t)) for u, t in zip(users, things, strict=False)))
    ask("may, user and thing read too", read_and_may, lambda users: zip(users, things, strict=False))
    ask("first page of what they see", first_page, lambda users: ((a_user(pk),) for pk in users))
    ask("first page in a project", first_page, lambda users: of_projects(users, projects))
    ask("actions for 25 rows", access.actions_for, lambda users: ((a_user(pk), a_page()) for pk in users[:60]))
    ask("first page of projects", first_projects, lambda users: ((a_user(pk),) for pk in users))
    asked = (a_user(everybody[0]), a_thing(things[0]))
    tell("may, again in the same request", access_may, [asked] * RUNS)
    tell("who may, first page", first_who, ((a_thing(pk),) for pk in things))
    authzen.measure(everybody, things)
    guardian_rows.measure(everybody, things, tell)


def sample(rows: QuerySet[Any], number: int) -> list[int]:
    """Row numbers by chance."""
    numbers = rows.order_by("pk").values_list("pk", flat=True)
    low, high = numbers.first() or 0, numbers.last() or 0
    found = (numbers.filter(pk__gte=chance.randint(low, high)).first() for _ in range(number * 2))
    return [pk for pk in found if pk][:number]


def tell(name: str, question: Callable[..., Any], asked: Iterable[tuple[Any, ...]]) -> None:
    tell_in_turn({name: asked}, question)


def tell_in_turn(asked: dict[str, Iterable[tuple[Any, ...]]], question: Callable[..., Any]) -> None:
    """Ask for each name in turn (whatever else the machine does slows all of them), and print how long it took, how many
    queries a tenth of them made, and how many times as long as for the first name."""
    seconds: dict[str, list[float]] = {name: [] for name in asked}
    queries: dict[str, int] = dict.fromkeys(asked, 0)
    for number, each in enumerate(zip(*asked.values(), strict=False)):
        for name, arguments in zip(asked, each, strict=True):
            if number % 10 == 0:
                with CaptureQueriesContext(connection) as captured:
                    question(*arguments)
                queries[name] = max(queries[name], len(captured))
                continue
            started = time.perf_counter()
            question(*arguments)
            seconds[name].append(time.perf_counter() - started)
    first = p50(next(iter(seconds.values())))
    for name, took in seconds.items():
        ratio = f"{p50(took) / first:10.2f}" if len(seconds) > 1 else ""
        print(f"{name:58}{p50(took):8.2f}{p95(took):8.2f}{p99(took):8.2f}  {queries[name]:7}{ratio}", flush=True)


def a_user(pk: int) -> User:
    """Somebody of whom nothing is known yet."""
    return User.objects.get(pk=pk)


def a_thing(pk: int) -> Resource:
    return Resource.objects.select_related("entity_type", "scope").get(pk=pk)


def a_page() -> list[Resource]:
    rows = Resource.objects.select_related("entity_type", "scope").order_by("pk")
    return list(rows.filter(pk__gte=chance.randint(1, NUMBERS.resources - PAGE))[:PAGE])


def of_projects(users: list[int], projects: list[int]) -> Iterator[tuple[User, Project]]:
    for user, project in zip(users, projects, strict=False):
        yield a_user(user), Project.objects.get(pk=project)


def access_may(user: User, thing: Resource) -> None:
    access.may(user, thing.entity_type.seen_by[0], thing)


def read_and_may(user: int, thing: int) -> None:
    access_may(a_user(user), a_thing(thing))


def first_page(user: User, within: Project | None = None) -> None:
    list(access.visible_resources(user, within).order_by(Lower("name"), "pk")[:PAGE])


def first_projects(user: User) -> None:
    list(visible_projects(user).order_by("name", "pk")[:PAGE])


def first_who(thing: Resource) -> None:
    list(access.people_who_may(thing.entity_type.seen_by[0], thing).order_by("username")[:PAGE])
