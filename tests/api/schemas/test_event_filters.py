"""Filters of events as the wire spells them: what they ask for, how words are read, and how time is divided."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from interlock.api.schemas.event_filters import (
    MOST_SPANS,
    PIVOT,
    EventFilter,
    Spans,
    TextFilter,
    TimeUnit,
    UnfitSpansError,
    spans,
)
from interlock.orchestration.events import EventsAsked, NamesAsked, ResourceAsked, TextAsked

NOW = datetime(2026, 3, 5, 12, 30, 15, 250, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 5, tzinfo=UTC)


def asked(**given: Any) -> EventsAsked:
    return EventFilter.model_validate(given).asked(NOW)


def test_nothing_said_means_the_last_180_days_newest_first() -> None:
    """From the beginning of a day on, until now."""
    assert asked() == EventsAsked(since=MIDNIGHT - timedelta(days=180), until=NOW)


def test_times_are_taken_in_any_offset() -> None:
    """And one without any is UTC."""
    there = timezone(timedelta(hours=2))
    times = {"since": datetime(2026, 1, 1, 2, tzinfo=there).isoformat(), "until": "2026-01-02T00:00:00"}
    found = asked(occurred=times)
    assert (found.since, found.until) == (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


def test_every_part_is_handed_on() -> None:
    """One filter of related resources, or several; labels with a pattern, or several."""
    labels = {"color": "red", "size": ["s", "!m"]}
    found = asked(
        event={"prefix": ["a"], "exclude_prefix": ["b"], "name": ["c"], "exclude_name": ["d"]},
        resource={"id": ["x"], "id_prefix": ["y"], "labels": labels, "distinct": True},
        related={"id": ["x"], "role": ["owner"], "resources_in_roles": [["x", "owner"]], "labels": {}},
        any_resource=[{"id": ["x"]}, {"id_prefix": ["y"]}],
        id={"id": ["00000000-0000-7000-A000-000000000001"]},
        text={"query": "red"},
        order="ASC",
    )
    assert found.names == NamesAsked(("a",), ("b",), ("c",), ("d",))
    assert found.resource == ResourceAsked(("x",), ("y",), labels=(("color", ("red",)), ("size", ("s", "!m"))))
    assert found.related == (ResourceAsked(("x",), (), ("owner",), (("x", "owner"),), labels=()),)
    assert found.any_resource == (ResourceAsked(("x",)), ResourceAsked((), ("y",)))
    assert found.ids == ("00000000-0000-7000-a000-000000000001",)
    assert found.text == TextAsked(any_of=("red",))
    assert (found.distinct, found.descending) == (True, False)


def test_null_asks_for_nothing() -> None:
    """As if it were left out."""
    nothing = dict.fromkeys(("event", "resource", "related", "any_resource", "text"))
    assert asked(**nothing, id={"id": None}) == asked()


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ["x"]},
        {"event": {"names": ["x"]}},
        {"related": [{"id": "x"}]},
        {"order": "UP"},
        {"id": {"id": ["x"]}},
        {"text": {"query": "x" * 201}},
        {"text": {}},
        {"occurred": {"since": "yesterday"}},
    ],
)
def test_what_is_no_filter_is_refused(wrong: dict[str, Any]) -> None:
    """Unknown fields too: whoever misspells one would be answered with all events."""
    with pytest.raises(ValidationError):
        EventFilter.model_validate(wrong)


def words(query: str) -> TextAsked:
    return TextFilter(query=query).asked()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", TextAsked()),
        ("  ", TextAsked()),
        ("Red  late", TextAsked(any_of=("red", "late"))),
        ("+red -late !big", TextAsked(all_of=("red",), none_of=("late", "big"))),
        ('"dark red" +"way out" -"x y"', TextAsked(("dark red",), ("way out",), ("x y",))),
        ('red"dark blue"big', TextAsked(any_of=("red", "dark blue", "big"))),
        (r'"say \"x\"" "a\\b" "c\d"', TextAsked(any_of=('say "x"', "a\\b", "c\\d"))),
        ('"never closed', TextAsked(any_of=("never closed",))),
        ('"never closed\\', TextAsked(any_of=("never closed\\",))),
        ('"ends so\\""', TextAsked(any_of=('ends so"',))),
        ('"two\nlines"', TextAsked(any_of=("two\nlines",))),
        ('"" " " -"" red', TextAsked(any_of=("red",))),
        ("red - late ! +", TextAsked(any_of=("red", "late"))),
        ("--x -! +-y a-b", TextAsked(("a-b",), ("-y",), ("-x", "!"))),
    ],
)
def test_words_are_read_with_their_signs_and_quotes(query: str, found: TextAsked) -> None:
    """A sign without a word means nothing; only quotes and backslashes are written with a backslash."""
    assert words(query) == found


SIGNS = {"": "any_of", "+": "all_of", "-": "none_of", "!": "none_of"}
_plain = st.text("abc.*\\", min_size=1, max_size=4)
_quoted = st.text('ab "\\-+!\n', min_size=1, max_size=5).filter(lambda x: x.strip())


def written(sign: str, word: str, quoted: bool) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'{sign}"{escaped}"' if quoted else sign + word


_terms = st.tuples(st.sampled_from(list(SIGNS)), _plain, st.just(False)) | st.tuples(
    st.sampled_from(list(SIGNS)), _quoted, st.just(True)
)


@given(st.lists(_terms, max_size=5))
def test_what_is_written_is_read(terms: list[tuple[str, str, bool]]) -> None:
    """Each word where its sign puts it, whatever stands in quotes."""
    found = words(" ".join(written(*x) for x in terms))
    for field in ("any_of", "all_of", "none_of"):
        assert getattr(found, field) == tuple(word for sign, word, _ in terms if SIGNS[sign] == field)


@given(st.text('a +-!"\\\n', max_size=12))
def test_any_query_can_be_read(query: str) -> None:
    """And no word of it is blank."""
    found = words(query)
    assert all(x.strip() for x in (*found.any_of, *found.all_of, *found.none_of))


def divided(unit: TimeUnit, interval: float, since: datetime, until: datetime, now: datetime = NOW) -> Spans:
    return spans(unit, interval, since.astimezone(UTC), until.astimezone(UTC), now)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("unit", "interval", "first", "width"),
    [
        (TimeUnit.week, 1, utc(2026, 3, 2), timedelta(days=7)),
        (TimeUnit.day, 1, utc(2026, 3, 4), timedelta(days=1)),
        (TimeUnit.hour, 1, utc(2026, 3, 4, 10), timedelta(hours=1)),
        (TimeUnit.hour, 6, utc(2026, 3, 4, 6), timedelta(hours=6)),
        (TimeUnit.minute, 15, utc(2026, 3, 4, 10, 15), timedelta(minutes=15)),
        (TimeUnit.minute, 0.5, utc(2026, 3, 4, 10, 20), timedelta(seconds=30)),
        (TimeUnit.second, 0.25, utc(2026, 3, 4, 10, 20, 5, 250_000), timedelta(milliseconds=250)),
    ],
)
def test_spans_begin_where_a_clock_shows_it(unit: TimeUnit, interval: float, first: datetime, width: timedelta) -> None:
    """Weeks on Mondays."""
    since = utc(2026, 3, 4, 10, 20, 5, 300_000)
    found = divided(unit, interval, since, since + 3 * width)
    assert (found.first, found.width) == (first, width)


_times = st.integers(0, 6 * 365 * 86_400 * 10**6).map(lambda x: utc(2020, 1, 1) + timedelta(microseconds=x))
_widths = st.sampled_from(list(TimeUnit)).flatmap(lambda x: st.tuples(st.just(x), st.floats(0.01, 50)))


@given(_times, _widths, st.integers(0, 30), st.integers(0, 999_999))
@example(PIVOT, (TimeUnit.day, 1.0), 1, 0)
def test_spans_cover_a_time_without_a_gap(
    since: datetime, unit_and_interval: tuple[TimeUnit, float], count: int, rest: int
) -> None:
    """Each begins right after the last moment of the one before; the time begins in the first and ends in the last."""
    unit, interval = unit_and_interval
    width = timedelta(**{f"{unit.value}s": 1}) * interval
    until = min(since + count * width + timedelta(microseconds=rest), NOW)
    found = list(divided(unit, interval, since, until))
    assert all(end - start == width - timedelta(microseconds=1) for start, end in found)
    assert [x for x, _ in found[1:]] == [end + timedelta(microseconds=1) for _, end in found[:-1]]
    assert (found[0][0] <= since <= found[0][1]) if found else since >= until
    assert not found or found[-1][0] < until <= found[-1][1] + timedelta(microseconds=1)
    assert not found or (found[0][0] - PIVOT) % width == timedelta(0)


@pytest.mark.parametrize(("unit", "last"), [(TimeUnit.day, utc(2026, 3, 5)), (TimeUnit.hour, utc(2026, 3, 5, 12))])
def test_no_span_begins_after_the_present_one(unit: TimeUnit, last: datetime) -> None:
    """Though the time that is asked for goes on."""
    found = list(divided(unit, 1, NOW - timedelta(days=3), NOW + timedelta(days=20)))
    assert found[-1][0] == last


def test_time_is_not_divided_into_too_many_spans() -> None:
    """Nor into such as no calendar has."""
    assert divided(TimeUnit.second, 1, NOW - timedelta(seconds=MOST_SPANS), NOW).count >= MOST_SPANS
    for unit, interval, since in (
        (TimeUnit.second, 1, NOW - timedelta(seconds=MOST_SPANS + 1)),
        (TimeUnit.week, 1_000_000, NOW - timedelta(days=1)),
        (TimeUnit.week, 1_000_000, PIVOT - timedelta(days=1)),
    ):
        with pytest.raises(UnfitSpansError):
            divided(unit, interval, since, NOW)


def test_a_time_that_ends_before_it_begins_has_no_spans() -> None:
    """It is an odd thing to ask for, but no mistake."""
    assert list(divided(TimeUnit.day, 1, NOW, NOW - timedelta(days=5))) == []
