"""The websocket on which a task worker is given scheduled task runs, one after another.

What lives here: the worker's messages and what it is sent. What does not: who is let in (websockets.py) and which run
comes next (engine/task_queue.py).
"""

import asyncio
from typing import Any

import structlog
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from interlock.api.context import Context
from interlock.api.schemas.base import json_bytes
from interlock.api.schemas.task_runs import encode_task_run
from interlock.api.websockets import (
    POLICY_VIOLATION,
    TRY_AGAIN_LATER,
    UNEXPECTED_MESSAGE,
    WrongMessageError,
    context_of_socket,
    let_in,
    receive,
)
from interlock.engine.overload import OverloadedError
from interlock.engine.task_queue import Subscription
from interlock.orchestration.runs import TaskRun
from interlock.storage.store import StoreUnavailableError

log = structlog.get_logger("interlock.api")

MOST_KEYS = 1000
MOST_CHARACTERS = 1000
"""How many tasks a worker may subscribe to, and how long their keys and its own name may be."""

router = APIRouter()


@router.websocket("/task_runs/subscriptions/scheduled")
async def scheduled_task_runs(socket: WebSocket) -> None:
    """Auth, subscribe, and then a task run at a time, each to be acknowledged.

    Closes with 1002 (before the accept: HTTP 403) without the subprotocol, 1008 without proper credentials, 4001 after
    any other message than is due, 1013 where the database can't be reached: the client comes again then.
    """
    context = context_of_socket(socket)
    try:
        await let_in(socket, context.settings.auth_string)
        task_keys, client_id = _subscription_of(await receive(socket))
        async with context.task_queue.subscription(task_keys, client_id) as subscription:
            await _Worker(socket, subscription, context).serve()
    except WrongMessageError as error:
        await socket.close(error.code, error.reason)
    except (StoreUnavailableError, OverloadedError) as error:
        log.warning("a task worker could not subscribe", reason=str(error) or type(error).__name__)
        await socket.close(TRY_AGAIN_LATER, "The database can't be reached. Come again.")
    except WebSocketDisconnect:
        return


def _subscription_of(message: dict[str, Any]) -> tuple[list[str], str | None]:
    """The keys and the name in a subscription. Source: the peer's `scheduled_task_subscription`."""
    if message.get("type") != "subscribe":
        raise WrongMessageError(UNEXPECTED_MESSAGE, "Protocol violation: expected 'subscribe' message")
    keys, client_id = message.get("keys"), message.get("client_id")
    if not isinstance(keys, list) or not keys or not all(map(_is_name, keys)):
        raise WrongMessageError(UNEXPECTED_MESSAGE, "Protocol violation: expected 'keys' in subscribe message")
    if len(keys) > MOST_KEYS:
        raise WrongMessageError(POLICY_VIOLATION, f"No more than {MOST_KEYS} keys are possible")
    return keys, client_id if _is_name(client_id) else None


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MOST_CHARACTERS and "\0" not in value


class _Worker:
    """A subscribed worker at the other end of a socket."""

    def __init__(self, socket: WebSocket, subscription: Subscription, context: Context) -> None:
        self._socket = socket
        self._subscription = subscription
        self._clock = context.clock
        self._answer: asyncio.Task[dict[str, Any]] | None = None

    async def serve(self) -> None:
        """Send runs until the worker quits; raises WrongMessageError, or WebSocketDisconnect when it is gone."""
        try:
            while run := await self._next():
                await self._socket.send_text(json_bytes(encode_task_run(run, self._clock())).decode())
                if not await self._acknowledges():
                    break
            await self._socket.close()
        finally:
            if self._answer is not None:
                self._answer.cancel()

    async def _next(self) -> TaskRun | None:
        """The next run; None where the worker quits before there is one. Notices a worker that is gone."""
        run = asyncio.ensure_future(self._subscription.next())
        answer = self._receiving()
        try:
            await asyncio.wait((run, answer), return_when=asyncio.FIRST_COMPLETED)
            if answer.done() and answer.result().get("type") == "quit":
                return None
            # Whatever else it says too early is its answer to the run that comes.
            return await run
        finally:
            run.cancel()

    async def _acknowledges(self) -> bool:
        """Whether the worker acknowledges the run in flight; not, where it quits instead."""
        answer = await self._receiving()
        self._answer = None
        if answer.get("type") == "quit":
            return False
        if answer.get("type") != "ack":
            raise WrongMessageError(UNEXPECTED_MESSAGE, "Protocol violation: expected 'ack' message")
        self._subscription.acknowledge()
        return True

    def _receiving(self) -> "asyncio.Task[dict[str, Any]]":
        """The worker's next message, which may still be to come."""
        if self._answer is None:
            self._answer = asyncio.ensure_future(receive(self._socket))
        return self._answer
