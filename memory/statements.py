"""The recall index's SQL, on what PostgreSQL 15 and 18 have in common, without extensions."""

from __future__ import annotations

CHUNK = 2048
"""Messages whose hits share rows of memory_posting: a term of an owner with n messages costs at most n / CHUNK rows."""

# --- read -------------------------------------------------------------------------------------------------------------

HITS = 2000
"""Hits that one recall reads at most, those of rare terms first, of each the newest: what bounds its time."""

RESTS = 2
"""Terms, of those whose hits are too many to be read, that are looked for in the messages of the sessions found."""

THREADS_SEARCHED = 20
"""Sessions within which messages are ranked: the best by all that was said in each."""

# First sessions, then messages within them, by BM25 (k1 = 1.2, b = 0.75). A message is weighed within the conversation around it:
# what is said next to it counts half, what is said next to that a quarter, and its length is measured in the same way. A quarter
# of the weight is for what it says itself; a quarter of its session's is added.
# Who is called by name counts twice as much as others, what answers "when" to such a question a little more, a question less.
RECALL = f"""
WITH census AS MATERIALIZED (
    SELECT dictionary::regdictionary AS dictionary, messages::float8 AS n, greatest(words, 1)::float8 / messages AS mean
    FROM memory_census WHERE owner_id = %(owner)s AND messages > 0
), asked AS MATERIALIZED (
    SELECT term, max(weight) AS weight FROM (
        SELECT coalesce(stem, w.word) AS term, w.weight
        FROM census c, unnest(%(words)s::text[], %(word_weights)s::float8[]) AS w (word, weight),
             ts_lexize(c.dictionary, w.word) AS stems, unnest(coalesce(stems, ARRAY[NULL])) AS stem
        UNION ALL SELECT * FROM unnest(%(marks)s::text[], %(mark_weights)s::float8[])
    ) given GROUP BY term
), posting AS MATERIALIZED (
    SELECT a.term, a.weight, p.chunk, p.hits, cardinality(p.hits) AS size
    FROM asked a, LATERAL (
        SELECT chunk, hits FROM memory_posting WHERE owner_id = %(owner)s AND term = a.term OFFSET 0
    ) p
), term AS MATERIALIZED (
    SELECT term, df, weight * ln(1 + (n - df + 0.5) / (df + 0.5)) AS weight, sum(df) OVER (ORDER BY df, term) <= {HITS} AS read
    FROM (SELECT term, weight, n, least(sum(size), n)::float8 AS df FROM posting, census GROUP BY term, weight, n) counted
), hit AS MATERIALIZED (
    SELECT within.term, within.weight, within.read, at >> 25 AS thread, (at >> 7) & 262143 AS place, (at & 127) / 4::float8 AS tf
    FROM (
        SELECT t.term, t.weight, t.read, p.hits, p.size, sum(p.size) OVER (ORDER BY t.df, t.term, p.chunk DESC) AS upto
        FROM posting p JOIN term t ON t.term = p.term
    ) within, unnest(within.hits) AS at
    WHERE within.upto <= {HITS} OR within.upto = within.size
), thread AS MATERIALIZED (
    SELECT thread, sum(weight * tf / (tf + 4)) AS score
    FROM (SELECT thread, term, weight, sum(tf) AS tf FROM hit GROUP BY thread, term, weight) said
    GROUP BY thread ORDER BY score DESC, thread DESC LIMIT {THREADS_SEARCHED}
), passage AS MATERIALIZED (
    SELECT p.* FROM thread t, LATERAL (
        SELECT message_id, thread, place, length, around, traits, talker, terms FROM memory_passage
        WHERE owner_id = %(owner)s AND thread = t.thread OFFSET 0
    ) p
), rest AS MATERIALIZED (
    SELECT term, weight FROM term WHERE NOT read ORDER BY df LIMIT {RESTS}
), found AS (
    SELECT h.thread, h.place, h.term, h.weight, h.tf FROM hit h JOIN thread t ON t.thread = h.thread WHERE h.read
    UNION ALL
    SELECT p.thread, p.place, t.term, t.weight, 1 FROM rest t, passage p WHERE t.term = ANY(p.terms)
), weighed AS MATERIALIZED (
    SELECT f.thread, f.place + d.step AS place, f.weight, sum(f.tf * d.share) AS near, sum(f.tf * d.itself) AS own
    FROM found f,
         (VALUES (-2, 0.25::float8, 0::float8), (-1, 0.5, 0), (0, 1, 1), (1, 0.5, 0), (2, 0.25, 0)) AS d (step, share, itself)
    GROUP BY f.thread, f.place + d.step, f.term, f.weight
), said AS MATERIALIZED (
    SELECT w.thread, w.place, 2.2::float8 * sum(w.weight * (
               0.75::float8 * w.near / (w.near + 0.3::float8 + 0.9::float8 * p.around / (2.5::float8 * c.mean))
               + 0.25::float8 * w.own / (w.own + 0.3::float8 + 0.9::float8 * p.length / c.mean))) AS score
    FROM census c, weighed w JOIN passage p ON p.thread = w.thread AND p.place = w.place
    GROUP BY w.thread, w.place
), called AS MATERIALIZED (
    SELECT array_agg(DISTINCT talker) AS names FROM passage WHERE talker = ANY(%(names)s::text[])
), best AS (
    SELECT p.message_id,
           (s.score + 0.25::float8 * t.score
            + 0.5::float8 * ((asked & 1) + (asked >> 1 & 1) + (asked >> 2 & 1)))
           * CASE WHEN p.traits >= 8 THEN 0.8::float8 ELSE 1 END
           * CASE WHEN cardinality(k.names) = 1 AND p.talker <> k.names[1] THEN 0.5::float8 ELSE 1 END AS score
    FROM called k, said s JOIN passage p ON p.thread = s.thread AND p.place = s.place JOIN thread t ON t.thread = s.thread,
         LATERAL (SELECT p.traits & %(traits)s::int AS asked) a
    ORDER BY 2 DESC, 1 DESC LIMIT %(most)s
)
SELECT b.message_id, m.session_id, m.role, m.text, m.created_at, b.score
FROM best b, LATERAL (SELECT session_id, role, text, created_at FROM chat_message WHERE id = b.message_id OFFSET 0) m
WHERE b.score >= %(floor)s::float8 * (SELECT sum(weight) FROM term)
ORDER BY b.score DESC, b.message_id DESC
"""  # noqa: S608 — only constants of this module

# --- write ------------------------------------------------------------------------------------------------------------

# Messages first, then the owner's census: whoever deletes messages locks in the same order. Those that are gone are left out.
HOLD = """
SELECT id, session_id FROM chat_message WHERE owner_id = %(owner)s AND id = ANY(%(messages)s) ORDER BY id FOR KEY SHARE
"""

CENSUS = """
INSERT INTO memory_census (owner_id, dictionary, messages, words, indexed) VALUES (%(owner)s, %(dictionary)s, 0, 0, 0)
ON CONFLICT (owner_id) DO UPDATE SET messages = memory_census.messages
"""

THREADS = """
INSERT INTO memory_thread (session_id, owner_id, number, places)
SELECT s.id, %(owner)s, row_number() OVER (ORDER BY s.id)
                        + coalesce((SELECT max(number) FROM memory_thread WHERE owner_id = %(owner)s), 0), 0
FROM chat_session s WHERE s.id = ANY(%(sessions)s)
ON CONFLICT (session_id) DO NOTHING
"""

# `said` is JSON in one piece. The owner's census is locked, so that numbers, places and chunks are this statement's to give.
PASSAGES = f"""
WITH census AS (
    SELECT dictionary::regdictionary AS dictionary, indexed FROM memory_census WHERE owner_id = %(owner)s
), given AS MATERIALIZED (
    SELECT g.*, t.number AS thread, t.places + row_number() OVER (PARTITION BY g.session ORDER BY g.turn) - 1 AS place,
           (SELECT indexed FROM census) + row_number() OVER (ORDER BY g.turn) - 1 AS ordinal
    FROM json_to_recordset(%(said)s)
             AS g (message uuid, session uuid, turn int, length int, traits int, talker text, words json, marks json)
    JOIN memory_thread t ON t.session_id = g.session
    WHERE NOT EXISTS (SELECT 1 FROM memory_passage p WHERE p.message_id = g.message)
), stemmed AS (
    SELECT g.message, w.key AS term, w.value::int AS weight FROM given g, json_each_text(g.marks) w
    UNION ALL
    SELECT g.message, coalesce(stem, w.key), w.value::int
    FROM given g, json_each_text(g.words) w, ts_lexize((SELECT dictionary FROM census), w.key) AS stems,
         unnest(coalesce(stems, ARRAY[NULL])) AS stem
), weighed AS MATERIALIZED (
    SELECT message, term, least(sum(weight), 127)::bigint AS weight FROM stemmed GROUP BY message, term
), measured AS MATERIALIZED (
    SELECT message, stored, length + 0.5 * (coalesce(lag(length) OVER path, 0) + coalesce(lead(length) OVER path, 0))
           + 0.25 * (coalesce(lag(length, 2) OVER path, 0) + coalesce(lead(length, 2) OVER path, 0)) AS around,
           max(place) FILTER (WHERE stored) OVER (PARTITION BY thread) - place < 2 AS near
    FROM (
        SELECT message, thread, place, length, false AS stored FROM given
        UNION ALL
        SELECT p.message_id, p.thread, p.place, p.length, true
        FROM memory_thread t JOIN memory_passage p ON p.owner_id = t.owner_id AND p.thread = t.number AND p.place >= t.places - 4
        WHERE t.session_id IN (SELECT session FROM given)
    ) path_of_thread
    WINDOW path AS (PARTITION BY thread ORDER BY place)
), passage AS (
    INSERT INTO memory_passage (message_id, owner_id, thread, place, chunk, length, terms, around, traits, talker)
    SELECT g.message, %(owner)s, g.thread, g.place, g.ordinal / {CHUNK}, g.length,
           ARRAY(SELECT w.term FROM weighed w WHERE w.message = g.message ORDER BY w.term), m.around, g.traits, g.talker
    FROM given g JOIN measured m ON m.message = g.message
), neighbour AS (
    UPDATE memory_passage p SET around = m.around FROM measured m WHERE m.stored AND m.near AND p.message_id = m.message
), posting AS (
    INSERT INTO memory_posting (owner_id, term, chunk, hits)
    SELECT %(owner)s, w.term, g.ordinal / {CHUNK},
           array_agg((g.thread::bigint << 25) | (g.place << 7) | w.weight ORDER BY g.ordinal)
    FROM given g JOIN weighed w ON w.message = g.message
    GROUP BY w.term, g.ordinal / {CHUNK}
    ON CONFLICT (owner_id, term, chunk) DO UPDATE SET hits = memory_posting.hits || excluded.hits
), thread AS (
    UPDATE memory_thread t SET places = g.places
    FROM (SELECT session, max(place) + 1 AS places FROM given GROUP BY session) g WHERE t.session_id = g.session
), counted AS (
    UPDATE memory_census c SET messages = c.messages + g.messages, words = c.words + g.words, indexed = c.indexed + g.messages
    FROM (SELECT count(*) AS messages, coalesce(sum(length), 0) AS words FROM given) g WHERE c.owner_id = %(owner)s
)
SELECT count(*) FROM given
"""  # noqa: S608 — only constants of this module

# Everything at once; what is deleted of the owner afterwards finds nothing to take out.
FORGET = """
WITH census AS (DELETE FROM memory_census WHERE owner_id = %(owner)s),
     posting AS (DELETE FROM memory_posting WHERE owner_id = %(owner)s),
     thread AS (DELETE FROM memory_thread WHERE owner_id = %(owner)s)
DELETE FROM memory_passage WHERE owner_id = %(owner)s
"""
