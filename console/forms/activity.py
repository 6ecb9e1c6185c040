"""The filters of the activity pages; they live in the URL."""

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
        choices=[("", "Everything"), *((area, [(a, described(a)) for a in actions]) for area, actions in AREAS.items())],
    )
    outcome = forms.ChoiceField(required=False, choices=[("", "Any"), *OUTCOMES.items()])
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.is_valid()

    def apply(self, events: QuerySet[AuditEvent], text: str = "") -> QuerySet[AuditEvent]:
        """The events that filters and search leave. The search looks for who did it and to whom, by the names of then."""
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
        asked, found = self.cleaned_data, []
        if asked.get("action"):
            found.append({"label": "What", "value": described(asked["action"]), "name": "action", "raw": asked["action"]})
        if asked.get("outcome"):
            said = self.OUTCOMES[asked["outcome"]]
            found.append({"label": "Outcome", "value": said, "name": "outcome", "raw": asked["outcome"]})
        for name in ("since", "until"):
            if asked.get(name):
                day = asked[name]
                found.append({"label": name.capitalize(), "value": f"{day:%-d %b %Y}", "name": name, "raw": day.isoformat()})
        return found
