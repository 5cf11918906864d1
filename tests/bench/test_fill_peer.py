"""What goes into the peer's tables: a SQLite file with tables of these names and columns is enough to see it."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from bench import fill_peer
from bench.fill import demo
from bench.servers import Storage

COLUMNS = {
    "flow": "id, name",
    "flow_run": fill_peer.FLOW_RUN_COLUMNS,
    "flow_run_state": f"{fill_peer.STATE_COLUMNS}, flow_run_id",
    "task_run": fill_peer.TASK_RUN_COLUMNS,
    "task_run_state": f"{fill_peer.STATE_COLUMNS}, task_run_id",
    "log": fill_peer.LOG_COLUMNS,
}


def test_the_peer_gets_the_same_runs(tmp_path: Path) -> None:
    """All of them, each with its current state, and times as texts."""
    with closing(sqlite3.connect(tmp_path / "prefect.db")) as conn:
        for table, columns in COLUMNS.items():
            conn.execute(f"CREATE TABLE {table} ({columns})")
        fill_peer.fill_peer(Storage(tmp_path), demo(50, datetime(2026, 3, 1, 12, tzinfo=UTC)))
        assert conn.execute("SELECT count(*) FROM task_run").fetchone() == (50,)
        current = "SELECT count(*) FROM task_run JOIN task_run_state ON task_run_state.id = task_run.state_id"
        assert conn.execute(f"{current} WHERE task_run_id = task_run.id AND type = state_type").fetchone() == (50,)
        assert conn.execute("SELECT count(*) FROM flow_run JOIN flow ON flow.id = flow_id").fetchone() == (50,)
        assert conn.execute("SELECT max(expected_start_time) FROM task_run").fetchone()[0].startswith("2026-03-01 11:")
