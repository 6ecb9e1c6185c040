"""Whom and where a form lets one pick: a few rows that fit what was typed, and those picked already.

Whoever may give roles without listing people finds them by three characters, ten at a time, with their addresses
masked, and not without end.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Left, Length
from django.db.models.lookups import Contains

from accounts.models import Scope, Throttle, User
from policies import access, giving
from policies.protected import At

SHORTEST, ROWS = 3, 10
SEARCHES, WINDOW = 30, timedelta(minutes=1)  # of one giver who may not list people
KINDS = {"person": "Person", "project_user": "Project user", "service": "Service", "group": "Group"}


@dataclass(frozen=True)
class Row:
    """One tick box: what it sends, whom or what it names, and what tells it apart from another of that name."""

    value: str
    label: str
    detail: str
    checked: bool


@dataclass
class Picker:
    """A search with its rows; `said` is what to tell where it found nothing, or did not look."""

    name: str
    text: str = ""
    rows: list[Row] = field(default_factory=list)
    said: str = ""
    searchable: bool = True


def pick_subjects(giver: User, picked: Iterable[User | Group], text: str = "") -> Picker:
    """People, groups and services that are called so, after those picked already."""
    chosen, full = list(picked), access.may(giver, "list", At("user"))
    found: list[User | Group] = []
    said = ""
    if text and len(text) < SHORTEST:
        said = f"Type at least {SHORTEST} characters."
    elif text and not full and Throttle.count(f"picker:{giver.uid}", WINDOW) > SEARCHES:
        said = "Too many searches. Go on in a minute."
    elif text:
        users, groups = subjects_called(text, with_email=full)
        active = users.filter(is_active=True).exclude(kind=User.Kind.PROJECT_USER)
        found = [*active.order_by("kind", "username")[:ROWS], *groups.select_related("profile").order_by("name")[:ROWS]]
        said = "" if found else f"Nobody, and no group or service, is called {text}."
    told = [(subject, True) for subject in chosen] + [(s, False) for s in found if s not in chosen]
    return Picker("subjects", text, [_subject_row(s, checked, full) for s, checked in told], said)


def subjects_called(text: str, *, with_email: bool) -> tuple[QuerySet[User], QuerySet[Group]]:
    """(users, groups) whose name contains the text; without `with_email` the search does not look into addresses."""
    name, email = F("search_text"), F("email")  # the address stands at the end of the text
    looked_in = name if with_email else Left(name, Length(name) - Length(email))
    return User.objects.filter(Q(Contains(looked_in, text.casefold()))), Group.objects.filter(name__icontains=text)


def find_subjects(giver: User, uids: Iterable[str]) -> list[User | Group]:
    """The people, services and groups of these ids, in their order; project users only where one may give them roles."""
    wanted = list(uids)
    users = User.objects.filter(uid__in=wanted).select_related("project")
    may_be_given = access.permitted(giver, "give_role", "project_user").filter(uid__in=wanted).values("pk")
    found: dict[str, User | Group] = {
        user.uid: user for user in users.filter(~Q(kind=User.Kind.PROJECT_USER) | Q(pk__in=may_be_given))
    }
    found |= {
        group.profile.uid: group for group in Group.objects.filter(profile__uid__in=wanted).select_related("profile")
    }
    return [found[uid] for uid in wanted if uid in found]


def uid_of(subject: User | Group) -> str:
    return subject.profile.uid if isinstance(subject, Group) else subject.uid


def _subject_row(subject: User | Group, checked: bool, full: bool) -> Row:
    if isinstance(subject, Group):
        return Row(uid_of(subject), subject.name, "group", checked)
    email = subject.email if full else masked(subject.email)
    kind = "" if subject.is_person else KINDS[subject.kind].lower()
    return Row(subject.uid, subject.label, " · ".join(filter(None, (subject.username, kind, email))), checked)


def masked(email: str) -> str:
    """Enough of an address to tell two people of one name apart: m…@example.com."""
    name, _, domain = email.partition("@")
    return f"{name[:1]}…@{domain}" if domain else ""


def pick_places(giver: User, picked: Iterable[Scope], text: str = "") -> Picker:
    """Places that are called so, where the giver may give some role; all of them where they are few."""
    chosen = list(picked)
    every: Any = giving.places(giver).select_related("parent").order_by("name", "pk")
    few = list(every[: ROWS + 1])
    searchable = len(few) > ROWS
    found = list(every.search(text)[:ROWS]) if searchable and text else few[:ROWS] if not searchable else []
    if searchable and not text:
        found = list(every.filter(kind=Scope.Kind.ORGANIZATION))
    said = f"No place where you may give roles is called {text}." if text and not found else ""
    told = [(place, True) for place in chosen] + [(place, False) for place in found if place not in chosen]
    rows = [Row(place.uid, place.name, place_detail(place), checked) for place, checked in told]
    return Picker("scopes", text, rows, said, searchable)


def place_detail(place: Scope) -> str:
    """ "project in Perception" """
    above = place.parent
    return f"{place.kind} in {above}" if above and above.kind != Scope.Kind.ORGANIZATION else str(place.kind)


def group_sizes(groups: Iterable[int]) -> dict[int, int]:
    """{row number of a group: how many members}."""
    rows = Group.objects.filter(pk__in=set(groups)).order_by()
    return dict(rows.values_list("pk").annotate(Count("user")))
