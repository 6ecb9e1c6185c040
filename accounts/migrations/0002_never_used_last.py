"""PostgreSQL sorts NULL above everything; the list of users shows "never used" as the oldest use. SQLite's index does so already."""

from django.db import migrations

PLAIN = 'CREATE INDEX user_by_last_used ON accounts_user (project_id, last_used_at, id)'
NEVER_LAST = 'CREATE INDEX user_by_last_used ON accounts_user (project_id, last_used_at DESC NULLS LAST, id DESC)'


def replace(schema_editor, statement):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX user_by_last_used")
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.RunPython(
            lambda apps, schema_editor: replace(schema_editor, NEVER_LAST),
            lambda apps, schema_editor: replace(schema_editor, PLAIN),
        )
    ]
