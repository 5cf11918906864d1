"""Sums over runs: by interval of time, by state, and over all.

What lives here: the statements behind histories, lateness and the dashboard's counts. What does not: plain counts
(runs_filter.py).

A run falls into the interval of the time when it is, or was, expected to start.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import (
    CTE,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Table,
    and_,
    case,
    func,
    literal,
    select,
)

from interlock.orchestration.states import TERMINAL_TYPES, StateType
from interlock.storage import sums as run_sums
from interlock.storage.expressions import greatest, json_list, microseconds_after, microseconds_between, minute_of
from interlock.storage.filters import EVERYTHING, AnyOf, Criterion, condition
from interlock.storage.tables import flow_runs, task_runs
from interlock.storage.types import MICROSECOND, UtcTime

MICROSECONDS = 1_000_000
FEW_STATES = 20
"""Up to this many, summing up each state by itself is the quicker way. Clients may give their states any name."""

MINUTE = timedelta(minutes=1)
MANY_MINUTES = 5 * MINUTE
"""From this width of an interval on, most of its minutes are whole ones."""

FAILED_TYPES = (StateType.FAILED, StateType.CRASHED)


class Grid(msgspec.Struct, frozen=True):
    """`intervals` of the same width, one after another from `start` on; each begins with its first moment."""

    start: datetime
    width: timedelta
    intervals: int

    def bounds(self, interval: int) -> tuple[datetime, datetime]:
        """When an interval begins, and when the one after it does."""
        return self.start + interval * self.width, self.start + (interval + 1) * self.width

    def holds(self, time: Column[datetime]) -> ColumnElement[bool]:
        """Whether a time is in any of the intervals."""
        return and_(time >= self.start, time < self.end)

    @property
    def end(self) -> datetime:
        """When the last interval ends."""
        return self.start + self.intervals * self.width

    def numbers(self, count: int) -> CTE:
        """The numbers of so many intervals, as a table with the column `interval`."""
        numbers = select(literal(0).label("interval")).cte("numbers", recursive=True)
        following = numbers.c.interval + 1
        return numbers.union_all(select(following).where(following < count))

    def begin_of(self, interval: ColumnElement[int]) -> ColumnElement[datetime]:
        """When the interval of this number begins."""
        width = literal(self.width // MICROSECOND, BigInteger())
        return microseconds_after(literal(self.start, UtcTime()), interval * width)

    def holds_in(self, interval: ColumnElement[int], time: Column[datetime]) -> ColumnElement[bool]:
        """Whether a time is in the interval of this number."""
        return and_(time >= self.begin_of(interval), time < self.begin_of(interval + 1))

    def interval_of(self, time: ColumnElement[datetime]) -> ColumnElement[int]:
        """The number of the interval that a time is in, which it must be."""
        return microseconds_between(literal(self.start, UtcTime()), time) // (self.width // MICROSECOND)


class StateSums(msgspec.Struct, frozen=True):
    """The runs of an interval that are in states of a type and name, with their estimated times in seconds."""

    state_type: StateType
    state_name: str
    runs: int
    run_time: float
    lateness: float

    def and_also(self, others: "StateSums") -> "StateSums":
        """With other runs in the same state."""
        runs, run_time = self.runs + others.runs, self.run_time + others.run_time
        return StateSums(self.state_type, self.state_name, runs, run_time, self.lateness + others.lateness)


def history(
    conn: Connection, table: Table, criterion: Criterion, grid: Grid, now: datetime
) -> Mapping[int, Sequence[StateSums]]:
    """The sums of every interval that has runs, ordered by state."""
    states = list(islice(_states(conn, table, _whole_types(criterion)), FEW_STATES + 1))
    sums: Iterable[tuple[int, StateSums]]
    if states and len(states) <= FEW_STATES:
        sums = _of_states(conn, table, grid, now, states)
    else:
        sums = _of_all_states(conn, table, criterion, grid, now)
    found: dict[int, dict[tuple[str, str], StateSums]] = defaultdict(dict)
    for interval, of_state in sums:
        state = _by_state(of_state)
        before = found[interval].get(state)
        found[interval][state] = of_state if before is None else before.and_also(of_state)
    return {interval: [x[state] for state in sorted(x)] for interval, x in found.items()}


def _whole_types(criterion: Criterion) -> tuple[str, ...]:
    """The types of state of which all runs are asked for, and no others; none where more is asked of them."""
    if criterion == EVERYTHING:
        return tuple(x.value for x in StateType)
    return criterion.values if isinstance(criterion, AnyOf) and criterion.column == "state_type" else ()


def _of_states(
    conn: Connection, table: Table, grid: Grid, now: datetime, states: Sequence[tuple[str, str]]
) -> Iterator[tuple[int, StateSums]]:
    """Of all runs in states of these types, in parts that add up: from the sums of minutes where the intervals have
    room for many."""
    by_minutes = grid.width >= MANY_MINUTES
    if by_minutes:
        yield from _of_whole_minutes(conn, table, grid, {x for x, _ in states})
    for state in states:
        if by_minutes and state[0] in TERMINAL_TYPES:
            yield from _of_edges(conn, table, grid, now, *state)
        else:
            yield from _of_state(conn, table, grid, now, *state)


def _of_all_states(
    conn: Connection, table: Table, criterion: Criterion, grid: Grid, now: datetime
) -> Iterator[tuple[int, StateSums]]:
    """One pass over all runs that are asked for."""
    interval = grid.interval_of(table.c.expected_start_time).label("interval")
    state = (table.c.state_type, table.c.state_name)
    running = func.sum(case((table.c.state_type == StateType.RUNNING.value, _running(table, now)), else_=0))
    sums = select(interval, *state, *_sums(table, running, _start_by(table, now))).group_by("interval", *state)
    known = table.c.state_type.is_not(None)
    wanted = sums.where(known, grid.holds(table.c.expected_start_time), condition(table, criterion))
    for number, *of_state in conn.execute(wanted):
        yield number, _state_sums(*of_state)


def _of_state(
    conn: Connection, table: Table, grid: Grid, now: datetime, state_type: str, state_name: str
) -> Iterator[tuple[int, StateSums]]:
    """All runs that are in a state of this type and name: interval after interval of a stretch of an index, which has
    all that is added up.

    100,000 runs in 96 intervals take 20 ms so. One pass that groups them takes 66 ms, as it sorts them by the texts of
    their states, and a grouping pass for each state takes 40 ms.
    """
    numbers = grid.numbers(grid.intervals)
    within = grid.holds_in(numbers.c.interval, table.c.expected_start_time)
    of_interval = _in_stretch(table, now, state_type, state_name, within)
    for number, text in conn.execute(select(numbers.c.interval, of_interval)):
        yield from _told(number, state_type, state_name, text)


def _of_whole_minutes(
    conn: Connection, table: Table, grid: Grid, types: Collection[str]
) -> Iterator[tuple[int, StateSums]]:
    """Runs that have ended in these types of state and were expected to start in a minute that is in one interval as a
    whole."""
    minutes = run_sums.ended(table, grid.start, grid.end)
    interval = grid.interval_of(minutes.c.minute)
    last = grid.interval_of(microseconds_after(minutes.c.minute, literal(MINUTE // MICROSECOND - 1, BigInteger())))
    sums = [func.sum(minutes.c[x]) for x in ("runs", "run_time", "lateness")]
    keys = (interval.label("interval"), minutes.c.state_type, minutes.c.state_name)
    whole = and_(interval == last, minutes.c.state_type.in_(types))
    wanted = select(*keys, *sums).where(whole).group_by("interval", *keys[1:])
    for number, state_type, state_name, runs, run_time, lateness in conn.execute(wanted):
        if runs and number < grid.intervals:
            yield number, _state_sums(state_type, state_name, int(runs), run_time, 0, lateness)


def _of_edges(
    conn: Connection, table: Table, grid: Grid, now: datetime, state_type: str, state_name: str
) -> Iterator[tuple[int, StateSums]]:
    """Runs of a state that were expected to start in a minute in which an interval ends and the next begins."""
    numbers = grid.numbers(grid.intervals + 1)
    edge = grid.begin_of(numbers.c.interval)
    minute = minute_of(edge)
    expected = table.c.expected_start_time
    until_next = microseconds_after(minute, literal(MINUTE // MICROSECOND, BigInteger()))
    before = _in_stretch(table, now, state_type, state_name, and_(expected >= minute, expected < edge))
    after = _in_stretch(table, now, state_type, state_name, and_(expected >= edge, expected < until_next))
    # Where a minute begins with the interval, all of it is in there.
    edges = select(numbers.c.interval, before, after).where(edge != minute)
    for number, of_last, of_next in conn.execute(edges):
        if number > 0:
            yield from _told(number - 1, state_type, state_name, of_last)
        if number < grid.intervals:
            yield from _told(number, state_type, state_name, of_next)


def _in_stretch(
    table: Table, now: datetime, state_type: str, state_name: str, within: ColumnElement[bool]
) -> ScalarSelect[str]:
    """The sums of the runs of a state within a stretch of time, as the text of a JSON list."""
    running = func.sum(_running(table, now)) if state_type == StateType.RUNNING else literal(0)
    start = table.c.start_time if state_type in TERMINAL_TYPES else _start_by_now(table, now)
    of_state = table.c.state_type == state_type, table.c.state_name == state_name
    return select(json_list(*_sums(table, running, start))).where(*of_state, within).scalar_subquery()


def _told(interval: int, state_type: str, state_name: str, text: str) -> Iterator[tuple[int, StateSums]]:
    runs, *sums = msgspec.json.decode(text)
    if runs:
        yield interval, _state_sums(state_type, state_name, runs, *sums)


def _states(conn: Connection, table: Table, types: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The names of the states of these types that runs are in: each found from the one before it, without a pass."""
    for state_type in dict.fromkeys(types):
        first = select(func.min(table.c.state_name)).where(table.c.state_type == state_type)
        name = conn.execute(first).scalar()
        while name is not None:
            yield state_type, name
            name = conn.execute(first.where(table.c.state_name > name)).scalar()


def _sums(table: Table, running: ColumnElement[int], start: ColumnElement[datetime]) -> Iterable[ColumnElement[Any]]:
    """How many runs, how many seconds they ran before, and how many microseconds they run by now and were late."""
    return func.count(), func.sum(table.c.total_run_time), running, func.sum(_lateness(table, start))


def _running(table: Table, now: datetime) -> ColumnElement[int]:
    """For how long a run has been in its state."""
    return greatest(microseconds_between(table.c.state_timestamp, literal(now, UtcTime())), 0)


def _lateness(table: Table, start: ColumnElement[datetime]) -> ColumnElement[int]:
    """How late a run started; NULL where it did not."""
    return greatest(microseconds_between(table.c.expected_start_time, start), 0)


def _start_by_now(table: Table, now: datetime) -> ColumnElement[datetime]:
    """When a run started, taking one that is still to start as started now."""
    return func.coalesce(table.c.start_time, literal(now, UtcTime()))


def _start_by(table: Table, now: datetime) -> ColumnElement[datetime]:
    """As _start_by_now, but NULL for a run that will never start."""
    is_over = table.c.state_type.in_([x.value for x in TERMINAL_TYPES])
    return case((is_over, table.c.start_time), else_=_start_by_now(table, now))


def _state_sums(
    state_type: str, state_name: str, runs: int, ran: float, running: int, lateness: int | None
) -> StateSums:
    # PostgreSQL sums integers up to a decimal.
    run_time = ran + int(running) / MICROSECONDS
    return StateSums(StateType(state_type), state_name, runs, run_time, int(lateness or 0) / MICROSECONDS)


def _by_state(sums: StateSums) -> tuple[str, str]:
    return sums.state_type.value, sums.state_name


def average_lateness(conn: Connection, criterion: Criterion, now: datetime) -> float | None:
    """How late flow runs were on average, in seconds; None where there are none."""
    lateness = func.coalesce(_lateness(flow_runs, _start_by(flow_runs, now)), 0)
    average = conn.execute(select(func.avg(lateness)).where(condition(flow_runs, criterion))).scalar()
    return None if average is None else float(average) / MICROSECONDS


def outcomes(
    conn: Connection, criterion: Criterion, start: datetime, end: datetime, parts: int
) -> Sequence[Row[int, int, int]]:
    """Task runs that started between the two times, by equal parts of the time between them.

    Each row is the number of a part, how many runs of it failed or crashed, and how many there are. Parts without runs
    are left out.
    """
    started = task_runs.c.start_time
    part = microseconds_between(literal(start, UtcTime()), started) * parts // ((end - start) // MICROSECOND)
    part = part.label("part")
    failed = case((task_runs.c.state_type.in_([x.value for x in FAILED_TYPES]), 1), else_=0)
    statement = select(part, func.sum(failed), func.count()).where(
        started >= start, started < end, condition(task_runs, criterion)
    )
    return conn.execute(statement.group_by("part")).all()
