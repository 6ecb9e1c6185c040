"""Lists of Identity v3 among ten thousand users: `make bench-identity`.

To reach: the role assignments of 10,000 users, with names, in under 500 ms.
"""

from django.test import Client

from policies import tokens
from policies.models import RoleAssignment
from tests.bench.identity import build
from tests.bench.setting import p50, p95, settle, times, vendor
from tests.factories import a_project, an_administrator, role

RUNS = 10


def main() -> None:
    users, everywhere = build(), a_project("everybody")
    operator = role("ovhcloud:objectstore_operator")
    RoleAssignment.objects.bulk_create(RoleAssignment(user=user, role=operator, scope=everywhere) for user in users)
    shown = {"X-Auth-Token": tokens.issue(an_administrator("bench"), None, ["password"])}
    settle()
    client, inside = Client(headers=shown), f"scope.project.id={everywhere.uid}"
    print(f"\nLists of {len(users):,} on {vendor()}{'ms':>20}{'p50':>8}{'p95':>8}")
    for said, path in (
        ("role assignments of one project, with names", f"role_assignments?include_names&{inside}"),
        ("the same, effective", f"role_assignments?include_names&effective&{inside}"),
        ("all role assignments, with names", "role_assignments?include_names&limit=10000"),
        ("users", "users"),
        ("one user by name", f"users?name={users[0].username}"),
        ("projects", "projects"),
    ):
        assert client.get(f"/identity/v3/{path}").status_code == 200
        took = times(lambda path=path: client.get(f"/identity/v3/{path}"), runs=RUNS, warm_up=2)  # type: ignore[misc]
        print(f"{said:>60}{p50(took):8.0f}{p95(took):8.0f}")
