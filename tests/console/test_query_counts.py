"""How many queries a page needs: the same for ten rows and for two hundred, and no more than tests/query_counts.json says.

After a change on purpose, write the new numbers there; a failure prints the queries.
"""

import json
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Project, User
from policies.models import RoleAssignment
from policies.offers import roles_of_project_users
from tests.factories import a_person, a_project, an_administrator, give, signed_in

BASELINE = json.loads((Path(__file__).parent.parent / "query_counts.json").read_text())


def fill(project: Project, number: int) -> None:
    """Users with a role, and as many events about them as anybody makes in a day."""
    role = roles_of_project_users()[0]
    users = User.objects.bulk_create(
        User(kind="project_user", project=project, username=f"{project.slug}-{n}", search_text=f"{project.slug}-{n}")
        for n in range(number)
    )
    RoleAssignment.objects.bulk_create(RoleAssignment(user=u, role=role, scope=project, granted_by="x") for u in users)
    for _ in range(min(number, 20)):
        give(a_person(), "roster:project_viewer", project)


@pytest.mark.django_db
@pytest.mark.parametrize("rows", [10, 200])
@pytest.mark.parametrize("page", BASELINE)
def test_pages_ask_as_often_as_the_baseline_says(page: str, rows: int) -> None:
    project = a_project()
    fill(project, rows)
    for _ in range(rows // 20):
        a_project()
    ids = [] if page in ("project_index", "activity_index") else [project.uid]
    url = reverse(page, args=[*ids, project.users.order_by("pk")[0].uid] if page == "project_user_detail" else ids)
    client = signed_in(an_administrator())
    client.get(url)  # the first request of a process also reads the rules
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    told = "\n".join(query["sql"][:300] for query in captured)
    assert len(captured) == BASELINE[page], f"{page} with {rows} rows: {len(captured)} queries\n{told}"
