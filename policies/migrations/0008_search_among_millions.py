"""An index of trigrams for the search among resources, where PostgreSQL has them (accounts 0004 creates the extension)."""

from django.db import migrations

INDEX = "policies_resource USING gin (UPPER(name) gin_trgm_ops, UPPER(external_id) gin_trgm_ops)"


def create(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")
        if cursor.fetchone():
            cursor.execute(f"CREATE INDEX resource_search ON {INDEX}")


def drop(apps, schema_editor):
    schema_editor.execute("DROP INDEX IF EXISTS resource_search")


class Migration(migrations.Migration):
    dependencies = [("policies", "0007_resources_in_order"), ("accounts", "0004_search_among_millions")]

    operations = [migrations.RunPython(create, drop)]
