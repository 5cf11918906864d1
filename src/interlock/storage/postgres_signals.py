"""How servers on one PostgreSQL wake each other: LISTEN and NOTIFY on a connection of their own.

What lives here: that connection. What does not: what they wake each other for. A signal may be lost with a connection,
so whoever waits for one looks for himself from time to time.

NOTIFY is sent by itself, after the commit that it is about: as a part of that transaction it would have all commits of
the database wait for each other.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog

log = structlog.get_logger("interlock.storage")

CHANNEL = "interlock_task_queue"
RETRY_SECONDS = 1.0


class Signals:
    """Tells the other servers, and hears them. `connect` opens a connection."""

    def __init__(self, connect: Callable[[], Awaitable[Any]]) -> None:
        self._connect = connect
        self._connection: Any = None
        self._telling: asyncio.Lock = asyncio.Lock()

    async def tell(self) -> None:
        """Signal to all others. Without a connection nobody hears it."""
        async with self._telling:
            if self._connection is not None:
                with suppress(Exception):
                    await self._connection.execute(f"NOTIFY {CHANNEL}")

    async def listen(self, hear: Callable[[], None]) -> None:
        """Call the function at each signal of another server, until cancelled; reconnects by itself."""
        while True:
            try:
                await self._listen_once(hear)
            except Exception as error:
                log.warning("other servers can't be heard", reason=str(error) or type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen_once(self, hear: Callable[[], None]) -> None:
        connection = await self._connect()
        lost = asyncio.Event()
        own = connection.get_server_pid()

        def notice(_connection: Any, sender: int, _channel: str, _payload: str) -> None:
            if sender != own:
                hear()

        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, notice)
            self._connection = connection
            # Whatever was signalled before is seen by looking.
            hear()
            await lost.wait()
        finally:
            self._connection = None
            connection.terminate()
