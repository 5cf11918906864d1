"""Bodies that are too large to be left in their connection's buffer: together they take so much memory and no more.

What lives here: receiving them, and the bounds of one and of all together. What does not: which requests have one
(front.py).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from interlock.engine.overload import Overload

LARGE_BYTES = 64 << 10
"""From here on a body is large. Up to here the server itself keeps it for its connection, and reads no further."""

LARGEST_AT_ONCE = 4
"""How many bodies of the largest size may be there at once. What is made of a body takes several times its bytes."""


class TooLargeError(Exception):
    """The body is larger than any may be."""


class LargeBodies:
    """Receives large bodies, of at most `most_each` bytes, and of all those under way a few times as much."""

    def __init__(self, overload: Overload, most_each: int) -> None:
        self._overload = overload
        self._most_each = most_each
        self._most_together = LARGEST_AT_ONCE * most_each
        self._held = 0

    @asynccontextmanager
    async def received(self, receive: Receive) -> AsyncIterator[bytes]:
        """The whole body, counted as long as the context lasts.

        Raises TooLargeError, OverloadedError, and ClientDisconnect where the client leaves before it is whole.
        """
        chunks: list[bytes] = []
        size, more = 0, True
        try:
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                chunk = message.get("body", b"")
                size += len(chunk)
                self._held += len(chunk)
                self._check(size)
                chunks.append(chunk)
                more = message.get("more_body", False)
            body = b"".join(chunks)
            chunks.clear()
            yield body
        finally:
            self._held -= size

    def _check(self, size: int) -> None:
        if size > self._most_each:
            raise TooLargeError
        if self._held > self._most_together:
            raise self._overload.refusal()
