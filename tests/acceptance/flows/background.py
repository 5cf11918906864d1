"""Background tasks: `serve` is a worker, `submit` a program that calls them and returns at once."""

import json
import sys
from pathlib import Path

from prefect import task
from prefect.task_server import serve

WORD, WHAT, FOLDER = sys.argv[1], sys.argv[2], Path(sys.argv[3])
TASKS = 12


@task(name=f"note-{WORD}")
def note(number: int) -> int:
    """Leave a trace of each execution."""
    with (FOLDER / f"executions-{WORD}").open("a") as file:
        file.write(f"{number}\n")
    return number


@task(name=f"flaky-{WORD}", retries=1, retry_delay_seconds=0)
def flaky() -> str:
    """Fail the first time."""
    trace = FOLDER / f"flaky-{WORD}"
    if not trace.exists():
        trace.touch()
        raise ValueError("the first time")
    return "done"


if WHAT == "serve":
    serve(note, flaky)
else:
    runs = [note.submit(number) for number in range(TASKS)] + [flaky.submit()]
    print(json.dumps([str(run.id) for run in runs]))
