"""What the server counts of itself, in Prometheus's form: https://prometheus.io/docs/concepts/data_model/

Counted once a request, a statement or a turn, never once a word. A label names a thing of which there are few (a brain, a
path's template, a code), never a user, a session or a text.
"""

from __future__ import annotations

import fcntl
from decimal import Decimal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from gauges import folder

OWN = CollectorRegistry()
"""Those of this process."""

SOON = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LATER = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300)
"""Bounds of buckets, s."""

# --- turns ------------------------------------------------------------------------------------------------------------
TURNS = Counter("coach_turns", "Turns that have ended.", ("brain", "model", "status", "fallback"), registry=OWN)
TURN_SECONDS = Histogram(
    "coach_turn_seconds", "From a turn's beginning to its end.", ("brain", "model"), buckets=LATER, registry=OWN
)
FIRST_TOKEN_SECONDS = Histogram(
    "coach_turn_first_token_seconds",
    "From a turn's beginning to its first word.",
    ("brain", "model"),
    buckets=(0.05, *LATER),
    registry=OWN,
)
TURN_ERRORS = Counter(
    "coach_turn_errors", "Turns that ended with an error, by its code.", ("brain", "code"), registry=OWN
)
ORPHANS = Counter("coach_turns_orphaned", "Turns closed whose worker was gone.", registry=OWN)
TOKENS = Counter(
    "coach_tokens",
    "Tokens as vendors count them; `input` includes those that their caches read (cache_read) and keep (cache_write).",
    ("brain", "model", "kind"),
    registry=OWN,
)
COST = Counter("coach_cost_usd", "What turns cost whose price is known, USD.", ("brain", "model"), registry=OWN)
FINDINGS = Counter(
    "coach_safety_findings",
    "Red flags found, by rule: in a user's message or in a reply.",
    ("rule", "place"),
    registry=OWN,
)
BRAIN_FAILURES = Counter(
    "coach_brain_failures",
    "Times that a brain failed a turn, also where another stood in.",
    ("brain", "code"),
    registry=OWN,
)

# --- requests ---------------------------------------------------------------------------------------------------------
REQUESTS = Counter(
    "coach_requests", "Requests by path template and class of status.", ("method", "route", "status"), registry=OWN
)
REQUEST_SECONDS = Histogram(
    "coach_request_seconds",
    "From a request to the beginning of its answer: of a stream, too.",
    ("method", "route"),
    buckets=SOON,
    registry=OWN,
)
PROBLEMS = Counter("coach_problems", "Errors told instead of an answer, by code.", ("code",), registry=OWN)

# --- the database -----------------------------------------------------------------------------------------------------
POOL_WAIT_SECONDS = Histogram(
    "coach_pool_wait_seconds", "Waited for a connection of the turns' pool.", buckets=(0.001, *SOON), registry=OWN
)
POOL_WAITS = Counter(
    "coach_pool_waits", "Requests for a connection that found none free, by pool: turns, orm.", ("pool",), registry=OWN
)
POOL_REFUSALS = Counter(
    "coach_pool_refusals", "Requests for a connection that got none in time, by pool.", ("pool",), registry=OWN
)
SLOW_STATEMENTS = Counter(
    "coach_slow_statements", "Statements that took longer than COACH_SLOW_QUERY, by name.", ("statement",), registry=OWN
)


# --- now --------------------------------------------------------------------------------------------------------------
def _now(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(name, text, labels, registry=OWN, multiprocess_mode="livesum")


WORKERS = _now("coach_workers", "Workers of this server.")
RUNNING = _now("coach_turns_running", "Turns that run now.")
STREAMS = _now("coach_streams_open", "Event streams that are read now.")
POOL_MOST = _now("coach_pool_size", "Connections that the workers' pools may have.", "pool")
POOL_OPEN = _now("coach_pool_connections", "Connections that they have.", "pool")
POOL_USED = _now("coach_pool_in_use", "Connections that are in use.", "pool")
POOL_WAITING = _now("coach_pool_waiting", "Requests that wait for a connection.", "pool")
BREAKERS = _now("coach_breakers", "Workers by the state of a brain's breaker.", "brain", "state")
LAG_SECONDS = Histogram(
    "coach_loop_lag_seconds", "How late a worker's event loop is.", buckets=(0.001, *SOON), registry=OWN
)


def turn_ended(
    brain: str, model: str, status: str, code: str, *, fallback: bool, seconds: float, first: float | None
) -> None:
    """`code`: of the error that it ended with, empty without one. `seconds` and `first` (the first word's) from its beginning."""
    TURNS.labels(brain, model, status, "yes" if fallback else "no").inc()
    TURN_SECONDS.labels(brain, model).observe(seconds)
    if first is not None:
        FIRST_TOKEN_SECONDS.labels(brain, model).observe(first)
    if code:
        TURN_ERRORS.labels(brain, code).inc()


def spent(brain: str, model: str, tokens: dict[str, int], cost: Decimal | None) -> None:
    """`tokens` by kind: input, output, cache_read, cache_write."""
    for kind, number in tokens.items():
        if number:
            TOKENS.labels(brain, model, kind).inc(number)
    if cost:
        COST.labels(brain, model).inc(float(cost))


def scraped(*besides: Collector) -> bytes:
    """What all workers of this server have counted, as text, and what `besides` tell."""
    shown = CollectorRegistry()
    for one in besides:
        shown.register(one)
    where = folder.path()
    if where is None:
        return generate_latest(OWN) + generate_latest(shown)
    MultiProcessCollector(shown, str(where))
    with folder.held(where, fcntl.LOCK_SH):
        return generate_latest(shown)
