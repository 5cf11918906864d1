"""Deployments with schedules in a store, and what was made of them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from interlock.engine.batcher import Batcher
from interlock.orchestration.runs import FlowRun
from interlock.storage import rows
from interlock.storage.invariants import violations
from interlock.storage.queries import deployments, flows
from interlock.storage.store import Store
from interlock.storage.tables import flow_runs
from tests.builders import THEN

FLOW = "00000000-0000-7000-9000-000000000000"
VALUES: dict[str, Any] = {
    "flow_id": FLOW,
    "infra_overrides": {},
    "parameters": {"a": 1, "b": 1},
    "tags": ["mine"],
    "labels": {"team": "us"},
    "is_schedule_active": True,
    "paused": False,
    "enforce_parameter_schema": False,
    "work_queue_name": None,
    "version": "v1",
}


def deployment_id(number: int) -> str:
    return f"00000000-0000-7000-9000-{number:012d}"


def schedule_id(number: int, place: int = 0) -> str:
    return f"00000000-0000-7000-9{place:03d}-1{number:011d}"


def hourly(**more: Any) -> dict[str, Any]:
    """A schedule that fires at every full hour."""
    return scheduled({"cron": "0 * * * *", "timezone": None, "day_or": True}, **more)


def scheduled(schedule: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"schedule": schedule, "active": True, "catchup": False, "parameters": {}} | more


async def deploy(store: Store, now: datetime, number: int, *schedules: dict[str, Any], **values: Any) -> str:
    """Make, or replace, a deployment; returns its id."""
    batcher = Batcher(store)
    await batcher.write(flows.get_or_create, FLOW, "flow", [], {"prefect.flow.id": FLOW}, THEN)
    wanted = [{"id": schedule_id(number, place)} | x for place, x in enumerate(schedules)]
    change = deployments.Change(VALUES | {"name": str(number)} | values, wanted)
    made, _ = await batcher.write(deployments.create_or_replace, lambda: deployment_id(number), change, now)
    return str(made["id"])


async def runs(store: Store) -> list[FlowRun]:
    """All flow runs, in the order of their times."""
    statement = rows.select_flow_runs().order_by(flow_runs.c.next_scheduled_start_time, flow_runs.c.id)
    return await store.read(lambda conn: [rows.flow_run(x) for x in conn.execute(statement)])


async def hours(store: Store, of: Callable[[FlowRun], bool] = lambda _: True) -> list[int]:
    """The hours of the day, by UTC, at which runs are to begin."""
    times = [x.next_scheduled_start_time for x in await runs(store) if of(x)]
    return [x.astimezone(UTC).hour for x in times if x is not None]


async def check(store: Store) -> None:
    """The ledger is as it must be."""
    assert await store.read(lambda conn: list(violations(conn))) == []


async def count(store: Store) -> int:
    return len(await store.read(lambda conn: conn.execute(select(flow_runs.c.id)).all()))
