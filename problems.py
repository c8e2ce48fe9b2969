"""What can go wrong, as errors with a code, a status and a sentence.

Problem                          code                status  retryable
 x Invalid                       invalid             400     no
   + UnknownPersona              unknown_persona     400     no
   + UnknownBrain                unknown_brain       400     no
 x Unauthenticated               unauthenticated     401     no
 x OriginNotAllowed              origin_not_allowed  403     no
 x Forbidden                     forbidden           403     no
 x NotFound                      not_found           404     no
 x MethodNotAllowed              method_not_allowed  405     no
 x TurnInProgress                turn_in_progress    409     after the cause is gone
 x PersonaUnavailable            persona_unavailable 409     after the cause is gone
 x BrainNotReady                 brain_not_ready     409     after the cause is gone
 x ConsentRequired               consent_required    409     after the cause is gone
 x MemoryPaused                  memory_paused       409     after the cause is gone
 x SessionDeleted                session_deleted     410     no
 x TooLarge                      too_large           413     no
 x UnsupportedMediaType          unsupported_media_type 415  no
 x IdempotencyMismatch           idempotency_mismatch 422    no
 x RateLimited                   rate_limited        429     yes
   + TooManyTurns                too_many_turns      429     yes
   + BudgetExceeded              budget_exceeded     429     yes
 x Internal                      internal            500     yes
 x NotSaved                      not_saved           503     yes
 x DatabaseUnavailable           database_unavailable 503    yes
 x IdentityUnavailable           identity_unavailable 503    yes     the provider of users' tokens is away
 x ServerBusy                    server_busy         503     yes
 x ServerStopping                server_stopping     503     yes
 x ServerRestarted               server_restarted    503     yes     how a turn ends whose worker died
 (brains.errors adds what a brain can do wrong)

A leaf: it imports nothing of ours and nothing of Django's. Rendering is elsewhere (the asgi module for statuses, chat.sse
for frames).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar


class Problem(Exception):
    """Something a caller is told about: `{"error": code, "message": sentence, …}` with a status.

    `fields` names what was wrong with an input, by field; `retry_after` is in seconds; `extra` joins the body.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    default_message: ClassVar[str] = "Something went wrong on the server."
    default_retry_after: ClassVar[int | None] = None

    def __init__(
        self,
        message: str = "",
        *,
        fields: Mapping[str, Sequence[str]] | None = None,
        retry_after: int | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self.message = message or self.default_message
        self.fields = {name: list(sentences) for name, sentences in (fields or {}).items()}
        self.retry_after = self.default_retry_after if retry_after is None else retry_after
        self.extra = dict(extra or {})
        super().__init__(self.message)

    def headers(self) -> dict[str, str]:
        """Response headers that belong to the error."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}

    def body(self) -> dict[str, object]:
        """The JSON body, the same on every path."""
        body: dict[str, object] = {"error": self.code, "message": self.message, **self.extra}
        if self.fields:
            body["fields"] = self.fields
        return body


class Invalid(Problem):
    code = "invalid"
    status = 400
    default_message = "The request is not valid; see fields."


class UnknownPersona(Invalid):
    code = "unknown_persona"


class UnknownBrain(Invalid):
    code = "unknown_brain"


class Unauthenticated(Problem):
    code = "unauthenticated"
    status = 401
    default_message = "Say who you are: Authorization: Bearer, with an API key or a token."

    def headers(self) -> dict[str, str]:
        return {**super().headers(), "WWW-Authenticate": "Bearer"}


class OriginNotAllowed(Problem):
    code = "origin_not_allowed"
    status = 403
    default_message = "Pages of this origin may not call the server; COACH_ORIGINS lists those that may."


class Forbidden(Problem):
    code = "forbidden"
    status = 403
    default_message = "You may not do this."


class NotFound(Problem):
    code = "not_found"
    status = 404
    default_message = "There is nothing here."


class MethodNotAllowed(Problem):
    code = "method_not_allowed"
    status = 405
    default_message = "This path does not take that method."

    def __init__(self, allowed: Sequence[str]) -> None:
        self.allowed = tuple(allowed)
        super().__init__(f"This path takes {', '.join(self.allowed)}.")

    def headers(self) -> dict[str, str]:
        return {**super().headers(), "Allow": ", ".join(self.allowed)}


class TurnInProgress(Problem):
    code = "turn_in_progress"
    status = 409
    default_message = "The session has a running turn; wait for its end, or stop it."


class PersonaUnavailable(Problem):
    code = "persona_unavailable"
    status = 409
    default_message = "The session's coach is not available now; choose another with PATCH persona."


class BrainNotReady(Problem):
    code = "brain_not_ready"
    status = 409
    default_message = "The brain cannot be used yet."


class ConsentRequired(Problem):
    code = "consent_required"
    status = 409
    default_message = "Facts about the user's health are kept with their consent alone; PATCH /memory/consent gives it."


class MemoryPaused(Problem):
    code = "memory_paused"
    status = 409
    default_message = "The user's memory is paused, nothing is written to it; POST /memory/resume ends that."


class SessionDeleted(Problem):
    code = "session_deleted"
    status = 410
    default_message = "The session was deleted while its turn ran."


class TooLarge(Problem):
    code = "too_large"
    status = 413
    default_message = "The request's body is too large."


class UnsupportedMediaType(Problem):
    code = "unsupported_media_type"
    status = 415
    default_message = "Send the body as Content-Type: application/json."


class IdempotencyMismatch(Problem):
    code = "idempotency_mismatch"
    status = 422
    default_message = "This Idempotency-Key was used with another request; take a new key."


class RateLimited(Problem):
    """As much as a caller may have; `more_headers` say how much that is (identity.quotas)."""

    code = "rate_limited"
    status = 429
    retryable = True
    default_message = "You have sent as many requests as you may; wait a moment."

    def __init__(
        self, message: str = "", *, retry_after: int | None = None, more_headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self._more_headers = dict(more_headers or {})

    def headers(self) -> dict[str, str]:
        return {**super().headers(), **self._more_headers}


class TooManyTurns(RateLimited):
    code = "too_many_turns"
    default_message = "You have as many running turns as you may; wait for the end of one, or stop it."
    default_retry_after = 5


class BudgetExceeded(RateLimited):
    code = "budget_exceeded"
    default_message = "What may be spent in a day is spent; it goes on tomorrow."


class Internal(Problem):
    retryable = True


class NotSaved(Problem):
    code = "not_saved"
    status = 503
    retryable = True
    default_message = "The reply could not be stored."
    default_retry_after = 5


class DatabaseUnavailable(Problem):
    code = "database_unavailable"
    status = 503
    retryable = True
    default_message = "The database cannot be reached; try again in a moment."
    default_retry_after = 2


class IdentityUnavailable(Problem):
    code = "identity_unavailable"
    status = 503
    retryable = True
    default_message = "The identity provider's keys cannot be fetched; try again in a moment."
    default_retry_after = 5


class ServerBusy(Problem):
    code = "server_busy"
    status = 503
    retryable = True
    default_message = "The server holds as many turns as it can; try again in a moment."
    default_retry_after = 5


class ServerStopping(Problem):
    code = "server_stopping"
    status = 503
    retryable = True
    default_message = "The server is about to stop; try again in a moment."
    default_retry_after = 5


class ServerRestarted(Problem):
    code = "server_restarted"
    status = 503
    retryable = True
    default_message = "The server stopped in the middle of the reply; try again."


def by_code(code: str) -> Problem:
    """The problem of a stored code, with its default message; Internal for one that is no longer known."""
    kinds: list[type[Problem]] = [Problem]
    while kinds:
        kind = kinds.pop()
        if kind.code == code and kind not in (Problem, MethodNotAllowed):
            return kind()
        kinds += kind.__subclasses__()
    return Internal()
