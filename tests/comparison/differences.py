"""Where Interlock is meant to answer otherwise than the peer, as data. Anything else that differs is an error.

Each entry names the cases (a shell pattern over their keys), the step, the letter under which `docs/compatibility.md`
gives the reason, and what Interlock's answer has instead: dotted paths into the recorded answer (`status`,
`body.state.name`) with their values, applied in order. A value may be `Copied` from another recorded answer. An entry
that matches no case, or whose difference no longer occurs, fails the test like any other difference.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
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


def rejected(reason: str, current: JSON | Copied) -> dict[str, JSON | Copied]:
    """A whole answer that leaves the run in the state it has."""
    details = {"type": "reject_details", "reason": reason}
    return {"status": 200, "body": {"status": "REJECT", "details": details, "state": None}, "body.state": current}


REPEATED = "a repeated transition_id is honoured for task runs too: the state already made is returned"
SLOTS = "deleting a run frees its slots, and a run is not made to wait for the slot it holds itself"
EVIDENT = "the peer fails on a well-formed request"


def _repeated() -> Iterator[Difference]:
    again = rejected("This run has already made this state transition.", Copied("once", "body.state"))
    for how in ("asked", "forced"):
        yield Difference(f"task_repeats/*/{how}", "twice", "a", REPEATED, again)
        yield Difference(f"task_repeats/*/{how}", "read", "a", REPEATED, {"body": Copied("read_once")})
    # To be known again, the request is remembered with the state that was made in place of the one it asked for.
    kept = "body.state.state_details.transition_id"
    mark = "{uuid_transition}"
    retried = "task_repeats/*/rejected into a retry"
    yield Difference(retried, "once", "a", REPEATED, {kept: mark})
    yield Difference(retried, "read_once", "a", REPEATED, {kept: mark})
    yield Difference(retried, "twice", "a", REPEATED, again | {kept: mark})
    yield Difference(retried, "read", "a", REPEATED, {"body": Copied("read_once"), kept: mark})


def _slots() -> Iterator[Difference]:
    for gone in ("the run is deleted", "the flow run is deleted"):
        yield Difference(f"task_slots/*/{gone}", "slots", "b", SLOTS, {"body.active_slots": []})
    for place in ("in a flow", "alone"):
        free = f"held/{place}/RUNNING to RUNNING/asked"
        granted = {"status": 201, "body": Copied("set", case=free)}
        read = {"body": Copied("read", case=free), "body.empirical_policy": Copied("read", "body.empirical_policy")}
        again = f"task_slots/held/{place}/the last slot, RUNNING again"
        yield Difference(again, "set", "b", SLOTS, granted)
        yield Difference(again, "read", "b", SLOTS, read)
        yield Difference(f"task_slots/held/{place}/the last slot, then done", "set", "b", SLOTS, granted)


def _evident() -> Iterator[Difference]:
    yield from _evident_data("task_data", "in a flow/", "This run is already completed.", ("run",))
    yield from _evident_data("task_data", "alone/", "This run is already completed.", ("run",))
    yield from _evident_data("flow_data", "", "Run is already COMPLETED.", ("schedule", "run"))
    for place in ("in a flow", "alone"):
        for retries in (None, 0, 1):
            yield from _evident_delay(f"{place}/jitter without delay, retries {retries}", place, retries)
    missing = {"status": 404, "body": {"detail": "Flow run not found"}}
    yield Difference("flow_resume/no such run", "resume", "e", EVIDENT, missing)


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
    return answers


def _put(
    answer: Answer, values: Mapping[str, JSON | Copied], case: Case, recordings: Mapping[str, Recording]
) -> Answer:
    whole: dict[str, JSON] = {"status": answer.status, "body": copy.deepcopy(answer.body)}
    for path, value in values.items():
        *parents, last = path.split(".")
        place = _at(whole, parents)
        place[last] = _copied(value, case, recordings) if isinstance(value, Copied) else copy.deepcopy(value)
    return Answer(whole["status"], whole["body"], answer.headers)


def _copied(value: Copied, case: Case, recordings: Mapping[str, Recording]) -> JSON:
    source = recordings[f"{case.family}/{value.case}" if value.case else case.key].answers[value.step]
    return copy.deepcopy(_at({"status": source.status, "body": source.body}, value.path.split(".")))


def _at(whole: JSON, keys: list[str]) -> JSON:
    for key in keys:
        whole = whole[int(key)] if isinstance(whole, list) else whole[key]
    return whole
