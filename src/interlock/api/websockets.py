"""Websockets: how a client is let in, and how its messages are read.

What lives here: the subprotocol, the first message with its credentials, the codes to close with. What does not: what a
socket is for (events.py, task_subscriptions.py).
"""

import hmac
from collections.abc import Callable
from typing import Any

import orjson
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect

from interlock.api.context import Context

SUBPROTOCOL = "prefect"
PROTOCOL_ERROR = 1002
POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013
"""Clients take 1000 and 1001 for the end of what they came for; after any other code they come again."""

UNEXPECTED_MESSAGE = 4001

MAX_REASON_BYTES = 120
"""What a closing frame has room for, and a little less."""

CONFIRM = "interlock.confirm"
"""The extension of a socket's scope by which its pings wait for what came before them (confirming_sockets.py)."""


class WrongMessageError(Exception):
    """The client sent what it should not have: the socket is to be closed with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")


def context_of_socket(connection: HTTPConnection) -> Context:
    """The context of the application that serves this socket."""
    context: Context = connection.app.state.context
    return context


def confirmation_of(socket: WebSocket) -> Callable[[int], None]:
    """What to call with how many of the client's messages, from the first on, are dealt with. From the first call on, a
    ping is answered once that is said of all messages before it."""
    confirm: Callable[[int], None] = socket.scope["extensions"][CONFIRM]
    return confirm


async def let_in(socket: WebSocket, auth_string: str | None, *, without_protocol: bool = False) -> None:
    """Accept a client and check who it is.

    One that does not offer the subprotocol is refused (HTTP 403, as before an accept there is no code), unless it may
    come `without_protocol` and no password is asked for: then it sends no credentials either. Raises WrongMessageError,
    and WebSocketDisconnect where the client is gone. Source: the peer's `accept_prefect_socket`.
    """
    if SUBPROTOCOL not in socket.scope["subprotocols"]:
        if without_protocol and not auth_string:
            await socket.accept()
            return
        raise WrongMessageError(PROTOCOL_ERROR, "")
    await socket.accept(subprotocol=SUBPROTOCOL)
    message = await receive(socket)
    if message.get("type") != "auth":
        raise WrongMessageError(POLICY_VIOLATION, "Expected 'auth' message")
    _check_token(message.get("token"), auth_string)
    await socket.send_text('{"type":"auth_success"}')


def _check_token(token: Any, auth_string: str | None) -> None:
    if not auth_string:
        return
    if not token or not isinstance(token, str):
        raise WrongMessageError(POLICY_VIOLATION, "Auth required but no token provided")
    if not hmac.compare_digest(token.encode(), auth_string.encode()):
        raise WrongMessageError(POLICY_VIOLATION, "Invalid token")


async def receive(socket: WebSocket) -> dict[str, Any]:
    """The client's next message; an empty one where it is no JSON object. Raises WebSocketDisconnect."""
    try:
        content = orjson.loads(await receive_raw(socket))
    except orjson.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}


async def receive_raw(socket: WebSocket) -> str | bytes:
    """The client's next message as it is. Raises WebSocketDisconnect."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005), message.get("reason"))
    raw: str | bytes = message.get("text") or message.get("bytes") or b""
    return raw
