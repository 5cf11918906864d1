"""Sums that are not those of the runs are told."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Table, delete, insert, update

from interlock.storage import sums, tables, tag_sums
from tests.conftest import FakeClock
from tests.storage.invariants.ledgers import TAG, Breakable

CHANGE = {"noun": "task_runs", "state_type": "RUNNING", "runs": 1, "run_time": 0.0, "lateness": 0.0}


def change_one(table: Table, **values: Any) -> Callable[[Breakable], str]:
    """Set columns of the COMPLETED task runs' row; of those with a tag, where the table is about tags."""

    def act(ledger: Breakable) -> str:
        of_what = table.c.tag == TAG if "tag" in table.c else table.c.noun == "task_runs"
        mine = of_what, table.c.state_type == "COMPLETED"
        assert ledger.conn.execute(update(table).where(*mine).values(**values)).rowcount > 0
        return "COMPLETED"

    return act


def forget_changes(ledger: Breakable) -> str:
    """As where a run was deleted, and only half of it written."""
    ledger.conn.execute(insert(tables.run_sum_changes), CHANGE)
    return "RUNNING"


def forget_change_of_tag(ledger: Breakable) -> str:
    """The same with a run that had a tag."""
    own = {"tag": "rare", "minute": FakeClock()(), "state_name": "Failed"}
    ledger.conn.execute(insert(tables.tag_sum_changes), {x: y for x, y in (CHANGE | own).items() if x != "noun"})
    return "rare"


@pytest.mark.parametrize(
    ("invariant", "act"),
    [
        ("counts-by-state", change_one(tables.run_counts, runs=99)),
        ("counts-by-state", forget_changes),
        ("sums-by-minute", change_one(tables.run_sums, runs=99)),
        ("sums-by-minute", change_one(tables.run_sums, run_time=1e6)),
        ("sums-by-minute", change_one(tables.run_sums, lateness=5e6)),
        ("sums-by-tag", forget_change_of_tag),
        ("sums-by-tag", change_one(tables.tag_sums, runs=99)),
        ("sums-by-tag", change_one(tables.tag_sums, run_time=1e6)),
        ("sums-by-tag", change_one(tables.tag_sums, lateness=5e6)),
    ],
)
def test_other_sums_than_those_of_the_runs_are_told(
    invariant: str, act: Callable[[Breakable], str], ledger: Breakable
) -> None:
    """With the state that they are about."""
    sums.rebuild(ledger.conn)
    tag_sums.rebuild(ledger.conn)
    kind = act(ledger)
    found = ledger.found(summed_up=False)
    assert found.keys() == {invariant}
    assert kind.lower() in found[invariant][1][0].lower()


def test_sums_that_are_gone_are_missed(ledger: Breakable) -> None:
    """Of minutes and tags as well as of all."""
    sums.rebuild(ledger.conn)
    tag_sums.rebuild(ledger.conn)
    for table in (tables.run_counts, tables.run_sums, tables.tag_sums):
        ledger.conn.execute(delete(table))
    assert ledger.found(summed_up=False).keys() == {"counts-by-state", "sums-by-minute", "sums-by-tag"}
