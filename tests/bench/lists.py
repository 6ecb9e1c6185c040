"""Users & Roles of a project with 1,000 and with 100,000 users: the page as a browser gets it, from session to HTML.

To reach: default list, page 2 and sorts p95 under 100 ms and growth under 1.5x; role filter and search p95 under 250 ms.
"""

from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Project, User
from policies.models import RoleAssignment
from policies.offers import roles_of_project_users
from tests.bench.setting import SCALE, p50, p95, settle, times_in_turn, vendor
from tests.factories import a_project, an_administrator, signed_in

SIZES = (int(1_000 * SCALE), int(100_000 * SCALE))
PAGES = {
    "default list": "",
    "page 2": "?page=2",
    **{
        f"sort {name}": f"?sort={name}"
        for name in ("username", "description", "roles", "created", "-last_used", "status")
    },
    "last page": "?page=100000",
    "role filter": "?role={role}",
    "status filter": "?status=no_role",
    "search": "?q=line+77",
}


def fill(project: Project, number: int) -> None:
    """Users with zero to two roles, made at different times, some used, some disabled."""
    roles, now = roles_of_project_users(), timezone.now()
    users = [
        User(
            kind=User.Kind.PROJECT_USER,
            project=project,
            username=f"{project.slug}-{n}",
            description=f"Pipeline {n * 7919 % number}",
            search_text=f"{project.slug}-{n} pipeline {n * 7919 % number}",
            created_at=now - timedelta(minutes=n),
            password="!",
            is_active=n % 11 > 0,
            last_used_at=now - timedelta(minutes=n * 31 % 99991) if n % 3 else None,
            roles_sort_key=", ".join(sorted(role.label for role in held(roles, n))),
        )
        for n in range(number)
    ]
    User.objects.bulk_create(users, batch_size=2000)
    RoleAssignment.objects.bulk_create(
        (
            RoleAssignment(user=user, role=role, scope=project, granted_by="bench")
            for n, user in enumerate(users)
            for role in held(roles, n)
        ),
        batch_size=2000,
    )


def held(roles: list[Any], n: int) -> list[Any]:
    return [roles[n % len(roles)], roles[(n + 3) % len(roles)]][: n % 3]


def main() -> None:
    client = signed_in(an_administrator())
    projects = [a_project(f"size {size}") for size in SIZES]
    for project, size in zip(projects, SIZES, strict=True):
        fill(project, size)
    settle()
    role = roles_of_project_users()[1].full_name
    print(f"\n{vendor()}: {SIZES[0]:,} and {SIZES[1]:,} users   p50 / p95 ms                         growth   queries")
    for name, query in PAGES.items():
        asked, queries = [], set()
        for project in projects:
            url = reverse("project_user_index", args=[project.uid]) + query.format(role=role)
            client.get(url)  # the first request of a process also reads the rules
            with CaptureQueriesContext(connection) as captured:
                assert client.get(url).status_code == 200
            queries.add(len(captured))
            asked.append(partial(client.get, url))
        small, large = times_in_turn(asked)
        print(
            f"{name:20} {p50(small):8.1f} / {p95(small):6.1f}   {p50(large):8.1f} / {p95(large):6.1f}"
            f"   {p50(large) / p50(small):12.2f}   {'/'.join(map(str, sorted(queries))):>7}"
        )
