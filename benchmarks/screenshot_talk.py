"""What is said on the screenshots, and a vendor that says it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.vendor import FORMATS, HEAD, chunk

USER = "guest-00000000000000000000000000000000"

REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"

THINKS, SPEAKS = 0.25, 0.7
"""s before the first word, and for all of them."""

PIECE = 5
"""Characters of a delta."""

PAUSE = "\0"
RESTS = 5.0
"""s for which an answer says no more, where that stands in it: while a picture is taken."""


@dataclass(frozen=True, slots=True)
class Said:
    """A question and what is answered, the second time something else."""

    question: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Talk:
    persona: str
    title: str
    said: tuple[Said, ...]


RUNNING = Talk(
    "fitness_coach",
    "Ten kilometres in spring",
    (
        Said(
            "I want to run 10 km in spring. I train on Tuesdays and Saturdays. My left knee hurts after long runs.",
            (
                "**Ten kilometres, I love it!** Two days are enough if we use them well. A few things first:\n\n"
                "1. **Tuesday** is for easy minutes: you could talk all the way.\n"
                "2. **Saturday** is for distance: a little longer each week, never faster.\n"
                "3. **The knee** decides. An ache that is gone the next morning is fine; one that stays means a week off, "
                "and a look by a physio.\n\n"
                "How far do you get today without walking?",
            ),
        ),
        Said(
            "About 3 km. Can you make that a plan for the first month?",
            (
                "Let's keep it simple, so that you *will* do it:\n\n"
                "- **Weeks 1 and 2:** run 4 minutes, walk 1, five times over.\n"
                "- **Week 3:** run 8 minutes, walk 1, three times over.\n"
                "- **Week 4:** 3 km on Saturday, without a break.\n\n"
                "> Ten minutes count. Something done beats something perfect.\n\n"
                "Which of the two days is the harder one to keep?",
                "Three kilometres is a **great** place to start. Here is the month:\n\n"
                "| Week | Tuesday | Saturday |\n| --- | --- | --- |\n"
                "| 1 | 20 min easy | 3 km |\n| 2 | 22 min easy | 3.5 km |\n"
                "| 3 | 25 min easy | 4 km |\n| 4 | 20 min easy | 3 km, and rest |\n\n"
                "The fourth week is lighter on purpose: that is when you get stronger. Lay your shoes out for Tuesday tonight!",
            ),
        ),
    ),
)

TALKS = (
    Talk(
        "default",
        "A walk at lunch",
        (Said("I sit all day. Where do I begin?", ("With ten minutes outside at lunch.",)),),
    ),
    Talk(
        "personal_trainer",
        "Bench press, stuck at 60 kg",
        (Said("My bench press is stuck.", ("How many sets a week?",)),),
    ),
    Talk(
        "drill_sergeant", "Push-ups, day 12", (Said("Day 12 is done.", ("Twelve days. No excuses. Day 13 at dawn!",)),)
    ),
    Talk(
        "calm_coach",
        "Sleep before the exam",
        (Said("I can't sleep.", ("Let your shoulders sink. Breathe out slowly.",)),),
    ),
    RUNNING,
)
"""The newest last."""

GROWING = Said(
    "How do I keep a log of my runs?",
    (
        "One line a run is enough, in a file that opens everywhere:\n\n"
        "```csv\ndate,km,minutes,knee\n2026-03-03,3.0,21,fine\n2026-03-07,3.5,25,a little sore\n```\n\n"
        "Three things are worth a column:\n\n"
        "- **How far and how long.** Your pace is in there by itself.\n"
        f"- **The knee**, in one word. That is the line that{PAUSE} you will be glad to have.\n",
    ),
)
"""Asked while the picture of a growing answer is taken; its prompt may quote the others."""

FACTS = (
    ("preference", "Likes to train before breakfast."),
    ("person", "Runs with a friend, Ingrid, on Saturdays."),
)
"""Told in the dialog; the rest is learned from what is said."""


@asynccontextmanager
async def served() -> AsyncIterator[str]:
    """Anthropic's Messages at that address: what the talks say to the last question. Ends when its clients have gone."""
    talking: list[asyncio.Task[None] | None] = []
    asked: Counter[str] = Counter()
    answers = {said.question: said.answers for said in (GROWING, *(said for talk in TALKS for said in talk.said))}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking.append(asyncio.current_task())
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].split()[0])
                body = (await reader.readexactly(length)).decode()
                text = json.dumps(json.loads(body)["messages"][-1], ensure_ascii=False)
                question = next((each for each in answers if json.dumps(each, ensure_ascii=False)[1:-1] in text), None)
                if not question:
                    writer.write(REFUSED)
                    continue
                asked[question] += 1
                chosen = answers[question]
                await _say(writer, chosen[min(asked[question], len(chosen)) - 1])
        except (asyncio.IncompleteReadError, ConnectionError):  # the server has ended, in the middle of an answer too
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await asyncio.gather(*filter(None, talking))


async def _say(writer: asyncio.StreamWriter, text: str) -> None:
    form = FORMATS[b"/v1/messages"]
    writer.write(HEAD + chunk(form.opening))
    await asyncio.sleep(THINKS)
    pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    for piece in pieces:
        writer.write(chunk(form.before + json.dumps(piece.replace(PAUSE, ""))[1:-1].encode() + form.after))
        await asyncio.sleep(RESTS if PAUSE in piece else SPEAKS / len(pieces))
    writer.write(chunk(form.closing) + b"0\r\n\r\n")
    await writer.drain()
