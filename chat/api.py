"""The CRUD views: DRF, sync. They translate; sessions, personas and brains decide."""

from __future__ import annotations

import hashlib

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from brains import switching
from chat import changes, exports, serializers, sessions, worker
from chat.fields import asked, idempotency_key, limit_of, limit_parameter, valid
from chat.ids import inside, outside
from chat.models import Session, Turn
from identity.callers import caller_of, owner_of
from personas import catalog
from problems import Invalid

PAGE, MOST = 50, 100
MESSAGES_PAGE, MOST_MESSAGES = 100, 500


def _entries(session: Session, request: Request, most: int) -> list[sessions.Entry]:
    """The asked-for messages. Raises Invalid."""
    depth, last = sessions.behind(asked(request, "cursor"))
    match asked(request, "branches"):
        case "":
            return sessions.path(session, depth=depth + 1, limit=most)
        case "all":
            return sessions.everything(session, after=(depth, last), limit=most)
    raise Invalid(fields={"branches": ["Send all, or leave it out."]})


def _seen(
    request: Request, session_id: str, most: int
) -> tuple[Session, list[sessions.Entry], tuple[Turn, str] | None]:
    """A session, its messages and what is being said, of one moment: read again where a turn has begun or ended between.

    Raises NotFound, Invalid.
    """
    caller = caller_of(request)
    session = sessions.get(caller, session_id)
    while True:
        entries = _entries(session, request, most)
        running = sessions.running(entries)
        ended = running is None and any(entry.status == "running" for entry in entries)
        after = sessions.get(caller, session_id)
        if after.head_id == session.head_id and not ended:
            return session, entries, running
        session = after


class Start(APIView):
    @extend_schema(
        request=serializers.Start,
        responses={200: serializers.Started, 400: serializers.Problem},
        operation_id="chat_start",
    )
    def post(self, request: Request) -> Response:
        """Create a session."""
        values = valid(serializers.Start(data=request.data))
        key = idempotency_key(request.headers)
        digest = hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest() if key else ""
        if values["persona"]:
            sessions.known_persona(values["persona"])
        caller = caller_of(request)
        if caller.refused and not sessions.began(caller, values["user_id"], key):
            raise caller.refused
        owner = owner_of(caller, values["user_id"], values["language"], values["time_zone"])
        session = sessions.start(
            owner_id=owner.pk,
            persona=values["persona"],
            title=values["title"],
            metadata=values["metadata"],
            key=key,
            digest=digest,
        )
        card = catalog.card(session.persona_id)
        return Response(
            {
                "session_id": outside("session", session.id),
                "persona": session.persona_id,
                "persona_description": card.description if card else "",
                "available_personas": catalog.names(),
            }
        )


class Sessions(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("user_id", str, description="Only this user's."),
            OpenApiParameter("q", str, description="Words in titles and messages; the last one counts as a prefix."),
            OpenApiParameter("cursor", str, description="`next` of the page before."),
            limit_parameter(PAGE, MOST),
        ],
        responses={200: serializers.SessionList, 400: serializers.Problem},
        operation_id="chat_sessions",
    )
    def get(self, request: Request) -> Response:
        """List sessions, newest first."""
        caller = caller_of(request)
        found = sessions.of(caller)
        if user_id := caller.whom(asked(request, "user_id")):
            found = found.filter(owner__external_id=user_id)
        if words := asked(request, "q"):
            found = sessions.search(found, words[:500])
        rows, following = sessions.page(found, cursor=asked(request, "cursor"), limit=limit_of(request, PAGE, MOST))
        listed = [{**sessions.summary(row.session), "last_message": row.last_message} for row in rows]
        return Response({"sessions": listed, "next": following})


class OneSession(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("cursor", str, description="`next` of the page before."),
            limit_parameter(MESSAGES_PAGE, MOST_MESSAGES),
            OpenApiParameter("branches", str, enum=["all"], description="Also what lies beside the current path."),
        ],
        responses={200: serializers.SessionDetail, 404: serializers.Problem},
        operation_id="chat_session",
    )
    def get(self, request: Request, session_id: str) -> Response:
        """A session with the messages of its current path, oldest first; a reply that is being said is the last."""
        limit = limit_of(request, MESSAGES_PAGE, MOST_MESSAGES)
        session, entries, running = _seen(request, session_id, limit + 1)
        following = sessions.cursor_behind(entries[limit - 1]) if len(entries) > limit else None
        messages = [serializers.message(entry) for entry in entries[:limit]]
        if following is None and running:
            turn, said = running
            live = worker.current().turns.live.get(turn.id)
            messages.append(serializers.running_reply(turn, live.text if live else said))
        return Response({**sessions.detail(session), "messages": messages, "next": following})

    @extend_schema(
        request=serializers.SessionChange,
        responses={200: serializers.SessionSummary, 400: serializers.Problem, 404: serializers.Problem},
        operation_id="chat_session_change",
    )
    def patch(self, request: Request, session_id: str) -> Response:
        """Change title, persona, brain (null: the active one), metadata, or head: the message where the path ends."""
        session = sessions.get(caller_of(request), session_id)
        values = valid(serializers.SessionChange(data=request.data, partial=True))
        if persona := values.get("persona"):
            sessions.known_persona(persona)
            session.persona_id = persona
        if "brain" in values:
            if values["brain"] is not None:
                sessions.known_brain(values["brain"])
            session.brain = values["brain"] or ""
        session.title = values.get("title", session.title)
        session.metadata = values.get("metadata", session.metadata)
        if head := values.get("head"):
            changes.choose_path(session, inside("msg", head))
        session.save(update_fields=["title", "persona", "brain", "metadata"])
        return Response(sessions.detail(session))

    @extend_schema(responses={200: serializers.Deleted, 404: serializers.Problem}, operation_id="chat_session_delete")
    def delete(self, request: Request, session_id: str) -> Response:
        """Delete a session, its messages and turns; a running turn is ended."""
        session = sessions.get(caller_of(request), session_id)
        changes.delete(session)
        return Response({"success": True, "session_id": session_id})


class ClearSession(APIView):
    @extend_schema(
        request=None, responses={200: serializers.Deleted, 404: serializers.Problem}, operation_id="chat_session_clear"
    )
    def post(self, request: Request, session_id: str) -> Response:
        """Remove the messages, keep the session."""
        session = sessions.get(caller_of(request), session_id)
        changes.clear(session)
        return Response({"success": True, "session_id": session_id})


class ExportSession(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("format", str, enum=["json", "markdown", "text"])],
        responses={
            (200, "application/json"): serializers.SessionExport,
            (200, "text/markdown"): OpenApiTypes.STR,
            (200, "text/plain"): OpenApiTypes.STR,
            404: serializers.Problem,
        },
        operation_id="chat_session_export",
    )
    def get(self, request: Request, session_id: str) -> HttpResponse:
        """The session as a file."""
        session = sessions.get(caller_of(request), session_id)
        kind = asked(request, "format") or "json"
        name = f"{session.persona_id}-{session.created_at:%Y-%m-%d}-{session.id.hex[-8:]}"
        if kind == "json":
            ending, content_type = "json", "application/json"
            content = exports.as_json(sessions.detail(session), map(serializers.message, sessions.everything(session)))
        elif kind in exports.WRITERS:
            ending, content_type, write = exports.WRITERS[kind]
            content = write(session.title, session.persona_id, sessions.path(session))
        else:
            raise Invalid(fields={"format": ["Send json, markdown or text."]})
        response = HttpResponse(content, content_type=content_type)
        response["Content-Disposition"] = f'attachment; filename="{name}.{ending}"'
        return response


class OneTurn(APIView):
    @extend_schema(responses={200: serializers.TurnDetail, 404: serializers.Problem}, operation_id="chat_turn")
    def get(self, request: Request, turn_id: str) -> Response:
        """How a turn is doing, or how it ended."""
        return Response(serializers.turn(sessions.turn(caller_of(request), turn_id)))


class TurnManifest(APIView):
    @extend_schema(
        responses={200: serializers.TurnManifest, 404: serializers.Problem}, operation_id="chat_turn_manifest"
    )
    def get(self, request: Request, turn_id: str) -> Response:
        """Why the coach said this: what the turn's prompt was made of, as ids and counts."""
        return Response(serializers.manifest(sessions.turn(caller_of(request), turn_id)))


class OneMessage(APIView):
    @extend_schema(
        responses={200: serializers.MessageDeleted, 404: serializers.Problem}, operation_id="chat_message_delete"
    )
    def delete(self, request: Request, message_id: str) -> Response:
        """Delete a message and all that follows it; a running turn among that is ended."""
        head = changes.delete_message(sessions.message(caller_of(request), message_id))
        return Response({"success": True, "message_id": message_id, "head": head and outside("msg", head)})


class Personas(APIView):
    @extend_schema(responses={200: serializers.PersonaList}, operation_id="chat_personas")
    def get(self, request: Request) -> Response:
        """The published coaches."""
        return Response({"personas": [serializers.persona(card) for card in catalog.published()]})


class SwitchBrain(APIView):
    @extend_schema(
        request=serializers.Switch,
        responses={
            200: serializers.Switched,
            400: serializers.Problem,
            409: OpenApiResponse(serializers.Problem, description="brain_not_ready: says what is missing"),
        },
        operation_id="brain_switch",
    )
    def post(self, request: Request) -> Response:
        """Make another brain the active one; every worker uses it from its next turn on."""
        alias = valid(serializers.Switch(data=request.data))["brain"]
        switching.switch(alias, caller_of(request).name)
        return Response({"success": True, "active_brain": alias, "message": f"The next turn is answered by {alias}."})
