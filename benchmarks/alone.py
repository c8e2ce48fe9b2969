"""The vendor's SDK by itself, as its documentation shows it, without any server: prints its own CPU seconds.

`python -m benchmarks.alone claude|openai URL STREAMS MESSAGE RAMP`
"""

from __future__ import annotations

import asyncio
import sys
import time

import anthropic
import openai
import uvloop


async def claude(client: anthropic.AsyncAnthropic, message: str) -> int:
    count = 0
    async with client.messages.stream(
        model="stub", max_tokens=1024, messages=[{"role": "user", "content": message}]
    ) as stream:
        async for _ in stream.text_stream:
            count += 1
    return count


async def chatgpt(client: openai.AsyncOpenAI, message: str) -> int:
    count = 0
    async for event in await client.responses.create(model="stub", input=message, stream=True):
        count += event.type == "response.output_text.delta"
    return count


async def main(kind: str, url: str, streams: int, message: str, ramp: float) -> None:
    theirs = anthropic.AsyncAnthropic(api_key="k", base_url=url)
    others = openai.AsyncOpenAI(api_key="k", base_url=f"{url}/v1")

    async def one(delay: float) -> int:
        await asyncio.sleep(delay)
        return await (claude(theirs, message) if kind == "claude" else chatgpt(others, message))

    await one(0)  # imports and types that are built at first use
    begun = time.process_time()
    counts = await asyncio.gather(*(one(ramp * number / streams) for number in range(streams)))
    print(time.process_time() - begun, sum(counts))  # noqa: T201


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], float(sys.argv[5])))
