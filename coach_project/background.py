"""The worker of background tasks beside a server: started with it, started anew where it dies, ended with it.

`python -m coach_project.background PID` keeps a worker running until it is told to stop, or the process that started it is gone.
It knows neither Django nor the database, so that it does not fail with them. In production the worker may run on its own, by
`manage.py procrastinate worker`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from types import FrameType
from typing import TypeAlias

from coach_project.launch import BASE_DIR

logger = logging.getLogger(__name__)

WORKER = (sys.executable, "-m", "coach_project.background", "work")
"""And the pid of the process that keeps it."""

NICE = 10
"""Turns come first."""

LOOK = 0.5
"""s between two looks at whether the parent lives."""

PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""s before a worker that died is started anew, doubled each time; one that has lived for longer than the longest begins anew."""

PATIENCE = 10.0
"""s that a worker has for its end."""


Beside: TypeAlias = "subprocess.Popen[bytes]"

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def start() -> Beside:
    """Beside this process."""
    environment = {name: value for name, value in os.environ.items() if name != "COACH_SERVING"}
    return subprocess.Popen(  # noqa: S603 — our own words
        [sys.executable, "-m", "coach_project.background", str(os.getpid())], cwd=BASE_DIR, env=environment
    )


def stop(beside: Beside) -> None:
    """End it, and wait until it is gone."""
    beside.terminate()
    try:
        beside.wait(PATIENCE + 2)
    except subprocess.TimeoutExpired:
        beside.kill()
        beside.wait()


class Stopped(Exception):
    """A signal says so."""


def main(parent: int) -> None:
    os.nice(NICE)
    for number in STOPPING:
        signal.signal(number, _stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    pause = PAUSE
    try:
        while os.getppid() == parent:
            lived = _live_with(parent)
            pause = PAUSE if lived > LONGEST_PAUSE else min(pause * 2, LONGEST_PAUSE)
            until = time.monotonic() + pause
            while os.getppid() == parent and time.monotonic() < until:
                time.sleep(LOOK)
    except Stopped:
        return


def _live_with(parent: int) -> float:
    """Run one worker, until it ends by itself or the parent is gone; how long it lived (s)."""
    began = time.monotonic()
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)  # none between the start and the try that ends it
    worker = subprocess.Popen([*WORKER, str(os.getpid())], cwd=BASE_DIR)  # noqa: S603 — our own words
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        while os.getppid() == parent:
            try:
                worker.wait(LOOK)
            except subprocess.TimeoutExpired:
                continue
            break
        return time.monotonic() - began
    finally:
        _end(worker)


def _end(worker: Beside) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)  # a second one must not cut this short
    try:
        worker.terminate()
        try:
            worker.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped


def work(keeper: int) -> None:
    """Be a worker. What ends it but a signal is said in one line, without the words of an error that may hold a user's."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)  # held back where it was started
    threading.Thread(target=_leave_with, args=(keeper,), daemon=True).start()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coach_project.settings")
    import django  # noqa: PLC0415 — the process that keeps this one knows nothing of it

    django.setup()
    from procrastinate.contrib.django import app  # noqa: PLC0415 — Django has to be set up first
    from procrastinate.contrib.django.django_connector import DjangoConnector  # noqa: PLC0415

    from memory import tasks  # noqa: PLC0415

    async def serve() -> None:
        async with app.open_async():
            await app.run_worker_async()

    try:
        tasks.wake()  # what ended while there was no worker
        with app.replace_connector(DjangoConnector().get_worker_connector()):
            asyncio.run(serve())
    except Exception as error:  # noqa: BLE001 — the last place to hear of it
        logger.error("the worker of background tasks ended: %s", type(error).__name__)
        sys.exit(1)


def _leave_with(keeper: int) -> None:
    """A keeper that was killed outright has ended nobody, and the next one would start a second worker."""
    while os.getppid() == keeper:
        time.sleep(LOOK)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    work(int(sys.argv[2])) if sys.argv[1] == "work" else main(int(sys.argv[1]))
