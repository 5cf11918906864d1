"""A small correct ledger with a row for every invariant, and a way to break it that no constraint stops.

What lives here: the ledger and the records of how it is broken. What does not: the breaks themselves (test_*.py).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Table, create_engine, insert, select, update

from interlock.engine.batcher import Batcher
from interlock.orchestration.commands import CreateFlowRun, CreateTaskRun, RecordEvent, SetFlowRunState, SetTaskRunState
from interlock.orchestration.concurrency_leases import Holder
from interlock.orchestration.events import Event
from interlock.orchestration.states import Proposal, StateDetails, StateType
from interlock.server import create_store
from interlock.settings import Settings
from interlock.storage import sums, tag_sums
from interlock.storage.invariants import violations
from interlock.storage.queries import artifacts, concurrency_leases, concurrency_limits, concurrency_limits_v2, flows
from tests.builders import flow_run_draft, task_run_draft
from tests.conftest import CountingChance, FakeClock
from tests.happenings import happened, related

NOWHERE = "00000000-0000-0000-0000-00000000dead"
"""The id of nothing."""


def _id(number: int) -> str:
    return f"00000000-0000-7000-9000-{number:012d}"


FLOW, FLOW_RUN, ENDED_FLOW_RUN, SUBFLOW, NEW_FLOW_RUN = map(_id, range(5))
ENDED_TASK_RUN, RUNNING_TASK_RUN, PARENT_TASK_RUN, QUEUED_TASK_RUN, NEW_TASK_RUN = map(_id, range(5, 10))
ENDED_BACKGROUND_RUN = _id(10)
TAG, ARTIFACT_KEY = "tag", "key"
LIMIT_OF_TAG, LEASED_LIMIT = "tag:tag", "leased"

PENDING, RUNNING, COMPLETED = (Proposal(type=x) for x in (StateType.PENDING, StateType.RUNNING, StateType.COMPLETED))
CACHED = Proposal(type=StateType.COMPLETED, details=StateDetails(cache_key="cache key"))


async def fill(url: str) -> None:
    """Write the ledger as servers do.

    A flow run that runs, with a task run that ended (and is cached), one that runs (and holds a slot), and one that
    stands for a subflow; a flow run that ended; a background run that is queued, and another that has no state, since
    there was no slot for it; a flow run without a state; an artifact; a lease of both slots of a global limit; two
    events that are kept whole.
    """
    clock, chance = FakeClock(), CountingChance().chance()
    store = create_store(Settings(database_url=url), clock, chance)
    batcher = Batcher(store)

    async def task_run(run_id: str, proposal: Proposal, *then: Proposal, **fields: Any) -> None:
        draft = task_run_draft(run_id, fields.pop("flow_run_id", FLOW_RUN), **fields)
        await batcher.decide(CreateTaskRun(run=draft, proposal=proposal))
        for next_proposal in then:
            clock.advance(seconds=1)
            await batcher.decide(SetTaskRunState(task_run_id=run_id, proposal=next_proposal))

    async def flow_run(run_id: str, proposal: Proposal | None, *then: Proposal, **fields: Any) -> None:
        await batcher.decide(CreateFlowRun(run=flow_run_draft(run_id, FLOW, **fields), proposal=proposal))
        for next_proposal in then:
            clock.advance(seconds=1)
            await batcher.decide(SetFlowRunState(flow_run_id=run_id, proposal=next_proposal))

    await store.start()
    await batcher.write(flows.get_or_create, FLOW, "flow", [], {}, clock())
    await batcher.write(concurrency_limits.create_or_change, chance.new_id(), TAG, 1, clock())
    leased = {"name": LEASED_LIMIT, "limit": 2}
    await batcher.write(concurrency_limits_v2.create, chance.new_id(), leased, clock())
    holder = Holder("flow_run", FLOW_RUN)
    names = [LEASED_LIMIT]
    await batcher.write(
        concurrency_leases.take, chance.new_id(), names, 2, "concurrency", timedelta(minutes=1), holder, clock()
    )
    await flow_run(FLOW_RUN, PENDING, RUNNING)
    await flow_run(ENDED_FLOW_RUN, PENDING, RUNNING, COMPLETED)
    await flow_run(NEW_FLOW_RUN, None)
    await task_run(ENDED_TASK_RUN, PENDING, RUNNING, CACHED, tags=(TAG,))
    await task_run(RUNNING_TASK_RUN, PENDING, RUNNING, tags=(TAG,))
    await task_run(NEW_TASK_RUN, RUNNING, flow_run_id=None, tags=(TAG,))
    await task_run(QUEUED_TASK_RUN, Proposal(type=StateType.SCHEDULED), flow_run_id=None)
    await task_run(ENDED_BACKGROUND_RUN, Proposal(type=StateType.SCHEDULED), PENDING, COMPLETED, flow_run_id=None)
    await task_run(PARENT_TASK_RUN, PENDING)
    clock.advance(seconds=1)
    await flow_run(SUBFLOW, PENDING, parent_task_run_id=PARENT_TASK_RUN)
    values = dict.fromkeys(("type", "description", "data", "metadata_", "flow_run_id", "task_run_id"))
    await batcher.write(artifacts.create, values | {"key": ARTIFACT_KEY}, chance.new_id, clock())
    for number in (1, 2):
        await batcher.decide(RecordEvent(event=event(number)))
    await store.close()


def event(number: int) -> Event:
    """One of the events that are kept whole: it involves two resources."""
    resource = {"prefect.resource.id": f"shop.{number}"}
    return happened(number, resource=resource, related=(related("door", "owner"), related("door", "visitor")))


Found = dict[str, tuple[int, tuple[str, ...]]]


class Breakable:
    """The ledger on a connection that can write anything; what it wrote is undone in the end."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn

    def change(self, table: Table, run_id: str, **values: Any) -> str:
        """Set columns of a row; returns its id."""
        assert self.conn.execute(update(table).where(table.c.id == run_id).values(**values)).rowcount == 1
        return run_id

    def row(self, table: Table, **where: Any) -> dict[str, Any]:
        """The one row with these values, without what the database computes."""
        kept = [x for x in table.c if x.computed is None]
        statement = select(*kept).where(*(table.c[name] == value for name, value in where.items()))
        return dict(self.conn.execute(statement).mappings().one())

    def copy(self, table: Table, row: dict[str, Any], **changes: Any) -> None:
        """Write a row again with other values."""
        self.conn.execute(insert(table), row | changes)

    def found(self, *, summed_up: bool = True) -> Found:
        """How many violations of each invariant there are, and the examples; the sums over all runs are made to agree
        with what was changed, unless it is these that were."""
        if summed_up:
            sums.rebuild(self.conn)
            tag_sums.rebuild(self.conn)
        return {x.name: (x.count, x.examples) for x in violations(self.conn)}


class Break(NamedTuple):
    """A way to break an invariant: `act` does it and returns the example that is to be given."""

    invariant: str
    how: str
    act: Callable[[Breakable], str]

    def __str__(self) -> str:
        return f"{self.invariant}: {self.how}"


def careless_engine(url: str) -> Engine:
    """Connections to a database that are not held to any reference, and commit as they are told."""
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")


@contextmanager
def breakable(engine: Engine) -> Iterator[Breakable]:
    """The ledger, to be broken."""
    with engine.connect() as conn:
        conn.exec_driver_sql("BEGIN")
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql("SET LOCAL session_replication_role = replica")
        yield Breakable(conn)
        conn.exec_driver_sql("ROLLBACK")
