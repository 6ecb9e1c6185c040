"""The form that gives somebody one permission on one object."""

from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Q

from accounts.models import Scope, User
from policies.actions.shares import shareable_actions
from policies.actor import Actor

# What the catalogue's actions mean on a project; others are offered with their label alone.
PURPOSES = {
    "read": "sees the overview of the project",
    "update": "changes its name, description and place; give Open as well",
    "delete": "deletes it with everything in it; give Open as well",
}
GROUP = "group:"  # before a group's name where a person is called the same


def purpose(thing: Any, action: str) -> str:
    """What an action on this object means, where that is more than its label says."""
    return PURPOSES.get(action, "") if isinstance(thing, Scope) else ""


class ShareForm(forms.Form):
    """To whom, and what. The name must be exact: the form is no way to search the directory."""

    holder = forms.CharField(
        max_length=200, label="Person or group",
        help_text="The exact username or e-mail address of a person, or the exact name of a group.",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    permission = forms.ChoiceField(widget=forms.RadioSelect, label="May")

    def __init__(self, data: Any = None, *, actor: Actor, thing: Any, search_url: str = "") -> None:
        """Offers what the actor may do; with a search URL, suggestions while typing."""
        super().__init__(data)
        self.fields["permission"].choices = [  # type: ignore[attr-defined]
            (action, f"{label}: {said}" if (said := purpose(thing, action)) else label)
            for action, label in shareable_actions(thing).items() if actor.may(action, thing)
        ]  # fmt: skip
        if search_url:
            self.fields["holder"].widget.attrs |= {
                "list": "holders",
                "hx-get": search_url,
                "hx-trigger": "input changed delay:300ms",
                "hx-target": "#holders",
            }

    def clean_holder(self) -> User | Group:
        """The person or group that is called exactly so."""
        name: str = self.cleaned_data["holder"]
        people = find_people(name)
        groups = list(Group.objects.filter(name=name.removeprefix(GROUP).strip()))
        if len(people) + len(groups) > 1:
            raise ValidationError(f"Several are called that. Type a username, or {GROUP}NAME for a group.")
        if not people and not groups:
            raise ValidationError("Nobody, and no group, is called exactly that.")
        return (people + groups)[0]


def find_people(name: str) -> list[User]:
    """People by exact username or e-mail address, whatever the case."""
    return list(User.objects.people().filter(Q(username=name.lower()) | Q(email__iexact=name))[:2])
