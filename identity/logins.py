"""Who has logged in on this server itself: Django's session, for the page. Sync, on Django's own connection."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace

from django.conf import settings
from django.contrib.auth import get_user
from django.db import connections

from identity.callers import CHAT, OPERATE, Caller
from identity.models import LOGIN_APP

OPERATES = "brains.change_activebrain"


def caller(session_key: str) -> Caller | None:
    """The user of a session's cookie; None where it is of nobody, has ended, or the password has changed since."""
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    try:
        user = get_user(SimpleNamespace(session=store))  # type: ignore[arg-type]  # all that it reads of a request
        if not user.is_authenticated or not user.is_active:
            return None
        scopes = {CHAT, OPERATE} if user.has_perm(OPERATES) else {CHAT}
        return Caller(LOGIN_APP, f"login {user.get_username()}", user.get_username(), frozenset(scopes))
    finally:
        connections.close_all()  # this thread's, back to the pool
