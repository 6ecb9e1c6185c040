"""The frame around every page: which projects and menu entries somebody sees."""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.models import Project, Scope, User
from console.links import link
from policies import access
from policies.protected import At

PROJECTS_IN_SWITCHER = 7


@dataclass(frozen=True)
class Entry:
    """A menu entry or tab, shown to those who may do `action` on `entity_type`; with a project in its URL or not."""

    label: str
    icon: str
    url_name: str
    action: str
    entity_type: str
    of_project: bool = True
    also_current: tuple[str, ...] = ()  # prefixes of the URL names of the pages below it
    or_some_of: tuple[str, ...] = ()  # shown also to those who may do it on some objects, of these types as well
    by_filter: bool = False  # of a project, which stands not in the path but behind it: ?project=


USERS = Entry(
    "Users & Roles",
    "users",
    "project_user_index",
    "list",
    "project_user",
    also_current=("project_user_", "bulk_", "member_", "share_"),
)
OVERVIEW = Entry(
    "Overview",
    "rectangle-group",
    "project_detail",
    "read",
    "project",
    also_current=("project_update", "project_delete"),
)
ACTIVITY = Entry("Activity", "clock", "project_activity", "read", "event_history", also_current=("project_activity",))
APP_TOKENS = Entry("App tokens", "ticket", "app_token_index", "read", "app_token", also_current=("app_token_",))
MENU = {
    "Project management": (USERS, APP_TOKENS, ACTIVITY, OVERVIEW),
    "Organization": (
        Entry("Projects", "folder", "project_index", "", "", of_project=False, also_current=("project_create",)),
    ),
    "Access": (
        Entry("Resources", "cube", "resource_index", "", "", of_project=False, also_current=("resource_",)),
        Entry(
            "Role assignments",
            "key",
            "assignment_index",
            "read",
            "role_assignment",
            of_project=False,
            also_current=("assignment_",),
            or_some_of=("role_assignment", "org_assignment"),
        ),
        Entry(
            "Roles", "table-cells", "role_index", "read", "role", of_project=False, also_current=("role_", "catalogue_")
        ),
        Entry(
            "Access check",
            "question-mark-circle",
            "access_check",
            "",
            "",
            of_project=False,
            also_current=("who_can", "what_can", "decision_help"),
        ),
        Entry(
            "Services",
            "server-stack",
            "service_index",
            "read",
            "service",
            of_project=False,
            also_current=("service_", "region_"),
        ),
    ),
    "Installation": (
        Entry(
            "All activity",
            "clipboard-document-list",
            "activity_index",
            "read",
            "event_history",
            of_project=False,
            also_current=("activity_",),
        ),
        Entry("Administration", "cog-6-tooth", "admin:index", "open", "admin_site", of_project=False),
    ),
}
TABS = (
    Entry("Users", "", "project_user_index", "list", "project_user"),
    Entry("Members", "", "member_index", "read", "role_assignment"),
    Entry("Access", "", "share_index", "share", "project"),
    Entry("Activity", "", "project_activity", "read", "event_history"),
    Entry("Resources", "", "resource_index", "", "", by_filter=True),
)
# Whoever may open one of these pages of a project sees the project.
PROJECT_PAGES = tuple(
    (entry.action, entry.entity_type) for entry in (USERS, APP_TOKENS, OVERVIEW, *TABS) if entry.action
)


def visible_projects(user: User) -> QuerySet[Project]:
    """The projects of which somebody may open some page."""
    return access.visible_scopes(user, "project", *PROJECT_PAGES)


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `frame` for base.html; nothing for those who are not signed in."""
    user: Any = request.user if hasattr(request, "user") else None
    if user is None or not user.is_authenticated or user.password_is_temporary:
        return {}
    return {"frame": SimpleLazyObject(partial(_frame, request, user))}  # the results of a list alone have no frame


def _frame(request: HttpRequest, user: User) -> dict[str, Any]:
    project, projects = current_project(request), visible_projects(user).order_by("name", "pk")
    return {
        "theme": user.theme,
        "organization": access.root_for(user).name,
        "project": project,
        "projects": tuple((p.uid, p.name, front_page(user, p)) for p in projects[:PROJECTS_IN_SWITCHER]),
        "may_create_project": access.may(user, "create", At("project")),
        "menu": menu(request, project),
    }


def current_project(request: HttpRequest) -> Project | None:
    """The project that the URL names, as far as the view has found it visible."""
    project = getattr(request, "project", None)
    return project if project is not None and project.kind == Scope.Kind.PROJECT else None


class Item(NamedTuple):
    label: str
    icon: str
    url: str
    current: bool


class Area(NamedTuple):
    label: str
    items: tuple[Item, ...]


def menu(request: HttpRequest, project: Project | None) -> tuple[Area, ...]:
    """Areas with the entries that one may open."""
    here = request.resolver_match.url_name or "" if request.resolver_match else ""
    areas = []
    for label, entries in MENU.items():
        items = tuple(
            Item(entry.label, entry.icon, url(entry, project), is_current(entry, here))
            for entry in entries
            if may_open(request.user, entry, project)
        )
        if items:
            areas.append(Area(label, items))
    return tuple(areas)


def tabs(request: HttpRequest, project: Project, **counts: int) -> list[dict[str, Any]]:
    """The tabs of a project that one may open; counts by URL name."""
    here = request.resolver_match.url_name if request.resolver_match else ""
    return [
        {
            "label": entry.label,
            "url": url(entry, project),
            "current": entry.url_name == here,
            "count": counts.get(entry.url_name),
        }
        for entry in TABS
        if may_open(request.user, entry, project)
    ]


def crumbs(request: HttpRequest, project: Project, *pages: tuple[str, str]) -> list[tuple[str, str]]:
    """The way over the project to a page: (label, URL) pairs; what one may not open has no URL."""
    overview = url(OVERVIEW, project) if may_open(request.user, OVERVIEW, project) else ""
    return [("Projects", link("project_index")), (project.name, overview), *pages]


def may_open(user: Any, entry: Entry, project: Project | None) -> bool:
    if entry.of_project and project is None:
        return False
    if not entry.action:
        return True
    if entry.or_some_of:
        return access.may_some(user, entry.action, *entry.or_some_of)
    if entry.entity_type == "project":
        return access.may(user, entry.action, project)
    scope = project if entry.of_project else (access.root_for(user) if entry.entity_type == "event_history" else None)
    return access.may(user, entry.action, At(entry.entity_type, scope))


def url(entry: Entry, project: Project | None) -> str:
    if entry.by_filter and project:
        return f"{link(entry.url_name)}?project={project.uid}"
    return link(entry.url_name, project.uid) if entry.of_project and project else link(entry.url_name)


def first_page(request: HttpRequest, project: Project) -> str:
    """Where a project begins for somebody: its first page that they may open, else the list of projects."""
    entries = (entry for entry in (*TABS, OVERVIEW) if entry.action and may_open(request.user, entry, project))
    pages = (url(entry, project) for entry in entries)
    return next(pages, link("project_index"))


def front_page(user: User, project: Project) -> str:
    """Where lists of projects lead: as first_page(), of two pages and without a query for each project."""
    listed = access.may(user, "list", At("project_user", project))
    return link("project_user_index" if listed else "project_detail", project.uid)


def is_current(entry: Entry, here: str) -> bool:
    return here == entry.url_name or any(here.startswith(prefix) for prefix in entry.also_current)
