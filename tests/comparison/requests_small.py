"""The smaller resources over HTTP: flows, logs, tag limits, variables, artifacts, saved searches, the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.comparison.build import (
    call,
    delete,
    flow_run,
    get,
    now,
    post,
    read_limit,
    task_run,
)
from tests.comparison.model import JSON, Case, Step
from tests.comparison.task_matrix import RUNNING

UNKNOWN = {"unknown": "{uuid_nobody}", "nonsense": "no"}


def cases() -> Iterator[Case]:
    for source in (flows, logs, tag_limits, variables, artifacts, latest_artifacts, saved_searches, server):
        yield from source()


def creations(family: str, path: str, base: dict[str, JSON], table: dict[str, Any], after: Step) -> Iterator[Case]:
    """For each entry the creation with these fields over the base, and a look at what came of it."""
    for label, fields in table.items():
        body = base | fields if isinstance(fields, dict) else fields
        yield Case(family, f"create/{label}", (call("POST", path, "made", body), after))


def unknowns(family: str, path: str, methods: tuple[str, ...]) -> Iterator[Case]:
    for label, name in UNKNOWN.items():
        for method in methods:
            body: JSON = {} if method == "PATCH" else None
            yield Case(family, f"{method} {label}", (call(method, f"{path}/{name}", "ask", body),))


# --- flows -----------------------------------------------------------------------------------------------------------

FLOWS: dict[str, Any] = {
    "nothing more": {},
    "tags": {"tags": ["b", "a", "b"]},
    "tags null": {"tags": None},
    "tags of numbers": {"tags": [1]},
    "name null": {"name": None},
    "name as list": {"name": []},
    "name with a slash": {"name": "{unique}/a"},
    "name with a percent": {"name": "{unique}%"},
    "name with an ampersand": {"name": "{unique}&"},
    "name with an angle": {"name": "{unique}<>"},
    "name with spaces": {"name": "{unique} a b "},
    "name in other letters": {"name": "{unique} žluťoučký 👋"},
    "unknown field": {"nobody": 1},
    "id": {"id": "{uuid_mine}"},
    "a list": [],
    "nothing": None,
}


def flows() -> Iterator[Case]:
    family = "requests_flows"
    look = get("/flows/{made}", "read")
    yield from creations(family, "/flows/", {"name": "{unique}"}, FLOWS, look)
    number = (post("/flows/", {"name": 3}, "made"), delete("/flows/{made}", "gone"))
    yield Case(family, "create/name as number", number)
    again = call("POST", "/flows/", "again", {"name": "{unique}", "tags": ["z"]})
    first = call("POST", "/flows/", "made", {"name": "{unique}", "tags": ["a"]})
    other_case = call("POST", "/flows/", "upper", {"name": "{unique}X"})
    lower = call("POST", "/flows/", "lower", {"name": "{unique}x"})
    yield Case(family, "repeat", (first, again, look, other_case, lower))
    names = {"it": "{unique}", "nobody": "nobody {unique}"}
    asks = tuple(get(f"/flows/name/{path}", label) for label, path in names.items())
    yield Case(family, "by name", (first, *asks))
    updates: dict[str, JSON] = {"tags": {"tags": ["n"]}, "empty": {}, "null": {"tags": None}, "name": {"name": "x"}}
    for label, body in (updates | {"nothing": None}).items():
        yield Case(family, f"update/{label}", (first, call("PATCH", "/flows/{made}", "update", body), look))
    run = flow_run(RUNNING, flow_id="{made}")
    gone = (delete("/flows/{made}", "gone", record=True), delete("/flows/{made}", "again", record=True))
    after = (look, get("/flow_runs/{flow_run}", "run"), get("/task_runs/{task_run}", "task"))
    yield Case(family, "delete", (first, run, task_run(), *gone, *after))
    yield from unknowns(family, "/flows", ("GET", "PATCH", "DELETE"))


# --- logs ------------------------------------------------------------------------------------------------------------


def _log(**fields: JSON) -> dict[str, JSON]:
    base: dict[str, JSON] = {"name": "n", "level": 20, "message": "m", "timestamp": now(), "flow_run_id": "{flow_run}"}
    return base | fields


LOGS: dict[str, JSON] = {
    "one": [_log()],
    "none": [],
    "one of a task run": [_log(task_run_id="{uuid_task}")],
    "of no run": [_log(flow_run_id=None)],
    "two": [_log(message="first"), _log(message="second", timestamp=now(1))],
    "level as text": [_log(level="30")],
    "level as fraction": [_log(level=30.5)],
    "level as nonsense": [_log(level="high")],
    "message empty": [_log(message="")],
    "message null": [_log(message=None)],
    "message in other letters": [_log(message="žluťoučký\n👋")],
    "timestamp elsewhere": [_log(timestamp=now(0, "+02:00"))],
    "timestamp without offset": [_log(timestamp="2020-01-01T00:00:00")],
    "timestamp null": [_log(timestamp=None)],
    "unknown field": [_log(nobody=1)],
    "one good and one bad": [_log(), _log(level=None)],
    "an object": _log(),
    "nothing": None,
}


def logs() -> Iterator[Case]:
    family = "requests_logs"
    mine = {"logs": {"flow_run_id": {"any_": ["{flow_run}"]}}}
    for label, body in LOGS.items():
        steps = (flow_run(), post("/logs/", body, "write"), post("/logs/filter", mine, "read"))
        yield Case(family, f"create/{label}", steps)
    written = [
        _log(message=str(level), level=level, timestamp=now(level * 10), task_run_id=task)
        for level, task in ((10, None), (20, "{uuid_task}"), (30, None), (40, "{uuid_task}"))
    ]
    asks: dict[str, JSON] = {
        "all": {},
        "level from": {"level": {"ge_": 30}},
        "level to": {"level": {"le_": 20}},
        "level between": {"level": {"ge_": 20, "le_": 30}},
        "time before": {"timestamp": {"before_": now(200)}},
        "time after": {"timestamp": {"after_": now(200)}},
        "of a task run": {"task_run_id": {"any_": ["{uuid_task}"]}},
        "of no task run": {"task_run_id": {"any_": []}},
        "level as nonsense": {"level": {"ge_": "high"}},
        "unknown key": {"name": {"any_": ["n"]}},
    }
    asked = tuple(
        post("/logs/filter", {"logs": {"flow_run_id": {"any_": ["{flow_run}"]}} | wanted}, label)
        for label, wanted in asks.items()
    )
    pages: dict[str, JSON] = {
        "newest first": {"sort": "TIMESTAMP_DESC"},
        "limit": {"limit": 2, "offset": 1},
        "limit 201": {"limit": 201},
        "sort as nonsense": {"sort": "LEVEL_ASC"},
        "offset negative": {"offset": -1},
    }
    paged = tuple(post("/logs/filter", mine | page, label) for label, page in pages.items())
    yield Case(family, "filter", (flow_run(), post("/logs/", written, "write"), *asked, *paged))


# --- limits of tags --------------------------------------------------------------------------------------------------

LIMITS: dict[str, Any] = {
    "nothing more": {},
    "zero": {"concurrency_limit": 0},
    "negative": {"concurrency_limit": -1},
    "as text": {"concurrency_limit": "3"},
    "as fraction": {"concurrency_limit": 2.5},
    "null": {"concurrency_limit": None},
    "as nonsense": {"concurrency_limit": "many"},
    "tag null": {"tag": None},
    "tag as number": {"tag": 3},
    "unknown field": {"nobody": 1},
    "slots": {"active_slots": ["{uuid_x}"]},
    "nothing": None,
}


def tag_limits() -> Iterator[Case]:
    family = "requests_tag_limits"
    base: dict[str, JSON] = {"tag": "{unique}", "concurrency_limit": 2}
    look = get("/concurrency_limits/{made}", "read")
    table = {label: fields for label, fields in LIMITS.items() if label != "tag as number"}
    yield from creations(family, "/concurrency_limits/", base, table, look)
    first = post("/concurrency_limits/", base, "made")
    again = post("/concurrency_limits/", base | {"concurrency_limit": 9}, "again")
    held = task_run(RUNNING, parent=None, tags=["{unique}"])
    yield Case(family, "repeat", (first, held, again, read_limit("{unique}")))
    yield Case(family, "by tag", (first, read_limit("{unique}"), read_limit("nobody {unique}", "nobody")))
    resets: dict[str, JSON] = {
        "empty": {},
        "null": {"slot_override": None},
        "slots": {"slot_override": ["{uuid_x}"]},
        "no slots": {"slot_override": []},
        "nonsense": {"slot_override": ["no"]},
        "nothing": None,
    }
    for label, body in resets.items():
        reset = post("/concurrency_limits/tag/{unique}/reset", body, "reset")
        yield Case(family, f"reset/{label}", (first, held, reset, read_limit("{unique}")))
    yield Case(family, "reset/nobody", (post("/concurrency_limits/tag/{unique}/reset", {}, "reset"),))
    for label, path in {"by id": "{made}", "by tag": "tag/{unique}"}.items():
        gone = tuple(delete(f"/concurrency_limits/{path}", name, record=True) for name in ("gone", "again"))
        yield Case(family, f"delete/{label}", (first, *gone, look))
    yield from unknowns(family, "/concurrency_limits", ("GET", "DELETE"))
    wrong: dict[str, JSON] = {"limit 201": {"limit": 201}, "offset negative": {"offset": -1}}
    asks = tuple(post("/concurrency_limits/filter", body, label) for label, body in wrong.items())
    yield Case(family, "filter", asks)


# --- variables -------------------------------------------------------------------------------------------------------

VARIABLES: dict[str, Any] = {
    "nothing more": {},
    "tags": {"tags": ["b", "a"]},
    "tags null": {"tags": None},
    "value null": {"value": None},
    "value empty": {"value": ""},
    "value as number": {"value": 3},
    "value as object": {"value": {"a": 1}},
    "value as list": {"value": ["a"]},
    "value at the limit": {"value": "v" * 5000},
    "value too long": {"value": "v" * 5001},
    "name too long": {"name": "n" * 256},
    "name in capitals": {"name": "{unique}A"},
    "name with a hyphen": {"name": "{unique}-a"},
    "name with a space": {"name": "{unique} a"},
    "name empty": {"name": ""},
    "name null": {"name": None},
    "unknown field": {"nobody": 1},
    "nothing": None,
}


def variables() -> Iterator[Case]:
    family = "requests_variables"
    base: dict[str, JSON] = {"name": "{unique}", "value": "v"}
    look = get("/variables/{made}", "read")
    yield from creations(family, "/variables/", base, VARIABLES, look)
    first = post("/variables/", base | {"tags": ["a"]}, "made")
    by_name = get("/variables/name/{unique}", "by_name")
    yield Case(family, "repeat", (first, post("/variables/", base, "again"), by_name))
    updates: dict[str, JSON] = {
        "value": {"value": "new"},
        "name": {"name": "{unique}_new"},
        "bad name": {"name": "No"},
        "tags": {"tags": ["n"]},
        "empty": {},
        "nulls": {"value": None, "tags": None},
        "null name": {"name": None},
        "too long": {"value": "v" * 5001},
        "unknown field": {"nobody": 1},
        "nothing": None,
    }
    for label, body in updates.items():
        for way, path in {"by id": "{made}", "by name": "name/{unique}"}.items():
            change = call("PATCH", f"/variables/{path}", "update", body)
            yield Case(family, f"update/{way}/{label}", (first, change, look))
    for way, path in {"by id": "{made}", "by name": "name/{unique}"}.items():
        gone = tuple(delete(f"/variables/{path}", name, record=True) for name in ("gone", "again"))
        yield Case(family, f"delete/{way}", (first, *gone, look, by_name))
    yield from unknowns(family, "/variables", ("GET", "PATCH", "DELETE"))
    for method in ("GET", "PATCH", "DELETE"):
        nobody = call(method, "/variables/name/{unique}", "ask", {} if method == "PATCH" else None)
        yield Case(family, f"{method} by an unknown name", (nobody,))
    yield _variable_filters(family)


def _variable_filters(family: str) -> Case:
    made = tuple(
        post("/variables/", {"name": f"{{unique}}_{name}", "value": value, "tags": tags}, name, record=False)
        for name, value, tags in (("a", "One {unique}", ["x", "y"]), ("b", "two {unique}", []), ("c", "three", ["x"]))
    )
    mine = {"name": {"like_": "{unique}"}}
    filters: dict[str, JSON] = {
        "all": mine,
        "id": {"id": {"any_": ["{a}", "{c}"]}},
        "name any": {"name": {"any_": ["{unique}_a", "{unique}_A"]}},
        "name like": {"name": {"like_": "{unique}_B"}},
        "value any": mine | {"value": {"any_": ["three", "Three"]}},
        "value like": {"value": {"like_": "one {unique}"}},
        "tags": mine | {"tags": {"all_": ["x"]}},
        "tags null": mine | {"tags": {"is_null_": True}},
        "or": {"operator": "or_", "id": {"any_": ["{a}"]}, "name": {"any_": ["{unique}_b"]}},
        "unknown key": {"nobody": 1},
    }
    steps: list[Step] = []
    for label, wanted in filters.items():
        steps += [post("/variables/filter", {"variables": wanted}, f"filter {label}")]
        steps += [post("/variables/count", {"variables": wanted}, f"count {label}")]
    pages: dict[str, JSON] = {"desc": {"sort": "NAME_DESC"}, "limit": {"limit": 1, "offset": 1}, "wrong": {"sort": "X"}}
    steps += [post("/variables/filter", {"variables": mine} | page, label) for label, page in pages.items()]
    return Case(family, "filter", (*made, *steps))


# --- artifacts -------------------------------------------------------------------------------------------------------

ARTIFACTS: dict[str, Any] = {
    "nothing more": {},
    "everything": {
        "key": "key-{unique}",
        "type": "markdown",
        "description": "d",
        "data": "# text",
        "metadata_": {"a": "b"},
        "flow_run_id": "{uuid_flow_run}",
        "task_run_id": "{uuid_task_run}",
    },
    "table": {"type": "table", "data": [{"a": 1}]},
    "data as object": {"data": {"a": {"b": 1}}},
    "data as number": {"data": 3},
    "data null": {"data": None},
    "key in capitals": {"key": "Key"},
    "key with an underscore": {"key": "a_b"},
    "key empty": {"key": ""},
    "metadata of numbers": {"metadata_": {"a": 1}},
    "metadata too long": {"metadata_": {"a": "x" * 501}},
    "metadata null": {"metadata_": None},
    "metadata as list": {"metadata_": []},
    "unknown field": {"nobody": 1},
    "flow run as nonsense": {"flow_run_id": "no"},
    "nothing": None,
}


def artifacts() -> Iterator[Case]:
    family = "requests_artifacts"
    look = get("/artifacts/{made}", "read")
    yield from creations(family, "/artifacts/", {}, ARTIFACTS, look)
    first = post("/artifacts/", {"key": "key-{unique}", "data": {"a": 1}, "description": "d"}, "made")
    updates: dict[str, JSON] = {
        "data": {"data": [1]},
        "description": {"description": "new"},
        "metadata": {"metadata_": {"x": "y"}},
        "empty": {},
        "nulls": {"data": None, "description": None, "metadata_": None},
        "key": {"key": "other"},
        "nothing": None,
    }
    latest = get("/artifacts/key-{unique}/latest", "latest")
    for label, body in updates.items():
        yield Case(family, f"update/{label}", (first, call("PATCH", "/artifacts/{made}", "update", body), look, latest))
    gone = tuple(delete("/artifacts/{made}", name, record=True) for name in ("gone", "again"))
    yield Case(family, "delete", (first, *gone, look, latest))
    yield from unknowns(family, "/artifacts", ("GET", "PATCH", "DELETE"))
    runs = (flow_run(RUNNING, tags=["{unique}"]), task_run(RUNNING))
    kinds = (("one", "key-{unique}-a", "result", "{flow_run}"), ("two", "key-{unique}-b", "table", "{flow_run}"))
    made = tuple(
        post("/artifacts/", {"key": key, "type": kind, "flow_run_id": run, "data": name}, name, record=False)
        for name, key, kind, run in (*kinds, ("three", "key-{unique}-b", "table", None))
    )
    mine = {"key": {"like_": "key-{unique}"}}
    filters: dict[str, JSON] = {
        "all": mine,
        "key any": {"key": {"any_": ["key-{unique}-b"]}},
        "key exists": mine | {"key": {"exists_": True, "like_": "key-{unique}"}},
        "no key": {"flow_run_id": {"any_": ["{flow_run}"]}, "key": {"exists_": False}},
        "type": mine | {"type": {"any_": ["table"]}},
        "type not": mine | {"type": {"not_any_": ["table"]}},
        "flow run": {"flow_run_id": {"any_": ["{flow_run}"]}},
        "task run": {"task_run_id": {"any_": ["{task_run}"]}},
        "id": {"id": {"any_": ["{one}", "{three}"]}},
        "or": {"operator": "or_", "id": {"any_": ["{one}"]}, "key": {"any_": ["key-{unique}-b"]}},
        "unknown key": {"nobody": 1},
    }
    steps: list[Step] = []
    for label, wanted in filters.items():
        steps += [post("/artifacts/filter", {"artifacts": wanted, "sort": "CREATED_DESC"}, f"filter {label}")]
        steps += [post("/artifacts/count", {"artifacts": wanted}, f"count {label}")]
    joined: dict[str, JSON] = {
        "by flow run": {"flow_runs": {"tags": {"all_": ["{unique}"]}}},
        "by no flow run": {"flow_runs": {"id": {"any_": []}}},
        "flow runs empty": {"flow_runs": {}},
        "by flow": {"flows": {"id": {"any_": ["{flow}"]}}},
    }
    for label, body in joined.items():
        steps += [post("/artifacts/filter", body | {"artifacts": mine, "sort": "CREATED_DESC"}, f"filter {label}")]
    for sort in ("UPDATED_DESC", "KEY_ASC", "KEY_DESC", "NAME_ASC"):
        chosen = {"artifacts": {"id": {"any_": ["{one}", "{two}"]}}, "sort": sort}
        steps += [post("/artifacts/filter", chosen, sort)]
    yield Case(family, "filter", (*runs, *made, *steps))


def latest_artifacts() -> Iterator[Case]:
    """The newest artifact of a key, kept as the key's collection."""
    family = "requests_artifacts"
    key = "key-{unique}"
    made = tuple(
        post("/artifacts/", {"key": key, "type": "table", "data": name, "description": name}, name)
        for name in ("one", "two")
    )
    other = post("/artifacts/", {"key": key + "-b", "data": "b"}, "other", record=False)
    latest = get(f"/artifacts/{key}/latest", "latest")
    mine: JSON = {"artifacts": {"key": {"like_": key}}, "sort": "KEY_ASC"}
    asks = (
        latest,
        post("/artifacts/latest/filter", mine, "filter"),
        post("/artifacts/latest/count", {"artifacts": mine["artifacts"]}, "count"),
        post("/artifacts/latest/filter", {"artifacts": {"type": {"any_": ["table"]}, **mine["artifacts"]}}, "by type"),
        post("/artifacts/latest/filter", {"artifacts": {"latest_id": {"any_": ["{two}", "{one}"]}}}, "by latest"),
    )
    yield Case(family, "latest/two", (*made, other, *asks))
    gone = (delete("/artifacts/{two}", "gone"), latest, delete("/artifacts/{one}", "all_gone"))
    yield Case(family, "latest/the newest is deleted", (*made, *gone, get(f"/artifacts/{key}/latest", "none")))
    older = (delete("/artifacts/{one}", "gone"), latest)
    yield Case(family, "latest/the older is deleted", (*made, *older))
    yield Case(family, "latest/nobody's", (latest,))


# --- saved searches --------------------------------------------------------------------------------------------------


def saved_searches() -> Iterator[Case]:
    family = "requests_saved_searches"
    wanted = {"object": "flow_run", "property": "name", "type": "string", "operation": "equals", "value": "x"}
    bodies: dict[str, JSON] = {
        "nothing more": {"name": "{unique}"},
        "filters": {"name": "{unique}", "filters": [wanted]},
        "filters null": {"name": "{unique}", "filters": None},
        "a bad filter": {"name": "{unique}", "filters": [{"object": "x"}]},
        "a filter more": {"name": "{unique}", "filters": [wanted | {"nobody": 1}]},
        "name null": {"name": None},
        "unknown field": {"name": "{unique}", "nobody": 1},
        "nothing": None,
    }
    look = get("/saved_searches/{made}", "read")
    for label, body in bodies.items():
        yield Case(family, f"create/{label}", (call("PUT", "/saved_searches/", "made", body), look))
    first = call("PUT", "/saved_searches/", "made", {"name": "{unique}", "filters": [wanted]})
    again = call("PUT", "/saved_searches/", "again", {"name": "{unique}", "filters": []})
    yield Case(family, "repeat", (first, again, look))
    gone = tuple(delete("/saved_searches/{made}", name, record=True) for name in ("gone", "again"))
    yield Case(family, "delete", (first, *gone, look))
    yield from unknowns(family, "/saved_searches", ("GET", "DELETE"))
    yield Case(family, "filter", (post("/saved_searches/filter", {"limit": 201}, "limit 201"),))


# --- the server ------------------------------------------------------------------------------------------------------


def server() -> Iterator[Case]:
    """Health, version and token; a client of 2.20 is told from others by its user agent."""
    family = "requests_server"
    for path in ("/health", "/ready", "/hello", "/version"):
        yield Case(family, path[1:], (get(path, "ask"),))
    agent = {"User-Agent": "prefect/2.20.25 (API 0.8.4)"}
    version = Step("ask", "GET", "/admin/version", headers=agent)
    yield Case(family, "admin version, asked by a client of 2.20", (version,))
    for label, query in {"a client": "?client={uuid_client}", "a name": "?client=abc", "nobody": ""}.items():
        yield Case(family, f"csrf token/{label}", (get(f"/csrf-token{query}", "ask"),))
    for number in ("0.8.4", "0.8.3", "0.9.0", "0.7.9", "1.2", "x"):
        for label, path in {"health": "/health", "filter": "/flows/filter", "hello": "/hello"}.items():
            method = "POST" if label == "filter" else "GET"
            wanted: JSON = {"flows": {"id": {"any_": []}}} if label == "filter" else None
            ask = Step("ask", method, path, wanted, headers={"X-PREFECT-API-VERSION": number})
            yield Case(family, f"api version {number}/{label}", (ask,))
    yield Case(family, "no such route", (get("/nobody", "ask"), call("POST", "/flows/nobody", "post", {})))
    yield Case(family, "another method", (call("PUT", "/flows/", "put", {}), call("DELETE", "/health", "delete")))
    yield from contents(family)


def contents(family: str) -> Iterator[Case]:
    """Bodies that are no JSON, or do not say so."""
    json_type = {"Content-Type": "application/json"}
    bodies: dict[str, tuple[str, dict[str, str]]] = {
        "cut off": ('{"name": "x"', json_type),
        "no JSON": ("name=x", json_type),
        "empty": ("", json_type),
        "spaces": ("  ", json_type),
        "a number": ("3", json_type),
        "null": ("null", json_type),
        "the same key twice": ('{"name": "{unique}", "name": 3, "tags": 1}', json_type),
        "of another type": ('{"name": 3, "tags": 1}', {"Content-Type": "text/plain"}),
        "of no type": ('{"name": 3, "tags": 1}', {"Content-Type": ""}),
        "of a JSON type": ('{"name": 3, "tags": 1}', {"Content-Type": "application/vnd.api+json"}),
        "with a charset": ('{"name": 3, "tags": 1}', {"Content-Type": "application/json; charset=utf-8"}),
    }
    run = "99999999-9999-4999-8999-999999999999"
    paths = {"flows": "/flows/", "task runs": "/task_runs/", "set_state": f"/flow_runs/{run}/set_state"}
    for label, (content, headers) in bodies.items():
        for where, path in paths.items():
            ask = Step("ask", "POST", path, headers=headers, content=content)
            yield Case(family, f"content {label}/{where}", (ask,))
