"""One keep-alive connection to a server, as plain as HTTP goes.

What lives here: one request, one answer, or the failure to get one. What does not: trying again (caller.py).
"""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

ANSWER_SECONDS = 30


class NoAnswerError(Exception):
    """The connection was refused, lost or silent: nobody knows whether the request was carried out."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, the headers by their lower-case names, and the JSON body, None where there is none."""

    status: int
    headers: dict[str, str]
    body: Any


class Wire:
    """A connection to 127.0.0.1, made when it is first needed and again after it broke. One request at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: Any = None, patience: float = ANSWER_SECONDS) -> Answer:
        """Send one request to the API and read its answer. Raises NoAnswerError, also where none comes in `patience`
        seconds."""
        try:
            reader, writer = self._stream = self._stream or await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(_request(method, path, body))
            async with asyncio.timeout(patience):
                return await _answer(reader)
        except (OSError, EOFError, TimeoutError) as error:
            await self.close()
            raise NoAnswerError(f"{method} {path}: {error or type(error).__name__}") from error

    async def close(self) -> None:
        """Drop the connection."""
        if self._stream is None:
            return
        _, writer = self._stream
        self._stream = None
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _request(method: str, path: str, body: Any) -> bytes:
    payload = b"" if body is None else json.dumps(body).encode()
    head = f"{method} /api{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(payload)}\r\n\r\n".encode() + payload


async def _answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    payload = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(int(first.split()[1]), headers, json.loads(payload) if payload else None)
