from django.db import migrations

from policies import audit_triggers


class Migration(migrations.Migration):
    dependencies = [("policies", "0001_initial")]

    operations = [
        migrations.RunPython(
            lambda apps, schema_editor: audit_triggers.install(schema_editor.connection),
            lambda apps, schema_editor: audit_triggers.remove(schema_editor.connection),
        )
    ]
