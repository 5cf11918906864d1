"""Events: what happened to which resource, and what may be asked of them.

What lives here: an event, the criteria of a filter, and whether an event meets them. What does not: how both are spelt
on the wire (api/schemas/), and how the events that meet a filter are found (storage/queries/events.py).

A resource is a mapping of labels to texts; one label is its id, and that of a related resource another its role.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

import msgspec

RESOURCE_ID, RESOURCE_NAME, RESOURCE_ROLE = "prefect.resource.id", "prefect.resource.name", "prefect.resource.role"
ORCHESTRATION = "prefect.orchestration"

Resource = Mapping[str, str]
Labels = tuple[tuple[str, tuple[str, ...]], ...]
"""Labels, each with patterns of which one must fit. `*` and `?` stand for any text and any character; a pattern with
`!` in front fits what the rest does not."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a resource, and when the server came to know of it."""

    id: str
    occurred: datetime
    event: str
    resource: Resource
    related: tuple[Resource, ...] = ()
    payload: Mapping[str, Any] = {}
    follows: str | None = None
    received: datetime

    @property
    def resources(self) -> Iterator[Resource]:
        """What it is about, and what else is involved."""
        yield self.resource
        yield from self.related


class NamesAsked(msgspec.Struct, frozen=True):
    """An event's name is one of these, begins with one of these, and neither with those; of none there is no need."""

    prefixes: tuple[str, ...] = ()
    excluded_prefixes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    excluded_names: tuple[str, ...] = ()

    def include(self, name: str) -> bool:
        """Whether an event of this name is asked for."""
        if self.prefixes and not name.startswith(self.prefixes):
            return False
        if self.names and name not in self.names:
            return False
        return not (name.startswith(self.excluded_prefixes) or name in self.excluded_names)


class ResourceAsked(msgspec.Struct, frozen=True):
    """One resource has one of the ids, an id that begins so, one of the roles, is one of `in_roles` (id and role), and
    has the labels. `labels` of None asks for nothing."""

    ids: tuple[str, ...] = ()
    id_prefixes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    in_roles: tuple[tuple[str, str], ...] = ()
    labels: Labels | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it asks for nothing."""
        return not (self.ids or self.id_prefixes or self.roles or self.in_roles or self.labels)

    def includes(self, resource: Resource) -> bool:
        """Whether this resource is one that is asked for."""
        identity, role = resource[RESOURCE_ID], resource.get(RESOURCE_ROLE, "")
        return (
            (not self.ids or identity in self.ids)
            and (not self.id_prefixes or identity.startswith(self.id_prefixes))
            and (not self.roles or role in self.roles)
            and (not self.in_roles or (identity, role) in self.in_roles)
            and all(_has_label(resource, label, patterns) for label, patterns in self.labels or ())
        )


class TextAsked(msgspec.Struct, frozen=True):
    """One of `any_of` is in the text of an event, all of `all_of` are, and none of `none_of`. In lower case."""

    any_of: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()

    def includes(self, text: str) -> bool:
        """Whether a text, in lower case, is one that is asked for."""
        found = not self.any_of or any(x in text for x in self.any_of)
        return found and all(x in text for x in self.all_of) and not any(x in text for x in self.none_of)


class EventsAsked(msgspec.Struct, frozen=True, kw_only=True):
    """All criteria of a filter. Both times are included; `distinct` asks for the first event of each resource only."""

    since: datetime
    until: datetime
    names: NamesAsked = NamesAsked()
    ids: tuple[str, ...] = ()
    resource: ResourceAsked = ResourceAsked()
    related: tuple[ResourceAsked, ...] = ()
    any_resource: tuple[ResourceAsked, ...] = ()
    text: TextAsked = TextAsked()
    distinct: bool = False
    descending: bool = True

    @property
    def looks_inside(self) -> bool:
        """Whether more of an event than its time, name and id decides."""
        asked = (self.resource, *self.related, *self.any_resource)
        return self.distinct or self.text != TextAsked() or not all(x.is_empty for x in asked)


def includes(asked: EventsAsked, event: Event) -> bool:
    """Whether the event meets all criteria, `distinct` aside."""
    return (
        asked.since <= event.occurred <= asked.until
        and asked.names.include(event.event)
        and (not asked.ids or event.id in asked.ids)
        and has_resources(asked, event)
    )


def has_resources(asked: EventsAsked, event: Event) -> bool:
    """Whether the event meets those criteria that look inside of it."""
    return (
        asked.resource.includes(event.resource)
        and all(_any(x, event.related) for x in asked.related)
        and all(_any(x, event.resources) for x in asked.any_resource)
        and (asked.text == TextAsked() or asked.text.includes(_text(event)))
    )


def _any(asked: ResourceAsked, resources: Iterable[Resource]) -> bool:
    return asked.is_empty or any(map(asked.includes, resources))


def _has_label(resource: Resource, label: str, patterns: tuple[str, ...]) -> bool:
    value = resource.get(label)
    return value is not None and any(_fits(value, x) for x in patterns)


def _fits(value: str, pattern: str) -> bool:
    if pattern.startswith("!"):
        return not _is_like(value, pattern[1:])
    return _is_like(value, pattern)


def _is_like(value: str, pattern: str) -> bool:
    # Brackets mean nothing here.
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _text(event: Event) -> str:
    """What is searched: the name, the values of labels, and the payload."""
    values = (x for resource in event.resources for x in resource.values())
    return " ".join((event.event, *values, msgspec.json.encode(event.payload).decode())).lower()
