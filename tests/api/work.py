"""Short ways to make work pools and what is in them over HTTP, and to ask for runs as workers do."""

from typing import Any

import httpx

from tests.api.records import made, new_deployment, set_state, unique

PROCESS = {
    "job_configuration": {"command": "{{ command }}", "cpu": "{{ cpu }}"},
    "variables": {
        "type": "object",
        "properties": {"command": {"type": "string"}, "cpu": {"type": "integer", "default": 1}},
    },
}
"""A job template."""


def new_pool(api: httpx.Client, **fields: Any) -> Any:
    """A pool of processes under a new name."""
    return made(api, "/work_pools/", {"name": unique("pool"), "type": "process", **fields})


def new_queue(api: httpx.Client, pool: Any, **fields: Any) -> Any:
    """A queue in a pool under a new name."""
    return made(api, f"/work_pools/{pool['name']}/queues", {"name": unique("queue"), **fields})


def queues_of(api: httpx.Client, pool: Any) -> dict[str, int]:
    """The queues of a pool and their priorities, in the order in which they are told."""
    told = api.post(f"/work_pools/{pool['name']}/queues/filter", json={}).json()
    return {x["name"]: x["priority"] for x in told}


def put_run(api: httpx.Client, pool: Any, queue: str | None = None, **fields: Any) -> Any:
    """A run that waits in a queue of a pool: the default one unless another is named."""
    deployment = new_deployment(api, work_pool_name=pool["name"], work_queue_name=queue)
    return made(api, f"/deployments/{deployment['id']}/create_flow_run", fields)


def offered(api: httpx.Client, pool: Any, **body: Any) -> list[str]:
    """The ids of the runs that a pool offers, in their order."""
    answer = api.post(f"/work_pools/{pool['name']}/get_scheduled_flow_runs", json=body)
    assert answer.status_code == 200, answer.text
    return [x["flow_run"]["id"] for x in answer.json()]


def submit(api: httpx.Client, run_id: str) -> str:
    """Ask for PENDING, as a worker does before it starts a run; how that was answered."""
    return str(set_state(api, f"/flow_runs/{run_id}", "PENDING")["status"])
