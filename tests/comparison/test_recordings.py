"""Comparing finds every place where two answers differ."""

from __future__ import annotations

import pytest

from tests.comparison.model import JSON
from tests.comparison.recordings import differing
from tests.comparison.replay import Answer


def test_equal_answers_do_not_differ() -> None:
    assert differing({"read": Answer(200, {"a": [1, {}]})}, {"read": Answer(200, {"a": [1, {}]})}) == []


@pytest.mark.parametrize(
    ("expected", "actual", "line"),
    [
        ({"a": 1}, {"a": 2}, "read body.a: 1 -> 2"),
        ({"a": 0}, {"a": 0.0}, "read body.a: 0 -> 0.0"),
        ({"a": 0}, {"a": False}, "read body.a: 0 -> false"),
        ({"a": None}, {}, "read body.a: null -> (absent)"),
        ([1], [1, 2], "read body.1: (absent) -> 2"),
    ],
)
def test_a_value_that_differs_is_told_by_its_path(expected: JSON, actual: JSON, line: str) -> None:
    assert line in differing({"read": Answer(200, expected)}, {"read": Answer(200, actual)})


def test_status_and_headers_are_compared() -> None:
    lines = differing({"read": Answer(200, None)}, {"read": Answer(307, None, {"location": "/x"})})
    assert lines == [
        "read status: 200 -> 307",
        "read headers: {} -> (absent)",
        'read headers.location: (absent) -> "/x"',
    ]


def test_a_step_asked_on_one_side_only_is_a_difference() -> None:
    assert len(differing({"read": Answer(200, None)}, {})) == 1
    assert len(differing({}, {"read": Answer(200, None)})) == 1
