"""Members: people of the directory with roles in a project, and where each role comes from."""

from typing import Any

from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Left, Length, Lower, NullIf
from django.db.models.lookups import Contains
from django.http import HttpResponse
from django.utils import timezone

from accounts.models import Project, User
from console.lists import Sorts, render_list, searched, sorted_page
from console.navigation import crumbs, tabs
from console.protection import PageRequest, requires
from console.questions import what_url
from policies import access
from policies.holdings import union
from policies.models import RoleAssignment
from policies.protected import At, OrgAssignment
from policies.rulebook import rulebook

ORDERS = {"person": ("label",), "role": ("called", "label"), "source": ("above", "place", "label")}
SORTS: Sorts = {
    f"{sign}{name}": tuple(f"{sign}{column}" for column in (*columns, "id", "person"))
    for name, columns in ORDERS.items() for sign in ("", "-")
}  # fmt: skip


@requires("read", "role_assignment")
def member_index(request: PageRequest, project: Project) -> HttpResponse:
    text = searched(request)
    roles = member_roles(project, text, with_email=access.may(request.user, "list", At("user")))
    page, sort = sorted_page(request, roles, SORTS, "person")
    return render_list(request, "members", {
        "project": project, "crumbs": crumbs(request, project, ("Members", "")), "tabs": tabs(request, project),
        "q": text, "sort": sort, "page": page, "rows": rows_of(project, list(page.object_list)),
        "may_give": request.actor.may("create", OrgAssignment(project)),
        "may_explain": access.may(request.user, "explain", At("decision", project)),
    })  # fmt: skip


def member_roles(project: Project, text: str = "", *, with_email: bool = False) -> QuerySet[Any]:
    """One row for each person and role that reaches the project: given here or above, directly or to a group.

    Without `with_email` the search does not look into e-mail addresses.
    """
    book = rulebook()
    pending = [pk for pk, role in book.roles.items() if role.needs_scope]
    rows = RoleAssignment.objects.filter(scope__in=project.ancestor_ids).exclude(role__in=book.switched_off)
    rows = rows.exclude(scope=book.root_id, role__in=pending)
    return union([
        rows.filter(_people(path, project, text, with_email)).annotate(
            person=F(path),
            label=Lower(Coalesce(NullIf(f"{path}__description", Value("")), f"{path}__username")),
            called=F("role__label"),
            above=Case(When(scope=project.pk, then=Value(0)), default=Value(1)),
            place=F("scope__name"),
        ).values("id", "person", "label", "called", "above", "place")
        for path in ("user", "group__user")
    ])  # fmt: skip


def _people(path: str, project: Project, text: str, with_email: bool) -> Q:
    """People that the search finds, but for those whom their clusters keep out of the project (RUN-14)."""
    found = Q(**{f"{path}__kind": User.Kind.PERSON})
    cluster = project.cluster_above_id
    if cluster is not None:
        bound = User.clusters.through.objects.filter(scope=cluster).values("user")
        found &= Q(**{f"{path}__all_clusters": True}) | Q(**{f"{path}__in": bound})
    if text:
        name, email = F(f"{path}__search_text"), F(f"{path}__email")  # the e-mail stands at the end of the text
        found &= Q(Contains(name if with_email else Left(name, Length(name) - Length(email)), text.casefold()))
    return found


def rows_of(project: Project, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as the list shows them, in two queries."""
    people = User.objects.in_bulk({row["person"] for row in found})
    related = RoleAssignment.objects.select_related("role", "scope", "group")
    assignments = related.in_bulk({row["id"] for row in found})
    pairs = [(people[row["person"]], assignments[row["id"]]) for row in found]
    return [
        {
            "person": person,
            "role": assignment.role,
            "source": "here" if assignment.scope_id == project.pk else "above",
            "scope": assignment.scope.name,
            "group": assignment.group.name if assignment.group else "",
            "status": status_of(person, assignment),
            "expires_at": assignment.expires_at,
            "what_url": what_url(person, project),
        }
        for person, assignment in pairs
    ]


def status_of(person: User, assignment: RoleAssignment) -> str:
    if not person.is_active:
        return "disabled"
    return "expired" if assignment.expires_at and assignment.expires_at <= timezone.now() else "ok"
