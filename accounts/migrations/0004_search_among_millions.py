"""On PostgreSQL an index of trigrams finds a part of a name among a million users. A server without the extension, or an
owner who may not create it, does without: the same answers, read from every row."""

import logging

from django.db import Error, migrations, transaction

INDEXES = {
    "user_search": "accounts_user USING gin (search_text gin_trgm_ops)",
    "scope_search": "accounts_scope USING gin (UPPER(name) gin_trgm_ops, UPPER(slug) gin_trgm_ops)",
}

log = logging.getLogger("roster")


def create(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(using=schema_editor.connection.alias):
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except Error as error:
        log.warning("Searches among many users will be slow: PostgreSQL cannot have pg_trgm here (%s).", str(error).strip())
        return
    for name, columns in INDEXES.items():
        schema_editor.execute(f"CREATE INDEX {name} ON {columns}")


def drop(apps, schema_editor):
    for name in INDEXES:
        schema_editor.execute(f"DROP INDEX IF EXISTS {name}")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_services")]

    operations = [migrations.RunPython(create, drop)]
