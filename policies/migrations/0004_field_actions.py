from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('policies', '0003_role_settings'),
    ]

    operations = [
        migrations.AddField(
            model_name='entitytype',
            name='field_actions',
            field=models.JSONField(blank=True, default=dict, help_text='{field: the action that shows it (owner_email) or changes it (visibility)}.'),
        ),
    ]
