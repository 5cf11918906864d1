"""One flow that maps a task over many numbers; every execution leaves a line, so that a second one would show."""

import json
import sys
from pathlib import Path

from prefect import flow, get_run_logger, task
from prefect.task_runners import ConcurrentTaskRunner

WORD, COUNT, EXECUTIONS = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])


@task
def square(number: int) -> int:
    """Square a number, leaving its line behind."""
    get_run_logger().info("squaring %s", number)
    with EXECUTIONS.open("a") as lines:
        lines.write(f"{number}\n")
    return number * number


@flow(name=f"mapped-{WORD}", task_runner=ConcurrentTaskRunner())
def mapped() -> list[int]:
    """Map, and gather in order."""
    return [future.result() for future in square.map(list(range(COUNT)))]


if __name__ == "__main__":
    state = mapped(return_state=True)
    print(json.dumps({"id": str(state.state_details.flow_run_id), "type": state.type.value, "result": state.result()}))
