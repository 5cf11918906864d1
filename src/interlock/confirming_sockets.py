"""Websockets whose pings are answered when all that came before them is dealt with.

What lives here: uvicorn's websocket with pongs that can be held back. What does not: what is received on it
(api/websockets.py), and how many connections there are (connections.py).

Clients of the 3.x line keep the events that they have sent until a ping after them is answered, and send them again
after a lost connection. So a pong is a promise, which only the one who stores them can make.
"""

from collections import deque
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from interlock.api.websockets import CONFIRM


class _Frames(ServerProtocol):
    """The protocol's frames; pings are left to be answered by its owner, who finds what they hold in `pings`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pings: deque[bytes] = deque()

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PING:
            self.pings.append(bytes(frame.data))
            self.events.append(frame)
        else:
            super().recv_frame(frame)


class ConfirmingSocket(WebSocketsSansIOProtocol):
    """A websocket whose application may tell, by `confirm`, how many messages are dealt with.

    Once it has begun to tell, a ping is answered when that is so of all messages before it. Otherwise it is answered at
    once.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn: _Frames = _Frames(
            extensions=self.conn.available_extensions, max_size=self.config.ws_max_size, logger=self.logger
        )
        self._received = 0
        self._confirmed: int | None = None
        self._unanswered: deque[tuple[int, bytes]] = deque()

    def confirm(self, count: int) -> None:
        """The first `count` messages are dealt with."""
        self._confirmed = count
        self._answer_pings()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"][CONFIRM] = self.confirm  # type: ignore[assignment]

    def send_receive_event_to_app(self) -> None:
        self._received += 1
        super().send_receive_event_to_app()

    def handle_ping(self) -> None:
        self._unanswered.append((self._received, self.conn.pings.popleft()))
        self._answer_pings()

    def _answer_pings(self) -> None:
        if self.transport.is_closing():
            return
        while self._unanswered and (self._confirmed is None or self._unanswered[0][0] <= self._confirmed):
            self.conn.send_pong(self._unanswered.popleft()[1])
        self.transport.write(b"".join(self.conn.data_to_send()))
