"""What servers under test have in their memory."""

from __future__ import annotations

from tests.serving import Server


def indexed(server: Server) -> int:
    """How many messages are in the index."""
    with server.database() as database:
        row = database.execute("SELECT count(*) FROM memory_passage").fetchone()
    assert row is not None
    return int(row[0])
