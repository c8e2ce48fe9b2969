"""The least that a Python server can do for a streamed reply, to compare with: request in, vendor's stream out, no database.

An ASGI application for the same gunicorn worker and event loop as ours; aiohttp reads the vendor, each event is parsed once. It
checks nothing, stores nothing, and knows no failure. `RELAY_VENDOR` in the environment is the vendor's address.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp
import jiter

VENDOR = os.environ.get("RELAY_VENDOR", "")

_client: aiohttp.ClientSession | None = None


def client() -> aiohttp.ClientSession:
    """The one of this process; it belongs to its event loop."""
    global _client
    if _client is None:
        connector = aiohttp.TCPConnector(limit=0)
        _client = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))
    return _client


async def texts(message: str) -> AsyncIterator[str]:
    """The deltas of a reply."""
    body = {"model": "stub", "max_tokens": 1024, "stream": True, "messages": [{"role": "user", "content": message}]}
    async with client().post(f"{VENDOR}/v1/messages", json=body, headers={"x-api-key": "k"}) as answer:
        rest = b""
        async for data in answer.content.iter_any():
            *events, rest = (rest + data).split(b"\n\n")
            for event in events:
                parsed = jiter.from_json(event[event.index(b"data: ") + 6 :])
                if parsed["type"] == "content_block_delta":
                    yield parsed["delta"]["text"]


async def application(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """ASGI 3. Any path: `{"message"}` in, frames `{"token"}` and `{"done"}` out."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await client().close()
        await send({"type": "lifespan.shutdown.complete"})
        return
    asked, more = b"", True
    while more:
        message = await receive()
        asked += message.get("body", b"")
        more = message.get("more_body", False)
    headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if asked:
        async for text in texts(json.loads(asked)["message"]):
            frame = b'data: {"token": %s}\n\n' % json.dumps(text).encode()
            await send({"type": "http.response.body", "body": frame, "more_body": True})
    await send({"type": "http.response.body", "body": b'data: {"done": true}\n\n'})
