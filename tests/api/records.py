"""Short ways to make records over HTTP that many tests need; each returns the answer's body."""

from itertools import count
from typing import Any

import httpx

NOWHERE = "00000000-0000-0000-0000-00000000dead"
"""The id of nothing."""

_numbers = count()


def unique(prefix: str) -> str:
    """A name that no other test uses."""
    return f"{prefix}-{next(_numbers)}"


def made(api: httpx.Client, path: str, body: Any) -> Any:
    """POST, which must make a record."""
    answer = api.post(path, json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def new_flow(api: httpx.Client, **fields: Any) -> Any:
    return made(api, "/flows/", {"name": unique("flow"), **fields})


def new_flow_run(api: httpx.Client, **fields: Any) -> Any:
    """A flow run, of a flow of its own unless one is given."""
    flow_id = fields.pop("flow_id", None) or new_flow(api)["id"]
    return made(api, "/flow_runs/", {"flow_id": flow_id, **fields})


def new_task_run(api: httpx.Client, flow_run_id: str | None, **fields: Any) -> Any:
    keys = {"task_key": "task", "dynamic_key": unique("key")}
    return made(api, "/task_runs/", {"flow_run_id": flow_run_id, **keys, **fields})


def new_deployment(api: httpx.Client, **fields: Any) -> Any:
    """A deployment, of a flow of its own unless one is given."""
    flow_id = fields.pop("flow_id", None) or new_flow(api)["id"]
    return made(api, "/deployments/", {"flow_id": flow_id, "name": unique("deployment"), **fields})


def new_block_document(api: httpx.Client) -> Any:
    """A block document of a type and schema of its own."""
    word = unique("block")
    block_type = made(api, "/block_types/", {"name": word, "slug": word})
    schema = made(api, "/block_schemas/", {"fields": {"title": word}, "block_type_id": block_type["id"]})
    ids = {"block_type_id": block_type["id"], "block_schema_id": schema["id"]}
    return made(api, "/block_documents/", {"name": word, "data": {}, **ids})


def set_state(api: httpx.Client, path: str, state_type: str, **fields: Any) -> Any:
    """Ask for a state of the run at the path."""
    return made(api, f"{path}/set_state", {"state": {"type": state_type, **fields}})


def held_slots(api: httpx.Client, tag: str) -> list[str]:
    """Who holds the slots of the tag's limit."""
    holders: list[str] = api.get(f"/concurrency_limits/tag/{tag}").json()["active_slots"]
    return holders
