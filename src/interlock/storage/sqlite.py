"""The embedded database: one SQLite file, one thread that writes batches, several that read beside it.

What lives here: connections, threads, transactions and pragmas. What does not: the statements (ledger.py, queries/).
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from interlock.orchestration.facts import Chance
from interlock.orchestration.refusals import ConflictError, UnstorableError
from interlock.storage import ledger
from interlock.storage.migrations import is_due, upgrade_if_needed
from interlock.storage.store import BatchItem, Durability, P, Query, SlowQueryError, StoreUnavailableError, T, Write

READERS = 4
BUSY_TIMEOUT_SECONDS = 5
PAGE_CACHE_KIB = 8_192
"""The page cache of each connection. Measured with 100,000 runs: more costs memory and saves little time, since the
operating system keeps the file's pages too; a mapped file would count as the server's own memory."""

LOG_BYTES_KEPT = 64 << 20

CHECKPOINT_SECONDS = 1.0
"""How often, while there are writes, a checkpoint runs beside the writer."""

WRITER_CHECKPOINT_PAGES = 8192
"""The length, in pages of 4 KiB, from which the writer itself finishes the checkpoint. Under lasting load the one
beside it never quite catches up, and only a log that is wholly moved is begun anew."""


STEPS_BETWEEN_LOOKS = 20_000
"""How many steps of SQLite's machine a query makes between two looks at the clock: about a millisecond's."""


class SqliteStore:
    """A Store (see store.py) on one SQLite file.

    `durability` "full" makes every commit survive a power cut; "normal" may lose the last commits in one, though never
    in a crash of the server, and never consistency. `statement_seconds` is how long a read may take.
    """

    batches_writes = True
    lanes = 1
    readers = READERS

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], datetime],
        chance: Chance,
        durability: Durability = "full",
        slot_wait_seconds: int = 30,
        statement_seconds: float = 30.0,
    ) -> None:
        self.path = path
        self._statement_seconds = statement_seconds
        self._clock = clock
        self._chance = chance
        self._slot_wait_seconds = slot_wait_seconds
        self._engine = create_sqlite_engine(path, durability)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._readers = ThreadPoolExecutor(READERS + 1, thread_name_prefix="sqlite-reader")
        self._checkpointer = ThreadPoolExecutor(1, thread_name_prefix="sqlite-checkpointer")
        self._checkpoint: Future[None] | None = None
        self._next_checkpoint = 0.0
        self._connections = _ThreadConnections(self._engine)

    async def start(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if await self.read(is_due):
            await self.administer(upgrade_if_needed)

    async def administer(self, function: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._administer, function)

    def _administer(self, function: Callable[[Connection], T]) -> T:
        with self._begun("BEGIN IMMEDIATE") as conn:
            return function(conn)

    async def tell(self) -> None:
        """There is nobody else."""

    async def listen(self, hear: Callable[[], None]) -> None:
        await asyncio.Event().wait()

    async def lead(self, work: Callable[[], Awaitable[None]]) -> None:
        await work()

    async def close(self) -> None:
        await asyncio.to_thread(self._shut_down)

    def _shut_down(self) -> None:
        self._writer.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        self._checkpointer.shutdown(wait=True)
        self._connections.close()
        self._engine.dispose()

    async def read(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._readers, lambda: self._read(query, *args, **kwargs)
        )

    def _read(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self._begun("BEGIN") as conn, _limited(conn, self._statement_seconds):
            return query(conn, *args, **kwargs)

    @contextmanager
    def _begun(self, begin: str) -> Iterator[Connection]:
        """This thread's connection in a transaction, which is committed unless something is raised."""
        try:
            with _translated_errors():
                conn = self._connections.of_this_thread()
                with _transaction(conn, begin):
                    yield conn
        except StoreUnavailableError:
            # Opened while the file could only be read, it would never write.
            self._connections.drop_of_this_thread()
            raise

    async def commit(self, items: Sequence[BatchItem]) -> Sequence[Any]:
        outcomes = await asyncio.get_running_loop().run_in_executor(self._writer, self._commit, items)
        self._checkpoint_if_due()
        return outcomes

    def _commit(self, items: Sequence[BatchItem]) -> Sequence[Any]:
        try:
            return self._commit_together(items)
        except StoreUnavailableError:
            raise
        except Exception as error:
            # One of the items can't even be looked up or written down, which validation and facts should have found.
            # It must still fail alone, so find it by going one by one.
            if len(items) == 1:
                return [error]
            return [self._commit([item])[0] for item in items]

    def _commit_together(self, items: Sequence[BatchItem]) -> Sequence[Any]:
        with self._begun("BEGIN IMMEDIATE") as conn:
            outcomes: dict[int, Any] = {i: _attempt(conn, x) for i, x in enumerate(items) if isinstance(x, Write)}
            commands = {i: x for i, x in enumerate(items) if not isinstance(x, Write)}
            if commands:
                decisions = ledger.carry_out(
                    conn, list(commands.values()), self._clock, self._chance, self._slot_wait_seconds
                )
                outcomes.update(zip(commands, decisions, strict=True))
        return [outcomes[i] for i in range(len(items))]

    def _checkpoint_if_due(self) -> None:
        """Move what the write-ahead log holds into the database file, beside the writer and not in its way."""
        now = time.monotonic()
        under_way = self._checkpoint is not None and not self._checkpoint.done()
        if not under_way and now >= self._next_checkpoint:
            self._next_checkpoint = now + CHECKPOINT_SECONDS
            self._checkpoint = self._checkpointer.submit(self._run_checkpoint)

    def _run_checkpoint(self) -> None:
        self._connections.of_this_thread().exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").all()


def _attempt(conn: Connection, write: Write) -> Any:
    conn.exec_driver_sql("SAVEPOINT item")
    try:
        result = write.function(conn)
    except Exception as error:
        if _is_unavailability(error):
            raise
        conn.exec_driver_sql("ROLLBACK TO item")
        result = error
    conn.exec_driver_sql("RELEASE item")
    return result


class _ThreadConnections:
    """One lasting connection for each thread that asks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._local = threading.local()
        self._all: list[Connection] = []

    def of_this_thread(self) -> Connection:
        conn: Connection | None = getattr(self._local, "connection", None)
        if conn is None:
            conn = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._local.connection = conn
            self._all.append(conn)
        return conn

    def drop_of_this_thread(self) -> None:
        """Close it, if there is one: the next to ask opens the file anew."""
        conn: Connection | None = self._local.__dict__.pop("connection", None)
        if conn is not None:
            self._all.remove(conn)
            conn.close()

    def close(self) -> None:
        for conn in self._all:
            conn.close()


@contextmanager
def _transaction(conn: Connection, begin: str) -> Iterator[None]:
    driver = cast("sqlite3.Connection", conn.connection.driver_connection)
    driver.execute(begin)
    try:
        yield
        driver.execute("COMMIT")
    except BaseException:
        # Some failures (a full disk) have ended the transaction already.
        if driver.in_transaction:
            driver.execute("ROLLBACK")
        raise


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        if getattr(_cause(error), "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            raise SlowQueryError(str(_cause(error))) from error
        if _is_unavailability(error):
            raise StoreUnavailableError(str(_cause(error))) from error
        if isinstance(error, sqlite3.IntegrityError):
            raise ConflictError(str(error)) from error
        raise
    except OverflowError as error:
        raise UnstorableError("a number is too large") from error


@contextmanager
def _limited(conn: Connection, seconds: float) -> Iterator[None]:
    """Ends what is done on the connection meanwhile once it takes longer."""
    driver: Any = conn.connection.driver_connection
    end = time.monotonic() + seconds
    driver.set_progress_handler(lambda: time.monotonic() > end, STEPS_BETWEEN_LOOKS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)


def _cause(error: Exception) -> BaseException | None:
    """The driver's own error."""
    return error.orig if isinstance(error, DBAPIError) else error


def _is_unavailability(error: Exception) -> bool:
    """Whether the database itself failed (busy, full, read-only, unreadable, damaged), not a statement."""
    code = getattr(_cause(error), "sqlite_errorcode", None)
    return code is not None and code & 0xFF not in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT)


def _keep_log(connection: sqlite3.Connection) -> None:
    """Have the file written through a log. Of those who open a new file at once, one sets that up; the others are told
    that it is locked without being made to wait, so they try again."""
    given_up = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > given_up:
                raise
        time.sleep(0.01)


def create_sqlite_engine(path: Path, durability: Durability) -> Engine:
    """Connections to the file, each with the pragmas that durability and speed rest on."""
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_SECONDS, "isolation_level": None},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        _keep_log(connection)
        connection.execute(f"PRAGMA synchronous={durability.upper()}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA cache_size=-{PAGE_CACHE_KIB}")
        connection.execute("PRAGMA temp_store=MEMORY")
        connection.execute(f"PRAGMA journal_size_limit={LOG_BYTES_KEPT}")
        connection.execute(f"PRAGMA wal_autocheckpoint={WRITER_CHECKPOINT_PAGES}")

    return engine
