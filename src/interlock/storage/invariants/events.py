"""What holds for events: those of runs have their states, and those that are kept whole are found by their resources.

What lives here: both. What does not: the states themselves (runs.py).

Which resources an event has can't be asked of the databases, which do not take all JSON that they keep: so the events
are looked at one by one, some at a time.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, bindparam, case, exists, not_, or_, select, tuple_

from interlock.storage.expressions import among
from interlock.storage.invariants.scan import MAX_EXAMPLES, Invariant, Scan, Violation
from interlock.storage.queries.events import keys_of, whole
from interlock.storage.state_events import RUN_IDS
from interlock.storage.tables import event_resources, events
from interlock.storage.types import Keys

AT_ONCE = 500

_CONTENT = (events.c.resource, events.c.related, events.c.payload)
_IS_WHOLE = and_(events.c.noun.is_(None), *(x.is_not(None) for x in _CONTENT))


class Look(msgspec.Struct, frozen=True):
    """An invariant that is looked at row by row: `broken` gives the ids of the rows for which it does not hold."""

    name: str
    sentence: str
    broken: Callable[[Connection], Iterator[str]]

    def violations(self, conn: Connection) -> list[Violation]:
        """What of it does not hold."""
        count, examples = 0, []
        for example in self.broken(conn):
            count += 1
            if count <= MAX_EXAMPLES:
                examples.append(example)
        return [Violation(self.name, self.sentence, count, tuple(examples))] if count else []


def scans() -> tuple[Scan | Look, ...]:
    """Everything about events."""
    return (
        _states(),
        Look("event-not-found", "the index of resources does not have them by all of theirs", _not_found),
        Look("resource-of-no-event", "the index of resources has events by resources that are not theirs", _not_theirs),
    )


def _states() -> Scan:
    has_state = (
        (noun, exists().where(of_run.table.c.id == events.c.id).correlate(events)) for noun, of_run in RUN_IDS.items()
    )
    is_of_state = case(*((events.c.noun == noun, found) for noun, found in has_state), else_=False)
    return Scan(
        events,
        events.c.id,
        (
            Invariant(
                "event-of-no-state",
                "they tell of states of runs that are not there",
                and_(events.c.noun.is_not(None), not_(is_of_state)),
            ),
            Invariant(
                "event-half-kept",
                "they have some content of their own, though not all, or not as they should",
                not_(or_(_IS_WHOLE, and_(events.c.noun.is_not(None), *(x.is_(None) for x in _CONTENT)))),
            ),
        ),
    )


def _not_found(conn: Connection) -> Iterator[str]:
    seq = 0
    while rows := conn.execute(_whole_after(seq)).all():
        seq = rows[-1].seq
        keys = {x.id: keys_of(x) for x in whole(conn, rows)}
        found = _found(conn, keys, {key for own in keys.values() for key in own})
        yield from (event_id for event_id, own in keys.items() if any((key, event_id) not in found for key in own))


def _whole_after(seq: int) -> Any:
    return select(events).where(events.c.seq > seq, _IS_WHOLE).order_by(events.c.seq).limit(AT_ONCE)


def _found(conn: Connection, ids: Any, keys: Any) -> set[tuple[str, str]]:
    """Rows of the index with some of these ids and some of these keys."""
    index = event_resources.c
    some = (among(x, _some(values, x)) for x, values in ((index.event_id, ids), (index.resource_id, keys)))
    return {(row.resource_id, row.event_id) for row in conn.execute(select(event_resources).where(*some))}


def _some(values: Any, column: Any) -> Any:
    return bindparam(None, list(values), Keys(column.type))


def _not_theirs(conn: Connection) -> Iterator[str]:
    place = ("", "00000000-0000-0000-0000-000000000000")
    index = event_resources.c.resource_id, event_resources.c.event_id
    while True:
        beyond = tuple_(*index) > tuple_(*(bindparam(None, x, y.type) for x, y in zip(place, index, strict=True)))
        pairs = [(x, y) for x, y in conn.execute(select(*index).where(beyond).order_by(*index).limit(AT_ONCE))]
        if not pairs:
            return
        place = pairs[-1]
        yield from _strangers(conn, pairs)


def _strangers(conn: Connection, pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    of_ids = among(events.c.id, _some({x for _, x in pairs}, events.c.id))
    rows: Sequence[Row[Any]] = conn.execute(select(events).where(of_ids, _IS_WHOLE)).all()
    keys = {x.id: keys_of(x) for x in whole(conn, rows)}
    yield from (event_id for key, event_id in pairs if key not in keys.get(event_id, ()))
