"""The shapes of the memory's requests and answers, as DRF validates them and the OpenAPI schema shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from chat.fields import Text
from chat.ids import outside
from chat.serializers import SessionExport
from memory.models import FACT_CHARS, Fact, Kind, Origin, Profile

USER_ID_CHARS = 200

SLOT_FORM = r"[^\W_][\w.-]*(?::[\w.-]+)*"


class Flag(serializers.BooleanField):
    """true or false, and nothing that could be read as one."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Whose(serializers.Serializer[None]):
    user_id = Text(max_length=USER_ID_CHARS, required=False, help_text="May stand in the query instead.")


class Slot(Text):
    """In small letters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            max_length=80,
            allow_blank=True,
            validators=[slot_form],
            form=f"^(?:{SLOT_FORM})?$",
            help_text="As `record:10k`; empty: none.",
            **options,
        )

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(data).lower()


def slot_form(value: str) -> None:
    """Words joined by colons."""
    if value and not re.fullmatch(SLOT_FORM, value):
        raise serializers.ValidationError("Write it as record:10k.")


class NewFact(Whose):
    kind = serializers.ChoiceField(choices=Kind.values)
    slot = Slot(required=False, default="")
    text = Text(max_length=FACT_CHARS)
    valid_from = serializers.DateField(required=False, help_text="Today, in the user's time zone, if absent.")
    pinned = Flag(required=False, default=False)
    origin = serializers.ChoiceField(choices=[Origin.USER.value, Origin.COACH.value], default=Origin.USER.value)


class FactChange(Whose):
    kind = serializers.ChoiceField(choices=Kind.values)
    slot = Slot()
    text = Text(max_length=FACT_CHARS)
    valid_from = serializers.DateField()
    pinned = Flag()


class Forget(Whose):
    topic = Text(max_length=200, required=False)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "all": Flag(required=False, help_text="true: everything.")}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("topic" in attrs) == bool(attrs.get("all")):
            raise serializers.ValidationError({"topic": ["Send either a topic or all: true."]})
        return attrs


class Consented(serializers.Serializer[None]):
    health = serializers.BooleanField()


class Consent(Whose):
    health = Flag()


class FactSource(serializers.Serializer[None]):
    message_id = serializers.CharField()
    session_id = serializers.CharField()
    quote = serializers.CharField(allow_blank=True, help_text="What the user said there, to the letter.")
    said_at = serializers.DateTimeField()


class FactShape(serializers.Serializer[None]):
    fact_id = serializers.CharField()
    kind = serializers.ChoiceField(choices=Kind.values)
    slot = serializers.CharField(allow_blank=True)
    text = serializers.CharField()
    origin = serializers.ChoiceField(choices=Origin.values)
    confidence = serializers.FloatField(min_value=0, max_value=1)
    pinned = serializers.BooleanField()
    valid_from = serializers.DateField()
    valid_to = serializers.DateField(allow_null=True, help_text="Null as long as it holds.")
    superseded_by = serializers.CharField(allow_null=True, help_text="The fact that took its place.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_fields(self) -> dict[str, Any]:
        # `source` is a name of DRF's own.
        return {**super().get_fields(), "source": FactSource(allow_null=True)}


class FactDetail(FactShape):
    replaces = FactShape(many=True, help_text="What was true before, newest first.")


class FactList(serializers.Serializer[None]):
    facts = FactShape(many=True)
    paused = serializers.BooleanField()
    consent = Consented()
    next = serializers.CharField(allow_null=True)


class ProfileShape(serializers.Serializer[None]):
    paused = serializers.BooleanField()
    consent = Consented()
    forgotten_at = serializers.DateTimeField(allow_null=True)


class FactDeleted(serializers.Serializer[None]):
    success = serializers.BooleanField()
    fact_id = serializers.CharField()
    facts = serializers.IntegerField(help_text="How many are gone: it and what it had taken the place of.")


class Forgotten(serializers.Serializer[None]):
    success = serializers.BooleanField()
    facts = serializers.IntegerField(help_text="That are gone, closed ones too.")
    messages = serializers.IntegerField(help_text="That are recalled no more; they stay in their sessions.")


class SummaryShape(serializers.Serializer[None]):
    text = serializers.CharField()
    created_at = serializers.DateTimeField()
    message = serializers.CharField(help_text="The last one that it stands for.")


class ExportedSession(SessionExport):
    summaries = SummaryShape(many=True)


class UserExport(serializers.Serializer[None]):
    format = serializers.CharField()
    exported_at = serializers.DateTimeField()
    user_id = serializers.CharField(allow_null=True, help_text="Null where nothing is known of the user.")
    language = serializers.CharField(allow_null=True)
    time_zone = serializers.CharField(allow_null=True)
    profile = ProfileShape()
    facts = FactShape(many=True)
    sessions = ExportedSession(many=True)


class UserErased(serializers.Serializer[None]):
    success = serializers.BooleanField()
    user_id = serializers.CharField()
    sessions = serializers.IntegerField()
    facts = serializers.IntegerField()


def fact(found: Fact) -> dict[str, Any]:
    """A fact as the API shows it, with the message it is from."""
    return {
        "fact_id": outside("fact", found.id),
        "kind": found.kind,
        "slot": found.slot,
        "text": found.text,
        "origin": found.origin,
        "confidence": found.confidence,
        "pinned": found.pinned,
        "valid_from": found.valid_from,
        "valid_to": found.valid_to,
        "superseded_by": found.superseded_by_id and outside("fact", found.superseded_by_id),
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "source": found.message
        and {
            "message_id": outside("msg", found.message.id),
            "session_id": outside("session", found.message.session_id),
            "quote": found.quote,
            "said_at": found.message.created_at,
        },
    }


def detail(found: Fact, before: Iterable[Fact]) -> dict[str, Any]:
    """A fact with what it took the place of."""
    return {**fact(found), "replaces": [fact(one) for one in before]}


def profile(found: Profile | None) -> dict[str, Any]:
    """What an owner wants of the memory; of one who never said so what holds until they do."""
    kept = found or Profile()
    return {"paused": kept.paused, "consent": {"health": kept.health}, "forgotten_at": kept.forgotten_at}
