"""System checks of what the design promises."""

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection


@register(Tags.database)
def guardian_generic_tables_are_empty(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """A share in guardian's generic tables would be seen by nobody: shares live in the direct tables."""
    from guardian.models import GroupObjectPermission, UserObjectPermission

    tables = set(connection.introspection.table_names()) if databases else set()  # none before the first migration
    found = [
        model.__name__
        for model in (UserObjectPermission, GroupObjectPermission)
        if model._meta.db_table in tables and model.objects.exists()
    ]
    return [
        Error(
            f"Rows in guardian's generic table {name}.",
            hint="Move them to the direct tables and delete them.",
            id="policies.E001",
        )
        for name in found
    ]
