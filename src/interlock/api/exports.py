"""Exports: any number of runs as one document, a page in memory at a time.

What lives here: the walk from the database to the client, and its routes. What does not: the formats
(schemas/exports.py).

Each page is a read of its own, in its turn like all reads: no snapshot is held while a client takes its time, and the
next page is not read before the last one is on its way. Runs that come or change meanwhile may be seen or not.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from sqlalchemy import Row
from starlette.responses import StreamingResponse

from interlock.api.context import Context, ContextDep
from interlock.api.criteria import PoolQueueCriteria, RunCriteria
from interlock.api.schemas.exports import Encoder, ExportFormat, ExportUnavailableError, encoder
from interlock.api.wire_route import WireRoute
from interlock.engine.overload import OverloadedError
from interlock.engine.reader import Reader
from interlock.storage.filters import Criterion
from interlock.storage.queries.exports import FLOW_RUN_ROWS, TASK_RUN_ROWS, RunRows, next_rows
from interlock.storage.walks import Leg, Place

router = APIRouter(route_class=WireRoute)

ROWS_A_PAGE = 2_000
"""A page is some 3 MB of JSON, and holds up others for a few milliseconds while it is read and encoded."""

NextLeg = Callable[[Place | None], Awaitable[Leg[Row[Any]]]]


RequestedFormat = Annotated[ExportFormat, Body(alias="format")]


@router.post("/task_runs/export", tags=["Task Runs"], response_class=StreamingResponse)
async def export_task_runs(
    context: ContextDep, criteria: RunCriteria, export_format: RequestedFormat = ExportFormat.ndjson
) -> StreamingResponse:
    """All task runs that filters ask for, by their ids, as a stream of NDJSON, CSV or Parquet."""
    return await _exported(context, TASK_RUN_ROWS, criteria.of_task_runs(), export_format)


@router.post("/flow_runs/export", tags=["Flow Runs"], response_class=StreamingResponse)
async def export_flow_runs(
    context: ContextDep, criteria: PoolQueueCriteria, export_format: RequestedFormat = ExportFormat.ndjson
) -> StreamingResponse:
    """All flow runs that filters ask for, by their ids, as a stream of NDJSON, CSV or Parquet."""
    return await _exported(context, FLOW_RUN_ROWS, criteria.of_flow_runs(), export_format)


async def _exported(
    context: Context, kind: RunRows, criterion: Criterion, export_format: ExportFormat
) -> StreamingResponse:
    try:
        document = encoder(export_format, kind, context.clock)
    except ExportUnavailableError as error:
        raise HTTPException(501, f"{error}.") from error
    pieces = written(document, lambda after: _patiently(context.store, kind, criterion, after))
    # What can be refused is, before the answer has begun.
    first = await anext(pieces)
    name = f"{kind.runs.name.replace('_', '-')}.{export_format.value}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_with_first(first, pieces), media_type=export_format.media_type, headers=headers)


async def written(document: Encoder, next_leg: NextLeg) -> AsyncIterator[bytes]:
    """The document of all rows, piece by piece; some of the pieces may be empty."""
    after, more = None, True
    while more:
        found = await next_leg(after)
        # In a thread, beside what else is served.
        yield await asyncio.to_thread(document.page, found.items)
        after, more = found.end, found.end is not None
    yield await asyncio.to_thread(document.end)


async def _patiently(reader: Reader, kind: RunRows, criterion: Criterion, after: Place | None) -> Leg[Row[Any]]:
    """The next rows. Once the answer has begun it can't be refused any more: then it waits, however much there is to
    do."""
    while True:
        try:
            return await reader.read(next_rows, kind, criterion, ROWS_A_PAGE, after)
        except OverloadedError as error:
            if after is None:
                raise
            await asyncio.sleep(error.retry_after)


async def _with_first(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        if piece:
            yield piece
