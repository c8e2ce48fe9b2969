"""Who is asking, and whose data that reaches. In `open` mode whoever says so; the app is then the empty string."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from identity.models import Owner
from problems import Forbidden, Invalid, RateLimited, Unauthenticated

ANONYMOUS = "anonymous"

CHAT, OPERATE, ACT_FOR_USERS = "chat", "operate", "act-for-users"
SCOPES = {
    CHAT: "talk: sessions, messages and memory of the caller",
    OPERATE: "switch brains, read the gauges",
    ACT_FOR_USERS: "name the user by user_id: an app's own backend",
}

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Caller:
    """An app that calls for its users, or one user of an app (`user`). `name` stands in records of what was done.

    `open`: nobody had to show who they are, so nothing is kept from them. `refused`: they may begin nothing new, only come back
    to what an earlier request with the same idempotency key began; a view that honours such keys raises it else.
    """

    app: str
    name: str
    user: str | None = None
    scopes: frozenset[str] = frozenset()
    open: bool = False
    refused: RateLimited | None = None

    def whom(self, user_id: str) -> str:
        """Whose data a request with this user_id means; empty where it names nobody. Raises Forbidden."""
        if self.user is None:
            return user_id
        if user_id and user_id != self.user:
            raise Forbidden("You may not act for another user: leave user_id out.")
        return self.user


OPEN = Caller(app="", name="api", scopes=frozenset(SCOPES), open=True)


def caller_of(request: HttpRequest) -> Caller:
    """Who the gate has found out this request to be from. Raises Unauthenticated where it was not asked."""
    scope: dict[str, Any] = getattr(request, "scope", {})
    caller = scope.get("caller")
    if caller is None and settings.COACH_AUTH == "open":
        return OPEN
    if not isinstance(caller, Caller):
        raise Unauthenticated
    return caller


def owned(found: QuerySet[M], caller: Caller) -> QuerySet[M]:
    """What of it is the caller's: the one place where rows with an `owner` are scoped."""
    found = found.filter(owner__app=caller.app)
    return found if caller.user is None else found.filter(owner__external_id=caller.user)


def owner_of(caller: Caller, user_id: str, language: str = "", time_zone: str = "") -> Owner:
    """The owner for an app's user, made at the first call; language and time zone are updated where given.

    Raises Forbidden for another user than the caller, Invalid where nobody is named and somebody has to be.
    """
    user_id = caller.whom(user_id)
    if not caller.open and user_id in ("", ANONYMOUS):
        raise Invalid(fields={"user_id": ["Say for which of your users."]})
    told = {name: value for name, value in (("language", language), ("time_zone", time_zone)) if value}
    owner, made = Owner.objects.get_or_create(app=caller.app, external_id=user_id or ANONYMOUS, defaults=told)
    if not made and any(getattr(owner, name) != value for name, value in told.items()):
        for name, value in told.items():
            setattr(owner, name, value)
        owner.save(update_fields=list(told))
    return owner
