"""What happens before the first request and after the last."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from brains import prices, registry
from brains.router import Router
from chat import worker
from chat.context import Sources
from chat.turns import Limits
from coach_project import database_url, launch, postgres
from coach_project.doors import Receive, Send
from coach_project.sampling import Sampler
from gauges import slow, traces
from personas.catalog import DEFAULT
from problems import Problem

if TYPE_CHECKING:
    from gauges.otel import Sender

logger = logging.getLogger(__name__)


def conninfo(url: str) -> str:
    """The turns' way to a database, as libpq reads it; without a URL, to the embedded one."""
    return (database_url.parse_url(url) if url else postgres.address(settings.COACH_DATA)).conninfo()


def limits() -> Limits:
    """What one worker takes on."""
    if not settings.COACH_LIMITS:
        return Limits(output=settings.COACH_OUTPUT_LIMIT)
    return Limits(
        output=settings.COACH_OUTPUT_LIMIT,
        turns=settings.COACH_MAX_TURNS,
        turns_of_owner=settings.COACH_MAX_TURNS_PER_USER,
        budgets=True,
    )


async def lifespan(receive: Receive, send: Send) -> None:
    """The ASGI lifespan protocol."""
    await receive()
    if sentence := launch.refusal(
        settings.COACH_AUTH, (), ("DJANGO_SECRET_KEY",) if settings.SECRET_KEY_IS_MISSING else ()
    ):
        await send({"type": "lifespan.startup.failed", "message": sentence})
        return
    try:
        here = _worker()
        sender = _sender()
        await here.start()
    except ImproperlyConfigured as error:
        logger.critical("the server could not start: %s", error)
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    except Exception as error:  # a server that can't begin says why; gunicorn would go on without it
        logger.exception("the server could not start")
        await send({"type": "lifespan.startup.failed", "message": type(error).__name__})
        return
    worker.install(here)
    sampler = Sampler(here)
    sampler.start()
    warming = asyncio.create_task(_warm(here))
    await send({"type": "lifespan.startup.complete"})
    await receive()
    warming.cancel()
    sampler.stop()
    await here.stop(settings.COACH_DRAIN_TIMEOUT)
    worker.install(None)
    await registry.close()
    if sender:
        traces.begin_with(None)
        await asyncio.to_thread(sender.close)
    await send({"type": "lifespan.shutdown.complete"})


def _sender() -> Sender | None:
    """What sends spans, where traces are on; from now on they are told to it. Raises ImproperlyConfigured."""
    if not settings.COACH_TRACES:
        return None
    try:
        from gauges.otel import Sender  # noqa: PLC0415 — an extra, which a server without traces has no need of
    except ModuleNotFoundError as error:
        raise ImproperlyConfigured(
            f"Traces need what requirements-otel.txt installs ({error.name} is missing): install it, or set COACH_TRACES=off."
        ) from error
    sender = Sender(str(settings.SPECTACULAR_SETTINGS["VERSION"]))
    traces.begin_with(sender)
    return sender


def _worker() -> worker.Worker:
    """As the settings have it. Raises ImproperlyConfigured."""
    slow.tell_from(settings.COACH_SLOW_QUERY / 1000)
    prices.current()  # read now: a turn's end is no place to find out that the file is wrong
    return worker.Worker(
        conninfo=conninfo(settings.DATABASE_URL),
        direct=conninfo(settings.DATABASE_DIRECT_URL),
        pool_size=settings.COACH_TURN_POOL_SIZE,
        limits=limits(),
        router=Router(),
        context=Sources(settings.COACH_CONTEXT),
        default_brain=settings.COACH_BRAIN,
        gentle=(settings.COACH_SAFETY_PERSONA, DEFAULT),
        lease=settings.COACH_LEASE_TIMEOUT,
        keys_age=settings.COACH_IDEMPOTENCY_HOURS * 3600,
    )


async def _warm(here: worker.Worker) -> None:
    """Import the SDK of the brain in use now, which takes seconds, not at the first turn."""
    try:
        await registry.warm(await here.active_brain())
    except Problem as problem:
        logger.warning("the active brain is not ready: %s", problem.message)
    # What start-up has made lives as long as the process: a quarter of a million objects (the SDKs' types above all),
    # which the collector would walk again and again, with every stream standing still for a fifth of a second.
    # It also looks less often than it would: most of what is new lives as long as a stream.
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 10, 10)
