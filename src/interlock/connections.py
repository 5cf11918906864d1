"""The connections of a server: how many there are, and how long a client may leave one half done.

What lives here: uvicorn's HTTP connection with bounds, and the files that connections need. What does not: what is
answered on them (api/).
"""

import asyncio
import resource
from typing import Any

from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CROWDED_PATIENCE = 0.1
"""While there are as many connections as may be, clients may take only this share of the time that they else have:
those that do nothing with their connection make room for others."""

CROWD_PART = 10
"""Beyond the bound a tenth of it is taken as well, to refuse the requests that come on them. More are cut at once."""

OTHER_FILES = 128
"""Files that the server opens beside its connections: the database's, logs, libraries."""


class BoundedConnection(HttpToolsProtocol):
    """A connection that knows since when its client owes the rest of a request or the taking of an answer.

    Past `most` connections, requests are served by `crowded` instead of the server's application. `patience` is how
    long a client may owe something, in seconds.
    """

    def __init__(self, *args: Any, most: int, patience: float, crowded: ASGIApp, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._most = most
        self._patience = patience
        self._crowded = crowded
        self._owing_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._owing_since = self.loop.time()
        if len(self.connections) > _with_crowd(self._most):
            transport.abort()
        elif len(self.connections) > self._most:
            self.app = self._crowded

    def handle_websocket_upgrade(self) -> None:
        # The other protocol would count, and serve, a connection that is one too many.
        if self.app is self._crowded:
            self.transport.abort()
        else:
            super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        if self._owing_since is None:
            self._owing_since = self.loop.time()
        super().data_received(data)

    def on_message_begin(self) -> None:
        # It may have come together with the end of the one before.
        self._owing_since = self.loop.time()
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._owing_since = None
        super().on_message_complete()

    def pause_writing(self) -> None:
        self._owing_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._owing_since = None
        super().resume_writing()

    def cut_if_overdue(self) -> None:
        """Cut the connection of a client that has owed something for too long."""
        if self._owing_since is None:
            return
        patience = self._patience if len(self.connections) < self._most else self._patience * CROWDED_PATIENCE
        if self.loop.time() - self._owing_since > patience:
            self.transport.abort()


def _with_crowd(most: int) -> int:
    return most + most // CROWD_PART


def connections_allowed(wanted: int) -> int:
    """How many of the wanted connections the system lets this process have; asks it for as many files as that takes."""
    needed = _with_crowd(wanted) + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return min(wanted, max(1, (allowed - OTHER_FILES) * CROWD_PART // (CROWD_PART + 1)))
