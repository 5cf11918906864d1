"""A flow of the 3.x line, whose tasks tell of their states by events: they complete, are retried, fail, and are taken
from the cache; a subflow has a task of its own."""

import json
import sys
from typing import Any

from prefect import flow, task
from prefect.context import TaskRunContext

WORD, COUNT = sys.argv[1], int(sys.argv[2])

seen: dict[str, str] = {}
"""The id of each task run by its label."""


def note(label: str) -> None:
    """Note which run executes."""
    context = TaskRunContext.get()
    assert context is not None
    seen[label] = str(context.task_run.id)


@task
def square(number: int) -> int:
    """Square a number."""
    note(f"square {number}")
    return number * number


@task(retries=2, retry_delay_seconds=0)
def flaky() -> str:
    """Fail, and succeed when tried again."""
    was_here = "flaky" in seen
    note("flaky")
    if not was_here:
        raise ValueError("the first attempt fails")
    return "made it"


@task
def failing() -> None:
    """Fail for good."""
    note("failing")
    raise ValueError("for good")


@task(persist_result=True, cache_key_fn=lambda _context, _parameters: f"key-{WORD}")
def kept(label: str) -> int:
    """Give a result that is kept."""
    note(label)
    return 42


@flow(name=f"inner-{WORD}")
def inner() -> int:
    """The subflow."""
    return square(COUNT)


@flow(name=f"observed-{WORD}")
def observed() -> dict[str, Any]:
    """Run them all."""
    futures = square.map(list(range(COUNT)))
    squares = [future.result() for future in futures]
    failed = failing(return_state=True)
    result = {"squares": squares, "flaky": flaky(), "failed": failed.type.value, "inner": inner()}
    return result | {"kept": [kept("kept"), kept("taken from the cache")]}


if __name__ == "__main__":
    state = observed(return_state=True)
    report = {"id": str(state.state_details.flow_run_id), "type": state.type.value, "result": state.result()}
    print(json.dumps(report | {"task_runs": seen}))
