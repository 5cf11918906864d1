"""A small world of runs in the tables, made at random from a seed, and known row by row.

What lives here: the rows, where every column that can be NULL sometimes is, and values that differ in case only. What
does not: what a criterion means for them (meaning.py).
"""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from interlock.orchestration.states import StateType
from interlock.storage import sums, tables, tag_sums

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMES = ("alpha", "Alpha", "be_ta", "beXta", "be%ta", "Ünï")
TAGS = ("x", "X", "x y", "ünï")
STATE_NAMES = ("Late", "Custom", "late")
MESSAGES = ("All fine", "it broke: 100%", "")
TEXTS = ("1", "2")
CREATORS = ("DEPLOYMENT", "AUTOMATION")
IDS = {
    noun: tuple(f"00000000-0000-7000-8000-{place:04d}{number:08d}" for number in range(count))
    for place, (noun, count) in enumerate(
        {"flows": 4, "deployments": 5, "work_pools": 2, "work_queues": 4, "flow_runs": 25, "task_runs": 70}.items()
    )
}
"""The ids of all records; in the world there is also a reference to one that does not exist."""

GONE = "00000000-0000-7000-8000-999900000000"

Rows = dict[str, dict[str, dict[str, Any]]]
"""For each noun, the rows by their ids."""


def fill(conn: Connection, seed: int) -> Rows:
    """Put a world into empty tables and tell what is in it."""
    world = _Making(random.Random(seed))
    for noun, rows in world.rows.items():
        conn.execute(insert(tables.metadata.tables[noun]), list(rows.values()))
    for noun, owner, states in (
        ("flow_runs", "flow_run_id", "flow_run_states"),
        ("task_runs", "task_run_id", "task_run_states"),
    ):
        world.rows[states] = {x["id"]: x for x in world.states(noun, owner)}
        conn.execute(insert(tables.metadata.tables[states]), list(world.rows[states].values()))
    conn.execute(insert(tables.task_run_tags), list(world.tags()))
    # The order of the two tables of runs is that of their references; this one goes the other way.
    for row in world.rows["flow_runs"].values():
        conn.execute(
            tables.flow_runs.update().where(tables.flow_runs.c.id == row["id"]).values(parent_task_run_id=row["parent"])
        )
        row["parent_task_run_id"] = row.pop("parent")
    sums.rebuild(conn)
    tag_sums.rebuild(conn)
    return world.rows


class _Making:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        makers = {
            "work_pools": self._pool,
            "work_queues": self._queue,
            "flows": self._flow,
            "deployments": self._deployment,
            "flow_runs": self._flow_run,
            "task_runs": self._task_run,
        }
        self.rows: Rows = {noun: {i: make(i) for i in IDS[noun]} for noun, make in makers.items()}

    def states(self, noun: str, owner: str) -> Iterator[dict[str, Any]]:
        """The current states of the runs."""
        for row in self.rows[noun].values():
            yield {
                "id": row["state_id"],
                owner: row["id"],
                "type": row["state_type"],
                "name": row["state_name"],
                "timestamp": row["state_timestamp"],
                "message": self._maybe(MESSAGES),
                "state_details": "{}",
            }

    def tags(self) -> Iterator[dict[str, Any]]:
        """The index of the task runs' tags."""
        for row in self.rows["task_runs"].values():
            yield from ({"tag": tag, "task_run_id": row["id"]} for tag in row["tags"])

    def _maybe(self, values: Any) -> Any:
        return self._rng.choice(values) if self._rng.random() < 0.7 else None

    def _time(self) -> datetime:
        return NOON + timedelta(minutes=self._rng.randrange(-30, 31))

    def _maybe_time(self) -> datetime | None:
        return self._time() if self._rng.random() < 0.7 else None

    def _identity(self, record_id: str) -> dict[str, Any]:
        tags = self._rng.sample(TAGS, self._rng.choice((0, 0, 1, 2)))
        return {"id": record_id, "created": self._time(), "updated": self._time(), "tags": tags}

    def _pool(self, record_id: str) -> dict[str, Any]:
        return {
            "id": record_id,
            "created": NOON,
            "updated": NOON,
            "name": f"pool {record_id[-1]}",
            "type": self._rng.choice(TEXTS),
            "base_job_template": {},
            "is_paused": False,
            "status": "READY",
        }

    def _queue(self, record_id: str) -> dict[str, Any]:
        return {
            "id": record_id,
            "created": NOON,
            "updated": NOON,
            "name": f"{self._rng.choice(NAMES)} {record_id[-1]}",
            "description": "",
            "is_paused": False,
            "priority": 1,
            "status": "READY",
            "work_pool_id": self._rng.choice(IDS["work_pools"]),
        }

    def _flow(self, record_id: str) -> dict[str, Any]:
        name = f"{self._rng.choice(NAMES)} {record_id[-1]}"
        return {**self._identity(record_id), "name": name, "labels": {}}

    def _deployment(self, record_id: str) -> dict[str, Any]:
        paused = self._rng.random() < 0.5
        return {
            **self._identity(record_id),
            "flow_id": self._rng.choice(IDS["flows"]),
            "name": f"{self._rng.choice(NAMES)} {record_id[-1]}",
            "paused": paused,
            "is_schedule_active": not paused,
            "infra_overrides": {},
            "parameters": {},
            "labels": {},
            "work_queue_name": self._maybe(TEXTS),
            "work_queue_id": self._maybe(IDS["work_queues"]),
            "enforce_parameter_schema": False,
            "status": "NOT_READY",
        }

    def _run(self, record_id: str) -> dict[str, Any]:
        state_type = self._rng.choice(list(StateType)).value
        custom = self._rng.random() < 0.4
        return {
            **self._identity(record_id),
            "name": self._rng.choice(NAMES),
            "labels": "{}",
            "empirical_policy": "{}",
            "state_id": record_id.replace("-8000-", "-9000-"),
            "state_type": state_type,
            "state_name": self._rng.choice(STATE_NAMES) if custom else state_type.capitalize(),
            "state_timestamp": self._time(),
            "run_count": 1,
            "expected_start_time": self._time(),
            "next_scheduled_start_time": self._maybe_time(),
            "start_time": self._maybe_time(),
            "end_time": self._maybe_time(),
            "total_run_time": self._rng.random() * 100,
        }

    def _flow_run(self, record_id: str) -> dict[str, Any]:
        return {
            **self._run(record_id),
            "flow_id": self._rng.choice(IDS["flows"]),
            "deployment_id": self._maybe((*IDS["deployments"], GONE)),
            "work_queue_id": self._maybe(IDS["work_queues"]),
            "work_queue_name": self._maybe(TEXTS),
            "flow_version": self._maybe(TEXTS),
            "parameters": "{}",
            "idempotency_key": self._maybe([f"key {record_id[-2:]}"]),
            "context": "{}",
            "parent_task_run_id": None,
            "parent": self._maybe((*IDS["task_runs"], GONE)) if self._rng.random() < 0.5 else None,
            "auto_scheduled": False,
            "created_by": _creator(record_id),
            "job_variables": "{}",
        }

    def _task_run(self, record_id: str) -> dict[str, Any]:
        return {
            **self._run(record_id),
            "flow_run_id": self._maybe(IDS["flow_runs"]),
            "task_key": "task",
            "dynamic_key": record_id,
            "task_inputs": "{}",
            "flow_run_run_count": 1,
        }


def _creator(record_id: str) -> str | None:
    """What made every other flow run."""
    number = int(record_id[-2:])
    return json.dumps({"type": CREATORS[number // 2 % 2], "display_value": "someone"}) if number % 2 else None
