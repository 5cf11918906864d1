"""Background tasks of the 3.x line: `serve` is a worker, `submit` a program that calls them and returns at once,
`result` one that asks for the results of runs that have ended.

Several of one kind, one that is retried, one that fails, and those that a flow calls.
"""

import json
import sys
from pathlib import Path

from prefect import flow, task
from prefect.futures import PrefectDistributedFuture
from prefect.task_worker import serve

WORD, FOLDER, WHAT, *NAMED = sys.argv[1:]
TASKS, IN_FLOW = 12, 3


@task(name=f"note-{WORD}")
def note(number: int) -> int:
    """Leave a trace of each execution."""
    with (Path(FOLDER) / f"executions-{WORD}").open("a") as file:
        file.write(f"{number}\n")
    return number * number


@task(name=f"flaky-{WORD}", retries=1, retry_delay_seconds=0)
def flaky() -> str:
    """Fail the first time."""
    trace = Path(FOLDER) / f"flaky-{WORD}"
    if not trace.exists():
        trace.touch()
        raise ValueError("the first time")
    return "done"


@task(name=f"failing-{WORD}")
def failing() -> None:
    """Fail for good."""
    raise ValueError("for good")


@flow(name=f"caller-{WORD}")
def caller() -> list[str]:
    """Call some, and end without waiting for them."""
    return ids(note.delay(number) for number in range(TASKS, TASKS + IN_FLOW))


def ids(futures: object) -> list[str]:
    """The runs of futures."""
    return [str(future.task_run_id) for future in futures]


def submit() -> dict[str, object]:
    """Call them all, outside of a flow and in one."""
    notes = ids(note.delay(number) for number in range(TASKS))
    others = {"flaky": flaky.delay(), "failing": failing.delay()}
    state = caller(return_state=True)
    return {
        "notes": notes,
        "in_flow": state.result(),
        "flow_run": str(state.state_details.flow_run_id),
        **dict(zip(others, ids(others.values()), strict=True)),
    }


def results() -> list[int]:
    """Of the runs named, which have ended."""
    return [PrefectDistributedFuture(task_run_id=x).result(timeout=30) for x in NAMED]


if __name__ == "__main__":
    if WHAT == "serve":
        serve(note, flaky, failing)
    print(json.dumps(submit() if WHAT == "submit" else results()))
