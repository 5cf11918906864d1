"""Routes that show what waits for task workers, and who these are.

What lives here: the answers. What does not: the workers' websocket (task_subscriptions.py).
"""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from interlock.api.context import ContextDep
from interlock.api.schemas.base import Answer, Timestamp
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import task_queue, task_workers
from interlock.storage.queries.task_queue import QueueOfKey
from interlock.storage.queries.task_workers import TaskWorker

router = APIRouter(route_class=WireRoute)


class TaskWorkerFilter(BaseModel):
    """Workers that serve one of these tasks; none means any."""

    task_keys: list[str]


class TaskWorkerAnswer(Answer):
    identifier: str = Field(description="What the worker calls itself, or else the id of its subscription.")
    task_keys: list[str] = Field(description="The keys of the tasks that it serves, in its order.")
    timestamp: Timestamp = Field(description="Since when it has been connected.")


class TaskQueueAnswer(Answer):
    task_key: str
    depth: int = Field(description="Runs that no worker has yet.")
    delayed: int = Field(description="How many of these are scheduled for later.")
    leased: int = Field(description="Runs that were delivered to a worker and are not PENDING or RUNNING yet.")
    oldest_age: float | None = Field(description="Seconds that the run at hand has waited that waits longest.")
    delivery_rate: float = Field(description="Runs delivered a second, in the last minute, by all servers.")
    workers: int = Field(description="Workers connected that serve the task.")


@router.post("/task_workers/filter", tags=["Task Workers"], response_model=list[TaskWorkerAnswer])
async def read_task_workers(
    context: ContextDep, task_worker_filter: Annotated[TaskWorkerFilter | None, Body(embed=True)] = None
) -> list[TaskWorkerAnswer]:
    """Who is connected to any of the servers, for which tasks, since when. A worker on several sockets is one."""
    wanted = set(task_worker_filter.task_keys) if task_worker_filter else set()
    found: dict[str, TaskWorkerAnswer] = {}
    for worker in await context.store.read(task_workers.connected):
        identifier = worker.client_id or worker.id
        known = found.get(identifier)
        keys = [*(known.task_keys if known else ()), *worker.task_keys]
        found[identifier] = TaskWorkerAnswer(
            identifier=identifier,
            task_keys=list(dict.fromkeys(keys)),
            timestamp=known.timestamp if known else worker.since,
        )
    return [x for x in found.values() if not wanted or not wanted.isdisjoint(x.task_keys)]


@router.get("/task_runs/queues", tags=["Task Runs"], response_model=list[TaskQueueAnswer])
async def read_task_queues(context: ContextDep) -> list[TaskQueueAnswer]:
    """What waits for workers, by the key of the task: every task that has runs waiting, or workers, or deliveries."""
    now = context.clock()
    queues = await context.store.read(task_queue.by_key, now)
    workers = await context.store.read(task_workers.connected)
    rates = await context.store.read(task_workers.delivery_rates)
    keys = {*queues, *rates, *(key for x in workers for key in x.task_keys)}
    return [
        TaskQueueAnswer(
            task_key=key,
            depth=queue.depth,
            delayed=queue.delayed,
            leased=queue.leased,
            oldest_age=None if queue.oldest is None else (now - queue.oldest).total_seconds(),
            delivery_rate=rates[key],
            workers=_serving(key, workers),
        )
        for key in sorted(keys)
        for queue in (queues.get(key, QueueOfKey(key, 0, 0, 0, None)),)
    ]


def _serving(task_key: str, workers: Sequence[TaskWorker]) -> int:
    return sum(task_key in x.task_keys for x in workers)
