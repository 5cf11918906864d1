"""Filters drawn at random: every field of every filter, with values that the population has and some that it hasn't.

What lives here: the filters of flows, runs, deployments, work pools and work queues, of logs and of artifacts. What
does not: the bodies that they stand in (`drawn_requests`).

A moment may be `{"$field": "flow_run3.start_time", "microseconds": -1}`: what the server says of that record, and how
far off it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from tests.comparison import drawn_world
from tests.comparison.drawn_world import World, one_of, scheduled_for
from tests.comparison.model import JSON

NOBODY = "99999999-9999-4999-8999-999999999999"
LIKE = ("alpha", "ALPH", "%", "_", "100%", "a%a", "\\", "ü", "Ü", "ß", "SS", "i", "İ", "", "'", "☃", "🚀", " 1", "A_b")
OPERATORS = ("and_", "or_", "or_", "or_")

Draw = Callable[[Random, World], JSON]


def _some(random: Random, values: tuple[JSON, ...], most: int = 6) -> list[JSON]:
    return [random.choice(values) for _ in range(0 if random.random() < 0.08 else random.randint(1, most))]


def _ids(random: Random, names: list[str]) -> list[JSON]:
    drawn = [one_of(random, names, 0.95) or NOBODY for _ in range(random.choice((1, 3, 10, len(names))))]
    return [] if random.random() < 0.1 else [*drawn]


def _parts(random: Random, parts: Mapping[str, Callable[[], JSON]], chance: float, *, operator: bool = False) -> JSON:
    """Some of these parts, and perhaps how they go together. A part may be null, which asks for nothing."""
    chosen = [name for name in parts if random.random() < chance] or [random.choice(list(parts))]
    drawn = {name: None if random.random() < 0.02 else parts[name]() for name in chosen if random.random() < 0.97}
    if operator and random.random() < (0.7 if len(chosen) > 1 else 0.3):
        drawn["operator"] = random.choice(OPERATORS)
    return drawn


def _flag(random: Random) -> Callable[[], JSON]:
    return lambda: random.choice((True, False))


def _id_filter(random: Random, names: list[str], *, excluded: bool = False) -> JSON:
    parts = {"any_": lambda: _ids(random, names)}
    if excluded:
        parts["not_any_"] = lambda: _ids(random, names)
    return _parts(random, parts, 0.7)


def _optional_id_filter(random: Random, names: list[str]) -> JSON:
    return _parts(random, {"any_": lambda: _ids(random, names), "is_null_": _flag(random)}, 0.6, operator=True)


def _name_filter(random: Random, names: tuple[str, ...], numbers: int = 0) -> JSON:
    """Names as they are, or with a number behind them."""

    def name() -> JSON:
        drawn = random.choice(names)
        return f"{drawn} {random.randrange(numbers)}" if numbers and random.random() < 0.6 else drawn

    parts: dict[str, Callable[[], JSON]] = {
        "any_": lambda: [name() for _ in range(random.choice((0, 1, 5, 30)))],
        "like_": lambda: random.choice(LIKE),
    }
    return _parts(random, parts, 0.4)


def _tags_filter(random: Random) -> JSON:
    parts = {"all_": lambda: drawn_world.drawn_tags(random)[:2], "is_null_": _flag(random)}
    return _parts(random, parts, 0.5, operator=True)


def _text_filter(random: Random, values: tuple[str, ...], *more: str) -> JSON:
    parts: dict[str, Callable[[], JSON]] = {"any_": lambda: _some(random, (*values, "nobody"))}
    if "is_null_" in more:
        parts["is_null_"] = _flag(random)
    if "not_any_" in more:
        parts["not_any_"] = lambda: _some(random, values)
    return _parts(random, parts, 0.6, operator="is_null_" in more)


def _state_filter(random: Random) -> JSON:
    names = (*drawn_world.STATE_NAMES, "Running", "Completed", "Pending", "Scheduled", "Failed", "AwaitingRetry")
    parts = {
        "type": lambda: _parts(random, {"any_": lambda: _some(random, drawn_world.TYPES)}, 1),
        "name": lambda: _parts(random, {"any_": lambda: _some(random, names)}, 1),
    }
    return _parts(random, parts, 0.6, operator=True)


def _moment(random: Random, names: list[str], column: str) -> JSON:
    """The very time that a record has in this column, or near it, or one far off."""
    if random.random() < 0.6 and names:
        microseconds = random.choice((0, 0, -1, 1))
        return {"$field": f"{random.choice(names)}.{column}", "microseconds": microseconds}
    moment = scheduled_for(random)
    return moment | {"offset": "+02:00"} if "$now" in moment and random.random() < 0.3 else moment


def _time_filter(random: Random, names: list[str], column: str, *, nullable: bool = False) -> JSON:
    parts = {x: lambda: _moment(random, names, column) for x in ("before_", "after_")}
    if nullable and random.random() < 0.5:
        parts["is_null_"] = _flag(random)
    return _parts(random, parts, 0.6)


def flow_filter(random: Random, world: World, chance: float = 0.25) -> JSON:
    parts = {
        "id": lambda: _id_filter(random, world.flows),
        "deployment": lambda: _parts(random, {"is_null_": _flag(random)}, 1, operator=True),
        "name": lambda: _name_filter(random, drawn_world.FLOW_NAMES),
        "tags": lambda: _tags_filter(random),
    }
    return _parts(random, parts, chance, operator=True)


def flow_run_filter(random: Random, world: World, chance: float = 0.12) -> JSON:
    runs = world.flow_runs
    keys = tuple(f"key {x}" for x in runs)
    parts = {
        "id": lambda: _id_filter(random, runs, excluded=True),
        "name": lambda: _name_filter(random, drawn_world.RUN_NAMES, len(runs)),
        "tags": lambda: _tags_filter(random),
        "deployment_id": lambda: _optional_id_filter(random, world.deployments),
        "work_queue_name": lambda: _text_filter(random, drawn_world.QUEUES, "is_null_"),
        "state": lambda: _state_filter(random),
        "flow_version": lambda: _text_filter(random, drawn_world.VERSIONS),
        "start_time": lambda: _time_filter(random, runs, "start_time", nullable=True),
        "expected_start_time": lambda: _time_filter(random, runs, "expected_start_time"),
        "next_scheduled_start_time": lambda: _time_filter(random, runs, "next_scheduled_start_time"),
        "parent_flow_run_id": lambda: _parts(random, {"any_": lambda: _ids(random, runs[:12])}, 1, operator=True),
        "parent_task_run_id": lambda: _optional_id_filter(random, world.task_runs),
        "idempotency_key": lambda: _text_filter(random, keys, "not_any_"),
    }
    return _parts(random, parts, chance, operator=True)


def task_run_filter(random: Random, world: World, chance: float = 0.2) -> JSON:
    runs = world.task_runs
    of_flow_run = {"any_": lambda: _ids(random, world.flow_runs[:12]), "is_null_": _flag(random)}
    parts = {
        "id": lambda: _id_filter(random, runs),
        "name": lambda: _name_filter(random, drawn_world.RUN_NAMES, len(runs)),
        "tags": lambda: _tags_filter(random),
        "state": lambda: _state_filter(random),
        "start_time": lambda: _time_filter(random, runs, "start_time", nullable=True),
        "subflow_runs": lambda: _parts(random, {"exists_": _flag(random)}, 1),
        "flow_run_id": lambda: _parts(random, of_flow_run, 0.6, operator=True),
    }
    return _parts(random, parts, chance, operator=True)


def deployment_filter(random: Random, world: World, chance: float = 0.25) -> JSON:
    parts = {
        "id": lambda: _id_filter(random, world.deployments),
        "name": lambda: _name_filter(random, drawn_world.DEPLOYMENT_NAMES),
        "paused": lambda: _parts(random, {"eq_": _flag(random)}, 1),
        "is_schedule_active": lambda: _parts(random, {"eq_": _flag(random)}, 1),
        "tags": lambda: _tags_filter(random),
        "work_queue_name": lambda: _text_filter(random, drawn_world.QUEUES),
    }
    return _parts(random, parts, chance, operator=True)


def work_pool_filter(random: Random, world: World, chance: float = 0.3) -> JSON:
    parts = {
        "id": lambda: _id_filter(random, []),
        "name": lambda: _text_filter(random, ("pool",)),
        "type": lambda: _text_filter(random, ("process",)),
    }
    return _parts(random, parts, chance, operator=True)


def work_queue_filter(random: Random, world: World, chance: float = 0.5) -> JSON:
    names: dict[str, Callable[[], JSON]] = {
        "any_": lambda: _some(random, drawn_world.QUEUES),
        "startswith_": lambda: _some(random, ("d", "D", "%", "")),
    }
    parts = {"id": lambda: _id_filter(random, []), "name": lambda: _parts(random, names, 0.5)}
    return _parts(random, parts, chance, operator=True)


def log_filter(random: Random, world: World) -> JSON:
    levels = {x: lambda: random.choice(drawn_world.LEVELS) for x in ("ge_", "le_")}
    parts = {
        "level": lambda: _parts(random, levels, 0.5),
        "timestamp": lambda: _parts(random, {x: lambda: _log_time(random) for x in ("before_", "after_")}, 0.6),
        "flow_run_id": lambda: _id_filter(random, world.flow_runs[:12]),
        "task_run_id": lambda: _id_filter(random, world.task_runs),
    }
    return _parts(random, parts, 0.4, operator=True)


def _log_time(random: Random) -> JSON:
    return {"$second": -random.randint(0, 6) * 1000 - random.choice((0, random.randint(1, 900)))}


def artifact_filter(random: Random, world: World, id_name: str = "id") -> JSON:
    keys: dict[str, Callable[[], JSON]] = {
        "any_": lambda: _some(random, drawn_world.KEYS),
        "like_": lambda: random.choice(("report", "REP", "-", "%", "_", "")),
        "exists_": _flag(random),
    }
    types = {x: lambda: _some(random, ("table", "markdown", "Markdown", "result")) for x in ("any_", "not_any_")}
    parts = {
        id_name: lambda: _id_filter(random, world.artifacts),
        "key": lambda: _parts(random, keys, 0.4),
        "flow_run_id": lambda: _id_filter(random, world.flow_runs[:12]),
        "task_run_id": lambda: _id_filter(random, world.task_runs),
        "type": lambda: _parts(random, types, 0.6),
    }
    return _parts(random, parts, 0.3, operator=True)


FILTERS: dict[str, Draw] = {
    "flows": flow_filter,
    "flow_runs": flow_run_filter,
    "task_runs": task_run_filter,
    "deployments": deployment_filter,
    "work_pools": work_pool_filter,
    "work_queues": work_queue_filter,
    "work_pool_queues": work_queue_filter,
}
