"""Server processes that can be killed, and the check of the ledger by its own command.

What lives here: processes. What does not: the load on them (load.py).
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.crash.wire import Answer, Wire
from tests.ports import free_port
from tests.quiet import QUIET, environment_of

READY_SECONDS = 60
INTERLOCK = (sys.executable, "-m", "interlock")

PATIENT = environment_of(QUIET | {"task_pending_seconds": 3600, "task_grace_seconds": 3600})
"""Settings of a server that moves no run by itself, however long it takes to look at all runs."""


class Server:
    """`interlock server start` on a port that it keeps over all its lives. `settings` are set in its environment."""

    def __init__(self, database_url: str, log: Path, *options: str, settings: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self.database_url = database_url
        self._command = [*INTERLOCK, "server", "start", "--port", str(self.port), "--database-url", database_url]
        self._command += options
        self._environment = os.environ | dict(settings or {})
        self._log = log
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        """The process id of its present life."""
        assert self._process is not None, "not started"
        return self._process.pid

    async def launch(self) -> Process:
        """Start the process, ready or not."""
        with self._log.open("a") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdout=PIPE, stderr=log, env=self._environment
            )
        return self._process

    async def start(self) -> None:
        """Start the process and wait until it serves."""
        process = await self.launch()
        assert process.stdout is not None
        async with asyncio.timeout(READY_SECONDS):
            first_line = await process.stdout.readline()
        assert b"ready" in first_line, self._log.read_text()

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """One answer over a connection of its own. Raises NoAnswerError."""
        wire = Wire(self.port)
        try:
            return await wire.ask(method, path, body)
        finally:
            await wire.close()

    async def kill(self) -> None:
        """SIGKILL: nothing that it had in mind is finished."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """End the server in order; it must end well."""
        assert await self._end(signal.SIGTERM) == 0, self._log.read_text()

    async def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        assert process is not None
        assert process.stdout is not None
        process.send_signal(number)
        async with asyncio.timeout(READY_SECONDS):
            await process.stdout.read()
            return await process.wait()

    async def close(self) -> None:
        """Leave no process behind."""
        if self._process is not None:
            await self.kill()


async def database_faults(database_url: str) -> list[str]:
    """What `interlock database check` has to say against a database, line by line."""
    command = [*INTERLOCK, "database", "check", "--database-url", database_url]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    out, err = await process.communicate()
    return [] if process.returncode == 0 else (out + err).decode().splitlines()
