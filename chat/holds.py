"""A user's own view of safety: whether their coaches answer gently for now, and their word that all is well again. DRF, sync."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chat.fields import asked
from chat.serializers import Problem
from identity.callers import ANONYMOUS, caller_of, owned
from problems import Invalid
from safety.models import Hold

USER = OpenApiParameter("user_id", str, description="Whose; a token or a login says it by itself.")

NOBODY = "Say who is meant: a user_id."


class Safety(serializers.Serializer[None]):
    held = serializers.BooleanField(help_text="Coaches of hard tone answer through the gentle one.")
    rule = serializers.CharField(allow_null=True, help_text="What was found last.")
    since = serializers.DateTimeField(allow_null=True)


def _open_holds(request: Request) -> QuerySet[Hold]:
    """The caller's. Raises Invalid where nobody is named, Forbidden."""
    caller = caller_of(request)
    user_id = caller.whom(asked(request, "user_id"))
    if user_id in ("", ANONYMOUS):
        raise Invalid(NOBODY, fields={"user_id": [NOBODY]})
    return owned(Hold.objects.filter(owner__external_id=user_id, cleared_at=None), caller).order_by("-pk")


def _told(last: Hold | None) -> dict[str, Any]:
    return {"held": last is not None, "rule": last and last.rule, "since": last and last.since}


class UserSafety(APIView):
    @extend_schema(parameters=[USER], responses={200: Safety, 400: Problem}, operation_id="user_safety")
    def get(self, request: Request) -> Response:
        """Whether a rule of safety was found and nobody has cleared it."""
        return Response(_told(_open_holds(request).first()))

    @extend_schema(parameters=[USER], responses={200: Safety, 400: Problem}, operation_id="user_safety_clear")
    def delete(self, request: Request) -> Response:
        """The user says that all is well: their coaches answer as they are again."""
        _open_holds(request).update(cleared_at=timezone.now(), cleared_by="")
        return Response(_told(None))
