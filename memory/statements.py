"""The recall index's SQL, on what PostgreSQL 15 and 18 have in common, without extensions."""

from __future__ import annotations

CHUNK = 2048
"""Messages whose hits share rows of memory_posting: a term of an owner with n messages costs at most n / CHUNK rows."""

# --- read -------------------------------------------------------------------------------------------------------------

HITS = 700
"""Hits that one recall reads at most, those of rare terms first, of each the newest: what bounds its time."""

RESTS = 1
"""Terms, of those whose hits are too many to be read, that are looked for in the messages of the sessions found."""

EPISODES_SEARCHED = 20
"""Sessions within which messages are ranked at most: the best by all that was said in each."""

MESSAGES_SEARCHED = 400
"""Messages of those sessions, from which on a session more is too many."""

ANCHORS = 2
"""Of what was found, the best, whose rare words are looked for in turn where what holds now is asked for."""

RARE = 12
"""Messages with a word that is rare."""

# First sessions, then messages within them, by BM25 (k1 = 1.2, b = 0.75). A message is weighed within the conversation around it:
# what is said next to it counts half, what is said next to that a quarter, and its length is measured in the same way. A quarter
# of the weight is for what it says itself; a quarter of its session's is added.
# Who is called by name counts twice as much as others, what answers "when" to such a question a little more, a question less.
RECALL = f"""
WITH census AS MATERIALIZED (
    SELECT dictionary::regdictionary AS dictionary, messages::float8 AS n, greatest(words, 1)::float8 / messages AS mean
    FROM memory_census WHERE owner_id = %(owner)s AND messages > 0
), apart AS MATERIALIZED (
    SELECT t.number, array_agg(p.place) AS places
    FROM memory_episode t JOIN chat_message m ON m.session_id = t.session_id JOIN memory_passage p ON p.message_id = m.id
    WHERE t.session_id = %(session)s::uuid AND m."offset" >= %(offset)s GROUP BY t.number
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
    SELECT within.term, within.weight, within.read, at >> 25 AS episode, (at >> 7) & 262143 AS place, (at & 127) / 4::float8 AS tf
    FROM (
        SELECT t.term, t.weight, t.read, p.hits, p.size, sum(p.size) OVER (ORDER BY t.df, t.term, p.chunk DESC) AS upto
        FROM posting p JOIN term t ON t.term = p.term
    ) within, unnest(within.hits) AS at
    WHERE (within.upto <= {HITS} OR within.upto = within.size)
      AND (at >> 25 IS DISTINCT FROM (SELECT number FROM apart) OR (at >> 7) & 262143 <> ALL ((SELECT places FROM apart)::int[]))
), episode AS MATERIALIZED (
    SELECT episode, score FROM (
        SELECT t.episode, t.score, sum(e.places) OVER (ORDER BY t.score DESC, t.episode DESC) - e.places AS before
        FROM (
            SELECT episode, sum(weight * tf / (tf + 4)) AS score
            FROM (SELECT episode, term, weight, sum(tf) AS tf FROM hit GROUP BY episode, term, weight) said
            GROUP BY episode ORDER BY score DESC, episode DESC LIMIT {EPISODES_SEARCHED}
        ) t, LATERAL (SELECT places FROM memory_episode WHERE owner_id = %(owner)s AND number = t.episode OFFSET 0) e
    ) sized WHERE before < {MESSAGES_SEARCHED}
), passage AS MATERIALIZED (
    SELECT p.*, t.score AS standing FROM episode t, LATERAL (
        SELECT message_id, episode, place, length, around, traits, talker, terms FROM memory_passage
        WHERE owner_id = %(owner)s AND episode = t.episode OFFSET 0
    ) p
    WHERE p.episode IS DISTINCT FROM (SELECT number FROM apart) OR p.place <> ALL ((SELECT places FROM apart)::int[])
), rest AS MATERIALIZED (
    SELECT term, weight FROM term WHERE NOT read ORDER BY df LIMIT {RESTS}
), found AS (
    SELECT h.episode, h.place, h.term, h.weight, h.tf FROM hit h WHERE h.read AND h.episode IN (SELECT episode FROM episode)
    UNION ALL
    SELECT p.episode, p.place, t.term, t.weight, 1 FROM rest t, passage p WHERE t.term = ANY(p.terms)
), weighed AS MATERIALIZED (
    SELECT f.episode, f.place + d.step AS place, f.weight, sum(f.tf * d.share) AS near, sum(f.tf * d.itself) AS own
    FROM found f,
         (VALUES (-2, 0.25::float8, 0::float8), (-1, 0.5, 0), (0, 1, 1), (1, 0.5, 0), (2, 0.25, 0)) AS d (step, share, itself)
    GROUP BY f.episode, f.place + d.step, f.term, f.weight
), called AS MATERIALIZED (
    SELECT array_agg(DISTINCT talker) AS names FROM passage WHERE talker = ANY(%(names)s::text[])
), said AS MATERIALIZED (
    SELECT p.message_id, p.standing, p.traits, p.talker, 2.2::float8 * sum(w.weight * (
               0.75::float8 * w.near / (w.near + 0.3::float8 + 0.9::float8 * p.around / (2.5::float8 * c.mean))
               + 0.25::float8 * w.own / (w.own + 0.3::float8 + 0.9::float8 * p.length / c.mean))) AS score,
           sum(w.weight * w.own / (w.own + 1)) AS itself
    FROM census c, weighed w JOIN passage p ON p.episode = w.episode AND p.place = w.place
    GROUP BY p.message_id, p.standing, p.traits, p.talker
), scored AS (
    SELECT s.message_id, s.itself,
           (s.score + 0.25::float8 * s.standing
            + 0.5::float8 * ((asked & 1) + (asked >> 1 & 1) + (asked >> 2 & 1)))
           * CASE WHEN s.traits >= 8 THEN 0.8::float8 ELSE 1 END
           * CASE WHEN cardinality(k.names) = 1 AND s.talker <> k.names[1] THEN 0.5::float8 ELSE 1 END AS score
    FROM called k, said s, LATERAL (SELECT s.traits & %(traits)s::int AS asked) a
), best AS MATERIALIZED (
    SELECT message_id, itself, score FROM scored ORDER BY score + %(itself)s::float8 * itself DESC, message_id DESC LIMIT %(most)s
), anchor AS MATERIALIZED (
    SELECT p.terms, a.score, a.itself FROM (
        SELECT message_id, score, itself FROM best WHERE %(itself)s::float8 > 0 AND itself > 0
        ORDER BY score + %(itself)s::float8 * itself DESC, message_id DESC LIMIT {ANCHORS}
    ) a, LATERAL (SELECT terms FROM memory_passage WHERE message_id = a.message_id OFFSET 0) p
), named AS MATERIALIZED (
    SELECT t.term, max(a.score) AS score, max(a.itself) AS itself FROM anchor a, unnest(a.terms) AS t (term)
    WHERE left(t.term, 1) NOT IN ('#', '~') AND t.term NOT IN (SELECT term FROM asked) GROUP BY t.term
), rare AS MATERIALIZED (
    SELECT n.score, n.itself, r.hits FROM census c, named n, LATERAL (
        SELECT array_agg(at) AS hits FROM (
            SELECT at FROM memory_posting, unnest(hits) AS at
            WHERE owner_id = %(owner)s AND term = n.term AND pg_column_size(hits) < {RARE} * 16 LIMIT {RARE} + 1
        ) few
    ) r
    WHERE cardinality(r.hits) <= least({RARE}, greatest(4, c.n / 100))
), linked AS MATERIALIZED (
    SELECT p.message_id, max(0.5::float8 * r.score) AS score, max(0.5::float8 * r.itself) AS itself
    FROM rare r, unnest(r.hits) AS at, LATERAL (
        SELECT message_id FROM memory_passage
        WHERE owner_id = %(owner)s AND episode = at >> 25 AND place = (at >> 7) & 262143 OFFSET 0
    ) p
    GROUP BY p.message_id
), chosen AS MATERIALIZED (
    SELECT message_id, max(itself) AS itself, max(score) AS score
    FROM (SELECT message_id, itself, score FROM best UNION ALL SELECT message_id, itself, score FROM linked) either
    GROUP BY message_id
)
SELECT b.message_id, m.session_id, m.role, m.text, m.created_at, b.score, b.itself
FROM chosen b, LATERAL (SELECT session_id, role, text, created_at FROM chat_message WHERE id = b.message_id OFFSET 0) m
WHERE b.score >= %(floor)s::float8 * (SELECT sum(weight) FROM term)
  AND (SELECT max(itself) FROM best) >= %(gate)s::float8 * (SELECT 0.5::float8 * ln(1 + (n - 0.5) / 1.5) FROM census)
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

EPISODES = """
INSERT INTO memory_episode (session_id, owner_id, number, places)
SELECT s.id, %(owner)s, row_number() OVER (ORDER BY s.id)
                        + coalesce((SELECT max(number) FROM memory_episode WHERE owner_id = %(owner)s), 0), 0
FROM chat_session s WHERE s.id = ANY(%(sessions)s)
ON CONFLICT (session_id) DO NOTHING
"""

# `said` is JSON in one piece. The owner's census is locked, so that numbers, places and chunks are this statement's to give.
PASSAGES = f"""
WITH census AS (
    SELECT dictionary::regdictionary AS dictionary, indexed FROM memory_census WHERE owner_id = %(owner)s
), given AS MATERIALIZED (
    SELECT g.*, t.number AS episode, t.places + row_number() OVER (PARTITION BY g.session ORDER BY g.turn) - 1 AS place,
           (SELECT indexed FROM census) + row_number() OVER (ORDER BY g.turn) - 1 AS ordinal
    FROM json_to_recordset(%(said)s)
             AS g (message uuid, session uuid, turn int, length int, traits int, talker text, words json, marks json)
    JOIN memory_episode t ON t.session_id = g.session
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
           max(place) FILTER (WHERE stored) OVER (PARTITION BY episode) - place < 2 AS near
    FROM (
        SELECT message, episode, place, length, false AS stored FROM given
        UNION ALL
        SELECT p.message_id, p.episode, p.place, p.length, true
        FROM memory_episode t
        JOIN memory_passage p ON p.owner_id = t.owner_id AND p.episode = t.number AND p.place >= t.places - 4
        WHERE t.session_id IN (SELECT session FROM given)
    ) path_of_episode
    WINDOW path AS (PARTITION BY episode ORDER BY place)
), passage AS (
    INSERT INTO memory_passage (message_id, owner_id, episode, place, chunk, length, terms, around, traits, talker)
    SELECT g.message, %(owner)s, g.episode, g.place, g.ordinal / {CHUNK}, g.length,
           ARRAY(SELECT w.term FROM weighed w WHERE w.message = g.message ORDER BY w.term), m.around, g.traits, g.talker
    FROM given g JOIN measured m ON m.message = g.message
), neighbour AS (
    UPDATE memory_passage p SET around = m.around FROM measured m WHERE m.stored AND m.near AND p.message_id = m.message
), posting AS (
    INSERT INTO memory_posting (owner_id, term, chunk, hits)
    SELECT %(owner)s, w.term, g.ordinal / {CHUNK},
           array_agg((g.episode::bigint << 25) | (g.place << 7) | w.weight ORDER BY g.ordinal)
    FROM given g JOIN weighed w ON w.message = g.message
    GROUP BY w.term, g.ordinal / {CHUNK}
    ON CONFLICT (owner_id, term, chunk) DO UPDATE SET hits = memory_posting.hits || excluded.hits
), episode AS (
    UPDATE memory_episode t SET places = g.places
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
     episode AS (DELETE FROM memory_episode WHERE owner_id = %(owner)s)
DELETE FROM memory_passage WHERE owner_id = %(owner)s
"""
