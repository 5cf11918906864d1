"""Global concurrency limits over HTTP: kept, taken and given back, with and without decay.

The slots of a limit that decays change with time: there the cases look at the answers, not at the counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.comparison.build import call, delete, get, post
from tests.comparison.model import JSON, Case, Step
from tests.comparison.requests_small import creations, unknowns

FAMILY = "requests_limits_v2"
PATH = "/v2/concurrency_limits"
BASE: dict[str, JSON] = {"name": "{unique}", "limit": 2}
LOOK = get(PATH + "/{made}", "read")

FIELDS: dict[str, Any] = {
    "nothing more": {},
    "everything": {"active": False, "active_slots": 1, "denied_slots": 3, "slot_decay_per_second": 0},
    "limit zero": {"limit": 0},
    "limit negative": {"limit": -1},
    "limit as text": {"limit": "3"},
    "limit as fraction": {"limit": 2.5},
    "limit null": {"limit": None},
    "slots negative": {"active_slots": -1},
    "slots above the limit": {"active_slots": 9},
    "decay negative": {"slot_decay_per_second": -0.1},
    "decay as text": {"slot_decay_per_second": "0"},
    "name null": {"name": None},
    "name with a slash": {"name": "{unique}/a"},
    "name with a percent": {"name": "{unique}%a"},
    "name with a space": {"name": "{unique} a"},
    "unknown field": {"nobody": 1},
    "nothing": None,
}


def cases() -> Iterator[Case]:
    yield from creations(FAMILY, PATH + "/", BASE, FIELDS, LOOK)
    yield from kept()
    yield from taken()
    yield from given_back()


def kept() -> Iterator[Case]:
    first = post(PATH + "/", BASE, "made")
    yield Case(FAMILY, "repeat", (first, post(PATH + "/", BASE, "again"), LOOK))
    ways = {"by id": "{made}", "by name": "{unique}"}
    updates: dict[str, JSON] = {
        "limit": {"limit": 5},
        "name": {"name": "{unique}-new"},
        "not active": {"active": False},
        "slots": {"active_slots": 1, "denied_slots": 2},
        "empty": {},
        "limit negative": {"limit": -1},
        "bad name": {"name": "a/b"},
        "unknown field": {"nobody": 1},
        "nothing": None,
    }
    for way, name in ways.items():
        yield Case(FAMILY, f"read/{way}", (first, get(f"{PATH}/{name}", "ask")))
        for label, body in updates.items():
            change = call("PATCH", f"{PATH}/{name}", "update", body)
            yield Case(FAMILY, f"update/{way}/{label}", (first, change, LOOK))
        gone = tuple(delete(f"{PATH}/{name}", step, record=True) for step in ("gone", "again"))
        yield Case(FAMILY, f"delete/{way}", (first, *gone, LOOK))
    yield from unknowns(FAMILY, PATH, ("GET", "PATCH", "DELETE"))
    yield Case(FAMILY, "filter", (post(PATH + "/filter", {"limit": 201}, "limit 201"),))


def take(fields: JSON = None, name: str = "take", path: str = "increment") -> Step:
    return post(f"{PATH}/{path}", {"names": ["{unique}"], "slots": 1} | (fields or {}), name)


def taken() -> Iterator[Case]:
    first = post(PATH + "/", BASE, "made")
    inactive = post(PATH + "/", BASE | {"active": False}, "made")
    asks: dict[str, JSON] = {
        "one": {},
        "two": {"slots": 2},
        "three": {"slots": 3},
        "none": {"slots": 0},
        "as text": {"slots": "1"},
        "no names": {"names": []},
        "names null": {"names": None},
        "the same name twice": {"names": ["{unique}", "{unique}"]},
        "another name too": {"names": ["{unique}", "{unique}-b"]},
        "rate": {"mode": "rate_limit"},
        "concurrency": {"mode": "concurrency"},
        "unknown mode": {"mode": "riddle"},
        "unknown field": {"nobody": 1},
    }
    for label, fields in asks.items():
        yield Case(FAMILY, f"take/{label}", (first, take(fields), LOOK))
        yield Case(FAMILY, f"take/of an inactive one, {label}", (inactive, take(fields), LOOK))
    yield Case(FAMILY, "take/nothing", (post(f"{PATH}/increment", None, "take"),))
    yield Case(FAMILY, "take/of an unknown one", (take(), get(PATH + "/{unique}", "read")))
    full = (first, take({"slots": 2}, "first"), take({}, "second"), take({"slots": 2}, "third"), LOOK)
    yield Case(FAMILY, "take/of a full one", full)
    zero = post(PATH + "/", BASE | {"limit": 0}, "made")
    yield Case(FAMILY, "take/of none at all", (zero, take(), LOOK))
    both = post(PATH + "/", {"name": "{unique}-b", "limit": 1}, "other", record=False)
    pair: dict[str, JSON] = {"names": ["{unique}", "{unique}-b"]}
    look = (LOOK, get(PATH + "/{other}", "read_other"))
    steps = (first, both, take(pair, "first"), take(pair, "second"), *look)
    yield Case(FAMILY, "take/of two, one of them full", steps)
    decaying = post(PATH + "/", BASE | {"slot_decay_per_second": 0.001}, "made", record=False)
    rate: dict[str, JSON] = {"mode": "rate_limit"}
    yield Case(FAMILY, "take/of a decaying one", (decaying, take(rate | {"slots": 2}, "first"), take(rate, "second")))
    mixed = take(pair | rate)
    yield Case(FAMILY, "take/by rate, of one that decays and one that does not", (decaying, both, mixed))


def given_back() -> Iterator[Case]:
    first = (post(PATH + "/", BASE, "made"), take({"slots": 2}))
    asks: dict[str, JSON] = {
        "one": {},
        "two": {"slots": 2},
        "more than taken": {"slots": 5},
        "none": {"slots": 0},
        "after 10 seconds": {"occupancy_seconds": 10},
        "after 0 seconds": {"occupancy_seconds": 0},
        "no names": {"names": []},
        "the same name twice": {"names": ["{unique}", "{unique}"]},
        "seconds null": {"occupancy_seconds": None},
        "unknown field": {"nobody": 1},
    }
    for label, fields in asks.items():
        yield Case(FAMILY, f"give/{label}", (*first, take(fields, "give", "decrement"), LOOK))
    yield Case(FAMILY, "give/to an unknown one", (take({}, "give", "decrement"), get(PATH + "/{unique}", "read")))
    slow = take({"occupancy_seconds": 60}, "give", "decrement")
    yield Case(FAMILY, "give/and be told to wait longer", (*first, slow, take({"slots": 2}, "again"), LOOK))
