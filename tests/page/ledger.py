"""A small ledger as a day's work leaves it, made over the API: some of everything that the page shows."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.api.records import made, new_deployment, new_flow, new_flow_run, new_task_run, set_state

EXTRACTS = 12


@dataclass
class SmallLedger:
    """Ids of what is in it."""

    flow: str
    flow_run: str
    """Name "daily-sum": COMPLETED, with task runs that depend on each other, logs, parameters and an artifact."""

    failed_flow_run: str
    """Name "broken-sum": FAILED, as its one task run is."""

    running_flow_run: str
    """Name "long-sum": RUNNING, with one task run that waits for a slot of the tag `database`."""

    paused_flow_run: str
    deployment: str
    scheduled_flow_run: str
    """Of the deployment, in a queue of the pool `machines` that nobody serves."""

    task_runs: dict[str, str] = field(default_factory=dict)
    """Name -> id: `extract-0` to `extract-11`, `total`, `broken`, `holder`, `waiter`, `background`."""


def fill(api: httpx.Client) -> SmallLedger:
    """Make it."""
    flow = new_flow(api, name="sums", tags=["nightly"])["id"]
    deployment = _deployment(api, flow)
    ledger = SmallLedger(
        flow=flow,
        flow_run=_flow_run(api, flow, "daily-sum", "RUNNING", parameters={"day": "2026-02-28", "regions": ["n", "s"]}),
        failed_flow_run=_flow_run(api, flow, "broken-sum", "RUNNING"),
        running_flow_run=_flow_run(api, flow, "long-sum", "RUNNING"),
        paused_flow_run=_flow_run(api, flow, "asking-sum", "RUNNING"),
        deployment=deployment,
        scheduled_flow_run=made(api, f"/deployments/{deployment}/create_flow_run", {"name": "queued-sum"})["id"],
    )
    _complete(api, ledger)
    _fail(api, ledger)
    _wait(api, ledger)
    timeout = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    details = {"pause_timeout": timeout, "pause_key": "question"}
    answer = set_state(api, f"/flow_runs/{ledger.paused_flow_run}", "PAUSED", state_details=details)
    assert answer["status"] == "ACCEPT", answer
    return ledger


def _deployment(api: httpx.Client, flow: str) -> str:
    made(api, "/work_pools/", {"name": "machines", "type": "process"})
    fields = {"name": "sums-nightly", "work_pool_name": "machines", "work_queue_name": "default"}
    return str(new_deployment(api, flow_id=flow, **fields)["id"])


def _flow_run(api: httpx.Client, flow: str, name: str, state: str, **fields: Any) -> str:
    run = new_flow_run(api, flow_id=flow, name=name, tags=["nightly"], **fields)["id"]
    set_state(api, f"/flow_runs/{run}", state)
    return str(run)


def task_run(api: httpx.Client, flow_run: str | None, name: str, *states: str, **fields: Any) -> str:
    """A task run that is taken through states of some types."""
    run = new_task_run(api, flow_run, name=name, **{"task_key": f"sums.{name.split('-')[0]}", **fields})["id"]
    for state in states:
        set_state(api, f"/task_runs/{run}", state)
    return str(run)


def _complete(api: httpx.Client, ledger: SmallLedger) -> None:
    """Task runs one of which takes what the others made, with logs and a table."""
    run = ledger.flow_run
    names = [f"extract-{n}" for n in range(EXTRACTS)]
    for name in names:
        ledger.task_runs[name] = task_run(api, run, name, "RUNNING", "COMPLETED", tags=["database"])
    inputs = {"parts": [{"input_type": "task_run", "id": ledger.task_runs[x]} for x in names]}
    total = task_run(api, run, "total", "RUNNING", "COMPLETED", task_inputs=inputs)
    ledger.task_runs["total"] = total
    log(api, run, None, "The day's sum begins")
    log(api, run, total, "1,234 rows summed up")
    log(api, run, total, "One row had no price", level=30)
    table = '[{"region": "n", "sum": 12}, {"region": "s", "sum": 30}]'
    made(api, "/artifacts/", {"key": "sums", "type": "table", "data": table, "flow_run_id": run, "task_run_id": total})
    set_state(api, f"/flow_runs/{run}", "COMPLETED")


def _fail(api: httpx.Client, ledger: SmallLedger) -> None:
    run = ledger.failed_flow_run
    broken = task_run(api, run, "broken", "RUNNING", tags=["incident"])
    set_state(api, f"/task_runs/{broken}", "FAILED", message="ZeroDivisionError: division by zero")
    ledger.task_runs["broken"] = broken
    log(api, run, broken, "ZeroDivisionError: division by zero", level=40)
    set_state(api, f"/flow_runs/{run}", "FAILED", message="1 of 1 task runs failed.")


def _wait(api: httpx.Client, ledger: SmallLedger) -> None:
    """One who holds the only slot of a tag and one who waits for it; a background run; a limit by name."""
    made(api, "/concurrency_limits/", {"tag": "database", "concurrency_limit": 1})
    run = ledger.running_flow_run
    ledger.task_runs["holder"] = task_run(api, run, "holder", "RUNNING", tags=["database"])
    ledger.task_runs["waiter"] = task_run(api, run, "waiter", "RUNNING", tags=["database"])
    ledger.task_runs["background"] = task_run(api, None, "background", "SCHEDULED", task_key="letters.send")
    made(api, "/v2/concurrency_limits/", {"name": "mail", "limit": 3})
    made(api, "/v2/concurrency_limits/increment-with-lease", {"names": ["mail"], "slots": 2, "mode": "concurrency"})


def log(api: httpx.Client, flow_run: str, task_run_id: str | None, message: str, level: int = 20) -> None:
    """One line of a run's log, of now."""
    line = {
        "name": "prefect.task_runs" if task_run_id else "prefect.flow_runs",
        "level": level,
        "message": message,
        "timestamp": datetime.now(UTC).isoformat(),
        "flow_run_id": flow_run,
        "task_run_id": task_run_id,
    }
    answer = api.post("/logs/", json=[line])
    assert answer.status_code == 201, answer.text
