"""Flows that other processes run by their deployment; run by itself, it makes the deployments and dispatches runs."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from prefect import flow, suspend_flow_run, task
from prefect.deployments import run_deployment
from prefect.deployments.runner import RunnerDeployment

HERE = Path(__file__)


@task(persist_result=True, cache_key_fn=lambda context, _: str(context.task_run.flow_run_id))
def before() -> str:
    """Runs once, before the suspension: its result is kept for the second process."""
    return f"before at {time.time()}"


@task
def after() -> str:
    """Runs after the suspension."""
    return "after"


@flow(name="acceptance-suspending", persist_result=True)
def suspending(greeting: str = "hello") -> list[str]:
    """Suspend between two tasks."""
    first = before()
    suspend_flow_run(timeout=300, key="once")
    return [greeting, first, after()]


@flow(name="acceptance-endless")
def endless() -> None:
    """Run until something ends the process."""
    while True:
        time.sleep(0.2)


@flow(name="acceptance-dispatching")
def dispatching(deployment: str) -> dict[str, str]:
    """Create a run of another deployment, as a subflow and, twice with one key, as a run of its own."""
    child = run_deployment(
        deployment, parameters={"greeting": "hi"}, timeout=0, tags=[WORD], flow_run_name=f"child-{WORD}"
    )
    alone, again = (run_deployment(deployment, timeout=0, as_subflow=False, idempotency_key=WORD) for _ in range(2))
    return {"child": str(child.id), "alone": str(alone.id), "again": str(again.id), "type": child.state.type.value}


def deploy() -> dict[str, str]:
    """Create a deployment of each flow; return their ids."""
    os.chdir(HERE.parent)  # a deployment remembers where it was made: its code is copied from there
    ids = {}
    for each in ("suspending", "endless"):
        deployment = RunnerDeployment.from_entrypoint(
            f"{HERE.name}:{each}", name=f"{each}-{WORD}", tags=[WORD], description="Made by a test.", version="3"
        )
        ids[each] = str(deployment.apply())
    return ids


def main() -> None:
    """Deploy twice, dispatch and report."""
    report: dict[str, Any] = {"first": deploy(), "second": deploy()}
    state = dispatching(f"acceptance-suspending/suspending-{WORD}", return_state=True)
    print(json.dumps(report | {"dispatching": str(state.state_details.flow_run_id), "dispatched": state.result()}))


if __name__ == "__main__":
    WORD = sys.argv[1]
    main()
