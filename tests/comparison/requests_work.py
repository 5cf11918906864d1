"""Work pools, work queues and workers over HTTP, deployments and runs put into them, and what is handed out.

Queues of no pool share the pool that is always there: of these, priorities tell nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.comparison.build import call, delete, get, now, post, read, set_state, state
from tests.comparison.model import JSON, Case, Step
from tests.comparison.requests_small import creations, unknowns

FAMILY = "requests_work"
POOLS, QUEUES = "/work_pools/", "/work_queues/"
POOL = "/work_pools/{unique}"
BASE: dict[str, JSON] = {"name": "{unique}", "type": "process"}
VARIABLES = {
    "type": "object",
    "properties": {"cpu": {"type": "integer", "default": 1}, "image": {"type": "string"}},
}
TEMPLATE = {"job_configuration": {"cpu": "{{ cpu }}", "deep": {"image": ["{{image}}"]}}, "variables": VARIABLES}
REQUIRED = TEMPLATE | {"variables": VARIABLES | {"required": ["image"]}}
UNFIT = TEMPLATE | {"variables": {"properties": VARIABLES["properties"] | {"cpu": {"type": "integer", "default": "x"}}}}  # type: ignore[operator]

POOL_FIELDS: dict[str, Any] = {
    "nothing more": {},
    "type": {"type": "docker"},
    "type null": {"type": None},
    "description": {"description": "d"},
    "paused": {"is_paused": True},
    "agents": {"type": "prefect-agent"},
    "agents, paused": {"type": "prefect-agent", "is_paused": True},
    "limit": {"concurrency_limit": 3},
    "limit zero": {"concurrency_limit": 0},
    "limit negative": {"concurrency_limit": -1},
    "limit as text": {"concurrency_limit": "3"},
    "template": {"base_job_template": TEMPLATE},
    "template empty": {"base_job_template": {}},
    "template without variables": {"base_job_template": {"job_configuration": {"a": 1}}},
    "template undeclared": {"base_job_template": TEMPLATE | {"variables": {"properties": {"cpu": {}}}}},
    "template null": {"base_job_template": None},
    "default unfit": {"base_job_template": UNFIT},
    "default of an unknown block": {
        "base_job_template": {
            "job_configuration": {"a": "{{ a }}"},
            "variables": {"properties": {"a": {"default": {"$ref": {"block_document_id": "{uuid_nobody}"}}}}},
        }
    },
    "name empty": {"name": ""},
    "name of quotes": {"name": "' \""},
    "name null": {"name": None},
    "name reserved": {"name": "Prefect {unique}"},
    "name with a slash": {"name": "{unique}/a"},
    "unknown field": {"nobody": 1},
    "nothing": None,
}

QUEUE_FIELDS: dict[str, Any] = {
    "nothing more": {},
    "description": {"description": "d"},
    "description null": {"description": None},
    "paused": {"is_paused": True},
    "limit": {"concurrency_limit": 2},
    "limit negative": {"concurrency_limit": -1},
    "priority": {"priority": 1},
    "priority far": {"priority": 9},
    "priority zero": {"priority": 0},
    "priority as text": {"priority": "1"},
    "filter": {"filter": {"tags": ["a"]}},
    "filter of deployments": {"filter": {"deployment_ids": ["{uuid_nobody}"]}},
    "name null": {"name": None},
    "name with a slash": {"name": "a/b"},
    "unknown field": {"nobody": 1},
    "nothing": None,
}


def cases() -> Iterator[Case]:
    for source in (pools, pool_queues, standalone_queues, workers, placed, variables, polls, queue_polls):
        yield from source()


def pool(fields: JSON = None, step: str = "pool", *, record: bool = False) -> Step:
    return post(POOLS, BASE | (fields or {}), step, record=record)


def queue(name: str, fields: JSON = None, *, record: bool = False) -> Step:
    return post(f"{POOL}/queues", {"name": name} | (fields or {}), name, record=record)


LOOK = get(POOL, "read")
# What a deployment's answer calls `{queue}`, see differences.py: of the peer it has no such field.
OWN = {name: get(f"{POOL}/queues/{name}", "queue") for name in ("default", "q", "r")}
QUEUES_OF_POOL = post(f"{POOL}/queues/filter", {}, "queues")


def pools() -> Iterator[Case]:
    yield from creations(FAMILY, POOLS, BASE, POOL_FIELDS, LOOK)
    yield Case(FAMILY, "pools/repeat", (pool(), pool(step="again", record=True), QUEUES_OF_POOL))
    changes: dict[str, JSON] = {
        "nothing": {},
        "description": {"description": "d"},
        "limit": {"concurrency_limit": 5},
        "limit null": {"concurrency_limit": None},
        "paused": {"is_paused": True},
        "not paused": {"is_paused": False},
        "template": {"base_job_template": TEMPLATE},
        "template wrong": {"base_job_template": {"a": 1}},
        "name": {"name": "x"},
        "unknown field": {"nobody": 1},
    }
    for label, body in changes.items():
        for kind in ("process", "prefect-agent"):
            steps = (pool({"type": kind, "concurrency_limit": 1}), call("PATCH", POOL, "update", body), LOOK)
            yield Case(FAMILY, f"pools/update/{kind}/{label}", steps)
    yield Case(FAMILY, "pools/delete", (pool(), delete(POOL, "gone", record=True), LOOK))
    yield from unknowns(f"{FAMILY}_names", "/work_pools", ("GET", "PATCH", "DELETE"))
    for method in ("PATCH", "DELETE"):
        yield Case(FAMILY, f"pools/reserved/{method}", (call(method, "/work_pools/prefect-x", "ask", {}),))
    for label, body in {"by name": {"name": {"any_": ["{unique}"]}}, "unknown": {"nobody": {}}}.items():
        asked: JSON = {"work_pools": body}
        steps = (pool(), post(POOLS + "filter", asked, "filter"), post(POOLS + "count", asked, "count"))
        yield Case(FAMILY, f"pools/filter/{label}", steps)
    yield Case(FAMILY, "pools/filter/limit", (post(POOLS + "filter", {"limit": 201}, "filter"),))


def pool_queues() -> Iterator[Case]:
    for label, fields in QUEUE_FIELDS.items():
        body = {"name": "q"} | fields if isinstance(fields, dict) else fields
        yield Case(FAMILY, f"queues/create/{label}", (pool(), post(f"{POOL}/queues", body, "made"), QUEUES_OF_POOL))
    many = (pool(), queue("a"), queue("b", {"priority": 5}), queue("c"))
    changes: dict[str, JSON] = {
        "nothing": {},
        "name": {"name": "new"},
        "description": {"description": "d"},
        "limit": {"concurrency_limit": 5},
        "paused": {"is_paused": True},
        "not paused": {"is_paused": False},
        "priority first": {"priority": 1},
        "priority same": {"priority": 2},
        "priority taken": {"priority": 3},
        "priority far": {"priority": 9},
        "polled": {"last_polled": now(-100)},
        "unknown field": {"nobody": 1},
    }
    for label, body in changes.items():
        change = call("PATCH", f"{POOL}/queues/a", "update", body)
        yield Case(FAMILY, f"queues/update/{label}", (*many, change, QUEUES_OF_POOL))
    for first in (1, 2, 5, 6):
        yield Case(FAMILY, f"queues/new in place {first}", (*many, queue("d", {"priority": first}), QUEUES_OF_POOL))
    gone = delete(f"{POOL}/queues/a", "gone", record=True)
    yield Case(FAMILY, "queues/delete", (*many, gone, QUEUES_OF_POOL))
    stays = delete(f"{POOL}/queues/default", "gone", record=True)
    yield Case(FAMILY, "queues/delete the default one", (*many, stays, QUEUES_OF_POOL))
    by_id = delete("/work_queues/{queue}", "gone", record=True)
    yield Case(FAMILY, "queues/delete the default one by id", (*many, OWN["default"], by_id, QUEUES_OF_POOL))
    for method in ("GET", "PATCH", "DELETE"):
        body = {} if method == "PATCH" else None
        yield Case(FAMILY, f"queues/unknown/{method}", (pool(), call(method, f"{POOL}/queues/none", "ask", body)))
        yield Case(FAMILY, f"queues/unknown pool/{method}", (call(method, f"{POOL}/queues/q", "ask", body),))
    for path in ("queues", "queues/filter", "get_scheduled_flow_runs", "workers/filter", "workers/heartbeat"):
        yield Case(FAMILY, f"unknown pool/{path}", (post(f"{POOL}/{path}", {"name": "x"}, "ask"),))
    pause = call("PATCH", f"{POOL}/queues/default", "pause", {"is_paused": True}, record=False)
    resume = call("PATCH", f"{POOL}/queues/default", "resume", {"is_paused": False}, record=False)
    yield Case(FAMILY, "queues/paused twice", (pool(), pause, pause_again(pause), resume, QUEUES_OF_POOL))


def pause_again(pause: Step) -> Step:
    return call(pause.method, pause.path, "pause_again", pause.body, record=False)


def standalone_queues() -> Iterator[Case]:
    one = post(QUEUES, {"name": "{unique}", "concurrency_limit": 2}, "made", record=False)
    path = QUEUES + "{made}"
    named = post(QUEUES + "filter", {"work_queues": {"name": {"any_": ["{unique}", "{unique}-new"]}}}, "found")
    yield Case(FAMILY, "standalone/repeat", (one, post(QUEUES, {"name": "{unique}"}, "again")))
    renamed = call("PATCH", path, "update", {"name": "{unique}-new"})
    yield Case(FAMILY, "standalone/renamed", (one, renamed, get(QUEUES + "name/{unique}", "ask")))
    yield Case(FAMILY, "standalone/delete", (one, delete(path, "gone", record=True), named))
    yield Case(FAMILY, "standalone/status", (one, get(path + "/status", "status")))
    yield from unknowns(f"{FAMILY}_ids", "/work_queues", ("GET", "DELETE"))
    for way in ("get_runs", "status"):
        method, body = ("POST", {}) if way == "get_runs" else ("GET", None)
        yield Case(FAMILY, f"standalone/unknown/{way}", (call(method, f"{QUEUES}{{uuid_nobody}}/{way}", "ask", body),))


def workers() -> Iterator[Case]:
    told = post(f"{POOL}/workers/filter", {}, "workers")
    for label, body in {
        "nothing more": {"name": "w"},
        "interval": {"name": "w", "heartbeat_interval_seconds": 5},
        "interval as text": {"name": "w", "heartbeat_interval_seconds": "5"},
        "name null": {"name": None},
        "nothing": {},
    }.items():
        beat = post(f"{POOL}/workers/heartbeat", body, "beat")
        yield Case(FAMILY, f"workers/heartbeat/{label}", (pool(), beat, told, LOOK))
    for paused in ({"is_paused": True}, {"type": "prefect-agent"}):
        beat = post(f"{POOL}/workers/heartbeat", {"name": "w"}, "beat")
        yield Case(FAMILY, f"workers/{paused}", (pool(paused), beat, LOOK))
    beat = post(f"{POOL}/workers/heartbeat", {"name": "w"}, "beat", record=False)
    resume = call("PATCH", POOL, "resume", {"is_paused": False}, record=False)
    yield Case(FAMILY, "workers/resumed", (pool({"is_paused": True}), beat, resume, LOOK))
    gone = tuple(delete(f"{POOL}/workers/w", step, record=True) for step in ("gone", "again"))
    yield Case(FAMILY, "workers/delete", (pool(), beat, *gone, told))


def deployed(fields: JSON, step: str = "deployed", *, record: bool = False) -> Step:
    return post("/deployments/", {"name": "{unique}", "flow_id": "{flow}"} | (fields or {}), step, record=record)


def in_pool(queue_name: str | None = None, fields: JSON = None) -> Step:
    return deployed({"work_pool_name": "{unique}", "work_queue_name": queue_name} | (fields or {}))


def run(step: str = "run", fields: JSON = None, *, record: bool = False) -> Step:
    return post("/deployments/{deployed}/create_flow_run", fields or {}, step, record=record)


def placed() -> Iterator[Case]:
    """Where deployments and their runs come to be."""
    look = get("/deployments/{deployed}", "look")
    for label, name in {"default": None, "by name": "default", "new": "q"}.items():
        steps = (
            pool(),
            in_pool(name),
            OWN[name or "default"],
            look,
            run(record=True),
            read("run", "flow_run"),
            QUEUES_OF_POOL,
        )
        yield Case(FAMILY, f"placed/{label}", steps)
        moved = call(
            "PATCH", "/deployments/{deployed}", "move", {"work_pool_name": "{unique}", "work_queue_name": name}
        )
        yield Case(FAMILY, f"placed/moved/{label}", (pool(), deployed({}), moved, OWN[name or "default"], look))
    again = deployed({}, "again", record=True)
    yield Case(FAMILY, "placed/made again", (pool(), in_pool("q"), OWN["q"], again, look))
    elsewhere = run(fields={"work_queue_name": "r"}, record=True)
    yield Case(FAMILY, "placed/run in another queue", (pool(), in_pool("q"), elsewhere, QUEUES_OF_POOL))
    renamed = call("PATCH", f"{POOL}/queues/q", "rename", {"name": "r"}, record=False)
    yield Case(
        FAMILY, "placed/renamed", (pool(), in_pool("q"), run(), renamed, OWN["r"], look, read("run", "flow_run"))
    )
    gone = delete(f"{POOL}/queues/q", "gone")
    yield Case(FAMILY, "placed/queue deleted", (pool(), in_pool("q"), run(), gone, look, read("run", "flow_run")))
    pool_gone = delete(POOL, "gone")
    yield Case(FAMILY, "placed/pool deleted", (pool(), in_pool(), run(), pool_gone, look, read("run", "flow_run")))
    asked = {"work_pools": {"name": {"any_": ["{unique}"]}}, "work_pool_queues": {"name": {"any_": ["q"]}}}
    for noun in ("flow_runs", "deployments"):
        found = post(f"/{noun}/count", asked, "count")
        yield Case(FAMILY, f"placed/counted/{noun}", (pool(), in_pool("q"), run(), found))


def variables() -> Iterator[Case]:
    """Job variables against the template of the pool."""
    for label, fields in {"fits": {"cpu": 2}, "unfit": {"cpu": "x"}, "null": {"cpu": None}, "more": {"b": 1}}.items():
        made = deployed({"work_pool_name": "{unique}", "job_variables": fields}, record=True)
        yield Case(
            FAMILY, f"variables/deployment/{label}", (pool({"base_job_template": TEMPLATE}), OWN["default"], made)
        )
        move = {"work_pool_name": "{unique}", "job_variables": fields}
        moved = call("PATCH", "/deployments/{deployed}", "move", move)
        yield Case(FAMILY, f"variables/moved/{label}", (pool({"base_job_template": TEMPLATE}), deployed({}), moved))
        ran = run(fields={"job_variables": fields}, record=True)
        yield Case(FAMILY, f"variables/run/{label}", (pool({"base_job_template": TEMPLATE}), in_pool(), ran))
        change = call("PATCH", "/flow_runs/{run}", "update", {"job_variables": fields})
        yield Case(
            FAMILY, f"variables/changed/{label}", (pool({"base_job_template": TEMPLATE}), in_pool(), run(), change)
        )
    for label, fields in {"missing": {}, "there": {"image": "a"}}.items():
        ran = run(fields={"job_variables": fields}, record=True)
        yield Case(FAMILY, f"variables/required/{label}", (pool({"base_job_template": REQUIRED}), in_pool(), ran))


def due(minutes: int) -> JSON:
    return {"state": state("SCHEDULED", scheduled_time=now(100 * minutes)), "name": f"n{minutes}"}


def polls() -> Iterator[Case]:
    """Three runs: two in a queue that goes first, one in the default queue."""
    first = queue("first", {"priority": 1})
    there = (pool(), first, in_pool("first"), run("two", due(2)), run("one", due(1)))
    others = (deployed({"work_pool_name": "{unique}", "name": "{unique}-b"}, "other"), other_run())
    # A run that is offered is told as it is here, see differences.py.
    reads = tuple(read(x, "flow_run", f"read_{x}") for x in ("one", "two", "three"))
    asked: dict[str, JSON] = {
        "nothing": {},
        "limit": {"limit": 2},
        "before": {"scheduled_before": now(100)},
        "after": {"scheduled_after": now(200)},
        "a queue": {"work_queue_names": ["default"]},
        "no queues": {"work_queue_names": []},
        "unknown queue": {"work_queue_names": ["first", "none"]},
        "limit 201": {"limit": 201},
    }
    for label, body in asked.items():
        yield Case(FAMILY, f"polls/{label}", (*there, *others, *reads, poll(body)))
    for label, path, change in (
        ("pool paused", POOL, {"is_paused": True}),
        ("queue paused", f"{POOL}/queues/first", {"is_paused": True}),
        ("pool limit", POOL, {"concurrency_limit": 2}),
        ("queue limit", f"{POOL}/queues/first", {"concurrency_limit": 1}),
        ("pool limit 0", POOL, {"concurrency_limit": 0}),
    ):
        changed = call("PATCH", path, "change", change, record=False)
        yield Case(FAMILY, f"polls/{label}", (*there, *others, *reads, changed, poll()))
        for taken in ("PENDING", "RUNNING", "CANCELLING"):
            busy = set_state(state(taken), run="one", kind="flow_run", force=True, record=False)
            yield Case(FAMILY, f"polls/{label}/one {taken}", (*there, *others, *reads, changed, busy, poll()))


def other_run() -> Step:
    return post("/deployments/{other}/create_flow_run", due(0), "three", record=False)


def poll(body: JSON = None) -> Step:
    return post(f"{POOL}/get_scheduled_flow_runs", body or {}, "poll")


def queue_polls() -> Iterator[Case]:
    path = QUEUES + "{made}"
    made = post(QUEUES, {"name": "{unique}"}, "made", record=False)
    there = (made, deployed({"work_queue_name": "{unique}"}), run("two", due(2)), run("one", due(1)))
    asked: dict[str, JSON] = {
        "nothing": {},
        "limit": {"limit": 1},
        "before": {"scheduled_before": now(100)},
        "agent": {"agent_id": "{uuid_agent}"},
    }
    for label, body in asked.items():
        yield Case(FAMILY, f"queue polls/{label}", (*there, post(path + "/get_runs", body, "poll")))
    for label, change in {"paused": {"is_paused": True}, "full": {"concurrency_limit": 1}}.items():
        changed = call("PATCH", path, "change", change, record=False)
        yield Case(FAMILY, f"queue polls/{label}", (*there, changed, post(path + "/get_runs", {}, "poll")))
        for taken in ("PENDING", "RUNNING", "CANCELLING"):
            busy = set_state(state(taken), run="one", kind="flow_run", force=True, record=False)
            steps = (*there, changed, busy, post(path + "/get_runs", {}, "poll"))
            yield Case(FAMILY, f"queue polls/{label}/one {taken}", steps)
