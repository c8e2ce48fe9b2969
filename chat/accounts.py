"""A turn that has ended: counted, and told in one line of the log, by ids and figures, never by what was said."""

from __future__ import annotations

import logging

from brains.types import Usage
from chat.events import Ended, Failed
from chat.records import Kept
from gauges import marks, metrics, traces

logger = logging.getLogger(__name__)


def count(kept: Kept, ended: Ended, seconds: float, place: str) -> None:
    """`seconds` from its beginning to its end; `place` of its finding of safety, if it has one: message, reply."""
    code = ended.problem.code if isinstance(ended, Failed) else ""
    status = kept.status
    if code and not kept.error:  # it ended well, but could not be stored
        status = "interrupted" if kept.text else "failed"
    first = kept.seconds_to_first_token
    metrics.turn_ended(kept.brain, kept.model, status, code, fallback=kept.fallback, seconds=seconds, first=first)
    metrics.spent(kept.brain, kept.model, _tokens(kept.usage), kept.cost)
    if kept.safety:
        metrics.FINDINGS.labels(kept.safety, place).inc()
    traces.note(
        gen_ai__conversation__id=marks.session.get(),
        coach__turn__id=marks.turn.get(),
        coach__turn__status=status,
        coach__turn__fallback=kept.fallback,
        coach__turn__time_to_first_token=first,
        coach__brain=kept.brain,
        coach__safety__rule=kept.safety or None,
    )
    if code:
        traces.fail(code)
    if logger.isEnabledFor(logging.INFO):
        logger.info("turn %s", status, extra={"fields": _fields(kept, status, code, seconds)})


def _fields(kept: Kept, status: str, code: str, seconds: float) -> dict[str, object]:
    """Of its line; what is not known of it is left out."""
    first = kept.seconds_to_first_token
    fields = {
        "brain": kept.brain,
        "model": kept.model,
        "fallback": kept.fallback,
        "status": status,
        "error_code": code,
        "safety": kept.safety,
        "ms": round(seconds * 1000, 1),
        "first_token_ms": None if first is None else round(first * 1000, 1),
        **{f"{kind}_tokens": number for kind, number in _tokens(kept.usage).items()},
        "cost_usd": None if kept.cost is None else float(kept.cost),
    }
    return {name: value for name, value in fields.items() if value not in (None, "")}


def _tokens(usage: Usage | None) -> dict[str, int]:
    """By kind; none where nobody counted."""
    if usage is None:
        return {}
    return {
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cache_read": usage.cache_read_tokens,
        "cache_write": usage.cache_write_tokens,
    }
