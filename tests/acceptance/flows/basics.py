"""Flows that use the everyday features, one after another; prints what each returned and its flow run's id."""

import asyncio
import json
import sys
from typing import Any

from prefect import allow_failure, flow, get_run_logger, runtime, task
from prefect.client.schemas.objects import State

WORD = sys.argv[1]


@task(task_run_name="add-{a}-to-{b}", tags=[f"arithmetic-{WORD}"])
def add(a: int, b: int) -> int:
    """A task with a name of its own."""
    get_run_logger().info("adding %s and %s", a, b)
    return a + b


@task
def double(number: int) -> int:
    """A task that prints."""
    print(f"doubling {number}")
    return number * 2


@task
def fail() -> None:
    """A task that fails."""
    raise ValueError("no such luck")


@task
def survive(upstream: Any) -> str:
    """A task that takes whatever its upstream became."""
    return type(upstream).__name__


@task
def note(text: str) -> str:
    """A task that only waits for others."""
    return text


@task
async def add_async(a: int, b: int) -> int:
    """An async task."""
    await asyncio.sleep(0)
    return a + b


@flow(
    name=f"plain-{WORD}",
    flow_run_name="plain-{start}-" + WORD,
    log_prints=True,
    version="7",
    description="A plain flow.",
)
def plain(start: int = 1) -> int:
    """Two calls and a submission."""
    get_run_logger().warning("started as %s", runtime.flow_run.name)
    total = add(start, 2)
    return double.submit(double(total)).result()


@flow(name=f"dependencies-{WORD}")
def dependencies() -> dict[str, Any]:
    """Data and order dependencies, a failed upstream, and states instead of results."""
    first = add.submit(1, 1)
    second = double.submit(first)
    last = note.submit("after both", wait_for=[first, second])
    failed = fail.submit()
    survived = survive.submit(allow_failure(failed))
    skipped = survive.submit(failed, return_state=True)
    state = fail(return_state=True)
    return {
        "last": last.result(),
        "survived": survived.result(),
        "skipped": skipped.name,
        "failed": [failed.wait().type.value, state.type.value, state.message],
    }


@flow(name=f"failing-{WORD}")
def failing() -> None:
    """A flow that raises what its task raised."""
    fail()


@flow(name=f"asynchronous-{WORD}")
async def asynchronous() -> int:
    """Async tasks, called, submitted and mapped."""
    total = await add_async(1, 2)
    futures = await add_async.map([total, 10], [1, 1])
    return sum([await future.result() for future in futures])


def seen(state: State) -> dict[str, Any]:
    """What the client holds of a finished flow run."""
    return {
        "id": str(state.state_details.flow_run_id),
        "type": state.type.value,
        "name": state.name,
        "message": state.message,
        "result": state.result() if state.is_completed() else None,
    }


def raised() -> str:
    """What calling the failing flow raises."""
    try:
        failing()
    except ValueError as error:
        return repr(error)
    return "nothing"


def main() -> None:
    """Run every flow and report."""
    report = {
        "plain": seen(plain(start=3, return_state=True)),
        "dependencies": seen(dependencies(return_state=True)),
        "failing": seen(failing(return_state=True)),
        "raised": raised(),
        "asynchronous": seen(asyncio.run(asynchronous(return_state=True))),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
