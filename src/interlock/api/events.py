"""Routes for events: the socket on which clients send them, and its like by HTTP.

What lives here: which events are recorded, and when a client is told so. What does not: the shape of events
(schemas/events.py), and what becomes of a task run (orchestration/observed.py).

Of all events those are recorded that tell of the states of task runs. The others are accepted, and dropped.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog
from fastapi import APIRouter
from pydantic import ValidationError
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from interlock.api.context import Context, ContextDep
from interlock.api.schemas.events import EventBody, first_fault
from interlock.api.websockets import (
    SUBPROTOCOL,
    WrongMessageError,
    confirmation_of,
    context_of_socket,
    let_in,
    receive_raw,
)
from interlock.api.wire_route import WireRoute
from interlock.engine.intake import MOST_UNDER_WAY, Intake, record
from interlock.orchestration.commands import RecordTaskRunState

log = structlog.get_logger("interlock.api")

router = APIRouter(prefix="/events", tags=["Events"], route_class=WireRoute)

INVALID_DATA = 1007


@router.post("", status_code=204)
async def create_events(events: list[EventBody], context: ContextDep) -> Response:
    """Take events: those that tell of the states of task runs are recorded, together with those of others."""
    recordings = [x for event in events if (x := _recording(event, context.clock())) is not None]
    for first in range(0, len(recordings), MOST_UNDER_WAY):
        await asyncio.gather(*(record(context.batcher, x) for x in recordings[first : first + MOST_UNDER_WAY]))
    return Response(status_code=204)


@router.websocket("/in")
async def stream_events_in(socket: WebSocket) -> None:
    """Take one event a message, for as long as the client sends any. A ping is answered once all that came before it
    is recorded, and whatever came before the end is recorded too."""
    context, confirm = context_of_socket(socket), confirmation_of(socket)
    confirm(0)
    try:
        await let_in(socket, context.settings.auth_string, without_protocol=True)
        await _take_all(socket, context, confirm)
    except WrongMessageError as error:
        await socket.close(error.code, error.reason)
    except WebSocketDisconnect:
        return


async def _take_all(socket: WebSocket, context: Context, confirm: Callable[[int], None]) -> None:
    greetings = int(SUBPROTOCOL in socket.scope["subprotocols"])
    confirm(greetings)
    async with Intake(context.batcher, confirm, greetings) as intake:
        while True:
            raw = await receive_raw(socket)
            await intake.take(_recording(_event(raw), context.clock()), len(raw))


def _event(raw: str | bytes) -> EventBody:
    try:
        return EventBody.model_validate_json(raw)
    except ValidationError as error:
        raise WrongMessageError(INVALID_DATA, f"Invalid event: {first_fault(error)}") from error


def _recording(event: EventBody, now: datetime) -> RecordTaskRunState | None:
    """The command that the event gives rise to, if any. One that nobody can understand is not asked for again."""
    try:
        return event.recording(now)
    except ValueError as error:
        log.warning("an event tells of no state", name=event.event, id=event.id, reason=str(error))
        return None
