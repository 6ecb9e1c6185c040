"""Forms of endpoints and regions."""

from typing import Any

from django import forms

from accounts.models import Endpoint, Region

PLAIN = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}


class EndpointForm(forms.Form):
    """Where a service is reached; the endpoint that is edited, or a new one."""

    url = forms.CharField(
        max_length=300, label="URL", widget=forms.TextInput(attrs={**PLAIN, "inputmode": "url"}),
        help_text="%(project_id)s in it becomes the id of the project, as in https://storage.example.com/v1/AUTH_%(project_id)s",
    )  # fmt: skip
    region = forms.ModelChoiceField(Region.objects.none(), empty_label=None)
    interface = forms.ChoiceField(
        choices=[("public", "Public: for everybody"), ("internal", "Internal: inside the platform"),
                 ("admin", "Admin: for who runs it")],
        help_text="A client asks for one of them; most ask for the public one.",
    )  # fmt: skip
    is_enabled = forms.BooleanField(
        required=False, initial=True, label="In use", help_text="Otherwise it stays here and is in no catalogue."
    )

    def __init__(self, data: Any = None, *, endpoint: Endpoint | None = None) -> None:
        names = ("url", "region", "interface", "is_enabled")
        super().__init__(data, initial={name: getattr(endpoint, name) for name in names} if endpoint else None)
        self.fields["region"].queryset = Region.objects.all()  # type: ignore[attr-defined]


class RegionForm(forms.Form):
    """A region to add, or the region that is edited: its code stays."""

    code = forms.CharField(
        max_length=60, widget=forms.TextInput(attrs=PLAIN), help_text="What clients call it, such as GRA or RegionOne."
    )
    description = forms.CharField(max_length=120, required=False)

    def __init__(self, data: Any = None, *, region: Region | None = None) -> None:
        super().__init__(data, initial={"description": region.description} if region else None)
        if region:
            del self.fields["code"]
