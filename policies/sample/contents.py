"""What the sample organization is made of: its files, what there is of it now, and what real things stand inside it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from django.db.models import Model, QuerySet

from accounts.models import Endpoint, GroupProfile, Scope, ServiceToken, User
from policies.marked import Loader
from policies.models import ApplicationCredential, AppToken, EC2Credential, Resource, RoleAssignment
from policies.protected import PROTECTED

LISTED = 50  # real additions of one kind that are told by name


class Addition(NamedTuple):
    """Something real that stands inside the sample: the row, and how it is told."""

    row: Model
    label: str


def read(name: str) -> Any:
    """One of the sample's files; its first comment says how it is read."""
    text = Path(__file__).with_name(f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader)  # noqa: S506 - it is a safe loader


def sample_counts() -> dict[str, int]:
    """What there is of the sample: {"projects": 8, "people": 60 …}; all zero without one."""
    users = User.objects.filter(is_sample=True)
    return {
        **{
            f"{kind}s": Scope.objects.filter(kind=kind, is_sample=True).count()
            for kind in ("cluster", "department", "project")
        },
        "people": users.people().count(),
        "project users": users.project_users().count(),
        "services": users.services().count(),
        "groups": GroupProfile.objects.filter(is_sample=True).count(),
        "resources": Resource.objects.filter(is_sample=True).count(),
    }


def real_additions() -> list[Addition]:
    """What keeps the sample from being removed: real things in its places, real people in its groups, real holders of
    roles and shares there, real people bounded to its clusters, real things with its tags, tokens and endpoints of its services,
    and keys of programs of real people in its projects."""
    return [addition for additions in _real() for addition in additions]


def _real() -> Iterator[Iterator[Addition]]:
    inside = Scope.objects.filter(is_sample=True)
    places = Scope.objects.filter(parent__in=inside, is_sample=False)
    yield _told(places.select_related("parent"), "{0.kind} {0} in {0.parent}")
    users = User.objects.filter(project__in=inside, is_sample=False)
    yield _told(users.select_related("project"), "user {0} in {0.project}")
    resources = Resource.objects.filter(scope__in=inside, is_sample=False)
    yield _told(resources.select_related("scope"), "resource {0} in {0.scope}")
    members = User.groups.through.objects.filter(group__profile__is_sample=True, user__is_sample=False)
    yield _told(members.select_related("user", "group"), "{0.user} in the group {0.group}")
    roles = RoleAssignment.objects.filter(scope__in=inside).exclude(user__kind=User.Kind.PROJECT_USER)
    real = roles.exclude(user__is_sample=True).exclude(group__profile__is_sample=True)
    yield _told(real.select_related("role", "user", "group", "scope"), "{0}")
    yield from (_told(rows, words) for rows, words in _shares())
    bounds = User.clusters.through.objects.filter(scope__in=inside, user__is_sample=False)
    yield _told(bounds.select_related("user", "scope"), "{0.user}, bounded to the cluster {0.scope}")
    tagged = Resource.tags.through.objects.filter(tag__name__in=read("resources")["tags"], resource__is_sample=False)
    yield _told(tagged.select_related("resource", "tag"), "resource {0.resource} with the tag {0.tag}")
    tokens = ServiceToken.objects.filter(service__is_sample=True)
    yield _told(tokens.select_related("service"), "token {0} of the service {0.service}")
    endpoints = Endpoint.objects.filter(service__is_sample=True)
    yield _told(endpoints.select_related("service"), "endpoint {0} of the service {0.service}")
    app_tokens = AppToken.objects.filter(project__in=inside, made_by__is_sample=False)
    yield _told(app_tokens.select_related("project"), "app token {0} in {0.project}")
    for model, words in (
        (ApplicationCredential, "application credential {0} of {0.user} in {0.project}"),
        (EC2Credential, "S3 keys {0} of {0.user} in {0.project}"),
    ):
        credentials = model._default_manager.filter(project__in=inside, user__is_sample=False)
        yield _told(credentials.select_related("user", "project"), words)


def _shares() -> Iterator[tuple[QuerySet[Any], str]]:
    """Shares of things of the sample with real people and groups."""
    for tables in dict.fromkeys(protected.shares for protected in PROTECTED.values() if protected.shares):
        for table, holder, sample in zip(tables, ("user", "group"), ("is_sample", "profile__is_sample"), strict=True):
            rows = table._default_manager.filter(content_object__is_sample=True)
            rows = rows.exclude(**{f"{holder}__{sample}": True})
            words = f"{{0.content_object}}, shared with {{0.{holder}}} ({{0.permission.codename}})"
            yield rows.select_related("permission", "content_object", holder), words


def _told(rows: QuerySet[Any], words: str) -> Iterator[Addition]:
    found = list(rows.order_by("pk")[: LISTED + 1])
    for number, row in enumerate(found):
        yield Addition(row, words.format(row) if number < LISTED else "… and more of these")
