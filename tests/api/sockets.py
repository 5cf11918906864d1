"""Websockets as clients open them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection, connect

SECONDS = 30


@contextmanager
def opened(api_url: str, path: str, *, greets: bool = True) -> Iterator[ClientConnection]:
    """A socket on which the client is let in, unless it `greets` nobody and goes without the subprotocol."""
    url = api_url.replace("http://", "ws://") + path
    subprotocols: list[Any] | None = ["prefect"] if greets else None
    with connect(url, subprotocols=subprotocols, open_timeout=SECONDS, ping_interval=None, max_size=None) as socket:
        if greets:
            socket.send(json.dumps({"type": "auth", "token": None}))
            assert json.loads(socket.recv(SECONDS)) == {"type": "auth_success"}
        yield socket


def send(socket: ClientConnection, *messages: Any) -> None:
    """Each as a message of its own."""
    for message in messages:
        socket.send(json.dumps(message))


def checkpoint(socket: ClientConnection) -> None:
    """Wait until what was sent so far is dealt with, as the published client does."""
    assert socket.ping().wait(SECONDS)
