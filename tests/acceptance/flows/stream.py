"""A stream of background tasks, for both client lines: `serve LIMIT` is a worker, and `submit COUNT FIRST` a program
that calls so many, numbered from the first on.

Each execution leaves a line when it begins and one when it ends, and in between waits for the gate, which is a file.
Who is `late` waits for the gate before all else.
"""

import json
import os
import sys
import time
from pathlib import Path

import prefect
from prefect import task

WORD, FOLDER, TAGS, WHEN, WHAT, *NUMBERS = sys.argv[1:]
IS_3 = prefect.__version__.startswith("3")


def pass_gate() -> None:
    """Wait until it is there."""
    while not (Path(FOLDER) / f"gate-{WORD}").exists():
        time.sleep(0.1)


def trace(what: str, number: int) -> None:
    """Leave a line; lines of several processes don't mix."""
    with (Path(FOLDER) / f"traces-{WORD}").open("a") as file:
        file.write(f"{what} {number} {os.getpid()}\n")


@task(name=f"step-{WORD}", tags=json.loads(TAGS))
def step(number: int) -> int:
    """Begin, wait for the gate, end."""
    trace("began", number)
    pass_gate()
    trace("ended", number)
    return number


def serve(limit: int) -> None:
    """Serve for ever; only the 3.x line has a limit of runs at a time."""
    if IS_3:
        from prefect.task_worker import serve

        serve(step, limit=limit)
    else:
        from prefect.task_server import serve

        serve(step)


def submit(count: int, first: int) -> None:
    """Call the task so many times; the last line names the runs."""
    call = step.delay if IS_3 else step.submit
    runs = [call(number) for number in range(first, first + count)]
    print(json.dumps([str(run.task_run_id if IS_3 else run.id) for run in runs]))


if WHEN == "late":
    pass_gate()
{"serve": serve, "submit": submit}[WHAT](*map(int, NUMBERS))
