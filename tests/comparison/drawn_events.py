"""Events, and what is asked of them, drawn at random.

What lives here: what both servers are sent. What does not: the comparison of their answers (test_drawn_events.py).

Where the peer (3.9.1, on SQLite) is plainly wrong, nothing is drawn (docs/compatibility_notes.toml has the reasons):

- all is in lower case, since its names, prefixes and patterns are the same in any case;
- no prefix has `%` or `_`, which it takes for wildcards;
- no text is looked for, which fails on a SQLite older than 3.44, and finds the names of labels on others;
- no time that is asked for is that of an event or of the beginning of a span, where it fails;
- no other unit is named where days are counted, which it mixes up with them;
- no label is asked for without any pattern, and roles are asked for as they are, without patterns;
- no event is of the same time as another, as their order is left to chance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from tests.comparison.model import JSON

NAMES = ("shop.sold", "shop.sold.out", "shop.closed", "door.opened", "door", "town.grew")
PREFIXES = ("shop", "shop.", "shop.sold", "door.", "town.grew.more", "")
IDS = ("shop.1", "shop.2", "shop.10", "door.1", "town", "prefect.tag.blue", "prefect.flow-run.none")
ROLES = ("owner", "visitor", "tag")
LABELS = ("color", "size", "prefect.resource.name", "prefect.name")
VALUES = ("blue", "dark blue", "cheap", "quite cheap", "big")
PATTERNS = (*VALUES, "*blue", "blue*", "b?ue", "*", "!blue", "!*cheap", "?*", "none")
SPAN_HOURS = 60
UNITS = {"week": 604_800, "day": 86_400, "hour": 3600, "minute": 60}


@dataclass(frozen=True)
class Asked:
    """A request of a page, or of a count by something."""

    path: str
    body: dict[str, Any]


def begin_of_all() -> datetime:
    """Events go on from here, and end before now."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(hours=SPAN_HOURS + 1)


def drawn_events(random: Random, begin: datetime, count: int) -> list[dict[str, Any]]:
    """Events at whole seconds, each at its own."""
    times = random.sample(range(SPAN_HOURS * 3600), count)
    return [_event(random, begin + timedelta(seconds=x)) for x in times]


def _event(random: Random, at: datetime) -> dict[str, Any]:
    related = [_resource(random) | {"prefect.resource.role": random.choice(ROLES)} for _ in range(random.randrange(4))]
    return {
        "id": str(UUID(int=random.getrandbits(128), version=4)),
        "occurred": at.isoformat(),
        "event": random.choice(NAMES),
        "resource": _resource(random),
        "related": related,
        "payload": random.choice(({}, {"n": 7}, {"note": "very cheap"}, {"deep": [{"a": None}, 1.5, True]})),
        "follows": str(UUID(int=random.getrandbits(128), version=4)) if random.random() < 0.2 else None,
    }


def _resource(random: Random) -> dict[str, str]:
    labels = random.sample(LABELS, random.randrange(3))
    return {"prefect.resource.id": random.choice(IDS), **{x: random.choice(VALUES) for x in labels}}


def drawn_questions(random: Random, begin: datetime, ids: list[str], count: int) -> Iterator[Asked]:
    for _ in range(count):
        asked = _filter(random, begin, ids)
        yield _count(random, asked) if random.random() < 0.4 else _page(random, asked)


def _page(random: Random, asked: dict[str, JSON]) -> Asked:
    order = {"order": random.choice(("ASC", "DESC"))} if random.random() < 0.7 else {}
    return Asked("/events/filter", {"filter": asked | order, "limit": random.choice((5, 17, 50))})


def _count(random: Random, asked: dict[str, JSON]) -> Asked:
    countable = random.choice(("day", "time", "time", "event", "resource"))
    body: dict[str, Any] = {"filter": asked}
    if countable != "day" and (countable == "time" or random.random() < 0.2):
        unit = random.choice(list(UNITS))
        least = SPAN_HOURS * 3600 / 900 / UNITS[unit]
        body |= {"time_unit": unit, "time_interval": round(random.uniform(max(least, 0.01), max(least, 1) * 3), 2)}
    return Asked(f"/events/count-by/{countable}", body)


def _filter(random: Random, begin: datetime, ids: list[str]) -> dict[str, JSON]:
    parts: dict[str, Callable[[], JSON]] = {
        "event": lambda: _of(random, {x: NAMES if x.endswith("name") else PREFIXES for x in _NAME_FIELDS}),
        "resource": lambda: (
            _resources(random, "id", "id_prefix") | ({"distinct": True} if random.random() < 0.3 else {})
        ),
        "related": lambda: _one_or_more(random, lambda: _resources(random, "id", "role", "resources_in_roles")),
        "any_resource": lambda: _one_or_more(random, lambda: _resources(random, "id", "id_prefix")),
        "id": lambda: {"id": random.sample(ids, random.randrange(1, 40))},
    }
    chances = {"event": 0.4, "resource": 0.4, "related": 0.3, "any_resource": 0.25, "id": 0.1}
    drawn = {name: draw() for name, draw in parts.items() if random.random() < chances[name]}
    return drawn | {"occurred": _occurred(random, begin)}


_NAME_FIELDS = ("prefix", "exclude_prefix", "name", "exclude_name")


def _of(random: Random, fields: dict[str, tuple[str, ...]]) -> dict[str, JSON]:
    """One or two of the fields, each with some of its values; no exclusion of all."""
    chosen = random.sample(list(fields), random.choice((1, 1, 2)))
    return {
        x: random.sample([y for y in fields[x] if y or not x.startswith("ex")], random.choice((1, 2))) for x in chosen
    }


def _resources(random: Random, *fields: str) -> dict[str, JSON]:
    values: dict[str, Callable[[], JSON]] = {
        "id": lambda: random.sample(IDS, random.choice((1, 2))),
        "id_prefix": lambda: random.sample((*PREFIXES, "prefect.tag."), random.choice((1, 2))),
        "role": lambda: random.sample(ROLES, random.choice((1, 2))),
        "resources_in_roles": lambda: [[random.choice(IDS), random.choice(ROLES)] for _ in range(2)],
        "labels": lambda: _labels(random, with_roles="role" in fields),
    }
    chosen = random.sample((*fields, "labels"), random.choice((0, 1, 1, 1, 2)))
    return {x: values[x]() for x in chosen}


def _labels(random: Random, *, with_roles: bool) -> dict[str, JSON]:
    choices: dict[str, tuple[str, ...]] = dict.fromkeys(LABELS, PATTERNS)
    choices["prefect.resource.id"] = (*IDS, "shop.*", "shop.?", "!shop.*", "prefect.*")
    if with_roles:
        choices["prefect.resource.role"] = ROLES
    chosen = random.sample(list(choices), random.choice((1, 1, 2)))
    return {x: random.choice(choices[x]) if random.random() < 0.5 else random.sample(choices[x], 2) for x in chosen}


def _one_or_more(random: Random, draw: Callable[[], JSON]) -> JSON:
    return [draw() for _ in range(2)] if random.random() < 0.4 else draw()


def _occurred(random: Random, begin: datetime) -> dict[str, JSON]:
    """Somewhere in the time of all, between whole seconds; mostly all of it."""
    since, until = 0.0, float(SPAN_HOURS * 3600)
    if random.random() < 0.3:
        since, until = sorted(random.sample(range(SPAN_HOURS * 3600), 2))
    return {"since": _moment(begin, since - 0.5), "until": _moment(begin, until + 0.5)}


def _moment(begin: datetime, seconds: float) -> str:
    return (begin + timedelta(seconds=seconds)).isoformat()
