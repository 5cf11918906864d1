"""Flows that call flows; prints every flow run's id and result."""

import asyncio
import json
import sys
from typing import Any

from prefect import flow, runtime, task
from prefect.client.schemas.objects import State

WORD = sys.argv[1]


@task
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@flow(name=f"child-{WORD}")
def child(number: int) -> dict[str, Any]:
    """A subflow with a task of its own."""
    ids = {"id": str(runtime.flow_run.id), "parent": str(runtime.flow_run.parent_flow_run_id)}
    return ids | {"total": add(number, 1)}


@flow(name=f"failing-child-{WORD}")
def failing_child() -> None:
    """A subflow that fails."""
    raise RuntimeError("child failed")


@flow(name=f"parent-{WORD}")
def parent() -> dict[str, Any]:
    """A task's result goes into a subflow, and its result into a task."""
    first = add.submit(1, 1)
    ran = child(first)
    failed = failing_child(return_state=True)
    return {"child": ran, "after": add(ran["total"], 1), "failed": [str(failed.state_details.flow_run_id), failed.name]}


@flow(name=f"async-child-{WORD}")
async def async_child(number: int) -> list[Any]:
    """An async subflow."""
    return [str(runtime.flow_run.id), number * 2]


@flow(name=f"async-parent-{WORD}")
async def async_parent() -> list[Any]:
    """Three subflows at once."""
    return list(await asyncio.gather(*[async_child(number) for number in range(3)]))


def seen(state: State) -> dict[str, Any]:
    """What the client holds of a finished flow run."""
    return {"id": str(state.state_details.flow_run_id), "type": state.type.value, "result": state.result()}


if __name__ == "__main__":
    report = {"sync": seen(parent(return_state=True)), "async": seen(asyncio.run(async_parent(return_state=True)))}
    print(json.dumps(report))
