"""Where Interlock is meant to answer otherwise than the peer, as data. Anything else that differs is an error.

Each entry names the cases (a shell pattern over their keys), the step, the letter under which `docs/compatibility.md`
gives the reason, and what Interlock's answer has instead: dotted paths into the recorded answer (`status`,
`body.state.name`) with their values, applied in order. A value may be `Copied` from another recorded answer. An entry
that matches no case, or whose difference no longer occurs, fails the test like any other difference.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.comparison.model import JSON, Case
from tests.comparison.recordings import Recording
from tests.comparison.replay import Answer, Answers
from tests.comparison.task_rules import DATA


@dataclass(frozen=True)
class Copied:
    """The value at `path` in the peer's answer to `step`, of the same case or of another one of the same family."""

    step: str
    path: str = "body"
    case: str | None = None


@dataclass(frozen=True)
class Difference:
    """In the answer to `step` of the matching cases, the values at these paths are Interlock's own."""

    cases: str
    step: str
    letter: str
    reason: str
    values: Mapping[str, JSON | Copied]


@dataclass(frozen=True)
class Addition:
    """Wherever the peer answers an object with these keys, and perhaps more, Interlock's has one field more (letter g).

    The field holds `value`, what the object's field `as_in` holds, or what is `made_of` the object. Where `whole`,
    those are all the object's keys. The newer line of the peer has some of these fields itself: they stay as they are
    unless this `replaces` them.
    """

    keys: frozenset[str]
    field: str
    value: JSON = None
    as_in: str | None = None
    made_of: Callable[[dict[str, JSON]], JSON] | None = None
    whole: bool = False
    replaces: bool = False

    def concerns(self, value: dict[str, JSON]) -> bool:
        return self.keys == value.keys() if self.whole else self.keys <= value.keys()

    def adds_to(self, value: dict[str, JSON]) -> bool:
        """Whether Interlock's object has this field, and the peer's does not, or otherwise."""
        return self.concerns(value) and (self.replaces or self.field not in value)

    def in_object(self, value: dict[str, JSON]) -> JSON:
        """What the field holds in this object."""
        if self.made_of is not None:
            return self.made_of(value)
        return value[self.as_in] if self.as_in else self.value


def _labels(run_or_deployment: dict[str, JSON]) -> JSON:
    """The labels that the server gives. Task runs have none."""
    names = {"prefect.flow.id": "flow_id", "prefect.deployment.id": "deployment_id"}
    return {name: run_or_deployment[field] for name, field in names.items() if run_or_deployment.get(field)}


DEPLOYMENT = frozenset({"infra_overrides", "parameter_openapi_schema", "flow_id"})
SCHEDULE = frozenset({"deployment_id", "max_scheduled_runs", "catchup"})


def _queue(deployment: dict[str, JSON]) -> JSON:
    """The queue that a deployment is in: the cases have a step of this name that tells of it before."""
    return "{queue}" if deployment.get("work_pool_name") else None


WORK_POOL = frozenset({"base_job_template", "default_queue_id"})
WORK_QUEUE = frozenset({"work_pool_id", "priority", "is_paused"})
STORAGE: JSON = {
    "bundle_upload_step": None,
    "bundle_execution_step": None,
    "default_result_storage_block_id": None,
}


def _free_slots(pool_or_queue: dict[str, JSON]) -> JSON:
    """How many slots are taken where none is; no number where there is no limit."""
    return None if pool_or_queue["concurrency_limit"] is None else 0


ADDITIONS = (
    Addition(frozenset({"untrackable_result", "transition_id"}), "deferred", replaces=True),
    Addition(frozenset({"untrackable_result", "transition_id"}), "traceparent"),
    Addition(frozenset({"untrackable_result", "transition_id"}), "deployment_concurrency_lease_id"),
    Addition(frozenset({"empirical_policy", "run_count"}), "labels", made_of=_labels),
    Addition(frozenset({"id", "created", "updated", "name", "tags"}), "labels", {}, whole=True),
    Addition(DEPLOYMENT, "labels", made_of=_labels),
    Addition(DEPLOYMENT, "work_queue_id", made_of=_queue),
    Addition(DEPLOYMENT, "concurrency_limit"),
    Addition(DEPLOYMENT, "concurrency_options"),
    Addition(DEPLOYMENT, "global_concurrency_limit"),
    Addition(SCHEDULE, "parameters", {}),
    Addition(SCHEDULE, "slug"),
    Addition(WORK_POOL, "storage_configuration", STORAGE),
    Addition(WORK_POOL, "active_slots", made_of=_free_slots),
    Addition(WORK_QUEUE, "active_slots", made_of=_free_slots),
    Addition(frozenset({"id", "created", "key", "type", "is_latest"}), "data", whole=True),
    Addition(DEPLOYMENT, "job_variables", as_in="infra_overrides"),
)


def rejected(reason: str, current: JSON | Copied) -> dict[str, JSON | Copied]:
    """A whole answer that leaves the run in the state it has."""
    details = {"type": "reject_details", "reason": reason}
    return {"status": 200, "body": {"status": "REJECT", "details": details, "state": None}, "body.state": current}


REPEATED = "a repeated transition_id is always honoured: what the run is in is returned, and nothing is written"
SLOTS = "deleting a run frees its slots, and a run is not made to wait for the slot it holds itself"
UNDONE = (
    "a slot that was taken and is given back as the run may not start after all leaves no trace; the peer keeps some"
)
EVIDENT = "the peer fails on a well-formed request"


def _repeated() -> Iterator[Difference]:
    again = _answered_with("once")
    for case in ("*/asked", "*/forced", "*/rejected into a retry"):
        yield Difference(f"task_repeats/{case}", "twice", "a", REPEATED, again)
        yield Difference(f"task_repeats/{case}", "read", "a", REPEATED, {"body": Copied("read_once")})
    for case in ("*/forced", "rejected into a retry"):
        yield Difference(f"flow_repeats/{case}", "twice", "a", REPEATED, again)
        yield Difference(f"flow_repeats/{case}", "read", "a", REPEATED, _left_in("once"))
    yield Difference("flow_repeats/RUNNING/forced", "read", "a", REPEATED, {"body.run_count": 2})
    scheduled = {"body.next_scheduled_start_time": Copied("once", "body.state.state_details.scheduled_time")}
    for kind in ("SCHEDULED", "Resuming"):
        yield Difference(f"flow_repeats/{kind}/forced", "read", "a", REPEATED, scheduled)
    retried = {"body.end_time": None, "body.state_type": "SCHEDULED", "body.state_name": "AwaitingRetry"}
    yield Difference("flow_repeats/rejected into a retry", "read", "a", REPEATED, retried | scheduled)
    for case in ("task_repeats/*/another between", "flow_repeats/another between"):
        yield Difference(case, "again", "a", REPEATED, _answered_with("between"))
        yield Difference(case, "read", "a", REPEATED, _left_in("between") | {"body.run_count": 2})


def _answered_with(step: str) -> dict[str, JSON | Copied]:
    return rejected("This run has already made this state transition.", Copied(step, "body.state"))


def _left_in(step: str) -> dict[str, JSON | Copied]:
    """A run that is as this step left it."""
    state = {"body.state": Copied(step, "body.state"), "body.state_id": Copied(step, "body.state.id")}
    return state | {"body.updated": Copied(step, "body.state.timestamp")}


def _slots() -> Iterator[Difference]:
    for gone in ("the run is deleted", "the flow run is deleted"):
        yield Difference(f"task_slots/*/{gone}", "slots", "b", SLOTS, {"body.active_slots": []})
    # A subflow that runs sets its parent's task run, which holds the last slot, RUNNING once more.
    nested = "flow_subflows/the slot of the parent's task run"
    yield Difference(nested, "read", "b", SLOTS, {"body.run_count": 2})
    for place in ("in a flow", "alone"):
        free = f"held/{place}/RUNNING to RUNNING/asked"
        granted = {"status": 201, "body": Copied("set", case=free)}
        read = {"body": Copied("read", case=free), "body.empirical_policy": Copied("read", "body.empirical_policy")}
        again = f"task_slots/held/{place}/the last slot, RUNNING again"
        yield Difference(again, "set", "b", SLOTS, granted)
        yield Difference(again, "read", "b", SLOTS, read)
        yield Difference(f"task_slots/held/{place}/the last slot, then done", "set", "b", SLOTS, granted)
    # The peer's reset takes the leases away, and goes on counting what they held.
    reset = "requests_leases/tags/reset"
    limits = [{"id": "{made}", "limit": 1, "name": "tag:{unique}"}]
    leased: dict[str, JSON | Copied] = {"status": 200, "body": {"lease_id": "{other_lease}", "limits": limits}}
    yield Difference(reset, "other", "b", SLOTS, leased | {"headers": {}})
    yield Difference(reset, "by_tag", "b", SLOTS, {"body.updated": "@reset"})
    yield Difference(reset, "as_global", "b", SLOTS, {"body.updated": "@other"})
    for verdict in ("full", "zero"):
        values = {"body.active_slots": [], "body.updated": "@limit_b"}
        yield Difference(f"task_slots/two/*/{verdict} and free/*", "slots_b", "b", UNDONE, values)
    for case, updated in _undone():
        yield Difference(case, "slots", "b", UNDONE, {"body.updated": updated})


def _undone() -> Iterator[tuple[str, str]]:
    """Cases in which a slot is taken and given back within one request, and when their limit last changed."""
    for kind in ("SCHEDULED", "AwaitingRetry", "PENDING"):
        yield f"task_slots/free/*/{kind} future to RUNNING/asked", "@limit"
        yield f"task_slots/free/alone/{kind} future to RUNNING/forced", "@limit"
    yield "task_slots/lives/*/too early", "@limit"
    yield "sequences/walks/alone/28", "@set2"
    for walk in ("alone/15", "in a flow/41", "alone/56", "in a flow/70", "alone/81", "alone/84"):
        yield f"sequences/walks/{walk}", "@limit"


def _evident() -> Iterator[Difference]:
    yield from _evident_data("task_data", "in a flow/", "This run is already completed.", ("run",))
    yield from _evident_data("task_data", "alone/", "This run is already completed.", ("run",))
    yield from _evident_data("flow_data", "", "Run is already COMPLETED.", ("schedule", "run"))
    for place in ("in a flow", "alone"):
        for retries in (None, 0, 1):
            yield from _evident_delay(f"{place}/jitter without delay, retries {retries}", place, retries)
    yield from _default_queues()
    missing = {"status": 404, "body": {"detail": "Flow run not found"}}
    yield Difference("flow_resume/no such run", "resume", "e", EVIDENT, missing)


def _default_queues() -> Iterator[Difference]:
    """The peer fails one way, and by accident says so in another."""
    told: dict[str, JSON | Copied] = {"status": 409, "body": {"detail": "Can't delete a pool's default queue."}}
    for way in ("", " by id"):
        yield Difference(f"requests_work/queues/delete the default one{way}", "gone", "e", EVIDENT, told)


def _evident_data(family: str, place: str, reason: str, leaving: tuple[str, ...]) -> Iterator[Difference]:
    """Data that is no object is kept like any other; a run may be created with data."""
    for label in ("text", "list", "number", "fraction", "true"):
        for step in leaving:
            final = rejected(reason, Copied("read", "body.state"))
            yield Difference(f"{family}/{place}COMPLETED {label}", step, "e", EVIDENT, final)
        for kind in ("FAILED", "CRASHED") if place != "alone/" else ():
            for step in ("complete", "end"):
                other = {"status": Copied(step, "status", f"{place}{kind} object")}
                other |= {"body": Copied(step, case=f"{place}{kind} object")}
                yield Difference(f"{family}/{place}{kind} {label}", step, "e", EVIDENT, other)
    for label, value in DATA.items():
        if label.startswith("unpersisted"):
            continue  # never stored: the peer creates such a run
        made = {"status": 201, "body": Copied("create", case=f"{place}created with nothing")}
        made["body.state.data"] = STORED_OTHERWISE.get(label, value)
        yield Difference(f"{family}/{place}created with {label}", "create", "e", EVIDENT, made)


def _evident_delay(case: str, place: str, retries: int | None) -> Iterator[Difference]:
    """A jitter of no delay is no delay."""
    usual = f"{place}/no delay/retries {retries}/run 1"
    answer = {"status": 201, "body": Copied("set", case=usual)}
    yield Difference(f"task_retries/{case}", "set", "e", EVIDENT, answer)
    read = {"body": Copied("read", case=usual), "body.empirical_policy": Copied("read", "body.empirical_policy")}
    yield Difference(f"task_retries/{case}", "read", "e", EVIDENT, read)


# As the peer stores these, where it stores them.
STORED_OTHERWISE: dict[str, JSON] = {
    "empty text": {},
    "empty list": {},
    "described": {"type": "reference", "storage_key": "k"},
}

DIFFERENCES: tuple[Difference, ...] = (*_repeated(), *_slots(), *_evident())


def expected(case: Case, recordings: Mapping[str, Recording]) -> Answers:
    """What Interlock answers to a case: the peer's answers with the declared differences put in."""
    answers = dict(recordings[case.key].answers)
    for difference in DIFFERENCES:
        if fnmatchcase(case.key, difference.cases) and difference.step in answers:
            answers[difference.step] = _put(answers[difference.step], difference.values, case, recordings)
    if fnmatchcase(case.key, "requests_work/polls/*"):
        answers["poll"] = _told_whole(answers["poll"], answers)
    return {
        step: Answer(answer.status, with_additions(answer.body), answer.headers) for step, answer in answers.items()
    }


def _told_whole(poll: Answer, answers: Answers) -> Answer:
    """What is offered to a worker, each run as it is told where it is read (letter g): the peer leaves out its state,
    and the name of the default queue where its deployment named none."""
    if not isinstance(poll.body, list):
        return poll
    runs = {x.body["id"]: x.body for x in answers.values() if isinstance(x.body, dict) and "run_count" in x.body}
    body: JSON = [x | {"flow_run": runs[x["flow_run"]["id"]]} for x in poll.body]
    return Answer(poll.status, body, poll.headers)


def with_additions(value: JSON) -> JSON:
    """A body of the peer's with all that is an addition of Interlock's."""
    if isinstance(value, list):
        return [with_additions(item) for item in value]
    if not isinstance(value, dict):
        return value
    more = {addition.field: addition.in_object(value) for addition in ADDITIONS if addition.adds_to(value)}
    return {key: item if key == "request_body" else with_additions(item) for key, item in value.items()} | more


def _put(
    answer: Answer, values: Mapping[str, JSON | Copied], case: Case, recordings: Mapping[str, Recording]
) -> Answer:
    whole: dict[str, JSON] = {"status": answer.status, "body": copy.deepcopy(answer.body), "headers": answer.headers}
    for path, value in values.items():
        *parents, last = path.split(".")
        place = _at(whole, parents)
        place[last] = _copied(value, case, recordings) if isinstance(value, Copied) else copy.deepcopy(value)
    return Answer(whole["status"], whole["body"], whole["headers"])


def _copied(value: Copied, case: Case, recordings: Mapping[str, Recording]) -> JSON:
    source = recordings[f"{case.family}/{value.case}" if value.case else case.key].answers[value.step]
    return copy.deepcopy(_at({"status": source.status, "body": source.body}, value.path.split(".")))


def _at(whole: JSON, keys: list[str]) -> JSON:
    for key in keys:
        whole = whole[int(key)] if isinstance(whole, list) else whole[key]
    return whole
