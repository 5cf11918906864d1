"""Flows that pause, with and without input; a second user in the same process resumes them."""

import asyncio
import json
import sys
import threading
from collections.abc import Callable
from typing import Any

from prefect import flow, get_client, pause_flow_run, resume_flow_run, suspend_flow_run, task
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, FlowRunFilterName
from prefect.client.schemas.objects import FlowRun, State
from prefect.input import RunInput
from prefect.input.run_input import receive_input, send_input

WORD = sys.argv[1]
POLL = 0.2


class Approval(RunInput):
    """What a paused flow asks for."""

    name: str
    amount: int = 7


@task
async def step(name: str) -> str:
    """A task before or after the pause."""
    return name


@flow(name=f"paused-{WORD}", flow_run_name=f"paused-{WORD}")
async def paused() -> list[str]:
    """Pause between two tasks."""
    before = await step("before")
    await pause_flow_run(timeout=60, poll_interval=POLL)
    return [before, await step("after")]


@flow(name=f"asking-{WORD}", flow_run_name=f"asking-{WORD}")
async def asking() -> list[Any]:
    """Pause for an input, twice: a model, then a plain type."""
    approval = await pause_flow_run(wait_for_input=Approval, timeout=60, poll_interval=POLL)
    number = await pause_flow_run(wait_for_input=int, timeout=60, poll_interval=POLL)
    return [approval.name, approval.amount, number]


watching = threading.Event()


@task
async def until_paused(flow_run_name: str) -> None:
    """Run before the pause, and end once the flow run is paused."""
    watching.set()
    await find_paused(flow_run_name, "1")


@flow(name=f"held-up-{WORD}", flow_run_name=f"held-up-{WORD}")
async def held_up() -> str:
    """Pause while a task is about to start: it has to wait for the resumption."""
    first = await until_paused.submit(f"held-up-{WORD}")
    second = await step.submit("held up", wait_for=[first])
    while not watching.is_set():
        await asyncio.sleep(POLL)
    await pause_flow_run(timeout=60, poll_interval=POLL)
    return await second.result()


@flow(name=f"listening-{WORD}", flow_run_name=f"listening-{WORD}")
async def listening() -> list[int]:
    """Take three numbers that others send, without pausing."""
    heard: list[int] = []
    async for number in receive_input(int, timeout=60, poll_interval=POLL, raise_timeout_error=True):
        heard.append(number)
        if len(heard) == 3:
            break
    return heard


@flow(name=f"timed-out-{WORD}")
async def timed_out() -> None:
    """Pause, and be forgotten."""
    await pause_flow_run(timeout=1, poll_interval=POLL)


@flow(name=f"suspended-{WORD}")
async def suspended() -> str:
    """Ask for what only a deployed flow may do."""
    try:
        await suspend_flow_run(timeout=5)
    except RuntimeError as error:
        return str(error)
    return "suspended"


async def find(name: str, wanted: Callable[[State], bool]) -> FlowRun:
    """Wait until there is a flow run of that name in a state that is wanted."""
    async with get_client() as client:
        while True:
            runs = await client.read_flow_runs(flow_run_filter=FlowRunFilter(name=FlowRunFilterName(any_=[name])))
            for run in runs:
                if wanted(run.state):
                    return run
            await asyncio.sleep(POLL)


async def find_paused(name: str, key: str) -> FlowRun:
    """Wait until the flow run is paused for the `key`-th time."""
    return await find(name, lambda state: state.is_paused() and state.state_details.pause_key == key)


async def send(name: str, *numbers: int) -> None:
    """Send numbers to a flow run once it runs."""
    run = await find(name, lambda state: state.is_running())
    for number in numbers:
        await send_input(number, flow_run_id=run.id)


async def resume(name: str, *inputs: dict[str, Any] | None) -> list[Any]:
    """Resume a flow run once for each input; report what each pause and each refusal said."""
    said: list[Any] = []
    for key, run_input in enumerate(inputs, start=1):
        run = await find_paused(name, str(key))
        said.append(run.state.name)
        if run_input is not None:
            said.append(await refusal(run.id, {"nonsense": 1}))
        await resume_flow_run(run.id, run_input=run_input)
    return said


async def resume_after_hold_up(name: str) -> str:
    """Wait until a task of the paused flow run was told to wait, then resume; return that task's state."""
    run = await find_paused(name, "1")
    async with get_client() as client:
        while True:
            for task_run in await client.read_task_runs(
                flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
            ):
                if task_run.state.is_paused():
                    await resume_flow_run(run.id)
                    return str(task_run.state.name)
            await asyncio.sleep(POLL)


async def refusal(flow_run_id: Any, run_input: dict[str, Any]) -> str:
    """What an unfit input is answered."""
    try:
        await resume_flow_run(flow_run_id, run_input=run_input)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "accepted"


async def not_paused(flow_run_id: Any) -> str:
    """What resuming a run that is not paused raises."""
    return await refusal(flow_run_id, {})


async def seen(state: State) -> dict[str, Any]:
    """What the client holds of a finished flow run."""
    result = await state.result(fetch=True) if state.is_completed() else None
    return {
        "id": str(state.state_details.flow_run_id),
        "type": state.type.value,
        "message": state.message,
        "result": result,
    }


async def main() -> None:
    """Run every flow, with its other user, and report."""
    state, pauses = await asyncio.gather(paused(return_state=True), resume(f"paused-{WORD}", None))
    asked, answers = await asyncio.gather(
        asking(return_state=True), resume(f"asking-{WORD}", {"name": "Ada"}, {"value": 42})
    )
    held, waiting = await asyncio.gather(held_up(return_state=True), resume_after_hold_up(f"held-up-{WORD}"))
    heard, _ = await asyncio.gather(listening(return_state=True), send(f"listening-{WORD}", 3, 1, 2))
    report = {
        "paused": {"seen": await seen(state), "pauses": pauses},
        "asking": {"seen": await seen(asked), "answers": answers},
        "held_up": {"seen": await seen(held), "waiting": waiting},
        "listening": await seen(heard),
        "timed_out": await seen(await timed_out(return_state=True)),
        "suspended": await suspended(),
        "not_paused": await not_paused(state.state_details.flow_run_id),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    asyncio.run(main())
