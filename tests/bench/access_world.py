"""The world in which decisions are measured, made by PostgreSQL itself: the same one at every run.

At SCALE 1: 1,000,000 users in 1,000 groups, 100,000 projects in 200 departments and 20 clusters, 1,000,000 resources and
5,000,000 role assignments; one user holds 2,000 of them, a thousand hold a role in the whole organization.
"""

import time
from dataclasses import dataclass

from django.db import connection

from accounts.models import Scope, User
from policies.models import Catalogue, EntityType, Module, Role, RulebookVersion
from tests.bench.setting import SCALE, settle


@dataclass(frozen=True)
class Numbers:
    """How many of each there are."""

    clusters: int = max(2, int(20 * SCALE))
    departments: int = max(4, int(200 * SCALE))
    projects: int = int(100_000 * SCALE)
    people: int = int(600_000 * SCALE)
    project_users: int = int(400_000 * SCALE)
    groups: int = max(10, int(1_000 * SCALE))
    resources: int = int(1_000_000 * SCALE)
    assignments: int = int(5_000_000 * SCALE)
    of_the_heavy_user: int = 2_000


NUMBERS = Numbers()
HEAVY = "person-1"


def build() -> None:
    """Fill the database, unless it is filled already; tell how long each part took."""
    if User.objects.filter(username=HEAVY).exists():
        return
    fill()
    settle()


def fill() -> None:
    Catalogue.objects.update(is_enabled=True)
    Module.objects.update(is_installed=True)
    RulebookVersion.renew()
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.5)")
        cursor.execute("SET session_replication_role = replica")  # what is made here refers to what exists
        for part in (scopes, users, groups, resources, assignments):
            started = time.perf_counter()
            for statement in part():
                cursor.execute(statement)
            print(f"  {part.__name__:12} {time.perf_counter() - started:6.1f} s", flush=True)
        cursor.execute("SET session_replication_role = DEFAULT")


def scopes() -> list[str]:
    """Clusters, departments (half of them in clusters), projects (seven in ten in departments, two in clusters)."""
    root, n = Scope.objects.root().pk, NUMBERS
    return [
        _scopes("cluster", n.clusters, f"{root}"),
        _scopes(
            "department", n.departments, f"CASE WHEN n % 2 = 0 THEN {root} ELSE {_pick('cluster', n.clusters)} END"
        ),
        _scopes(
            "project",
            n.projects,
            f"CASE WHEN n % 10 < 7 THEN {_pick('department', n.departments)}"
            f" WHEN n % 10 < 9 THEN {_pick('cluster', n.clusters)} ELSE {root} END",
        ),
    ]


def _scopes(kind: str, number: int, parent: str) -> str:
    cluster = "s.id" if kind == "cluster" else "above.cluster_id"
    return f"""
        INSERT INTO accounts_scope (uid, kind, name, slug, description, parent_id, is_sample, created_at, path)
        SELECT md5('{kind}' || n), '{kind}', '{kind}-' || n, '{kind}-' || n, '', {parent}, false, now(), ''
        FROM generate_series(1, {number}) n;
        UPDATE accounts_scope s SET path = above.path || s.id || '/', cluster_id = {cluster}
        FROM accounts_scope above WHERE above.id = s.parent_id AND s.kind = '{kind}';
        INSERT INTO accounts_scopeclosure (ancestor_id, descendant_id)
        SELECT step::bigint, s.id FROM accounts_scope s, unnest(string_to_array(rtrim(s.path, '/'), '/')) step
        WHERE s.kind = '{kind}'"""


def _pick(kind: str, number: int) -> str:
    return f"(SELECT id FROM accounts_scope WHERE kind = '{kind}' AND slug = '{kind}-' || (1 + (n::bigint * 7919) % {number}))"


def users() -> list[str]:
    columns = """password, is_superuser, uid, kind, username, description, email, project_id, is_active,
        password_is_temporary, all_clusters, theme, is_sample, created_at, search_text, roles_sort_key"""
    return [
        f"""INSERT INTO accounts_user ({columns})
        SELECT '!', false, md5('person' || n), 'person', 'person-' || n, 'Person ' || n, '', NULL, n % 50 > 0,
            false, n % 20 > 0, '', false, now(), 'person-' || n || ' person ' || n, ''
        FROM generate_series(1, {NUMBERS.people}) n""",
        f"""INSERT INTO accounts_user ({columns})
        SELECT '!', false, md5('key' || n), 'project_user', 'user-' || n, 'Pipeline ' || n, '', s.id, n % 50 > 0,
            false, true, '', false, now(), 'user-' || n || ' pipeline ' || n, ''
        FROM generate_series(1, {NUMBERS.project_users}) n
        JOIN accounts_scope s ON s.kind = 'project' AND s.slug = 'project-' || (1 + n % {NUMBERS.projects})""",
        """INSERT INTO accounts_user_clusters (user_id, scope_id)
        SELECT u.id, s.id FROM accounts_user u JOIN accounts_scope s ON s.kind = 'cluster' AND s.id % 3 = u.id % 3
        WHERE NOT u.all_clusters""",
    ]


def groups() -> list[str]:
    return [
        f"""INSERT INTO auth_group (name) SELECT 'group-' || n FROM generate_series(1, {NUMBERS.groups}) n""",
        f"""INSERT INTO accounts_user_groups (user_id, group_id)
        SELECT DISTINCT u.id, (SELECT min(id) FROM auth_group) + (u.id * 31 + k) % {NUMBERS.groups}
        FROM accounts_user u, generate_series(1, 2) k WHERE u.kind = 'person' AND u.id % 3 = 0""",
    ]


def resources() -> list[str]:
    """Of every type that lists show, with owners among the people; apps and their kind are open or private."""
    kinds = [pk for pk, seen_by in EntityType.objects.order_by("pk").values_list("pk", "seen_by") if seen_by]
    array = "ARRAY[" + ",".join(map(str, kinds)) + "]"
    return [
        f"""INSERT INTO policies_resource
            (uid, entity_type_id, scope_id, name, external_id, url, owner_id, visibility, is_sample, created_at)
        SELECT md5('thing' || n), ({array})[1 + n % {len(kinds)}], s.id, 'thing-' || (n::bigint * 7919 % {NUMBERS.resources}),
            '', '', (SELECT min(id) FROM accounts_user) + (n::bigint * 104729 % {NUMBERS.people}),
            (ARRAY['ALL_USERS', 'PRIVATE', 'PRIVATE', ''])[1 + n % 4], false, now()
        FROM generate_series(1, {NUMBERS.resources}) n
        JOIN accounts_scope s ON s.kind = 'project' AND s.slug = 'project-' || (1 + (n::bigint * 31) % {NUMBERS.projects})""",
    ]


def assignments() -> list[str]:
    n, root = NUMBERS, Scope.objects.root().pk
    first = "(SELECT min(id) FROM accounts_user WHERE kind = 'person')"
    place = f"(SELECT min(id) FROM accounts_scope WHERE kind = 'project') + floor(random() * {n.projects})::int"
    department = (
        f"(SELECT min(id) FROM accounts_scope WHERE kind = 'department') + floor(random() * {n.departments})::int"
    )
    heavy = f"(SELECT id FROM accounts_user WHERE username = '{HEAVY}')"
    expires = "CASE WHEN random() < 0.1 THEN now() + (random() - 0.3) * interval '90 days' END"
    of_keys = n.project_users * 2
    of_people = n.assignments - of_keys - n.of_the_heavy_user - n.groups * 20 - n.people // 20
    return [
        _give("user_id", "u.id", _any("project_user", "project"), "u.project_id", "NULL",
              "accounts_user u, generate_series(1, 2) WHERE u.kind = 'project_user'"),
        _give("user_id", f"{first} + floor(random() * {n.people})::int", _any("person", "project"), place, expires,
              f"generate_series(1, {of_people})"),
        _give("user_id", f"{first} + floor(random() * {n.people})::int", _any("person", "department"), department,
              expires, f"generate_series(1, {n.people // 20})"),
        _give("user_id", f"{first} + floor(random() * {n.people})::int", _any("person", "organization"), f"{root}",
              "NULL", f"generate_series(1, {max(20, n.people // 600)})"),
        _give("group_id", f"(SELECT min(id) FROM auth_group) + floor(random() * {n.groups})::int",
              _any("group", "project"), place, "NULL", f"generate_series(1, {n.groups * 20})"),
        _give("user_id", heavy, _any("person", "project"), place, "NULL", f"generate_series(1, {n.of_the_heavy_user})"),
    ]  # fmt: skip


def _give(column: str, subject: str, role: str, scope: str, expires: str, rows: str) -> str:
    return f"""INSERT INTO policies_roleassignment
            (uid, {column}, role_id, scope_id, reason, expires_at, granted_at, granted_by)
        SELECT replace(gen_random_uuid()::text, '-', ''), {subject}, {role}, {scope}, '', {expires}, now(), 'bench'
        FROM {rows} ON CONFLICT DO NOTHING"""


def _any(subject: str, kind: str) -> str:
    """One of the roles that such a subject can be given in such a scope, by chance."""
    fitting = [
        role.pk
        for role in Role.objects.order_by("pk")
        if (not role.subjects or subject in role.subjects) and (not role.binds or kind in role.binds)
    ]
    return f"(ARRAY[{','.join(map(str, fitting))}])[1 + floor(random() * {len(fitting)})::int]"
