"""OpenAI, by its SDK: the Responses API, or Chat Completions for the many servers that speak it, streamed.

As in brains.claude, the SDK sends and tells errors, and the stream's bytes are read here.
"""

from __future__ import annotations

import hashlib
import importlib.abc
import importlib.util
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, Literal, TypeAlias, get_args

import openai
from openai import Omit, omit
from openai.types.chat import ChatCompletionMessageParam
from openai.types.responses import EasyInputMessageParam, ResponseTextConfigParam
from openai.types.shared import ChatModel
from openai.types.shared_params import Reasoning, ResponseFormatJSONSchema

from brains import connection
from brains.errors import BrainError, BrainInterrupted
from brains.openai_replies import REFUSALS, ChatReply, Reply, ResponsesReply, meaning
from brains.options import Options
from brains.types import BrainEvent, Line, Prompt, Stop, TextDelta

Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]

# The least reasoning that a model takes, for that is what keeps the first token early (OpenAI's "Reasoning" guide and model
# pages, November 2026). The first that matches counts; what is not here is sent no effort.
EFFORTS: Final[tuple[tuple[str, Effort], ...]] = (
    (r"gpt-6-(luna|sol)", "none"),
    (r"gpt-5\.[12456](-(sol|terra|luna|mini|nano))?", "none"),
    (r"gpt-6.*", "low"),
    (r"gpt-5(-mini|-nano)?", "minimal"),
    (r"o1|o3(-mini)?|o4-mini", "low"),
)


class OpenAIBrain:
    """OPTIONS: model, api_key, base_url, api (`responses` or `chat`), connect_timeout (s), output_tokens, effort.

    `effort` is chosen by the model where it is not given; `default` sends none.
    """

    def __init__(self, alias: str, options: Mapping[str, object]) -> None:
        read = Options(alias, options)
        self.alias = alias
        self.model = read.required("model")
        self._own = self.model in get_args(ChatModel)  # a model of OpenAI itself, not one of a compatible server
        self._chat = read.one_of("api", ("responses", "chat"), "responses") == "chat"
        self._effort = _effort(read.one_of("effort", (*get_args(Effort), "default"), _least_effort(self.model)))
        self._output_tokens = int(read.number("output_tokens", 4096, least=1))
        self._client = openai.AsyncOpenAI(
            api_key=read.required("api_key"),
            base_url=read.url("base_url"),
            max_retries=0,
            http_client=openai.DefaultAioHttpClient(
                timeout=connection.timeouts(read.number("connect_timeout", 5, least=0.01)),
                limits=connection.LIMITS,
                follow_redirects=False,
            ),
        )
        read.finish()
        # The SDK imports these at first sight, 0.1 s: here in the thread that builds brains, not on the loop in a turn.
        self._responses = self._client.responses.with_streaming_response
        self._completions = self._client.chat.completions.with_streaming_response
        self._models = self._client.models.with_raw_response

    async def think(self, prompt: Prompt) -> AsyncGenerator[BrainEvent, None]:
        reply: Reply = ChatReply() if self._chat else ResponsesReply()
        reader = connection.Reader(reply)
        try:
            async with connection.answered(self._asked(prompt)) as body:
                async for chunk in body:
                    if text := reader.read(chunk):
                        yield TextDelta(text)
                    if reader.over:
                        await reader.finish(body)
                        break
        except (openai.OpenAIError, *connection.FAILURES) as error:
            if isinstance(error, openai.APIError) and error.code in REFUSALS:
                reply.refuse()
            elif not reply.finished:
                raise _translated(error, reply.said) from error
        if reply.stop is None:
            raise BrainInterrupted
        if reply.usage:
            yield reply.usage
        yield Stop(reply.stop)

    async def probe(self) -> None:
        try:
            if self._own:
                await self._models.retrieve(self.model)
            else:
                await self._models.list()
        except (openai.OpenAIError, *connection.FAILURES) as error:
            # A compatible server need not have a list of models; that it answers is what it can show.
            if self._own or not isinstance(error, openai.NotFoundError):
                raise _translated(error, said=False) from error

    async def close(self) -> None:
        await self._client.close()

    def deprecation(self) -> str | None:
        end = deprecated_models().get(self.model)
        return end and f"OpenAI's SDK calls {self.model} deprecated: {end}"

    def _asked(self, prompt: Prompt) -> AbstractAsyncContextManager[connection.Streamed]:
        if self._chat:
            limit = self._output_tokens
            return self._completions.create(
                model=self.model,
                messages=_messages(prompt),
                # OpenAI's reasoning models take the one name alone, many compatible servers the other.
                max_completion_tokens=limit if self._own else omit,
                max_tokens=omit if self._own else limit,
                reasoning_effort=self._effort,
                response_format=_chat_format(prompt.schema),
                stream=True,
                stream_options={"include_usage": True},
            )
        reasoning: Reasoning | Omit = omit if isinstance(self._effort, Omit) else {"effort": self._effort}
        return self._responses.create(
            model=self.model,
            instructions="\n\n".join(prompt.system) or omit,
            input=[_input(line) for line in prompt.lines],
            max_output_tokens=self._output_tokens,
            reasoning=reasoning,
            text=_format(prompt.schema),
            prompt_cache_key=_cache_key(prompt) if self._own else omit,
            store=False,
            stream=True,
        )


def deprecated_models() -> dict[str, str]:
    """What the SDK says against models, by id. It says so in a text below a list, which no object carries."""
    name = "openai.types.shared.chat_model"
    spec = importlib.util.find_spec(name)
    source = spec.loader.get_source(name) if spec and isinstance(spec.loader, importlib.abc.InspectLoader) else None
    _, _, notes = (source or "").partition("Deprecated values:")
    found: dict[str, str] = {}
    for note in re.split(r"\n- ", notes)[1:]:
        names, _, words = " ".join(note.split()).partition('": ')
        sentence = words.partition(". ")[0].rstrip(' ."') + "."
        found.update(dict.fromkeys(re.findall(r'"([^"]+)"', names + '"'), sentence))
    return found


def _least_effort(model: str) -> str:
    plain = re.sub(r"-20\d\d-\d\d-\d\d\Z", "", model)
    return next((effort for pattern, effort in EFFORTS if re.fullmatch(pattern, plain)), "default")


def _effort(level: str) -> Effort | Omit:
    match level:
        case "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max":
            return level
    return omit


def _format(schema: Mapping[str, object] | None) -> ResponseTextConfigParam | Omit:
    """Structured outputs, as the Responses API names them."""
    if schema is None:
        return omit
    return {"format": {"type": "json_schema", "name": "reply", "schema": dict(schema), "strict": True}}


def _chat_format(schema: Mapping[str, object] | None) -> ResponseFormatJSONSchema | Omit:
    """The same for Chat Completions."""
    if schema is None:
        return omit
    return {"type": "json_schema", "json_schema": {"name": "reply", "schema": dict(schema), "strict": True}}


def _input(line: Line) -> EasyInputMessageParam:
    return {"role": line.role, "content": line.whole}


def _messages(prompt: Prompt) -> list[ChatCompletionMessageParam]:
    messages: list[ChatCompletionMessageParam] = []
    if prompt.system:
        messages.append({"role": "system", "content": "\n\n".join(prompt.system)})
    for line in prompt.lines:
        match line.role:
            case "user":
                messages.append({"role": "user", "content": line.whole})
            case "assistant":
                messages.append({"role": "assistant", "content": line.whole})
    return messages


def _cache_key(prompt: Prompt) -> str:
    """The same for the turns of a session, so that the vendor sends them where their beginning is cached."""
    begin = "\0".join((*prompt.system[:1], prompt.lines[0].text))
    return hashlib.blake2b(begin.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _translated(error: BaseException, said: bool) -> BrainError:
    match error:
        case openai.APIStatusError(status_code=status):
            return meaning(status, error.code, error.message, error.response.headers)
    return connection.by_failure(error, said)
