"""What is done to sessions and their messages outside of turns: another path, deletion. Sync, through the ORM.

Each locks the session's row first, as a turn's beginning and end do: they can't wait for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connection, transaction

from chat import statements
from chat.models import IdempotencyKey, Message, Piece, Session, Turn
from problems import Invalid, NotFound

SUBTREE = """
WITH RECURSIVE gone AS (
    SELECT id FROM chat_message WHERE id = %(message)s
    UNION ALL
    SELECT m.id FROM gone g JOIN chat_message m ON m.parent_id = g.id
)
SELECT id FROM gone
"""

# The newest leaf of the branches that stand beside a message, under the same parent.
BESIDE = """
WITH RECURSIVE beside AS (
    SELECT id FROM chat_message
    WHERE session_id = %(session)s AND parent_id IS NOT DISTINCT FROM %(parent)s AND id <> %(message)s
    UNION ALL
    SELECT m.id FROM beside b JOIN chat_message m ON m.parent_id = b.id
)
SELECT b.id FROM beside b WHERE NOT EXISTS (SELECT 1 FROM chat_message c WHERE c.parent_id = b.id)
ORDER BY b.id DESC LIMIT 1
"""


def clear(session: Session) -> None:
    """Remove the messages and turns, keep the session; a running turn ends."""
    with transaction.atomic():
        _empty(session)


def delete(session: Session) -> None:
    """Remove the session with all that is in it; a running turn ends."""
    with transaction.atomic():
        _empty(session)
        IdempotencyKey.objects.filter(session=session).delete()
        Session.objects.filter(id=session.id).delete()


def delete_message(message: Message) -> UUID | None:
    """Remove a message and all that follows it; the session's new head.

    A path that it was part of goes on with the newest branch beside it, else ends before it. Raises NotFound.
    """
    values = {"session": message.session_id, "message": message.id, "parent": message.parent_id}
    with transaction.atomic():
        session = _locked(message.session_id)
        gone = _ids(SUBTREE, values)
        if not gone:
            raise NotFound("There is no such message.")
        if session.head_id in gone:
            beside = _ids(BESIDE, values)
            session.head_id = beside[0] if beside else message.parent_id
            session.save(update_fields=["head"])
        _remove(session, gone)
    return session.head_id


def choose_path(session: Session, head: UUID) -> None:
    """Let the session's current path end at a message of it: new turns follow that one. Raises Invalid, NotFound."""
    with transaction.atomic():
        locked = _locked(session.id)
        chosen = Message.objects.filter(id=head, session=session).first()
        if chosen is None:
            raise Invalid(fields={"head": ["The session has no such message."]})
        session.head = locked.head = chosen
        locked.branched = True
        locked.save(update_fields=["head", "branched"])


def _locked(session: UUID) -> Session:
    found = Session.objects.select_for_update(no_key=True).filter(id=session).first()
    if found is None:
        raise NotFound("There is no such session.")
    return found


def _empty(session: Session) -> None:
    _locked(session.id)
    Session.objects.filter(id=session.id).update(head=None, branched=False)
    _remove(session, list(Message.objects.filter(session=session).values_list("id", flat=True)))


def _remove(session: Session, messages: Sequence[UUID]) -> None:
    # In the order in which the memory locks them, and before what hangs on them: else each could wait for the other.
    list(Message.objects.select_for_update().filter(id__in=messages).order_by("id").values_list("id"))
    turns = Turn.objects.filter(session=session, user_message__in=messages) | Turn.objects.filter(
        session=session, reply__in=messages
    )
    ids = list(turns.values_list("id", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(statements.STOP_TURNS_OF, {"session": session.id, "messages": list(messages)})
    IdempotencyKey.objects.filter(turn__in=ids).delete()
    Piece.objects.filter(turn__in=ids).delete()
    Turn.objects.filter(id__in=ids).delete()
    Message.objects.filter(id__in=messages).delete()


def _ids(statement: str, values: dict[str, UUID | None]) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [row[0] for row in cursor.fetchall()]
