"""Flows that end badly: `interrupted.py <word> <how>...` runs them in turn and prints what the client made of each."""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.client.schemas.objects import State

WORD, *HOWS = sys.argv[1:]


def named(function: Callable[[], Any]) -> Any:
    """A flow whose runs are named after its function and this suite's word."""
    name = f"{function.__name__}-{WORD}"
    return flow(name=name, flow_run_name=name)(function)


class Catastrophe(BaseException):
    """Not an Exception: no code is meant to survive it."""


@task
def fine() -> None:
    """A task before the bad one."""


@task
def crash() -> None:
    """Raise what only a crash raises."""
    raise Catastrophe("the task crashed")


@task
def interrupt() -> None:
    """Raise what Ctrl-C raises."""
    raise KeyboardInterrupt


@task
def die() -> None:
    """End the process at once; nobody is told."""
    os._exit(66)


@task(timeout_seconds=0.3)
def overdue() -> None:
    """Take longer than is allowed."""
    time.sleep(1)


@named
def crashed_task() -> None:
    """One task that is fine and one that crashes."""
    fine()
    crash()


@named
def interrupted_task() -> None:
    """A task hit by Ctrl-C."""
    interrupt()


@named
def crashed_flow() -> None:
    """A flow that crashes outside its tasks."""
    fine()
    raise Catastrophe("the flow crashed")


@named
def dead_process() -> None:
    """A process that ends in a task."""
    fine()
    die()


@named
def timed_out_task() -> str:
    """A task over its time."""
    return overdue(return_state=True).name


@flow(name=f"timed_out_flow-{WORD}", flow_run_name=f"timed_out_flow-{WORD}", timeout_seconds=0.5)
def timed_out_flow() -> None:
    """A flow over its time."""
    for _ in range(50):
        time.sleep(0.1)


@named
def stopped() -> None:
    """Start one task after another until something stops it."""
    get_run_logger().info("running until stopped")
    while True:
        fine()
        time.sleep(0.1)


def outcome(each: Any) -> dict[str, str | None]:
    """The state a flow run came to, or what it raised."""
    try:
        state: State = each(return_state=True)
    except BaseException as error:
        return {"raised": repr(error)}
    return {"type": state.type.value, "name": state.name, "message": state.message}


if __name__ == "__main__":
    print(json.dumps({how: outcome(globals()[how]) for how in HOWS}))
