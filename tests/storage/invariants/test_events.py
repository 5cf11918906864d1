"""Every invariant of events is told when it is broken, and no other."""

import pytest
from sqlalchemy import delete, insert, select, update

from interlock.storage import tables
from interlock.storage.invariants import events, records
from interlock.storage.invariants.runs import Condition
from tests.storage.invariants.ledgers import NOWHERE, Break, Breakable, event

FIRST, SECOND = event(1), event(2)
INDEX = tables.event_resources


def of_a_run(ledger: Breakable, noun: str) -> str:
    """The id of an event that tells of a run."""
    statement = select(tables.events.c.id).where(tables.events.c.noun == noun).order_by(tables.events.c.id).limit(1)
    return str(ledger.conn.execute(statement).scalar_one())


def tells_of_a_lost_state(ledger: Breakable) -> str:
    return ledger.change(tables.events, of_a_run(ledger, "task_runs"), id=NOWHERE) and NOWHERE


def tells_of_a_state_of_the_other_kind(ledger: Breakable) -> str:
    return ledger.change(tables.events, of_a_run(ledger, "flow_runs"), noun="task_runs")


def tells_of_nothing_that_is_known(ledger: Breakable) -> str:
    return ledger.change(tables.events, of_a_run(ledger, "flow_runs"), noun="flows")


def has_content_beside_its_state(ledger: Breakable) -> str:
    return ledger.change(tables.events, of_a_run(ledger, "flow_runs"), payload="{}")


def take_out(ledger: Breakable, condition: Condition) -> None:
    assert ledger.conn.execute(delete(INDEX).where(condition)).rowcount


def is_not_found_by_what_it_is_about(ledger: Breakable) -> str:
    take_out(ledger, INDEX.c.resource_id == "shop.1")
    return FIRST.id


def is_not_found_by_what_is_related(ledger: Breakable) -> str:
    take_out(ledger, (INDEX.c.resource_id == "door") & (INDEX.c.event_id == SECOND.id))
    return SECOND.id


def is_found_by_what_is_not_its_own(ledger: Breakable) -> str:
    ledger.conn.execute(insert(INDEX), {"resource_id": "shop.1", "event_id": SECOND.id})
    return SECOND.id


def is_found_and_gone(ledger: Breakable) -> str:
    ledger.conn.execute(insert(INDEX), {"resource_id": "shop.1", "event_id": NOWHERE})
    return NOWHERE


def is_found_and_is_a_state(ledger: Breakable) -> str:
    event_id = of_a_run(ledger, "flow_runs")
    ledger.conn.execute(insert(INDEX), {"resource_id": "shop.1", "event_id": event_id})
    return event_id


BREAKS = [
    Break("event-of-no-state", "tells_of_a_lost_state", tells_of_a_lost_state),
    Break("event-of-no-state", "tells_of_a_state_of_the_other_kind", tells_of_a_state_of_the_other_kind),
    Break("event-of-no-state", "tells_of_nothing_that_is_known", tells_of_nothing_that_is_known),
    Break("event-half-kept", "has_content_beside_its_state", has_content_beside_its_state),
    Break("event-not-found", "is_not_found_by_what_it_is_about", is_not_found_by_what_it_is_about),
    Break("event-not-found", "is_not_found_by_what_is_related", is_not_found_by_what_is_related),
    Break("resource-of-no-event", "is_found_by_what_is_not_its_own", is_found_by_what_is_not_its_own),
    Break("resource-of-no-event", "is_found_and_gone", is_found_and_gone),
    Break("resource-of-no-event", "is_found_and_is_a_state", is_found_and_is_a_state),
]


@pytest.mark.parametrize("way", BREAKS, ids=str)
def test_what_is_broken_is_told_and_nothing_else(way: Break, ledger: Breakable) -> None:
    """With the event that it is about; also where few are looked at in one go."""
    example = way.act(ledger)
    assert ledger.found() == {way.invariant: (1, (example,))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "AT_ONCE", 1)
        assert ledger.found() == {way.invariant: (1, (example,))}


def test_an_event_that_lost_its_content_is_told_and_looked_at_no_further(ledger: Breakable) -> None:
    """What it is found by can't be told then: all its rows of the index are strangers' too."""
    ledger.conn.execute(update(tables.events).where(tables.events.c.id == FIRST.id).values(related=None))
    found = ledger.found()
    assert found["event-half-kept"] == (1, (FIRST.id,))
    assert found["resource-of-no-event"] == (2, (FIRST.id, FIRST.id))


def test_only_as_many_examples_are_given_as_of_others(ledger: Breakable) -> None:
    """All are counted."""
    rows = [{"resource_id": f"x{number:03d}", "event_id": FIRST.id} for number in range(30)]
    ledger.conn.execute(insert(INDEX), rows)
    count, examples = ledger.found()["resource-of-no-event"]
    assert (count, len(examples)) == (30, 10)


def test_an_event_that_is_there_twice_is_told(ledger: Breakable) -> None:
    """Its id is a natural key."""
    assert any(x.name == "events-repeated" for scan in records.scans() for x in scan.invariants)
