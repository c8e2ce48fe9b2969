"""The way to a vendor and back: HTTP client settings, a streamed answer's events, and what its failures mean.

Shared by the brains whose SDKs stand on httpx2 over aiohttp. Nothing here knows an SDK.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, cast

import aiohttp
import httpx2
import jiter
from aiohttp.http_exceptions import HttpProcessingError

from brains.errors import (
    BrainBusy,
    BrainError,
    BrainGarbled,
    BrainInterrupted,
    BrainMisconfigured,
    BrainQuotaExceeded,
    BrainTimeout,
    BrainUnavailable,
    ContextTooLong,
)
from brains.wire import BrokenStream, Decoder, Event

FAILURES = (httpx2.HTTPError, httpx2.StreamError, aiohttp.ClientError, HttpProcessingError, OSError, EOFError)
"""What the HTTP libraries raise, some of it past the SDKs: a connection cut in mid-stream arrives raw."""

LIMITS = httpx2.Limits(max_connections=100_000, max_keepalive_connections=1_000, keepalive_expiry=30)
"""Each running turn holds a connection of its own; how many there are is for the server to bound, not for this pool."""

ASKED = httpx2.Request("POST", "http://vendor.invalid")
"""Stands for requests that were answered."""

DRAIN_PATIENCE = 0.2
"""s; a connection is not worth more."""

LONGEST_WAIT = 3_600
"""s; whoever is asked to wait longer is told this much."""


def timeouts(connect: float) -> httpx2.Timeout:
    """Seconds to connect. Reading has none here: pings would keep it from firing, so the deadlines count deltas.

    aiohttp takes `connect` for the socket alone and `pool` for all up to a usable connection, names and TLS too.
    """
    return httpx2.Timeout(None, connect=connect, pool=connect)


class ErrorEvent(Exception):
    """A vendor told of an error within a stream. Holds a word of a known list, never the vendor's sentence."""


class Streamed(Protocol):
    """What both SDKs call a raw streaming response, as far as it is used here."""

    @property
    def http_response(self) -> httpx2.Response: ...


@asynccontextmanager
async def answered(asking: AbstractAsyncContextManager[Streamed]) -> AsyncIterator[AsyncIterator[bytes]]:
    """The body of the vendor's answer as it comes; the answer is closed in the end. Raises BrainGarbled for no event stream.

    The SDK's response and the request, with the whole prompt in it, are let go: they would be held as long as a reply is said.
    """
    response = (await asking.__aenter__()).http_response
    del asking
    response.request = ASKED
    try:
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "text/event-stream":
            raise BrainGarbled from BrokenStream(f"An answer of type {kind[:40]!r} in place of an event stream.")
        # What is not compressed is taken without the detour over decoders.
        stream = cast(httpx2.AsyncByteStream, response.stream)
        body = response.aiter_bytes() if "content-encoding" in response.headers else aiter(stream)
        async with aclosing(cast(AsyncGenerator[bytes, None], body)) as chunks:
            yield chunks
    finally:
        await response.aclose()


class Reading(Protocol):
    """What makes text of a vendor's events."""

    @property
    def ended(self) -> bool:
        """Whether all has been told."""
        ...

    def take(self, event: Event) -> str:
        """The text of an event, empty for most kinds. Raises a BrainError for an event that tells of one."""
        ...


class Reader:
    """Makes text of an answer's bytes; what comes together is one text. `over`: nothing more is to be read."""

    __slots__ = ("_decoder", "_failure", "_reading", "over")

    def __init__(self, reading: Reading) -> None:
        self._decoder = Decoder()
        self._reading = reading
        self._failure: BrainError | None = None
        self.over = False

    def read(self, chunk: bytes) -> str:
        """The text in it. What fails, fails in `finish`: text that came before counts."""
        text = ""
        try:
            for event in self._decoder.feed(chunk):
                text += self._reading.take(event)
        except BrokenStream as error:
            self._failure = BrainGarbled()
            self._failure.__cause__ = error
        except BrainError as error:
            self._failure = error
        self.over = self._failure is not None or self._reading.ended
        return text

    async def finish(self, body: AsyncIterator[bytes]) -> None:
        """Raise what failed; else read the answer to its end, which is at hand: then its connection can be used again."""
        if self._failure:
            raise self._failure
        with contextlib.suppress(*FAILURES):
            async with asyncio.timeout(DRAIN_PATIENCE):
                async for _ in body:
                    pass


def inner(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object within an object; empty where there is none."""
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def parsed(data: bytes) -> dict[str, Any]:
    """An event's data as a JSON object. Raises BrainGarbled for anything else, invalid UTF-8 too."""
    try:
        value = jiter.from_json(data)
    except ValueError:
        value = _parsed_patiently(data)
    if not isinstance(value, dict):
        raise BrainGarbled from BrokenStream("An event that is no JSON object.")
    return value


def _parsed_patiently(data: bytes) -> object:
    """jiter takes no escaped half of a surrogate pair; some servers cut one in two, a half in each delta."""
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        # The parser's own message shows what it could not read.
        raise BrainGarbled from BrokenStream(f"An event that is no JSON: {type(error).__name__}.")


def retry_after(headers: Mapping[str, str]) -> int | None:
    """Seconds of a Retry-After header: a number, or an HTTP date (RFC 9110, section 10.2.3); None where there is no use in it."""
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value) if value[:1].isdigit() else parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return math.ceil(min(seconds, LONGEST_WAIT)) if seconds >= 0 else None


def by_status(status: int, headers: Mapping[str, str]) -> BrainError:
    """What an HTTP status means where the vendor's own words say nothing more exact."""
    if status == 402:
        return BrainQuotaExceeded()
    if status == 413:
        return ContextTooLong()
    if status in (429, 503, 529):
        return BrainBusy(retry_after=retry_after(headers))
    if 400 <= status < 500 and status not in (408, 409, 425, 499):
        return BrainMisconfigured()
    if 300 <= status < 400:
        return BrainGarbled()
    return BrainUnavailable(retry_after=retry_after(headers))


def by_failure(error: BaseException, said: bool) -> BrainError:
    """What a broken connection means. `said`: whether a part of the reply had come."""
    if _ran_out_of_time(error):
        return BrainTimeout()
    return BrainInterrupted() if said else BrainUnavailable()


def _ran_out_of_time(error: BaseException | None) -> bool:
    """Look for the first cause: the transports give some resets the name of a timeout."""
    causes = []
    while error is not None:
        causes.append(error)
        error = error.__cause__
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return True
    return isinstance(causes[-1], httpx2.TimeoutException)
