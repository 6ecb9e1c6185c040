"""Roles: the catalogues, what a role allows, the matrices of roles by kinds of things, any roles side by side."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from console.lists import render_list, searched
from console.protection import PageRequest, requires, visible
from console.role_columns import Chosen, by_catalogue, roles_named
from policies import access, giving
from policies.holdings import LIVE
from policies.matrix import MOST_COLUMNS, Column, column_of_role, entity_matrix
from policies.models import Catalogue, Role, RoleAssignment
from policies.protected import At
from policies.rulebook import Rulebook, rulebook
from policies.sentences import givers, holders_in_words, place_of, places_in_words, rules_in_words

MOST_COUNTED = 10_000


@requires("read", "role")
def role_index(request: PageRequest) -> HttpResponse:
    text, book, counts = searched(request), rulebook(), assignment_counts(request)
    found = by_catalogue(role for role in book.roles.values() if mentions(role, text))
    catalogues = Catalogue.objects.prefetch_related("modules", "settings__named")
    return render_list(request, "roles", {
        "crumbs": crumbs(), "q": text, "counted": counts is not None,
        "create_url": create_address(request), "compare_url": reverse("role_compare"),
        "sections": [
            {
                "catalogue": catalogue, "settings_url": settings_address(request, catalogue),
                "rows": role_rows(book, catalogue, found.get(catalogue, []), counts or {}),
            }
            for catalogue in catalogues if not text or catalogue in found
        ],
    })  # fmt: skip


def mentions(role: Role, text: str) -> bool:
    """Whether one of the words that a role is known by holds the text."""
    words = (
        role.label,
        role.code,
        role.purpose,
        role.heading,
        *role.aliases,
        role.catalogue.label,
        role.catalogue.code,
    )
    return any(text.casefold() in word.casefold() for word in words)


def assignment_counts(request: PageRequest) -> dict[int, int] | None:
    """{row number of a role: how many of its assignments, not expired, the viewer may see}.

    None where they may see none, or where there are too many to count at every visit.
    """
    if not access.may(request.user, "read", At("role_assignment")):
        return None
    held = list(live_assignments(request).values_list("role", flat=True)[: MOST_COUNTED + 1])
    return None if len(held) > MOST_COUNTED else Counter(held)


def assignment_count(request: PageRequest, role: Role) -> str:
    """How many of a role's assignments, not expired, the viewer may see; empty where they may see none."""
    if not access.may(request.user, "read", At("role_assignment")):
        return ""
    found = live_assignments(request).filter(role=role).values("pk")[: MOST_COUNTED + 1].count()
    return f"{found:,}" if found <= MOST_COUNTED else f"{MOST_COUNTED:,}+"


def live_assignments(request: PageRequest) -> QuerySet[RoleAssignment]:
    return access.permitted(request.user, "read", "role_assignment").filter(LIVE).order_by()


def role_rows(
    book: Rulebook, catalogue: Catalogue, roles: Iterable[Role], counts: dict[int, int]
) -> list[dict[str, Any]]:
    """The roles of a catalogue, as index_results.html lists them."""
    return [
        {
            "role": role,
            "holders": holders_in_words(role),
            "places": places_in_words(role),
            "why": book.switched_off.get(role.pk, "") if catalogue.is_enabled else "",
            "count": counts.get(role.pk, 0),
        }
        for role in roles
    ]


@visible
def catalogue_detail(request: PageRequest, catalogue: Catalogue) -> HttpResponse:
    book = rulebook()
    roles = by_catalogue(role for role in book.roles.values() if not role.is_retired).get(catalogue, [])
    chosen = [role for role in roles_named(book, request.GET) if role in roles] or roles
    columns = [column_of_role(book, role) for role in chosen[:MOST_COLUMNS]]
    return render(request, "console/roles/catalogue.html", {
        "crumbs": crumbs((str(catalogue), "")), "catalogue": catalogue, "tabs": catalogue_tabs(catalogue),
        "roles": roles, "ticked": {column.role for column in columns}, "most": MOST_COLUMNS,
        "matrix": entity_matrix(book, columns),
        "without_effect": without_effect(columns) if catalogue.is_enabled else [],
        "settings_url": settings_address(request, catalogue), "create_url": create_address(request),
        "compare_url": compare_address(*(column.role for column in columns if column.role)),
    })  # fmt: skip


def catalogue_tabs(shown: Catalogue) -> list[dict[str, Any]]:
    """Every catalogue as a tab, for components/tabs.html."""
    return [
        {"label": str(c), "url": reverse("catalogue_detail", args=[c.code]), "current": c == shown, "count": None}
        for c in Catalogue.objects.all()
    ]


def without_effect(columns: Iterable[Column]) -> list[Column]:
    return [column for column in columns if column.without_effect]


@visible
def role_detail(request: PageRequest, role: Role) -> HttpResponse:
    book = rulebook()
    role = book.roles[role.pk]
    included = roles_among(book, book.held_with[role.pk] | {one.pk for one in role.includes.all()}, without=role)
    catalogue_url = reverse("catalogue_detail", args=[role.catalogue.code])
    return render(request, "console/roles/detail.html", {
        "crumbs": crumbs((str(role.catalogue), catalogue_url), (str(role), "")), "role": role,
        "why": book.switched_off.get(role.pk, ""), "holders": holders_in_words(role), "places": places_in_words(role),
        "told": [(one, rules_in_words(book, one), book.switched_off.get(one.pk, "")) for one in (role, *included)],
        "included": included, "included_in": roles_among(book, book.comes_with[role.pk], without=role),
        "defaults": [unless and book.roles[unless] for pk, unless in book.defaults if pk == role.pk],
        "givers": givers(book, role), "count": assignment_count(request, role),
        "compare_url": compare_address(role),
        "give_url": f"{reverse('assignment_create')}?role={role.uid}" if giving.may_give(request.user, role) else "",
        **changes(request, role),
    })  # fmt: skip


def roles_among(book: Rulebook, pks: Iterable[int], *, without: Role) -> list[Role]:
    return sorted((book.roles[pk] for pk in pks if pk != without.pk), key=place_of)


def changes(request: PageRequest, role: Role) -> dict[str, str]:
    """Where the role can be changed, deleted and copied: the addresses that the viewer may open."""
    may = {action: access.may(request.user, action, role) for action in ("update", "delete")}
    create = create_address(request)
    return {
        "update_url": reverse("role_update", args=[role.uid]) if may["update"] and role.catalogue.is_editable else "",
        "delete_url": reverse("role_delete", args=[role.uid]) if may["delete"] and role.catalogue.is_editable else "",
        "copy_url": f"{create}?from={role.uid}" if create else "",
    }


@requires("read", "role")
def role_compare(request: PageRequest) -> HttpResponse:
    chosen = Chosen(request.user, request.GET)
    columns = chosen.columns
    return render(request, "console/roles/compare.html", {
        "crumbs": crumbs(("Compare", "")), "chosen": chosen, "chips": chosen.chips, "most": MOST_COLUMNS,
        "choices": by_catalogue(chosen.book.roles.values()), "without_effect": without_effect(columns),
        "matrix": entity_matrix(chosen.book, columns, only_differences=chosen.only_differences) if columns else None,
    })  # fmt: skip


def crumbs(*pages: tuple[str, str]) -> list[tuple[str, str]]:
    """The way to a page about roles."""
    return [("Roles", reverse("role_index")), *pages]


def compare_address(*roles: Role) -> str:
    """The comparison of these roles."""
    return f"{reverse('role_compare')}?{'&'.join(f'role={role.uid}' for role in roles)}"


def settings_address(request: PageRequest, catalogue: Catalogue) -> str:
    """Where the catalogue is switched; empty for those who may not."""
    return reverse("catalogue_update", args=[catalogue.code]) if access.may(request.user, "update", catalogue) else ""


def create_address(request: PageRequest) -> str:
    """Where a role is made; empty for those who may not."""
    return reverse("role_create") if access.may(request.user, "create", At("role")) else ""
