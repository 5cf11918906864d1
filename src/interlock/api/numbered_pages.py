"""Routes that find runs, flows and deployments by filters, page by numbered page, and tell how many pages there are.

What lives here: the pages by number. What does not: those by offset (beside each resource), and those by cursor.
"""

from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from fastapi import APIRouter, Body, Depends
from starlette.responses import Response

from interlock.api.context import Context, ContextDep
from interlock.api.criteria import PoolCriteria, PoolQueueCriteria, RunCriteria
from interlock.api.errors import json_response
from interlock.api.paging import MOST_SKIPPED, Limit
from interlock.api.schemas.base import Answer, LongNumber
from interlock.api.schemas.deployments import DeploymentAnswer, encode_deployment
from interlock.api.schemas.flow_runs import FlowRunAnswer, encode_flow_run
from interlock.api.schemas.flows import FlowAnswer
from interlock.api.schemas.sorting import DeploymentSort, FlowRunSort, FlowSort, TaskRunSort
from interlock.api.schemas.task_runs import TaskRunAnswer, encode_task_run
from interlock.api.wire_route import WireRoute
from interlock.storage.filters import Criterion, Order
from interlock.storage.queries import deployments, runs_filter
from interlock.storage.tables import flow_runs, flows, task_runs

T = TypeVar("T")

router = APIRouter(route_class=WireRoute)


class NumberedPageAnswer(Answer, Generic[T]):
    """A page, its number, how many records there are and how many pages of this size."""

    results: list[T]
    count: int
    limit: int
    pages: int
    page: int


class NumberedPage(msgspec.Struct, frozen=True):
    """The page of this number, from 1 on, where each has so many records."""

    limit: int
    number: int

    @property
    def offset(self) -> int:
        return min((self.number - 1) * self.limit, MOST_SKIPPED)

    def answer(self, results: list[Any], count: int) -> Response:
        """The page with its records, of so many."""
        pages = (count + self.limit - 1) // self.limit if self.limit else 0
        whole = {"results": results, "count": count, "limit": self.limit, "pages": pages, "page": self.number}
        return json_response(whole)


async def numbered_page(
    limit: Limit, page: Annotated[LongNumber, Body(ge=1, description="Which page, from 1 on.")] = 1
) -> NumberedPage:
    """The page that a body asks for."""
    return NumberedPage(limit, page)


RequestedPage = Annotated[NumberedPage, Depends(numbered_page)]


@router.post("/flows/paginate", response_model=NumberedPageAnswer[FlowAnswer], tags=["Flows"])
async def paginate_flows(
    context: ContextDep,
    page: RequestedPage,
    criteria: PoolCriteria,
    sort: Annotated[FlowSort, Body()] = FlowSort.NAME_ASC,
) -> Response:
    """A page of flows that filters ask for."""
    asked = criteria.of_flows()
    found = await _found(context, runs_filter.flow_page, asked, sort.order, page)
    count = await context.store.read(runs_filter.count, flows, asked)
    return page.answer([{name: x[name] for name in FlowAnswer.model_fields} for x in found], count)


@router.post("/flow_runs/paginate", response_model=NumberedPageAnswer[FlowRunAnswer], tags=["Flow Runs"])
async def paginate_flow_runs(
    context: ContextDep,
    page: RequestedPage,
    criteria: PoolQueueCriteria,
    sort: Annotated[FlowRunSort, Body()] = FlowRunSort.ID_DESC,
) -> Response:
    """A page of flow runs that filters ask for."""
    asked, now = criteria.of_flow_runs(), context.clock()
    found = await _found(context, runs_filter.flow_run_page, asked, sort.order, page)
    count = await context.store.read(runs_filter.count, flow_runs, asked)
    return page.answer([encode_flow_run(x.run, now, x.pool) for x in found], count)


@router.post("/task_runs/paginate", response_model=NumberedPageAnswer[TaskRunAnswer], tags=["Task Runs"])
async def paginate_task_runs(
    context: ContextDep,
    page: RequestedPage,
    criteria: RunCriteria,
    sort: Annotated[TaskRunSort, Body()] = TaskRunSort.ID_DESC,
) -> Response:
    """A page of task runs that filters ask for."""
    asked, now = criteria.of_task_runs(), context.clock()
    found = await _found(context, runs_filter.task_run_page, asked, sort.order, page)
    count = await context.store.read(runs_filter.count, task_runs, asked)
    return page.answer([encode_task_run(x, now) for x in found], count)


@router.post("/deployments/paginate", response_model=NumberedPageAnswer[DeploymentAnswer], tags=["Deployments"])
async def paginate_deployments(
    context: ContextDep,
    page: RequestedPage,
    criteria: PoolQueueCriteria,
    sort: Annotated[DeploymentSort, Body()] = DeploymentSort.NAME_ASC,
) -> Response:
    """A page of deployments that filters ask for, with their schedules."""
    asked = criteria.of_deployments()
    found = await _found(context, deployments.page, asked, sort.order, page)
    return page.answer([encode_deployment(x) for x in found], await context.store.read(deployments.count, asked))


async def _found(
    context: Context, query: Callable[..., Any], asked: Criterion, order: Order, page: NumberedPage
) -> Any:
    return await context.store.read(query, asked, order, page.limit, page.offset)
