"""The same questions asked of stock guardian: a row for each permission on each object, no roles and no places."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Permission
from django.db import connection
from guardian.backends import ObjectPermissionBackend
from guardian.shortcuts import get_objects_for_user, get_users_with_perms

from accounts.models import User
from policies.models import Resource, ResourceShareWithUser
from policies.shares import get_content_type
from tests.bench.access_world import NUMBERS

PAGE = 25


def fill() -> Permission:
    """As many rows as there are role assignments: guardian would need more, one for every action on every object."""
    permission = Permission.objects.filter(content_type=get_content_type(Resource)).order_by("pk")[0]
    if not ResourceShareWithUser.objects.exists():
        with connection.cursor() as cursor:
            cursor.execute(
                f"""INSERT INTO policies_resourcesharewithuser (user_id, permission_id, content_object_id)
                SELECT (SELECT min(id) FROM accounts_user) + floor(random() * {NUMBERS.people})::int, {permission.pk},
                    (SELECT min(id) FROM policies_resource) + floor(random() * {NUMBERS.resources})::int
                FROM generate_series(1, {NUMBERS.assignments}) ON CONFLICT DO NOTHING"""
            )
            cursor.execute("ANALYZE policies_resourcesharewithuser")
    return permission


def measure(people: list[int], things: list[int], tell: Callable[..., None]) -> None:
    codename = fill().codename
    stock = ObjectPermissionBackend()

    def decide(user: int, thing: int) -> None:
        stock.has_perm(User.objects.get(pk=user), codename, Resource.objects.get(pk=thing))

    def first_page(user: int) -> None:
        rows: Any = get_objects_for_user(User.objects.get(pk=user), codename, Resource, accept_global_perms=False)
        list(rows.order_by("name", "pk")[:PAGE])

    def who(thing: int) -> None:
        found: Any = get_users_with_perms(Resource.objects.get(pk=thing), only_with_perms_in=[codename])
        list(found.order_by("username")[:PAGE])

    tell("stock guardian: one decision", decide, zip(people, things, strict=True))
    tell("stock guardian: first page", first_page, ((pk,) for pk in people))
    tell("stock guardian: who may", who, ((pk,) for pk in things[:20]))  # takes seconds each
