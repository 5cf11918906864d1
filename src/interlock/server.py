"""The composition root: settings to store to batcher to API, and the server around them.

What lives here: putting the parts together, and their start and end. What does not: any part's own work.
"""

import asyncio
import random
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import uuid_utils
import uvicorn
from starlette.types import ASGIApp

from interlock.api.app import create_app
from interlock.api.context import Context
from interlock.api.front import Crowded
from interlock.confirming_sockets import ConfirmingSocket
from interlock.connections import BoundedConnection, connections_allowed
from interlock.engine.batcher import Batcher
from interlock.engine.event_source import EventSource
from interlock.engine.log_source import LogSource
from interlock.engine.overload import Overload
from interlock.engine.reader import Reader
from interlock.engine.restraint import Restraint
from interlock.engine.services import Service, Tally, run_services
from interlock.engine.services.cache_expiry import CACHE_EXPIRY
from interlock.engine.services.cancellation_cleanup import cancellation_cleanup
from interlock.engine.services.event_retention import event_retention
from interlock.engine.services.expired_leases import EXPIRED_LEASES
from interlock.engine.services.foreman import UNSERVED_POOLS, silent_workers, unpolled_deployments, unpolled_queues
from interlock.engine.services.late_runs import late_runs
from interlock.engine.services.lost_workers import lost_servers, lost_workers
from interlock.engine.services.pause_expirations import pause_expirations
from interlock.engine.services.run_sums import RUN_SUMS
from interlock.engine.services.scheduler import scheduler
from interlock.engine.services.stuck_task_runs import stuck_task_runs
from interlock.engine.tail import Tail
from interlock.engine.task_queue import TaskQueue
from interlock.orchestration.facts import Chance
from interlock.settings import Settings
from interlock.storage.postgres import PostgresStore
from interlock.storage.queries import system_blocks
from interlock.storage.sqlite import SqliteStore
from interlock.storage.store import Store

SHUTDOWN_SECONDS = 10
"""How long requests under way may take when the server is told to stop."""

ACCEPTED_AT_ONCE = 16
"""How many handles of its socket the server listens on. libuv takes one connection from each, and then serves all that
are open, which can take seconds under a flood. Measured with 5,000 connections and ten times the load: who comes anew,
say a load balancer that asks whether the server lives, waited 11 s with one handle, 0.25 s with 8, 0.1 s with 32. Each
handle costs every new connection some 4 µs."""

TICKS_A_SECOND = 10
"""How often uvicorn has its server look around."""

KEEP_ALIVE_SECONDS = 75
"""Longer than clients keep idle connections, so that they are the ones to close them."""

EVENTS_EVERY_SECONDS = 0.05
LOGS_EVERY_SECONDS = 0.25
"""How often new events and log lines are looked for while somebody wants to hear of them. Events tell clients when a
run that they wait for has ended."""

LOG_TRIP_SECONDS = 5
"""How long a log line may take from its id to its commit, beside waiting for its turn; and how much the clocks of
servers may differ."""

PING_SECONDS = 20.0
"""How often the client of a websocket is asked whether it is still there, and how long it may take to say so."""


def utc_now() -> datetime:
    """The time, aware UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """A fresh UUID of version 7: ordered by time, so that indexes grow at one end."""
    return str(uuid_utils.uuid7())


CHANCE = Chance(new_id=new_id, random=random.random)


def create_store(settings: Settings, clock: Callable[[], datetime] = utc_now, chance: Chance = CHANCE) -> Store:
    """The store that the settings name."""
    if settings.is_postgres:
        return PostgresStore(
            settings.database_url,
            clock=clock,
            chance=chance,
            durability=settings.durability,
            slot_wait_seconds=settings.tag_slot_wait_seconds,
            connections=settings.database_connections,
            statement_seconds=settings.statement_seconds,
        )
    return SqliteStore(
        settings.sqlite_path,
        clock=clock,
        chance=chance,
        durability=settings.durability,
        slot_wait_seconds=settings.tag_slot_wait_seconds,
        statement_seconds=settings.statement_seconds,
    )


def background_services(settings: Settings) -> tuple[Service, ...]:
    """What the leader does in the background, without what is to be done never."""
    grace_seconds = settings.task_grace_seconds
    services = (
        scheduler(settings.horizon, settings.scheduler_recent_seconds, CHANCE),
        late_runs(settings.late_runs_after_seconds, settings.late_runs_loop_seconds),
        pause_expirations(settings.pause_expirations_loop_seconds),
        cancellation_cleanup(settings.cancellation_cleanup_loop_seconds),
        CACHE_EXPIRY,
        event_retention(settings.event_retention_days),
        EXPIRED_LEASES,
        RUN_SUMS,
        lost_servers(),
        lost_workers(grace_seconds),
        stuck_task_runs(settings.task_pending_seconds, grace_seconds),
        silent_workers(settings.worker_heartbeat_seconds, settings.worker_missed_heartbeats),
        UNSERVED_POOLS,
        unpolled_queues(settings.work_queue_poll_seconds),
        unpolled_deployments(settings.deployment_poll_seconds),
    )
    return tuple(x for x in services if x.every_seconds)


async def prepare_database(settings: Settings) -> None:
    """Open the database and bring its schema up to date; raises NewerDatabaseError, StoreUnavailableError."""
    store = create_store(settings)
    try:
        await store.start()
    finally:
        await store.close()


def create_context(store: Store, settings: Settings, clock: Callable[[], datetime], chance: Chance = CHANCE) -> Context:
    """What handlers work with, on an open store."""
    overload, patience = Overload(), settings.max_wait_seconds
    batcher = Batcher(store, overload, max_waiting=settings.max_waiting_writes, max_wait_seconds=patience)
    restraint = Restraint(lambda: batcher.is_pressed, overload.clock)
    reader = Reader(store, overload, restraint, max_waiting=settings.max_waiting_reads, max_wait_seconds=patience)
    return Context(
        batcher=batcher,
        store=reader,
        task_queue=TaskQueue(store, batcher, clock, chance.new_id),
        events=Tail(EventSource(reader, settings.statement_seconds), EVENTS_EVERY_SECONDS),
        logs=Tail(LogSource(reader, clock, patience + LOG_TRIP_SECONDS), LOGS_EVERY_SECONDS),
        overload=overload,
        services=Tally(),
        clock=clock,
        chance=chance,
        settings=settings,
    )


@asynccontextmanager
async def running_app(settings: Settings, clock: Callable[[], datetime] = utc_now) -> AsyncIterator[ASGIApp]:
    """The application over an open database; everything that it accepted is committed before this ends."""
    store = create_store(settings, clock)
    await store.start()
    context = create_context(store, settings, clock)
    batcher, task_queue, services = context.batcher, context.task_queue, background_services(settings)
    work = (
        asyncio.create_task(store.lead(lambda: run_services(services, batcher, clock, context.services))),
        asyncio.create_task(task_queue.run()),
    )
    try:
        # Clients look for these before they bring their own, and expect that nobody can delete them.
        await batcher.write(system_blocks.install, CHANCE.new_id, clock())
        yield create_app(context)
    finally:
        for task in work:
            task.cancel()
        await asyncio.wait(work)
        await task_queue.close()
        await batcher.drain()
        await store.close()


class AnnouncingServer(uvicorn.Server):
    """A server that tells when it accepts requests, and cuts the connections of clients that leave it waiting."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_A_SECOND == 0:
            for connection in tuple(self.server_state.connections):
                if isinstance(connection, BoundedConnection):
                    connection.cut_if_overdue()
        return await super().on_tick(counter)


def outlive_signals() -> None:
    """Let a signal that stops uvicorn leave the process running until the database is closed.

    uvicorn raises that signal once more when it is done, which without handlers of our own would end the process.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)


def http_server(app: ASGIApp, settings: Settings, on_ready: Callable[[], None]) -> AnnouncingServer:
    """The HTTP server around the application."""
    connection = partial(
        BoundedConnection,
        most=connections_allowed(settings.max_connections),
        patience=settings.client_seconds,
        crowded=Crowded(app, Overload()),
    )
    config = uvicorn.Config(
        app,
        http=connection,  # type: ignore[arg-type]
        ws=ConfirmingSocket,
        ws_max_size=settings.max_body_bytes,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        # What is read of a connection at once is taken apart at once: compressed, it could be a thousand times as much.
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    return AnnouncingServer(config, on_ready)


async def serve(settings: Settings, listener: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve on an open socket until SIGTERM or SIGINT; what was accepted by then is answered first."""
    async with running_app(settings) as app:
        listeners = [listener, *(listener.dup() for _ in range(ACCEPTED_AT_ONCE - 1))]
        await http_server(app, settings, on_ready).serve(sockets=listeners)
