"""The main pages take the same number of queries whatever the number of rows: tests/query_counts.json."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import ServiceToken, User
from policies.actions.bulk import digest_of, run_batch, start_bulk
from policies.actions.groups import create_group
from policies.actions.scopes import create_scope
from policies.actions.shares import share
from policies.audit import recording
from policies.models import AppToken, AuditEvent, BulkJob, EntityType, Resource, RoleAssignment
from tests.console.conftest import COMMAND, role
from tests.console.test_project_users import READER, STORAGE
from tests.factories import signed_in
from tests.query_counts import compare, queries_of


def grow(org: SimpleNamespace, size: int) -> BulkJob:
    """So many users with roles, people with roles, shares, projects and events; a finished job about all of the users."""
    users = User.objects.bulk_create(
        User(kind=User.Kind.PROJECT_USER, project=org.alpha, username=f"u{n}", description=f"d{n}", search_text=f"u{n} d{n}")
        for n in range(size)
    )  # fmt: skip
    people = User.objects.bulk_create(User(username=f"p{n}", search_text=f"p{n}") for n in range(size))
    viewer = role("roster:project_viewer")
    RoleAssignment.objects.bulk_create(
        RoleAssignment(role=given, user=user, scope=org.alpha, granted_by="somebody")
        for user, roles in (*((u, (role(READER), role(STORAGE))) for u in users), *((p, (viewer,)) for p in people))
        for given in roles
    )
    kind = EntityType.objects.get(catalogue__code="ovhcloud", code="notebook")
    Resource.objects.bulk_create(
        Resource(entity_type=kind, scope=org.alpha, name=f"r{n}", owner=users[n]) for n in range(size)
    )
    services = User.objects.bulk_create(
        User(kind=User.Kind.SERVICE, username=f"s{n}", search_text=f"s{n}") for n in range(size)
    )
    RoleAssignment.objects.bulk_create(
        RoleAssignment(role=role("roster:decision_client"), user=service, scope=scope, granted_by="somebody")
        for service in services for scope in (org.alpha, org.beta)
    )  # fmt: skip
    until = timezone.now() + timedelta(days=1)
    ServiceToken.objects.bulk_create(
        ServiceToken(service=service, name=f"t{n}", digest=f"{service.pk} {n}", expires_at=until)
        for service in services for n in range(2)
    )  # fmt: skip
    AppToken.objects.bulk_create(
        AppToken(project=org.alpha, made_by=who, name=f"a{n}", role=role(READER), digest=f"{n}", expires_at=until)
        for n, who in enumerate(people)
    )  # fmt: skip
    team = create_group(actor=COMMAND, name="A team")  # on the first page whatever the size
    team.user_set.set(people[:5])
    with recording(COMMAND):
        share(actor=COMMAND, thing=org.alpha, action="read", subject=team)
        for number, person in enumerate(people):
            create_scope(actor=COMMAND, kind="project", name=f"Project {number}", parent=org.department)
            share(actor=COMMAND, thing=org.alpha, action="read", subject=person)
    everybody = User.objects.filter(project=org.alpha)
    digest = digest_of(everybody.values_list("uid", flat=True))
    job = start_bulk(actor=COMMAND, project=org.alpha, change="disable", users=everybody, digest=digest)
    run_batch(actor=COMMAND, job=job)
    assert AuditEvent.objects.count() > size
    return job


@pytest.mark.once
@pytest.mark.parametrize("size", [10, 60])
def test_the_number_of_queries_does_not_depend_on_the_rows(org: SimpleNamespace, size: int) -> None:
    """At 10 and at 60 users, members, shares, projects, events and results."""
    job = grow(org, size)
    alpha, user, keeper, administrator = (
        org.alpha.uid,
        org.alpha_user.uid,
        signed_in(org.keeper),
        signed_in(org.administrator),
    )
    index = reverse("project_user_index", args=[alpha])
    pages: dict[str, tuple[Any, ...]] = {
        "Users": (keeper, index),
        "Users, last page": (keeper, index, {"page": 99}),
        "Users by roles": (keeper, index, {"sort": "roles"}),
        "Users, filtered and searched": (
            keeper,
            index,
            {"role": READER, "status": "disabled", "created": "2020-01-01", "q": "u"},
        ),
        "Users, export": (keeper, reverse("project_user_export", args=[alpha])),
        "User": (keeper, reverse("project_user_detail", args=[alpha, user])),
        "Edit roles": (keeper, reverse("project_user_roles", args=[alpha, user])),
        "Add user": (keeper, reverse("project_user_create", args=[alpha])),
        "Activity of a user": (keeper, reverse("project_user_activity", args=[alpha, user])),
        "Change roles of many": (keeper, reverse("bulk_create", args=[alpha]), {"action": "roles", "all": "1"}),
        "Results of a job": (keeper, reverse("bulk_detail", args=[alpha, job.uid])),
        "Members": (keeper, reverse("member_index", args=[alpha])),
        "Access": (keeper, reverse("share_index", args=[alpha])),
        "App tokens": (keeper, reverse("app_token_index", args=[alpha])),
        "Make app token": (keeper, reverse("app_token_create", args=[alpha])),
        "Activity of a project": (keeper, reverse("project_activity", args=[alpha])),
        "Overview of a project": (keeper, reverse("project_detail", args=[alpha])),
        "Projects": (administrator, reverse("project_index")),
        "Projects of a project administrator": (keeper, reverse("project_index")),
        "Resources": (administrator, reverse("resource_index")),
        "Resources of a project, filtered": (
            administrator,
            reverse("resource_index"),
            {"project": alpha, "type": "ovhcloud:notebook", "q": "r", "sort": "-tags"},
        ),
        "Resources, export": (administrator, reverse("resource_export")),
        "Resource": (administrator, reverse("resource_detail", args=[Resource.objects.get(name="r0").uid])),
        "Role assignments": (administrator, reverse("assignment_index")),
        "Role assignments, filtered": (
            keeper,
            reverse("assignment_index"),
            {"project": alpha, "inherited": "1", "role": READER, "status": "disabled", "q": "u", "sort": "-subject"},
        ),
        "Role assignments, export": (keeper, reverse("assignment_export")),
        "Give roles": (administrator, reverse("assignment_create")),
        "Give roles, of a project administrator": (keeper, reverse("assignment_create")),
        "Services": (administrator, reverse("service_index")),
        "Service": (administrator, reverse("service_detail", args=[User.objects.get(username="s0").uid])),
        "All activity": (administrator, reverse("activity_index")),
        "Roles": (administrator, reverse("role_index")),
        "Role matrix": (keeper, reverse("catalogue_detail", args=["runai"])),
        "Role": (administrator, reverse("role_detail", args=[role(READER).uid])),
        "Roles side by side": (
            administrator,
            reverse("role_compare"),
            {"role": [role(READER).uid, role(STORAGE).uid], "user": org.keeper.uid, "place": alpha},
        ),
        "Access check": (
            keeper,
            reverse("access_check"),
            {"what": "roster:project/update", "object": alpha, "user": "viewer"},
        ),
        "Who can": (keeper, reverse("who_can"), {"what": "roster:project/read", "object": alpha, "q": "p"}),
        "Who can, export": (keeper, reverse("who_can_export"), {"what": "roster:project/read", "object": alpha}),
        "What can": (keeper, reverse("what_can"), {"user": user, "place": alpha}),
        "Own account": (keeper, reverse("account_detail")),
    }
    compare({name: queries_of(*page) for name, page in pages.items()})
