"""When a schedule fires: every so often, by a cron line, or by an iCalendar rule.

What lives here: the times of a schedule as deployments keep it. What does not: what counts as a schedule (api/schemas/
schedules.py), and which of its times become runs, when (scheduling.py). The libraries that know are loaded at their
first use: loading them takes a tenth of the server's start.

Times are those of the published servers. Where the two lines differ, they are 3.9.1's, which mended what 2.20 got
wrong: 2.20 counts days from the anchor as 24 hours each, so that a daily schedule moves by an hour with daylight saving
time once its anchor lies behind a change; and it takes the second of two equal clock times for a cron line, of which
its own documentation promises the first.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import count, islice
from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

MOST_TIMES = 1_002
"""So many are given at most, however many are asked for: the published servers look at 1,000 more after the first, and
then notice that these were enough."""

MOST_LOOKED_AT = 1_000_000
"""So many dates of a recurrence rule are passed on the way to the first one that is asked for, some seconds' work."""

DEFAULT_DTSTART = datetime(2020, 1, 1)  # noqa: DTZ001 (rules know no zone)
"""When a recurrence rule begins that does not say so."""

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


class WrongScheduleError(Exception):
    """A schedule that no times can be told of."""


def times(schedule: Mapping[str, Any], start: datetime, end: datetime) -> Iterator[datetime]:
    """The times of a schedule from `start` to `end`, both aware and included: each once, in UTC, and in their order but
    for those of a recurrence rule around a change of the clock.

    Raises WrongScheduleError, also on the way.
    """
    try:
        every = _every(schedule, zone_of(schedule), start.astimezone(UTC), end)
        yield from islice(_until(every, start, end), MOST_TIMES)
    except (ValueError, TypeError, AttributeError, KeyError, ArithmeticError) as error:
        raise WrongScheduleError(f"{type(error).__name__}: {error}") from error


def zone_of(schedule: Mapping[str, Any]) -> ZoneInfo:
    """The time zone of a schedule."""
    return ZoneInfo(schedule.get("timezone") or "UTC")


def _every(schedule: Mapping[str, Any], zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """The moments of a schedule, from `start` or before."""
    if "interval" in schedule:
        interval, anchor = timedelta(seconds=schedule["interval"]), datetime.fromisoformat(schedule["anchor_date"])
        if interval % DAY or zone.key == "UTC":
            return _evenly(anchor.astimezone(UTC), interval, start)
        return _by_days(anchor, interval, zone, start)
    if "cron" in schedule:
        return _in_order(_cron_walls(schedule, zone, start), zone)
    return (_of_a_rule(x, zone) for x in _rule_walls(schedule["rrule"], zone, start, end))


def _until(every: Iterable[datetime], start: datetime, end: datetime) -> Iterator[datetime]:
    """Those from `start` to `end`, each once."""
    seen: set[datetime] = set()
    for moment in every:
        if moment > end:
            return
        if moment >= start and moment not in seen:
            seen.add(moment)
            yield moment


# Clocks


class _Change(NamedTuple):
    """Clock times that are skipped when a clock is set ahead, or repeated when it is set back: from `begin` on and
    before `end`, without a zone."""

    begin: datetime
    end: datetime
    skips: bool

    @property
    def size(self) -> timedelta:
        return self.end - self.begin


@lru_cache(maxsize=4096)
def _changes(zone: ZoneInfo, year: int) -> tuple[_Change, ...]:
    """The changes of the clock in a year, by UTC. What a zone will do is known by asking it day by day."""
    midnights = (datetime(year, 1, 1, tzinfo=UTC) + day * DAY for day in range(367))
    found = []
    before = next(midnights)
    for after in midnights:
        if _offset(before, zone) != _offset(after, zone):
            found.append(_change_between(before, after, zone))
        before = after
    return tuple(found)


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> _Change:
    was, is_now = _offset(before, zone), _offset(after, zone)
    while after - before > SECOND:
        middle = before + (after - before) // 2
        before, after = (middle, after) if _offset(middle, zone) == was else (before, middle)
    moment = after.replace(microsecond=0, tzinfo=None)
    return _Change(moment + min(was, is_now), moment + max(was, is_now), is_now > was)


def _offset(moment: datetime, zone: tzinfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    """What a clock in the zone shows."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _first(wall: datetime, zone: tzinfo) -> datetime:
    """When a clock first shows this; a time that is skipped is moved ahead by as much as the clock."""
    return wall.replace(tzinfo=zone).astimezone(UTC)


def _last(wall: datetime, zone: tzinfo) -> datetime:
    """When a clock last shows this; a time that is skipped is moved back by as much as the clock goes ahead."""
    return wall.replace(tzinfo=zone, fold=1).astimezone(UTC)


# Intervals


def _evenly(anchor: datetime, interval: timedelta, start: datetime) -> Iterator[datetime]:
    """Whatever clocks do. So are intervals of days and hours, as 36 hours, counted too: the published servers keep the
    clock's hour from where they happen to begin, and so name other times of the same schedule a day later."""
    first = -((anchor - start) // interval)
    return (anchor + number * interval for number in count(first))


def _by_days(anchor: datetime, interval: timedelta, zone: ZoneInfo, start: datetime) -> Iterator[datetime]:
    """At the clock time of the anchor, of two equal ones the second. A time that is skipped is moved ahead, and so are
    all after it: the published servers go on from there."""
    wall = _wall(anchor, zone)
    back = max(-((start - anchor) // interval), 0)
    yield from (_last_or_moved(wall - number * interval, zone) for number in range(back + 1, 0, -1))
    if anchor >= start:
        yield anchor.astimezone(UTC)
    else:
        wall = _moved_along(wall, interval, zone, _wall(start, zone) - DAY)
    while True:
        wall += interval
        moment = _last_or_moved(wall, zone)
        wall = _wall(moment, zone)
        yield moment


def _last_or_moved(wall: datetime, zone: ZoneInfo) -> datetime:
    first = _first(wall, zone)
    return _last(wall, zone) if _wall(first, zone) == wall else first


def _moved_along(wall: datetime, interval: timedelta, zone: ZoneInfo, near: datetime) -> datetime:
    """The last clock time of a series before `near`, without going through all: only skipped times change it."""
    for year in range(max(wall.year - 1, 1), near.year + 1):
        for change in _changes(zone, year):
            if change.skips and change.end <= near:
                wall = _moved_by(change, wall, interval)
    return wall + max((near - wall) // interval, 0) * interval


def _moved_by(change: _Change, wall: datetime, interval: timedelta) -> datetime:
    """The series from the skipped time on that it meets, if it meets one."""
    ahead = -((wall - change.begin) // interval)
    met = wall + ahead * interval
    return met + change.size if ahead > 0 and met < change.end else wall


# Cron lines


def _cron_walls(schedule: Mapping[str, Any], zone: ZoneInfo, start: datetime) -> Iterator[datetime]:
    """The clock times of a cron line, from the first one on that may not be before `start`."""
    from croniter import croniter

    begin = _first_wall(start, zone)
    line = croniter(schedule["cron"], begin - SECOND, ret_type=datetime, day_or=schedule.get("day_or", True))
    while True:
        yield line.get_next()


def _first_wall(start: datetime, zone: ZoneInfo) -> datetime:
    """Just after clocks were set ahead, skipped times are moved to; while they show a time again, it is none."""
    wall, is_again = _wall(start, zone), start.astimezone(zone).fold == 1
    for change in _changes(zone, start.year):
        if change.skips and change.end <= wall < change.end + change.size:
            return wall - change.size
        if is_again and not change.skips and change.begin <= wall < change.end:
            return change.end
    return wall


def _in_order(walls: Iterable[datetime], zone: ZoneInfo) -> Iterator[datetime]:
    """When clocks first show these times. One that is skipped, and so moved ahead, waits for those it moved past."""
    moved: list[datetime] = []
    for wall in walls:
        moment = _first(wall, zone)
        if _wall(moment, zone) != wall:
            heapq.heappush(moved, moment)
            continue
        while moved and moved[0] <= moment:
            yield heapq.heappop(moved)
        yield moment


# Recurrence rules


def _rule_walls(text: str, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """The clock times of a rule, from about `start` to well after `end`. Zones that it names count for nothing: its
    schedule's does."""
    from dateutil.rrule import rruleset, rrulestr

    near, far, no_zone = _wall(start, zone), _wall(end, zone) + DAY, cast("Any", lambda _: None)
    found: Any = rrulestr(text, dtstart=DEFAULT_DTSTART, ignoretz=True, tzids=no_zone)
    if isinstance(found, rruleset):
        # There is no other way to tell what a set is made of.
        parts: Any = found
        parts._rrule = [_between(x, near, far) for x in parts._rrule]
        parts._exrule = [_between(x, near, far) for x in parts._exrule]
        parts._rdate = [x for x in parts._rdate if near <= x <= far]
    else:
        found = _between(found, near, far)
    for number, wall in enumerate(found):
        if number > MOST_LOOKED_AT:
            raise ValueError(f"more than {MOST_LOOKED_AT:,} dates before {start.isoformat()}")
        if wall >= near:
            yield wall


def _between(rule: Any, near: datetime, far: datetime) -> Any:
    """A rule that gives the same dates from `near` to `far`, and does not go through all before or after.

    What is counted has to be gone through. Months and years are of unequal length, and few.
    """
    from dateutil.rrule import DAILY, HOURLY, MINUTELY, SECONDLY, WEEKLY

    if rule._count is not None:
        return rule
    until = far if rule._until is None else min(rule._until, far)
    lengths = {WEEKLY: 7 * DAY, DAILY: DAY, HOURLY: DAY / 24, MINUTELY: DAY / 1440, SECONDLY: SECOND}
    begin = rule._dtstart
    if rule._freq in lengths:
        step = rule._interval * lengths[rule._freq]
        begin += max((near - begin) // step, 0) * step
    return rule.replace(dtstart=begin, until=until)


def _of_a_rule(wall: datetime, zone: ZoneInfo) -> datetime:
    """When a clock first shows this; a time that is skipped is moved back, as the library of rules has it."""
    first = _first(wall, zone)
    return first if _wall(first, zone) == wall else _last(wall, zone)
