# What a turn's prompt was made of.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0002_outliving")]

    operations = [
        migrations.AddField(
            model_name="turn",
            name="manifest",
            field=models.JSONField(
                db_default={},
                default=dict,
                editable=False,
                help_text="What its prompt was made of: ids and counts, no text.",
            ),
        ),
    ]
