"""Events as the core has them, made up for tests; and what a filter may ask of them, drawn.

What lives here: events that are kept whole, small enough that a drawn filter often meets some. What does not: events
that tell of runs (they are made of the ledger), and events as clients send them (events.py).
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from interlock.orchestration.events import (
    RESOURCE_ID,
    RESOURCE_NAME,
    RESOURCE_ROLE,
    Event,
    EventsAsked,
    NamesAsked,
    ResourceAsked,
    TextAsked,
)
from tests.builders import THEN

NAMES = ("shop.sold", "shop.sold.out", "shop", "door.opened", "Shop.sold", "100%_done")
LONG = "shop." + "x" * 600
IDS = ("shop.1", "shop.2", "shop.10", "door.1", "prefect.tag.red", LONG + "1", LONG + "2")
ROLES = ("owner", "visitor", "tag")
LABELS = ("color", "size")
VALUES = ("red", "dark red", "Red", "r[e]d", "l*", "")
PATTERNS = ("red", "*red", "r?d", "!red", "!*", "*", "r[e]d", "r[a-z]d", "l*", "")


def happened(number: int, at: float = 0, **fields: Any) -> Event:
    """An event so many seconds after THEN."""
    values: dict[str, Any] = {"event": NAMES[0], "resource": {RESOURCE_ID: IDS[0]}, "received": THEN, **fields}
    return Event(id=str(UUID(int=number)), occurred=THEN + timedelta(seconds=at), **values)


def related(resource_id: str, role: str, **labels: str) -> dict[str, str]:
    return {RESOURCE_ID: resource_id, RESOURCE_ROLE: role, **labels}


_labelled = st.dictionaries(st.sampled_from((*LABELS, RESOURCE_NAME)), st.sampled_from(VALUES), max_size=2)
_resources = st.builds(lambda x, labels: {RESOURCE_ID: x, **labels}, st.sampled_from(IDS), _labelled)
_related = st.builds(related, st.sampled_from(IDS), st.sampled_from(ROLES)) | st.builds(
    lambda x, role: x | {RESOURCE_ROLE: role}, _resources, st.sampled_from(ROLES)
)
_payloads = st.sampled_from(({}, {"price": 5}, {"note": "Late and RED"}, {"deep": [{"a": None}]}))


def happenings(numbers: Sequence[int]) -> st.SearchStrategy[list[Event]]:
    """An event for each of the numbers, some at the same time."""
    made = (
        st.builds(
            happened,
            st.just(number),
            st.integers(0, 20),
            event=st.sampled_from(NAMES),
            resource=_resources,
            related=st.lists(_related, max_size=3).map(tuple),
            payload=_payloads,
        )
        for number in numbers
    )
    return st.tuples(*made).map(list)


def _some(values: Sequence[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Mostly none of them."""
    return st.just(()) | st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple)


PREFIXES = ("", "shop", "shop.sold", "prefect.", "prefect.flow-run.", "100%", "s_op", "SHOP")
_labels = st.dictionaries(
    st.sampled_from((*LABELS, RESOURCE_ID, RESOURCE_ROLE)), st.lists(st.sampled_from(PATTERNS), max_size=2), max_size=1
).map(lambda x: tuple((label, tuple(patterns)) for label, patterns in x.items()))


def resources_asked(ids: Sequence[str] = IDS, roles: Sequence[str] = ROLES) -> st.SearchStrategy[ResourceAsked]:
    """What may be asked of a resource; mostly one thing."""
    nothing = ResourceAsked()
    pairs = [(x, role) for x in ids for role in roles]
    return st.one_of(
        st.just(nothing),
        st.builds(ResourceAsked, ids=_some(ids)),
        st.builds(ResourceAsked, id_prefixes=_some((*PREFIXES, *ids))),
        st.builds(ResourceAsked, roles=_some(roles)),
        st.builds(ResourceAsked, in_roles=_some(pairs)),
        st.builds(ResourceAsked, labels=_labels),
        st.builds(ResourceAsked, ids=_some(ids), roles=_some(roles), labels=st.none() | _labels),
    )


_WORDS = ("red", "late", "shop", "sold", "5", "nothing", "completed")
_texts = st.builds(TextAsked, any_of=_some(_WORDS), all_of=_some(_WORDS), none_of=_some(_WORDS))


def names_asked(names: Sequence[str] = NAMES) -> st.SearchStrategy[NamesAsked]:
    return st.builds(
        NamesAsked,
        prefixes=_some(PREFIXES),
        excluded_prefixes=_some(PREFIXES[1:]),
        names=_some(names),
        excluded_names=_some(names),
    )


def filters(
    names: Sequence[str] = NAMES,
    ids: Sequence[str] = IDS,
    roles: Sequence[str] = ROLES,
    event_ids: Sequence[str] = (str(UUID(int=1)),),
) -> st.SearchStrategy[EventsAsked]:
    """Anything that may be asked; the times are those of events, or a little beside."""
    asked = resources_asked(ids, roles)
    several = st.just(()) | st.lists(asked, max_size=2).map(tuple)
    return st.builds(
        EventsAsked,
        since=st.integers(-1, 10).map(lambda x: THEN + timedelta(seconds=x)),
        until=st.integers(8, 21).map(lambda x: THEN + timedelta(seconds=x)),
        names=st.just(NamesAsked()) | names_asked(names),
        ids=st.just(()) | _some(event_ids),
        resource=st.just(ResourceAsked()) | asked,
        related=several,
        any_resource=several,
        text=st.just(TextAsked()) | _texts,
        distinct=st.booleans(),
        descending=st.booleans(),
    )
