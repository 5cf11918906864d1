"""Tasks that share a limited tag; prints when each held its slot, and what a limit of zero does."""

import asyncio
import json
import sys
import time

from prefect import flow, get_client, task

WORD = sys.argv[1]
LIMITED, CLOSED = f"limited-{WORD}", f"closed-{WORD}"
LIMIT, TASKS = 2, 4


@task(tags=[LIMITED])
def hold(number: int) -> tuple[float, float]:
    """Hold the slot for a moment; return the start and the end."""
    start = time.time()
    time.sleep(0.5)
    return start, time.time()


@task(tags=[CLOSED])
def shut_out() -> None:
    """Never runs: its tag has no slots."""
    raise AssertionError("ran in spite of a limit of zero")


@flow(name=f"limited-{WORD}", flow_run_name=f"limited-{WORD}")
def limited() -> list[tuple[float, float]]:
    """More tasks at once than the tag has slots."""
    return [future.result() for future in hold.map(list(range(TASKS)))]


@flow(name=f"closed-{WORD}")
def closed() -> str:
    """A task whose tag has a limit of zero."""
    shut_out()
    return "went on"


async def create_limits() -> None:
    """Limit both tags."""
    async with get_client() as client:
        await client.create_concurrency_limit(tag=LIMITED, concurrency_limit=LIMIT)
        await client.create_concurrency_limit(tag=CLOSED, concurrency_limit=0)


def main() -> None:
    """Run both flows and report."""
    asyncio.run(create_limits())
    try:
        shut = closed(return_state=True)
        outcome = [str(shut.state_details.flow_run_id), shut.type.value, shut.message]
    except BaseException as error:
        outcome = [repr(error)]
    state = limited(return_state=True)
    print(json.dumps({"id": str(state.state_details.flow_run_id), "held": state.result(), "closed": outcome}))


if __name__ == "__main__":
    main()
