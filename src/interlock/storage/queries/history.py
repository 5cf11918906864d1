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
    FromClause,
    Row,
    ScalarSelect,
    Select,
    Table,
    and_,
    case,
    func,
    literal,
    select,
    true,
    union_all,
)

from interlock.orchestration.states import TERMINAL_TYPES, StateType
from interlock.storage import sums as run_sums
from interlock.storage import tag_sums
from interlock.storage.expressions import at_least_zero, json_list, microseconds_after, microseconds_between, minute_of
from interlock.storage.filters import ALL_TYPES, EVERYTHING, AnyOf, Criterion, HasAllTags, by_tag, condition
from interlock.storage.queries.runs_filter import count_to, finding_tags
from interlock.storage.tables import flow_runs, task_runs
from interlock.storage.tags import is_told_whole, runs_with
from interlock.storage.types import MICROSECOND, Text, UtcTime

MICROSECONDS = 1_000_000
FEW_STATES = 20
"""Up to this many, summing up each state by itself is the quicker way. Clients may give their states any name."""

MINUTE = timedelta(minutes=1)
HALF_MINUTE = MINUTE / 2
MANY_MINUTES = 5 * MINUTE
"""From this width of an interval on, most of its minutes are whole ones."""

FEW_TAGGED = 50_000
"""Up to this many runs with a tag are looked at one by one: quicker than telling which runs at the edges have it."""

MANY_TAGGED = 2_000_000
"""More runs with a tag than these are not counted: whatever they are found by, the answer takes seconds."""

FAILED_TYPES = (StateType.FAILED, StateType.CRASHED)


State = tuple[str, str]
"""Its type and name."""


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

    def negative(self) -> "StateSums":
        """What takes these runs away again."""
        return StateSums(self.state_type, self.state_name, -self.runs, -self.run_time, -self.lateness)


class _Summed(msgspec.Struct, frozen=True):
    """What is added up state by state: all runs of the table, or the task runs with a tag, as they are `now`."""

    table: Table
    tag: str | None
    grid: Grid
    now: datetime

    def ended(self, start: datetime, end: datetime) -> FromClause:
        """The sums of those that have ended, of the minutes that begin within these times."""
        return run_sums.ended(self.table, start, end) if self.tag is None else tag_sums.ended(self.tag, start, end)

    def has_tag(self) -> ColumnElement[bool]:
        """Whether a run of the table is among them."""
        return true() if self.tag is None else condition(self.table, HasAllTags((self.tag,)))


def history(
    conn: Connection, table: Table, criterion: Criterion, grid: Grid, now: datetime
) -> Mapping[int, Sequence[StateSums]]:
    """The sums of every interval that has runs, ordered by state."""
    tag = _summed_up_tag(conn, table, criterion, grid)
    types = _whole_types(criterion) if tag is None else sorted(ALL_TYPES)
    states = list(islice(_states(conn, table, types), FEW_STATES + 1))
    parts: Iterable[tuple[int, StateSums]]
    if states and len(states) <= FEW_STATES:
        parts = _of_states(conn, _Summed(table, tag, grid, now), states)
    else:
        parts = _of_all_states(conn, table, _found_by_tag(conn, table, criterion, grid), grid, now)
    return _added_up(parts, grid)


def _added_up(parts: Iterable[tuple[int, StateSums]], grid: Grid) -> Mapping[int, Sequence[StateSums]]:
    found: dict[int, dict[tuple[str, str], StateSums]] = defaultdict(dict)
    for interval, part in parts:
        state = _by_state(part)
        before = found[interval].get(state)
        found[interval][state] = part if before is None else before.and_also(part)
    sums = {interval: [x[state] for state in sorted(x) if x[state].runs] for interval, x in found.items()}
    return {interval: x for interval, x in sums.items() if x and 0 <= interval < grid.intervals}


def _summed_up_tag(conn: Connection, table: Table, criterion: Criterion, grid: Grid) -> str | None:
    """The tag, where all task runs with it are asked for and nothing else, and its sums are the quickest way."""
    if table is not task_runs or grid.width < MANY_MINUTES:
        return None
    if not isinstance(criterion, HasAllTags) or len(criterion.tags) != 1 or not is_told_whole(criterion.tags[0]):
        return None
    (tag,) = criterion.tags
    return tag if count_to(conn, runs_with(tag), FEW_TAGGED) > FEW_TAGGED else None


def _found_by_tag(conn: Connection, table: Table, criterion: Criterion, grid: Grid) -> Criterion:
    """A tag as what the runs are found by, unless so many have it that going by time passes fewer.

    A run is found by a tag in 1.5 µs, and passed in 0.7 µs.
    """
    tags = finding_tags(table, criterion)
    if not tags:
        return criterion
    within = select(table.c.id).where(grid.holds(table.c.expected_start_time))
    tagged = count_to(conn, runs_with(tags[0]), MANY_TAGGED)
    return by_tag(criterion, tags[0]) if count_to(conn, within, 2 * tagged) >= 2 * tagged else criterion


def _whole_types(criterion: Criterion) -> tuple[str, ...]:
    """The types of state of which all runs are asked for, and no others; none where more is asked of them."""
    if criterion == EVERYTHING:
        return tuple(x.value for x in StateType)
    return criterion.values if isinstance(criterion, AnyOf) and criterion.column == "state_type" else ()


def _of_states(conn: Connection, summed: _Summed, states: Sequence[State]) -> Iterator[tuple[int, StateSums]]:
    """Of the runs in states of these types, in parts that add up: from the sums of minutes where the intervals have
    room for many."""
    ended = [x for x in states if x[0] in TERMINAL_TYPES]
    if summed.grid.width >= MANY_MINUTES and ended:
        yield from _of_minutes(conn, summed, {x for x, _ in ended})
        yield from _of_edges(conn, summed, ended)
        states = [x for x in states if x not in ended]
    if states:
        yield from _of_runs(conn, summed, states)


def _of_all_states(
    conn: Connection, table: Table, criterion: Criterion, grid: Grid, now: datetime
) -> Iterator[tuple[int, StateSums]]:
    """One pass over all runs that are asked for."""
    interval = grid.interval_of(table.c.expected_start_time).label("interval")
    state = (table.c.state_type, table.c.state_name)
    sums = select(interval, *state, *_sums(table, _running_sum(table, now), _start_by(table, now)))
    known = table.c.state_type.is_not(None)
    wanted = sums.where(known, grid.holds(table.c.expected_start_time), condition(table, criterion))
    for number, *of_state in conn.execute(wanted.group_by("interval", *state)):
        yield number, _state_sums(*of_state)


def _of_runs(conn: Connection, summed: _Summed, states: Sequence[State]) -> Iterator[tuple[int, StateSums]]:
    """Runs that are in one of the states: interval after interval of stretches of an index, which has all that is
    added up.

    100,000 runs in 96 intervals take 20 ms so. One pass that groups them takes 66 ms, as it sorts them by the texts of
    their states, and a grouping pass for each state takes 40 ms.
    """
    grid = summed.grid
    numbers, state = grid.numbers(grid.intervals), _table_of(states)
    within = grid.holds_in(numbers.c.interval, summed.table.c.expected_start_time)
    sums = _in_stretch(summed, state, within)
    wanted = select(numbers.c.interval, *state.c, sums).join_from(numbers, state, true())
    yield from ((number, of_state) for (number,), of_state in _told(conn, wanted))


def _of_minutes(conn: Connection, summed: _Summed, types: Collection[str]) -> Iterator[tuple[int, StateSums]]:
    """Runs that have ended in states of these types, by the intervals in which the middle of the minute is in which
    they were expected to start."""
    grid = summed.grid
    minutes = summed.ended(grid.start - HALF_MINUTE, grid.end - HALF_MINUTE)
    interval = grid.interval_of(_after(minutes.c.minute, HALF_MINUTE)).label("interval")
    sums = [func.sum(minutes.c[x]) for x in ("runs", "run_time", "lateness")]
    keys = (interval, minutes.c.state_type, minutes.c.state_name)
    wanted = select(*keys, *sums).where(minutes.c.state_type.in_(types)).group_by(*keys)
    for number, state_type, state_name, runs, run_time, lateness in conn.execute(wanted).all():
        yield number, _state_sums(state_type, state_name, int(runs), run_time, 0, lateness)


def _of_edges(conn: Connection, summed: _Summed, states: Sequence[State]) -> Iterator[tuple[int, StateSums]]:
    """Runs in one of the states that were expected to start in the smaller part of a minute that is part of two
    intervals: what the interval of the larger part has too many of, and the other too few."""
    grid = summed.grid
    numbers, state = grid.numbers(grid.intervals + 1), _table_of(states)
    edge, expected = grid.begin_of(numbers.c.interval), summed.table.c.expected_start_time
    minute = minute_of(edge)
    is_early = edge <= _after(minute, HALF_MINUTE)
    first, end = case((is_early, minute), else_=edge), case((is_early, edge), else_=_after(minute, MINUTE))
    smaller = _in_stretch(summed, state, and_(expected >= first, expected < end))
    # Where a minute begins with the interval, all of it is in there.
    edges = select(numbers.c.interval, is_early, *state.c, smaller).join_from(numbers, state, true())
    for (number, early), moved in _told(conn, edges.where(edge != minute)):
        yield number - early, moved
        yield number - (not early), moved.negative()


def _after(time: ColumnElement[datetime], by: timedelta) -> ColumnElement[datetime]:
    return microseconds_after(time, literal(by // MICROSECOND, BigInteger()))


def _in_stretch(summed: _Summed, state: CTE, within: ColumnElement[bool]) -> ScalarSelect[str]:
    """The sums of the runs in a state within a stretch of time, as the text of a JSON list."""
    table, now = summed.table, summed.now
    of_state = table.c.state_type == state.c.type, table.c.state_name == state.c.name
    sums = _sums(table, _running_sum(table, now), _start_by(table, now))
    return select(json_list(*sums)).where(*of_state, within, summed.has_tag()).scalar_subquery()


def _told(conn: Connection, statement: Select[Any]) -> Iterator[tuple[Sequence[Any], StateSums]]:
    """What rows tell, some values in front of a state's type and name, and its sums."""
    for *front, state_type, state_name, text in conn.execute(statement).all():
        runs, *sums = msgspec.json.decode(text)
        if runs:
            yield front, _state_sums(state_type, state_name, runs, *sums)


def _states(conn: Connection, table: Table, types: Iterable[str]) -> Iterator[State]:
    """The states of these types that runs are in: for each type, its names found one from the other, without a pass."""
    names = [_name_after(table, x) for x in dict.fromkeys(types)]
    while names:
        rows: Sequence[Any] = conn.execute(union_all(*names)).all()
        found = [(state_type, name) for state_type, name in rows if name is not None]
        yield from found
        names = [_name_after(table, *state) for state in found]


def _name_after(table: Table, state_type: str, name: str | None = None) -> Select[tuple[str, str | None]]:
    """The first name, or the next after a name, of states of a type; NULL where there is none."""
    following = true() if name is None else table.c.state_name > name
    first = select(func.min(table.c.state_name)).where(table.c.state_type == state_type, following)
    return select(literal(state_type, Text()), first.scalar_subquery())


def _table_of(states: Sequence[State]) -> CTE:
    """The states as a table with the columns `type` and `name`."""
    each = (select(literal(x, Text()).label("type"), literal(y, Text()).label("name")) for x, y in states)
    return union_all(*each).cte("states")


def _sums(table: Table, running: ColumnElement[int], start: ColumnElement[datetime]) -> Iterable[ColumnElement[Any]]:
    """How many runs, how many seconds they ran before, and how many microseconds they run by now and were late."""
    return func.count(), func.sum(table.c.total_run_time), running, func.sum(_lateness(table, start))


def _running_sum(table: Table, now: datetime) -> ColumnElement[int]:
    """For how long those of the runs that run have been in that state."""
    running = at_least_zero(microseconds_between(table.c.state_timestamp, literal(now, UtcTime())))
    return func.sum(case((table.c.state_type == StateType.RUNNING.value, running), else_=0))


def _lateness(table: Table, start: ColumnElement[datetime]) -> ColumnElement[int]:
    """How late a run started; NULL where it did not."""
    return at_least_zero(microseconds_between(table.c.expected_start_time, start))


def _start_by(table: Table, now: datetime) -> ColumnElement[datetime]:
    """When a run started, taking one that is still to start as started now; NULL for one that will never start."""
    is_over = table.c.state_type.in_([x.value for x in TERMINAL_TYPES])
    return func.coalesce(table.c.start_time, case((is_over, None), else_=literal(now, UtcTime())))


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
    wanted = condition(task_runs, criterion, by_state=False)
    statement = select(part, func.sum(failed), func.count()).where(started >= start, started < end, wanted)
    return conn.execute(statement.group_by("part")).all()
