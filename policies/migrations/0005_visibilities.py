from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('policies', '0004_field_actions'),
    ]

    operations = [
        migrations.AddField(
            model_name='entitytype',
            name='visibilities',
            field=models.JSONField(blank=True, default=list, help_text='The values that its visibility usually has; rules may ask for some of them.'),
        ),
    ]
