# What a turn cost, and an index of all that the dashboard reads of turns that have ended. While it is made, turns can't begin
# or end: two seconds for a million of them. (CONCURRENTLY would wait for another server's set-up, which waits for this one.)

from django.db import migrations, models

# The index answers alone for rows that a vacuum has seen; the rest are looked up in the table. So it comes after each fiftieth
# of new turns, not each fifth.
OFTEN = """
ALTER TABLE chat_turn SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02)
"""
SELDOM = "ALTER TABLE chat_turn RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_insert_scale_factor)"


class Migration(migrations.Migration):
    dependencies = [("chat", "0003_manifest")]

    operations = [
        migrations.AddField(
            model_name="turn",
            name="cost",
            field=models.DecimalField(
                blank=True,
                decimal_places=12,
                help_text="USD, by the prices of its end; empty: unknown.",
                max_digits=20,
                null=True,
            ),
        ),
        migrations.AddIndex(
            model_name="turn",
            index=models.Index(
                condition=models.Q(("finished_at__isnull", False)),
                fields=["created_at"],
                include=(
                    "finished_at",
                    "first_token_at",
                    "brain",
                    "model",
                    "persona",
                    "error",
                    "input_tokens",
                    "cache_read_tokens",
                    "output_tokens",
                    "cost",
                ),
                name="turn_ended",
            ),
        ),
        migrations.RunSQL(OFTEN, SELDOM),
    ]
