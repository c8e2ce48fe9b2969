"""What servers under test have in their memory."""

from __future__ import annotations

from tests.serving import Server


def indexed(server: Server, user: str) -> int:
    """How many messages of a user are in the index."""
    count = (
        "SELECT count(*) FROM memory_passage JOIN identity_owner AS owner ON owner.id = owner_id WHERE external_id = %s"
    )
    with server.database() as database:
        row = database.execute(count, [user]).fetchone()
    assert row is not None
    return int(row[0])
