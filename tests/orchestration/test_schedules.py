# ruff: noqa: DTZ001 (what clocks show has no zone)
"""The times of schedules: what holds of them whatever is drawn, compared with the libraries' own iteration, and what
people expect around changes of the clock."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from dateutil.rrule import rrulestr
from hypothesis import example, given, settings
from hypothesis import strategies as st

from interlock.orchestration.schedules import MOST_TIMES, WrongScheduleError, times

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NEW_YORK = "America/New_York"
ZONES = ("UTC", NEW_YORK, "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo", "Africa/Cairo")
CHANGES = [
    datetime(2024, 3, 10, 7, tzinfo=UTC),  # New York
    datetime(2024, 11, 3, 6, tzinfo=UTC),
    datetime(2024, 3, 31, 1, tzinfo=UTC),  # Berlin
    datetime(2024, 10, 27, 1, tzinfo=UTC),
    datetime(2024, 4, 6, 15, tzinfo=UTC),  # Lord Howe, by half an hour
    datetime(2024, 10, 5, 15, 30, tzinfo=UTC),
    datetime(2024, 4, 25, 22, tzinfo=UTC),  # Cairo, at midnight
]
SCHEDULES_OF_DAYS = st.builds(
    lambda days, anchor, zone: interval(days * DAY, anchor, zone),
    st.integers(1, 10),
    st.datetimes(datetime(1995, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(ZONES),
)
STARTS = st.builds(
    lambda change, minutes, seconds: change + timedelta(minutes=minutes, seconds=seconds),
    st.sampled_from(CHANGES),
    st.integers(-3000, 3000),
    st.sampled_from([0, 0, 0.5, 59]),
)
CRON_LINES = st.one_of(
    st.sampled_from(["* * * * *", "*/7 * * * *", "0 * * * *", "30 1 * * *", "30 2 * * *", "0 0 * * *", "0 9 * * 1-5"]),
    st.builds("{} {} * * *".format, st.integers(0, 59), st.integers(0, 23)),
    st.builds("{} {} {} * {}".format, st.integers(0, 59), st.integers(0, 4), st.integers(1, 28), st.integers(0, 6)),
    st.builds("{} */{} * * *".format, st.integers(0, 59), st.integers(1, 6)),
)
RULES = st.builds(
    "DTSTART:{:%Y%m%dT%H%M%S}\nRRULE:FREQ={};INTERVAL={}{}".format,
    st.datetimes(datetime(2024, 1, 1), datetime(2024, 12, 1)),
    st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"]),
    st.integers(1, 5),
    st.sampled_from(
        ["", ";BYDAY=MO,WE", ";BYHOUR=1,2,3", ";COUNT=700", ";UNTIL=20241101T000000", "\nEXDATE:20241103T013000"]
    ),
)


def interval(step: timedelta, anchor: datetime, zone: str) -> dict[str, Any]:
    return {"interval": step.total_seconds(), "anchor_date": anchor.isoformat(), "timezone": zone}


def cron(line: str, zone: str = NEW_YORK) -> dict[str, Any]:
    return {"cron": line, "timezone": zone, "day_or": True}


def rule(text: str, zone: str = NEW_YORK) -> dict[str, Any]:
    return {"rrule": text, "timezone": zone}


def first(schedule: dict[str, Any], start: datetime, most: int = 20, days: int = 400) -> list[datetime]:
    return list(islice(times(schedule, start, start + days * DAY), most))


def walls(schedule: dict[str, Any], start: str, most: int) -> list[str]:
    """What clocks show at the next times after one that is given without a zone."""
    zone = ZoneInfo(schedule["timezone"])
    begin = datetime.fromisoformat(start).replace(tzinfo=zone)
    return [f"{x.astimezone(zone):%d %H:%M%z}" for x in first(schedule, begin, most)]


SCHEDULES = st.one_of(
    SCHEDULES_OF_DAYS,
    st.builds(
        lambda minutes, zone: interval(minutes * timedelta(minutes=1), CHANGES[0], zone),
        st.integers(1, 3000).filter(lambda x: x % 1440),
        st.sampled_from(ZONES),
    ),
    st.builds(cron, CRON_LINES, st.sampled_from(ZONES)),
    st.builds(rule, RULES, st.sampled_from(ZONES)),
)


@given(SCHEDULES, STARTS, st.integers(0, 60))
@settings(deadline=None)
def test_times_are_within_their_bounds_and_none_comes_twice(
    schedule: dict[str, Any], start: datetime, days: int
) -> None:
    found = list(times(schedule, start, start + days * DAY))
    assert all(start <= x <= start + days * DAY for x in found)
    assert len(set(found)) == len(found) <= MOST_TIMES
    assert all(x.tzinfo == UTC for x in found)


@given(SCHEDULES, STARTS, st.integers(1, 8))
@settings(deadline=None)
def test_it_does_not_matter_when_it_is_asked(schedule: dict[str, Any], start: datetime, after: int) -> None:
    """What was told from an earlier start on is told from a later one on: a refill finds the same runs."""
    end = start + 40 * DAY
    everything = list(islice(times(schedule, start, end), 200))
    if len(everything) <= after:
        return
    # Around a change, the times of a rule are out of order by up to an hour.
    later = max(everything[: after + 1])
    expected = sorted(x for x in everything if x >= later)
    found = sorted(islice(times(schedule, later, end), 200))
    assert found[: len(expected)] == expected


# Intervals


@given(SCHEDULES_OF_DAYS, STARTS)
@settings(deadline=None)
@example(interval(DAY, datetime(2024, 3, 8, 7, 30, tzinfo=UTC), NEW_YORK), datetime(2024, 7, 1, tzinfo=UTC))
def test_days_are_counted_one_by_one_from_the_anchor(schedule: dict[str, Any], start: datetime) -> None:
    """The jump to the start comes to where a walk comes to, skipped hours and all."""
    zone, step = ZoneInfo(schedule["timezone"]), timedelta(seconds=schedule["interval"])
    anchor = datetime.fromisoformat(schedule["anchor_date"])
    if anchor > start:
        return
    wall, walked = anchor.astimezone(zone).replace(tzinfo=None, fold=0), anchor.astimezone(UTC)
    while walked < start:
        wall += step
        walked = wall.replace(tzinfo=zone).astimezone(UTC)
        if (moved := walked.astimezone(zone).replace(tzinfo=None, fold=0)) != wall:
            wall = moved
        else:
            walked = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    assert first(schedule, start, 1) == [walked]


@given(st.integers(1, 200_000).filter(lambda x: x % 86_400), STARTS, st.integers(-400, 400), st.sampled_from(ZONES))
@settings(deadline=None)
def test_other_intervals_are_counted_evenly(seconds: int, start: datetime, days: int, zone: str) -> None:
    """Whatever clocks do: so many seconds apart, and a whole number of intervals from the anchor."""
    step, anchor = timedelta(seconds=seconds), start + days * DAY + timedelta(seconds=17)
    found = first(interval(step, anchor, zone), start, 5)
    assert all((x - anchor) % step == timedelta() for x in found)
    assert found[0] - start < step
    assert all(later - x == step for x, later in pairwise(found))


def test_a_daily_schedule_keeps_its_hour_all_year() -> None:
    nine = interval(DAY, datetime(2024, 1, 1, 14, tzinfo=UTC), NEW_YORK)
    assert walls(nine, "2024-03-09T12:00", 2) == ["10 09:00-0400", "11 09:00-0400"]
    assert walls(nine, "2024-07-01T00:00", 1) == ["01 09:00-0400"]
    assert walls(nine, "2024-11-02T12:00", 2) == ["03 09:00-0500", "04 09:00-0500"]
    assert walls(nine, "2023-07-01T00:00", 1) == ["01 09:00-0400"]


def test_an_hourly_schedule_counts_the_hour_that_comes_twice() -> None:
    hourly = interval(HOUR, datetime(2020, 1, 1, tzinfo=UTC), NEW_YORK)
    assert walls(hourly, "2024-11-03T00:00", 4) == ["03 00:00-0400", "03 01:00-0400", "03 01:00-0500", "03 02:00-0500"]


def test_an_old_anchor_costs_no_walk() -> None:
    """A walk of so many steps would take minutes."""
    ancient = interval(timedelta(seconds=1), datetime(1900, 1, 1, tzinfo=UTC), "UTC")
    assert first(ancient, CHANGES[0], 2) == [CHANGES[0], CHANGES[0] + timedelta(seconds=1)]


# Cron lines


@given(CRON_LINES, st.sampled_from(ZONES), STARTS)
@settings(deadline=None)
def test_a_cron_line_fires_when_a_clock_first_shows_its_times(line: str, zone: str, start: datetime) -> None:
    """As the library tells the times that clocks show, from two days before on; a skipped one is moved ahead."""
    end = start + 3 * DAY
    begin = start.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) - 2 * DAY
    shown = takewhile(lambda x: x < begin + 6 * DAY, islice(steps(croniter(line, begin, ret_type=datetime)), 20_000))
    expected = sorted({x.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for x in shown})
    found = list(times(cron(line, zone), start, end))
    assert found == [x for x in expected if start <= x <= end][:MOST_TIMES]


def steps(line: Any) -> Any:
    while True:
        yield line.get_next()


def test_a_cron_line_fires_once_a_day_whatever_the_clock_does() -> None:
    assert walls(cron("30 2 * * *"), "2024-03-09T12:00", 2) == ["10 03:30-0400", "11 02:30-0400"]
    assert walls(cron("30 1 * * *"), "2024-11-02T12:00", 2) == ["03 01:30-0400", "04 01:30-0500"]


def test_days_of_month_and_week_are_connected_as_is_said() -> None:
    """By "or" as cron has it, or by "and"."""
    both = cron("0 0 13 * 5", "UTC")
    assert walls(both, "2024-09-01T00:00", 3) == ["06 00:00+0000", "13 00:00+0000", "20 00:00+0000"]
    assert walls(both | {"day_or": False}, "2024-09-01T00:00", 2) == ["13 00:00+0000", "13 00:00+0000"]


def test_without_a_zone_a_cron_line_is_in_utc() -> None:
    assert first({"cron": "0 9 * * *", "timezone": None}, CHANGES[0], 1) == [datetime(2024, 3, 10, 9, tzinfo=UTC)]


# Recurrence rules


@given(RULES, st.sampled_from(ZONES), STARTS)
@settings(deadline=None)
def test_a_rule_fires_when_the_library_says(text: str, zone: str, start: datetime) -> None:
    """Walked from its beginning, without a jump; a skipped time is moved back."""
    walked = takewhile(lambda x: x < datetime(2025, 6, 1), rrulestr(text))
    expected = [moved_back(x, ZoneInfo(zone)) for x in walked]
    end = datetime(2025, 5, 1, tzinfo=UTC)
    found = list(times(rule(text, zone), start, end))
    assert found[:300] == list(dict.fromkeys(x for x in expected if start <= x <= end))[:300]


def moved_back(wall: datetime, zone: ZoneInfo) -> datetime:
    moments = [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    return next((x for x in moments if x.astimezone(zone).replace(tzinfo=None, fold=0) == wall), moments[1])


def test_a_rule_begins_in_2020_where_it_does_not_say_when() -> None:
    assert walls(rule("FREQ=YEARLY"), "2018-06-01T00:00", 1) == []
    assert walls(rule("FREQ=YEARLY"), "2019-06-01T00:00", 1) == ["01 00:00-0500"]


def test_a_rule_ends_and_leaves_out_what_it_says() -> None:
    ends = rule("DTSTART:20240101T090000\nRRULE:FREQ=DAILY;UNTIL=20240103T090000")
    assert walls(ends, "2024-01-02T00:00", 9) == ["02 09:00-0500", "03 09:00-0500"]
    without = rule("DTSTART:20240101T090000\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20240102T090000\nRDATE:20240105T100000")
    assert walls(without, "2024-01-01T00:00", 9) == ["01 09:00-0500", "03 09:00-0500", "05 10:00-0500"]
    less = rule("DTSTART:20240101T090000\nRRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY;BYDAY=TU,WE")
    assert walls(less, "2024-01-01T00:00", 3) == ["01 09:00-0500", "04 09:00-0500", "05 09:00-0500"]


def test_the_zone_of_a_rule_is_that_of_its_schedule() -> None:
    """Whatever zone is named with its beginning."""
    named = rule("DTSTART;TZID=Europe/Berlin:20240101T090000\nRRULE:FREQ=DAILY")
    assert walls(named, "2024-01-02T00:00", 1) == ["02 09:00-0500"]


def test_a_rule_of_seconds_that_began_long_ago_costs_no_walk() -> None:
    everything = rule("DTSTART:19700101T000000\nRRULE:FREQ=SECONDLY\nEXDATE:20240310T000001", "UTC")
    assert walls(everything, "2024-03-10T00:00", 2) == ["10 00:00+0000"] * 2


# Limits


@pytest.mark.parametrize(
    "schedule",
    [interval(timedelta(seconds=1), CHANGES[0], "UTC"), cron("* * * * * *", "UTC"), rule("FREQ=SECONDLY", "UTC")],
)
def test_no_more_are_told_than_the_published_servers_tell(schedule: dict[str, Any]) -> None:
    assert sum(1 for _ in times(schedule, CHANGES[0], CHANGES[0] + DAY)) == MOST_TIMES


@pytest.mark.parametrize(
    "schedule",
    [
        cron("0 0 30 2 *"),
        rule("FREQ=NEVER"),
        rule("DTSTART:19700101T000000\nRRULE:FREQ=SECONDLY;COUNT=2000000000"),
        interval(DAY, CHANGES[0], "Nowhere/Nothing"),
        {"cron": "* * * *", "timezone": "UTC"},
        {},
    ],
)
def test_a_wrong_schedule_is_told_as_such(schedule: dict[str, Any]) -> None:
    with pytest.raises(WrongScheduleError):
        first(schedule, CHANGES[0], 1)
