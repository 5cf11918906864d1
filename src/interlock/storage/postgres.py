"""PostgreSQL: several servers on one database, each with a few connections.

What lives here: connections, transactions and what PostgreSQL's errors mean. What does not: the statements (ledger.py,
queries/).

Decisions are made in batches on connections of their own, the lanes; every other write has a transaction of its own,
and so has every read. Batches of several servers meet at row locks, which each takes in the same order.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import msgspec
import structlog
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from interlock.orchestration.commands import Command
from interlock.orchestration.facts import Chance
from interlock.orchestration.refusals import ConflictError, UnstorableError
from interlock.storage import ledger
from interlock.storage.lone import LoneCommands
from interlock.storage.migrations import is_due, upgrade_if_needed
from interlock.storage.postgres_signals import Signals
from interlock.storage.store import BatchItem, Durability, P, Query, SlowQueryError, StoreUnavailableError, T, Write

log = structlog.get_logger("interlock.storage")

LANES = 2
"""Batches that may be under way at once: while a large one waits for its commit, the next is decided. One more
connection of their kind is for the delivery of background task runs."""

CONNECT_SECONDS = 5.0
POOL_WAIT_SECONDS = 10.0
ATTEMPTS = 5
"""How often a transaction is tried that others got in the way of, before it counts as failed."""

MIGRATION_LOCK = 4_751_236_001
LEADER_LOCK = 4_751_236_002
"""Advisory locks, by numbers of our own choice: all servers on a database must agree on them."""

LEADER_POLL_SECONDS = 1.0
"""How often a server asks whether it is, or can be, the leader: a dead one is replaced within about that time."""

_SETTINGS = "SET random_page_cost = 1.1; SET plan_cache_mode = force_custom_plan;"
"""What is asked decides how much is found, so each question is planned for itself: a plan for any flow reads all runs,
which takes eight times as long as finding those of a flow with 5% of them. The disks are taken to be solid."""

_LANE_SETTINGS = (
    "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off;"
    "SET plan_cache_mode = force_generic_plan;"
)
"""All that a batch asks for, it finds by keys. Left to itself the planner takes a new table for a small one, and goes
on reading all of it until the statistics catch up. As there is but one way to find a key, each statement is planned
once: planning anew takes a quarter of what a lone write costs PostgreSQL."""

_UNAVAILABLE = ("08", "25006", "25P03", "53", "55P03", "57", "58", "XX")
"""Codes, or how they begin, that are not the statement's fault: no connection, a standby that takes no writes, a
transaction ended for idling, no room, a lock that was not to be had, shut down or timed out, a failing disk."""

_IN_THE_WAY = ("23", "40")
"""Codes of another transaction that was quicker, and of two that waited for each other."""

_UNSTORABLE = "22"


class _InTheWayError(Exception):
    """The transaction failed because of another one, or never began; trying again may help."""


class _LostError(StoreUnavailableError):
    """The connection broke. What was under way may have been committed or not."""


class _Lane(NamedTuple):
    """A connection, and the driver's own that it stands for: to ask it for that takes a twentieth of a lone write."""

    connection: AsyncConnection
    driver: Any


class PostgresStore:
    """A Store (see store.py) on a PostgreSQL database, which other servers may use too.

    `dsn` is a connection string as libpq has it. `connections` bounds the pool for reads and plain writes; the lanes
    and the leader's lock come on top of it. `statement_seconds` is how long a statement may take. `durability` "normal"
    may lose the last commits in a crash of the database, never consistency.
    """

    batches_writes = False
    lanes = LANES

    def __init__(
        self,
        dsn: str,
        *,
        clock: Callable[[], datetime],
        chance: Chance,
        durability: Durability = "full",
        slot_wait_seconds: int = 30,
        connections: int = 10,
        statement_seconds: float = 30.0,
    ) -> None:
        self.readers = connections
        self._dsn = dsn
        self._clock = clock
        self._chance = chance
        self._slot_wait_seconds = slot_wait_seconds
        self._statement_seconds = statement_seconds
        self._lone = LoneCommands(clock, chance, slot_wait_seconds)
        self._synchronous_commit = "on" if durability == "full" else "off"
        self._engine = self._create_engine(connections)
        self._lane_engine = self._create_engine(LANES + 1, _LANE_SETTINGS)
        self._idle_lanes: list[_Lane] = []
        self._signals = Signals(self._connect)

    def _create_engine(self, size: int, settings: str = _SETTINGS, *, limited: bool = True) -> AsyncEngine:
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=lambda: self._connect(settings, limited=limited),
            pool_size=size,
            max_overflow=0,
            pool_timeout=POOL_WAIT_SECONDS,
            pool_use_lifo=True,
            isolation_level="AUTOCOMMIT",
            json_serializer=lambda value: msgspec.json.encode(value).decode(),
            json_deserializer=msgspec.json.decode,
        )
        event.listen(engine.sync_engine, "checkout", _refuse_closed)
        return engine

    async def _connect(self, settings: str = "", *, limited: bool = True) -> Any:
        """A connection of the driver. Settings go by a statement: as parameters of the start, poolers refuse them."""
        try:
            connection = await asyncpg.connect(
                self._dsn,
                timeout=CONNECT_SECONDS,
                # The database ends a statement that takes too long; this is for one that can't tell any more.
                command_timeout=self._statement_seconds + CONNECT_SECONDS if limited else None,
                max_cached_statement_lifetime=0,
            )
        except Exception as error:
            raise StoreUnavailableError(str(error) or type(error).__name__) from error
        milliseconds = round(self._statement_seconds * 1000) if limited else 0
        await connection.execute(
            "SET application_name = 'interlock';"
            f"SET statement_timeout = {milliseconds}; SET lock_timeout = {milliseconds};"
            f"SET idle_in_transaction_session_timeout = {milliseconds};"
            "SET tcp_keepalives_idle = 2; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 3;"
            f"SET synchronous_commit = {self._synchronous_commit};" + settings
        )
        return connection

    async def start(self) -> None:
        if await self.read(is_due):
            await self.administer(upgrade_if_needed)

    async def close(self) -> None:
        for lane in self._idle_lanes:
            await lane.connection.close()
        await self._engine.dispose()
        await self._lane_engine.dispose()

    async def administer(self, function: Callable[[Connection], T]) -> T:
        engine = self._create_engine(1, limited=False)
        try:
            return await self._in_transaction(engine, _alone, function)
        finally:
            await engine.dispose()

    async def read(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._retried(lambda: self._read(query, *args, **kwargs), again=(_InTheWayError, _LostError))

    async def _read(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        async with self._connected(self._engine) as conn:
            if getattr(query, "is_one_statement", False):
                return await conn.run_sync(query, *args, **kwargs)
            return await _transaction(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", query, *args, **kwargs)

    async def commit(self, items: Sequence[BatchItem]) -> Sequence[Any]:
        commands = [x for x in items if not isinstance(x, Write)]
        decided = iter(await self._decide(commands) if commands else ())
        return [await _as_outcome(self._write(x)) if isinstance(x, Write) else next(decided) for x in items]

    async def _write(self, write: Write) -> Any:
        if write.is_one_change:
            return await self._retried(lambda: self._write_in_lane(write))
        return await self._retried(lambda: self._in_transaction(self._engine, write.function))

    async def _write_in_lane(self, write: Write) -> Any:
        with _translated_errors():
            async with self._lane() as conn:
                return await conn.run_sync(write.function)

    async def _in_lane(self, commands: Sequence[Command]) -> Sequence[Any]:
        with _translated_errors():
            async with self._lane() as conn:
                if len(commands) == 1:
                    outcome = await conn.run_sync(self._lone.carry_out, commands[0])
                    if outcome is not None:
                        return [outcome]
                return await _transaction(conn, "BEGIN", self._carry_out, commands)

    async def _decide(self, commands: Sequence[Command]) -> Sequence[Any]:
        try:
            return await self._retried(lambda: self._in_lane(commands))
        except StoreUnavailableError:
            raise
        except Exception as error:
            # One of the commands can't even be looked up or written down, which validation and facts should have found.
            # It must still fail alone, so find it by going one by one.
            if len(commands) == 1:
                return [error]
            return [(await self._decide([x]))[0] for x in commands]

    def _carry_out(self, conn: Connection, commands: Sequence[Command]) -> Sequence[Any]:
        self._lone.forget(commands)
        return ledger.carry_out(conn, commands, self._clock, self._chance, self._slot_wait_seconds)

    async def _in_transaction(self, engine: AsyncEngine, function: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        async with self._connected(engine) as conn:
            return await _transaction(conn, "BEGIN", function, *args, **kwargs)

    async def _retried(
        self, attempt: Callable[[], Awaitable[T]], again: tuple[type[Exception], ...] = (_InTheWayError,)
    ) -> T:
        for _ in range(ATTEMPTS - 1):
            with suppress(*again):
                return await attempt()
        try:
            return await attempt()
        except _InTheWayError as error:
            raise _final(error) from error

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        """A connection from the pool."""
        with _translated_errors():
            async with engine.connect() as conn:
                try:
                    yield conn
                except Exception as error:
                    if _is_gone(_cause(error)):
                        await conn.invalidate()
                    raise

    @asynccontextmanager
    async def _lane(self) -> AsyncIterator[AsyncConnection]:
        """A lane, which stays open from batch to batch: to take one from the pool costs as much as three statements."""
        lane = await self._idle_lane() or await self._new_lane()
        try:
            yield lane.connection
        except BaseException as error:
            if not isinstance(error, Exception):
                # Whoever gives up waiting must not wait for the database to agree.
                lane.driver.terminate()
            if _is_gone(_cause(error)):
                await lane.connection.invalidate()
            await lane.connection.close()
            raise
        self._idle_lanes.append(lane)

    async def _new_lane(self) -> _Lane:
        connection = await self._lane_engine.connect()
        return _Lane(connection, (await connection.get_raw_connection()).driver_connection)

    async def _idle_lane(self) -> _Lane | None:
        while self._idle_lanes:
            lane = self._idle_lanes.pop()
            if not lane.driver.is_closed():
                return lane
            await lane.connection.invalidate()
            await lane.connection.close()
        return None

    async def tell(self) -> None:
        await self._signals.tell()

    async def listen(self, hear: Callable[[], None]) -> None:
        await self._signals.listen(hear)

    async def lead(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await self._lead_once(work)
            except Exception as error:
                log.warning("leadership lost", reason=str(error) or type(error).__name__)
            await asyncio.sleep(LEADER_POLL_SECONDS)

    async def _lead_once(self, work: Callable[[], Awaitable[None]]) -> None:
        """Wait until this server can be the leader, and do the work for as long as it is. The lock goes with its
        connection."""
        connection = await self._connect()
        try:
            # To wait within the database would hold up its cleaning of old rows.
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LEADER_LOCK):  # noqa: ASYNC110
                await asyncio.sleep(LEADER_POLL_SECONDS)
            log.info("this server leads the background services")
            await _work_while(lambda: connection.fetchval("SELECT 1"), work)
        finally:
            connection.terminate()


async def _work_while(check: Callable[[], Awaitable[Any]], work: Callable[[], Awaitable[None]]) -> None:
    """Do the work until it ends or the check, which is made again and again, raises something."""
    working = asyncio.ensure_future(work())
    try:
        while not working.done():
            await asyncio.wait((working,), timeout=LEADER_POLL_SECONDS)
            await check()
        await working
    finally:
        working.cancel()
        await asyncio.wait((working,))


async def _transaction(
    conn: AsyncConnection, begin: str, function: Query[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """What the function returns, committed; nothing, where something is raised."""
    driver: Any = (await conn.get_raw_connection()).driver_connection
    try:
        await _begin(driver, begin)
        result = await conn.run_sync(function, *args, **kwargs)
        await driver.execute("COMMIT")
    except Exception:
        await _roll_back(driver)
        raise
    except BaseException:
        # Whoever gives up waiting must not wait for the database to agree.
        driver.terminate()
        raise
    return result


async def _begin(driver: Any, begin: str) -> None:
    try:
        await driver.execute(begin)
    except Exception as error:
        # The database had closed it before: nothing has begun.
        if driver.is_closed() and not isinstance(error, TimeoutError):
            raise _InTheWayError("08", str(error)) from error
        raise


async def _roll_back(driver: Any) -> None:
    try:
        if not driver.is_closed():
            await driver.execute("ROLLBACK", timeout=CONNECT_SECONDS)
    except Exception:
        driver.terminate()


async def _as_outcome(awaitable: Awaitable[Any]) -> Any:
    try:
        return await awaitable
    except Exception as error:
        return error


def _alone(conn: Connection, function: Callable[[Connection], T]) -> T:
    """What the function returns, while no other server is at the same."""
    conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
    return function(conn)


def _refuse_closed(connection: Any, _record: Any, _proxy: Any) -> None:
    """Have the pool open another one where the database has closed this one meanwhile."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _cause(error: BaseException) -> BaseException:
    """The driver's own error."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Errors of the database are raised as those of a Store."""
    try:
        yield
    except Exception as error:
        known = _translated(error)
        if known is None:
            raise
        raise known from error


def _translated(error: Exception) -> Exception | None:
    """What a Store raises for it; None for one that the database has no part in."""
    cause = _cause(error)
    code = getattr(cause, "sqlstate", None) or ""
    reason = str(cause) or type(cause).__name__
    if isinstance(cause, TimeoutError) or isinstance(error, PoolTimeoutError):
        return StoreUnavailableError(reason)
    if _is_gone(cause):
        return _LostError(reason)
    if isinstance(cause, asyncpg.QueryCanceledError):
        return SlowQueryError(reason)
    if code.startswith(_UNAVAILABLE):
        return StoreUnavailableError(reason)
    if code.startswith(_IN_THE_WAY) or isinstance(cause, asyncpg.InvalidCachedStatementError):
        return _InTheWayError(code, str(cause))
    if code.startswith(_UNSTORABLE) or _is_wrong_value(cause):
        return UnstorableError(str(cause))
    return None


def _is_gone(cause: BaseException) -> bool:
    """Whether the connection is of no more use."""
    if isinstance(cause, asyncpg.InterfaceError):
        return not _is_wrong_value(cause)
    code = getattr(cause, "sqlstate", None) or ""
    return isinstance(cause, OSError | TimeoutError | asyncpg.InternalClientError) or code.startswith(
        ("08", "25006", "25P03", "57P")
    )


def _is_wrong_value(cause: BaseException) -> bool:
    """Whether the driver can't hand a value to the database: a number too large for its column, say."""
    return isinstance(cause, asyncpg.InterfaceError) and isinstance(cause, ValueError)


def _final(error: _InTheWayError) -> Exception:
    """What another transaction in the way means, when trying again does not help."""
    code, message = error.args
    return ConflictError(message) if code.startswith("23") else StoreUnavailableError(message)
