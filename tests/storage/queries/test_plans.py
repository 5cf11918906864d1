"""By which way the databases find what is asked for, where a wrong one costs a walk through a million rows."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection

from interlock.orchestration.commands import Command, CreateTaskRun, SetTaskRunState
from interlock.orchestration.facts import Chance
from interlock.orchestration.states import Proposal, StateType
from interlock.orchestration.task_queue import Waiting
from interlock.storage.ledger import carry_out
from interlock.storage.queries import task_queue
from tests.builders import THEN, task_run_draft
from tests.conftest import CountingChance, FreshDatabase
from tests.storage.conftest import PlainStore, count_for_postgres
from tests.storage.plans import explained

WAITING, TAKEN = 5000, 50
"""With few rows, any way is a quick one."""

WORKER = str(UUID(int=1))
LATER = THEN + timedelta(hours=1)
LARGE = {"task_runs", "task_run_states", "task_run_queue"}

SORTS_WHAT_WAITS = re.compile(r"TEMP B-TREE|Limit(?:(?!Limit).)*Sort(?:(?!Limit).)*__waiting", re.DOTALL)
"""A sort of more than what was taken in the end."""


@pytest.fixture(scope="module")
def queue(fresh_database: FreshDatabase) -> Iterator[PlainStore]:
    """A queue in which much waits and little is in hand."""
    with fresh_database() as url:
        store = PlainStore(url)
        store.write(fill, CountingChance().chance())
        store.write(count_for_postgres)
        yield store
        store.close()


def fill(conn: Connection, chance: Chance) -> None:
    scheduled, pending = Proposal(type=StateType.SCHEDULED), Proposal(type=StateType.PENDING)
    ids = [str(UUID(int=number)) for number in range(WAITING)]
    for commands in (
        [CreateTaskRun(run=task_run_draft(x, None, dynamic_key=x), proposal=scheduled) for x in ids],
        [SetTaskRunState(task_run_id=x, proposal=pending) for x in ids[:TAKEN]],
    ):
        _carry_out(conn, commands, chance)


def _carry_out(conn: Connection, commands: list[Command], chance: Chance) -> None:
    outcomes = carry_out(conn, commands, lambda: THEN, chance, 30)
    assert not any(isinstance(x, Exception) for x in outcomes)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (task_queue.claim, ([Waiting(WORKER, ["task", "other"])], LATER)),
        (task_queue.stuck, (LATER, LATER, 100)),
        (task_queue.give_back, (WORKER, str(UUID(int=60)))),
        (task_queue.give_back_unacknowledged, ([WORKER],)),
        (task_queue.give_back_all, ([WORKER],)),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_the_queue_is_never_gone_through(
    queue: PlainStore, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    """What is looked for in it is found by an index that holds little else."""
    plans = queue.write(explained(function), *arguments)
    assert plans
    assert [x.text for x in plans if x.scans & LARGE] == []


def test_who_comes_next_is_read_in_order(queue: PlainStore) -> None:
    """And never sorted, however many wait."""
    plans = queue.write(explained(task_queue.claim), [Waiting(WORKER, ["task", "other"])], LATER)
    assert "ix_task_run_queue__waiting" in set().union(*(x.indexes for x in plans))
    assert [x.text for x in plans if SORTS_WHAT_WAITS.search(x.text)] == []
