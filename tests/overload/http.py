"""Servers with small bounds, and bare connections to them: requests are bytes, sent as far as a test wants."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from interlock.settings import Settings
from tests.conftest import LiveServer

SECONDS = 30


@contextmanager
def serving(folder: Path, **changes: object) -> Iterator[LiveServer]:
    settings = Settings(database_url=f"sqlite:///{folder / 'interlock.db'}", **changes)  # type: ignore[arg-type]
    with LiveServer(settings) as server:
        yield server


def connect(server: LiveServer) -> socket.socket:
    url = httpx.URL(server.url)
    return socket.create_connection((url.host, url.port), timeout=SECONDS)


def exchange(connection: socket.socket, request: bytes) -> bytes:
    """What comes back, up to the end of the head at least; nothing from a connection that is cut."""
    try:
        connection.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer and (chunk := connection.recv(65536)):
            answer += chunk
    except ConnectionError:
        return b""
    return answer


def served_until(ask: Callable[[], bytes], wanted: bytes) -> bool:
    """Whether the wanted answer comes, if asked again and again."""
    return any(wanted in ask() for _ in range(1000))
