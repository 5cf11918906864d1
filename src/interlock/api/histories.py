"""The history of runs, as both kinds of run have it.

What lives here: from the parameters of a request to its answer. What does not: the routes (task_run_queries.py,
flow_run_queries.py).
"""

from datetime import timedelta
from typing import Annotated

from fastapi import Body, Depends, HTTPException
from sqlalchemy import Table
from starlette.responses import Response

from interlock.api.context import Context
from interlock.api.errors import json_response
from interlock.api.schemas.base import Timestamp
from interlock.api.schemas.history import Interval, encode_history, history_grid
from interlock.storage.filters import Criterion
from interlock.storage.queries import history
from interlock.storage.queries.history import Grid

SHORTEST_INTERVAL = timedelta(seconds=1)


async def requested_grid(
    history_start: Annotated[Timestamp, Body()],
    history_end: Annotated[Timestamp, Body()],
    history_interval_seconds: Annotated[Interval, Body(description="Seconds, at least 1.")],
) -> Grid:
    """The intervals that a body asks for; raises 422 where these are too short, or beyond what a calendar has."""
    if history_interval_seconds < SHORTEST_INTERVAL:
        raise HTTPException(422, "History interval must not be less than 1 second.")
    try:
        grid = history_grid(history_start, history_end, history_interval_seconds)
        grid.bounds(grid.intervals - 1)
    except OverflowError as error:
        raise HTTPException(422, "History interval is too long.") from error
    return grid


RequestedGrid = Annotated[Grid, Depends(requested_grid)]


async def answer_history(context: Context, table: Table, criterion: Criterion, grid: Grid) -> Response:
    """The history of the runs in a table."""
    sums = await context.store.read(history.history, table, criterion, grid, context.clock())
    return json_response(encode_history(grid, sums))
