"""Words for writing cases: states, moments, and the usual requests about runs."""

from __future__ import annotations

from collections.abc import Mapping

from tests.comparison.model import JSON, Step

TASK = "task_run"
FLOW = "flow_run"

REFERENCE = {"type": "reference", "serializer_type": "json", "storage_block_id": None, "storage_key": "key"}
UNPERSISTED = {"type": "unpersisted"}
LITERAL = {"type": "literal", "value": 3}


def now(seconds: float = 0, offset: str | None = None) -> JSON:
    """The moment `seconds` after the start of the case, perhaps written with another offset than UTC's."""
    return {"$now": seconds} if offset is None else {"$now": seconds, "offset": offset}


def state(
    kind: str, name: str | None = None, *, message: str | None = None, data: JSON = None, **details: JSON
) -> dict[str, JSON]:
    """A state as a client proposes it; further arguments are its state_details."""
    given = {"type": kind, "name": name, "message": message, "data": data, "state_details": details or None}
    return {key: value for key, value in given.items() if value is not None}


def second(seconds: int = 0) -> JSON:
    """The moment `seconds` after the last full second before the start of the case."""
    return {"$second": seconds}


def call(
    method: str,
    path: str,
    name: str,
    body: JSON = None,
    *,
    record: bool = True,
    unordered: bool = False,
) -> Step:
    return Step(name, method, path, body, record=record, unordered=unordered)


def post(path: str, body: JSON, name: str, *, record: bool = True, headers: Mapping[str, str] | None = None) -> Step:
    return Step(name, "POST", path, body, headers or {}, record)


def flow_run(initial: JSON = None, *, step: str = FLOW, record: bool = False, **fields: JSON) -> Step:
    """Create a flow run of the shared flow."""
    body = {"flow_id": "{flow}", **fields}
    if initial is not None:
        body["state"] = initial
    return post("/flow_runs/", body, step, record=record)


def task_run(
    initial: JSON = None, *, parent: str | None = FLOW, step: str = TASK, record: bool = False, **fields: JSON
) -> Step:
    """Create a task run in the flow run made by the step `parent`, or without one."""
    flow_run_id = None if parent is None else "{" + parent + "}"
    body = {"flow_run_id": flow_run_id, "task_key": "work", "dynamic_key": "{unique}-" + step, **fields}
    if initial is not None:
        body["state"] = initial
    return post("/task_runs/", body, step, record=record)


def set_state(
    proposed: JSON,
    *,
    run: str = TASK,
    kind: str | None = None,
    force: bool = False,
    name: str = "set",
    record: bool = True,
    version: str | None = None,
) -> Step:
    """Propose a state for the run made by the step `run`; `kind` where that is not the run's kind too."""
    body = {"state": proposed, "force": True} if force else {"state": proposed}
    headers = {} if version is None else {"X-PREFECT-API-VERSION": version}
    return post(f"/{kind or run}s/{{{run}}}/set_state", body, name, record=record, headers=headers)


def read(run: str = TASK, kind: str | None = None, name: str = "read") -> Step:
    return Step(name, "GET", f"/{kind or run}s/{{{run}}}")


def get(path: str, name: str) -> Step:
    return Step(name, "GET", path)


def delete(path: str, name: str, *, record: bool = False) -> Step:
    return Step(name, "DELETE", path, record=record)


def limit(tag: str, slots: int, name: str = "limit") -> Step:
    """A concurrency limit on a tag."""
    return post("/concurrency_limits/", {"tag": tag, "concurrency_limit": slots}, name, record=False)


def read_limit(tag: str, name: str = "slots") -> Step:
    return Step(name, "GET", f"/concurrency_limits/tag/{tag}")


def reach(states: list[JSON], *, run: str = TASK, kind: str | None = None, force: bool = True) -> tuple[Step, ...]:
    """Bring a run, created in the first of these states, into the others one by one."""
    return tuple(
        set_state(proposed, run=run, kind=kind, force=force, name=f"{run}_reach{index}", record=False)
        for index, proposed in enumerate(states[1:], 1)
    )
