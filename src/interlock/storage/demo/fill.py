"""Writing a demo into a database, in bulk, some flow runs at a time.

What lives here: the inserts. What does not: the records (flow_runs.py).
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from functools import partial
from random import Random
from typing import Any

from sqlalchemy import Connection

from interlock.orchestration.runs import FlowRun, TaskRun
from interlock.orchestration.states import State
from interlock.storage import rows, sums, tag_sums, tags
from interlock.storage.demo import world
from interlock.storage.demo.flow_runs import Demo, slices
from interlock.storage.demo.paths import id_at
from interlock.storage.demo.slices import Slice
from interlock.storage.prepared import BulkInsert, Writes
from interlock.storage.queries import concurrency_limits, database, flows, logs
from interlock.storage.store import Store
from interlock.storage.tables import concurrency_slots, flow_run_states, flow_runs, task_run_states, task_runs

_FLOW_RUNS = BulkInsert(flow_runs, rows.FLOW_RUN_VALUES)
_FLOW_RUN_STATES = BulkInsert(flow_run_states, (*rows.STATE_COLUMNS, "flow_run_id"))
_TASK_RUNS = BulkInsert(task_runs, rows.TASK_RUN_VALUES)
_TASK_RUN_STATES = BulkInsert(task_run_states, (*rows.STATE_COLUMNS, "task_run_id"))
_SLOTS = BulkInsert(concurrency_slots, concurrency_slots.c.keys())


async def fill(store: Store, demo: Demo) -> AsyncIterator[int]:
    """Write a demo into an open store, beside what it holds. Each slice is a transaction; yields how many task runs it
    had. The flows and limits that are there already are taken as they are."""
    flow_ids, limit_ids = await store.administer(partial(_prepare, demo))
    async for part in _made_ahead(slices(demo, flow_ids)):
        await store.administer(partial(_write, part, limit_ids))
        yield len(part.task_runs)
    await store.administer(database.gather_statistics)


async def _made_ahead(parts: Iterator[Slice]) -> AsyncIterator[Slice]:
    """The slices; each is made while the one before it is written."""
    part = await asyncio.to_thread(next, parts, None)
    while part is not None:
        following = asyncio.create_task(asyncio.to_thread(next, parts, None))
        yield part
        part = await following


def _prepare(demo: Demo, conn: Connection) -> tuple[dict[str, str], dict[str, str]]:
    """The ids of the flows by name, and of the limits by tag."""
    rng, made = Random(-1 - demo.seed), demo.now - demo.span
    flow_ids = {}
    for flow in world.FLOWS:
        flow_ids[flow.name] = flows.get_or_create(conn, id_at(rng, made), flow.name, list(flow.tags), {}, made)[0]["id"]
    limits = {tag: concurrency_limits.by_tag(conn, tag, made) for tag in world.TAG_LIMITS}
    for tag, slots in world.TAG_LIMITS.items():
        limits[tag] = limits[tag] or concurrency_limits.create_or_change(conn, id_at(rng, made), tag, slots, made)
    return flow_ids, {tag: limit["id"] for tag, limit in limits.items() if limit is not None}


def _write(part: Slice, limit_ids: dict[str, str], conn: Connection) -> None:
    _FLOW_RUNS.write(conn, [rows.flow_run_values(run) for run, _ in part.flow_runs])
    _FLOW_RUN_STATES.write(conn, _state_rows("flow_run_id", part.flow_runs))
    _TASK_RUNS.write(conn, [rows.task_run_values(run) for run, _ in part.task_runs])
    _TASK_RUN_STATES.write(conn, _state_rows("task_run_id", part.task_runs))
    logs.insert_many(conn, part.logs)
    _SLOTS.write(conn, [{"concurrency_limit_id": limit_ids[tag], "task_run_id": run} for tag, run in part.slots])
    _write_what_finds_them(conn, [run for run, _ in part.flow_runs], [run for run, _ in part.task_runs])


def _write_what_finds_them(conn: Connection, new_flow_runs: list[FlowRun], new_task_runs: list[TaskRun]) -> None:
    writes = Writes(conn)
    tags.gather(writes, new_task_runs, ())
    sums.add_changes(writes, flow_runs, ((None, x) for x in new_flow_runs))
    sums.add_changes(writes, task_runs, ((None, x) for x in new_task_runs))
    tag_sums.add_changes(writes, ((None, x) for x in new_task_runs))
    writes.send()
    sums.fold(conn)
    tag_sums.fold(conn)


def _state_rows(owner: str, runs: Iterable[tuple[Any, Sequence[State]]]) -> list[dict[str, Any]]:
    return [rows.state_values(state) | {owner: run.id} for run, states in runs for state in states]
