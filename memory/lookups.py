"""SQL of memory.source: what is known of an owner, and a session's summary. tests/memory/test_source.py checks it."""

from __future__ import annotations

FACT_COLUMNS = (
    "id",
    "kind",
    "slot",
    "text",
    "origin",
    "confidence",
    "valid_from",
    "valid_to",
    "superseded_by_id",
    "pinned",
)

MOST_FACTS = 200
"""Live ones first, the newest of them."""

# No row where there is no profile: then nothing else is looked at.
KNOWN = f"""
SELECT p.paused, s.metadata @> '{{"temporary": true}}', o.time_zone,
       EXISTS (SELECT 1 FROM memory_census WHERE owner_id = p.owner_id AND messages > 0),
       {", ".join(f"f.{name}" for name in FACT_COLUMNS)}
FROM memory_profile p
JOIN identity_owner o ON o.id = p.owner_id
JOIN chat_session s ON s.id = %(session)s
LEFT JOIN LATERAL (
    SELECT * FROM memory_fact WHERE owner_id = p.owner_id ORDER BY valid_to IS NOT NULL, pinned DESC, id DESC LIMIT {MOST_FACTS}
) f ON true
WHERE p.owner_id = %(owner)s
"""  # noqa: S608 — only constants of this module

# The newest; `branched`: it may stand for another branch than the one asked about.
SUMMARIES = """
SELECT y.id, y.text, y.chars, s.branched
FROM memory_summary y JOIN chat_session s ON s.id = y.session_id
WHERE y.session_id = %(session)s ORDER BY y.chars DESC LIMIT 1
"""

SUMMARIES_OF_PATH = """
WITH RECURSIVE path AS (
    SELECT id, parent_id FROM chat_message WHERE id = %(anchor)s
    UNION ALL
    SELECT m.id, m.parent_id FROM path p JOIN chat_message m ON m.id = p.parent_id
)
SELECT y.id, y.text, y.chars
FROM memory_summary y JOIN path p ON p.id = y.message_id
WHERE y.session_id = %(session)s ORDER BY y.chars DESC LIMIT 1
"""
