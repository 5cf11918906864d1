"""Secret values masked and unmasked."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.storage.blocks.secret_values import MASK, masked, unmasked

KEYS = st.sampled_from(["a", "b", "c"])
LEAVES = st.sampled_from([None, 0, 1, "", "x", MASK, (), (1,)]).map(lambda x: list(x) if isinstance(x, tuple) else x)


def _objects(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(KEYS, values, max_size=3)


DATA = _objects(LEAVES | _objects(LEAVES | _objects(LEAVES)))
PATHS = st.lists(st.sampled_from(["a", "b", "a.b", "a.b.c", "a.*", "b.c.*", "*", "c.*.a"]), max_size=3)


@pytest.mark.parametrize(
    ("data", "path", "shown"),
    [
        ({"p": "hunter2", "q": 1}, "p", {"p": MASK, "q": 1}),
        ({"p": ""}, "p", {"p": MASK}),
        ({"p": 5}, "p", {"p": MASK}),
        ({"p": ["a"]}, "p", {"p": MASK}),
        ({"p": None}, "p", {"p": None}),
        ({"q": 1}, "p", {"q": 1}),
        ({"p": {"q": "x", "r": "y"}}, "p.q", {"p": {"q": MASK, "r": "y"}}),
        ({"p": {"q": "x", "r": {"s": None, "t": [1]}}}, "p.*", {"p": {"q": MASK, "r": {"s": MASK, "t": MASK}}}),
        ({"p": {}}, "p.*", {"p": MASK}),
        ({"p": {"q": {"r": 1}}, "s": 2}, "p.*.r", {"p": {"q": {"r": MASK}}, "s": 2}),
        ({"p": {"q": 1, "r": {"s": ["t"]}}, "q": 1}, "p", {"p": {"q": MASK, "r": {"s": MASK}}, "q": 1}),
        ({"p.q": "x"}, "p.q", {"p.q": "x"}),
    ],
)
def test_what_a_path_names_is_masked(data: dict[str, Any], path: str, shown: dict[str, Any]) -> None:
    assert masked(data, [path]) == shown


@given(DATA, PATHS)
def test_masking_hides_values_only(data: dict[str, Any], paths: list[str]) -> None:
    """All top-level fields are still there, and nothing is masked twice."""
    shown = masked(data, paths)
    assert list(shown) == list(data)
    assert masked(shown, paths) == shown


@given(DATA, PATHS)
def test_what_was_shown_can_be_sent_back_without_loss(data: dict[str, Any], paths: list[str]) -> None:
    """Whoever stores what they were shown changes nothing."""
    assert unmasked(masked(data, paths), data, paths) == data


def test_a_new_secret_takes_the_place_of_the_old_one() -> None:
    current = {"p": "old", "w": {"a": "old", "b": "old"}}
    new = {"p": "new", "w": {"a": MASK, "b": "new", "c": "new"}}
    assert unmasked(new, current, ["p", "w.*"]) == {"p": "new", "w": {"a": "old", "b": "new", "c": "new"}}


def test_a_mask_that_hides_nothing_is_a_value() -> None:
    assert unmasked({"p": MASK, "w": {"a": MASK}}, {}, ["p", "w.*"]) == {"p": MASK, "w": {"a": MASK}}


def test_a_mask_where_there_is_no_secret_is_a_value() -> None:
    assert unmasked({"q": MASK}, {"q": "old"}, ["p"]) == {"q": MASK}


def test_what_is_not_sent_is_not_added() -> None:
    assert unmasked({"q": 1}, {"p": "old"}, ["p"]) == {"q": 1}
