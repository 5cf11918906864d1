"""Events: kept, found by what is asked of them, counted, and removed when they are old.

What lives here: statements on events. What does not: what it takes to meet a filter (orchestration/events.py), and the
events that are made of the ledger (storage/state_events.py).

The database narrows down by time, name, id and by the ids of resources. Whatever else is asked is looked for in the
events themselves, some at a time.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    func,
    literal,
    or_,
    select,
    true,
)

from interlock.orchestration.events import (
    RESOURCE_ID,
    RESOURCE_NAME,
    Event,
    EventsAsked,
    NamesAsked,
    ResourceAsked,
    has_resources,
)
from interlock.storage import state_events
from interlock.storage.expressions import among, microseconds_between
from interlock.storage.prepared import BulkDelete, BulkKeep, Prepared, Writes
from interlock.storage.tables import event_resources, events
from interlock.storage.types import MICROSECOND, Keys, UtcTime

KEY_CHARACTERS = 500
"""How much of a resource's id is kept in the index: PostgreSQL refuses keys of more than some 2,700 bytes."""

LOOKED_AT_ONCE = 500
"""Events whose insides are looked at are read so many at a time."""

Place = tuple[datetime, int]
"""When an event occurred, and its number."""

_INSERT = BulkKeep(events, [x.name for x in events.c if not x.primary_key])
_INSERT_RESOURCES = BulkKeep(event_resources, event_resources.c.keys())
_DELETE_RESOURCES = BulkDelete(event_resources, event_resources.c.keys())
_KNOWN = Prepared(select(events.c.id).where(among(events.c.id, bindparam("keys", type_=Keys(events.c.id.type)))))


def gather(conn: Connection, writes: Writes, told: Sequence[Event]) -> None:
    """Keep these events, those that are not kept already; of several with the same id the first."""
    if not told:
        return
    given: dict[str, Event] = {}
    for event in told:
        given.setdefault(event.id, event)
    known = {row[0] for row in _KNOWN.fetch(conn, {"keys": given})}
    new = [x for x in given.values() if x.id not in known]
    writes.add(_INSERT, [_row(x) for x in new])
    writes.add(_INSERT_RESOURCES, [_index_row(key, x.id) for x in new for key in keys_of(x)])


def _row(event: Event) -> dict[str, Any]:
    inside = {"resource": event.resource, "related": event.related, "payload": event.payload}
    return {
        "id": event.id,
        "occurred": event.occurred,
        "received": event.received,
        "event": event.event,
        "noun": None,
        "follows": event.follows,
        **{name: msgspec.json.encode(x).decode() for name, x in inside.items()},
    }


def keys_of(event: Event) -> list[str]:
    """What the index of resources has an event by."""
    return sorted({x[RESOURCE_ID][:KEY_CHARACTERS] for x in event.resources})


def _index_row(key: str, event_id: str) -> dict[str, str]:
    return {"resource_id": key, "event_id": event_id}


def whole(conn: Connection, found: Sequence[Row[Any]]) -> list[Event]:
    """The events of rows of the table, in their order."""
    told = state_events.told(conn, found)
    made = (_event(row) if row.noun is None else told.get(row.id) for row in found)
    return [x for x in made if x is not None]


def _event(row: Row[Any]) -> Event:
    return Event(
        id=row.id,
        occurred=row.occurred,
        event=row.event,
        resource=msgspec.json.decode(row.resource),
        related=tuple(msgspec.json.decode(row.related)),
        payload=msgspec.json.decode(row.payload),
        follows=row.follows,
        received=row.received,
    )


def page(conn: Connection, asked: EventsAsked, limit: int, offset: int) -> list[Event]:
    """Events that meet the filter, in the order of their times."""
    if not asked.looks_inside:
        return whole(conn, conn.execute(_ordered(asked).limit(limit).offset(offset)).all())
    return list(islice(_looked_for(conn, asked), offset, offset + limit))


def next_leg(conn: Connection, asked: EventsAsked, limit: int, after: Place | None) -> tuple[list[Event], Place | None]:
    """Some of the events that meet the filter, `distinct` aside, after a place in their order; and the place that they
    lead to, None where that is the end."""
    statement = _ordered(asked).limit(limit)
    rows = conn.execute(statement if after is None else statement.where(_beyond(after, asked))).all()
    place = (rows[-1].occurred, rows[-1].seq) if len(rows) == limit else None
    return [x for x in whole(conn, rows) if has_resources(asked, x)], place


def total(conn: Connection, asked: EventsAsked) -> int:
    """How many events meet the filter."""
    if not asked.looks_inside:
        return conn.execute(select(func.count()).select_from(events).where(_narrowed(asked))).scalar_one()
    return sum(1 for _ in _looked_for(conn, asked))


def _looked_for(conn: Connection, asked: EventsAsked) -> Iterator[Event]:
    seen: set[str] = set()
    place: Place | None = None
    while True:
        found, place = next_leg(conn, asked, LOOKED_AT_ONCE, place)
        for event in found:
            if not (asked.distinct and event.resource[RESOURCE_ID] in seen):
                seen.add(event.resource[RESOURCE_ID])
                yield event
        if place is None:
            return


def _beyond(place: Place, asked: EventsAsked) -> ColumnElement[bool]:
    time, seq = place
    occurred, number = events.c.occurred, events.c.seq
    if asked.descending:
        return and_(occurred <= time, or_(occurred < time, number < seq))
    return and_(occurred >= time, or_(occurred > time, number > seq))


def _ordered(asked: EventsAsked) -> Select[Any]:
    place = events.c.occurred, events.c.seq
    by = [x.desc() for x in place] if asked.descending else place
    return select(events).where(_narrowed(asked)).order_by(*by)


def _narrowed(asked: EventsAsked) -> ColumnElement[bool]:
    return and_(
        events.c.occurred >= asked.since,
        events.c.occurred <= asked.until,
        _named(asked.names),
        events.c.id.in_(asked.ids) if asked.ids else true(),
        *(_involving(x) for x in (asked.resource, *asked.related, *asked.any_resource) if x.ids),
    )


def _named(asked: NamesAsked) -> ColumnElement[bool]:
    name = events.c.event
    return and_(
        or_(*(_begins(name, x) for x in asked.prefixes)) if asked.prefixes else true(),
        name.in_(asked.names) if asked.names else true(),
        *(~_begins(name, x) for x in asked.excluded_prefixes),
        name.not_in(asked.excluded_names) if asked.excluded_names else true(),
    )


def _begins(name: Column[Any], prefix: str) -> ColumnElement[bool]:
    return func.substr(name, 1, len(prefix)) == prefix


def _involving(asked: ResourceAsked) -> ColumnElement[bool]:
    """Events that one of the resources of these ids may have to do with."""
    keys = [x[:KEY_CHARACTERS] for x in asked.ids]
    kept = select(event_resources.c.event_id).where(event_resources.c.resource_id.in_(keys))
    return or_(events.c.id.in_(kept), *(events.c.id.in_(x) for x in state_events.involving(asked.ids)))


class Counted(msgspec.Struct):
    """How many events have a value in common, when the first and the last of them occurred, and how the value is
    called by the last."""

    value: str
    label: str
    count: int
    first: datetime
    last: datetime


def counts_by_name(conn: Connection, asked: EventsAsked) -> list[Counted]:
    """The events that meet the filter by their names; the most frequent first."""
    if asked.looks_inside:
        return _most_first(_counted(_looked_for(conn, asked), lambda x: (x.event, x.event)))
    name, time = events.c.event, events.c.occurred
    sums = select(name, name, func.count(), func.min(time), func.max(time)).where(_narrowed(asked)).group_by(name)
    return _most_first(Counted(*row) for row in conn.execute(sums))


def counts_by_resource(conn: Connection, asked: EventsAsked) -> list[Counted]:
    """The events that meet the filter by what they are about; the most frequent first."""
    return _most_first(_counted(_looked_for(conn, asked), _of_resource))


def counts_by_span(conn: Connection, asked: EventsAsked, start: datetime, width: timedelta) -> Mapping[int, int]:
    """The events that meet the filter by spans of time, numbered from the one that begins at `start`."""
    if asked.looks_inside:
        return Counter((x.occurred - start) // width for x in _looked_for(conn, asked))
    since = microseconds_between(literal(start, UtcTime()), events.c.occurred)
    span = (since // (width // MICROSECOND)).label("span")
    counted = conn.execute(select(span, func.count()).where(_narrowed(asked)).group_by(span)).all()
    return {number: count for number, count in counted}  # noqa: C416


def _counted(found: Iterable[Event], value_of: Callable[[Event], tuple[str, str]]) -> Iterable[Counted]:
    counted: dict[str, Counted] = {}
    for event in found:
        value, label = value_of(event)
        known = counted.setdefault(value, Counted(value, label, 0, event.occurred, event.occurred))
        known.count += 1
        known.first = min(known.first, event.occurred)
        if event.occurred > known.last:
            known.label, known.last = label, event.occurred
    return counted.values()


def _of_resource(event: Event) -> tuple[str, str]:
    resource = event.resource
    identity = resource[RESOURCE_ID]
    return identity, resource.get(RESOURCE_NAME) or resource.get("prefect.name") or identity


def _most_first(counted: Iterable[Counted]) -> list[Counted]:
    return sorted(counted, key=lambda x: (-x.count, x.label))


def remove_old(conn: Connection, before: datetime, limit: int) -> int:
    """Remove events that were received before a time, so many at most; how many there were."""
    oldest = select(events.c.seq, events.c.received).order_by(events.c.seq).limit(limit).subquery()
    old = select(oldest.c.seq).where(oldest.c.received < before)
    gone = conn.execute(delete(events).where(events.c.seq.in_(old)).returning(events)).all()
    kept = (_event(row) for row in gone if row.noun is None)
    _DELETE_RESOURCES.write(conn, [_index_row(key, x.id) for x in kept for key in keys_of(x)])
    return len(gone)


def newest_numbers(conn: Connection, limit: int) -> list[int]:
    """The numbers of the events that were stored last."""
    return list(conn.execute(select(events.c.seq).order_by(events.c.seq.desc()).limit(limit)).scalars())


def stored_after(conn: Connection, seq: int, missing: Sequence[int], limit: int) -> list[tuple[int, Event | None]]:
    """Events by their numbers: those of the missing numbers that are there by now, and those after `seq`. None is one
    whose run is gone already."""
    are_missing = among(events.c.seq, bindparam(None, list(missing), Keys(events.c.seq.type)))
    late = conn.execute(select(events).where(are_missing).order_by(events.c.seq)).all() if missing else []
    next_ones = conn.execute(select(events).where(events.c.seq > seq).order_by(events.c.seq).limit(limit)).all()
    made = {x.id: x for x in whole(conn, [*late, *next_ones])}
    return [(row.seq, made.get(row.id)) for row in (*late, *next_ones)]
