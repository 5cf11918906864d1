"""The comparison itself: every case, sent to a live Interlock, is answered as the peer answered when recorded."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase

import pytest

from tests.comparison.cases import all_cases, families
from tests.comparison.differences import DIFFERENCES, expected
from tests.comparison.model import Case
from tests.comparison.recordings import Recording, differing, load, unfit
from tests.comparison.replay import replay

CONNECTIONS = 16
# How many cases there are: each of them a sequence of requests, most of whose answers are compared.
COUNT = 7489
SHOWN = 40


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return all_cases()


@pytest.fixture(scope="module")
def recordings(cases: list[Case]) -> dict[str, Recording]:
    return load(families(cases))


def test_each_case_has_its_own_name(cases: list[Case]) -> None:
    repeated = [key for key, count in Counter(case.key for case in cases).items() if count > 1]
    assert not repeated


def test_each_case_has_an_answer_recorded_for_its_present_form(
    cases: list[Case], recordings: dict[str, Recording]
) -> None:
    problems = unfit(cases, recordings)
    assert not problems, "record afresh (./run record):\n" + "\n".join(problems[:SHOWN])
    assert len(recordings) == len(cases) == COUNT


def test_each_declared_difference_concerns_a_recorded_answer(recordings: dict[str, Recording]) -> None:
    idle = [
        difference
        for difference in DIFFERENCES
        if not any(
            fnmatchcase(key, difference.cases) and difference.step in recording.answers
            for key, recording in recordings.items()
        )
    ]
    assert not idle


def test_interlock_is_to_fail_nowhere(cases: list[Case], recordings: dict[str, Recording]) -> None:
    """Each 5xx of the peer is declared as a difference, with what is answered instead."""
    failing = [
        f"{case.key}: {step}"
        for case in cases
        if case.key in recordings
        for step, answer in expected(case, recordings).items()
        if answer.status >= 500
    ]
    assert not failing


def test_interlock_answers_as_the_peer(quiet_url: str, cases: list[Case], recordings: dict[str, Recording]) -> None:
    """No difference but the declared ones, and every declared one."""
    failures = _failures(quiet_url, cases, recordings)
    if failures:
        counts = Counter(key.partition("/")[0] for key in failures)
        shown = ["\n    ".join([key, *lines[:8]]) for key, lines in list(failures.items())[:SHOWN]]
        pytest.fail(f"{len(failures)} of {len(cases)} cases differ: {dict(counts)}\n" + "\n".join(shown), pytrace=False)


def _failures(url: str, cases: list[Case], recordings: dict[str, Recording]) -> dict[str, list[str]]:
    failures: dict[str, list[str]] = {}
    for case, result in replay(url, cases, CONNECTIONS):
        if case.key not in recordings:
            failures[case.key] = ["no answer recorded"]
        elif isinstance(result, Exception):
            failures[case.key] = [repr(result)]
        elif lines := differing(expected(case, recordings), result):
            failures[case.key] = lines
    return failures
