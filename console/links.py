"""Where a thing, or a change that would help, has its page: for those who may open it."""

from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from django.urls import reverse
from django.utils.safestring import mark_safe

from accounts.models import Scope, User
from policies import access
from policies.fixes import Fix
from policies.models import Resource, Role, RoleAssignment
from policies.protected import At


def link(name: str, *ids: str) -> str:
    """`reverse` for addresses that hold ids alone; cheap enough for every entry of a menu in every row of a list."""
    address = _address(name, len(ids))
    for place, uid in enumerate(ids):
        address = address.replace(f"{place:032d}", quote(uid, safe=""), 1)
    return mark_safe(address)  # noqa: S308 - the ids are quoted


@cache
def _address(name: str, number: int) -> str:
    """The address of a view with places for so many ids."""
    return reverse(name, args=[f"{place:032d}" for place in range(number)])


def url_of(viewer: User, thing: Any) -> str:
    """The page of a thing; empty where it has none, or the viewer may not open it."""
    for kind, (may, url) in PAGES.items():
        if isinstance(thing, kind):
            return url(thing) if may(viewer, thing) else ""
    return ""


def url_of_fix(viewer: User, fix: Fix) -> str:
    """The page on which the viewer can make this change; empty for those who may not make it."""
    return FIXED_AT[fix.kind](fix.thing) if fix.may(viewer) else ""


def _may_open_user(viewer: User, user: User) -> bool:
    if user.is_service:
        return access.may(viewer, "read", user)
    if user.is_project_user:
        return access.may(viewer, "list", user)
    return _may_administer(viewer) and access.may(viewer, "list", user)


def _may_administer(viewer: User) -> bool:
    return access.may(viewer, "open", At("admin_site"))


def _user_url(user: User) -> str:
    if user.is_service:
        return reverse("service_detail", args=[user.uid])
    if user.is_project_user:
        assert user.project is not None
        return reverse("project_user_detail", args=[user.project.uid, user.uid])
    return reverse("admin:accounts_user_change", args=[user.pk])


def _assignment_url(assignment: RoleAssignment) -> str:
    return reverse("assignment_update", args=[assignment.uid])


def _scope_url(scope: Scope) -> str:
    return reverse("project_detail", args=[scope.uid]) if scope.kind == Scope.Kind.PROJECT else ""


def _enable_url(user: User) -> str:
    if user.is_project_user:
        assert user.project is not None
        return reverse("project_user_enable", args=[user.project.uid, user.uid])
    return _user_url(user)


def _give_url(new: RoleAssignment) -> str:
    assert new.user is not None
    if new.user.is_project_user:
        return reverse("project_user_roles", args=[new.scope.uid, new.user.uid])
    query = {"subject": new.user.uid, "role": new.role.uid, "project": new.scope.uid}
    return f"{reverse('assignment_create')}?{urlencode(query)}"


Page = tuple[Callable[[User, Any], bool], Callable[[Any], str]]
PAGES: dict[type, Page] = {
    User: (_may_open_user, _user_url),
    Scope: (lambda viewer, scope: access.may(viewer, "read", scope), _scope_url),
    Role: (
        lambda viewer, _: access.may(viewer, "read", At("role")),
        lambda role: reverse("role_detail", args=[role.uid]),
    ),
    Resource: (
        lambda viewer, thing: access.visible_resources(viewer).filter(pk=thing.pk).exists(),
        lambda thing: reverse("resource_detail", args=[thing.uid]),
    ),
    RoleAssignment: (lambda viewer, thing: bool(thing.pk) and access.may(viewer, "update", thing), _assignment_url),
}
FIXED_AT: dict[str, Callable[[Any], str]] = {
    "enable": _enable_url,
    "clusters": _user_url,
    "give": _give_url,
    "prolong": _assignment_url,
    "switch_on": lambda catalogue: reverse("catalogue_update", args=[catalogue.code]),
    "describe": lambda thing: reverse("resource_update", args=[thing.uid]),
}
