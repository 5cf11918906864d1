"""What clients do with their runs: each walk is a short life of one or two runs.

What lives here: the walks and what each must be told on its way. What does not: requests and the journal (client.py).
"""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.crash.caller import BrokenPromiseError
from tests.crash.client import REPEATED, Client
from tests.crash.journal import Run

LIMITS = {"crash-few": 3, "crash-pair": 2}
"""The tags with a concurrency limit, and their slots: scarce, so that the clients are in each other's way."""

TAG_SETS = ((), ("crash-few",), ("crash-pair",), ("crash-few", "crash-pair"))
FORCED_TYPES = ("PENDING", "RUNNING", "COMPLETED", "FAILED", "CRASHED", "SCHEDULED", "CANCELLED")
QUEUED = "crash-queued"
"""The key of the task that workers serve."""

SHARED_RUNS = 4
WALKS_OF_A_FLOW_RUN = 20
RESULT = {"type": "reference", "storage_key": "result"}

Walk = Callable[[Client, Run], Awaitable[None]]


async def live(client: Client, meeting_place: Run) -> None:
    """One flow run after another, in each so many walks. In the flow run `meeting_place` clients share task runs."""
    while True:
        home = await client.create_flow_run(retries=1)
        await _go(client, home, "RUNNING")
        for _ in range(WALKS_OF_A_FLOW_RUN):
            walk = client.random.choice(WALKS)
            await walk(client, meeting_place if walk is share_a_task_run else home)
        await _go(client, home, "COMPLETED")


async def _go(client: Client, run: Run, state_type: str, **options: Any) -> None:
    """A transition that nothing stands in the way of."""
    answer = await client.set_state(run, state_type, **options)
    if answer["status"] != "ACCEPT" and answer["details"].get("reason") != REPEATED:
        raise BrokenPromiseError(f"{run.kind} {run.id} to {state_type} {options}: {answer}")
    _expect(run, answer, state_type)


def _expect(run: Run, answer: dict[str, Any], state_type: str, name: str | None = None) -> None:
    state = answer["state"]
    if state["type"] != state_type or name not in (None, state["name"]):
        raise BrokenPromiseError(f"{run.kind} {run.id} is not {name or state_type}: {answer}")


async def _started(client: Client, task: Run) -> bool:
    """Whether a task run got its slots; it asks for them a few times, and is cancelled if it gets none."""
    for _ in range(3):
        answer = await client.set_state(task, "RUNNING")
        if answer["status"] != "WAIT":
            _expect(task, answer, "RUNNING")
            return True
    await _go(client, task, "CANCELLED", force=True)
    return False


async def run_a_task(client: Client, home: Run) -> None:
    """A task run with slots, to its end or its cancellation."""
    task = await client.create_task_run(home, tags=client.random.choice(TAG_SETS))
    if not await _started(client, task):
        return
    if client.random.random() < 0.3:
        await _go(client, task, "CANCELLING")
        await _go(client, task, "CANCELLED")
    else:
        await client.log(home, client.new_key())
        await _go(client, task, "COMPLETED", data=RESULT)


async def retry_a_task(client: Client, home: Run) -> None:
    """A task run that fails and is told to run again; its slots are free in between."""
    task = await client.create_task_run(home, tags=client.random.choice(TAG_SETS), retries=1)
    if not await _started(client, task):
        return
    _expect(task, await client.set_state(task, "FAILED"), "SCHEDULED", "AwaitingRetry")
    if await _started(client, task):
        await _go(client, task, "FAILED")


async def force_states(client: Client, home: Run) -> None:
    """States that no rule is asked about, of a task run or a flow run."""
    run = await (client.create_task_run(home) if client.random.random() < 0.5 else client.create_flow_run())
    for state_type in client.random.sample(FORCED_TYPES, 4):
        await _go(client, run, state_type, force=True)


async def use_the_cache(client: Client, home: Run) -> None:
    """A result under a cache key, and a run that takes it."""
    details = {"cache_key": client.new_key()}
    source = await client.create_task_run(home)
    await _go(client, source, "RUNNING", details=details)
    await _go(client, source, "COMPLETED", details=details, data=RESULT)
    taker = await client.create_task_run(home)
    _expect(taker, await client.set_state(taker, "RUNNING", details=details), "COMPLETED", "Cached")


async def run_in_the_background(client: Client, home: Run) -> None:
    """A task run without a flow run: some wait for ever, some run, some are deleted."""
    task = await client.create_task_run(None, retries=1, state={"type": "SCHEDULED"})
    if client.random.random() < 0.3:
        return
    await _go(client, task, "PENDING")
    await _go(client, task, "RUNNING")
    _expect(task, await client.set_state(task, "FAILED"), "SCHEDULED", "AwaitingRetry")
    if client.random.random() < 0.3:
        await client.delete(task)
    else:
        await _go(client, task, "RUNNING")
        await _go(client, task, "COMPLETED")


async def enqueue(client: Client, home: Run) -> None:
    """A task run for whichever worker is given it."""
    task = await client.create_task_run(None, task_key=QUEUED, state={"type": "SCHEDULED"})
    client.journal.queued.add(task)


async def work_on(client: Client, task: Run) -> None:
    """What a worker does with a run that it is given. Each of its steps is for it alone."""
    for state_type in ("PENDING", "RUNNING", "COMPLETED"):
        await _go(client, task, state_type)


async def run_a_subflow(client: Client, home: Run) -> None:
    """A flow run whose parent task run goes where it goes, in the same moment."""
    parent = await client.create_task_run(home)
    subflow = await client.create_flow_run(parent=parent)
    await _go(client, subflow, "RUNNING")
    await _go(client, subflow, client.random.choice(("COMPLETED", "FAILED", "CRASHED")))


async def retry_a_flow(client: Client, home: Run) -> None:
    """A flow run that fails and is told to run again."""
    run = await client.create_flow_run(retries=1)
    await _go(client, run, "RUNNING")
    _expect(run, await client.set_state(run, "FAILED"), "SCHEDULED", "AwaitingRetry")
    await _go(client, run, "RUNNING")
    await _go(client, run, "COMPLETED")


async def delete_a_task(client: Client, home: Run) -> None:
    """A task run that goes with the slots that it holds."""
    task = await client.create_task_run(home, tags=client.random.choice(TAG_SETS))
    await _started(client, task)
    await client.delete(task)


async def delete_a_flow(client: Client, home: Run) -> None:
    """A flow run that goes with its task runs and the slots that they hold."""
    run = await client.create_flow_run()
    await _go(client, run, "RUNNING")
    for _ in range(2):
        await _started(client, await client.create_task_run(run, tags=client.random.choice(TAG_SETS)))
    await client.delete(run)


async def share_a_task_run(client: Client, meeting_place: Run) -> None:
    """A task run that several clients create and move at the same time."""
    key = f"shared-{client.journal.era}-{client.random.randrange(SHARED_RUNS)}"
    task = await client.create_task_run(meeting_place, key=key, tags=("crash-few",))
    for _ in range(3):
        await client.set_state(task, client.random.choice(("RUNNING", "PENDING", "FAILED")))


async def share_a_flow_run(client: Client, home: Run) -> None:
    """A flow run that several clients create under one idempotency key."""
    key = f"shared-{client.journal.era}-{client.random.randrange(SHARED_RUNS)}"
    await client.create_flow_run(key=key)


WALKS: tuple[Walk, ...] = (
    run_a_task,
    run_a_task,
    run_a_task,
    retry_a_task,
    force_states,
    use_the_cache,
    run_in_the_background,
    enqueue,
    enqueue,
    run_a_subflow,
    retry_a_flow,
    delete_a_task,
    delete_a_flow,
    share_a_task_run,
    share_a_task_run,
    share_a_flow_run,
)
