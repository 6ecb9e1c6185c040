"""The filters of the activity pages; they live in the URL."""

from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.db.models import Q, QuerySet

from accounts.models import User
from policies.history import AREAS, DONE, REFUSED, described
from policies.models import AuditEvent


class ActivityFilter(forms.Form):
    """What, when and how it ended; a value that fits no choice filters nothing."""

    OUTCOMES = {DONE: "Done", REFUSED: "Refused"}

    action = forms.ChoiceField(
        required=False,
        label="What",
        choices=[
            ("", "Everything"),
            *((area, [(action, described(action)) for action in actions]) for area, actions in AREAS.items()),
        ],
    )
    outcome = forms.ChoiceField(required=False, choices=[("", "Any"), *OUTCOMES.items()])
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.is_valid()

    def apply(self, events: QuerySet[AuditEvent], text: str = "") -> QuerySet[AuditEvent]:
        """The events that filters and search leave. Who did it, and to whom, is found by the names of then."""
        asked = self.cleaned_data
        if asked.get("action"):
            events = events.filter(action=asked["action"])
        if asked.get("outcome"):
            events = events.filter(outcome=asked["outcome"])
        if asked.get("since"):
            events = events.filter(at__gte=datetime.combine(asked["since"], time.min, UTC))
        if asked.get("until"):
            events = events.filter(at__lte=datetime.combine(asked["until"], time.max, UTC))
        return events.filter(self._names(text)) if text else events

    def _names(self, text: str) -> Q:
        found = Q(actor__icontains=text) | Q(object_name__icontains=text)
        actor = User.objects.filter(username=text.casefold()).values_list("uid", flat=True).first()
        return found | Q(actor_uid=actor) if actor else found

    @property
    def chips(self) -> list[dict[str, str]]:
        """The filters in force, for components/filter_chips.html."""
        in_words: dict[str, Callable[[Any], Any]] = {
            "action": described,
            "outcome": self.OUTCOMES.get,
            "since": "{:%-d %b %Y}".format,
            "until": "{:%-d %b %Y}".format,
        }
        return [
            {"label": str(self[name].label), "value": say(asked), "name": name, "raw": str(asked)}
            for name, say in in_words.items()
            if (asked := self.cleaned_data.get(name))
        ]
