"""Routes for events: they are kept, found and counted.

What lives here: what becomes of an event that is sent, and what is answered of those that are kept. What does not: the
sockets (event_streams.py), the shape of events and filters (schemas/), and what becomes of a task run
(orchestration/observed.py).
"""

import asyncio
import base64
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Body, HTTPException, Query, Request
from msgspec.structs import replace
from pydantic import BaseModel, Field
from starlette.responses import Response

from interlock.api.context import Context, ContextDep
from interlock.api.errors import json_response
from interlock.api.schemas.base import timestamp
from interlock.api.schemas.event_filters import Countable, EventFilter, Spans, TimeUnit, UnfitSpansError, spans
from interlock.api.schemas.events import EventBody, EventCountAnswer, EventPageAnswer, encode_event
from interlock.api.wire_route import WireRoute
from interlock.engine.intake import MOST_UNDER_WAY, record
from interlock.orchestration.commands import RecordEvent, RecordTaskRunState
from interlock.orchestration.events import EventsAsked
from interlock.storage.queries import events
from interlock.storage.queries.events import Counted

log = structlog.get_logger("interlock.api")

router = APIRouter(prefix="/events", tags=["Events"], route_class=WireRoute)

PAGE = 50
MOST_SKIPPED = 2**53
"""More than any database holds, and a number that each of them takes."""


def command_of(event: EventBody, now: datetime) -> RecordTaskRunState | RecordEvent:
    """The command that an event gives rise to: to record the state of a task run that it tells of, or to keep it."""
    try:
        return event.recording(now) or event.kept(now)
    except ValueError as error:
        log.warning("an event tells of no state", name=event.event, id=event.id, reason=str(error))
        return event.kept(now)


@router.post("", status_code=204)
async def create_events(sent: list[EventBody], context: ContextDep) -> Response:
    """Take events: those that tell of the states of task runs are recorded as these, and others are kept."""
    commands = [command_of(event, context.clock()) for event in sent]
    for first in range(0, len(commands), MOST_UNDER_WAY):
        await asyncio.gather(*(record(context.batcher, x) for x in commands[first : first + MOST_UNDER_WAY]))
    return Response(status_code=204)


class _Walk(BaseModel):
    """Where a page of events begins: all that the link to it holds."""

    filter: EventFilter
    total: int
    limit: int = Field(ge=0, le=PAGE)
    offset: int = Field(ge=0, le=MOST_SKIPPED)


@router.post("/filter", response_model=EventPageAnswer)
async def read_events(
    request: Request,
    context: ContextDep,
    asked: Annotated[EventFilter | None, Body(alias="filter")] = None,
    limit: Annotated[int, Body(ge=0, le=PAGE)] = PAGE,
) -> Response:
    """Events that meet a filter, by time, how many there are, and a link to the next ones."""
    wanted = (asked or EventFilter()).at(context.clock())
    total = await context.store.read(events.total, wanted.asked(context.clock()))
    return await _page(request, context, _Walk(filter=wanted, total=total, limit=limit, offset=0))


@router.get("/filter/next", response_model=EventPageAnswer)
async def read_next_events(
    request: Request, context: ContextDep, page_token: Annotated[str, Query(alias="page-token")]
) -> Response:
    """The events that a page's link leads to; 403 where it is no such link."""
    try:
        walk = _Walk.model_validate_json(base64.urlsafe_b64decode(page_token))
    except ValueError as error:
        raise HTTPException(403) from error
    return await _page(request, context, walk)


async def _page(request: Request, context: Context, walk: _Walk) -> Response:
    asked = walk.filter.asked(context.clock())
    found = await context.store.read(events.page, asked, walk.limit, walk.offset)
    following = walk.model_copy(update={"offset": walk.offset + walk.limit})
    is_last = walk.limit == 0 or following.offset >= walk.total
    link = None if is_last else _link(request, following)
    return json_response({"events": [encode_event(x) for x in found], "total": walk.total, "next_page": link})


def _link(request: Request, walk: _Walk) -> str:
    token = base64.urlsafe_b64encode(walk.model_dump_json(exclude_defaults=True).encode()).decode()
    path = request.url.path.removesuffix("/next").removesuffix("/") + "/next"
    return str(request.url.replace(path=path, query=None).include_query_params(**{"page-token": token}))


@router.post("/count-by/{countable}", response_model=list[EventCountAnswer])
async def count_events(
    countable: Countable,
    context: ContextDep,
    asked: Annotated[EventFilter, Body(alias="filter")],
    time_unit: Annotated[TimeUnit, Body()] = TimeUnit.day,
    time_interval: Annotated[float, Body(ge=0.01, le=1_000_000)] = 1.0,
) -> Response:
    """How many events meet a filter, by the day or another span of time, by name, or by what they are about."""
    now = context.clock()
    # All events of a resource count, as in the peer.
    wanted = replace(asked.asked(now), distinct=False)
    unit, interval = (TimeUnit.day, 1.0) if countable is Countable.day else (time_unit, time_interval)
    try:
        # Checked whatever is counted, as in the peer.
        divided = spans(unit, interval, wanted.since, wanted.until, now)
    except UnfitSpansError as error:
        raise HTTPException(422, str(error)) from error
    if countable in (Countable.day, Countable.time):
        return json_response(await _by_span(context, wanted, divided))
    count = events.counts_by_name if countable is Countable.event else events.counts_by_resource
    return json_response(_encoded(await context.store.read(count, wanted)))


async def _by_span(context: Context, asked: EventsAsked, divided: Spans) -> list[dict[str, Any]]:
    counts = await context.store.read(events.counts_by_span, asked, divided.first, divided.width)
    return _encoded(
        Counted(str(number), start.isoformat(), counts.get(number, 0), start, end)
        for number, (start, end) in enumerate(divided)
    )


def _encoded(counted: Iterable[Counted]) -> list[dict[str, Any]]:
    return [
        {
            "value": x.value,
            "label": x.label,
            "count": x.count,
            "start_time": timestamp(x.first),
            "end_time": timestamp(x.last),
        }
        for x in counted
    ]
