"""The database refuses to change or delete audit rows, whoever asks."""

from typing import Any

TABLE = "policies_auditevent"

_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'The audit trail is append-only.'; END $$;
CREATE OR REPLACE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE OR REPLACE TRIGGER audit_no_truncate BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
"""
_SQLITE = [
    f"CREATE TRIGGER IF NOT EXISTS audit_no_{verb.lower()} BEFORE {verb} ON {TABLE} "
    "BEGIN SELECT RAISE(ABORT, 'The audit trail is append-only.'); END"
    for verb in ("UPDATE", "DELETE")
]


def install(connection: Any) -> None:
    """Create the triggers; harmless where they exist."""
    with connection.cursor() as cursor:
        for statement in [_POSTGRESQL] if connection.vendor == "postgresql" else _SQLITE:
            cursor.execute(statement)


def remove(connection: Any) -> None:
    """Drop the triggers (a migration backwards, and tests that empty the tables)."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for name in ("audit_no_change", "audit_no_truncate"):
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {TABLE}")
        else:
            for verb in ("update", "delete"):
                cursor.execute(f"DROP TRIGGER IF EXISTS audit_no_{verb}")
