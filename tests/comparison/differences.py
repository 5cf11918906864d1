"""Where Interlock is meant to answer otherwise than the peer, as data. Anything else that differs is an error.

Each entry names the cases (a shell pattern over their keys), the step, the letter and the reason given in
`docs/compatibility.md`, and what Interlock's answer has instead: dotted paths into the recorded answer (`status`,
`body.state.name`) with their values, or `body` for the whole of it. An entry that matches no case, or whose difference
no longer occurs, fails the test like any other difference.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.comparison.model import JSON, Case
from tests.comparison.replay import Answer, Answers


@dataclass(frozen=True)
class Difference:
    """In the answer to `step` of the matching cases, the values at these paths are Interlock's own."""

    cases: str
    step: str
    letter: str
    reason: str
    values: Mapping[str, JSON]


DIFFERENCES: tuple[Difference, ...] = ()


def expected(case: Case, recorded: Answers) -> Answers:
    """What Interlock answers: the peer's answers with the declared differences put in."""
    answers = dict(recorded)
    for difference in DIFFERENCES:
        if fnmatchcase(case.key, difference.cases) and difference.step in answers:
            answers[difference.step] = _put(answers[difference.step], difference.values)
    return answers


def _put(answer: Answer, values: Mapping[str, JSON]) -> Answer:
    whole = {"status": answer.status, "body": copy.deepcopy(answer.body)}
    for path, value in values.items():
        *parents, last = path.split(".")
        place: JSON = whole
        for key in parents:
            place = place[int(key) if isinstance(place, list) else key]
        place[int(last) if isinstance(place, list) else last] = value
    return Answer(whole["status"], whole["body"])
