"""Forms of role assignments: the filters of the list, until when and why, and whom to give what where."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Lower, NullIf
from django.http import QueryDict
from django.utils import timezone
from django.utils.formats import date_format

from accounts.models import Project, Scope, User
from console.lists import Sorts
from console.navigation import visible_projects
from console.pickers import KINDS, find_subjects, subjects_called, uid_of
from policies import access, giving
from policies.actions.giving import MOST
from policies.errors import Denied
from policies.holdings import union
from policies.models import Role, RoleAssignment
from policies.offers import roles_by_uid
from policies.protected import At
from policies.rulebook import rulebook
from policies.states import ends_soon, in_state, state_rank

SUBJECT = Lower(Coalesce(NullIf("user__description", Value("")), "user__username", "group__name"))
COLUMNS: dict[str, tuple[Any, ...]] = {
    "subject": (SUBJECT,),
    "type": (Coalesce("user__kind", Value("group")), SUBJECT),
    "role": (Lower("role__label"), F("role__catalogue__position")),
    "place": (Lower("scope__name"),),
    "kind": (F("scope__kind"), Lower("scope__name")),
    "by": (Lower("granted_by"),),
    "since": (F("granted_at"),),
}
SORTS: Sorts = {
    **{name: (*(column.asc() for column in columns), "pk") for name, columns in COLUMNS.items()},
    **{f"-{name}": (*(column.desc() for column in columns), "-pk") for name, columns in COLUMNS.items()},
    # What never ends ends last.
    "expires": (F("expires_at").asc(nulls_last=True), "pk"),
    "-expires": (F("expires_at").desc(nulls_first=True), "-pk"),
}
DEFAULT_SORT = "-since"


def sorts(project: Project | None = None) -> Sorts:
    """With the orders by state, which the rules of today decide, and by source: given directly before to a group; of a
    project, given there before inherited."""
    state, first = state_rank(), Q(scope=project.pk) if project else Q(group=None)
    source = Case(When(first, then=Value(0)), default=Value(1))
    more = {"status": (state,), "source": (source, Lower("scope__name"))}
    return {
        **SORTS,
        **{name: (*(key.asc() for key in keys), "pk") for name, keys in more.items()},
        **{f"-{name}": (*(key.desc() for key in keys), "-pk") for name, keys in more.items()},
    }


class AssignmentFilter(forms.Form):
    """The filters of the list; they live in the URL. A value that fits no choice filters nothing."""

    STATES = {
        "in_effect": "In effect",
        "soon": "Ends within 7 days",
        "pending": "Incomplete",
        "expired": "Expired",
        "switched_off": "Switched off",
        "disabled": "Disabled",
    }
    PLACES = {kind.value: kind.label for kind in Scope.Kind}

    type = forms.ChoiceField(required=False, label="Given to", choices=[("", "Anybody"), *KINDS.items()])
    role = forms.ChoiceField(required=False)
    place = forms.ChoiceField(required=False, label="Kind of place", choices=[("", "Any"), *PLACES.items()])
    project = forms.CharField(required=False, max_length=100, help_text="Short name")
    inherited = forms.ChoiceField(
        required=False, label="Roles of that project",
        choices=[("", "Given there"), ("1", "Given there and inherited")],
    )  # fmt: skip
    status = forms.ChoiceField(required=False, choices=[("", "Any"), *STATES.items()])

    def __init__(self, data: QueryDict, viewer: User) -> None:
        self.asked, self.viewer = data, viewer
        self.roles = {role.full_name: role for role in rulebook().roles.values()}
        named = roles_by_uid().get(data.get("role", ""))  # links name a role by its id
        super().__init__({**data.dict(), "role": named.full_name} if named else data.copy())
        offered = [role for role in self.roles.values() if role.catalogue.is_enabled or role == named]
        self.fields["role"].choices = [("", "Any"), *role_choices(offered)]  # type: ignore[attr-defined]
        self.is_valid()

    @cached_property
    def of_project(self) -> Project | None:
        """The project that is asked for by id or short name, among those that the person may see."""
        asked = self.cleaned_data.get("project", "").replace("\x00", "").strip().lower()
        return visible_projects(self.viewer).filter(Q(slug=asked) | Q(uid=asked)).first() if asked else None

    @property
    def with_inherited(self) -> bool:
        return self.of_project is not None and bool(self.cleaned_data.get("inherited"))

    def apply(self, rows: QuerySet[RoleAssignment], text: str = "") -> QuerySet[RoleAssignment]:
        """The assignments that filters and search leave."""
        asked = self.cleaned_data
        if kind := asked.get("type"):
            rows = rows.filter(user=None) if kind == "group" else rows.filter(user__kind=kind)
        if asked.get("role"):
            rows = rows.filter(role=self.roles[asked["role"]].pk)
        if asked.get("place"):
            rows = rows.filter(scope__kind=asked["place"])
        if self.of_project:
            rows = rows.filter(scope__in=self.of_project.ancestor_ids if self.with_inherited else [self.of_project.pk])
        if status := asked.get("status"):
            rows = rows.filter(ends_soon() if status == "soon" else in_state(status))
        if text:
            users, groups = subjects_called(text, with_email=access.may(self.viewer, "list", At("user")))
            # Two branches, each with its index: one OR over both reads every assignment.
            held = (Q(user__in=users.values("pk")), Q(group__in=groups.values("pk")))
            rows = rows.filter(pk__in=union([RoleAssignment.objects.filter(by).values("pk") for by in held]))
        return rows

    @property
    def chips(self) -> list[dict[str, str]]:
        """The filters in force, for components/filter_chips.html."""
        in_words: dict[str, Callable[[str], str]] = {
            "type": lambda kind: KINDS[kind],
            "role": lambda name: str(self.roles[name]),
            "place": lambda kind: self.PLACES[kind],
            "project": lambda _: str(self.of_project or ""),
            "inherited": lambda _: "and inherited" if self.of_project else "",
            "status": lambda status: self.STATES[status],
        }
        return [
            {"label": str(self[name].label), "value": value, "name": name, "raw": self.asked.get(name, "")}
            for name, say in in_words.items()
            if (asked := self.cleaned_data.get(name)) and (value := say(asked))
        ]


def role_choices(roles: list[Role]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Roles by their full names, under the label of their catalogue."""
    found: dict[str, list[tuple[str, str]]] = {}
    for role in sorted(roles, key=lambda role: (role.catalogue.position, role.position, role.code)):
        found.setdefault(role.catalogue.label, []).append((role.full_name, role.label))
    return list(found.items())


class MomentField(forms.DateTimeField):
    """Date and time in UTC, or an ISO 8601 moment with a time zone of its own."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "max": "9999-12-30T23:59"}, format="%Y-%m-%dT%H:%M")
    default_error_messages = {"invalid": "Write a date and time such as 2026-11-30 18:00."}

    def to_python(self, value: Any) -> datetime | None:
        """Raises ValidationError for what is no moment, or one past what a database can hold."""
        try:
            moment = super().to_python(value)
        except (OverflowError, ValueError) as error:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from error
        if moment is not None and not 1 < moment.year < 9999:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return moment


class TermsForm(forms.Form):
    """Until when a role is held, and why."""

    expires_at = MomentField(required=False, label="Ends at", help_text="Date and time in UTC. Empty: it does not end.")
    reason = forms.CharField(required=False, max_length=200, help_text="Stands in the list and in the activity log.")

    def clean_expires_at(self) -> datetime | None:
        moment: datetime | None = self.cleaned_data["expires_at"]
        if moment is not None and moment <= timezone.now() and moment != self.initial.get("expires_at"):
            now = date_format(timezone.now(), "j M Y, H:i")
            raise ValidationError(f"This moment is past: it is {now} UTC. Choose a later one.", code="past")
        return moment


class UpdateForm(TermsForm):
    """The terms of one assignment; `seen` is the state that the form was shown with."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_expires_at(self) -> datetime | None:
        """The minute that the form shows is no change: the exact end stays."""
        moment, held = self.cleaned_data["expires_at"], self.initial.get("expires_at")
        if moment is not None and held is not None and moment == held.replace(second=0, microsecond=0):
            return held
        return super().clean_expires_at()


class Picked(forms.Field):
    """What was ticked, as ids. The boxes are drawn by the page."""

    widget = forms.SelectMultiple

    def to_python(self, value: Any) -> list[str]:
        return list(value or ())


class GiveForm(TermsForm):
    """To whom, which roles, where; until when, and why. Links prefill it: ?subject=…&role=…&project=…"""

    subjects = Picked(required=False, label="Who")
    roles = Picked(required=False, label="Roles")
    scopes = Picked(required=False, label="Where")
    expires_in = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=3650,
        label="Ends in days",
        help_text="Counted from the moment it is given.",
    )

    field_order = ("subjects", "roles", "scopes", "expires_in", "expires_at", "reason")

    def __init__(self, asked: QueryDict, *, giver: User, bound: bool) -> None:
        super().__init__(asked if bound else None)
        self.giver, self.asked = giver, asked
        self.found_subjects = find_subjects(giver, self._uids("subjects", "subject"))
        known = roles_by_uid()
        self.found_roles = [known[uid] for uid in self._uids("roles", "role") if uid in known]
        uids = self._uids("scopes", "project")
        rows = giving.places(giver).filter(uid__in=uids).select_related("parent")
        self.found_scopes: list[Scope] = list(rows.order_by("name", "pk")) if uids else []

    def _uids(self, *names: str) -> list[str]:
        uids = dict.fromkeys(uid for name in names for uid in self.asked.getlist(name))
        return [uid for uid in uids if uid.isalnum() and len(uid) <= 32][:MOST]

    def require_offered(self) -> None:
        """Raises Denied for a role or place that the page did not offer: such a request is forged, nothing of it is done."""
        if {role.uid for role in self.found_roles} != set(self.asked.getlist("roles")) or {
            scope.uid for scope in self.found_scopes
        } != set(self.asked.getlist("scopes")):  # the same for what exists and what does not
            raise Denied("create", At("role_assignment"))
        giving.require_offered(self.giver, self.found_subjects, self.found_roles, self.found_scopes)

    def clean(self) -> dict[str, Any]:
        asked = super().clean() or {}
        lost = set(self.asked.getlist("subjects")) - {uid_of(subject) for subject in self.found_subjects}
        for name, chosen, said in (
            ("subjects", self.found_subjects, "Choose at least one person, group or service."),
            ("roles", self.found_roles, "Choose at least one role."),
            ("scopes", self.found_scopes, "Choose at least one place."),
        ):
            if name == "subjects" and lost:
                self.add_error(name, "Somebody you chose is gone. Choose again.")
            elif not chosen:
                self.add_error(name, said)
        if self.size > MOST:
            self.add_error(None, f"That would be {self.size:,} assignments. Give at most {MOST} at once.")
        if asked.get("expires_in") and asked.get("expires_at"):
            self.add_error("expires_at", "Say either in how many days it ends, or at which moment.")
        return asked

    @property
    def size(self) -> int:
        return len(self.found_subjects) * len(self.found_roles) * len(self.found_scopes)

    @property
    def ends(self) -> datetime | None:
        """When what is given now ends."""
        days: int | None = self.cleaned_data.get("expires_in")
        return timezone.now() + timedelta(days=days) if days else self.cleaned_data.get("expires_at")

    @property
    def chosen(self) -> dict[str, Any]:
        """What is to be combined, as actions take it."""
        return {"subjects": self.found_subjects, "roles": self.found_roles, "scopes": self.found_scopes}

    def carried(self) -> list[tuple[str, str]]:
        """Everything that was chosen, as the hidden inputs of the next step."""
        names = ("subjects", "roles", "scopes", "expires_in", "expires_at", "reason")
        return [(name, value) for name in names for value in self.asked.getlist(name) if value]
