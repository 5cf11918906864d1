"""Workers, pools, queues and deployments that nobody has heard of for a while are marked, and nothing else."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, insert, select

from interlock.engine.batcher import Batcher
from interlock.engine.services.foreman import UNSERVED_POOLS, silent_workers, unpolled_deployments, unpolled_queues
from interlock.server import new_id
from interlock.storage import tables
from interlock.storage.queries import flows, work_polls, work_pools, workers
from interlock.storage.store import Store
from tests.conftest import FakeClock


async def statuses(store: Store, table: Any) -> dict[str, str]:
    def read(conn: Connection) -> dict[str, str]:
        return {row.name: row.status for row in conn.execute(select(table.c.name, table.c.status))}

    return await store.read(read)


async def make_pool(batcher: Batcher, clock: FakeClock, name: str, **fields: Any) -> Any:
    values = {"name": name, "type": "process", "base_job_template": {}, "is_paused": False} | fields
    return await batcher.write(work_pools.create, values | {"storage_configuration": {}}, new_id, clock())


async def test_workers_that_missed_their_heartbeats_go_offline(store: Store, clock: FakeClock) -> None:
    """Each by the interval that it told, or the one that is expected."""
    batcher = Batcher(store)
    await make_pool(batcher, clock, "p")
    for name, interval in (("slow", 60), ("usual", None), ("quick", 1)):
        await batcher.write(workers.heartbeat, "p", name, interval, new_id(), clock())
    step = silent_workers(30, 3).step
    for seconds, gone in ((2.9, set()), (0.1, {"quick"}), (86.9, set()), (0.1, {"usual"}), (90, {"slow"})):
        clock.advance(seconds=seconds)
        before = await statuses(store, tables.workers)
        assert await step(batcher, clock(), 10) == len(gone)
        after = await statuses(store, tables.workers)
        assert {x for x in after if before[x] != after[x]} == gone
    assert set((await statuses(store, tables.workers)).values()) == {"OFFLINE"}
    await batcher.write(workers.heartbeat, "p", "quick", None, new_id(), clock())
    assert (await statuses(store, tables.workers))["quick"] == "ONLINE"


async def test_pools_without_a_worker_are_not_ready(store: Store, clock: FakeClock) -> None:
    """Those that are paused stay so."""
    batcher = Batcher(store)
    for name in ("served", "left"):
        await make_pool(batcher, clock, name)
        await batcher.write(workers.heartbeat, name, "w", 30 if name == "served" else 1, new_id(), clock())
    await make_pool(batcher, clock, "paused", is_paused=True)
    clock.advance(seconds=10)
    assert await UNSERVED_POOLS.step(batcher, clock(), 10) == 0
    await silent_workers(30, 3).step(batcher, clock(), 10)
    assert await UNSERVED_POOLS.step(batcher, clock(), 10) == 1
    told = await statuses(store, tables.work_pools)
    assert {x: told[x] for x in ("served", "left", "paused")} == {
        "served": "READY",
        "left": "NOT_READY",
        "paused": "PAUSED",
    }


async def test_queues_and_deployments_that_nobody_polls_are_not_ready(store: Store, clock: FakeClock) -> None:
    """A deployment is ready as long as its queue is polled."""
    batcher = Batcher(store)
    pools = {x: await make_pool(batcher, clock, x) for x in ("polled", "left")}
    await batcher.write(flows.get_or_create, FLOW, "flow", [], {}, clock())
    await batcher.write(
        lambda conn: conn.execute(insert(tables.deployments), [deployment(x, y) for x, y in pools.items()])
    )
    queues = {x: y["default_queue_id"] for x, y in pools.items()}
    await batcher.write(work_polls.note, list(queues.values()), clock())
    assert await statuses(store, tables.deployments) == {"polled": "READY", "left": "READY"}
    clock.advance(seconds=60)
    await batcher.write(work_polls.note, [queues["polled"]], clock())
    assert await unpolled_queues(60).step(batcher, clock(), 10) == 0
    assert await unpolled_deployments(60).step(batcher, clock(), 10) == 0
    clock.advance(seconds=0.1)
    assert await unpolled_queues(60).step(batcher, clock(), 10) == 1
    assert await unpolled_deployments(60).step(batcher, clock(), 10) == 1
    assert await statuses(store, tables.deployments) == {"polled": "READY", "left": "NOT_READY"}
    left = await store.read(lambda conn: conn.execute(select(tables.work_queues.c.id).where(READY)).scalars().all())
    assert left == [queues["polled"]]


async def test_they_are_marked_in_steps(store: Store, clock: FakeClock) -> None:
    """Of so many at a time."""
    batcher = Batcher(store)
    await make_pool(batcher, clock, "p")
    for n in range(5):
        await batcher.write(workers.heartbeat, "p", f"w{n}", None, new_id(), clock())
    later = clock() + timedelta(hours=1)
    assert [await silent_workers(30, 3).step(batcher, later, 2) for _ in range(4)] == [2, 2, 1, 0]


FLOW = "00000000-0000-7000-8000-00000000f10f"
READY = tables.work_queues.c.status == "READY"


def deployment(name: str, pool: Any) -> dict[str, Any]:
    plain = {"infra_overrides": {}, "parameters": {}, "tags": [], "labels": {}, "enforce_parameter_schema": False}
    flags = {"is_schedule_active": True, "paused": False, "status": "NOT_READY"}
    times = {"created": pool["created"], "updated": pool["created"]}
    return (
        {"id": new_id(), "name": name, "flow_id": FLOW, "work_queue_id": pool["default_queue_id"]}
        | plain
        | flags
        | times
    )
