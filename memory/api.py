"""The memory's views: DRF, sync. They translate; reading, profiles and facts decide."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from chat.fields import asked, limit_of, limit_parameter, valid
from chat.ids import outside
from chat.serializers import Problem
from identity.callers import ANONYMOUS, caller_of, owner_of
from identity.models import Owner
from memory import erasure, exports, facts, profiles, reading, serializers
from memory.models import Fact, Kind, Profile
from problems import Invalid

PAGE, MOST = 100, 500

NOBODY = "Say whose memory is meant: a user_id. Those who give none have no memory."

USER = OpenApiParameter("user_id", str, description="Whose memory; without one there is nothing to read.")
USER_NEEDED = OpenApiParameter("user_id", str, description="Whose memory; needed here, in the query or in the body.")
REFUSED = {
    400: Problem,
    409: OpenApiResponse(Problem, description="memory_paused, consent_required: what the user has to do first"),
}


def _reader(request: Request) -> Owner | None:
    caller = caller_of(request)
    return reading.owner(caller, caller.whom(asked(request, "user_id")))


def _writer(request: Request, serializer: BaseSerializer[Any] | None = None) -> tuple[str, dict[str, Any]]:
    """Who is meant, by the query or the body, and the body's values. Raises Invalid, Forbidden."""
    values = valid(serializer) if serializer else {}
    named = {asked(request, "user_id"), values.pop("user_id", "")} - {""}
    if len(named) > 1:
        raise Invalid(fields={"user_id": ["Query and body name different users."]})
    user_id = caller_of(request).whom(named.pop() if named else "")
    if user_id in ("", ANONYMOUS):
        raise Invalid(NOBODY, fields={"user_id": [NOBODY]})
    if len(user_id) > serializers.USER_ID_CHARS:
        raise Invalid(fields={"user_id": [f"This may take at most {serializers.USER_ID_CHARS} characters."]})
    return user_id, values


def _one_of(request: Request, name: str, choices: list[str]) -> str:
    value = asked(request, name)
    if value and value not in choices:
        raise Invalid(fields={name: [f"Send {', '.join(choices[:-1])} or {choices[-1]}."]})
    return value


def _detail(fact: Fact, status: int = 200) -> Response:
    return Response(serializers.detail(fact, reading.before(fact)), status=status)


class Facts(APIView):
    @extend_schema(
        parameters=[
            USER,
            OpenApiParameter("all", bool, description="true: closed facts too."),
            OpenApiParameter("kind", str, enum=Kind.values),
            OpenApiParameter("q", str, description="Words, or parts of them, in text, quote or slot."),
            OpenApiParameter("cursor", str, description="`next` of the page before."),
            limit_parameter(PAGE, MOST),
        ],
        responses={200: serializers.FactList, 400: Problem},
        operation_id="memory_facts",
    )
    def get(self, request: Request) -> Response:
        """What is known of a user, newest first, and what they want of the memory."""
        owner = _reader(request)
        closed = _one_of(request, "all", ["true", "false"]) == "true"
        kind, query, cursor = _one_of(request, "kind", Kind.values), asked(request, "q"), asked(request, "cursor")
        limit = limit_of(request, PAGE, MOST)
        found = reading.listed(owner, closed=closed, kind=kind, query=query) if owner else Fact.objects.none()
        rows, last = reading.page(found, cursor, limit)
        profile = serializers.profile(Profile.objects.filter(owner=owner).first() if owner else None)
        return Response(
            {
                "facts": [serializers.fact(row) for row in rows],
                "paused": profile["paused"],
                "consent": profile["consent"],
                "next": last and outside("fact", last),
            }
        )

    @extend_schema(
        parameters=[USER_NEEDED],
        request=serializers.NewFact,
        responses={
            200: OpenApiResponse(serializers.FactDetail, description="It was known already."),
            201: serializers.FactDetail,
            **REFUSED,
        },
        operation_id="memory_fact_add",
    )
    def post(self, request: Request) -> Response:
        """Tell a fact; one that is live in the same slot is closed by it."""
        user_id, values = _writer(request, serializers.NewFact(data=request.data))
        owner = owner_of(caller_of(request), user_id)
        with transaction.atomic():
            profiles.writable(owner.pk, values["kind"])
            fact, new = _kept(owner, values)
        return _detail(reading.get(owner, outside("fact", fact.id)), 201 if new else 200)


def _kept(owner: Owner, values: dict[str, Any]) -> tuple[Fact, bool]:
    """The fact, and whether it is new."""
    today = datetime.now(ZoneInfo(owner.time_zone or "UTC")).date()
    candidate = facts.Candidate(
        kind=values["kind"],
        slot=values["slot"],
        text=values["text"],
        quote="",
        message=None,
        origin=values["origin"],
        confidence=1.0,
        valid_from=values.get("valid_from", today),
    )
    kept = facts.keep(owner.pk, [candidate])
    fact = kept[0] if kept else reading.saying(owner, candidate.kind, candidate.slot, candidate.text)
    if values["pinned"] and not fact.pinned:
        fact = facts.correct(fact, pinned=True)
    return fact, bool(kept)


class OneFact(APIView):
    @extend_schema(parameters=[USER], responses={200: serializers.FactDetail, 404: Problem}, operation_id="memory_fact")
    def get(self, request: Request, fact_id: str) -> Response:
        """A fact with its source and with what it took the place of."""
        return _detail(reading.get(_reader(request), fact_id))

    @extend_schema(
        parameters=[USER_NEEDED],
        request=serializers.FactChange,
        responses={200: serializers.FactDetail, 404: Problem, **REFUSED},
        operation_id="memory_fact_change",
    )
    def patch(self, request: Request, fact_id: str) -> Response:
        """Correct a fact: the user's word, which nothing that is learned later takes back silently."""
        user_id, values = _writer(request, serializers.FactChange(data=request.data, partial=True))
        owner = reading.owner(caller_of(request), user_id)
        fact = reading.get(owner, fact_id)
        if not values:
            raise Invalid("Send at least one of kind, slot, text, valid_from and pinned.")
        with transaction.atomic():
            profiles.writable(fact.owner_id, values.get("kind", fact.kind))
            facts.correct(reading.get(owner, fact_id, held=True), **values)
        return _detail(reading.get(owner, fact_id))

    @extend_schema(
        parameters=[USER_NEEDED],
        responses={200: serializers.FactDeleted, 400: Problem, 404: Problem},
        operation_id="memory_fact_delete",
    )
    def delete(self, request: Request, fact_id: str) -> Response:
        """Delete a fact with what it took the place of; it does not come back from the same words."""
        user_id, _ = _writer(request)
        fact = reading.get(reading.owner(caller_of(request), user_id), fact_id)
        gone = facts.delete(Fact.objects.filter(id=fact.id))
        return Response({"success": True, "fact_id": fact_id, "facts": gone})


class Forget(APIView):
    @extend_schema(
        parameters=[USER_NEEDED],
        request=serializers.Forget,
        responses={200: serializers.Forgotten, 400: Problem},
        operation_id="memory_forget",
    )
    def post(self, request: Request) -> Response:
        """Forget a topic, or all that was learned until now. Sessions and their messages stay."""
        user_id, values = _writer(request, serializers.Forget(data=request.data))
        owner, topic = reading.owner(caller_of(request), user_id), values.get("topic")
        if owner is None:
            gone = profiles.Forgotten(0, 0)
        else:
            gone = profiles.forget_topic(owner, topic) if topic else profiles.forget_all(owner)
        return Response({"success": True, "facts": gone.facts, "messages": gone.messages})


class Pause(APIView):
    @extend_schema(
        parameters=[USER_NEEDED],
        request=serializers.Whose,
        responses={200: serializers.ProfileShape, 400: Problem},
        operation_id="memory_pause",
    )
    def post(self, request: Request) -> Response:
        """From now on nothing is learned and nothing recalled; what is there stays."""
        user_id, _ = _writer(request, serializers.Whose(data=request.data))
        return Response(serializers.profile(profiles.pause(owner_of(caller_of(request), user_id).pk)))


class Resume(APIView):
    @extend_schema(
        parameters=[USER_NEEDED],
        request=serializers.Whose,
        responses={200: serializers.ProfileShape, 400: Problem},
        operation_id="memory_resume",
    )
    def post(self, request: Request) -> Response:
        """End a pause; what was said in it is not learned afterwards."""
        user_id, _ = _writer(request, serializers.Whose(data=request.data))
        return Response(serializers.profile(profiles.resume(owner_of(caller_of(request), user_id).pk)))


class Consent(APIView):
    @extend_schema(
        parameters=[USER_NEEDED],
        request=serializers.Consent,
        responses={200: serializers.ProfileShape, 400: Problem},
        operation_id="memory_consent",
    )
    def patch(self, request: Request) -> Response:
        """Consent to facts about the user's health; to withdraw it deletes them."""
        user_id, values = _writer(request, serializers.Consent(data=request.data))
        return Response(
            serializers.profile(profiles.consent(owner_of(caller_of(request), user_id).pk, values["health"]))
        )


class Export(APIView):
    @extend_schema(
        parameters=[USER],
        responses={(200, "application/json"): serializers.UserExport, 400: Problem},
        operation_id="memory_export",
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """All that is kept of a user, as a file: profile, facts with history and sources, sessions with messages."""
        parts = exports.in_time(exports.parts(_reader(request)), caller_of(request))
        response = StreamingHttpResponse(parts, content_type="application/json")
        response["Content-Disposition"] = f'attachment; filename="memory-{datetime.now():%Y-%m-%d}.json"'
        return response


class UserExport(Export):
    @extend_schema(
        parameters=[USER],
        responses={(200, "application/json"): serializers.UserExport, 400: Problem},
        operation_id="user_export",
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """All that is kept of a user, as a file: the same as /memory/export."""
        return super().get(request)


class User(APIView):
    @extend_schema(
        parameters=[USER_NEEDED], responses={200: serializers.UserErased, 400: Problem}, operation_id="user_erase"
    )
    def delete(self, request: Request) -> Response:
        """Delete a user with everything of theirs: sessions, messages, memory. Turns that run end; nothing can be undone."""
        user_id, _ = _writer(request)
        owner = reading.owner(caller_of(request), user_id)
        gone = erasure.erase(owner) if owner else erasure.Gone(0, 0, 0)
        return Response({"success": True, "user_id": user_id, "sessions": gone.sessions, "facts": gone.facts})
