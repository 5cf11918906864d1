"""Flow runs: retries, pauses, resuming, repeated transitions, API versions, subflows and their parent task runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.comparison.build import (
    FLOW,
    REFERENCE,
    TASK,
    call,
    delete,
    flow_run,
    get,
    limit,
    now,
    post,
    reach,
    read,
    read_limit,
    set_state,
    state,
    task_run,
)
from tests.comparison.flow_matrix import INITIAL, PROPOSED, RUNNING
from tests.comparison.model import JSON, Case, Step
from tests.comparison.task_rules import DATA

VERSIONS = (None, "0.8.0", "0.8.2", "0.8.3", "0.8.4")
PLACES: dict[str, JSON] = {"ad hoc": {}, "deployed": {"deployment_id": "{deployment}"}}


def cases() -> Iterator[Case]:
    for source in (retries, old_retries, versions, pauses, repeats, subflows, subflow_lives, data):
        yield from source()


def policy(fields: JSON) -> Step:
    return Step("policy", "PATCH", "/flow_runs/{flow_run}", {"empirical_policy": fields}, record=False)


# --- retries ---------------------------------------------------------------------------------------------------------

DELAYS: dict[str, dict[str, Any]] = {
    "no delay": {},
    "delay 0": {"retry_delay": 0},
    "delay": {"retry_delay": 600},
    "old delay": {"retry_delay_seconds": 600},
}


def retries() -> Iterator[Case]:
    for delay, fields in DELAYS.items():
        for allowed in (None, 0, 1, 2):
            for count in (1, 2, 3):
                yield _failing(f"{delay}/retries {allowed}/run {count}", fields | {"retries": allowed}, count)
    yield _failing("old retries", {"max_retries": 1}, 1)
    yield _failing("old and new retries", {"max_retries": 1, "retries": 0}, 1)
    yield _failing("forced", {"retries": 3}, 1, force=True)
    yield _failing("after a pause", {"retries": 3, "pause_keys": ["a", "b"], "resuming": True}, 1)
    yield _failing("rescheduled before", {"retries": 3, "retry_type": "reschedule"}, 2)
    steps = [flow_run(empirical_policy={"retries": 2}, deployment_id="{deployment}")]
    for attempt in range(1, 4):
        steps += [set_state(RUNNING, run=FLOW, name=f"run{attempt}")]
        steps += [set_state(state("FAILED"), run=FLOW, name=f"fail{attempt}"), read(FLOW, name=f"read{attempt}")]
    again = (set_state(state("SCHEDULED"), run=FLOW, name="again"), set_state(RUNNING, run=FLOW, name="rerun"))
    yield Case("flow_retries", "to the end, and rescheduled", (*steps, *again, read(FLOW)))


def _failing(name: str, fields: JSON, count: int, *, force: bool = False, version: str | None = None) -> Case:
    failed = state("FAILED", "Broken", message="it broke", data=REFERENCE)
    steps = (
        flow_run(RUNNING),
        *reach([RUNNING] * count, run=FLOW),
        policy(fields),
        set_state(failed, run=FLOW, force=force, version=version),
        read(FLOW),
    )
    return Case("flow_retries", name, steps)


def old_retries() -> Iterator[Case]:
    """Clients before 0.8.3 have the server put the failed task runs back; before 0.8.4 they know no pauses."""
    for version in VERSIONS:
        yield _failing(
            f"version {version}/policy",
            {"retries": 1, "pause_keys": ["a"], "resuming": True},
            1,
            version=version,
        )
        ends = {"failed": "FAILED", "done": "COMPLETED", "crashed": "CRASHED", "running": "RUNNING"}
        begun = [flow_run(RUNNING, empirical_policy={"retries": 1, "retry_delay": 600}), limit("{unique}", 4)]
        for name, kind in ends.items():
            begun += [task_run(RUNNING, step=name, tags=["{unique}"])]
            begun += [set_state(state(kind), run=name, kind=TASK, name=f"{name}_end", record=False)]
        fail = set_state(state("FAILED"), run=FLOW, version=version)
        reads = [read(name, TASK, name=f"read_{name}") for name in ends]
        yield Case("flow_retries", f"version {version}/task runs", (*begun, fail, *reads, read_limit("{unique}")))


# --- versions --------------------------------------------------------------------------------------------------------

LEFT = (
    "COMPLETED",
    "COMPLETED reference",
    "FAILED",
    "CRASHED",
    "CANCELLED",
    "PAUSED",
    "Suspended",
    "RUNNING",
    "PENDING",
)


def versions() -> Iterator[Case]:
    """What leaving a state does to the policy and the count of a run, by the version that the client speaks."""
    marked = {"pause_keys": ["a", "b"], "resuming": True, "retry_type": "in_process", "retries": 0}
    for version in VERSIONS:
        for initial in LEFT:
            for kind in ("SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED"):
                steps = (
                    flow_run(INITIAL[initial][0], deployment_id="{deployment}"),
                    *reach(INITIAL[initial], run=FLOW),
                    policy(marked),
                    set_state(state(kind), run=FLOW, version=version),
                    read(FLOW),
                    set_state(RUNNING, run=FLOW, version=version, name="run"),
                    read(FLOW, name="end"),
                )
                yield Case("flow_versions", f"{version}/{initial} to {kind}", steps)
    for version in ("0.7.9", "0.8", "1.0.0", "0.9.0", "x.y.z", "0.8.4.1", "", "-1.0.0", "0.8.-1", "0.8.4a"):
        steps = (flow_run(RUNNING), set_state(state("COMPLETED"), run=FLOW, version=version), read(FLOW))
        yield Case("flow_versions", f"header '{version}'", steps)


# --- pauses ----------------------------------------------------------------------------------------------------------


def pauses() -> Iterator[Case]:
    for place, fields in PLACES.items():
        for label, details in PAUSES.items():
            for force in (False, True):
                wanted = state("PAUSED", "Suspended" if "suspended" in label else None, **details)
                steps = (
                    flow_run(RUNNING, **fields),
                    policy({"pause_keys": ["used"]}),
                    set_state(wanted, run=FLOW, force=force),
                    read(FLOW),
                    set_state(RUNNING, run=FLOW, name="resume"),
                    read(FLOW, name="resumed"),
                    set_state(wanted, run=FLOW, name="pause_again", force=force),
                    read(FLOW, name="end"),
                )
                name = f"{place}/{label}/{'forced' if force else 'asked'}"
                yield Case("flow_pauses", name, steps)
        for initial, kind in (("PAUSED expired", "RUNNING"), ("Suspended expired", "SCHEDULED")):
            for named in (None, "Suspended", "Custom"):
                begun = (flow_run(INITIAL[initial][0], **fields), *reach(INITIAL[initial], run=FLOW))
                leave = (set_state(state(kind, named), run=FLOW), read(FLOW))
                yield Case("flow_pauses", f"{place}/{initial} to {kind} named {named}", (*begun, *leave))


PAUSES: dict[str, dict[str, JSON]] = {
    "no key": {},
    "new key": {"pause_key": "new"},
    "used key": {"pause_key": "used"},
    "empty key": {"pause_key": ""},
    "timeout past": {"pause_timeout": now(-600), "pause_key": "new"},
    "timeout future": {"pause_timeout": now(600), "pause_key": "new"},
    "suspended": {"pause_reschedule": True, "pause_key": "new"},
    "suspended, used key": {"pause_reschedule": True, "pause_key": "used"},
    "suspended with timeout": {"pause_reschedule": True, "pause_timeout": now(600)},
    "rescheduled": {"pause_reschedule": True, "pause_key": "new"},
    "keyset": {"pause_key": "new", "run_input_keyset": {"schema": "s", "response": "r"}},
}


# --- the same transition again ---------------------------------------------------------------------------------------


def repeats() -> Iterator[Case]:
    mark = {"transition_id": "{uuid_transition}"}
    for proposed, wanted in PROPOSED.items():
        marked = wanted | {"state_details": wanted.get("state_details", {}) | mark}
        for force in (False, True):
            steps = (
                flow_run(RUNNING, deployment_id="{deployment}"),
                set_state(marked, run=FLOW, force=force, name="once"),
                set_state(marked, run=FLOW, force=force, name="twice"),
                read(FLOW),
            )
            yield Case("flow_repeats", f"{proposed}/{'forced' if force else 'asked'}", steps)
    first = set_state(state("RUNNING", **mark), run=FLOW, name="once")
    other = set_state(state("RUNNING", transition_id="{uuid_other}"), run=FLOW, name="between")
    again = set_state(state("RUNNING", **mark), run=FLOW, name="again")
    yield Case("flow_repeats", "another between", (flow_run(), first, other, again, read(FLOW)))
    kinds = set_state(state("COMPLETED", **mark), run=FLOW, name="again")
    yield Case("flow_repeats", "another state", (flow_run(), first, kinds, read(FLOW)))
    made = flow_run(state("PENDING", **mark), record=True)
    pending = set_state(state("PENDING", **mark), run=FLOW, name="again")
    yield Case("flow_repeats", "at creation", (made, pending, read(FLOW)))
    retried = (flow_run(RUNNING, empirical_policy={"retries": 2}),)
    fail = state("FAILED", **mark)
    steps = (*retried, set_state(fail, run=FLOW, name="once"), set_state(fail, run=FLOW, name="twice"), read(FLOW))
    yield Case("flow_repeats", "rejected into a retry", steps)


# --- subflows --------------------------------------------------------------------------------------------------------


def subflow(initial: JSON, record: bool = False, **fields: JSON) -> tuple[Step, ...]:
    """A flow run, its task run that stands for a subflow, and the subflow's run, `child`."""
    return (
        flow_run(RUNNING),
        task_run(state("PENDING")),
        flow_run(initial, step="child", parent_task_run_id="{task_run}", record=record, **fields),
    )


def subflows() -> Iterator[Case]:
    """Each transition of a subflow's run, and what it makes of the parent's task run."""
    for proposed, wanted in PROPOSED.items():
        created = (*subflow(wanted, record=True), read(), get("/task_run_states/?task_run_id={task_run}", "states"))
        if not wanted.get("data"):
            yield Case("flow_subflows", f"created {proposed}", created)
        for initial in ("PENDING", "RUNNING", "FAILED", "PAUSED", "SCHEDULED", "COMPLETED", "CANCELLING"):
            for force in (False, True):
                states = INITIAL[initial]
                how = "forced" if force else "asked"
                begun = (*subflow(states[0], deployment_id="{deployment}"), *reach(states, run="child", kind=FLOW))
                propose = (set_state(wanted, run="child", kind=FLOW, force=force), read())
                end = read("child", FLOW, name="child_read")
                yield Case("flow_subflows", f"{initial} to {proposed}/{how}", (*begun, *propose, end))


def subflow_lives() -> Iterator[Case]:
    """Slots of the parent's task run, its retries and deletions, and a subflow under a task run that does not exist."""
    tagged = (flow_run(RUNNING), limit("{unique}", 1), task_run(RUNNING, parent=None, tags=["{unique}"]))
    child = flow_run(RUNNING, step="child", parent_task_run_id="{task_run}")
    done = set_state(state("COMPLETED", data=REFERENCE), run="child", kind=FLOW)
    steps: tuple[Step, ...] = (*tagged, child, read_limit("{unique}", "held"), done, read_limit("{unique}"), read())
    yield Case("flow_subflows", "the slot of the parent's task run", steps)
    fail = set_state(state("FAILED"), run="child", kind=FLOW, name="fail")
    complete = set_state(state("COMPLETED"), run="child", kind=FLOW, name="complete")
    steps = (*subflow(RUNNING, empirical_policy={"retries": 1}), fail, read(), complete, read(name="end"))
    yield Case("flow_subflows", "retried", steps)
    gone = delete("/task_runs/{task_run}", "gone", record=True)
    later = (read("child", FLOW, name="orphan"), complete, read("child", FLOW, name="end"))
    yield Case("flow_subflows", "the parent's task run is deleted", (*subflow(RUNNING), gone, *later))
    gone = delete("/flow_runs/{flow_run}", "gone", record=True)
    yield Case("flow_subflows", "the parent's flow run is deleted", (*subflow(RUNNING), gone, *later))
    gone = delete("/flow_runs/{child}", "gone", record=True)
    yield Case("flow_subflows", "the subflow's run is deleted", (*subflow(RUNNING), gone, read()))
    create = flow_run(RUNNING, step="child", parent_task_run_id="{uuid_nobody}", record=True)
    yield Case("flow_subflows", "no such task run", (create,))
    kept = call("POST", "/artifacts/filter", "artifacts", _artifacts_of(), unordered=True)
    data = (*subflow(RUNNING), done, kept, read())
    yield Case("flow_subflows", "a result is kept twice", data)
    unforced = set_state(RUNNING, name="run", record=True)
    yield Case("flow_subflows", "the task run moves by itself", (*subflow(RUNNING), unforced, complete, read()))


def _artifacts_of() -> JSON:
    return {"artifacts": {"flow_run_id": {"any_": ["{child}", "{flow_run}"]}}, "sort": "UPDATED_DESC"}


# --- data ------------------------------------------------------------------------------------------------------------


def data() -> Iterator[Case]:
    for label, value in DATA.items():
        for kind in ("COMPLETED", "FAILED", "CRASHED", "RUNNING"):
            stored = (set_state(state(kind, data=value), run=FLOW, name="store"), read(FLOW), _states(), _artifacts())
            then = (
                (set_state(state("SCHEDULED"), run=FLOW, name="schedule"), set_state(RUNNING, run=FLOW, name="run"))
                if kind == "COMPLETED"
                else (set_state(state("COMPLETED"), run=FLOW, force=True, name="complete"), read(FLOW, name="end"))
            )
            begun = (flow_run(RUNNING, deployment_id="{deployment}"),)
            yield Case("flow_data", f"{kind} {label}", (*begun, *stored, *then))
    for label, value in {**DATA, "nothing": None}.items():
        body = {"flow_id": "{flow}", "state": state("COMPLETED", data=value)}
        create = Step("create", "POST", "/flow_runs/", body)
        yield Case("flow_data", f"created with {label}", (create,))


def _states() -> Step:
    return get("/flow_run_states/?flow_run_id={flow_run}", "states")


def _artifacts() -> Step:
    body = {"artifacts": {"flow_run_id": {"any_": ["{flow_run}"]}}, "sort": "UPDATED_DESC"}
    return post("/artifacts/filter", body, "artifacts")
