"""Flow runs over HTTP: creation, idempotency, update, deletion, states, inputs, graphs and job variables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.comparison.build import (
    FLOW,
    REFERENCE,
    call,
    delete,
    flow_run,
    get,
    now,
    read,
    set_state,
    state,
    task_run,
)
from tests.comparison.flow_matrix import RUNNING
from tests.comparison.model import JSON, Case, Step
from tests.comparison.requests_task_runs import FIELDS as TASK_FIELDS

FAMILY = "requests_flow_runs"

FIELDS: dict[str, dict[str, Any]] = {
    "nothing more": {},
    "everything": {
        "name": "a name",
        "flow_version": "1",
        "parameters": {"x": 1, "y": {"z": [None, 1.5]}},
        "context": {"a": 1},
        "empirical_policy": {"retries": 2, "retry_delay": 3, "pause_keys": ["b", "a"], "resuming": True},
        "tags": ["b", "a", "b"],
        "idempotency_key": "{unique}",
        "deployment_id": "{deployment}",
        "state": {"type": "SCHEDULED", "name": "Later", "message": "m", "state_details": {"scheduled_time": now(600)}},
    },
    "empty name": {"name": ""},
    "null name": {"name": None},
    "number as name": {"name": 3},
    "true as name": {"name": True},
    "list as name": {"name": []},
    "tags null": {"tags": None},
    "tags of numbers": {"tags": [1, "x", True]},
    "tags as text": {"tags": "abc"},
    "unknown field": {"nobody": 1},
    "run count": {"run_count": 3},
    "infrastructure pid": {"infrastructure_pid": "x"},
    "parameters null": {"parameters": None},
    "parameters as list": {"parameters": []},
    "parameters as pairs": {"parameters": [["a", 1]]},
    "context null": {"context": None},
    "context as text": {"context": "x"},
    "version as number": {"flow_version": 3},
    "idempotency key as number": {"idempotency_key": 3.5},
    "idempotency key empty": {"idempotency_key": ""},
    "idempotency key null": {"idempotency_key": None},
    "policy null": {"empirical_policy": None},
    "policy unknown key": {"empirical_policy": {"retries": 1, "nobody": 2}},
    "policy retries as text": {"empirical_policy": {"retries": "3", "retry_delay": "4"}},
    "policy delays": {"empirical_policy": {"retry_delay": [1, 2]}},
    "policy old fields": {"empirical_policy": {"max_retries": 2, "retry_delay_seconds": 1.5}},
    "policy keys null": {"empirical_policy": {"pause_keys": None, "resuming": None}},
    "policy keys twice": {"empirical_policy": {"pause_keys": ["a", "a"]}},
    "policy keys as text": {"empirical_policy": {"pause_keys": "ab"}},
    "policy keys of numbers": {"empirical_policy": {"pause_keys": [1]}},
    "policy retry type": {"empirical_policy": {"retry_type": "reschedule"}},
    "policy unknown retry type": {"empirical_policy": {"retry_type": "riddle"}},
    "policy resuming as text": {"empirical_policy": {"resuming": "on"}},
    "flow unknown": {"flow_id": "{uuid_nobody}"},
    "flow null": {"flow_id": None},
    "flow as nonsense": {"flow_id": "no"},
    "deployment unknown": {"deployment_id": "{uuid_nobody}"},
    "deployment as nonsense": {"deployment_id": "no"},
    "parent unknown": {"parent_task_run_id": "{uuid_nobody}"},
    "parent as nonsense": {"parent_task_run_id": 3},
    "infrastructure unknown": {"infrastructure_document_id": "{uuid_nobody}"},
    "id": {"id": "{uuid_mine}"},
    "created": {"created": now()},
}
FIELDS |= {label: fields for label, fields in TASK_FIELDS.items() if "state" in fields and len(fields) == 1}


def cases() -> Iterator[Case]:
    for source in (created, repeated, proposed, updated, deleted, states, inputs, job_variables, graphs):
        yield from source()


def created() -> Iterator[Case]:
    for label, fields in FIELDS.items():
        yield Case(FAMILY, f"create/{label}", (flow_run(record=True, **fields), read(FLOW)))
    bodies: dict[str, JSON] = {"nothing": None, "an object": {}, "a list": [], "a text": "x"}
    for label, body in bodies.items():
        yield Case(FAMILY, f"create/body {label}", (call("POST", "/flow_runs/", "create", body),))
    yield Case(FAMILY, "create/without the slash", (call("POST", "/flow_runs", "create", {}),))


def repeated() -> Iterator[Case]:
    key = {"idempotency_key": "{unique}"}
    first = flow_run(record=True, tags=["a"], **key)
    other = flow_run(RUNNING, step="again", record=True, tags=["z"], parameters={"x": 1}, **key)
    yield Case(FAMILY, "repeat/other fields", (first, other, read(FLOW)))
    moved = set_state(RUNNING, run=FLOW, record=False)
    yield Case(FAMILY, "repeat/after it moved", (first, moved, other))
    gone = delete("/flow_runs/{flow_run}", "gone")
    yield Case(FAMILY, "repeat/after it is deleted", (first, gone, other))
    flow = call("POST", "/flows/", "other_flow", {"name": "{unique}"}, record=False)
    elsewhere = flow_run(step="again", record=True, flow_id="{other_flow}", **key)
    yield Case(FAMILY, "repeat/in another flow", (first, flow, elsewhere))
    yield Case(
        FAMILY, "repeat/deployed", (first, flow_run(step="again", record=True, deployment_id="{deployment}", **key))
    )
    broken = flow_run(step="again", record=True, deployment_id="{uuid_nobody}", **key)
    yield Case(FAMILY, "repeat/with an unknown deployment", (first, broken))


def proposed() -> Iterator[Case]:
    bodies: dict[str, JSON] = {
        "nothing": None,
        "empty": {},
        "null state": {"state": None},
        "unknown field": {"state": {"type": "RUNNING"}, "nobody": 1},
        "force as text": {"state": {"type": "RUNNING"}, "force": "yes"},
        "force as nonsense": {"state": {"type": "RUNNING"}, "force": "perhaps"},
        "a state alone": {"type": "RUNNING"},
    }
    bodies |= {label: {"state": fields["state"]} for label, fields in FIELDS.items() if "state" in fields}
    for label, body in bodies.items():
        propose = call("POST", "/flow_runs/{flow_run}/set_state", "set", body)
        yield Case(FAMILY, f"propose/{label}", (flow_run(), propose, read(FLOW)))
    for label, path in {"unknown": "{uuid_nobody}", "nonsense": "no"}.items():
        propose = call("POST", f"/flow_runs/{path}/set_state", "set", {"state": {"type": "RUNNING"}})
        yield Case(FAMILY, f"propose/run {label}", (propose,))


UPDATES: dict[str, JSON] = {
    "nothing": None,
    "empty": {},
    "everything": {
        "name": "new",
        "flow_version": "2",
        "parameters": {"y": 1},
        "empirical_policy": {"retries": 5},
        "tags": ["n"],
        "infrastructure_pid": "host:1",
    },
    "name": {"name": "new"},
    "empty name": {"name": ""},
    "null name": {"name": None},
    "null version": {"flow_version": None},
    "null tags": {"tags": None},
    "no tags": {"tags": []},
    "null parameters": {"parameters": None},
    "no parameters": {"parameters": {}},
    "null policy": {"empirical_policy": None},
    "empty policy": {"empirical_policy": {}},
    "policy unknown key": {"empirical_policy": {"nobody": 1}},
    "null pid": {"infrastructure_pid": None},
    "pid as number": {"infrastructure_pid": 77},
    "unknown field": {"nobody": 1},
    "state": {"state": {"type": "RUNNING"}},
    "null job variables": {"job_variables": None},
    "job variables": {"job_variables": {"a": 1}},
}


def updated() -> Iterator[Case]:
    for label, body in UPDATES.items():
        made = flow_run(flow_version="1", parameters={"x": 1}, tags=["t"], empirical_policy={"retries": 3})
        yield Case(
            FAMILY, f"update/{label}", (made, call("PATCH", "/flow_runs/{flow_run}", "update", body), read(FLOW))
        )
    for label, path in {"unknown": "{uuid_nobody}", "nonsense": "no"}.items():
        yield Case(FAMILY, f"update/run {label}", (call("PATCH", f"/flow_runs/{path}", "update", {"name": "n"}),))


def deleted() -> Iterator[Case]:
    gone = delete("/flow_runs/{flow_run}", "gone", record=True)
    again = delete("/flow_runs/{flow_run}", "again", record=True)
    moved = set_state(RUNNING, run=FLOW)
    yield Case(FAMILY, "delete/twice", (flow_run(), gone, again, read(FLOW), moved, _states()))
    for label, path in {"unknown": "{uuid_nobody}", "nonsense": "no"}.items():
        for method in ("GET", "DELETE"):
            yield Case(FAMILY, f"delete/{method} run {label}", (call(method, f"/flow_runs/{path}", "ask"),))
    log = {"name": "n", "level": 20, "message": "m", "timestamp": now(), "flow_run_id": "{flow_run}"}
    write = call("POST", "/logs/", "log", [log], record=False)
    logs = call("POST", "/logs/filter", "logs", {"logs": {"flow_run_id": {"any_": ["{flow_run}"]}}})
    yield Case(FAMILY, "delete/its logs", (flow_run(), write, gone, logs))
    done = set_state(state("COMPLETED", data=REFERENCE), run=FLOW, record=False)
    artifacts = call("POST", "/artifacts/filter", "artifacts", {"artifacts": {"flow_run_id": {"any_": ["{flow_run}"]}}})
    yield Case(FAMILY, "delete/its artifacts", (flow_run(RUNNING), done, gone, artifacts))
    note = call("POST", "/flow_runs/{flow_run}/input", "input", {"key": "k", "value": "v"}, record=False)
    notes = (get("/flow_runs/{flow_run}/input/k", "note"), _filter_inputs({"prefix": "k"}))
    yield Case(FAMILY, "delete/its inputs", (flow_run(), note, gone, *notes))


def _states() -> Step:
    return get("/flow_run_states/?flow_run_id={flow_run}", "states")


def states() -> Iterator[Case]:
    moves = (set_state(RUNNING, run=FLOW, name="one"), set_state(state("FAILED", message="m"), run=FLOW, name="two"))
    yield Case(FAMILY, "states/of a run", (flow_run(), *moves, _states(), get("/flow_run_states/{id1}", "state")))
    for label, query in {"unknown": "?flow_run_id={uuid_nobody}", "nonsense": "?flow_run_id=no", "none": ""}.items():
        yield Case(FAMILY, f"states/of a run {label}", (get("/flow_run_states/" + query, "states"),))
    for label, path in {"unknown": "{uuid_nobody}", "nonsense": "no"}.items():
        yield Case(FAMILY, f"states/state {label}", (get("/flow_run_states/" + path, "state"),))


def _filter_inputs(body: JSON, name: str = "inputs") -> Step:
    return call("POST", "/flow_runs/{flow_run}/input/filter", name, body)


def inputs() -> Iterator[Case]:
    bodies: dict[str, JSON] = {
        "plain": {"key": "k", "value": "v"},
        "with a sender": {"key": "k", "value": '{"a": 1}', "sender": "someone"},
        "value as number": {"key": "k", "value": 3},
        "value as object": {"key": "k", "value": {"a": 1}},
        "value null": {"key": "k", "value": None},
        "value empty": {"key": "k", "value": ""},
        "value in other letters": {"key": "k", "value": "žluťoučký 👋"},
        "key as number": {"key": 3, "value": "v"},
        "key empty": {"key": "", "value": "v"},
        "key with a hyphen": {"key": "k-1", "value": "v"},
        "no key": {"value": "v"},
        "no value": {"key": "k"},
        "unknown field": {"key": "k", "value": "v", "nobody": 1},
        "nothing": None,
    }
    for label, body in bodies.items():
        create = call("POST", "/flow_runs/{flow_run}/input", "create", body)
        steps = (
            flow_run(),
            create,
            get("/flow_runs/{flow_run}/input/k", "one"),
            _filter_inputs({"prefix": "", "limit": 9}),
        )
        yield Case(FAMILY, f"input/{label}", steps)
    first, second = (call("POST", "/flow_runs/{flow_run}/input", n, {"key": "k", "value": n}) for n in ("one", "two"))
    yield Case(
        FAMILY, "input/the same key twice", (flow_run(), first, second, get("/flow_runs/{flow_run}/input/k", "read"))
    )
    nobody = call("POST", "/flow_runs/{uuid_nobody}/input", "create", {"key": "k", "value": "v"})
    yield Case(FAMILY, "input/no such run", (nobody, get("/flow_runs/{uuid_nobody}/input/k", "read")))
    gone = delete("/flow_runs/{flow_run}/input/one", "gone", record=True)
    again = delete("/flow_runs/{flow_run}/input/one", "again", record=True)
    keys = ("one", "two", "three", "other")
    many = tuple(
        call("POST", "/flow_runs/{flow_run}/input", f"put_{i}", {"key": key, "value": key})
        for i, key in enumerate(keys)
    )
    asks: tuple[JSON, ...] = (
        {"prefix": "t"},
        {"prefix": "t", "limit": 9},
        {"prefix": "", "limit": 2},
        {"prefix": "", "limit": 9, "exclude_keys": ["two", "nobody"]},
        {"prefix": "T", "limit": 9},
        {"prefix": "_ther", "limit": 9},
        {"prefix": "%", "limit": 9},
        {"prefix": "t", "limit": 0},
        {"prefix": "t", "limit": -1},
        {"prefix": "t", "exclude_keys": None},
        {},
        {"prefix": None},
    )
    asked = tuple(_filter_inputs(body, f"ask{index}") for index, body in enumerate(asks))
    yield Case(FAMILY, "input/asked by prefix", (flow_run(), *many, *asked, gone, again))


def job_variables() -> Iterator[Case]:
    """Only a deployed run that is still scheduled may be given job variables."""
    change = call("PATCH", "/flow_runs/{flow_run}", "update", {"job_variables": {"a": 1}})
    for kind in ("SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "PAUSED"):
        for label, fields in {"ad hoc": {}, "deployed": {"deployment_id": "{deployment}"}}.items():
            made = call(
                "POST", "/flow_runs/", FLOW, {"flow_id": "{flow}", "state": {"type": kind}, **fields}, record=False
            )
            yield Case(FAMILY, f"job variables/{label}/{kind}", (made, change, read(FLOW)))
    unknown = call("PATCH", "/flow_runs/{uuid_nobody}", "update", {"job_variables": {}})
    yield Case(FAMILY, "job variables/no such run", (unknown,))
    made = flow_run(state("SCHEDULED"), deployment_id="{deployment}")
    for label, value in {"empty": {}, "a list": [], "null inside": {"a": None}}.items():
        change = call("PATCH", "/flow_runs/{flow_run}", "update", {"job_variables": value})
        yield Case(FAMILY, f"job variables/{label}", (made, change, read(FLOW)))


def graphs() -> Iterator[Case]:
    """The dependencies of a flow run's task runs, in both of their forms."""
    for label, path in {"unknown": "{uuid_nobody}", "nonsense": "no"}.items():
        for version in ("graph", "graph-v2"):
            yield Case(FAMILY, f"{version}/run {label}", (get(f"/flow_runs/{path}/{version}", "graph"),))
    mine = (
        call("POST", "/flows/", "mine", {"name": "{unique}"}, record=False),
        flow_run(RUNNING, flow_id="{mine}", name="the run"),
    )
    for version in ("graph", "graph-v2"):
        asked = call("GET", f"/flow_runs/{{flow_run}}/{version}", "graph", unordered=True)
        yield Case(FAMILY, f"{version}/no task runs", (*mine, asked))
        upstream = {name: [{"input_type": "task_run", "id": f"{{{name}}}"}] for name in ("first", "second")}
        second = task_run(step="second", name="the second", task_inputs={"x": upstream["first"], "y": []})
        third = task_run(step="third", name="the third", task_inputs={"wait_for": upstream["second"]})
        runs = (task_run(RUNNING, step="first", name="the first"), second, third)
        yield Case(FAMILY, f"{version}/never started", (*mine, *runs, asked))
        moves = tuple(set_state(RUNNING, run=run, kind="task_run", name=f"start_{run}") for run in ("second", "third"))
        data = state("COMPLETED", data=REFERENCE)
        ends = tuple(set_state(data, run=run, kind="task_run", name=f"end_{run}") for run in ("first", "second"))
        yield Case(FAMILY, f"{version}/started", (*mine, *runs, *moves, *ends, asked))
        child = flow_run(RUNNING, step="child", name="the child", flow_id="{mine}", parent_task_run_id="{first}")
        yield Case(FAMILY, f"{version}/a subflow", (*mine, *runs, child, asked))
    since = get("/flow_runs/{flow_run}/graph-v2?since=2020-01-01T00:00:00Z", "graph")
    yield Case(FAMILY, "graph-v2/since", (*mine, task_run(RUNNING, name="the task"), since))
    future = get("/flow_runs/{flow_run}/graph-v2?since=2120-01-01T00:00:00Z", "graph")
    yield Case(FAMILY, "graph-v2/since later", (*mine, task_run(RUNNING, name="the task"), future))
    for label, time in {"seconds": "1.5", "seconds before 1970": "-1", "a day": "2020-01-01"}.items():
        asked = get(f"/flow_runs/{{flow_run}}/graph-v2?since={time}", "graph")
        yield Case(FAMILY, f"graph-v2/since {label}", (*mine, asked))
    nonsense = get("/flow_runs/{flow_run}/graph-v2?since=no", "graph")
    yield Case(FAMILY, "graph-v2/since nonsense", (flow_run(RUNNING), nonsense))
