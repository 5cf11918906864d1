"""A flow that workers and agents run by its deployment, with clients of either line; run by itself, it makes one.

Each run leaves two lines in a file: when it began, and when it ended. So a test sees which runs there really were, and
which of them at the same time.
"""

import json
import os
import sys
import time
from pathlib import Path

from prefect import flow
from prefect.deployments.runner import RunnerDeployment
from prefect.runtime import flow_run

HERE = Path(__file__)
AGENTS = "default-agent-pool"


@flow(name="acceptance-worked")
def worked(marks: str, seconds: float = 0.0) -> None:
    """Take so long, and leave marks."""
    with Path(marks).open("a", buffering=1) as file:
        print(json.dumps([flow_run.id, "began", time.time()]), file=file)
        time.sleep(seconds)
        print(json.dumps([flow_run.id, "ended", time.time()]), file=file)


def deploy(name: str, pool: str, queue: str | None) -> str:
    """By `flow.deploy()`, which does not know of agents' queues."""
    if pool != AGENTS:
        found = flow.from_source(source=str(HERE.parent), entrypoint=f"{HERE.name}:worked")
        return str(found.deploy(name, work_pool_name=pool, work_queue_name=queue, print_next_steps=False))
    deployment = RunnerDeployment.from_entrypoint(
        f"{HERE.name}:worked", name=name, work_pool_name=pool, work_queue_name=queue
    )
    return str(deployment.apply())


def main() -> None:
    """Deploy to a queue of a work pool; print the deployment's id."""
    name, pool, queue = sys.argv[1:]
    os.chdir(HERE.parent)  # a deployment remembers where it was made: its code is copied from there
    print(json.dumps({"id": deploy(name, pool, queue or None)}))


if __name__ == "__main__":
    main()
