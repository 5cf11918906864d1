"""The task runs that the reads are measured on: the same for both servers, made from a fixed seed.

Ten flows with a hundred flow runs each, their task runs spread over the 24 hours before `base`; tags, and final states
in fixed proportions. Every run goes SCHEDULED, RUNNING, final: three states. SCHEDULED, because a scheduled time is how
a client gives a run a start time in the past.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

FLOWS = 10
FLOW_RUNS = 1000
DAY = timedelta(hours=24)
TASKS = ("extract", "clean", "join", "aggregate", "load", "notify", "train", "score", "export", "archive")
TAGS = ("finance", "ops", "sales", "research", "nightly", "hourly", "backfill", "critical")
FINAL_STATES = ("COMPLETED", "FAILED", "CANCELLED")
FINAL_WEIGHTS = (92, 5, 3)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One task run of the data set; `flow_run` is the number of its flow run."""

    number: int
    flow_run: int
    task: str
    tags: tuple[str, ...]
    scheduled_time: datetime
    seconds: float
    final_state: str

    @property
    def name(self) -> str:
        return f"{self.task}-{self.number}"


def flow_name(flow: int) -> str:
    """The name of a flow by its number."""
    return f"stored-flow-{flow}"


def flow_run_name(flow_run: int) -> str:
    """The name of a flow run by its number; it belongs to flow `flow_run % FLOWS`."""
    return f"stored-run-{flow_run}"


def stored_runs(count: int, base: datetime) -> Iterator[StoredRun]:
    """The first `count` runs, in the order in which they are stored."""
    rng = random.Random(20_25)
    for number in range(count):
        yield StoredRun(
            number=number,
            flow_run=number * FLOW_RUNS // count,
            task=rng.choice(TASKS),
            tags=tuple(sorted(rng.sample(TAGS, rng.choice((0, 1, 1, 2))))),
            scheduled_time=base - DAY + DAY * (number / count),
            seconds=rng.uniform(0.1, 60),
            final_state=rng.choices(FINAL_STATES, FINAL_WEIGHTS)[0],
        )
