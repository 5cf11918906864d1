"""Runs as rows: what stands in other tables comes with them. The formats are tested over HTTP (tests/api)."""

from interlock.storage.filters import EVERYTHING, Order
from interlock.storage.queries import runs_filter
from interlock.storage.queries.exports import FLOW_RUN_ROWS, TASK_RUN_ROWS, RunRows, next_rows
from tests.storage.conftest import World


def exported(world: World, kind: RunRows) -> list[dict[str, object]]:
    """All runs of a kind, as rows by the names of the columns."""
    rows = world.read(next_rows, kind, EVERYTHING, 1000, None)
    assert rows.end is None
    return [dict(zip(kind.columns, row, strict=False)) for row in rows.items]


def test_flow_runs_come_with_their_pools(world: World) -> None:
    """That of the work queue, and none without one."""
    page = world.read(runs_filter.flow_run_page, EVERYTHING, Order("id"), 1000, 0)
    pools = [(x.run.id, x.pool.id if x.pool else None, x.pool.name if x.pool else None) for x in page]
    found = [(x["id"], x["work_pool_id"], x["work_pool_name"]) for x in exported(world, FLOW_RUN_ROWS)]
    assert found == pools
    assert {name for _, _, name in pools} >= {None, "pool 1"}


def test_runs_come_with_their_states(world: World) -> None:
    """What a state's own row says."""
    for noun, kind in (("task_runs", TASK_RUN_ROWS), ("flow_runs", FLOW_RUN_ROWS)):
        states = world.rows[noun.replace("runs", "run_states")]
        names = ("id", "type", "name", "timestamp", "message")
        for row in exported(world, kind):
            assert {x: row[f"state_{x}"] for x in names} == {x: states[str(row["state_id"])][x] for x in names}
