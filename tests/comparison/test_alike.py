"""Two pages of records are alike where they differ by nothing but what an order leaves to chance."""

from __future__ import annotations

from typing import Any

from tests.comparison.alike import unlike
from tests.comparison.drawn_requests import Asked
from tests.comparison.replay import Answer

A, OTHER_A, B, C = ({"id": id, "name": name} for id, name in (("1", "a"), ("2", "a"), ("3", "b"), ("4", "c")))


def alike(asked: Asked, expected: list[Any], actual: list[Any]) -> bool:
    return not unlike(asked, Answer(200, expected), Answer(200, actual), {})


def by_name(skips: int = 0, fills: int = 10) -> Asked:
    return Asked("/", order=("name",), skips=skips, fills=fills)


def test_equals_may_be_in_any_order() -> None:
    assert alike(by_name(), [A, OTHER_A, B], [OTHER_A, A, B])


def test_others_may_not() -> None:
    assert not alike(by_name(), [A, B], [B, A])


def test_records_of_the_same_order_must_be_the_same() -> None:
    assert not alike(by_name(), [A, B], [OTHER_A, B])
    assert not alike(by_name(), [A, B], [A, B | {"more": 1}])


def test_which_of_several_equals_comes_first_or_last_on_a_page_is_chance() -> None:
    assert alike(by_name(fills=2), [B, A], [B, OTHER_A])
    assert alike(by_name(skips=1), [A, B, C], [OTHER_A, B, C])
    assert not alike(by_name(skips=1), [A, B, C], [A, B | {"more": 1}, C])


def test_without_an_order_all_records_are_there_or_as_many() -> None:
    assert alike(Asked("/", fills=10), [A, B], [B, A])
    assert not alike(Asked("/", fills=10), [A, B], [A, C])
    assert alike(Asked("/", fills=2), [A, B], [A, C])
    assert not alike(Asked("/", fills=2), [A, B], [A])


def test_what_is_ordered_by_a_time_that_is_not_told_is_looked_up() -> None:
    records = {"1": {"end_time": "x"}, "2": {"end_time": "x"}, "3": {"end_time": "y"}}
    asked = Asked("/", order=("end_time",), fills=10)
    assert not unlike(asked, Answer(200, [A, OTHER_A, B]), Answer(200, [OTHER_A, A, B]), records)
    assert unlike(asked, Answer(200, [A, OTHER_A, B]), Answer(200, [A, B, OTHER_A]), records)


def test_where_the_peer_is_known_to_fail_anything_else_will_do() -> None:
    known, other = Asked("/flow_runs/x/graph"), Asked("/flows/count", {})
    assert not unlike(known, Answer(500, None), Answer(200, []), {})
    assert unlike(known, Answer(500, None), Answer(500, None), {})
    assert unlike(other, Answer(500, None), Answer(200, 1), {})
