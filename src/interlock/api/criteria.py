"""The filters of a request as parameters of its handler.

What lives here: which filters the bodies of requests have, under which names. What does not: what may stand in them
(schemas/filters.py).

The work queues are called `work_queues` in some requests and `work_pool_queues` in others.
"""

from typing import Annotated

from fastapi import Depends
from msgspec import structs

from interlock.api.schemas.base import StrictBody
from interlock.api.schemas.filters import (
    DeploymentFilter,
    FlowFilter,
    FlowRunFilter,
    RecordFilter,
    TaskRunFilter,
    WorkPoolFilter,
    WorkQueueFilter,
)
from interlock.storage.filters import Criteria, Criterion


def _asked(given: RecordFilter | None) -> Criterion | None:
    return None if given is None else given.criterion()


async def run_criteria(
    flows: FlowFilter | None = None,
    flow_runs: FlowRunFilter | None = None,
    task_runs: TaskRunFilter | None = None,
    deployments: DeploymentFilter | None = None,
) -> Criteria:
    """What a body asks of flows, runs and deployments."""
    return Criteria(
        flows=_asked(flows),
        flow_runs=_asked(flow_runs),
        task_runs=_asked(task_runs),
        deployments=_asked(deployments),
    )


class RunFilters(StrictBody):
    """The same filters as one object, for those who are no handler."""

    flows: FlowFilter | None = None
    flow_runs: FlowRunFilter | None = None
    task_runs: TaskRunFilter | None = None
    deployments: DeploymentFilter | None = None

    def criteria(self) -> Criteria:
        """What they ask of flows, runs and deployments."""
        return Criteria(**{name: _asked(given) for name, given in self})


class FlowRunFilters(RunFilters):
    """As RunFilters, and what is asked of work pools and their queues."""

    work_pools: WorkPoolFilter | None = None
    work_pool_queues: WorkQueueFilter | None = None

    def criteria(self) -> Criteria:
        asked = {name: _asked(given) for name, given in self}
        return Criteria(work_queues=asked.pop("work_pool_queues"), **asked)


RunCriteria = Annotated[Criteria, Depends(run_criteria)]


async def owner_criteria(
    flow_runs: FlowRunFilter | None = None,
    task_runs: TaskRunFilter | None = None,
    flows: FlowFilter | None = None,
    deployments: DeploymentFilter | None = None,
) -> Criteria:
    """As run_criteria, in the order in which the errors of artifacts' filters name them."""
    return await run_criteria(flows, flow_runs, task_runs, deployments)


OwnerCriteria = Annotated[Criteria, Depends(owner_criteria)]


async def pool_criteria(criteria: RunCriteria, work_pools: WorkPoolFilter | None = None) -> Criteria:
    """As run_criteria, and of work pools."""
    return structs.replace(criteria, work_pools=_asked(work_pools))


PoolCriteria = Annotated[Criteria, Depends(pool_criteria)]


async def queue_criteria(criteria: PoolCriteria, work_queues: WorkQueueFilter | None = None) -> Criteria:
    """As pool_criteria, and of work queues."""
    return structs.replace(criteria, work_queues=_asked(work_queues))


QueueCriteria = Annotated[Criteria, Depends(queue_criteria)]


async def task_run_filter(task_runs: TaskRunFilter) -> TaskRunFilter:
    """What a body must ask of task runs."""
    return task_runs


RequiredTaskRunFilter = Annotated[TaskRunFilter, Depends(task_run_filter)]


async def criteria_around(
    flows: FlowFilter | None = None,
    flow_runs: FlowRunFilter | None = None,
    deployments: DeploymentFilter | None = None,
    work_pools: WorkPoolFilter | None = None,
    work_queues: WorkQueueFilter | None = None,
) -> Criteria:
    """What a body asks of all but task runs."""
    return Criteria(
        flows=_asked(flows),
        flow_runs=_asked(flow_runs),
        deployments=_asked(deployments),
        work_pools=_asked(work_pools),
        work_queues=_asked(work_queues),
    )


CriteriaAround = Annotated[Criteria, Depends(criteria_around)]


async def pool_queue_criteria(criteria: PoolCriteria, work_pool_queues: WorkQueueFilter | None = None) -> Criteria:
    """As pool_criteria, and of work queues."""
    return structs.replace(criteria, work_queues=_asked(work_pool_queues))


PoolQueueCriteria = Annotated[Criteria, Depends(pool_queue_criteria)]
