"""What of a catalogue is in effect: the switch, the platform's version, its modules and the settings that name a role."""

from typing import Any

from django import forms

from console.forms.role_editing import includable
from policies.actions.switches import state_of
from policies.models import Catalogue, Role, RoleSetting
from policies.rulebook import Rulebook


class CatalogueForm(forms.Form):
    """The fields that the catalogue has; `seen` is the state that the form was shown with."""

    enabled = forms.BooleanField(
        required=False,
        label="Switched on",
        help_text="Switched off, its roles have no effect. Assignments stay, and count again when it is back.",
    )
    platform_version = forms.CharField(
        max_length=20,
        required=False,
        help_text="As in 2.10. Roles that came with a later version are not offered and have no effect. Empty: all are.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, catalogue: Catalogue, book: Rulebook) -> None:
        self.modules = {f"module-{module.code}": module for module in catalogue.modules.order_by("label")}
        self.settings = {f"setting-{s.code}": s for s in catalogue.settings.select_related("role", "named")}
        self.roles = {role.full_name: role for role in book.roles.values()}
        now = {
            "enabled": catalogue.is_enabled,
            "platform_version": catalogue.platform_version,
            "seen": state_of(catalogue),
            **{name: module.is_installed for name, module in self.modules.items()},
            **{name: book.roles[s.named_id].full_name if s.named_id else "" for name, s in self.settings.items()},
        }
        super().__init__(data, initial=now)
        if not catalogue.platform_version and not catalogue.roles.exclude(since="").exists():
            del self.fields["platform_version"]
        for name, module in self.modules.items():
            help_text = "Its roles have no effect while it is not installed."
            self.fields[name] = forms.BooleanField(
                required=False, label=f"Module {module} is installed", help_text=help_text
            )
        roles = includable(book)
        for name, setting in self.settings.items():
            nobody = f"Not set: {'everybody has' if setting.everybody_if_unset else 'nobody has'} {setting.role}"
            gone = [("Gone from its catalogue", [(now[name], str(setting.named))])] if _is_gone(setting) else []
            self.fields[name] = forms.ChoiceField(
                required=False, label=f"{setting.label} ({setting.code})", help_text=setting.help,
                choices=[("", nobody), *roles, *gone],
            )  # fmt: skip

    def changes(self) -> dict[str, Any]:
        """The arguments of change_catalogue; the form is valid."""
        asked = self.cleaned_data
        named: dict[str, Role | None] = {
            setting.code: self.roles[asked[name]] if asked[name] else None for name, setting in self.settings.items()
        }
        return {
            "enabled": asked["enabled"],
            "platform_version": asked.get("platform_version"),
            "modules": {module.code: asked[name] for name, module in self.modules.items()},
            "settings": named,
            "seen": asked["seen"] or "?",
        }


def _is_gone(setting: RoleSetting) -> bool:
    return setting.named is not None and setting.named.is_retired
