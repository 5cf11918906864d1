"""Task runs over HTTP: what may be written, on creation and after, what is coerced, refused and deleted."""

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
    read_limit,
    set_state,
    state,
    task_run,
)
from tests.comparison.model import JSON, Case, Step
from tests.comparison.task_matrix import RUNNING

FAMILY = "requests_task_runs"
LONG = "x" * 2001

# What a creation says besides the flow run, task key and dynamic key.
FIELDS: dict[str, dict[str, Any]] = {
    "nothing more": {},
    "everything": {
        "name": "a name",
        "cache_key": "key",
        "cache_expiration": now(600),
        "task_version": "1",
        "empirical_policy": {"retries": 2, "retry_delay": [1, 2], "retry_jitter_factor": 0.5},
        "tags": ["b", "a", "b"],
        "task_inputs": {
            "x": [{"input_type": "task_run", "id": "11111111-1111-4111-8111-111111111111"}],
            "y": [{"input_type": "parameter", "name": "p"}, {"input_type": "constant", "type": "int"}],
        },
        "state": {"type": "SCHEDULED", "name": "Later", "message": "m", "state_details": {"scheduled_time": now(600)}},
    },
    "empty name": {"name": ""},
    "null name": {"name": None},
    "number as name": {"name": 3},
    "number as key": {"task_key": 7},
    "true as key": {"task_key": True},
    "fraction as key": {"task_key": 1.5},
    "object as key": {"task_key": {}},
    "null as key": {"task_key": None},
    "empty keys": {"task_key": "", "dynamic_key": "{unique}"},
    "tags null": {"tags": None},
    "tags of numbers": {"tags": [1, 2.5, "x", True]},
    "tags of null": {"tags": [None]},
    "tags as text": {"tags": "abc"},
    "tags as object": {"tags": {"a": 1}},
    "tags nested": {"tags": [["a"]]},
    "unknown field": {"nobody": 1},
    "several unknown fields": {"nobody": 1, "another": 2},
    "read only field": {"run_count": 5},
    "created": {"created": now()},
    "version as number": {"task_version": 3},
    "cache key as number": {"cache_key": 3},
    "long cache key": {"cache_key": LONG},
    "cache key at the limit": {"cache_key": LONG[:2000]},
    "expiration as date": {"cache_expiration": "2020-01-02"},
    "expiration as number": {"cache_expiration": 1577934245},
    "expiration in milliseconds": {"cache_expiration": 1577934245123},
    "expiration without offset": {"cache_expiration": "2020-01-02T03:04:05"},
    "expiration with Z": {"cache_expiration": "2020-01-02T03:04:05.678Z"},
    "expiration with a space": {"cache_expiration": "2020-01-02 03:04:05+01:00"},
    "expiration as nonsense": {"cache_expiration": "tomorrow"},
    "policy null": {"empirical_policy": None},
    "policy empty": {"empirical_policy": {}},
    "policy unknown key": {"empirical_policy": {"retries": 1, "nobody": 2}},
    "policy retries as text": {"empirical_policy": {"retries": "3"}},
    "policy retries as fraction": {"empirical_policy": {"retries": 2.7}},
    "policy retries negative": {"empirical_policy": {"retries": -1}},
    "policy retries as true": {"empirical_policy": {"retries": True}},
    "policy retries as nonsense": {"empirical_policy": {"retries": "many"}},
    "policy delay as text": {"empirical_policy": {"retry_delay": "30"}},
    "policy delay as fraction": {"empirical_policy": {"retry_delay": 0.9}},
    "policy delay of fractions": {"empirical_policy": {"retry_delay": [0.9, 1.1]}},
    "policy 50 delays": {"empirical_policy": {"retry_delay": [1] * 50}},
    "policy 51 delays": {"empirical_policy": {"retry_delay": [1] * 51}},
    "policy delay of texts": {"empirical_policy": {"retry_delay": ["a"]}},
    "policy old fields": {"empirical_policy": {"max_retries": 2, "retry_delay_seconds": 1.5}},
    "policy negative jitter": {"empirical_policy": {"retry_jitter_factor": -0.1}},
    "policy as list": {"empirical_policy": []},
    "policy as text": {"empirical_policy": "x"},
    "inputs null": {"task_inputs": None},
    "inputs empty": {"task_inputs": {"x": []}},
    "inputs of an unknown type": {"task_inputs": {"x": [{"input_type": "riddle", "name": "p"}]}},
    "inputs with a bad id": {"task_inputs": {"x": [{"input_type": "task_run", "id": "no"}]}},
    "inputs without a type": {"task_inputs": {"x": [{"name": "p"}]}},
    "inputs without a type, by id": {"task_inputs": {"x": [{"id": "11111111-1111-4111-8111-111111111111"}]}},
    "inputs as list": {"task_inputs": []},
    "state null": {"state": None},
    "state without type": {"state": {}},
    "state unknown type": {"state": {"type": "RESTING"}},
    "state lower case": {"state": {"type": "running"}},
    "state unknown key": {"state": {"type": "RUNNING", "nobody": 1}},
    "state null name": {"state": {"type": "RUNNING", "name": None}},
    "state empty name": {"state": {"type": "RUNNING", "name": ""}},
    "state name as number": {"state": {"type": "RUNNING", "name": 3}},
    "state with id and time": {
        "state": {"type": "RUNNING", "id": "11111111-1111-4111-8111-111111111111", "timestamp": now(-600)}
    },
    "state with a bad id": {"state": {"type": "RUNNING", "id": "no"}},
    "state with a bad time": {"state": {"type": "RUNNING", "timestamp": "no"}},
    "state details null": {"state": {"type": "RUNNING", "state_details": None}},
    "state details empty": {"state": {"type": "SCHEDULED", "state_details": {}}},
    "state details unknown key": {"state": {"type": "RUNNING", "state_details": {"nobody": 1}}},
    "state details of another run": {
        "state": {
            "type": "RUNNING",
            "state_details": {
                "flow_run_id": "11111111-1111-4111-8111-111111111111",
                "task_run_id": "22222222-2222-4222-8222-222222222222",
                "child_flow_run_id": "33333333-3333-4333-8333-333333333333",
            },
        }
    },
    "state details coerced": {
        "state": {
            "type": "RUNNING",
            "state_details": {
                "cache_key": 3,
                "untrackable_result": "yes",
                "pause_reschedule": 1,
                "refresh_cache": "false",
                "retriable": 0,
                "run_input_keyset": {"a": 1},
            },
        }
    },
    "state details refused": {
        "state": {
            "type": "RUNNING",
            "state_details": {
                "cache_key": [],
                "untrackable_result": "perhaps",
                "transition_id": "no",
                "scheduled_time": "no",
            },
        }
    },
    "state details null flags": {
        "state": {"type": "RUNNING", "state_details": {"untrackable_result": None, "pause_reschedule": None}}
    },
    "state as text": {"state": "RUNNING"},
    "state as list": {"state": []},
    "flow run as nonsense": {"flow_run_id": "no"},
    "flow run unknown": {"flow_run_id": "{uuid_nobody}"},
    "flow run as number": {"flow_run_id": 3},
    "id as nonsense": {"id": "no"},
    "id null": {"id": None},
    "id in braces": {"id": "urn:uuid:{uuid_mine}"},
    "id given": {"id": "{uuid_mine}"},
}


def cases() -> Iterator[Case]:
    yield from created()
    yield from repeated()
    yield from proposed()
    yield from updated()
    yield from deleted()
    yield from states()


def created() -> Iterator[Case]:
    for label, fields in FIELDS.items():
        for place, parent in {"in a flow": FLOW, "alone": None}.items():
            around = (flow_run(RUNNING),) if parent else ()
            steps = (*around, task_run(parent=parent, record=True, **fields), read())
            yield Case(FAMILY, f"create/{place}/{label}", steps)
    bodies: dict[str, JSON] = {"nothing": None, "an object": {}, "a list": [], "a text": "x"}
    for label, body in bodies.items():
        yield Case(FAMILY, f"create/{label}", (call("POST", "/task_runs/", "create", body),))


def repeated() -> Iterator[Case]:
    """The same keys again: the stored run is answered, whatever else the request says."""
    other = {
        "name": "another",
        "tags": ["z"],
        "state": {"type": "COMPLETED"},
        "empirical_policy": {"retries": 9},
        "task_version": "2",
    }
    for place, parent in {"in a flow": FLOW, "alone": None}.items():
        around = (flow_run(RUNNING),) if parent else ()
        first = _keyed(parent, "task_run", tags=["a"])
        yield Case(FAMILY, f"repeat/{place}/same", (*around, first, _keyed(parent, "again", tags=["a"])))
        yield Case(FAMILY, f"repeat/{place}/other fields", (*around, first, _keyed(parent, "again", **other), read()))
        own = _keyed(parent, "again", id="{uuid_mine}")
        unknown = call("GET", "/task_runs/{uuid_mine}", "unknown")
        yield Case(FAMILY, f"repeat/{place}/another id", (*around, first, own, read(), unknown))
        same = _keyed(parent, "again", id="{task_run}")
        yield Case(FAMILY, f"repeat/{place}/the id it has", (*around, first, same))
        taken = task_run(parent=parent, step="again", record=True, id="{task_run}", dynamic_key="other {unique}")
        yield Case(FAMILY, f"repeat/{place}/its id under other keys", (*around, first, taken, read()))
        moved = set_state(state("COMPLETED"), force=True, record=False)
        yield Case(FAMILY, f"repeat/{place}/after it moved", (*around, first, moved, _keyed(parent, "again")))
        gone = delete("/task_runs/{task_run}", "gone")
        yield Case(FAMILY, f"repeat/{place}/after it is deleted", (*around, first, gone, _keyed(parent, "again")))
        number = _keyed(parent, "again", task_key=5)
        yield Case(FAMILY, f"repeat/{place}/key as number", (*around, _keyed(parent, "task_run", task_key="5"), number))
    number = task_run(step="again", record=True, dynamic_key=8)
    same = task_run(step="third", record=True, dynamic_key="8")
    yield Case(FAMILY, "repeat/in a flow/dynamic key as number", (flow_run(RUNNING), number, same))
    two = (flow_run(RUNNING), flow_run(RUNNING, step="other"))
    steps = (*two, _keyed(FLOW, "task_run"), _keyed("other", "again"), _keyed(None, "third"))
    yield Case(FAMILY, "repeat/in another flow run", steps)


def _keyed(parent: str | None, step: str, **fields: JSON) -> Step:
    given: dict[str, JSON] = {"task_key": "k {unique}", "dynamic_key": "d {unique}"}
    return task_run(parent=parent, step=step, record=True, **(given | fields))


def proposed() -> Iterator[Case]:
    """What a proposal may look like, and what is refused before any rule is asked."""
    bodies: dict[str, JSON] = {
        "nothing": None,
        "empty": {},
        "no state": {"force": True},
        "null state": {"state": None},
        "unknown field": {"state": {"type": "RUNNING"}, "nobody": 1},
        "force null": {"state": {"type": "RUNNING"}, "force": None},
        "force as text": {"state": {"type": "RUNNING"}, "force": "yes"},
        "force as nonsense": {"state": {"type": "RUNNING"}, "force": "perhaps"},
        "force as number": {"state": {"type": "RUNNING"}, "force": 2},
        "a state alone": {"type": "RUNNING"},
        "a list": [],
        "data given": {"state": {"type": "COMPLETED", "data": REFERENCE}},
    }
    bodies |= {label: {"state": fields["state"]} for label, fields in FIELDS.items() if "state" in fields}
    for label, body in bodies.items():
        steps = (flow_run(RUNNING), task_run(), call("POST", "/task_runs/{task_run}/set_state", "set", body), read())
        yield Case(FAMILY, f"propose/{label}", steps)
    for label, path in {"unknown": "{uuid_nobody}", "nonsense": "no"}.items():
        propose = call("POST", f"/task_runs/{path}/set_state", "set", {"state": {"type": "RUNNING"}})
        yield Case(FAMILY, f"propose/run {label}", (propose,))


def updated() -> Iterator[Case]:
    bodies: dict[str, JSON] = {
        "nothing": None,
        "empty": {},
        "name": {"name": "new name"},
        "empty name": {"name": ""},
        "null name": {"name": None},
        "name as number": {"name": 3},
        "name as list": {"name": []},
        "unknown field": {"name": "n", "nobody": 1},
        "tags": {"tags": ["a"]},
    }
    for label, body in bodies.items():
        steps = (flow_run(RUNNING), task_run(), call("PATCH", "/task_runs/{task_run}", "update", body), read())
        yield Case(FAMILY, f"update/{label}", steps)
    for label, path in {"unknown": "{uuid_nobody}", "nonsense": "no"}.items():
        yield Case(FAMILY, f"update/run {label}", (call("PATCH", f"/task_runs/{path}", "update", {"name": "n"}),))


def deleted() -> Iterator[Case]:
    gone = delete("/task_runs/{task_run}", "gone", record=True)
    again = delete("/task_runs/{task_run}", "again", record=True)
    late = (read(), set_state(state("RUNNING")), again, get("/task_run_states/?task_run_id={task_run}", "states"))
    yield Case(FAMILY, "delete/twice", (flow_run(RUNNING), task_run(), gone, *late))
    for label, path in {"unknown": "{uuid_nobody}", "nonsense": "no"}.items():
        for method in ("GET", "DELETE"):
            yield Case(FAMILY, f"delete/{method} run {label}", (call(method, f"/task_runs/{path}", "ask"),))
    log = {"name": "n", "level": 20, "message": "m", "timestamp": now(), "task_run_id": "{task_run}"}
    logs = call("POST", "/logs/filter", "logs", {"logs": {"task_run_id": {"any_": ["{task_run}"]}}})
    write = call("POST", "/logs/", "log", [log], record=False)
    steps: tuple[Step, ...] = (flow_run(RUNNING), task_run(), write, gone, logs)
    yield Case(FAMILY, "delete/its logs stay", steps)
    data = set_state(state("COMPLETED", data=REFERENCE), record=False)
    artifacts = {"artifacts": {"task_run_id": {"any_": ["{task_run}"]}}}
    kept = call("POST", "/artifacts/filter", "artifacts", artifacts)
    yield Case(FAMILY, "delete/its artifacts", (flow_run(RUNNING), task_run(RUNNING), data, gone, kept))
    flow_gone = delete("/flow_runs/{flow_run}", "gone", record=True)
    steps = (flow_run(RUNNING), task_run(RUNNING), data, flow_gone, read(), *late[2:], kept)
    yield Case(FAMILY, "delete/with its flow run", steps)
    limited = call("POST", "/concurrency_limits/", "limit", {"tag": "{unique}", "concurrency_limit": 1}, record=False)
    steps = (flow_run(RUNNING), limited, task_run(tags=["{unique}"]), gone, read_limit("{unique}"))
    yield Case(FAMILY, "delete/a run that holds no slot", steps)


def states() -> Iterator[Case]:
    moves = (set_state(RUNNING, name="one", record=False), set_state(state("FAILED", message="m"), name="two"))
    listed = get("/task_run_states/?task_run_id={task_run}", "states")
    one = get("/task_run_states/{id1}", "state")
    yield Case(FAMILY, "states/of a run", (flow_run(RUNNING), task_run(), *moves, listed, one))
    for label, query in {"unknown": "?task_run_id={uuid_nobody}", "nonsense": "?task_run_id=no", "none": ""}.items():
        yield Case(FAMILY, f"states/of a run {label}", (get("/task_run_states/" + query, "states"),))
    for label, path in {"unknown": "{uuid_nobody}", "nonsense": "no"}.items():
        yield Case(FAMILY, f"states/state {label}", (get("/task_run_states/" + path, "state"),))
    yield Case(FAMILY, "states/without the slash", (get("/task_run_states?task_run_id={uuid_nobody}", "states"),))
    yield Case(FAMILY, "create/without the slash", (call("POST", "/task_runs", "create", {}),))
    yield Case(FAMILY, "read/with a slash", (get("/task_runs/{uuid_nobody}/", "read"),))
    yield Case(FAMILY, "read/another method", (call("PUT", "/task_runs/{uuid_nobody}", "put", {}),))
