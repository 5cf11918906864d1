"""Every invariant of records other than runs is told when it is broken, and no other."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Float, ForeignKey, Integer, Table, delete, insert, select, update

from interlock.server import create_store
from interlock.settings import Settings
from interlock.storage import tables, types
from interlock.storage.invariants import records, violations
from tests.storage.invariants.ledgers import (
    ARTIFACT_KEY,
    ENDED_BACKGROUND_RUN,
    ENDED_TASK_RUN,
    LEASED_LIMIT,
    LIMIT_OF_TAG,
    NEW_TASK_RUN,
    NOWHERE,
    QUEUED_TASK_RUN,
    RUNNING_TASK_RUN,
    TAG,
    Break,
    Breakable,
)

SECOND = timedelta(seconds=1)


def change_all(ledger: Breakable, table: Table, **values: Any) -> None:
    """Set columns of the one row of a table."""
    assert ledger.conn.execute(update(table).values(**values)).rowcount == 1


def give_slot(ledger: Breakable, task_run_id: str) -> str:
    limit_id = ledger.row(tables.concurrency_limits_v2, name=LIMIT_OF_TAG)["id"]
    ledger.change(tables.concurrency_limits_v2, limit_id, limit=2)
    slot = {"concurrency_limit_id": limit_id, "task_run_id": task_run_id}
    ledger.conn.execute(insert(tables.concurrency_slots), slot)
    return task_run_id


def take(ledger: Breakable, task_run_id: str) -> str:
    entry = ledger.row(tables.task_run_queue)
    ledger.copy(tables.task_run_queue, entry, task_run_id=task_run_id, taken=True)
    return task_run_id


def is_held_by_nobody(ledger: Breakable) -> str:
    return give_slot(ledger, NOWHERE)


def is_held_beyond_the_end(ledger: Breakable) -> str:
    return give_slot(ledger, ENDED_TASK_RUN)


def is_found_by_a_tag_of_others(ledger: Breakable) -> str:
    ledger.conn.execute(insert(tables.task_run_tags), {"tag": "other", "task_run_id": ENDED_TASK_RUN})
    return ENDED_TASK_RUN


def is_found_by_a_tag_and_gone(ledger: Breakable) -> str:
    ledger.conn.execute(insert(tables.task_run_tags), {"tag": TAG, "task_run_id": NOWHERE})
    return NOWHERE


def is_not_found_by_its_tag(ledger: Breakable) -> str:
    ledger.conn.execute(delete(tables.task_run_tags).where(tables.task_run_tags.c.task_run_id == ENDED_TASK_RUN))
    return ENDED_TASK_RUN


def is_held_without_need(ledger: Breakable) -> str:
    own = tables.task_run_tags.c.task_run_id == RUNNING_TASK_RUN
    ledger.conn.execute(update(tables.task_run_tags).where(own).values(tag="other"))
    return ledger.change(tables.task_runs, RUNNING_TASK_RUN, tags=["other"])


def gave_more_than_it_had(ledger: Breakable) -> str:
    limit_id = ledger.row(tables.concurrency_limits_v2, name=LIMIT_OF_TAG)["id"]
    ledger.change(tables.concurrency_limits_v2, limit_id, limit=0)
    return LIMIT_OF_TAG


def leased_more_than_it_had(ledger: Breakable) -> str:
    limit = ledger.row(tables.concurrency_limits_v2, name=LEASED_LIMIT)
    ledger.change(tables.concurrency_limits_v2, limit["id"], limit=1)
    return LEASED_LIMIT


def expired_at_once(ledger: Breakable) -> str:
    lease = ledger.row(tables.concurrency_leases)
    return ledger.change(tables.concurrency_leases, lease["id"], expires=lease["created"])


def is_held_by_half(ledger: Breakable) -> str:
    return ledger.change(tables.concurrency_leases, ledger.row(tables.concurrency_leases)["id"], holder_id=None)


def is_held_by_what_no_one_is(ledger: Breakable) -> str:
    return ledger.change(tables.concurrency_leases, ledger.row(tables.concurrency_leases)["id"], holder_type="tag")


def leases_no_slot(ledger: Breakable) -> str:
    change_all(ledger, tables.concurrency_lease_slots, slots=0)
    return str(ledger.row(tables.concurrency_leases)["id"])


def is_older_than_its_state(ledger: Breakable) -> str:
    entry = ledger.row(tables.task_run_state_cache)
    return ledger.change(tables.task_run_state_cache, entry["id"], created=entry["created"] - SECOND)


def names_a_state_that_did_not_complete(ledger: Breakable) -> str:
    entry = ledger.row(tables.task_run_state_cache)
    state = ledger.row(tables.task_run_states, task_run_id=ENDED_TASK_RUN, type="RUNNING")
    values = {"task_run_state_id": state["id"], "created": state["timestamp"]}
    return ledger.change(tables.task_run_state_cache, entry["id"], **values)


def would_be_delivered_too_early(ledger: Breakable) -> str:
    entry = ledger.row(tables.task_run_queue)
    change_all(ledger, tables.task_run_queue, available=entry["available"] - SECOND)
    return QUEUED_TASK_RUN


def belongs_to_a_flow_run(ledger: Breakable) -> str:
    return take(ledger, RUNNING_TASK_RUN)


def is_taken_after_its_end(ledger: Breakable) -> str:
    return take(ledger, ENDED_BACKGROUND_RUN)


def is_leased_to_nobody(ledger: Breakable) -> str:
    change_all(ledger, tables.task_run_queue, worker_id=NOWHERE)
    return QUEUED_TASK_RUN


def waits_for_another_task(ledger: Breakable) -> str:
    change_all(ledger, tables.task_run_queue, task_key="other")
    return QUEUED_TASK_RUN


def is_queued_while_it_runs(ledger: Breakable) -> str:
    ledger.copy(tables.task_run_queue, ledger.row(tables.task_run_queue), task_run_id=NEW_TASK_RUN)
    return NEW_TASK_RUN


def is_gone(ledger: Breakable) -> str:
    change_all(ledger, tables.artifact_collections, latest_id=NOWHERE)
    return ARTIFACT_KEY


def has_another_key(ledger: Breakable) -> str:
    change_all(ledger, tables.artifacts, key=None)
    return ARTIFACT_KEY


def has_no_newest(ledger: Breakable) -> str:
    ledger.conn.execute(delete(tables.artifact_collections))
    return ARTIFACT_KEY


BREAKS = [
    Break("slot-of-unknown-run", "is_held_by_nobody", is_held_by_nobody),
    Break("slot-of-idle-run", "is_held_beyond_the_end", is_held_beyond_the_end),
    Break("slot-of-other-tag", "is_held_without_need", is_held_without_need),
    Break("limit-exceeded", "gave_more_than_it_had", gave_more_than_it_had),
    Break("limit-exceeded", "leased_more_than_it_had", leased_more_than_it_had),
    Break("lease-time", "expired_at_once", expired_at_once),
    Break("lease-holder", "is_held_by_half", is_held_by_half),
    Break("lease-holder", "is_held_by_what_no_one_is", is_held_by_what_no_one_is),
    Break("lease-of-nothing", "leases_no_slot", leases_no_slot),
    Break("cache-entry", "is_older_than_its_state", is_older_than_its_state),
    Break("cache-entry", "names_a_state_that_did_not_complete", names_a_state_that_did_not_complete),
    Break("queued-run", "would_be_delivered_too_early", would_be_delivered_too_early),
    Break("queued-run", "waits_for_another_task", waits_for_another_task),
    Break("queued-run", "is_queued_while_it_runs", is_queued_while_it_runs),
    Break("queued-flow-task", "belongs_to_a_flow_run", belongs_to_a_flow_run),
    Break("taken-run-ended", "is_taken_after_its_end", is_taken_after_its_end),
    Break("leased-to-nobody", "is_leased_to_nobody", is_leased_to_nobody),
    Break("tag-of-no-run", "is_found_by_a_tag_of_others", is_found_by_a_tag_of_others),
    Break("tag-of-no-run", "is_found_by_a_tag_and_gone", is_found_by_a_tag_and_gone),
    Break("task-run-untagged", "is_not_found_by_its_tag", is_not_found_by_its_tag),
    Break("newest-artifact", "is_gone", is_gone),
    Break("newest-artifact", "has_another_key", has_another_key),
    Break("artifact-key", "has_no_newest", has_no_newest),
]
FOREIGN_KEYS = sorted(
    (x for table in tables.metadata.tables.values() for x in table.foreign_keys), key=lambda x: str(x.parent)
)


@pytest.mark.parametrize("way", BREAKS, ids=str)
def test_what_is_broken_is_told_and_nothing_else(way: Break, ledger: Breakable) -> None:
    """With the record that it is about."""
    example = way.act(ledger)
    assert ledger.found() == {way.invariant: (1, (example,))}


def test_a_limit_that_was_lowered_is_in_order(ledger: Breakable) -> None:
    """Its holders keep their slots until they end."""
    limit = ledger.row(tables.concurrency_limits_v2, name=LIMIT_OF_TAG)
    ledger.change(tables.concurrency_limits_v2, limit["id"], limit=0, updated=limit["updated"] + SECOND)
    assert ledger.found() == {}


def test_what_a_deleted_run_leaves_behind_is_in_order(ledger: Breakable) -> None:
    """Its cache entries name a state that is gone with it, and its artifacts a run."""
    are_its_own = tables.task_run_states.c.task_run_id == ENDED_TASK_RUN
    its_states = select(tables.task_run_states.c.id).where(are_its_own)
    ledger.conn.execute(delete(tables.events).where(tables.events.c.id.in_(its_states)))
    ledger.conn.execute(delete(tables.task_run_states).where(are_its_own))
    ledger.conn.execute(delete(tables.task_runs).where(tables.task_runs.c.id == ENDED_TASK_RUN))
    is_not_found_by_its_tag(ledger)
    change_all(ledger, tables.artifacts, task_run_id=ENDED_TASK_RUN)
    assert ledger.found() == {}


def name_of(key: ForeignKey) -> str:
    return f"{key.parent.table.name}-without-{key.parent.name.removesuffix('_id')}".replace("_", "-")


VALUES = {
    types.Id: NOWHERE,
    types.UtcTime: datetime(2026, 1, 1, tzinfo=UTC),
    types.Text: "text",
    types.TextList: [],
    types.Json: {},
    types.JsonText: "{}",
    Boolean: False,
    Integer: 0,
    Float: 0.0,
}
"""Something for a column of each type."""


@pytest.mark.parametrize("key", FOREIGN_KEYS, ids=lambda key: str(key.parent))
def test_a_reference_to_nothing_is_told(key: ForeignKey, ledger: Breakable) -> None:
    """Of every foreign key there is: those of the row that can't be NULL lead to nothing too."""
    child = key.parent.table
    wanted = [x for x in child.c if x.computed is None and (not x.nullable or x is key.parent)]
    ledger.conn.execute(insert(child), {x.name: VALUES[type(x.type)] for x in wanted})
    found = ledger.found()
    assert set(found) == {name_of(x) for x in child.foreign_keys if x.parent in wanted}
    assert found[name_of(key)] == (1, (NOWHERE,))


def test_a_background_run_that_is_there_twice_is_told(ledger: Breakable) -> None:
    """Its unique index was dropped, say, or is damaged."""
    ledger.conn.exec_driver_sql("DROP INDEX uq_task_runs__task_key_dynamic_key")
    ledger.copy(tables.task_runs, ledger.row(tables.task_runs, id=NEW_TASK_RUN), id=NOWHERE, tags=[])
    assert ledger.found() == {"task-runs-repeated": (1, (min(NOWHERE, NEW_TASK_RUN),))}


def test_every_natural_key_is_looked_at() -> None:
    """Those of constraints and those of indexes."""
    looked_at = {x.sentence for scan in records.scans() for x in scan.invariants if x.name.endswith("-repeated")}
    assert looked_at >= {
        "others have the same flow_run_id and task_key and dynamic_key",
        "others have the same task_key and dynamic_key",
        "others have the same flow_id and idempotency_key",
        "others have the same name",
    }


def test_every_invariant_is_broken_in_some_way() -> None:
    """None is there that no test has seen at work, but for the keys, which constraints keep."""
    names = {x.name for scan in records.scans() for x in scan.invariants if not x.name.endswith("-repeated")}
    assert names == {x.invariant for x in BREAKS} | set(map(name_of, FOREIGN_KEYS))


async def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    """A value that its column can't have, as a torn page would leave it."""
    path = tmp_path / "ledger.db"
    store = create_store(Settings(database_url=f"sqlite:///{path}"))
    await store.start()
    with sqlite3.connect(path) as conn:
        values = "'id', 0, 0, 'a name', NULL, '{}', '{}', '{}', '[]', '{}', 0, 0, FALSE, '{}'"
        columns = "id, created, updated, name, idempotency_key, parameters, context, empirical_policy, tags, labels"
        conn.execute(
            f"INSERT INTO flow_runs ({columns}, run_count, total_run_time, auto_scheduled, job_variables, flow_id)"
            f" VALUES ({values}, 'flow')"
        )
        conn.execute("PRAGMA writable_schema=ON")
        conn.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, 'idempotency_key TEXT', 'idempotency_key TEXT NOT NULL')"
            " WHERE name = 'flow_runs'"
        )
    conn.close()
    (found,) = await store.read(violations)
    await store.close()
    assert (found.name, found.count) == ("file-damaged", 1)
    assert "idempotency_key" in found.examples[0]
