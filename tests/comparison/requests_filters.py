"""Filters, sorts and pages of flow runs, task runs, flows and deployments, over a population made by each case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.comparison.build import call, flow_run, now, reach, set_state, state, task_run
from tests.comparison.flow_matrix import RUNNING
from tests.comparison.model import JSON, Case, Step

FAMILY = "requests_filters"
NOBODY = "99999999-9999-4999-8999-999999999999"


def cases() -> Iterator[Case]:
    yield from flow_run_filters()
    yield from task_run_filters()
    yield from joined_filters()
    yield from flow_filters()
    yield from deployment_filters()
    yield from pages()
    yield from pairs()
    yield from much_wrong()


# --- the population --------------------------------------------------------------------------------------------------


def _flow(name: str, tags: list[str]) -> Step:
    return call("POST", "/flows/", name, {"name": f"{{unique}}-{name}", "tags": tags}, record=False)


def _deployment(name: str, flow: str, **fields: JSON) -> Step:
    body = {"name": f"{{unique}}-{name}", "flow_id": f"{{{flow}}}", **fields}
    return call("POST", "/deployments/", name, body, record=False)


FLOWS = (_flow("flow_a", ["x", "y"]), _flow("flow_b", []), _flow("flow_c", ["x"]))
DEPLOYMENTS = (
    _deployment("deployed_a", "flow_a", tags=["t", "u"], work_queue_name=None, version="1"),
    _deployment("deployed_b", "flow_b", paused=True),
)


def _run(step: str, flow: str, initial: JSON, **fields: JSON) -> Step:
    return flow_run(initial, step=step, flow_id=f"{{{flow}}}", **fields)


def flow_run_population() -> tuple[Step, ...]:
    """Eight flow runs of two flows; `nested` is a subflow's run. Their names differ, also in letter case."""
    late = state("SCHEDULED", "Late", scheduled_time=now(-600))
    later = state("SCHEDULED", scheduled_time=now(600))
    return (
        *FLOWS[:2],
        *DEPLOYMENTS,
        _run("alpha", "flow_a", RUNNING, name="alpha", tags=["p", "q"], flow_version="1", deployment_id="{deployed_a}"),
        _run("upper", "flow_a", state("COMPLETED"), name="Alpha_2", tags=["p"], idempotency_key="{unique}-1"),
        _run("beta", "flow_a", late, name="beta 100%", tags=[], flow_version="2", deployment_id="{deployed_a}"),
        _run("gamma", "flow_b", later, name="gamma", tags=["r"], deployment_id="{deployed_b}"),
        _run("delta", "flow_b", RUNNING, name="delta", tags=["P"], idempotency_key="{unique}-2"),
        *reach([RUNNING, state("FAILED", "Broken")], run="delta", kind="flow_run"),
        task_run(RUNNING, parent="alpha", step="outer", name="outer"),
        _run("nested", "flow_b", RUNNING, name="nested", parent_task_run_id="{outer}"),
        _run("pending", "flow_a", None, name="pending"),
        _run("waiting", "flow_a", None, name="waiting"),
        *reach([None, state("PAUSED", "Suspended")], run="waiting", kind="flow_run"),
    )


def task_run_population() -> tuple[Step, ...]:
    """Task runs in two flow runs and two without one, and a subflow under one of them."""
    later = state("SCHEDULED", scheduled_time=now(600))
    return (
        *FLOWS[:2],
        *DEPLOYMENTS,
        _run("one", "flow_a", RUNNING, name="one", tags=["{unique}"], deployment_id="{deployed_a}"),
        _run("two", "flow_b", RUNNING, name="two", tags=["{unique}", "two"]),
        task_run(RUNNING, parent="one", step="alpha", name="alpha", tags=["{unique}", "p", "q"]),
        task_run(state("COMPLETED"), parent="one", step="upper", name="Alpha_2", tags=["{unique}", "p"]),
        task_run(later, parent="two", step="gamma", name="gamma", tags=["{unique}"]),
        task_run(RUNNING, parent="two", step="delta", name="delta 100%", tags=["{unique}", "P"]),
        *reach([RUNNING, state("FAILED", "Broken")], run="delta", kind="task_run"),
        task_run(None, parent="two", step="untagged", name="untagged"),
        task_run(RUNNING, parent=None, step="alone", name="alone", tags=["{unique}", "p"]),
        task_run(None, parent=None, step="lonely", name="lonely", tags=["{unique}"]),
        _run("nested", "flow_b", RUNNING, name="nested", parent_task_run_id="{alpha}"),
    )


# --- asking ----------------------------------------------------------------------------------------------------------


def _asks(path: str, filters: dict[str, JSON], scope: JSON, key: str, sort: str = "NAME_ASC") -> tuple[Step, ...]:
    """For each filter a page by name, and the count."""
    steps: list[Step] = []
    for label, wanted in filters.items():
        body = scope | {key: wanted}
        steps.append(call("POST", f"/{path}/filter", f"filter {label}", body | {"sort": sort}))
        steps.append(call("POST", f"/{path}/count", f"count {label}", body))
    return tuple(steps)


def _named(name: str) -> dict[str, JSON]:
    """The filters of a name, which are the same for all resources; `name` is one in the population."""
    return {
        "name any": {"name": {"any_": [name, "nobody"]}},
        "name any, other letter case": {"name": {"any_": [name.upper()]}},
        "name any empty": {"name": {"any_": []}},
        "name any null": {"name": {"any_": None}},
        "name like": {"name": {"like_": "alpha"}},
        "name like, other letter case": {"name": {"like_": "ALPH"}},
        "name like %": {"name": {"like_": "100%"}},
        "name like % within": {"name": {"like_": "a%a"}},
        "name like _": {"name": {"like_": "alpha_2"}},
        "name like empty": {"name": {"like_": ""}},
        "name any and like": {"name": {"any_": [name], "like_": "gamma"}},
        "name empty": {"name": {}},
        "name null": {"name": None},
    }


def _tagged(key: str = "tags") -> dict[str, JSON]:
    return {
        "tags all": {key: {"all_": ["p"]}},
        "tags all two": {key: {"all_": ["q", "p"]}},
        "tags all of none": {key: {"all_": ["nobody"]}},
        "tags all empty": {key: {"all_": []}},
        "tags null": {key: {"is_null_": True}},
        "tags not null": {key: {"is_null_": False}},
        "tags all and null": {key: {"all_": ["p"], "is_null_": True}},
        "tags all or null": {key: {"operator": "or_", "all_": ["p"], "is_null_": True}},
        "tags empty": {key: {}},
    }


STATES: dict[str, JSON] = {
    "state type": {"state": {"type": {"any_": ["RUNNING", "FAILED"]}}},
    "state type empty": {"state": {"type": {"any_": []}}},
    "state type lower case": {"state": {"type": {"any_": ["running"]}}},
    "state name": {"state": {"name": {"any_": ["Broken", "Pending"]}}},
    "state name, other letter case": {"state": {"name": {"any_": ["broken"]}}},
    "state type and name": {"state": {"type": {"any_": ["RUNNING"]}, "name": {"any_": ["Broken"]}}},
    "state type or name": {"state": {"operator": "or_", "type": {"any_": ["RUNNING"]}, "name": {"any_": ["Broken"]}}},
    "state empty": {"state": {}},
}


def _times(key: str) -> dict[str, JSON]:
    return {
        f"{key} before": {key: {"before_": now(300)}},
        f"{key} after": {key: {"after_": now(300)}},
        f"{key} at": {key: {"after_": now(600), "before_": now(600)}},
        f"{key} between": {key: {"after_": now(-300), "before_": now(300)}},
        f"{key} before, elsewhere": {key: {"before_": now(300, "+09:00")}},
        f"{key} nothing": {key: {}},
    }


def _absent(key: str) -> dict[str, JSON]:
    return {
        f"{key} null": {key: {"is_null_": True}},
        f"{key} not null": {key: {"is_null_": False}},
        f"{key} null null": {key: {"is_null_": None}},
    }


def _ids(key: str, *names: str) -> dict[str, JSON]:
    return {
        f"{key} any": {key: {"any_": [f"{{{name}}}" for name in names]}},
        f"{key} any of none": {key: {"any_": [NOBODY]}},
        f"{key} any empty": {key: {"any_": []}},
    }


FLOW_RUN_FILTERS: dict[str, dict[str, JSON]] = {
    "names and tags": _named("alpha") | _tagged() | {"nothing": {}, "null": None},
    "states and times": STATES
    | _times("expected_start_time")
    | _times("next_scheduled_start_time")
    | _times("start_time")
    | _absent("start_time")
    | {"start_time null and before": {"start_time": {"is_null_": True, "before_": now(300)}}},
    "ids": _ids("id", "alpha", "gamma")
    | {
        "id not any": {"id": {"not_any_": ["{alpha}", "{gamma}"]}},
        "id any and not any": {"id": {"any_": ["{alpha}", "{gamma}"], "not_any_": ["{alpha}"]}},
        "id not any empty": {"id": {"not_any_": []}},
    }
    | _ids("deployment_id", "deployed_a")
    | _absent("deployment_id")
    | {
        "deployment_id any or null": {"deployment_id": {"operator": "or_", "any_": ["{deployed_a}"], "is_null_": True}},
        "deployment_id any and null": {"deployment_id": {"any_": ["{deployed_a}"], "is_null_": True}},
    }
    | _ids("parent_flow_run_id", "alpha")
    | _ids("parent_task_run_id", "outer")
    | _absent("parent_task_run_id")
    | {
        "work_queue_name any": {"work_queue_name": {"any_": ["default"]}},
        "idempotency_key any": {"idempotency_key": {"any_": ["{unique}-1"]}},
        "idempotency_key not any": {"idempotency_key": {"not_any_": ["{unique}-1"]}},
        "flow_version any": {"flow_version": {"any_": ["1"]}},
        "flow_version any empty": {"flow_version": {"any_": []}},
    }
    | _absent("work_queue_name"),
    "operators": {
        "and": {"operator": "and_", "tags": {"all_": ["p"]}, "name": {"any_": ["alpha", "gamma"]}},
        "or": {"operator": "or_", "tags": {"all_": ["p"]}, "name": {"any_": ["alpha", "gamma"]}},
        "or of one": {"operator": "or_", "tags": {"all_": ["p"]}},
        "or of nothing": {"operator": "or_"},
        "or with an empty part": {"operator": "or_", "tags": {}, "name": {"any_": ["alpha"]}},
        "or of three": {
            "operator": "or_",
            "state": {"type": {"any_": ["PAUSED"]}},
            "flow_version": {"any_": ["2"]},
            "name": {"like_": "delta"},
        },
        "unknown operator": {"operator": "xor_"},
        "operator null": {"operator": None, "name": {"any_": ["alpha"]}},
        "unknown key": {"nobody": {"any_": []}},
        "unknown nested key": {"name": {"nobody": 1}},
        "any as text": {"name": {"any_": "alpha"}},
        "any of numbers": {"name": {"any_": [1, 2]}},
        "id as nonsense": {"id": {"any_": ["no"]}},
        "time as nonsense": {"start_time": {"before_": "no"}},
        "null as nonsense": {"start_time": {"is_null_": "perhaps"}},
        "type as nonsense": {"state": {"type": {"any_": ["RESTING"]}}},
        "a list": [],
    },
}


def flow_run_filters() -> Iterator[Case]:
    scope = {"flows": {"id": {"any_": ["{flow_a}", "{flow_b}"]}}}
    for part, filters in FLOW_RUN_FILTERS.items():
        asks = _asks("flow_runs", filters, scope, "flow_runs")
        yield Case(FAMILY, f"flow runs/{part}", (*flow_run_population(), *asks))
    yield _flow_run_sorts(scope)


def _flow_run_sorts(scope: JSON) -> Case:
    """Of the runs asked for, one at most lacks the time sorted by: the order of several is left to chance."""
    sorts = {
        "START_TIME_ASC": ("alpha", "delta", "gamma", "pending"),
        "START_TIME_DESC": ("alpha", "delta", "gamma", "pending"),
        "EXPECTED_START_TIME_ASC": ("alpha", "delta", "gamma", "pending"),
        "EXPECTED_START_TIME_DESC": ("alpha", "delta", "gamma", "pending"),
        "NAME_ASC": ("alpha", "upper", "beta", "pending"),
        "NAME_DESC": ("alpha", "upper", "beta", "pending"),
        "NEXT_SCHEDULED_START_TIME_ASC": ("gamma", "beta", "alpha"),
        "END_TIME_DESC": ("alpha", "delta", "pending"),
    }
    moves = (
        set_state(RUNNING, run="pending", kind="flow_run", name="start", record=False),
        set_state(state("COMPLETED"), run="pending", kind="flow_run", name="end", record=False),
    )
    asks = tuple(_sorted("flow_runs", sort, names) for sort, names in sorts.items())
    by_id = call("POST", "/flow_runs/filter", "ID_DESC", scope, unordered=True)
    wrong = call("POST", "/flow_runs/filter", "wrong", scope | {"sort": "LUCK_DESC"})
    return Case(FAMILY, "flow runs/sorts", (*flow_run_population(), *moves, *asks, by_id, wrong))


def _sorted(path: str, sort: str, names: tuple[str, ...]) -> Step:
    chosen = {path: {"id": {"any_": [f"{{{name}}}" for name in names]}}}
    return call("POST", f"/{path}/filter", sort, chosen | {"sort": sort})


TASK_RUN_FILTERS: dict[str, dict[str, JSON]] = {
    "names": _named("alpha") | {"nothing": {}, "null": None},
    "tags": _tagged(),
    "states and times": STATES | _times("start_time") | _absent("start_time"),
    "others": _ids("id", "alpha", "gamma")
    | _ids("flow_run_id", "one")
    | {
        "flow_run_id null": {"flow_run_id": {"is_null_": True}},
        "flow_run_id not null": {"flow_run_id": {"is_null_": False}},
        "flow_run_id any and null": {"flow_run_id": {"any_": ["{one}"], "is_null_": True}},
        "flow_run_id any or null": {"flow_run_id": {"operator": "or_", "any_": ["{one}"], "is_null_": True}},
        "flow_run_id empty": {"flow_run_id": {}},
        "subflow_runs": {"subflow_runs": {"exists_": True}},
        "subflow_runs none": {"subflow_runs": {"exists_": False}},
        "subflow_runs null": {"subflow_runs": {"exists_": None}},
        "and": {"tags": {"all_": ["p"]}, "name": {"any_": ["alpha", "gamma"]}},
        "or": {"operator": "or_", "tags": {"all_": ["p"]}, "name": {"any_": ["alpha", "gamma"]}},
        "or of nothing": {"operator": "or_"},
        "unknown key": {"nobody": {"any_": []}},
        "unknown nested key": {"state": {"type": {"nobody": 1}}},
        "any as text": {"name": {"any_": "alpha"}},
    },
}


def task_run_filters() -> Iterator[Case]:
    """Within the two flow runs; by tag, with those that have no flow run, where the filter is on something else."""
    scope = {"flow_runs": {"tags": {"all_": ["{unique}"]}}}
    for part, filters in TASK_RUN_FILTERS.items():
        asks = _asks("task_runs", filters, scope, "task_runs")
        yield Case(FAMILY, f"task runs/{part}", (*task_run_population(), *asks))
    tagged: dict[str, JSON] = {
        label: wanted | {"tags": {"all_": ["{unique}"]}}
        for label, wanted in (
            TASK_RUN_FILTERS["names"] | TASK_RUN_FILTERS["states and times"] | TASK_RUN_FILTERS["others"]
        ).items()
        if isinstance(wanted, dict) and "operator" not in wanted and "tags" not in wanted
    }
    asks = _asks("task_runs", tagged, {}, "task_runs")
    yield Case(FAMILY, "task runs/with those alone", (*task_run_population(), *asks))
    yield _task_run_sorts(scope)


def _task_run_sorts(scope: JSON) -> Case:
    sorts = {
        "EXPECTED_START_TIME_ASC": ("alpha", "delta", "gamma"),
        "EXPECTED_START_TIME_DESC": ("alpha", "delta", "gamma"),
        "NAME_ASC": ("alpha", "upper", "gamma"),
        "NAME_DESC": ("alpha", "upper", "gamma"),
        "NEXT_SCHEDULED_START_TIME_ASC": ("alpha", "gamma"),
        "END_TIME_DESC": ("alpha", "delta", "gamma"),
    }
    move = set_state(state("COMPLETED"), run="alpha", kind="task_run", name="end", record=False)
    asks = tuple(_sorted("task_runs", sort, names) for sort, names in sorts.items())
    by_id = call("POST", "/task_runs/filter", "ID_DESC", scope, unordered=True)
    wrong = call("POST", "/task_runs/filter", "wrong", scope | {"sort": "START_TIME_ASC"})
    return Case(FAMILY, "task runs/sorts", (*task_run_population(), move, *asks, by_id, wrong))


# --- filters of several resources at once ----------------------------------------------------------------------------

JOINS: dict[str, Any] = {
    "nothing": {},
    "flows empty": {"flows": {}},
    "flow_runs empty": {"flow_runs": {}},
    "deployments empty": {"deployments": {}},
    "task_runs empty": {"task_runs": {}},
    "flows null": {"flows": None, "flow_runs": None, "task_runs": None, "deployments": None},
    "flow by name": {"flows": {"name": {"any_": ["{unique}-flow_a"]}}},
    "flow by tag": {"flows": {"tags": {"all_": ["x"]}}},
    "flow of none": {"flows": {"id": {"any_": []}}},
    "flow with a deployment": {"flows": {"deployment": {"is_null_": False}}},
    "flow without a deployment": {"flows": {"deployment": {"is_null_": True}}},
    "flow run by name": {"flow_runs": {"name": {"any_": ["one"]}}},
    "flow run of none": {"flow_runs": {"id": {"any_": []}}},
    "deployment by name": {"deployments": {"name": {"like_": "{unique}-deployed"}}},
    "deployment paused": {"deployments": {"paused": {"eq_": True}}},
    "task run by state": {"task_runs": {"state": {"type": {"any_": ["FAILED"]}}}},
    "task run of none": {"task_runs": {"name": {"any_": []}}},
    "flow and flow run": {"flows": {"tags": {"all_": ["x"]}}, "flow_runs": {"name": {"any_": ["two"]}}},
    "flow and task run": {"flows": {"tags": {"all_": ["x"]}}, "task_runs": {"state": {"type": {"any_": ["FAILED"]}}}},
    "flow run and task run": {"flow_runs": {"name": {"any_": ["two"]}}, "task_runs": {"name": {"like_": "a"}}},
    "flow, flow run and deployment": {
        "flows": {"tags": {"all_": ["x"]}},
        "flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}},
        "deployments": {"tags": {"all_": ["t"]}},
    },
    "work pools": {"work_pools": {"name": {"any_": ["nobody"]}}},
    "work pools empty": {"work_pools": {}},
    "work pool queues empty": {"work_pool_queues": {}},
    "work queues by name": {"work_pool_queues": {"name": {"startswith_": ["d"]}}},
    "unknown key": {"nobodies": {}},
}


def joined_filters() -> Iterator[Case]:
    """Each resource, asked for by the filters of the others; a tag or a name marks those of the case."""
    own: dict[str, tuple[str, JSON]] = {
        "task_runs": ("task_runs", {"tags": {"all_": ["{unique}"]}}),
        "flow_runs": ("flow_runs", {"tags": {"all_": ["{unique}"]}}),
        "flows": ("flows", {"name": {"like_": "{unique}"}}),
        "deployments": ("deployments", {"name": {"like_": "{unique}"}}),
    }
    for path, (key, mark) in own.items():
        steps: list[Step] = []
        for label, body in JOINS.items():
            scoped = body | {key: (body.get(key) or {}) | mark}
            steps.append(call("POST", f"/{path}/filter", f"filter {label}", scoped | {"sort": "NAME_ASC"}))
            steps.append(call("POST", f"/{path}/count", f"count {label}", scoped))
        yield Case(FAMILY, f"joined/{path}", (*task_run_population(), *steps))


# --- flows and deployments -------------------------------------------------------------------------------------------


def flow_filters() -> Iterator[Case]:
    mark = {"name": {"like_": "{unique}"}}
    filters: dict[str, JSON] = {
        "all": mark,
        "id": mark | {"id": {"any_": ["{flow_a}"]}},
        "name any": {"name": {"any_": ["{unique}-flow_a", "{unique}-FLOW_B"]}},
        "name like": {"name": {"like_": "{unique}-FLOW"}},
        "tags": mark | {"tags": {"all_": ["x"]}},
        "tags null": mark | {"tags": {"is_null_": True}},
        "tags not null": mark | {"tags": {"is_null_": False}},
        "deployment": mark | {"deployment": {"is_null_": False}},
        "no deployment": mark | {"deployment": {"is_null_": True}},
        "deployment empty": mark | {"deployment": {}},
        "or": {"operator": "or_", "id": {"any_": ["{flow_a}"]}, "name": {"any_": ["{unique}-flow_c"]}},
        "unknown key": {"nobody": 1},
    }
    asks = _asks("flows", filters, {}, "flows")
    sorts = tuple(
        call("POST", "/flows/filter", sort, {"flows": mark, "sort": sort})
        for sort in ("CREATED_DESC", "UPDATED_DESC", "NAME_ASC", "NAME_DESC", "ID_DESC")
    )
    touch = call("PATCH", "/flows/{flow_a}", "touch", {"tags": ["x", "z"]}, record=False)
    yield Case(FAMILY, "flows", (*FLOWS, *DEPLOYMENTS, *asks, touch, *sorts))


def deployment_filters() -> Iterator[Case]:
    mark = {"name": {"like_": "{unique}"}}
    filters: dict[str, JSON] = {
        "all": mark,
        "id": mark | {"id": {"any_": ["{deployed_a}"]}},
        "name any": {"name": {"any_": ["{unique}-deployed_a"]}},
        "paused": mark | {"paused": {"eq_": True}},
        "not paused": mark | {"paused": {"eq_": False}},
        "paused null": mark | {"paused": {"eq_": None}},
        "schedule active": mark | {"is_schedule_active": {"eq_": True}},
        "tags": mark | {"tags": {"all_": ["t"]}},
        "tags null": mark | {"tags": {"is_null_": True}},
        "work queue": mark | {"work_queue_name": {"any_": ["default"]}},
        "or": {"operator": "or_", "id": {"any_": ["{deployed_a}"]}, "name": {"any_": ["{unique}-deployed_b"]}},
        "unknown key": {"nobody": 1},
    }
    asks = _asks("deployments", filters, {}, "deployments")
    sorts = tuple(
        call("POST", "/deployments/filter", sort, {"deployments": mark, "sort": sort})
        for sort in ("CREATED_DESC", "UPDATED_DESC", "NAME_ASC", "NAME_DESC", "ID_DESC")
    )
    touch = call("PATCH", "/deployments/{deployed_a}", "touch", {"description": "touched"}, record=False)
    yield Case(FAMILY, "deployments", (*FLOWS, *DEPLOYMENTS, *asks, touch, *sorts))


# --- pages -----------------------------------------------------------------------------------------------------------

PAGES: dict[str, JSON] = {
    "limit 2": {"limit": 2},
    "limit 2, offset 1": {"limit": 2, "offset": 1},
    "offset beyond": {"offset": 50},
    "limit 0": {"limit": 0},
    "limit 200": {"limit": 200},
    "limit 201": {"limit": 201},
    "limit negative": {"limit": -1},
    "limit null": {"limit": None},
    "limit as text": {"limit": "2"},
    "limit as nonsense": {"limit": "two"},
    "limit as fraction": {"limit": 1.9},
    "offset negative": {"offset": -1},
    "offset null": {"offset": None},
    "offset as text": {"offset": "1"},
    "sort null": {"sort": None},
    "sort lower case": {"sort": "name_asc"},
}


def pages() -> Iterator[Case]:
    scopes: dict[str, JSON] = {
        "flow_runs": {"flow_runs": {"tags": {"all_": ["{unique}"]}}},
        "task_runs": {"flow_runs": {"tags": {"all_": ["{unique}"]}}},
        "flows": {"flows": {"name": {"like_": "{unique}"}}},
        "deployments": {"deployments": {"name": {"like_": "{unique}"}}},
    }
    for path, scope in scopes.items():
        asks = tuple(
            call("POST", f"/{path}/filter", label, scope | {"sort": "NAME_ASC"} | page, unordered=label == "sort null")
            for label, page in PAGES.items()
        )
        bodies: dict[str, JSON] = {"a list": [], "a text": "x"}
        wrong = tuple(call("POST", f"/{path}/filter", label, body) for label, body in bodies.items())
        counted = call("POST", f"/{path}/count", "count a list", [])
        yield Case(FAMILY, f"pages/{path}", (*task_run_population(), *asks, *wrong, counted))


def pairs() -> Iterator[Case]:
    """Filters, and parts of them, as lists of pairs: what is wrong in one is told at the key's own place."""
    wrong: dict[str, JSON] = {
        "an unknown key": [["nobody", True]],
        "a wrong value": [["name", {"any_": "x"}]],
        "pairs within": [["name", [["nobody", 1]]]],
        "a part": {"name": [["any_", "x"]]},
        "text": ["id"],
        "keys that are no text": [[1, 2], ["x", 1]],
        "keys that are no text, within": {"id": [[None, 1]]},
    }
    asks = tuple(call("POST", "/task_runs/count", label, {"task_runs": value}) for label, value in wrong.items())
    yield Case(FAMILY, "pairs", asks)
    odd: dict[str, JSON] = {
        "a body": [["task_key", "x"], [1, 2]],
        "a part": {"state": [["type", "RUNNING"], [1, 2]]},
        "texts by any key": {"state": {"type": "RUNNING"}, "task_inputs": [[1, []]]},
    }
    bodies = tuple(call("POST", "/task_runs/", label, value) for label, value in odd.items())
    yield Case(FAMILY, "pairs elsewhere", bodies)


def much_wrong() -> Iterator[Case]:
    """What is told of bodies that are wrong in several places, and in what order; and limits of any size."""
    wrong: dict[str, JSON] = {noun: {"nobody": 1} for noun in ("artifacts", "deployments", "flows", "task_runs")}
    page = {"offset": -1, "sort": "LUCK_DESC"}
    short: dict[str, JSON] = {"history_start": now(), "history_end": now(600), "history_interval_seconds": 0}
    asks: dict[str, tuple[str, JSON]] = {
        "artifacts": ("artifacts/filter", wrong | page),
        "latest artifacts": ("artifacts/latest/filter", wrong | page),
        "artifact count": ("artifacts/count", wrong),
        "latest artifact count": ("artifacts/latest/count", wrong),
        "task run history": ("task_runs/history", short | wrong),
        "flow run history": ("flow_runs/history", short | wrong),
        "limit long": ("flow_runs/filter", {"limit": 10**20}),
        "limit long, as text": ("task_runs/filter", {"limit": "1" * 30}),
        "limit long, negative": ("logs/filter", {"limit": -(10**20)}),
        "offset long, negative": ("flow_runs/filter", {"offset": -(10**20)}),
        "offset long, and wrong": ("flow_runs/filter", {"offset": 10**20, "flows": {"nobody": 1}}),
        "limit of points long": ("ui/flow_runs/history", {"limit": 10**20}),
    }
    yield Case(FAMILY, "much wrong", tuple(call("POST", f"/{path}", label, x) for label, (path, x) in asks.items()))
