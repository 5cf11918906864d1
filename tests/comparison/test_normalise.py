"""Normalising hides what differs between two replays, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.comparison.model import JSON
from tests.comparison.normalise import Names, Window

START = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
KNOWN, OTHER, ANOTHER = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "abc")


@pytest.fixture
def names() -> Names:
    """A case in which `first` took from 0 to 10 ms and `second` from 20 to 30 ms."""
    windows = [_window("first", 0, 10), _window("second", 20, 30)]
    return Names(start=START, unique="u0123456789", ids={KNOWN: "first"}, windows=windows)


def _window(step: str, sent: int, received: int) -> Window:
    return Window(step, START + timedelta(milliseconds=sent), START + timedelta(milliseconds=received))


def _text(milliseconds: float, **more: float) -> str:
    return (START + timedelta(milliseconds=milliseconds, **more)).isoformat()


def test_an_id_is_named_after_its_step_and_others_are_numbered_as_they_appear(names: Names) -> None:
    assert names.answer([KNOWN, OTHER, ANOTHER, OTHER]) == ["{first}", "{id1}", "{id2}", "{id1}"]


def test_an_id_written_out_in_a_request_stays(names: Names) -> None:
    names.sent_texts.add(OTHER)
    assert names.answer(OTHER) == OTHER


def test_a_moment_is_told_by_the_step_that_made_it(names: Names) -> None:
    assert names.answer([_text(5), _text(25), _text(25, seconds=600)]) == ["@first", "@second", "@second+600"]


def test_a_moment_that_no_step_made_stays(names: Names) -> None:
    between = _text(15)
    assert names.answer(between) == between


def test_a_moment_of_the_request_is_told_from_one_a_microsecond_later(names: Names) -> None:
    names.moments[START + timedelta(hours=1)] = "now+3600"
    later = _text(0, hours=1, microseconds=1)
    assert names.answer([_text(0, hours=1), later]) == ["now+3600", "@first+3600"]


def test_another_offset_or_precision_shows(names: Names) -> None:
    names.moments[START] = "now"
    milliseconds = "2026-03-01T12:00:00.250+00:00"
    assert names.answer(["2026-03-01T14:00:00.250000+02:00", milliseconds]) == ["now+02:00", milliseconds]


@pytest.mark.parametrize(
    ("key", "value", "normal"),
    [
        ("total_run_time", 0.0, 0.0),
        ("total_run_time", 0.02, "0+elapsed"),
        ("estimated_start_time_delta", 600.02, "600+elapsed"),
        ("estimated_start_time_delta", 650.0, 650.0),
        ("total_run_time", 0, 0),
        ("delay_seconds", 30, 30),
        ("delay_seconds", 600, "~600"),
        ("delay_seconds", 599, "~600"),
        ("delay_seconds", 590, 590),
        ("name", "brave-otter", "<slug>"),
        ("name", "Brave-Otter", "Brave-Otter"),
        ("label", "brave-otter", "brave-otter"),
    ],
)
def test_only_what_time_and_chance_decide_is_replaced(names: Names, key: str, value: JSON, normal: JSON) -> None:
    answer = names.answer({key: value})[key]
    assert (answer, type(answer)) == (normal, type(normal))


def test_a_name_that_was_sent_is_no_slug(names: Names) -> None:
    names.sent_texts.add("brave-otter")
    assert names.answer({"name": "brave-otter"}) == {"name": "brave-otter"}


def test_a_list_left_to_chance_has_one_order_and_one_numbering(names: Names) -> None:
    rows = [{"id": OTHER, "name": "x"}, {"id": ANOTHER, "name": "a"}]
    expected = [{"id": "{id1}", "name": "a"}, {"id": "{id2}", "name": "x"}]
    assert names.answer(rows, unordered=True) == expected
