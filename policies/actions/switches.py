"""What of the catalogues is in effect: a catalogue switched on or off, a module installed or not."""

from typing import TypeVar

from policies.actions.administrators import keep_an_administrator
from policies.actor import Actor
from policies.audit import recording
from policies.models import Catalogue, Module, RulebookVersion
from policies.protected import At
from policies.rulebook import rulebook

Row = TypeVar("Row", Catalogue, Module)


def switch_catalogue(*, actor: Actor, catalogue: Catalogue, enabled: bool) -> Catalogue:
    """Switch a catalogue on or off; the assignments of its roles stay, and have effect again when it comes back.

    Raises Denied, ValidationError when that ends the last administrator.
    """
    return _switch(actor, catalogue, "is_enabled", enabled)


def install_module(*, actor: Actor, module: Module, installed: bool) -> Module:
    """Say that a module is installed, or is not: roles that need it gain or lose their effect.

    Raises Denied, ValidationError when that ends the last administrator.
    """
    return _switch(actor, module, "is_installed", installed)


def _switch(actor: Actor, row: Row, column: str, wanted: bool) -> Row:
    with recording(actor) as trail:
        actor.require("update", At("catalogue", rulebook().root))
        row = type(row).objects.select_for_update().get(pk=row.pk)
        was = getattr(row, column)
        if was != wanted:
            with keep_an_administrator():
                setattr(row, column, wanted)
                row.save(update_fields=[column])
                RulebookVersion.renew()
            name = column.removeprefix("is_")
            trail.add(f"{row._meta.model_name}.update", row, before={name: was}, after={name: wanted})
    return row
