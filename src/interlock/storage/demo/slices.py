"""What is made, and written, at a time: some flow runs with all that belongs to them."""

from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import Any

import msgspec

from interlock.orchestration.runs import FlowRun, TaskRun
from interlock.orchestration.states import State
from interlock.storage.demo.paths import id_at

INFO, ERROR = 20, 40
"""Levels of logs."""


class Slice(msgspec.Struct, frozen=True):
    """Runs with all their states, logs as rows, and slots: a limited tag and the task run that holds one."""

    flow_runs: list[tuple[FlowRun, Sequence[State]]] = []
    task_runs: list[tuple[TaskRun, Sequence[State]]] = []
    logs: list[dict[str, Any]] = []
    slots: list[tuple[str, str]] = []

    def add_log(
        self, rng: Random, at: datetime, level: int, message: str, flow_run_id: str, task_run_id: str | None = None
    ) -> None:
        """A line of a flow run, or of one of its task runs."""
        line = {"id": id_at(rng, at), "created": at, "updated": at, "level": level, "message": message, "timestamp": at}
        name = "prefect.flow_runs" if task_run_id is None else "prefect.task_runs"
        self.logs.append(line | {"name": name, "flow_run_id": flow_run_id, "task_run_id": task_run_id})
