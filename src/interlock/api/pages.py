"""Which page of runs, flows or deployments a request asks for, as a parameter of its handler.

What lives here: the parts of a body that say so, in the order in which errors name them. What does not: their bounds
(paging.py), and what a cursor holds (cursors.py).
"""

from typing import Annotated

import msgspec
from fastapi import Body, Depends

from interlock.api.cursors import Cursor, Walk, begun
from interlock.api.paging import Limit, Offset
from interlock.api.schemas.logs import LogSort
from interlock.api.schemas.sorting import FlowRunSort, TaskRunSort
from interlock.storage.filters import Order
from interlock.storage.tables import flow_runs, logs, task_runs


class Page(msgspec.Struct, frozen=True):
    """So many records, after so many others."""

    limit: int
    offset: int


class RunPage(Page, frozen=True):
    """A page of runs in an order."""

    order: Order


async def page(limit: Limit, offset: Offset = 0) -> Page:
    """The page that a body asks for."""
    return Page(limit, offset)


async def task_run_page(
    limit: Limit, sort: Annotated[TaskRunSort, Body()] = TaskRunSort.ID_DESC, offset: Offset = 0
) -> RunPage:
    """The page of task runs that a body asks for."""
    return RunPage(limit, offset, sort.order)


async def flow_run_page(
    limit: Limit, sort: Annotated[FlowRunSort, Body()] = FlowRunSort.ID_DESC, offset: Offset = 0
) -> RunPage:
    """The page of flow runs that a body asks for."""
    return RunPage(limit, offset, sort.order)


async def task_run_walk(
    limit: Limit, sort: Annotated[TaskRunSort, Body()] = TaskRunSort.ID_DESC, cursor: Cursor = None
) -> Walk:
    """The task runs that a body asks for, after those that its cursor ended with."""
    return begun(task_runs, sort, limit, cursor)


async def flow_run_walk(
    limit: Limit, sort: Annotated[FlowRunSort, Body()] = FlowRunSort.ID_DESC, cursor: Cursor = None
) -> Walk:
    """The flow runs that a body asks for, after those that its cursor ended with."""
    return begun(flow_runs, sort, limit, cursor)


async def log_walk(
    limit: Limit, sort: Annotated[LogSort, Body()] = LogSort.TIMESTAMP_ASC, cursor: Cursor = None
) -> Walk:
    """The lines that a body asks for, after those that its cursor ended with."""
    return begun(logs, sort, limit, cursor)


RequestedPage = Annotated[Page, Depends(page)]
TaskRunPage = Annotated[RunPage, Depends(task_run_page)]
FlowRunPage = Annotated[RunPage, Depends(flow_run_page)]
TaskRunWalk = Annotated[Walk, Depends(task_run_walk)]
FlowRunWalk = Annotated[Walk, Depends(flow_run_walk)]
LogWalk = Annotated[Walk, Depends(log_walk)]
