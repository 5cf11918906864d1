"""Flows and tasks that fail at first; prints how often each was executed and what it came to."""

import json
import sys
from collections import Counter
from typing import Any

from prefect import flow, runtime, task

WORD = sys.argv[1]
executions: Counter[str] = Counter()
run_counts: dict[str, list[int]] = {}


def attempt(name: str, failures: int) -> str:
    """Count an execution of `name` and fail the first `failures` times."""
    executions[name] += 1
    run_counts.setdefault(name, []).append(runtime.task_run.run_count if runtime.task_run.id else 0)
    if executions[name] <= failures:
        raise RuntimeError(f"{name} failed, attempt {executions[name]}")
    return f"{name} done"


def never(task: Any, task_run: Any, state: Any) -> bool:
    """A retry condition that says no."""
    return False


@task(retries=3, retry_delay_seconds=[1, 2])
def delay_list() -> str:
    """Succeeds at the third attempt; each delay is taken from the list in turn."""
    return attempt("delay_list", 2)


@task(retries=2, retry_delay_seconds=[0.4])
def fraction() -> str:
    """Succeeds at the second attempt; the delay is less than the whole second that the API knows."""
    return attempt("fraction", 1)


@task(retries=1, retry_delay_seconds=1, retry_jitter_factor=0.5)
def jitter() -> str:
    """Succeeds at the second attempt, after a delay that varies."""
    return attempt("jitter", 1)


@task(retries=2)
def exhausted() -> str:
    """Fails at every attempt."""
    return attempt("exhausted", 99)


@task(retries=2, retry_condition_fn=never)
def condition() -> str:
    """Could be retried, but its condition says no."""
    return attempt("condition", 99)


@flow(name=f"task-retries-{WORD}")
def task_retries() -> dict[str, Any]:
    """Submit every task at once, then see what became of each."""
    futures = {each.name: each.submit() for each in (delay_list, fraction, jitter, exhausted, condition)}
    states = {name: future.wait() for name, future in futures.items()}
    return {name: state.type.value for name, state in states.items()}


@task
def flaky_in_flow() -> str:
    """Fails the flow's first attempt."""
    return attempt("flaky_in_flow", 1)


@task(persist_result=True)
def steady_in_flow() -> str:
    """Succeeds in the flow's first attempt, and keeps its result for the second."""
    return attempt("steady_in_flow", 0)


@flow(name=f"flow-retry-{WORD}", retries=1, retry_delay_seconds=1)
def flow_retry() -> list[str]:
    """Fails once, and is run again."""
    executions["flow_retry"] += 1
    return [steady_in_flow(), flaky_in_flow()]


@flow(name=f"flow-exhausted-{WORD}", retries=1)
def flow_exhausted() -> None:
    """Fails at every attempt."""
    attempt("flow_exhausted", 99)


def main() -> None:
    """Run every flow and report."""
    states = {each.fn.__name__: each(return_state=True) for each in (task_retries, flow_retry, flow_exhausted)}
    report = {
        name: {
            "id": str(state.state_details.flow_run_id),
            "type": state.type.value,
            "result": state.result() if state.is_completed() else None,
        }
        for name, state in states.items()
    }
    print(json.dumps({"flows": report, "executions": executions, "run_counts": run_counts}))


if __name__ == "__main__":
    main()
