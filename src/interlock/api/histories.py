"""The history of runs, as both kinds of run have it.

What lives here: from the parameters of a request to its answer. What does not: the routes (task_run_queries.py,
flow_run_queries.py).
"""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec
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


class RequestedHistory(msgspec.Struct, frozen=True):
    """What a body says of the intervals."""

    start: datetime
    end: datetime
    interval: timedelta

    def grid(self) -> Grid:
        """The intervals; raises 422 where these are too short, or beyond what a calendar has."""
        if self.interval < SHORTEST_INTERVAL:
            raise HTTPException(422, "History interval must not be less than 1 second.")
        try:
            grid = history_grid(self.start, self.end, self.interval)
            grid.bounds(grid.intervals - 1)
        except OverflowError as error:
            raise HTTPException(422, "History interval is too long.") from error
        return grid


async def requested_history(
    history_start: Annotated[Timestamp, Body()],
    history_end: Annotated[Timestamp, Body()],
    history_interval_seconds: Annotated[Interval, Body(description="Seconds, at least 1.")],
) -> RequestedHistory:
    """The intervals that a body asks for. Whether they will do is told once nothing else is wrong with the body."""
    return RequestedHistory(history_start, history_end, history_interval_seconds)


RequestedIntervals = Annotated[RequestedHistory, Depends(requested_history)]


async def answer_history(context: Context, table: Table, criterion: Criterion, intervals: RequestedHistory) -> Response:
    """The history of the runs in a table; raises 422 where the intervals won't do."""
    grid = intervals.grid()
    sums = await context.store.read(history.history, table, criterion, grid, context.clock())
    return json_response(encode_history(grid, sums))
