"""Who may open a view. Every view declares it; a test walks the URLs and fails for one that does not.

    @requires("give_role", "project_user")
    def project_user_roles(request, project, user): ...

    @visible
    def resource_detail(request, resource): ...

The view is called with objects instead of the ids in its URL: first they are looked up among what the person may see
(404, the same as for an id that does not exist), then the action is decided (403, with who can help); `visible` asks for
no more than seeing.
"""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db.models import QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404

from accounts.models import Project, Scope, User
from console.denials import denied_page
from console.middleware import Request
from console.navigation import visible_projects
from policies import access
from policies.actor import Actor
from policies.audit import record_refusal
from policies.errors import Conflict, Denied
from policies.models import AppToken, Catalogue, Resource, Role, RoleAssignment
from policies.protected import At
from policies.resources import seen_resources

log = logging.getLogger("console.access")
View = Callable[..., HttpResponseBase]


class PageRequest(Request):
    """A request as protected views get it: somebody is signed in."""

    user: User
    actor: Actor
    project: Project


def public(view: View) -> View:
    """For everybody, signed in or not."""
    view.permission = "public"  # type: ignore[attr-defined]
    return login_not_required(view)


def signed_in(view: View) -> View:
    """For whoever is signed in: it concerns only themselves, or decides row by row."""

    @wraps(view)
    def inner(request: PageRequest, **kwargs: Any) -> HttpResponseBase:
        request.actor = Actor.of_request(request)
        return _or_denied(request, view, **kwargs)

    inner.permission = "signed in"  # type: ignore[attr-defined]
    return inner


def requires(action: str, entity_type: str, *, of_installation: bool = False) -> Callable[[View], View]:
    """For those who may do the action on the object that the URL names, or on objects of the type in its project.

    Where the URL names no project: on objects anywhere, or `of_installation`: on all of them.
    """

    def protect(view: View) -> View:
        @wraps(view)
        def inner(request: PageRequest, **kwargs: Any) -> HttpResponseBase:
            request.actor = Actor.of_request(request)
            _look_up(request, kwargs)
            root = access.root_for(request.user) if of_installation else None
            return _or_denied(request, view, (action, _target(entity_type, kwargs, root)), **kwargs)

        inner.permission = (action, entity_type)  # type: ignore[attr-defined]
        return inner

    return protect


def requires_some(action: str, *entity_types: str) -> Callable[[View], View]:
    """For those who may do the action on some objects of one of the types, whatever the conditions.

    The view decides object by object: it shows, or does, no more than what is allowed.
    """

    def protect(view: View) -> View:
        @wraps(view)
        def inner(request: PageRequest, **kwargs: Any) -> HttpResponseBase:
            request.actor = Actor.of_request(request)
            if access.may_some(request.user, action, *entity_types):
                return _or_denied(request, view, **kwargs)
            return _or_denied(request, view, (action, At(entity_types[0])), **kwargs)

        inner.permission = (action, entity_types[0])  # type: ignore[attr-defined]
        return inner

    return protect


def visible(view: View) -> View:
    """For those who may see the objects that the URL names."""

    @wraps(view)
    def inner(request: PageRequest, **kwargs: Any) -> HttpResponseBase:
        request.actor = Actor.of_request(request)
        _look_up(request, kwargs)
        return _or_denied(request, view, **kwargs)

    inner.permission = "visible"  # type: ignore[attr-defined]
    return inner


def _look_up(request: PageRequest, kwargs: dict[str, Any]) -> None:
    """Put objects in the place of the ids in the URL. Raises Http404 for one that the person may not see."""
    if "project" in kwargs:
        kwargs["project"] = request.project = visible_project(request.user, kwargs["project"])
        remember_project(request)
    if "user" in kwargs:
        kwargs["user"] = visible_user(request.user, kwargs["project"], kwargs["user"])
    if "app_token" in kwargs:
        kwargs["app_token"] = visible_app_token(request.user, kwargs["project"], kwargs["app_token"])
    for name in kwargs.keys() & SEEN.keys():
        kwargs[name] = _found(SEEN[name](request.user), kwargs[name])


def _found(rows: QuerySet[Any], uid: str) -> Any:
    """The row of this id, or code of a catalogue. Raises Http404."""
    key = "code" if rows.model is Catalogue else "uid"
    found = rows.filter(**{key: uid}).first() if "\x00" not in uid else None
    if found is None:
        raise Http404
    return found


def visible_roles(user: User) -> QuerySet[Role]:
    """Every role, for those who may see roles somewhere."""
    return _for_readers(user, "role", Role.objects.select_related("catalogue"))


def visible_catalogues(user: User) -> QuerySet[Catalogue]:
    """Every catalogue, for those who may see roles somewhere."""
    return _for_readers(user, "role", Catalogue.objects.all())


def visible_assignments(user: User) -> QuerySet[RoleAssignment]:
    """The role assignments that the person may see."""
    rows = access.visible_assignments(user)
    return rows.select_related("role__catalogue", "scope", "user", "group")


def visible_resources(user: User) -> QuerySet[Resource]:
    """The resources that the person may see in lists, or manages."""
    return seen_resources(user).select_related("entity_type__catalogue", "scope", "owner", "parent")


def visible_services(user: User) -> QuerySet[User]:
    """The services that the person may see."""
    return access.permitted(user, "read", "service")


def _for_readers(user: User, entity_type: str, rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows if access.may(user, "read", At(entity_type)) else rows.none()


# {name in a URL: the objects among which its id is looked up}
SEEN: dict[str, Callable[[Any], QuerySet[Any]]] = {
    "role": visible_roles,
    "catalogue": visible_catalogues,
    "assignment": visible_assignments,
    "resource": visible_resources,
    "service": visible_services,
}

NAMES = {"project_user": "user", "role_assignment": "assignment"}  # entity type -> its name in URLs, where they differ


def remember_project(request: PageRequest) -> None:
    """Keep where somebody was: home leads back there. Written only when it changes, not on every page."""
    if request.session.get("project") != request.project.uid:
        request.session["project"] = request.project.uid


def visible_project(user: Any, uid: str) -> Project:
    """A project of which the person may open some page. Raises Http404."""
    return get_object_or_404(visible_projects(user).select_related("parent"), uid=uid)


def visible_user(user: Any, project: Project, uid: str) -> User:
    """A project user whom the person may see. Raises Http404."""
    users = access.permitted(user, "list", "project_user", within=project)
    found: User | None = users.filter(uid=uid).first() if uid.isalnum() else None  # no database looks for NUL
    if found is None:
        raise Http404
    found.project = project
    return found


def visible_app_token(user: Any, project: Project, uid: str) -> AppToken:
    """A token of a project, which the person may see. Raises Http404."""
    tokens = access.permitted(user, "read", "app_token", within=project)
    found: AppToken = _found(tokens.select_related("role", "made_by", "project"), uid)
    return found


def _target(entity_type: str, kwargs: dict[str, Any], root: Scope | None) -> Any:
    if entity_type == "resource" and "resource" in kwargs:  # its registration, whatever type it is of
        return At(entity_type, kwargs["resource"].scope)
    return kwargs.get(NAMES.get(entity_type, entity_type)) or At(entity_type, kwargs.get("project") or root)


def _or_denied(
    request: PageRequest, view: View, question: tuple[str, Any] | None = None, **kwargs: Any
) -> HttpResponseBase:
    try:
        if question:
            request.actor.require(*question)
        return view(request, **kwargs)
    except Denied as denied:
        _note(request, denied)
        return denied_page(request, denied)
    except Conflict as gone:  # deleted since it was looked up; what else changed meanwhile, views tell themselves
        raise Http404 from gone


def _note(request: PageRequest, denied: Denied) -> None:
    """A refused write stands in the audit trail, a refused read in the log."""
    if request.method == "POST":
        record_refusal(request.actor, denied)
    else:
        log.info("refused %s", denied.action, extra={"thing": str(denied.thing)})
