"""Audited writes: adding users and editing their roles, by one writer and by eight at once."""

import time
from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from accounts.models import Project
from policies import audit
from policies.actions.assignments import edit_roles
from policies.actions.users import add_project_user
from policies.offers import roles_of_project_users
from tests.bench.setting import SCALE, vendor
from tests.factories import COMMAND, a_project

WRITES = int(400 * SCALE)


def write(project: Project, number: int) -> None:
    roles = roles_of_project_users()
    for n in range(number):
        user, _ = add_project_user(
            actor=COMMAND, project=project, description=f"Pipeline {n}", roles=roles[:1], password=""
        )
        edit_roles(actor=COMMAND, user=user, roles=roles[1:2])
    connection.close()


def main() -> None:
    project = a_project("writes")
    for writers in (1, 8):
        started = time.perf_counter()
        with ThreadPoolExecutor(writers) as pool:
            list(pool.map(lambda _, each=WRITES // writers: write(project, each), range(writers)))  # type: ignore[misc]
        seconds = time.perf_counter() - started
        print(f"{vendor()}: {writers} writers   {2 * WRITES / seconds:7.0f} audited writes a second")
    started = time.perf_counter()
    rows, problems = audit.verify()
    print(
        f"{vendor()}: verify_audit   {rows:,} rows in {time.perf_counter() - started:.1f} s   {len(problems)} problems"
    )
