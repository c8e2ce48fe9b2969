"""The dashboard by itself: `python -m benchmarks.dashboard_alone MESSAGES CONNINFO`, with the settings of `manage.py`.

Stores that many messages over the last thirty days, if they are not there yet, through CONNINFO (a superuser's, who may leave
foreign keys unchecked); then asks for the page as a browser does, and prints figures as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import django
import psycopg

RANGES = ("1h", "24h", "7d", "30d")
TIMES = 12
"""Pages of each range; the first two warm up."""

OF_A_SESSION = 25
"""Turns."""

# The same each time, but for the day: brains, models, personas, times and failures by chance, as a service would have them.
FILL = """
SET session_replication_role = replica;
SELECT setseed(0.5);
INSERT INTO identity_owner (app, external_id, language, time_zone, created_at) VALUES ('dashboard', 'dashboard', '', '', now());
CREATE TEMPORARY TABLE planned AS
SELECT n, gen_random_uuid() AS turn, gen_random_uuid() AS asked, (n - 1) / %(each)s AS session,
       now() - interval '30 days' * random() AS at, random() AS luck, random() AS who, random() AS slow,
       (array['calm_coach','drill_sergeant','fitness_coach','personal_trainer','default'])[1 + floor(random() * 5)::int]
           AS persona
FROM generate_series(1, %(turns)s) n;
CREATE TEMPORARY TABLE sessions AS SELECT session, gen_random_uuid() AS id FROM planned GROUP BY session;
INSERT INTO chat_session (id, owner_id, persona_id, title, brain, metadata, created_at, updated_at)
SELECT s.id, o.id, 'calm_coach', '', '', '{}', now(), now() FROM sessions s, identity_owner o WHERE o.app = 'dashboard';
INSERT INTO chat_message (id, session_id, owner_id, parent_id, role, text, depth, "offset", created_at)
SELECT p.asked, s.id, o.id, NULL, 'user', 'question', 0, 0, p.at
FROM planned p JOIN sessions s USING (session), identity_owner o WHERE o.app = 'dashboard'
UNION ALL
SELECT p.turn, s.id, o.id, p.asked, 'assistant', 'answer', 1, 8, p.at
FROM planned p JOIN sessions s USING (session), identity_owner o WHERE o.app = 'dashboard';
INSERT INTO chat_turn (id, session_id, owner_id, user_message_id, reply_id, status, persona, persona_version, brain, model,
                       fallback, error, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost, manifest,
                       created_at, first_token_at, finished_at)
SELECT p.turn, s.id, o.id, p.asked, p.turn, CASE WHEN luck < 0.02 THEN 'interrupted' ELSE 'complete' END, p.persona, 1, brain,
       model, false,
       CASE WHEN luck < 0.01 THEN 'provider_busy' WHEN luck < 0.02 THEN 'provider_timeout' ELSE '' END,
       tokens, (tokens * 0.1)::int, (tokens * 0.7)::int, 0, CASE WHEN brain <> 'config' THEN tokens * 0.0000021 END,
       jsonb_build_object('chars', tokens * 3, 'tokens', jsonb_build_object('persona', 500, 'history', tokens)), p.at,
       p.at + make_interval(secs => 0.3 + slow * slow * 3), p.at + make_interval(secs => 1 + slow * 20 + luck * 9)
FROM planned p JOIN sessions s USING (session), identity_owner o,
     LATERAL (SELECT CASE WHEN who < 0.6 THEN 'claude' WHEN who < 0.9 THEN 'openai' ELSE 'config' END AS brain,
                     CASE WHEN who < 0.4 THEN 'claude-sonnet-5-5' WHEN who < 0.6 THEN 'claude-haiku-5-5'
                          WHEN who < 0.9 THEN 'gpt-6-luna' ELSE 'scripted' END AS model,
                     (500 + slow * 6000)::int AS tokens) chosen
WHERE o.app = 'dashboard';
"""


def main(messages: int, superuser: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coach_project.settings")
    django.setup()
    fill(messages, superuser)
    print(json.dumps({"pages": pages()}))  # noqa: T201


def fill(messages: int, superuser: str) -> None:
    with psycopg.connect(superuser, autocommit=True) as connection:
        found = connection.execute("SELECT count(*) FROM chat_turn").fetchone()
        if found and found[0] == messages // 2:
            return
        connection.execute("TRUNCATE chat_session CASCADE")
        connection.execute("DELETE FROM identity_owner WHERE app = 'dashboard'")
        for statement in FILL.strip().split(";\n"):
            values = {"each": OF_A_SESSION, "turns": messages // 2} if "%(" in statement else None
            connection.execute(statement.rstrip(";").encode(), values)
        connection.execute("VACUUM (ANALYZE) chat_turn")  # as autovacuum does by and by


def pages() -> dict[str, dict[str, Any]]:
    """Of each range: s that its pages took, and the turns that they told of."""
    from django.contrib.auth import get_user_model  # noqa: PLC0415 — not before Django is there
    from django.test import Client  # noqa: PLC0415

    client = Client(headers={"host": "localhost"})
    client.force_login(get_user_model().objects.filter(is_superuser=True)[0])
    found = {}
    for name in RANGES:
        taken = []
        for _ in range(TIMES):
            begun = time.perf_counter()
            answer = client.get("/admin/", {"range": name})
            taken.append(time.perf_counter() - begun)
            if answer.status_code != 200 or b"turns counted in" not in answer.content:
                raise SystemExit(f"The page of {name} is not there: {answer.status_code}.")
        turns = int(answer.content.split(b" turns counted in")[0].rsplit(b" ", 1)[1].replace(b",", b""))
        found[name] = {"turns": turns, "seconds": taken[2:]}
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
