"""Deployments over HTTP: creation and upsert, update, runs made from them, schedules, pausing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.comparison.build import FLOW, call, delete, flow_run, get, now, read, state
from tests.comparison.model import JSON, Case, Step

FAMILY = "requests_deployments"
SCHEMA = {
    "type": "object",
    "properties": {"count": {"type": "integer", "default": 1}, "who": {"type": "string"}},
    "required": ["who"],
}
CRON = {"cron": "0 0 * * *", "timezone": "UTC"}
INTERVAL = {"interval": 3600, "anchor_date": "2020-01-01T00:00:00+00:00", "timezone": "UTC"}
RRULE = {"rrule": "FREQ=DAILY", "timezone": "UTC"}

FIELDS: dict[str, dict[str, Any]] = {
    "nothing more": {},
    "everything": {
        "version": "1",
        "description": "what it does",
        "tags": ["b", "a", "b"],
        "parameters": {"who": "me"},
        "parameter_openapi_schema": SCHEMA,
        "enforce_parameter_schema": True,
        "path": "/p",
        "entrypoint": "f.py:flow",
        "manifest_path": "m",
        "pull_steps": [{"step": {"a": 1}}],
        "job_variables": {"env": {"A": "1"}},
        "paused": True,
        "schedules": [{"schedule": CRON, "active": True}],
    },
    "paused": {"paused": True},
    "not paused": {"paused": False},
    "schedule not active": {"is_schedule_active": False},
    "paused and active": {"paused": True, "is_schedule_active": True},
    "old schedule": {"schedule": CRON},
    "old schedule, not active": {"schedule": CRON, "is_schedule_active": False},
    "schedule by interval": {"schedules": [{"schedule": INTERVAL}]},
    "schedule by rule": {"schedules": [{"schedule": RRULE}]},
    "schedules": {"schedules": [{"schedule": CRON}, {"schedule": INTERVAL, "active": False}]},
    "schedules and schedule": {"schedules": [{"schedule": CRON}], "schedule": INTERVAL},
    "no schedules": {"schedules": []},
    "schedules null": {"schedules": None},
    "schedule limits": {
        "schedules": [{"schedule": CRON, "max_active_runs": 1, "max_scheduled_runs": 2, "catchup": True}]
    },
    "schedule limit 0": {"schedules": [{"schedule": CRON, "max_active_runs": 0}]},
    "too many scheduled runs": {"schedules": [{"schedule": CRON, "max_scheduled_runs": 1000}]},
    "bad cron": {"schedules": [{"schedule": {"cron": "every day"}}]},
    "odd cron": {"schedules": [{"schedule": {"cron": "0 0 * * *", "day_or": False, "timezone": "Europe/Berlin"}}]},
    "bad zone": {"schedules": [{"schedule": {"cron": "0 0 * * *", "timezone": "Atlantis"}}]},
    "bad rule": {"schedules": [{"schedule": {"rrule": "NOW"}}]},
    "interval of 0": {"schedules": [{"schedule": {"interval": 0}}]},
    "schedule of nothing": {"schedules": [{"schedule": {}}]},
    "schedule without": {"schedules": [{}]},
    "schedule unknown key": {"schedules": [{"schedule": CRON, "nobody": 1}]},
    "enforced without a schema": {"enforce_parameter_schema": True},
    "enforced, fits": {
        "enforce_parameter_schema": True,
        "parameter_openapi_schema": SCHEMA,
        "parameters": {"who": "a"},
    },
    "enforced, wrong": {
        "enforce_parameter_schema": True,
        "parameter_openapi_schema": SCHEMA,
        "parameters": {"count": "x"},
    },
    "not enforced, wrong": {"parameter_openapi_schema": SCHEMA, "parameters": {"count": "x"}},
    "schema that is none": {"parameter_openapi_schema": {"type": "riddle"}},
    "schema empty": {"parameter_openapi_schema": {}},
    "infra overrides": {"infra_overrides": {"a": 1}},
    "both overrides": {"infra_overrides": {"a": 1}, "job_variables": {"b": 2}},
    "old fields": {"worker_pool_name": "x", "worker_pool_queue_name": "y", "work_pool_queue_name": "z"},
    "unknown field": {"nobody": 1},
    "tags null": {"tags": None},
    "parameters null": {"parameters": None},
    "job variables null": {"job_variables": None},
    "name empty": {"name": ""},
    "name null": {"name": None},
    "flow unknown": {"flow_id": "{uuid_nobody}"},
    "flow as nonsense": {"flow_id": "no"},
    "flow null": {"flow_id": None},
    "work pool unknown": {"work_pool_name": "{unique}"},
    "storage unknown": {"storage_document_id": "{uuid_nobody}"},
    "infrastructure unknown": {"infrastructure_document_id": "{uuid_nobody}"},
    "version as number": {"version": 3},
    "pull steps null": {"pull_steps": None},
}


def cases() -> Iterator[Case]:
    for source in (created, repeated, updated, runs, schedules, pauses, read_and_deleted):
        yield from source()


def make(step: str = "made", fields: JSON = None, *, record: bool = False) -> Step:
    body = {"name": "{unique}", "flow_id": "{flow}"} | (fields or {})
    return call("POST", "/deployments/", step, body, record=record)


def look(name: str = "read") -> Step:
    return get("/deployments/{made}", name)


def created() -> Iterator[Case]:
    for label, fields in FIELDS.items():
        yield Case(FAMILY, f"create/{label}", (make("made", fields, record=True), look()))
    bodies: dict[str, JSON] = {"nothing": None, "an object": {}, "a list": [], "a text": "x"}
    for label, body in bodies.items():
        yield Case(FAMILY, f"create/body {label}", (call("POST", "/deployments/", "create", body),))


def repeated() -> Iterator[Case]:
    """The same flow and name again: the deployment is written over."""
    full: JSON = {"tags": ["a"], "parameters": {"x": 1}, "description": "d", "version": "1", "job_variables": {"a": 1}}
    first = make("made", full | {"schedules": [{"schedule": CRON}]}, record=True)
    for label, fields in {
        "nothing more": {},
        "tags": {"tags": ["z"]},
        "parameters": {"parameters": {}},
        "schedules": {"schedules": [{"schedule": INTERVAL}]},
        "no schedules": {"schedules": []},
        "paused": {"paused": True},
        "description null": {"description": None},
    }.items():
        again = make("again", fields, record=True)
        listed = get("/deployments/{made}/schedules", "schedules")
        yield Case(FAMILY, f"repeat/{label}", (first, again, look(), listed))
    flow = call("POST", "/flows/", "other", {"name": "{unique}"}, record=False)
    yield Case(FAMILY, "repeat/of another flow", (flow, first, make("again", {"flow_id": "{other}"}, record=True)))


UPDATES: dict[str, JSON] = {
    "nothing": None,
    "empty": {},
    "everything": {
        "version": "2",
        "description": "new",
        "tags": ["n"],
        "parameters": {"who": "x"},
        "path": "/q",
        "entrypoint": "g.py:flow",
        "job_variables": {"b": 2},
    },
    "paused": {"paused": True},
    "not paused": {"paused": False},
    "schedule not active": {"is_schedule_active": False},
    "old schedule": {"schedule": INTERVAL},
    "old schedule null": {"schedule": None},
    "schedules": {"schedules": [{"schedule": INTERVAL, "active": False}]},
    "no schedules": {"schedules": []},
    "parameters null": {"parameters": None},
    "tags null": {"tags": None},
    "job variables null": {"job_variables": None},
    "name": {"name": "x"},
    "flow": {"flow_id": "{flow}"},
    "unknown field": {"nobody": 1},
    "enforced": {"enforce_parameter_schema": True},
    "enforced, wrong": {"enforce_parameter_schema": True, "parameters": {"count": "x"}},
    "enforced, incomplete": {"enforce_parameter_schema": True, "parameters": {"count": 1}},
    "infra overrides": {"infra_overrides": {"c": 3}},
    "jinja": {"parameters": {"who": {"__prefect_kind": "jinja", "template": "{{ 1 + 1 }}"}}},
    "bad json": {"parameters": {"who": {"__prefect_kind": "json", "value": "{"}}},
    "work pool null": {"work_pool_name": None},
    "description null": {"description": None},
}


def updated() -> Iterator[Case]:
    full: JSON = {
        "tags": ["a"],
        "parameters": {"who": "me"},
        "description": "d",
        "version": "1",
        "job_variables": {"a": 1},
    }
    for label, body in UPDATES.items():
        change = call("PATCH", "/deployments/{made}", "update", body)
        first = make("made", full | {"schedules": [{"schedule": CRON}], "parameter_openapi_schema": SCHEMA})
        yield Case(FAMILY, f"update/{label}", (first, change, look()))
    bare = make()
    for label in ("enforced", "old schedule", "schedules"):
        change = call("PATCH", "/deployments/{made}", "update", UPDATES[label])
        yield Case(FAMILY, f"update/a bare one, {label}", (bare, change, look()))
    several = make("made", {"schedules": [{"schedule": CRON}, {"schedule": INTERVAL}]})
    for label in ("old schedule", "schedule not active", "paused"):
        change = call("PATCH", "/deployments/{made}", "update", UPDATES[label])
        yield Case(FAMILY, f"update/one with two schedules, {label}", (several, change, look()))
    for label, path in {"unknown": "{uuid_nobody}", "nonsense": "no"}.items():
        yield Case(FAMILY, f"update/deployment {label}", (call("PATCH", f"/deployments/{path}", "update", {}),))


RUNS: dict[str, JSON] = {
    "nothing": None,
    "empty": {},
    "everything": {
        "name": "run",
        "parameters": {"who": "you", "more": 1},
        "context": {"a": 1},
        "tags": ["a"],
        "idempotency_key": "{unique}",
        "empirical_policy": {"retries": 1},
        "state": {"type": "SCHEDULED", "state_details": {"scheduled_time": now(600)}},
        "job_variables": {"env": {"B": "2"}},
    },
    "running": {"state": {"type": "RUNNING"}},
    "pending": {"state": {"type": "PENDING"}},
    "parameters null": {"parameters": None},
    "parameters wrong": {"parameters": {"who": 3}},
    "enforced, wrong": {"parameters": {"who": 3}, "enforce_parameter_schema": True},
    "enforced, fits": {"parameters": {"who": "x"}, "enforce_parameter_schema": True},
    "not enforced": {"parameters": {"who": 3}, "enforce_parameter_schema": False},
    "json": {"parameters": {"who": {"__prefect_kind": "json", "value": '"text"'}}},
    "bad json": {"parameters": {"who": {"__prefect_kind": "json", "value": "{"}}},
    "jinja": {"parameters": {"who": {"__prefect_kind": "jinja", "template": "{{ 1 + 1 }} of us"}}},
    "unknown variable": {"parameters": {"who": {"__prefect_kind": "workspace_variable", "variable_name": "nobody"}}},
    "unknown field": {"nobody": 1},
    "empty name": {"name": ""},
    "tags null": {"tags": None},
    "parent unknown": {"parent_task_run_id": "{uuid_nobody}"},
    "job variables null": {"job_variables": None},
}


def runs() -> Iterator[Case]:
    """Flow runs made from a deployment."""
    fitting: JSON = {"parameters": {"who": "me"}, "parameter_openapi_schema": SCHEMA}
    plain = make("made", fitting | {"tags": ["a"], "version": "7"})
    strict = make("made", fitting | {"enforce_parameter_schema": True})
    for label, body in RUNS.items():
        create = call("POST", "/deployments/{made}/create_flow_run", FLOW, body)
        yield Case(FAMILY, f"run/{label}", (plain, create, read(FLOW)))
        if isinstance(body, dict) and "parameters" in body:
            yield Case(FAMILY, f"run/of a strict one, {label}", (strict, create, read(FLOW)))
    # The tags of both, in no order.
    create = call("POST", "/deployments/{made}/create_flow_run", FLOW, {"tags": ["z", "a"]}, record=False)
    both = {"flow_runs": {"id": {"any_": ["{flow_run}"]}, "tags": {"all_": ["a", "z"]}}}
    yield Case(FAMILY, "run/tags of both", (plain, create, call("POST", "/flow_runs/count", "count", both)))
    same = {"idempotency_key": "{unique}"}
    twice = tuple(call("POST", "/deployments/{made}/create_flow_run", n, same) for n in ("one", "two"))
    yield Case(FAMILY, "run/the same key twice", (plain, *twice))
    no_schema = call("POST", "/deployments/{made}/create_flow_run", "run", {"enforce_parameter_schema": True})
    yield Case(FAMILY, "run/enforced without a schema", (make(), no_schema))
    for label, path in {"unknown": "{uuid_nobody}", "nonsense": "no"}.items():
        create = call("POST", f"/deployments/{path}/create_flow_run", "run", {})
        yield Case(FAMILY, f"run/deployment {label}", (create,))
    made_from = call("POST", "/deployments/{made}/create_flow_run", FLOW, {}, record=False)
    yield Case(FAMILY, "run/leaves the parameters", (plain, made_from, look()))


def schedules() -> Iterator[Case]:
    listed = get("/deployments/{made}/schedules", "schedules")
    bodies: dict[str, JSON] = {
        "one": [{"schedule": CRON}],
        "two": [{"schedule": CRON, "active": False}, {"schedule": INTERVAL}],
        "none": [],
        "an object": {"schedule": CRON},
        "unknown key": [{"schedule": CRON, "nobody": 1}],
        "of nothing": [{"schedule": {}}],
        "nothing": None,
    }
    for label, body in bodies.items():
        add = call("POST", "/deployments/{made}/schedules", "add", body, unordered=True)
        alike = call("GET", "/deployments/{made}/schedules", "schedules", unordered=True)
        yield Case(FAMILY, f"schedules/add {label}", (make(), add, alike))
    path = "/deployments/{made}/schedules/{id1}"
    changes: dict[str, JSON] = {
        "not active": {"active": False},
        "schedule": {"schedule": INTERVAL},
        "empty": {},
        "active null": {"active": None},
        "unknown key": {"nobody": 1},
        "nothing": None,
    }
    first = (make("made", {"schedules": [{"schedule": CRON}]}), get("/deployments/{made}/schedules", "before"))
    for label, body in changes.items():
        yield Case(FAMILY, f"schedules/change {label}", (*first, call("PATCH", path, "change", body), listed, look()))
    gone = (delete(path, "gone", record=True), delete(path, "again", record=True))
    yield Case(FAMILY, "schedules/delete", (*first, *gone, listed, look()))
    for label, made in {"unknown": "{uuid_nobody}", "nonsense": "no"}.items():
        base = f"/deployments/{made}/schedules"
        asks = (
            get(base, "read"),
            call("POST", base, "add", []),
            call("PATCH", base + "/{uuid_other}", "change", {}),
            delete(base + "/{uuid_other}", "gone", record=True),
        )
        yield Case(FAMILY, f"schedules/of a deployment {label}", asks)
    unknown = call("PATCH", "/deployments/{made}/schedules/{uuid_other}", "change", {"active": True})
    yield Case(FAMILY, "schedules/an unknown one", (make(), unknown))


def pauses() -> Iterator[Case]:
    kinds: dict[str, JSON] = {
        "none": [],
        "one": [{"schedule": CRON}],
        "two": [{"schedule": CRON}, {"schedule": INTERVAL}],
    }
    for route in ("pause_deployment", "set_schedule_inactive", "resume_deployment", "set_schedule_active"):
        for label, given in kinds.items():
            first = make("made", {"schedules": given, "paused": route in ("resume_deployment", "set_schedule_active")})
            ask = call("POST", f"/deployments/{{made}}/{route}", "ask")
            yield Case(FAMILY, f"{route}/{label}", (first, ask, look()))
        for label, path in {"unknown": "{uuid_nobody}", "nonsense": "no"}.items():
            yield Case(FAMILY, f"{route}/deployment {label}", (call("POST", f"/deployments/{path}/{route}", "ask"),))


def read_and_deleted() -> Iterator[Case]:
    flow = call("POST", "/flows/", "mine", {"name": "{unique}"}, record=False)
    named = make("made", {"flow_id": "{mine}", "name": "d"})
    names = {
        "it": "{unique}/d",
        "nobody": "{unique}/nobody",
        "another letter case": "{unique}/D",
        "no such flow": "nobody {unique}/d",
        "half": "{unique}",
    }
    asks = tuple(get(f"/deployments/name/{path}", label) for label, path in names.items())
    yield Case(FAMILY, "read/by name", (flow, named, *asks))
    gone = (delete("/deployments/{made}", "gone", record=True), delete("/deployments/{made}", "again", record=True))
    run = flow_run(step=FLOW, deployment_id="{made}")
    yield Case(FAMILY, "delete/twice", (make(), run, *gone, look(), read(FLOW)))
    scheduled = flow_run(state("SCHEDULED"), deployment_id="{made}")
    yield Case(FAMILY, "delete/with scheduled runs", (make(), scheduled, *gone, read(FLOW)))
    flow_gone = delete("/flows/{mine}", "gone", record=True)
    yield Case(FAMILY, "delete/with its flow", (flow, named, flow_gone, look()))
    for label, path in {"unknown": "{uuid_nobody}", "nonsense": "no"}.items():
        for method in ("GET", "DELETE"):
            yield Case(FAMILY, f"read/{method} deployment {label}", (call(method, f"/deployments/{path}", "ask"),))
