"""The server as one process, or as several that share a port.

What lives here: a process's start and end, and the supervision of several. What does not: what a server does
(server.py). Modules are loaded late: a command that only shows its help, and the supervisor itself, need none of them.
"""

import asyncio
import gc
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from interlock.settings import Settings

OnReady = Callable[[], None]

RESTART_SECONDS = 1.0
"""How long to wait before a worker that died is replaced: one that can't start must not keep the machine busy."""

POLL_SECONDS = 0.2
"""How soon a worker's end, or a stop, is noticed."""

STOP_SECONDS = 30.0
"""How long workers may take to finish what is under way when told to stop."""


def run_one(settings: Settings, listener: socket.socket, on_ready: OnReady) -> None:
    """Serve in this process until SIGTERM or SIGINT."""
    # What is loaded now stays until the end: collecting garbage among it would cost a tenth of the start, and then a
    # little with every collection.
    gc.disable()
    from interlock.logs import configure_logs
    from interlock.server import outlive_signals, serve

    gc.freeze()
    gc.enable()
    configure_logs(settings.log_level)
    outlive_signals()
    with asyncio.Runner(loop_factory=_event_loop) as runner:
        runner.run(serve(settings, listener, on_ready))


def _event_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


def run_workers(settings: Settings, listener: socket.socket, on_ready: OnReady) -> None:
    """Serve in as many processes as the settings say, each replaced when it dies, until SIGTERM or SIGINT.

    The database is opened first, so that what is wrong with it is told once. `on_ready` is called when all serve.
    """
    from interlock.logs import configure_logs
    from interlock.server import prepare_database

    configure_logs(settings.log_level)
    asyncio.run(prepare_database(settings))
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    context = multiprocessing.get_context("spawn")
    ready = context.Semaphore(0)
    make = partial(context.Process, target=_work, args=(settings, listener, ready), name="interlock-worker")
    keepers = [threading.Thread(target=_keep, args=(make, stopping)) for _ in range(settings.workers)]
    for keeper in keepers:
        keeper.start()
    if all(_come(ready, stopping) for _ in keepers):
        on_ready()
    # A signal that comes just before a wait does not end it.
    while not stopping.wait(POLL_SECONDS):
        pass
    for keeper in keepers:
        keeper.join()


def _come(ready: Any, stopping: threading.Event) -> bool:
    """Whether one more worker serves, unless the stop comes first."""
    while not stopping.is_set():
        if ready.acquire(timeout=POLL_SECONDS):
            return True
    return False


def _keep(make: Callable[[], Any], stopping: threading.Event) -> None:
    """Keep a worker running until the stop, and end it then."""
    import structlog

    log = structlog.get_logger("interlock.workers")
    while not stopping.is_set():
        worker = make()
        worker.start()
        while worker.is_alive() and not stopping.is_set():
            worker.join(POLL_SECONDS)
        if not stopping.is_set():
            log.error("worker died", pid=worker.pid, exit_code=worker.exitcode)
            stopping.wait(RESTART_SECONDS)
    worker.terminate()
    worker.join(STOP_SECONDS)
    worker.kill()


def _work(settings: Settings, listener: socket.socket, ready: Any) -> None:
    """What a worker does; it does not outlive its supervisor."""
    threading.Thread(target=_follow_supervisor, daemon=True).start()
    try:
        run_one(settings, listener, ready.release)
    except Exception as error:
        print(f"interlock: a worker could not go on: {error}", file=sys.stderr)
        sys.exit(1)


def _follow_supervisor() -> None:
    supervisor = multiprocessing.parent_process()
    assert supervisor is not None
    supervisor.join()
    os.kill(os.getpid(), signal.SIGTERM)
