"""The resume endpoint: from each state, by version, and with the input a paused run waits for."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.comparison.build import FLOW, flow_run, get, now, post, reach, read, set_state, state
from tests.comparison.flow_matrix import INITIAL, RUNNING
from tests.comparison.flow_rules import PLACES
from tests.comparison.model import JSON, Case, Step

SCHEMA = {
    "type": "object",
    "properties": {"count": {"type": "integer"}, "who": {"type": "string", "default": "you"}},
    "required": ["count"],
}
CIRCULAR = {
    "type": "object",
    "properties": {"a": {"$ref": "#/definitions/A"}},
    "definitions": {"A": {"$ref": "#/definitions/A"}},
}
DEEP = {
    "type": "object",
    "properties": {"items": {"type": "array", "items": {"type": "number"}}, "kind": {"enum": ["a", "b"]}},
}

INPUTS: dict[str, JSON] = {
    "none": None,
    "null": {"run_input": None},
    "fits": {"run_input": {"count": 3}},
    "wrong type": {"run_input": {"count": "x"}},
    "missing": {"run_input": {"who": "me"}},
    "more": {"run_input": {"count": 3, "other": [1]}},
    "empty": {"run_input": {}},
    "json": {"run_input": {"count": {"__prefect_kind": "json", "value": "3"}}},
    "bad json": {"run_input": {"count": {"__prefect_kind": "json", "value": "{3"}}},
    "jinja": {"run_input": {"count": 1, "who": {"__prefect_kind": "jinja", "template": "{{ 1 + 1 }} of us"}}},
    "bad jinja": {"run_input": {"count": 1, "who": {"__prefect_kind": "jinja", "template": "{{ 1 +"}}},
    "unknown variable": {
        "run_input": {"count": 1, "who": {"__prefect_kind": "workspace_variable", "variable_name": "nobody_knows"}}
    },
    "unknown kind": {"run_input": {"count": 1, "who": {"__prefect_kind": "riddle", "value": "?"}}},
    "not an object": {"run_input": [1]},
}
SCHEMAS: dict[str, str | None] = {
    "none": None,
    "an object": json.dumps(SCHEMA),
    "deep": json.dumps(DEEP),
    "circular": json.dumps(CIRCULAR),
    "not json": "{nothing",
    "anything": "{}",
}


def cases() -> Iterator[Case]:
    yield from states()
    yield from inputs()
    yield from edges()


def resume(body: JSON = None, name: str = "resume", version: str | None = None) -> Step:
    headers = {} if version is None else {"X-PREFECT-API-VERSION": version}
    return Step(name, "POST", "/flow_runs/{flow_run}/resume", {} if body is None else body, headers)


def states() -> Iterator[Case]:
    for initial, reached in INITIAL.items():
        for place, fields in PLACES.items():
            for version in (None, "0.8.3") if "PAUSED" in initial or "Suspended" in initial else (None,):
                steps = (
                    flow_run(reached[0], **fields),
                    *reach(reached, run=FLOW),
                    resume(version=version),
                    read(FLOW),
                    set_state(RUNNING, run=FLOW, name="run", version=version),
                    read(FLOW, name="end"),
                )
                yield Case("flow_resume", f"{place}/{initial}/version {version}", steps)


def inputs() -> Iterator[Case]:
    for schema, text in SCHEMAS.items():
        for label, body in INPUTS.items():
            yield _answering(f"input/schema {schema}/{label}", text, body, {"schema": "s", "response": "r"})
    for label in ("none", "fits"):
        yield _answering(f"input/no keyset/{label}", None, INPUTS[label], None)
        yield _answering(f"input/empty keyset/{label}", None, INPUTS[label], {})


def _answering(name: str, schema: str | None, body: JSON, keyset: JSON) -> Case:
    details = {} if keyset is None else {"run_input_keyset": keyset}
    describe = () if schema is None else (_input("s", schema, "describe"),)
    steps = (
        flow_run(RUNNING),
        *describe,
        set_state(state("PAUSED", pause_key="k", pause_timeout=now(600), **details), run=FLOW, name="pause"),
        resume(body),
        read(FLOW),
        get("/flow_runs/{flow_run}/input/r", "answered"),
    )
    return Case("flow_resume", name, steps)


def _input(key: str, value: str, name: str) -> Step:
    return post("/flow_runs/{flow_run}/input", {"key": key, "value": value}, name, record=False)


def edges() -> Iterator[Case]:
    nobody = Step("resume", "POST", "/flow_runs/{uuid_nobody}/resume", {})
    yield Case("flow_resume", "no such run", (nobody,))
    paused = (flow_run(RUNNING), set_state(state("PAUSED"), run=FLOW, name="pause"))
    yield Case("flow_resume", "twice", (*paused, resume(), resume(name="again"), read(FLOW)))
    bare = Step("resume", "POST", "/flow_runs/{flow_run}/resume")
    yield Case("flow_resume", "without a body", (*paused, bare, read(FLOW)))
    taken = (_input("r", "1", "taken"), _input("s", json.dumps(SCHEMA), "describe"))
    keyed = state("PAUSED", run_input_keyset={"schema": "s", "response": "r"})
    steps = (flow_run(RUNNING), *taken, set_state(keyed, run=FLOW, name="pause"), resume(INPUTS["fits"]), read(FLOW))
    yield Case("flow_resume", "the answer's key is taken", steps)
    variable = post("/variables/", {"name": "{unique}_v", "value": "them"}, "variable", record=False)
    ask = {"run_input": {"count": 1, "who": {"__prefect_kind": "workspace_variable", "variable_name": "{unique}_v"}}}
    steps = (
        variable,
        flow_run(RUNNING),
        _input("s", json.dumps(SCHEMA), "describe"),
        set_state(keyed, run=FLOW, name="pause"),
        resume(ask),
        get("/flow_runs/{flow_run}/input/r", "answered"),
    )
    yield Case("flow_resume", "a workspace variable", steps)
