"""Questions of access as they stand in addresses: who (`user`), action and entity type (`what`), `object` and `place`."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import Group

from accounts.models import Scope, User
from console.links import link
from policies.models import AuditEvent, Catalogue, RoleAssignment
from policies.protected import At, OrgAssignment, scope_of
from policies.questions import kind_of

EXPLAIN = ("explain", "decision")


def what_of(action: str, thing: Any) -> str:
    """How a form names action and entity type together: `ovhcloud:notebook/launch`."""
    return f"{kind_of(thing).full_name}/{action}"


def query_of(action: str, thing: Any) -> dict[str, str]:
    """The parameters that ask about this action on this thing."""
    query = {"what": what_of(action, thing)}
    if isinstance(thing, RoleAssignment) and thing._state.adding:
        return query | {"object": thing.role.full_name, "place": thing.scope.uid}
    if isinstance(thing, At | OrgAssignment | AuditEvent) or thing._state.adding:
        scope = scope_of(thing)
        return query | ({"place": scope.uid} if scope else {})
    return query | {"object": id_of(thing)}


def id_of(thing: Any) -> str:
    """The public id by which an address names a thing."""
    if isinstance(thing, Catalogue):
        return thing.code
    if isinstance(thing, Group):
        profile = getattr(thing, "profile", None)
        return profile.uid if profile else thing.name
    return str(thing.uid)


def why_url(action: str, thing: Any, user: User | None = None) -> str:
    """The page that tells why the user (without one: who asks) may do this, or may not."""
    query = query_of(action, thing) | ({"user": user.uid} if user else {})
    return f"{link('access_check')}?{urlencode(query)}"


def ask_url(user: User, place: Scope) -> str:
    """The page that answers why, with the user and the place filled in."""
    return f"{link('access_check')}?{urlencode({'user': user.uid, 'place': place.uid})}"


def who_url(action: str, thing: Any) -> str:
    """The page that lists who may do this."""
    return f"{link('who_can')}?{urlencode(query_of(action, thing))}"


def what_url(user: User, place: Scope | None = None) -> str:
    """The page that lists what the user may do, in a place."""
    query = {"user": user.uid} | ({"place": place.uid} if place else {})
    return f"{link('what_can')}?{urlencode(query)}"
