"""Sockets for events and log lines: on one clients send events, on the others they are sent what comes.

What lives here: the messages of both sides, and when a client is told that its events are kept. What does not: who is
let in (websockets.py), and where what comes is found (engine/tail.py).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import structlog
from fastapi import APIRouter
from msgspec.structs import replace
from pydantic import BaseModel, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from interlock.api.context import Context
from interlock.api.events import command_of
from interlock.api.schemas.base import json_bytes
from interlock.api.schemas.event_filters import EventFilter
from interlock.api.schemas.events import EventBody, encode_event, first_fault
from interlock.api.schemas.logs import LogFilter
from interlock.api.websockets import (
    MAX_REASON_BYTES,
    PROTOCOL_ERROR,
    SUBPROTOCOL,
    TRY_AGAIN_LATER,
    WrongMessageError,
    confirmation_of,
    context_of_socket,
    let_in,
    receive,
    receive_raw,
)
from interlock.engine.intake import Intake
from interlock.engine.overload import OverloadedError
from interlock.engine.tail import FellBehindError
from interlock.orchestration.events import Event, EventsAsked, includes
from interlock.storage.queries import logs
from interlock.storage.queries.events import Place, next_leg
from interlock.storage.store import StoreUnavailableError

log = structlog.get_logger("interlock.api")

Filter = TypeVar("Filter", bound=BaseModel)

router = APIRouter()

INVALID_DATA = 1007


BACKFILL = timedelta(minutes=15)
BACKFILL_PAGE = 250
"""Source of both: the peer's settings."""

SLACK = timedelta(minutes=1)
"""How much longer before a client came than it did, what is told twice may have come."""


@router.websocket("/events/in")
async def stream_events_in(socket: WebSocket) -> None:
    """Take one event a message, for as long as the client sends any. A ping is answered once all that came before it
    is kept, and whatever came before the end is kept too."""
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
            await intake.take(command_of(_event(raw), context.clock()), len(raw))


def _event(raw: str | bytes) -> EventBody:
    try:
        return EventBody.model_validate_json(raw)
    except ValidationError as error:
        raise WrongMessageError(INVALID_DATA, f"Invalid event: {first_fault(error)}") from error


@router.websocket("/events/out")
async def stream_events_out(socket: WebSocket) -> None:
    """Auth, a filter, and then the events that meet it: those of the last 15 minutes by their times, unless the client
    wants no `backfill`, and those that come, in the order in which they are stored.

    Closes with 1002 after anything else than a filter, with 1013 where the database can't be reached or the client is
    too slow for what comes: it comes again then, and has what it missed among the first.
    """
    await _serve(socket, _send_events)


@router.websocket("/logs/out")
async def stream_logs_out(socket: WebSocket) -> None:
    """Auth, a filter, and then the log lines that meet it, as they come. Closes as `/events/out` does."""
    await _serve(socket, _send_logs)


async def _serve(socket: WebSocket, send: Callable[[WebSocket, dict[str, Any]], Awaitable[None]]) -> None:
    """Let a client in and send it what its filter asks for, until it is gone."""
    context = context_of_socket(socket)
    try:
        await let_in(socket, context.settings.auth_string)
        message = await receive(socket)
        if message.get("type") != "filter":
            raise WrongMessageError(PROTOCOL_ERROR, "Expected 'filter' message")
        await _until_gone(socket, send(socket, message))
    except WrongMessageError as error:
        await socket.close(error.code, error.reason)
    except (StoreUnavailableError, OverloadedError, FellBehindError) as error:
        log.warning("a listener is sent away", path=socket.url.path, reason=str(error))
        await socket.close(TRY_AGAIN_LATER, f"Come again: {error}"[:MAX_REASON_BYTES])
    except WebSocketDisconnect:
        return


async def _until_gone(socket: WebSocket, sending: Awaitable[None]) -> None:
    """Whatever else the client says is passed over."""
    tasks = asyncio.ensure_future(sending), asyncio.ensure_future(_gone(socket))
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _gone(socket: WebSocket) -> None:
    while True:
        await receive_raw(socket)


def _filter(kind: type[Filter], message: dict[str, Any]) -> Filter:
    try:
        return kind.model_validate(message.get("filter"))
    except ValidationError as error:
        raise WrongMessageError(PROTOCOL_ERROR, f"Invalid filter: {first_fault(error)}") from error


async def _send_events(socket: WebSocket, message: dict[str, Any]) -> None:
    context = context_of_socket(socket)
    began = context.clock()
    asked = _asked(_filter(EventFilter, message), began)
    async with context.events.listener() as listener:
        told: set[str] = set()
        if message.get("backfill", True):
            async for event in _backfill(context, asked):
                if event.received > began - SLACK:
                    told.add(event.id)
                await _send(socket, "event", encode_event(event))
        while True:
            for event in await listener.next():
                if includes(asked, event) and event.id not in told:
                    await _send(socket, "event", encode_event(event))
                told.discard(event.id)


def _asked(given: EventFilter, now: datetime) -> EventsAsked:
    """What the filter asks for, from a while ago on; as long as it likes where it names no end."""
    asked = given.asked(now)
    until = asked.until if given.occurred.until else datetime.max.replace(tzinfo=UTC)
    return replace(asked, since=max(asked.since, now - BACKFILL), until=until, descending=False, distinct=False)


async def _backfill(context: Context, asked: EventsAsked) -> AsyncIterator[Event]:
    place: Place | None = None
    while True:
        found, place = await context.store.read(next_leg, asked, BACKFILL_PAGE, place)
        for event in found:
            yield event
        if place is None:
            return


async def _send_logs(socket: WebSocket, message: dict[str, Any]) -> None:
    context = context_of_socket(socket)
    wanted = _filter(LogFilter, message).model_dump(exclude_none=True)
    async with context.logs.listener() as listener:
        while True:
            ids = await listener.next()
            for line in await context.store.read(logs.of_ids, ids, wanted):
                await _send(socket, "log", line)


async def _send(socket: WebSocket, kind: str, content: dict[str, Any]) -> None:
    await socket.send_text(json_bytes({"type": kind, kind: content}).decode())
