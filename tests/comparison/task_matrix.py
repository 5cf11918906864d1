"""Every transition of a task run: each initial state by each proposed one, in a flow run and alone, forced and not."""

from __future__ import annotations

from collections.abc import Iterator

from tests.comparison.build import (
    LITERAL,
    REFERENCE,
    UNPERSISTED,
    delete,
    flow_run,
    limit,
    now,
    reach,
    read,
    set_state,
    state,
    task_run,
)
from tests.comparison.model import JSON, Case

RUNNING = state("RUNNING")

# Each initial state as the states to go through, the first of them at creation.
INITIAL: dict[str, list[JSON]] = {
    "SCHEDULED": [state("SCHEDULED")],
    "SCHEDULED past": [state("SCHEDULED", scheduled_time=now(-600))],
    "SCHEDULED future": [state("SCHEDULED", scheduled_time=now(600))],
    "AwaitingRetry": [RUNNING, state("SCHEDULED", "AwaitingRetry", scheduled_time=now(-1))],
    "AwaitingRetry future": [RUNNING, state("SCHEDULED", "AwaitingRetry", scheduled_time=now(600))],
    "Late": [state("SCHEDULED", "Late", scheduled_time=now(-600))],
    "PENDING": [state("PENDING")],
    "PENDING past": [state("PENDING", scheduled_time=now(-600))],
    "PENDING future": [state("PENDING", scheduled_time=now(600))],
    "RUNNING": [RUNNING],
    "RUNNING twice": [RUNNING, RUNNING],
    "RUNNING future": [state("RUNNING", scheduled_time=now(600))],
    "COMPLETED": [RUNNING, state("COMPLETED")],
    "COMPLETED never ran": [state("COMPLETED")],
    "COMPLETED reference": [RUNNING, state("COMPLETED", data=REFERENCE)],
    "COMPLETED unpersisted": [RUNNING, state("COMPLETED", data=UNPERSISTED)],
    "COMPLETED literal": [RUNNING, state("COMPLETED", data=LITERAL)],
    "FAILED": [RUNNING, state("FAILED", message="it broke")],
    "FAILED reference": [RUNNING, state("FAILED", data=REFERENCE)],
    "CRASHED": [RUNNING, state("CRASHED")],
    "CRASHED reference": [RUNNING, state("CRASHED", data=REFERENCE)],
    "CANCELLED": [RUNNING, state("CANCELLED")],
    "CANCELLED never ran": [state("CANCELLED")],
    "PAUSED": [RUNNING, state("PAUSED")],
    "PAUSED NotReady": [state("PAUSED", "NotReady", pause_timeout=now(-600))],
    "CANCELLING": [RUNNING, state("CANCELLING")],
}

PROPOSED: dict[str, JSON] = {
    "SCHEDULED": state("SCHEDULED"),
    "SCHEDULED future": state("SCHEDULED", scheduled_time=now(1200)),
    "AwaitingRetry": state("SCHEDULED", "AwaitingRetry", scheduled_time=now(-1)),
    "PENDING": state("PENDING"),
    "PENDING future": state("PENDING", scheduled_time=now(1200)),
    "RUNNING": state("RUNNING"),
    "RUNNING named": state("RUNNING", "Custom", message="by name", scheduled_time=now(1200)),
    "COMPLETED": state("COMPLETED"),
    "COMPLETED reference": state("COMPLETED", data=REFERENCE),
    "COMPLETED unpersisted": state("COMPLETED", data=UNPERSISTED),
    "FAILED": state("FAILED", message="again"),
    "CANCELLED": state("CANCELLED"),
    "CRASHED": state("CRASHED"),
    "PAUSED": state("PAUSED"),
    "CANCELLING": state("CANCELLING"),
}


def cases() -> Iterator[Case]:
    yield from matrix()
    yield from created()
    yield from without_a_state()


def matrix() -> Iterator[Case]:
    for initial, states in INITIAL.items():
        for proposed, wanted in PROPOSED.items():
            for force in (False, True):
                how = "forced" if force else "asked"
                propose = (set_state(wanted, force=force), read())
                inside = (flow_run(RUNNING), task_run(states[0]), *reach(states))
                yield Case("task_matrix", f"in a flow/{initial} to {proposed}/{how}", inside + propose)
                alone = (task_run(states[0], parent=None), *reach(states))
                yield Case("task_matrix", f"alone/{initial} to {proposed}/{how}", alone + propose)


def created() -> Iterator[Case]:
    """From no state: what a run is created in, read back from the answer to its creation."""
    for proposed, wanted in PROPOSED.items():
        if wanted.get("data"):
            continue
        for parent in ("flow_run", None):
            where = "in a flow" if parent else "alone"
            setup = (flow_run(RUNNING),) if parent else ()
            steps = (*setup, task_run(wanted, parent=parent, record=True), read())
            yield Case("task_matrix", f"{where}/none to {proposed}/created", steps)


def without_a_state() -> Iterator[Case]:
    """A run that lost its initial state to a tag limit of zero, and then proposes each state."""
    for proposed, wanted in PROPOSED.items():
        for force in (False, True):
            how = "forced" if force else "asked"
            steps = (
                limit("{unique}", 0),
                task_run(RUNNING, parent=None, tags=["{unique}"], record=True),
                delete("/concurrency_limits/tag/{unique}", "lift"),
                set_state(wanted, force=force),
                read(),
            )
            yield Case("task_matrix", f"alone/no state to {proposed}/{how}", steps)
