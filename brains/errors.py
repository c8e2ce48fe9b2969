"""What a brain can do wrong. Messages are ours: never a vendor's text, never a key.

BrainError               provider_error        502  retryable
 + BrainMisconfigured    provider_config       502  key, model or permission; one call, no retry
 + BrainQuotaExceeded    provider_quota        502  the account's quota is used up
 + ContextTooLong        context_too_long      502  the prompt does not fit the model
 + BrainUnavailable   a  provider_error        502  retryable: network, 5xx
   + BrainInterrupted a  provider_interrupted  502  retryable: the stream broke, or ended without its end
   + BrainBusy        a  provider_busy         503  retryable: rate limit or overload; may say after how long
   + BrainGarbled        provider_error        502  retryable: nonsense in place of a stream
   + BrainEmpty          empty_reply           502  retryable: a regular end without any text
   + BrainTimeout        provider_timeout      504  retryable: a deadline of ours passed

`retryable` is for the client. Before the first delta the same brain is asked again at once for those marked a
(brains.retries), and then each of them lets a fallback try, but ContextTooLong, which the next would say too.
A leaf beside problems: no Django, no SDK. `where` is for errors of any kind.
"""

from __future__ import annotations

import traceback

from problems import Problem

FRAMES = 15
"""Of a traceback, the innermost."""


def where(error: BaseException) -> str:
    """What broke and where, for a log: without its message, which may hold what was said."""
    return f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__)[-FRAMES:])}"


class BrainError(Problem):
    code = "provider_error"
    status = 502
    retryable = True
    default_message = "The coach's brain cannot be reached just now; try again."


class BrainMisconfigured(BrainError):
    code = "provider_config"
    retryable = False
    default_message = (
        "The coach's brain is not set up correctly; the operator must look at its key, model or permissions."
    )


class BrainQuotaExceeded(BrainError):
    code = "provider_quota"
    retryable = False
    default_message = "The quota of the coach's brain is used up; the operator must look at the account."


class ContextTooLong(BrainError):
    code = "context_too_long"
    retryable = False
    default_message = "The message and its history are too long for the coach's brain."


class BrainUnavailable(BrainError):
    """`wait`: after how many seconds the vendor wants to be asked again; None where it did not say."""

    def __init__(self, message: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(message, retry_after=retry_after)
        self.wait = retry_after


class BrainInterrupted(BrainUnavailable):
    code = "provider_interrupted"
    default_message = "The reply was cut off; what was said is kept."


class BrainGarbled(BrainUnavailable):
    """What came is no reply and would hardly be one the next time. For the client it is like its parent."""


class BrainEmpty(BrainUnavailable):
    code = "empty_reply"
    default_message = "The coach's brain had nothing to say; try again."


class BrainBusy(BrainUnavailable):
    code = "provider_busy"
    status = 503
    default_message = "The coach's brain is busy; try again in a moment."
    default_retry_after = 5


class BrainTimeout(BrainUnavailable):
    code = "provider_timeout"
    status = 504
    default_message = "The coach's brain took too long; try again."
