"""What criteria mean, and how those of a request go together."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Table, select

from interlock.storage import filters
from interlock.storage.filters import (
    EVERYTHING,
    AnyOf,
    Criteria,
    HasAllTags,
    IsNull,
    Like,
    NoneOf,
    Order,
    Related,
    Untagged,
    all_of,
    any_of,
)
from interlock.storage.tables import metadata
from tests.storage.conftest import World
from tests.storage.meaning import criteria, holds
from tests.storage.world import IDS, Rows

NOUNS = ("task_runs", "flow_runs", "flows", "deployments")


def in_order(conn: Connection, table: Table, by: Sequence[Any]) -> list[str]:
    return list(conn.execute(select(table.c.id).order_by(*by)).scalars())


def ids(rows: list[dict[str, Any]]) -> set[str]:
    return {row["id"] for row in rows}


about_a_noun = st.sampled_from(NOUNS).flatmap(lambda noun: st.tuples(st.just(noun), criteria(noun)))
once = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@once
@given(asked=about_a_noun)
def test_the_sql_of_a_criterion_says_the_same(world: World, asked: tuple[str, filters.Criterion]) -> None:
    """Whatever is asked, the rows that SQL finds are those for which the criterion holds by its plain meaning."""
    noun, criterion = asked
    assert world.found(noun, filters.condition(metadata.tables[noun], criterion)) == ids(world.meant(noun, criterion))


@once
@given(
    asked=about_a_noun,
    types=st.frozensets(st.sampled_from(sorted(filters.ALL_TYPES))),
    nulls=st.frozensets(st.sampled_from(("flow_run_id", "parent_task_run_id", "deployment_id"))),
)
def test_how_rows_are_found_makes_no_difference(
    world: World, asked: tuple[str, filters.Criterion], types: frozenset[str], nulls: frozenset[str]
) -> None:
    """A condition on rows that are passed in an order holds for the same rows."""
    noun, criterion = asked
    condition = filters.condition_on_the_way(metadata.tables[noun], criterion, types, nulls)
    assert world.found(noun, condition) == ids(world.meant(noun, criterion))


class Request:
    """What a request asks of all nouns, told in plain Python: which records it is about."""

    def __init__(self, rows: Rows, asked: Criteria) -> None:
        self._rows = rows
        self._asked = asked

    def _fits(self, noun: str, row: dict[str, Any]) -> bool:
        criterion = getattr(self._asked, noun)
        return criterion is None or holds(self._rows, noun, row, criterion)

    def _has(self, noun: str, record_id: str | None) -> bool:
        """Whether there is such a record, and it fits; always, where nothing is asked of the noun."""
        row = self._rows[noun].get(record_id or "")
        return getattr(self._asked, noun) is None or (row is not None and self._fits(noun, row))

    def _in_queue(self, row: dict[str, Any]) -> bool:
        if self._asked.work_queues is None and self._asked.work_pools is None:
            return True
        queue = self._rows["work_queues"].get(row["work_queue_id"] or "")
        return queue is not None and self._fits("work_queues", queue) and self._has("work_pools", queue["work_pool_id"])

    def _tasks_fit(self, flow_run: dict[str, Any]) -> bool:
        own = [x for x in self._rows["task_runs"].values() if x["flow_run_id"] == flow_run["id"]]
        return self._asked.task_runs is None or any(self._fits("task_runs", x) for x in own)

    def _runs_fit(self, column: str, owner: dict[str, Any]) -> bool:
        """Whether one run of a flow or deployment fits, and has a task run that fits."""
        if self._asked.flow_runs is None and self._asked.task_runs is None:
            return True
        own = [x for x in self._rows["flow_runs"].values() if x[column] == owner["id"]]
        return any(self._fits("flow_runs", x) and self._tasks_fit(x) for x in own)

    def task_runs(self, row: dict[str, Any]) -> bool:
        around = (x for x in ("flows", "flow_runs", "deployments", "work_pools", "work_queues"))
        if not self._fits("task_runs", row) or all(getattr(self._asked, x) is None for x in around):
            return self._fits("task_runs", row)
        run = self._rows["flow_runs"].get(row["flow_run_id"] or "")
        return run is not None and self._run_and_owners_fit(run)

    def _run_and_owners_fit(self, run: dict[str, Any]) -> bool:
        owned = self._has("flows", run["flow_id"]) and self._has("deployments", run["deployment_id"])
        return self._fits("flow_runs", run) and owned and self._in_queue(run)

    def flow_runs(self, row: dict[str, Any]) -> bool:
        return self._run_and_owners_fit(row) and self._tasks_fit(row)

    def deployments(self, row: dict[str, Any]) -> bool:
        own = self._fits("deployments", row) and self._has("flows", row["flow_id"]) and self._in_queue(row)
        return own and self._runs_fit("deployment_id", row)

    def flows(self, row: dict[str, Any]) -> bool:
        asked = (self._asked.deployments, self._asked.work_pools, self._asked.work_queues)
        own = [x for x in self._rows["deployments"].values() if x["flow_id"] == row["id"]]
        deployed = any(self._fits("deployments", x) and self._in_queue(x) for x in own)
        return self._fits("flows", row) and self._runs_fit("flow_id", row) and (deployed or not any_given(asked))


def any_given(criteria: Any) -> bool:
    return any(x is not None for x in criteria)


requests = st.builds(Criteria, **{noun: st.none() | st.just(EVERYTHING) | criteria(noun, depth=0) for noun in IDS})


@once
@given(asked=requests)
def test_the_parts_of_a_request_go_together(world: World, asked: Criteria) -> None:
    """What a request asks of a noun must hold for one and the same record of it that is related to what is found."""
    request = Request(world.rows, asked)
    for noun in NOUNS:
        criterion = getattr(asked, f"of_{noun}")()
        expected = {i for i, row in world.rows[noun].items() if getattr(request, noun)(row)}
        assert world.found(noun, filters.condition(metadata.tables[noun], criterion)) == expected


def test_nothing_is_one_of_none(world: World) -> None:
    """An empty list to choose from finds nothing, an empty list to leave out leaves out nothing, NULLs neither."""
    table = metadata.tables["flow_runs"]
    assert world.found("flow_runs", filters.condition(table, AnyOf("idempotency_key", ()))) == set()
    assert world.found("flow_runs", filters.condition(table, NoneOf("idempotency_key", ()))) == set(
        world.rows["flow_runs"]
    )


def test_criteria_are_put_together_flat() -> None:
    """What holds always, and what is alone, leaves no trace: so one can see what is asked."""
    one, two = IsNull("start_time"), Untagged()
    assert all_of(EVERYTHING, all_of(one)) == one
    assert all_of(one, all_of(two, EVERYTHING)).criteria == (one, two)  # type: ignore[union-attr]
    assert any_of(one) == one
    assert any_of() == any_of(one, EVERYTHING) == EVERYTHING


def test_asking_for_nothing_is_not_asking_for_anything() -> None:
    """No criterion asks for no record; one that always holds asks that there is one."""
    assert Criteria().of_task_runs() == EVERYTHING
    assert Criteria(flow_runs=EVERYTHING).of_task_runs() == Related("flow_run", EVERYTHING)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    ("noun", "column"),
    [
        (noun, column)
        for noun in ("task_runs", "flow_runs")
        for column in ("id", "name", "end_time", "expected_start_time")
    ]
    + [("task_runs", "next_scheduled_start_time"), ("flows", "created"), ("deployments", "updated")],
)
def test_records_come_in_order(world: World, noun: str, column: str, descending: bool) -> None:
    """Capitals before other letters, NULLs before everything, equal ones by their ids; or the other way round."""
    table = metadata.tables[noun]
    by = filters.ordering(table, Order(column, descending))
    expected = sorted(world.rows[noun].values(), key=lambda x: (x[column] is not None, x[column] or 0, x["id"]))
    ids = [x["id"] for x in expected]
    assert world.read(in_order, table, by) == (ids[::-1] if descending else ids)


def test_runs_to_come_are_ordered_by_when_they_are_due(world: World) -> None:
    """In the order by start time, a run that has not started counts by when it is expected to."""
    table = metadata.tables["flow_runs"]
    by = filters.ordering(table, Order("start_or_expected_time"))
    expected = sorted(
        world.rows["flow_runs"].values(), key=lambda x: (x["start_time"] or x["expected_start_time"], x["id"])
    )
    assert world.read(in_order, table, by) == [x["id"] for x in expected]


def test_a_pattern_is_no_regular_expression(world: World) -> None:
    """`%` and `_` stand for others, a backslash is a backslash."""
    table = metadata.tables["task_runs"]
    assert world.found("task_runs", filters.condition(table, Like("name", "%\\%"))) == set()
    for pattern, names in (
        ("be_ta", {"be_ta", "beXta", "be%ta"}),
        ("BE%", {"be_ta", "beXta", "be%ta"}),
        ("Üni", set()),
    ):
        expected = {i for i, row in world.rows["task_runs"].items() if row["name"] in names}
        assert world.found("task_runs", filters.condition(table, Like("name", pattern))) == expected


def test_tags_are_whole_words(world: World) -> None:
    """A tag is the same tag in the same case only, and not a part of another."""
    expected = {i for i, row in world.rows["task_runs"].items() if "x" in row["tags"]}
    assert expected != {i for i, row in world.rows["task_runs"].items() if any("x" in tag for tag in row["tags"])}
    table = metadata.tables["task_runs"]
    assert world.found("task_runs", filters.condition(table, HasAllTags(("x",)))) == expected
