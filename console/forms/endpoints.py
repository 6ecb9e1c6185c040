"""Forms of endpoints and regions."""

from typing import Any

from django import forms

from accounts.models import Endpoint, Region

PLAIN = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}


class EndpointForm(forms.Form):
    """Where a service is reached; the endpoint that is edited, or a new one."""

    url = forms.CharField(
        max_length=300, label="URL", widget=forms.TextInput(attrs={**PLAIN, "inputmode": "url"}),
        help_text="Such as https://storage.example.com/v1. Where it has %(project_id)s, clients read the id of their project.",
    )  # fmt: skip
    region = forms.ModelChoiceField(Region.objects.none(), empty_label="Choose a region")
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
        regions = Region.objects.all()
        self.fields["region"].queryset = regions  # type: ignore[attr-defined]
        if regions.count() == 1:
            self.fields["region"].initial = regions[0]


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
