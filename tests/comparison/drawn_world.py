"""A population drawn at random: flows, deployments, runs in all states, their logs and artifacts.

What lives here: the requests that make it, in the notation of `model`, so that any server can be filled with it. What
does not: what is asked of it then (`drawn_filters`, `drawn_requests`), and the filling itself (`filled`).

All that a clock decides is apart by far more than it takes to fill a server: runs are scheduled a multiple of STRIDE
from the start, or some seconds off one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from tests.comparison.build import REFERENCE, UNPERSISTED, call, now, second, set_state, state
from tests.comparison.model import JSON, Step

STRIDE = 360_000
FURTHEST = 15
MOST_FLOW_RUNS = 40
RETRY_DELAYS = (100, 200)

FLOW_NAMES = ("etl", "ETL", "ünï flow", "a_b 'c' \"d\"", "back\\slash 🚀")
DEPLOYMENT_NAMES = ("nightly", "Nightly", "by hand_1", "ünï")
RUN_NAMES = (
    *("alpha", "Alpha", "ALPHA_2", "alpha beta", "be_ta", "beta 100%", "gamma", "Ünïcode", "ünïcode", "straße"),
    *("İstanbul", "back\\slash", 'it\'s "so"', "snow ☃ 🚀", " ", "tab\there", "null", "a/b", "--", "x" * 200),
)
TAGS = ("p", "q", "P", "ünï", "a b", '"quoted"', "a,b", "%", "back\\slash", "", "[]", "é")
VERSIONS = ("1", "2", "v ü")
QUEUES = ("default", "Default", "queue_1")
KEYS = ("report", "report-2", "r")
STATE_NAMES = ("Broken", "Ünusual", "broken", "Late")
LEVELS = (0, 10, 20, 25, 30, 40, 50)

TYPES = ("SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "PAUSED", "CANCELLING")
FINAL = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")


@dataclass
class World:
    """The requests that make it, and the names of what they make, as requests may refer to it."""

    steps: list[Step] = field(default_factory=list)
    flows: list[str] = field(default_factory=list)
    deployments: list[str] = field(default_factory=list)
    flow_runs: list[str] = field(default_factory=list)
    task_runs: list[str] = field(default_factory=list)
    artifacts: list[str] = field(default_factory=list)

    def alone(self) -> list[str]:
        """The task runs that stand for no subflow. (One that does ends with it, and a moment sooner or later.)"""
        parents = {step.body.get("parent_task_run_id") for step in self.steps if isinstance(step.body, dict)}
        return [name for name in self.task_runs if f"{{{name}}}" not in parents]


def drawn_world(random: Random, flow_runs: int = MOST_FLOW_RUNS, task_runs: int = 80) -> World:
    """Task runs come after the flow run that they are in, and before the subflow that they stand for."""
    world = World()
    for made in (_flows(random), _deployments(random)):
        _add(world, made)
    world.flows = [step.name for step in world.steps if step.path == "/flows/"]
    world.deployments = [step.name for step in world.steps if step.path == "/deployments/"]
    kinds = ["flow_run"] * flow_runs + ["task_run"] * task_runs
    random.shuffle(kinds)
    for kind in kinds:
        _add(world, _flow_run(random, world) if kind == "flow_run" else _task_run(random, world))
    for made in (_artifacts(random, world), _logs(random, world), _updates(random, world), _deletions(random, world)):
        _add(world, made)
    return world


def _add(world: World, steps: Iterator[Step]) -> None:
    world.steps.extend(steps)


def drawn_tags(random: Random) -> list[str]:
    return random.sample(TAGS, random.choice((0, 0, 1, 1, 2, 3)))


def one_of(random: Random, names: list[str], chance: float = 1.0) -> str | None:
    """A reference to one of these, or none by chance, and where there are none."""
    return f"{{{random.choice(names)}}}" if names and random.random() < chance else None


def _flows(random: Random) -> Iterator[Step]:
    for number, name in enumerate(FLOW_NAMES):
        yield call("POST", "/flows/", f"flow{number}", {"name": name, "tags": drawn_tags(random)})


def _deployments(random: Random) -> Iterator[Step]:
    for number, name in enumerate(DEPLOYMENT_NAMES):
        body = {
            "name": name,
            "flow_id": f"{{flow{random.randrange(len(FLOW_NAMES) - 1)}}}",
            "tags": drawn_tags(random),
            "paused": random.choice((True, False)),
            "version": random.choice((None, *VERSIONS)),
        }
        yield call("POST", "/deployments/", f"deployment{number}", body)


# --- states ----------------------------------------------------------------------------------------------------------


def scheduled_for(random: Random) -> JSON:
    """A moment far from the start of the case, or a full second near one."""
    strides = random.choice((-1, 1)) * random.randint(1, FURTHEST) * STRIDE
    return now(strides) if random.random() < 0.4 else second(strides + random.randint(-5, 5))


def _state(random: Random, types: tuple[str, ...]) -> JSON:
    kind = random.choice(types)
    name = random.choice(STATE_NAMES) if random.random() < 0.2 else None
    message = random.choice((None, None, "so it is", "ünï\n"))
    if kind == "SCHEDULED":
        return state(kind, name, message=message, scheduled_time=scheduled_for(random))
    data = random.choice((None, UNPERSISTED, REFERENCE)) if kind in FINAL else None
    return state(kind, name, message=message, data=data)


def _first_state(random: Random) -> JSON:
    """Mostly one in which runs begin, seldom none; data comes with later states only."""
    kind = random.choice(("SCHEDULED", "PENDING", "PENDING", "RUNNING", "RUNNING", random.choice(TYPES)))
    if random.random() < 0.1:
        return None
    return {key: value for key, value in _state(random, (kind,)).items() if key != "data"}


def _moves(random: Random, run: str, kind: str) -> Iterator[Step]:
    """What the run is told to be next, as often as not with force."""
    for number in range(random.choice((0, 1, 1, 2, 3))):
        types = random.choice((("RUNNING",), FINAL, TYPES))
        forced = random.random() < 0.5
        yield set_state(_state(random, types), run=run, kind=kind, force=forced, name=f"{run}_{number}")


# --- runs ------------------------------------------------------------------------------------------------------------


def _run_name(random: Random, number: int) -> str:
    """Mostly one that no other run has."""
    name = random.choice(RUN_NAMES)
    return name if random.random() < 0.3 else f"{name} {number}"


def _flow_run(random: Random, world: World) -> Iterator[Step]:
    step = f"flow_run{len(world.flow_runs)}"
    body: dict[str, JSON] = {
        "name": _run_name(random, len(world.flow_runs)),
        "tags": drawn_tags(random),
        "parent_task_run_id": one_of(random, world.task_runs, 0.3),
        "idempotency_key": f"key {step}" if random.random() < 0.4 else None,
    }
    if (first := _first_state(random)) is not None:
        body["state"] = first
    if random.random() < 0.25:
        path = f"/deployments/{one_of(random, world.deployments)}/create_flow_run"
        yield call("POST", path, step, body)
    else:
        yield call("POST", "/flow_runs/", step, body | _of_flow(random, world))
    world.flow_runs.append(step)
    yield from _moves(random, step, "flow_run")


def _of_flow(random: Random, world: World) -> dict[str, JSON]:
    return {
        "flow_id": one_of(random, world.flows[:-1]),
        "deployment_id": one_of(random, world.deployments, 0.3),
        "flow_version": random.choice((None, *VERSIONS)),
        "empirical_policy": _policy(random),
    }


def _policy(random: Random) -> JSON:
    return {"retries": 1, "retry_delay": random.choice(RETRY_DELAYS)} if random.random() < 0.3 else {}


def _task_run(random: Random, world: World) -> Iterator[Step]:
    """Its id is given, so that orders by id can be compared."""
    step = f"task_run{len(world.task_runs)}"
    body: dict[str, JSON] = {
        "id": str(UUID(int=random.getrandbits(128), version=4)),
        "name": _run_name(random, len(world.task_runs)),
        "task_key": random.choice(("work", "Wörk")),
        "dynamic_key": step,
        "flow_run_id": one_of(random, world.flow_runs[:12], 0.8),
        "tags": drawn_tags(random),
        "task_inputs": _inputs(random, world),
        "empirical_policy": _policy(random),
    }
    if (first := _first_state(random)) is not None:
        body["state"] = first
    yield call("POST", "/task_runs/", step, body)
    world.task_runs.append(step)
    yield from _moves(random, step, "task_run")


def _inputs(random: Random, world: World) -> JSON:
    """Results of some of the task runs before it, which need not be in the same flow run."""
    inputs: dict[str, JSON] = {}
    for name in random.sample(("x", "y", "wait_for"), random.choice((0, 0, 1, 2))):
        given = [one_of(random, world.task_runs[-20:]) for _ in range(random.randint(0, 2))]
        inputs[name] = [{"input_type": "task_run", "id": x} for x in given if x]
    if random.random() < 0.05:
        inputs["p"] = [{"input_type": "parameter", "name": "p"}]
    return inputs


# --- what runs leave behind ------------------------------------------------------------------------------------------


def _owners(random: Random, world: World) -> dict[str, JSON]:
    return {
        "flow_run_id": one_of(random, world.flow_runs[:12], 0.7),
        "task_run_id": one_of(random, world.task_runs, 0.5),
    }


def _artifacts(random: Random, world: World) -> Iterator[Step]:
    for number in range(15):
        step = f"artifact{number}"
        body = {
            "key": random.choice((None, *KEYS)),
            "type": random.choice((None, "table", "markdown", "Markdown")),
            "description": random.choice((None, "ünï")),
            "data": random.choice((None, 1, "text", {"a": [1, None]})),
        }
        yield call("POST", "/artifacts/", step, body | _owners(random, world))
        world.artifacts.append(step)


def _logs(random: Random, world: World) -> Iterator[Step]:
    """Each line has a time of its own, but for a few."""
    for batch in range(6):
        lines = []
        for number in range(12):
            moment = second(-batch * 1000 - (0 if random.random() < 0.1 else random.randint(1, 900)))
            line = {"name": "prefect", "level": random.choice(LEVELS), "message": f"line {batch}.{number} ü"}
            lines.append(line | {"timestamp": moment} | _owners(random, world))
        yield call("POST", "/logs/", f"logs{batch}", lines)


def _updates(random: Random, world: World) -> Iterator[Step]:
    """Of some records of each kind."""
    for number in range(8):
        kind = random.choice(("flows", "deployments", "flow_runs", "task_runs"))
        names = getattr(world, kind)
        body: dict[str, JSON] = {"name": _run_name(random, 100 + number)} if kind.endswith("runs") else {}
        if kind != "task_runs":
            body["tags"] = drawn_tags(random)
        yield call("PATCH", f"/{kind}/{one_of(random, names)}", f"update{number}", body)


def _deletions(random: Random, world: World) -> Iterator[Step]:
    for kind, names, count in (("flow_runs", world.flow_runs, 2), ("task_runs", world.task_runs, 3)):
        for name in random.sample(names, count):
            yield call("DELETE", f"/{kind}/{{{name}}}", f"delete_{name}")
