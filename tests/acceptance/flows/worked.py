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


@flow(name="acceptance-worked")
def worked(marks: str, seconds: float = 0.0) -> None:
    """Take so long, and leave marks."""
    with Path(marks).open("a", buffering=1) as file:
        print(json.dumps([flow_run.id, "began", time.time()]), file=file)
        time.sleep(seconds)
        print(json.dumps([flow_run.id, "ended", time.time()]), file=file)


def main() -> None:
    """Deploy to a queue, of a work pool unless it is one of agents; print the deployment's id."""
    name, pool, queue = sys.argv[1:]
    os.chdir(HERE.parent)  # a deployment remembers where it was made: its code is copied from there
    place = {"work_pool_name": pool or None, "work_queue_name": queue or None}
    deployment = RunnerDeployment.from_entrypoint(f"{HERE.name}:worked", name=name, **place)
    print(json.dumps({"id": str(deployment.apply())}))


if __name__ == "__main__":
    main()
