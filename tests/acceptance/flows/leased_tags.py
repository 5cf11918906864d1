"""Tasks of the 3.x line that share a limited tag; prints when each held its slot, and who the server said did."""

import json
import sys
import time

from prefect import flow, get_client, task
from prefect.context import TaskRunContext

TAG, LIMIT, TASKS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


@task(tags=[TAG])
def hold(number: int) -> tuple[str, float, float, int]:
    """Hold the slot for a moment; return the run, the start, the end, and how many the server knew of."""
    context = TaskRunContext.get()
    assert context is not None
    start = time.time()
    with get_client(sync_client=True) as client:
        holders = client.read_concurrency_limit_by_tag(TAG).active_slots
    time.sleep(0.1)
    run_id = context.task_run.id
    assert run_id in holders, "the server does not know who holds the slot"
    return str(run_id), start, time.time(), len(holders)


@flow(name=f"leased-{TAG}")
def limited() -> list[tuple[str, float, float, int]]:
    """More tasks at once than the tag has slots."""
    return [future.result() for future in hold.map(list(range(TASKS)))]


def main() -> None:
    """Limit the tag, run the flow and report."""
    with get_client(sync_client=True) as client:
        client.create_concurrency_limit(tag=TAG, concurrency_limit=LIMIT)
    state = limited(return_state=True)
    print(json.dumps({"id": str(state.state_details.flow_run_id), "held": state.result()}))


if __name__ == "__main__":
    main()
