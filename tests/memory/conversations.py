"""A small set of coaching conversations, in English and Norwegian, stored as chats and indexed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from chat.models import Message, Role, Session
from identity.models import Owner
from memory import indexing

TALKERS = ("Kari", "Coach")

ENGLISH = {
    "2026-03-02": (
        "Hi coach! I want to get back into running after a long break.",
        "Good to hear, Kari! What made you stop?",
        "I hurt my left knee skiing last winter, and the physiotherapist told me to take it slowly.",
        "Then we begin with twenty minutes of easy jogging, twice a week. How does that sound?",
        "Sounds fine. I also sleep badly when work gets busy.",
    ),
    "2026-04-14": (
        "I signed up for a half marathon yesterday!",
        "Congratulations! When is it?",
        "On 20 September 2026, in Bergen. My sister Ingrid runs it with me.",
        "Great that you have company. I suggest one long run every Sunday.",
    ),
    "2026-05-20": (
        "I can't eat peanuts, by the way. I carry an EpiPen.",
        "Thank you for telling me. For breakfast I suggest oatmeal with blueberries and yoghurt.",
        "We adopted a kitten last week, she is called Nala.",
        "How lovely! Does she let you sleep?",
    ),
    "2026-06-10": (
        "My boss Peter moved me to the Oslo office, the commute takes 45 minutes now.",
        "That takes time from your training. Could you cycle to work?",
        "The weather has been nice lately.",
    ),
}

NORWEGIAN = {
    "2026-03-03": (
        "Hei! Jeg vil komme i form igjen før sommeren.",
        "Så fint! Hva er det viktigste målet ditt?",
        "Jeg skal gå Birken med broren min, og jeg er redd for bakkene.",
        "Da legger vi inn motbakkeintervaller på tirsdager.",
    ),
    "2026-04-20": (
        "Jeg fikk vondt i høyre skulder i går da jeg svømte.",
        "Ta en pause fra bassenget denne uken.",
        "Datteren min fyller fem år på lørdag, så det blir kake.",
    ),
}


def owner(name: str, language: str = "en") -> Owner:
    return Owner.objects.create(external_id=name, language=language)


def told(whose: Owner, days: Mapping[str, tuple[str, ...]]) -> list[indexing.Said]:
    """Conversations, stored: one session a day, user and coach in turn."""
    said = []
    for day, texts in days.items():
        at = datetime.fromisoformat(day).replace(tzinfo=UTC)
        session = Session.objects.create(owner=whose, persona_id="calm_coach")
        parent: Message | None = None
        offset = 0
        for depth, text in enumerate(texts):
            role = Role.ASSISTANT if depth % 2 else Role.USER
            parent = Message.objects.create(
                session=session, owner=whose, parent=parent, role=role, text=text, depth=depth, offset=offset
            )
            offset += len(text)
            said.append(indexing.Said(parent.id, session.id, text, at, TALKERS[depth % 2]))
        Message.objects.filter(session=session).update(created_at=at)
    return said


def remembered(name: str, days: Mapping[str, tuple[str, ...]], language: str = "en") -> Owner:
    """An owner with conversations that are indexed."""
    whose = owner(name, language)
    indexing.index(whose.id, told(whose, days), language, TALKERS)
    return whose
