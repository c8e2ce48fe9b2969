from django.db import migrations

FORBID = """
CREATE FUNCTION personas_version_never_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a version of a persona never changes' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER version_never_changes BEFORE UPDATE ON personas_personaversion
FOR EACH ROW EXECUTE FUNCTION personas_version_never_changes();
"""
ALLOW = """
DROP TRIGGER version_never_changes ON personas_personaversion;
DROP FUNCTION personas_version_never_changes();
"""


class Migration(migrations.Migration):
    dependencies = [("personas", "0001_initial")]

    operations = [migrations.RunSQL(FORBID, ALLOW)]
