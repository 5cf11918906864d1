"""Whether an event meets a filter: by its time, name and id, by its resources, and by its text."""

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from interlock.orchestration.events import (
    RESOURCE_ID,
    RESOURCE_ROLE,
    Event,
    EventsAsked,
    NamesAsked,
    ResourceAsked,
    TextAsked,
    has_resources,
    includes,
)
from tests.builders import THEN
from tests.happenings import (
    NAMES,
    PATTERNS,
    VALUES,
    filters,
    happened,
    happenings,
    names_asked,
    related,
    resources_asked,
)

DAY = timedelta(days=1)
ALL = EventsAsked(since=THEN - DAY, until=THEN + DAY)


@pytest.mark.parametrize(("at", "met"), [(-0.001, False), (0, True), (5, True), (10, True), (10.001, False)])
def test_both_times_are_included(at: float, met: bool) -> None:
    """To the microsecond."""
    asked = EventsAsked(since=THEN, until=THEN + timedelta(seconds=10))
    assert includes(asked, happened(1, at)) == met


@pytest.mark.parametrize(
    ("asked", "met"),
    [
        (NamesAsked(), NAMES),
        (NamesAsked(prefixes=("shop.",)), ("shop.sold", "shop.sold.out")),
        (NamesAsked(prefixes=("door", "100%")), ("door.opened", "100%_done")),
        (NamesAsked(names=("shop", "nothing")), ("shop",)),
        (NamesAsked(prefixes=("shop",), names=("door.opened",)), ()),
        (NamesAsked(prefixes=("shop",), excluded_prefixes=("shop.sold.",)), ("shop.sold", "shop")),
        (NamesAsked(prefixes=("shop",), excluded_names=("shop", "shop.sold")), ("shop.sold.out",)),
        (NamesAsked(excluded_prefixes=("",)), ()),
        (NamesAsked(prefixes=("SHOP", "sh_p", "sh%")), ()),
    ],
)
def test_names_are_asked_for_and_ruled_out(asked: NamesAsked, met: tuple[str, ...]) -> None:
    """By prefixes and as a whole; letters have a case and nothing is a wildcard."""
    assert tuple(filter(asked.include, NAMES)) == met


@given(names_asked(), st.sampled_from(NAMES))
def test_what_is_ruled_out_takes_away_and_nothing_else(asked: NamesAsked, name: str) -> None:
    """An event that is asked for with exclusions is so without them."""
    free = replace(asked, excluded_prefixes=(), excluded_names=())
    ruled_out = name in asked.excluded_names or any(name.startswith(x) for x in asked.excluded_prefixes)
    assert asked.include(name) == (free.include(name) and not ruled_out)


def test_an_event_is_found_by_its_id() -> None:
    """One of several."""
    first, second = happened(1), happened(2)
    asked = replace(ALL, ids=(first.id, happened(3).id))
    assert (includes(asked, first), includes(asked, second)) == (True, False)


SHOP = related("shop.1", "owner", color="dark red")


@pytest.mark.parametrize(
    ("asked", "met"),
    [
        (ResourceAsked(), True),
        (ResourceAsked(labels=()), True),
        (ResourceAsked(ids=("shop.2", "shop.1")), True),
        (ResourceAsked(ids=("shop",)), False),
        (ResourceAsked(id_prefixes=("door", "shop.")), True),
        (ResourceAsked(id_prefixes=("Shop",)), False),
        (ResourceAsked(roles=("owner",)), True),
        (ResourceAsked(roles=("visitor", "own")), False),
        (ResourceAsked(in_roles=(("shop.2", "owner"), ("shop.1", "owner"))), True),
        (ResourceAsked(in_roles=(("shop.1", "visitor"), ("shop.2", "owner"))), False),
        (ResourceAsked(ids=("shop.1",), roles=("visitor",)), False),
        (ResourceAsked(labels=(("color", ("green", "dark*")), (RESOURCE_ID, ("shop.?",)))), True),
        (ResourceAsked(labels=(("color", ("dark*",)), ("size", ("*",)))), False),
        (ResourceAsked(labels=(("color", ()),)), False),
        (ResourceAsked(labels=(("size", ("!*",)),)), False),
        (ResourceAsked(labels=(("size", ("!big",)),)), False),
    ],
)
def test_a_resource_has_all_that_is_asked_of_it(asked: ResourceAsked, met: bool) -> None:
    """A label that it has not fits no pattern, not even what a pattern rules out."""
    assert asked.includes(SHOP) == met


def like(value: str, pattern: str) -> bool:
    """What a pattern means, by another way: no `*` and no `?` means anything but itself where they are letters."""
    parts = {"*": "(?:.|\n)*", "?": "(?:.|\n)"}
    text = "".join(parts.get(x) or re.escape(x) for x in pattern.removeprefix("!"))
    return (re.fullmatch(text, value) is None) == pattern.startswith("!")


patterns = st.sampled_from(PATTERNS) | st.text("ab[]-*?!\\.\n", max_size=5)


@given(st.sampled_from(VALUES) | st.text("ab[]-*?!\\.\n", max_size=5), patterns)
def test_only_stars_question_marks_and_the_first_exclamation_mark_mean_anything(value: str, pattern: str) -> None:
    """Brackets, backslashes and the like stand for themselves."""
    asked = ResourceAsked(labels=(("color", (pattern,)),))
    assert asked.includes({RESOURCE_ID: "x", "color": value}) == like(value, pattern)


def test_a_pattern_full_of_stars_is_answered_at_once() -> None:
    """It comes from clients, and must not keep the server busy."""
    asked = ResourceAsked(labels=(("color", ("*a" * 100 + "b",)),))
    assert not asked.includes({RESOURCE_ID: "x", "color": "a" * 10_000})


def with_related(*resources: dict[str, str]) -> Event:
    return happened(1, resource={RESOURCE_ID: "door.1", "color": "white"}, related=resources)


OWNER, VISITOR = ResourceAsked(roles=("owner",)), ResourceAsked(ids=("shop.2",), roles=("visitor",))
TWO = with_related(related("shop.1", "owner"), related("shop.2", "visitor"))


@pytest.mark.parametrize(
    ("fields", "met"),
    [
        ({"resource": ResourceAsked(ids=("door.1",))}, True),
        ({"resource": ResourceAsked(ids=("shop.1",))}, False),
        ({"related": (OWNER, VISITOR)}, True),
        ({"related": (ResourceAsked(ids=("shop.1",), roles=("visitor",)),)}, False),
        ({"related": (ResourceAsked(ids=("door.1",)),)}, False),
        ({"related": (OWNER, ResourceAsked(roles=("thief",)))}, False),
        ({"any_resource": (ResourceAsked(ids=("door.1",)), ResourceAsked(ids=("shop.1",)))}, True),
        ({"any_resource": (ResourceAsked(ids=("door.1",), id_prefixes=("shop",)),)}, False),
        ({"any_resource": (ResourceAsked(labels=(("color", ("white",)),)),)}, True),
        ({"related": (ResourceAsked(labels=(("color", ("white",)),)),)}, False),
    ],
)
def test_one_related_resource_meets_all_that_one_filter_asks(fields: dict[str, Any], met: bool) -> None:
    """Each of several filters may be met by another; `any_resource` looks at what the event is about, too."""
    assert includes(replace(ALL, **fields), TWO) == met


def test_an_empty_filter_of_related_resources_is_met_by_an_event_without_any() -> None:
    """It asks for nothing."""
    assert includes(replace(ALL, related=(ResourceAsked(),), any_resource=(ResourceAsked(),)), happened(1))


TALE = happened(
    1,
    event="shop.Sold",
    resource={RESOURCE_ID: "shop.1", "color": "Dark RED"},
    related=(related("door.9", "way out"),),
    payload={"note": {"deep": ["Ünï"]}},
)


@pytest.mark.parametrize(
    ("asked", "met"),
    [
        (TextAsked(any_of=("sold",)), True),
        (TextAsked(any_of=("nothing", "dark red")), True),
        (TextAsked(any_of=("nothing",)), False),
        (TextAsked(all_of=("shop.1", "way out", "ünï", "deep")), True),
        (TextAsked(all_of=("shop.1", "nothing")), False),
        (TextAsked(none_of=("nothing",)), True),
        (TextAsked(any_of=("sold",), none_of=("door.9",)), False),
        (TextAsked(any_of=("color", "prefect.resource.id")), False),
    ],
)
def test_text_is_looked_for_in_the_name_the_values_of_labels_and_the_payload(asked: TextAsked, met: bool) -> None:
    """In any case; the names of labels are no text of an event."""
    assert includes(replace(ALL, text=asked), TALE) == met


@given(filters(), happenings([1]))
def test_a_filter_is_met_where_each_of_its_parts_is(asked: EventsAsked, events: list[Event]) -> None:
    """Nothing of it stands for another part."""
    (event,) = events
    only = EventsAsked(since=asked.since, until=asked.until)
    parts = [
        replace(only, **{name: getattr(asked, name)})
        for name in ("names", "ids", "resource", "related", "any_resource", "text")
    ]
    assert includes(asked, event) == all(includes(x, event) for x in parts)
    if includes(asked, event):
        assert has_resources(asked, event)


@given(filters(), happenings([1]))
def test_a_filter_that_looks_not_inside_is_decided_by_time_name_and_id(asked: EventsAsked, events: list[Event]) -> None:
    """So that what the database tells of these is all there is to ask."""
    assert asked.looks_inside or has_resources(asked, events[0])


@given(resources_asked(), happenings([1]))
def test_a_role_is_none_of_what_the_event_is_about(asked: ResourceAsked, events: list[Event]) -> None:
    """Only related resources have one, so a filter by role finds nothing else."""
    resource = events[0].resource
    if asked.roles or asked.in_roles or any(x == RESOURCE_ROLE for x, _ in asked.labels or ()):
        assert not asked.includes(resource)
