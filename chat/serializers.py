"""The shapes of requests and answers, as DRF validates them and the OpenAPI schema shows them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from chat.fields import LANGUAGE, Metadata, Text, language, time_zone
from chat.ids import outside
from chat.models import Status, Turn
from chat.sessions import Entry
from personas.catalog import PersonaCard


class Start(serializers.Serializer[None]):
    user_id = Text(max_length=200, required=False, default=str)
    persona = Text(max_length=64, required=False, default=str)
    title = Text(max_length=200, required=False, default="", allow_blank=True)
    metadata = Metadata(required=False, default=dict)
    language = Text(max_length=35, required=False, default=str, validators=[language], form=f"^{LANGUAGE}$")
    time_zone = Text(
        max_length=64, required=False, default=str, validators=[time_zone], help_text="A name of the IANA database."
    )


class Started(serializers.Serializer[None]):
    session_id = serializers.CharField()
    persona = serializers.CharField()
    persona_description = serializers.CharField()
    available_personas = serializers.ListField(child=serializers.CharField())


class SessionChange(serializers.Serializer[None]):
    title = Text(max_length=200, allow_blank=True)
    persona = Text(max_length=64)
    brain = Text(max_length=64, allow_null=True)
    metadata = Metadata()
    head = Text(max_length=64)


class SessionSummary(serializers.Serializer[None]):
    session_id = serializers.CharField()
    user_id = serializers.CharField()
    persona = serializers.CharField()
    title = serializers.CharField()
    message_count = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    brain = serializers.CharField(allow_null=True)
    metadata = serializers.DictField()
    head = serializers.CharField(allow_null=True)


class ListedSession(serializers.Serializer[None]):
    session_id = serializers.CharField()
    user_id = serializers.CharField()
    persona = serializers.CharField()
    title = serializers.CharField()
    message_count = serializers.IntegerField()
    last_message = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class SessionList(serializers.Serializer[None]):
    sessions = ListedSession(many=True)
    next = serializers.CharField(allow_null=True)


class MessageShape(serializers.Serializer[None]):
    message_id = serializers.CharField()
    role = serializers.ChoiceField(choices=["user", "assistant"])
    content = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    turn_id = serializers.CharField(allow_null=True)
    parent_id = serializers.CharField(allow_null=True)
    status = serializers.CharField(allow_null=True)
    persona = serializers.CharField(allow_null=True)
    brain = serializers.CharField(allow_null=True)


class SessionDetail(SessionSummary):
    messages = MessageShape(many=True)
    next = serializers.CharField(allow_null=True)


class SessionExport(SessionSummary):
    messages = MessageShape(many=True)


class Deleted(serializers.Serializer[None]):
    success = serializers.BooleanField()
    session_id = serializers.CharField()


class MessageDeleted(serializers.Serializer[None]):
    success = serializers.BooleanField()
    message_id = serializers.CharField()
    head = serializers.CharField(allow_null=True)


class Usage(serializers.Serializer[None]):
    input_tokens = serializers.IntegerField(allow_null=True)
    output_tokens = serializers.IntegerField(allow_null=True)


class TurnDetail(serializers.Serializer[None]):
    turn_id = serializers.CharField()
    session_id = serializers.CharField()
    status = serializers.ChoiceField(choices=Status.values)
    message_id = serializers.CharField(allow_null=True)
    user_message_id = serializers.CharField()
    persona = serializers.CharField()
    brain = serializers.CharField()
    model = serializers.CharField()
    fallback = serializers.BooleanField()
    usage = Usage()
    error = serializers.CharField(allow_null=True)
    safety = serializers.CharField(allow_null=True, help_text="The rule of safety whose fixed answer was given.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class PromptTokens(serializers.Serializer[None]):
    persona = serializers.IntegerField()
    facts = serializers.IntegerField()
    summary = serializers.IntegerField()
    history = serializers.IntegerField()
    recalled = serializers.IntegerField()
    message = serializers.IntegerField()


class CountedUsage(Usage):
    cache_read_tokens = serializers.IntegerField(allow_null=True, help_text="Read from the vendor's cache of prompts.")
    cache_write_tokens = serializers.IntegerField(allow_null=True)


class TurnManifest(serializers.Serializer[None]):
    turn_id = serializers.CharField()
    persona = serializers.CharField()
    persona_version = serializers.IntegerField()
    brain = serializers.CharField()
    model = serializers.CharField()
    history_turns = serializers.IntegerField(help_text="Earlier turns of the session that were sent whole.")
    summary = serializers.CharField(allow_null=True, help_text="What stood for those before.")
    used = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    tokens = PromptTokens(help_text="Estimated before the turn, by part.")
    usage = CountedUsage(help_text="As the vendor counted.")


class PersonaShape(serializers.Serializer[None]):
    def get_fields(self) -> dict[str, Any]:
        # `style` is a name of DRF's own.
        words = ("id", "description", "name", "style", "use_case", "example", "tone", "starters", "avatar", "accent")
        fields: dict[str, Any] = {word: serializers.CharField() for word in words}
        fields["tone"] = serializers.ChoiceField(choices=["gentle", "plain", "hard"])
        fields["starters"] = serializers.ListField(child=serializers.CharField())
        return fields


class PersonaList(serializers.Serializer[None]):
    personas = PersonaShape(many=True)


class Switch(serializers.Serializer[None]):
    brain = Text(max_length=64)


class Switched(serializers.Serializer[None]):
    success = serializers.BooleanField()
    active_brain = serializers.CharField()
    message = serializers.CharField()


class Problem(serializers.Serializer[None]):
    message = serializers.CharField()

    def get_fields(self) -> dict[str, Any]:
        # `error` and `fields` are names of DRF's own.
        sentences = serializers.ListField(child=serializers.CharField())
        by_field = serializers.DictField(child=sentences, required=False)
        running = serializers.CharField(required=False, help_text="Of turn_in_progress: the session's running turn.")
        return {"error": serializers.CharField(), **super().get_fields(), "fields": by_field, "turn_id": running}


def message(entry: Entry) -> dict[str, Any]:
    """A message as the API shows it."""
    return {
        "message_id": outside("msg", entry.id),
        "role": entry.role,
        "content": entry.text,
        "created_at": entry.created_at,
        "turn_id": entry.turn and outside("turn", entry.turn),
        "parent_id": entry.parent and outside("msg", entry.parent),
        "status": entry.status,
        "persona": entry.persona,
        "brain": entry.brain,
    }


def running_reply(turn: Turn, text: str) -> dict[str, Any]:
    """The reply of a running turn, with what was said so far; its message id is the one it will have."""
    return {
        "message_id": outside("msg", turn.id),
        "role": "assistant",
        "content": text,
        "created_at": turn.created_at,
        "turn_id": outside("turn", turn.id),
        "parent_id": outside("msg", turn.user_message_id),
        "status": "running",
        "persona": turn.persona,
        "brain": turn.brain,
    }


def turn(found: Turn) -> dict[str, Any]:
    """A turn as the API shows it; `message_id` is that of its reply, once there is one."""
    return {
        "turn_id": outside("turn", found.id),
        "session_id": outside("session", found.session_id),
        "status": found.status,
        "message_id": found.reply_id and outside("msg", found.reply_id),
        "user_message_id": outside("msg", found.user_message_id),
        "persona": found.persona,
        "brain": found.brain,
        "model": found.model,
        "fallback": found.fallback,
        "usage": {"input_tokens": found.input_tokens, "output_tokens": found.output_tokens},
        "error": found.error or None,
        "safety": found.safety or None,
        "created_at": found.created_at,
        "finished_at": found.finished_at,
    }


def manifest(found: Turn) -> dict[str, Any]:
    """What a turn's prompt was made of; of turns before it was kept nothing is known but the turn itself."""
    made = found.manifest
    return {
        "turn_id": outside("turn", found.id),
        "persona": found.persona,
        "persona_version": found.persona_version,
        "brain": found.brain,
        "model": found.model,
        "history_turns": made.get("history_turns", 0),
        "summary": made.get("summary"),
        "used": made.get("used", {}),
        "tokens": made.get("tokens") or dict.fromkeys(PromptTokens().fields, 0),
        "usage": {
            "input_tokens": found.input_tokens,
            "output_tokens": found.output_tokens,
            "cache_read_tokens": found.cache_read_tokens,
            "cache_write_tokens": found.cache_write_tokens,
        },
    }


def persona(card: PersonaCard) -> dict[str, Any]:
    """A coach as the API shows it."""
    shown = asdict(card)
    return {name: shown[name] for name in PersonaShape().get_fields()}
