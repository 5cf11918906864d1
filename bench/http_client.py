"""A minimal HTTP/1.1 keep-alive client, cheap enough that the load generator is never the bottleneck.

One request at a time a connection, answers with a Content-Length only; anything else is refused by an `HttpError`
rather than guessed at. No redirects, no TLS, no pools: this is not a general client.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

_GZIP_WINDOW = 31  # zlib's window bits for a gzip stream


class HttpError(Exception):
    """The answer cannot be read as the simple HTTP/1.1 this client speaks."""


class ConnectionFailure(Exception):
    """The connection was refused, lost, or silent for too long; the request may or may not have been carried out."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; `body` is decompressed, `wire_bytes` its size on the wire with the head.

    `retry_after` is the time after which a refused request may come again, in seconds.
    """

    status: int
    body: bytes
    wire_bytes: int
    retry_after: int | None = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class AnswerParser:
    """Collects the bytes of one answer after another from a keep-alive connection."""

    __slots__ = ("_buffer", "_need")

    def __init__(self) -> None:
        self._buffer = b""
        self._need = 0  # bytes of the whole answer once its head has been read

    def feed(self, data: bytes) -> Answer | None:
        """The answer that these bytes complete, or None while more are needed. Raises HttpError."""
        buffer = self._buffer = self._buffer + data if self._buffer else data
        if len(buffer) < self._need:
            return None
        head_end = buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return None
        head = buffer[:head_end].lower()
        self._need = head_end + 4 + _content_length(head)
        if len(buffer) < self._need:
            return None
        if len(buffer) > self._need:
            raise HttpError("bytes after the end of the answer: only one request is under way at a time")
        self._buffer, self._need = b"", 0
        return _answer(head, buffer, head_end + 4)


def _answer(head: bytes, whole: bytes, body_start: int) -> Answer:
    body = whole[body_start:]
    if b"\r\ncontent-encoding: gzip" in head:
        body = zlib.decompress(body, _GZIP_WINDOW)
    status = _status(head)
    return Answer(status, body, len(whole), _retry_after(head) if status == 503 else None)


def _retry_after(head: bytes) -> int | None:
    _, found, value = head.partition(b"\r\nretry-after:")
    return int(value.partition(b"\r\n")[0]) if found else None


def _status(head: bytes) -> int:
    if not head.startswith(b"http/1.1 "):
        raise HttpError(f"not an HTTP/1.1 status line: {head[:40]!r}")
    return int(head[9:12])


def _content_length(head: bytes) -> int:
    """Bytes of the body announced by a lower-case head."""
    start = head.find(b"\r\ncontent-length:")
    if start < 0:
        if b"\r\ntransfer-encoding:" in head:
            raise HttpError("chunked answers are not supported: the answer must carry a Content-Length")
        if _status(head) in (204, 304):
            return 0
        raise HttpError("an answer without Content-Length")
    start += 17
    end = head.find(b"\r\n", start)
    return int(head[start:] if end < 0 else head[start:end])


class Connection(asyncio.Protocol):
    """One keep-alive connection. `await request(bytes)` sends a whole request and returns its Answer."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser = AnswerParser()
        self._waiting: asyncio.Future[Answer] | None = None
        self._sent_at = 0.0
        self._closed: asyncio.Future[None] = loop.create_future()

    @classmethod
    async def open(cls, host: str, port: int) -> "Connection":
        """Connect, or raise ConnectionFailure."""
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(lambda: cls(loop), host, port)
        except OSError as error:
            raise ConnectionFailure(f"cannot connect to {host}:{port}: {error}") from error
        return connection

    def request(self, payload: bytes) -> asyncio.Future[Answer]:
        """The future Answer; it fails with ConnectionFailure or HttpError."""
        self._waiting = waiting = self._loop.create_future()
        if self._transport is None or self._transport.is_closing():
            waiting.set_exception(ConnectionFailure("the connection is closed"))
        else:
            self._sent_at = time.perf_counter()
            self._transport.write(payload)
        return waiting

    def silent_seconds(self, now: float) -> float:
        """How long the request under way has waited for its answer; 0 without one."""
        return now - self._sent_at if self._waiting is not None and not self._waiting.done() else 0.0

    def abort(self) -> None:
        """Drop the connection; a request under way fails with ConnectionFailure."""
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """Drop the connection and wait until it is gone."""
        self.abort()
        await self._closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        waiting = self._waiting
        try:
            answer = self._parser.feed(data)
            if answer is not None and (waiting is None or waiting.done()):
                raise HttpError("an answer that nobody asked for")
        except (HttpError, ValueError, zlib.error) as error:
            self._fail(HttpError(str(error)))
            self.abort()
            return
        if answer is not None and waiting is not None:
            waiting.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(ConnectionFailure(f"the connection was lost: {exc or 'closed by the server'}"))
        self._closed.set_result(None)

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)


@asynccontextmanager
async def connected(target: "Target") -> AsyncIterator[Connection]:
    """A connection to the target, closed afterwards."""
    connection = await Connection.open(target.host, target.port)
    try:
        yield connection
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True)
class Target:
    """A server's API: its host, port and path prefix (`/api`)."""

    host: str
    port: int
    prefix: str

    @classmethod
    def parse(cls, base_url: str) -> "Target":
        """From a base URL such as http://127.0.0.1:4200/api."""
        parts = urlsplit(base_url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"a base URL such as http://127.0.0.1:4200/api is needed, not {base_url!r}")
        return cls(parts.hostname, parts.port or 80, parts.path.rstrip("/"))

    @property
    def url(self) -> str:
        """The base URL, as a client's PREFECT_API_URL."""
        return f"http://{self.host}:{self.port}{self.prefix}"

    def head(self, method: str, path: str, content_length: int | None = None) -> bytes:
        """The request's head as the 2.20.25 client sends it, with the empty line that ends it."""
        lines = [
            f"{method} {self.prefix}{path} HTTP/1.1",
            f"Host: {self.host}:{self.port}",
            "Accept: */*",
            "Accept-Encoding: gzip, deflate",
            "Connection: keep-alive",
            "User-Agent: prefect/2.20.25 (API 0.8.4)",
            "X-PREFECT-API-VERSION: 0.8.4",
        ]
        if content_length is not None:
            lines += [f"Content-Length: {content_length}", "Content-Type: application/json"]
        return "\r\n".join([*lines, "", ""]).encode()

    def post(self, path: str, body: bytes) -> bytes:
        """A whole POST request."""
        return self.head("POST", path, len(body)) + body

    def get(self, path: str) -> bytes:
        """A whole GET request."""
        return self.head("GET", path)
