"""Who may open a view. Every view declares it; a test walks the URLs and fails for one that does not.

    @requires("give_role", "project_user")
    def project_user_roles(request, project, user): ...

The view is called with objects instead of the ids in its URL: first they are looked up among what the person may see
(404, the same as for an id that does not exist), then the action is decided (403, with who can help).
"""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
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
from policies.protected import At

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
            if "project" in kwargs:
                kwargs["project"] = request.project = visible_project(request.user, kwargs["project"])
                remember_project(request)
            if "user" in kwargs:
                kwargs["user"] = visible_user(request.user, kwargs["project"], kwargs["user"])
            root = access.root_for(request.user) if of_installation else None
            return _or_denied(request, view, (action, _target(entity_type, kwargs, root)), **kwargs)

        inner.permission = (action, entity_type)  # type: ignore[attr-defined]
        return inner

    return protect


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


def _target(entity_type: str, kwargs: dict[str, Any], root: Scope | None) -> Any:
    project, user = kwargs.get("project"), kwargs.get("user")
    if entity_type == "project_user" and user is not None:
        return user
    if entity_type == "project" and project is not None:
        return project
    return At(entity_type, project or root)


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
