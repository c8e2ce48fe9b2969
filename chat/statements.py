"""The hot path's SQL, and all else that a worker says to the database. tests/chat/test_store.py holds it against the models."""

from __future__ import annotations

from chat.prompts import CHARS_PER_TOKEN
from chat.spending import FREED, SETTLED

# --- a turn begins ----------------------------------------------------------------------------------------------------

# A reply stands for the user's message that it answers.
PLACE = """
SELECT u.session_id, m.role, u.id, u.parent_id, u.text
FROM chat_message m JOIN chat_message u ON u.id = CASE WHEN m.role = 'user' THEN m.id ELSE m.parent_id END
JOIN identity_owner o ON o.id = m.owner_id
WHERE m.id = %(message)s AND o.app = %(app)s AND (%(user)s::text IS NULL OR o.external_id = %(user)s)
"""

# What of a turn's is the caller's to follow and to stop.
OWN_TURN = """
SELECT 1 FROM chat_turn t JOIN identity_owner o ON o.id = t.owner_id
WHERE t.id = %(turn)s AND o.app = %(app)s AND (%(user)s::text IS NULL OR o.external_id = %(user)s)
"""

# All that a turn needs to know, in one row. `earlier` walks from the anchor towards the first message; a reply has the id of
# its turn. No lookup of running turns can use another's index: that one, still small when the plan is made, would be walked.
SCENE = """
WITH RECURSIVE scene AS (
    SELECT s.id, s.owner_id, o.app, o.external_id, o.external_id <> %(anonymous)s AS named, o.language, s.persona_id,
           coalesce(p.published, false) AS published, p.current_id, s.brain, s.head_id, a.id AS anchor,
           coalesce(a.depth + 1, 0) AS depth, coalesce(a."offset" + char_length(a.text), 0) AS path_chars
    FROM chat_session s
    JOIN identity_owner o ON o.id = s.owner_id
    LEFT JOIN personas_persona p ON p.id = s.persona_id
    LEFT JOIN chat_message a ON a.id = CASE WHEN %(at_head)s THEN s.head_id ELSE %(anchor)s::uuid END
    WHERE s.id = %(session)s AND o.app = %(app)s AND (%(user)s::text IS NULL OR o.external_id = %(user)s)
), earlier AS (
    SELECT m.id, m.parent_id, m.role, m.text, m.depth, m."offset" FROM scene s JOIN chat_message m ON m.id = s.anchor
    UNION ALL
    SELECT m.id, m.parent_id, m.role, m.text, m.depth, m."offset"
    FROM earlier e JOIN chat_message m ON m.id = e.parent_id
    WHERE m."offset" >= (SELECT path_chars FROM scene) - %(reach)s::bigint
)
SELECT s.id, s.owner_id, s.named, s.language, s.persona_id, s.published, s.current_id, s.brain,
       coalesce((SELECT alias FROM brains_activebrain), ''), s.head_id, s.anchor, s.depth, s.path_chars,
       (SELECT id FROM chat_turn WHERE session_id = s.id AND status = 'running'),
       coalesce(k.digest, ''), k.turn_id,
       ARRAY(SELECT slot FROM chat_turn WHERE owner_id = s.owner_id AND slot IS NOT NULL),
       (SELECT id FROM safety_ruleset WHERE in_use),
       EXISTS (SELECT 1 FROM safety_hold h
               WHERE h.owner_id = s.owner_id AND h.cleared_at IS NULL AND (s.named OR h.session = s.id)),
       (SELECT json_build_array(brain, input_tokens, manifest -> 'chars') FROM chat_turn
        WHERE id = s.anchor AND input_tokens IS NOT NULL AND manifest -> 'chars' IS NOT NULL),
       (SELECT json_agg(json_build_array(e.role, e.text, e."offset", (SELECT status FROM chat_turn WHERE id = e.id))
                        ORDER BY e.depth) FROM earlier e),
       s.app, s.external_id, EXISTS (SELECT 1 FROM identity_budget)
FROM scene s LEFT JOIN chat_idempotencykey k ON k.owner_id = s.owner_id AND k.key = %(key)s
"""

VOICE = "SELECT persona_id, tone, number, instructions, brain, script FROM personas_personaversion WHERE id = %s"

# The gentle coach that a setting names; where that one is gone or hard itself, the one that every installation has.
GENTLE = """
SELECT p.current_id FROM personas_persona p JOIN personas_personaversion v ON v.id = p.current_id
WHERE p.id = ANY(%(personas)s) AND p.published AND v.tone <> 'hard'
ORDER BY array_position(%(personas)s::text[], p.id::text) LIMIT 1
"""

RULES = "SELECT content FROM safety_ruleset WHERE id = %s"

# Compare and swap: the row is locked by the update, and nothing is stored where the path ends elsewhere than the scene had it.
NEW_TURN = """
WITH session AS (
    UPDATE chat_session
    SET head_id = %(message)s, updated_at = now(), title = coalesce(nullif(title, ''), %(title)s),
        branched = branched OR head_id IS DISTINCT FROM %(anchor)s::uuid
    WHERE id = %(session)s AND head_id IS NOT DISTINCT FROM %(head_before)s::uuid
    RETURNING id
), message AS (
    INSERT INTO chat_message (id, session_id, owner_id, parent_id, role, text, depth, "offset", created_at)
    SELECT %(message)s, id, %(owner)s, %(anchor)s, 'user', %(text)s, %(depth)s, %(offset)s, now()
    FROM session WHERE NOT %(asked_before)s
), turn AS (
    INSERT INTO chat_turn (id, session_id, owner_id, user_message_id, status, persona, persona_version, brain, model,
                           fallback, error, safety, worker, slot, head_before, manifest, created_at)
    SELECT %(turn)s, id, %(owner)s, %(message)s, 'running', %(persona)s, %(persona_version)s, %(brain)s, '',
           false, '', %(safety)s, %(worker)s, %(slot)s, CASE WHEN %(asked_before)s THEN %(head_before)s::uuid END,
           %(manifest)s::jsonb, now()
    FROM session
), key AS (
    INSERT INTO chat_idempotencykey (owner_id, key, digest, session_id, turn_id, created_at)
    SELECT %(owner)s, %(key)s::text, %(digest)s, id, %(turn)s, now() FROM session WHERE %(key)s::text <> ''
), hold AS (
    INSERT INTO safety_hold (owner_id, session, rule, since)
    SELECT %(owner)s, id, %(safety)s, now() FROM session WHERE %(safety)s::text <> ''
    ON CONFLICT DO NOTHING
)
SELECT count(*) FROM session
"""

# --- a turn ends ------------------------------------------------------------------------------------------------------

# The path goes on with the reply; where nothing was said in answer to an older message, it goes back to where it was.
_PATH_GOES_ON = """
        head_id = CASE WHEN s.head_id IS DISTINCT FROM t.user_message_id THEN s.head_id
                       WHEN t.reply_id IS NOT NULL THEN t.reply_id
                       ELSE coalesce((SELECT id FROM chat_message WHERE id = t.head_before), s.head_id) END
"""

KEEP = f"""
WITH session AS (
    SELECT id FROM chat_session WHERE id = %(session)s FOR NO KEY UPDATE
), turn AS (
    UPDATE chat_turn
    SET status = %(status)s, brain = %(brain)s, model = %(model)s, fallback = %(fallback)s, error = %(error)s,
        safety = %(safety)s, input_tokens = %(input_tokens)s, output_tokens = %(output_tokens)s,
        cache_read_tokens = %(cache_read_tokens)s, cache_write_tokens = %(cache_write_tokens)s, cost = %(cost)s::numeric,
        reply_id = CASE WHEN %(text)s::text = '' THEN NULL ELSE id END, slot = NULL,
        first_token_at = created_at + make_interval(secs => %(seconds_to_first_token)s::float8),
        finished_at = greatest(created_at, now())
    WHERE id = %(turn)s AND status = 'running' AND EXISTS (SELECT 1 FROM session)
    RETURNING id, reply_id, user_message_id, head_before
), reply AS (
    INSERT INTO chat_message (id, session_id, owner_id, parent_id, role, text, depth, "offset", created_at)
    SELECT %(turn)s, %(session)s, %(owner)s, %(user_message)s, 'assistant', %(text)s, %(depth)s, %(offset)s, now()
    FROM turn WHERE %(text)s::text <> ''
    RETURNING id
), head AS (
    UPDATE chat_session s SET updated_at = now(), {_PATH_GOES_ON} FROM turn t WHERE s.id = %(session)s
), pieces AS (
    DELETE FROM chat_piece p USING turn t WHERE p.turn_id = t.id
), hold AS (
    INSERT INTO safety_hold (owner_id, session, rule, since)
    SELECT %(owner)s, %(session)s, %(safety)s, now() FROM turn WHERE %(safety)s::text <> ''
    ON CONFLICT DO NOTHING
), freed AS (
    DELETE FROM identity_reservation r USING turn t WHERE r.turn = t.id {FREED}
), {SETTLED}
SELECT count(*) FROM turn
"""  # noqa: S608 — only constants of this module

# Why KEEP found no running turn: it was stored already, by a statement whose answer was lost; or ended otherwise.
ENDED = "SELECT status = %(status)s AND error = %(error)s FROM chat_turn WHERE id = %(turn)s"

STORED = """
SELECT t.id, t.session_id, t.user_message_id, t.status, coalesce(m.text, ''), t.brain, t.model, t.fallback,
       t.input_tokens, t.output_tokens, t.error, t.persona, t.worker, t.safety
FROM chat_turn t LEFT JOIN chat_message m ON m.id = t.reply_id WHERE t.id = %s
"""

# --- while turns run --------------------------------------------------------------------------------------------------

# A turn whose row is locked is ending or going: its text is stored, or dropped, by whoever holds it. Those who follow from
# elsewhere are told by the same commit.
# A piece that is there already was stored by a statement whose answer was lost; it holds more by now.
# `said` comes as JSON, in one piece: a hundred turns as arrays cost the driver six times as much.
CHECKPOINT = """
WITH given AS MATERIALIZED (
    SELECT turn, start, text FROM json_to_recordset(%(said)s) AS given (turn uuid, start int, text text)
), mine AS (
    SELECT id FROM chat_turn
    WHERE id = ANY(ARRAY(SELECT turn FROM given)) AND status = 'running' AND worker = %(worker)s
    FOR KEY SHARE SKIP LOCKED
), stored AS (
    INSERT INTO chat_piece (turn_id, start, text)
    SELECT given.turn, given.start, given.text FROM given JOIN mine ON mine.id = given.turn
    ON CONFLICT (turn_id, start) DO UPDATE SET text = excluded.text
    RETURNING turn_id
), told AS (
    SELECT pg_notify(given.channel, given.word)
    FROM unnest(%(channels)s::text[], %(words)s::text[]) AS given (channel, word)
)
SELECT string_agg(replace(turn_id::text, '-', ''), ' '), (SELECT count(*) FROM told) FROM stored
"""

# Of a piece that is known in part, as one that was stored twice may be, the rest.
PROGRESS = """
SELECT t.id, t.status, coalesce(string_agg(substr(p.text, greatest(given.start - p.start, 0) + 1), '' ORDER BY p.start), '')
FROM unnest(%(turns)s::uuid[], %(starts)s::int[]) AS given (turn, start)
JOIN chat_turn t ON t.id = given.turn
LEFT JOIN chat_piece p ON p.turn_id = t.id AND p.start + char_length(p.text) > given.start
GROUP BY t.id
"""

WISHES = "SELECT id, stop_requested FROM chat_turn WHERE worker = %(worker)s AND status = 'running'"

# A letter of chat.mailbox to the worker of a turn, for statements that read chat_turn.
_STOP_LETTER = "pg_notify('coach_' || replace(worker::text, '-', ''), 'stop ' || replace(id::text, '-', ''))"

REQUEST_STOP = f"""
WITH asked AS (
    UPDATE chat_turn SET stop_requested = true WHERE id = %(turn)s AND status = 'running' RETURNING id, worker
), told AS (
    SELECT {_STOP_LETTER} FROM asked
)
SELECT t.status, (SELECT count(*) FROM told) FROM chat_turn t WHERE t.id = %(turn)s
"""  # noqa: S608 — only constants of this module

# Heard when the transaction that deletes these messages is committed: the turn's worker then finds its row gone.
STOP_TURNS_OF = f"""
SELECT {_STOP_LETTER} FROM chat_turn
WHERE session_id = %(session)s AND status = 'running' AND user_message_id = ANY(%(messages)s)
"""  # noqa: S608 — only constants of this module

TELL = """
SELECT pg_notify(given.channel, given.word) FROM unnest(%(channels)s::text[], %(words)s::text[]) AS given (channel, word)
"""

# --- workers ----------------------------------------------------------------------------------------------------------

SIGN_OF_LIFE = """
INSERT INTO chat_worker (id, host, pid, born, breakers, seen_at)
VALUES (%(id)s, %(host)s, %(pid)s, %(born)s, %(breakers)s, now())
ON CONFLICT (id) DO UPDATE SET seen_at = now(), breakers = excluded.breakers
"""

WORKERS_HERE = "SELECT id, pid, born FROM chat_worker WHERE host = %(host)s"

# Sessions are locked first, as everywhere; a turn that has ended meanwhile is not touched.
REAP = f"""
WITH dead AS (
    SELECT t.id
    FROM chat_turn t JOIN chat_session s ON s.id = t.session_id LEFT JOIN chat_worker w ON w.id = t.worker
    WHERE t.status = 'running'
      AND (w.id IS NULL OR w.id = ANY(%(dead)s) OR t.id = ANY(%(lost)s)
           OR w.seen_at < now() - make_interval(secs => %(lease)s::float8))
    FOR NO KEY UPDATE OF s SKIP LOCKED
), said AS (
    SELECT d.id, coalesce(string_agg(p.text, '' ORDER BY p.start), '') AS text
    FROM dead d LEFT JOIN chat_piece p ON p.turn_id = d.id GROUP BY d.id
), turn AS (
    UPDATE chat_turn t
    SET status = CASE WHEN said.text = '' THEN 'failed' ELSE 'interrupted' END, error = 'server_restarted',
        reply_id = CASE WHEN said.text = '' THEN NULL ELSE t.id END, slot = NULL, finished_at = greatest(t.created_at, now())
    FROM said WHERE t.id = said.id AND t.status = 'running'
    RETURNING t.id, t.session_id, t.owner_id, t.user_message_id, t.reply_id, t.head_before, said.text
), reply AS (
    INSERT INTO chat_message (id, session_id, owner_id, parent_id, role, text, depth, "offset", created_at)
    SELECT t.id, t.session_id, t.owner_id, u.id, 'assistant', t.text, u.depth + 1, u."offset" + char_length(u.text), now()
    FROM turn t JOIN chat_message u ON u.id = t.user_message_id WHERE t.reply_id IS NOT NULL
), head AS (
    UPDATE chat_session s SET updated_at = now(), {_PATH_GOES_ON} FROM turn t WHERE s.id = t.session_id
), pieces AS (
    DELETE FROM chat_piece p USING turn t WHERE p.turn_id = t.id
), freed AS (
    DELETE FROM identity_reservation r
    USING (SELECT id, ceil(char_length(text) / {CHARS_PER_TOKEN}) AS said FROM turn) t WHERE r.turn = t.id
    RETURNING r.subject, r.day, r.tokens - r.input_tokens - t.said AS tokens,
              r.cost - r.input_cost - r.output_cost * t.said AS cost
), {SETTLED}
SELECT count(*) FROM turn
"""  # noqa: S608 — only constants of this module

FORGET_WORKERS = """
DELETE FROM chat_worker w
WHERE (w.id = ANY(%(dead)s) OR w.seen_at < now() - make_interval(secs => %(lease)s::float8))
  AND NOT EXISTS (SELECT 1 FROM chat_turn t WHERE t.worker = w.id AND t.status = 'running')
"""

# What a checkpoint stored while its turn was closed by another worker, or over a connection that broke.
FORGET_PIECES = "DELETE FROM chat_piece p USING chat_turn t WHERE t.id = p.turn_id AND t.status <> 'running'"

FORGET_KEYS = "DELETE FROM chat_idempotencykey WHERE created_at < now() - make_interval(secs => %(age)s::float8)"

PING = "SELECT 1"
