"""What may be asked of events, as it is spelt on the wire.

What lives here: the bodies of filters and counts. What does not: what it takes to meet a filter
(orchestration/events.py).
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from pydantic import Field

from interlock.api.schemas.base import Id, StrictBody, Timestamp
from interlock.orchestration.events import EventsAsked, Labels, NamesAsked, ResourceAsked, TextAsked

LOOK_BACK = timedelta(days=180)
MOST_OF_A_QUERY = 200
MOST_SPANS = 1000
PIVOT = datetime(2024, 4, 1, tzinfo=UTC)
"""A Monday, from which on all time is divided into spans. Source: the peer."""

LabelPatterns = dict[str, str | list[str]]


class Order(StrEnum):
    """By the times of events."""

    ASC = "ASC"
    DESC = "DESC"


class OccurredFilter(StrictBody):
    """When events occurred; both times are included."""

    since: Timestamp | None = Field(default=None, description="By default the beginning of the day 180 days ago.")
    until: Timestamp | None = Field(default=None, description="By default now.")

    def span(self, now: datetime) -> tuple[datetime, datetime]:
        """The earliest and the latest time."""
        default = datetime.combine(now.date(), time(), UTC) - LOOK_BACK
        return (self.since or default).astimezone(UTC), (self.until or now).astimezone(UTC)


class NameFilter(StrictBody):
    """By the names of events."""

    prefix: list[str] | None = None
    exclude_prefix: list[str] | None = None
    name: list[str] | None = None
    exclude_name: list[str] | None = None

    def asked(self) -> NamesAsked:
        """As the core has it."""
        fields = (self.prefix, self.exclude_prefix, self.name, self.exclude_name)
        return NamesAsked(*map(_several, fields))


class AnyResourceFilter(StrictBody):
    """By one of the resources that an event involves."""

    id: list[str] | None = None
    id_prefix: list[str] | None = None
    labels: LabelPatterns | None = Field(
        None, description="Patterns by label: `*` is any text, `?` any character, a leading `!` means anything else."
    )

    def asked(self) -> ResourceAsked:
        """As the core has it."""
        return ResourceAsked(_several(self.id), _several(self.id_prefix), labels=_labels(self.labels))


class ResourceFilter(AnyResourceFilter):
    """By what an event is about."""

    distinct: bool = Field(False, description="Only the first event of each resource.")


class RelatedFilter(StrictBody):
    """By one of the related resources of an event."""

    id: list[str] | None = None
    role: list[str] | None = None
    resources_in_roles: list[tuple[str, str]] | None = Field(None, description="Pairs of a resource's id and a role.")
    labels: LabelPatterns | None = None

    def asked(self) -> ResourceAsked:
        """As the core has it."""
        return ResourceAsked(
            ids=_several(self.id),
            roles=_several(self.role),
            in_roles=tuple(self.resources_in_roles or ()),
            labels=_labels(self.labels),
        )


class IdFilter(StrictBody):
    """By the ids of events."""

    id: list[Id] | None = Field(default=None)


class TextFilter(StrictBody):
    """By words in an event: one of them must be there, each with `+` in front, none with `-` or `!`. Quotes hold words
    together."""

    query: Annotated[str, Field(max_length=MOST_OF_A_QUERY)]

    def asked(self) -> TextAsked:
        """As the core has it."""
        words: dict[str, list[str]] = {"": [], "+": [], "-": []}
        for sign, quoted, plain in _WORD.findall(self.query):
            word = re.sub(r'\\(["\\])', r"\1", quoted[1:]) if quoted else plain
            if word.strip() and (quoted or sign or plain not in _SIGNS):
                words["-" if sign == "!" else sign].append(word.lower())
        return TextAsked(any_of=tuple(words[""]), all_of=tuple(words["+"]), none_of=tuple(words["-"]))


_SIGNS = ("-", "!", "+")
_WORD = re.compile(r'([-!+]?)(?:("(?:\\.|[^"])*)"?|([^\s"]+))', re.DOTALL)


class EventFilter(StrictBody):
    """Which events are asked for: those that meet all of it."""

    occurred: OccurredFilter = Field(default_factory=OccurredFilter)
    event: NameFilter | None = None
    resource: ResourceFilter | None = None
    related: RelatedFilter | list[RelatedFilter] | None = None
    any_resource: AnyResourceFilter | list[AnyResourceFilter] | None = None
    id: IdFilter = Field(default_factory=IdFilter)
    text: TextFilter | None = None
    order: Order = Order.DESC

    def at(self, now: datetime) -> "EventFilter":
        """The same with the times that it has now, where none are given."""
        since, until = self.occurred.span(now)
        return self.model_copy(update={"occurred": OccurredFilter(since=since, until=until)})

    def asked(self, now: datetime) -> EventsAsked:
        """As the core has it; `now` is what times count from that are not given."""
        since, until = self.occurred.span(now)
        return EventsAsked(
            since=since,
            until=until,
            names=self.event.asked() if self.event else NamesAsked(),
            ids=_several(self.id.id),
            resource=self.resource.asked() if self.resource else ResourceAsked(),
            related=tuple(x.asked() for x in _listed(self.related)),
            any_resource=tuple(x.asked() for x in _listed(self.any_resource)),
            text=self.text.asked() if self.text else TextAsked(),
            distinct=self.resource is not None and self.resource.distinct,
            descending=self.order is Order.DESC,
        )


def _several(values: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(values or ())


def _listed(given: Any) -> list[Any]:
    if given is None:
        return []
    return given if isinstance(given, list) else [given]


def _labels(patterns: LabelPatterns | None) -> Labels | None:
    if patterns is None:
        return None
    return tuple((label, (x,) if isinstance(x, str) else tuple(x)) for label, x in patterns.items())


class Countable(StrEnum):
    """What events are counted by."""

    day = "day"
    time = "time"
    event = "event"
    resource = "resource"


class TimeUnit(StrEnum):
    """What time is divided into."""

    week = "week"
    day = "day"
    hour = "hour"
    minute = "minute"
    second = "second"


class Spans(msgspec.Struct, frozen=True):
    """Spans of `width` from `first` on, as many as it takes to cover a time."""

    first: datetime
    width: timedelta
    count: int

    def __iter__(self) -> Iterator[tuple[datetime, datetime]]:
        """When each begins, and its last moment."""
        for number in range(self.count):
            start = self.first + number * self.width
            yield start, start + self.width - timedelta(microseconds=1)


class UnfitSpansError(Exception):
    """A time can't be divided so."""


def spans(unit: TimeUnit, interval: float, since: datetime, until: datetime, now: datetime) -> Spans:
    """The spans that cover a time, though none after the present one; raises UnfitSpansError."""
    one = timedelta(**{f"{unit.value}s": 1})
    width = one * interval
    if -((since - until) // width) > MOST_SPANS:
        raise UnfitSpansError(
            f"The given interval would create {-((since - until) // width)} buckets, which is too many. Please increase"
            f" the interval or reduce the time range to produce {MOST_SPANS} buckets or fewer."
        )
    try:
        first = PIVOT + (since - PIVOT) // width * width
        end = until if until <= now else PIVOT + ((now - PIVOT) // one + 1) * one
        count = max(-((first - end) // width), 0)
        # The end of the last one must be a time too.
        _ = first + count * width
        return Spans(first, width, count)
    except OverflowError as error:
        raise UnfitSpansError("The given interval would create buckets that no calendar has.") from error
