"""The vendor's SDK by itself, as its documentation shows it, without any server: prints its own CPU seconds.

`python -m benchmarks.alone claude|responses|chat URL STREAMS MESSAGE RAMP`
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

import anthropic
import openai
import uvloop


class Alone:
    """Both SDKs. Each method reads a reply to its end and gives the number of its deltas."""

    def __init__(self, url: str) -> None:
        self._anthropic = anthropic.AsyncAnthropic(api_key="k", base_url=url)
        self._openai = openai.AsyncOpenAI(api_key="k", base_url=f"{url}/v1")

    async def claude(self, message: str) -> int:
        count = 0
        async with self._anthropic.messages.stream(
            model="stub", max_tokens=1024, messages=[{"role": "user", "content": message}]
        ) as stream:
            async for _ in stream.text_stream:
                count += 1
        return count

    async def responses(self, message: str) -> int:
        count = 0
        async for event in await self._openai.responses.create(model="stub", input=message, stream=True):
            count += event.type == "response.output_text.delta"
        return count

    async def chat(self, message: str) -> int:
        count = 0
        async for chunk in await self._openai.chat.completions.create(
            model="stub", messages=[{"role": "user", "content": message}], stream=True
        ):
            count += bool(chunk.choices and chunk.choices[0].delta.content)
        return count


async def main(kind: str, url: str, streams: int, message: str, ramp: float) -> None:
    alone = Alone(url)
    readers: dict[str, Callable[[str], Awaitable[int]]] = {
        "claude": alone.claude,
        "responses": alone.responses,
        "chat": alone.chat,
    }

    async def one(delay: float) -> int:
        await asyncio.sleep(delay)
        return await readers[kind](message)

    await one(0)  # imports and types that are built at first use
    begun = time.process_time()
    counts = await asyncio.gather(*(one(ramp * number / streams) for number in range(streams)))
    print(time.process_time() - begun, sum(counts))  # noqa: T201


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], float(sys.argv[5])))
