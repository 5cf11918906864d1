"""The route that tells what the server does, in the form that Prometheus reads.

What lives here: what is told, and how. What does not: where the numbers come from (storage/sums.py, engine/). The
library is loaded at its first use.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.responses import Response

from interlock.api.context import ContextDep
from interlock.api.wire_route import WireRoute
from interlock.engine.services import Tally
from interlock.orchestration.states import StateType
from interlock.storage.filters import EVERYTHING
from interlock.storage.queries import runs_filter, task_queue
from interlock.storage.queries.task_queue import QueueOfKey
from interlock.storage.tables import flow_runs, task_runs

if TYPE_CHECKING:
    from prometheus_client import Metric

router = APIRouter(route_class=WireRoute)

NOUNS = {"flow_run": flow_runs, "task_run": task_runs}
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/metrics", tags=["Root"], response_class=Response)
async def read_metrics(context: ContextDep) -> Response:
    """Runs by their state, what waits for task workers, and what the background services did since this process began:
    one process of those that share a database does their work."""
    runs = {
        noun: await context.store.read(runs_filter.count_by_state, table, EVERYTHING) for noun, table in NOUNS.items()
    }
    queues = await context.store.read(task_queue.by_key, context.clock())
    families = [*_runs(runs), *_queues(queues.values()), *_services(context.services)]
    return Response(_text(families), media_type=CONTENT_TYPE)


def _text(families: Sequence["Metric"]) -> bytes:
    from prometheus_client import CollectorRegistry, generate_latest

    class Told:
        def collect(self) -> Iterable["Metric"]:
            return families

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Told())
    return generate_latest(registry)


def _runs(counts: Mapping[str, Mapping[StateType, int]]) -> Iterator["Metric"]:
    from prometheus_client.core import GaugeMetricFamily

    told = GaugeMetricFamily("interlock_runs", "Runs by the type of their state.", labels=["noun", "state_type"])
    for noun, by_type in counts.items():
        for kind in StateType:
            told.add_metric([noun, kind.value], by_type.get(kind, 0))
    yield told


def _queues(queues: Iterable[QueueOfKey]) -> Iterator["Metric"]:
    from prometheus_client.core import GaugeMetricFamily

    labels: dict[str, Any] = {"labels": ["task_key"]}
    depth = GaugeMetricFamily("interlock_task_queue_depth", "Background task runs that no worker has yet.", **labels)
    leased = GaugeMetricFamily("interlock_task_queue_leased", "Those that a worker has and did not begin.", **labels)
    for queue in queues:
        depth.add_metric([queue.task_key], queue.depth)
        leased.add_metric([queue.task_key], queue.leased)
    yield from (depth, leased)


def _services(tally: Tally) -> Iterator["Metric"]:
    from prometheus_client.core import CounterMetricFamily

    labels: dict[str, Any] = {"labels": ["service"]}
    records = CounterMetricFamily("interlock_service_records", "Records that a service saw to.", **labels)
    failures = CounterMetricFamily("interlock_service_failures", "How often it failed, or was put off.", **labels)
    for service in sorted({*tally.records, *tally.failures}):
        records.add_metric([service], tally.records[service])
        failures.add_metric([service], tally.failures[service])
    yield from (records, failures)
