from django.db import migrations

# Where facts go, what they had closed is as if they had never come: closed by the next one that stays, else open again. Of
# several that would then be live in one slot the newest is, and closes the others; one that is live there already stays so.
GOES = """
DROP TRIGGER memory_fact_goes ON memory_fact;
CREATE OR REPLACE FUNCTION memory_fact_goes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH RECURSIVE above (id, next, valid_to) AS (
        SELECT f.id, g.superseded_by_id, g.valid_to FROM gone g JOIN memory_fact f ON f.superseded_by_id = g.id
        UNION ALL
        SELECT a.id, g.superseded_by_id, g.valid_to FROM above a JOIN gone g ON g.id = a.next
    ), heir AS (
        SELECT f.id, a.next, a.valid_to, f.valid_to AS own,
               CASE WHEN f.slot <> '' AND a.next IS NULL AND a.valid_to IS NULL THEN coalesce(
                   (SELECT l.id FROM memory_fact l WHERE l.owner_id = f.owner_id AND l.slot = f.slot AND l.valid_to IS NULL),
                   first_value(f.id) OVER (
                       PARTITION BY f.owner_id, f.slot, a.next IS NULL AND a.valid_to IS NULL ORDER BY f.valid_from DESC, f.id DESC
                   )
               ) END AS live
        FROM above a JOIN memory_fact f ON f.id = a.id WHERE NOT EXISTS (SELECT 1 FROM gone g WHERE g.id = a.next)
    )
    UPDATE memory_fact f
    SET superseded_by_id = coalesce(h.next, nullif(h.live, h.id)),
        valid_to = CASE WHEN h.live <> h.id THEN h.own ELSE h.valid_to END
    FROM heir h WHERE f.id = h.id;
    RETURN NULL;
END $$;
CREATE TRIGGER memory_fact_goes AFTER DELETE ON memory_fact
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION memory_fact_goes();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("memory", "0002_facts"),
    ]

    operations = [migrations.RunSQL(GOES, migrations.RunSQL.noop)]
