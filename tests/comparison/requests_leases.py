"""Leases of concurrency slots over HTTP, as the peer of the 3.x line has them: taken, renewed, given back. And limits
of tags, which are global limits there too.

A lease that expires takes a minute, and is not for cases (tests/storage/queries/test_concurrency_leases.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.comparison.build import call, delete, get, post
from tests.comparison.model import JSON, Case, Step

FAMILY = "requests_leases"
PATH = "/v2/concurrency_limits"
TAG = "tag:{unique}"
BASE: dict[str, JSON] = {"name": "{unique}", "limit": 2}
LOOK = get(PATH + "/{made}", "read")
HOLDER: dict[str, JSON] = {"type": "task_run", "id": "{uuid_run}"}
MADE = post(PATH + "/", BASE, "made")


def cases() -> Iterator[Case]:
    for name, steps in (
        *taken(),
        *refused(),
        *renewed(),
        *ended(),
        *of_tags(),
        *of_tags_by_request(),
        *of_tags_as_global_limits(),
    ):
        yield Case(FAMILY, name, steps, peer="3.9")


Named = Iterator[tuple[str, tuple[Step, ...]]]


def lease(fields: JSON = None, name: str = "take") -> Step:
    return post(f"{PATH}/increment-with-lease", {"names": ["{unique}"], "slots": 1} | (fields or {}), name)


def end(of: str = "take", name: str = "end") -> Step:
    return post(f"{PATH}/decrement-with-lease", {"lease_id": f"{{{of}_lease}}"}, name)


def renew(of: str = "take", body: JSON = None, name: str = "renew") -> Step:
    return post(f"{PATH}/leases/{{{of}_lease}}/renew", {} if body is None else body, name)


def taken() -> Named:
    asks: dict[str, JSON] = {
        "one": {},
        "two": {"slots": 2},
        "three": {"slots": 3},
        "none": {"slots": 0},
        "less than none": {"slots": -1},
        "as text": {"slots": "1"},
        "no names": {"names": []},
        "names null": {"names": None},
        "the same name twice": {"names": ["{unique}", "{unique}"]},
        "a name without a limit too": {"names": ["{unique}", "{unique}-b"]},
        "a name with a slash": {"names": ["{unique}/b"]},
        "by rate": {"mode": "rate_limit"},
        "by concurrency": {"mode": "concurrency"},
        "in an unknown mode": {"mode": "riddle"},
        "for a minute": {"lease_duration": 60},
        "for less": {"lease_duration": 59.9},
        "for a day": {"lease_duration": 86400},
        "for more": {"lease_duration": 86400.1},
        "for no time told": {"lease_duration": None},
        "for a time as text": {"lease_duration": "120"},
        "for a time as words": {"lease_duration": "long"},
        "for a task run": {"holder": HOLDER},
        "for a flow run": {"holder": HOLDER | {"type": "flow_run"}},
        "for a deployment": {"holder": HOLDER | {"type": "deployment"}},
        "for nobody": {"holder": None},
        "for another kind": {"holder": HOLDER | {"type": "flow"}},
        "for half a holder": {"holder": {"type": "task_run"}},
        "for more than a holder": {"holder": HOLDER | {"name": "x"}},
        "for no id": {"holder": {"type": "task_run", "id": "x"}},
        "with an unknown field": {"nobody": 1},
    }
    inactive = post(PATH + "/", BASE | {"active": False}, "made")
    for label, fields in asks.items():
        yield f"take/{label}", (MADE, lease(fields), LOOK)
        yield f"take/of an inactive one, {label}", (inactive, lease(fields), LOOK)
    yield "take/nothing", (post(f"{PATH}/increment-with-lease", None, "take"),)
    yield "take/of an unknown one", (lease(), get(PATH + "/{unique}", "read"))
    decaying = post(PATH + "/", BASE | {"slot_decay_per_second": 0.001}, "made")
    yield "take/of a decaying one", (decaying, lease(), LOOK, end(), get(PATH + "/{made}", "after"))
    yield "take/by rate, of a decaying one", (decaying, lease({"mode": "rate_limit", "slots": 2}), LOOK)


def refused() -> Named:
    full = lease({"slots": 2}, "first")
    yield "full/of the lease", (MADE, full, lease(), LOOK)
    yield "full/of the lease, then given back", (MADE, full, lease(), end("first"), lease({}, "again"), LOOK)
    by_name = post(f"{PATH}/increment", {"names": ["{unique}"], "slots": 2}, "first")
    yield "full/taken by name", (MADE, by_name, lease(), LOOK)
    yield "full/and more taken by name", (MADE, full, by_name, LOOK)
    yield "full/for some", (MADE, lease({}, "first"), lease({"slots": 2}), LOOK)
    zero = post(PATH + "/", BASE | {"limit": 0}, "made")
    yield "full/there are none at all", (zero, lease(), LOOK)
    both = post(PATH + "/", {"name": "{unique}-b", "limit": 1}, "other")
    pair: dict[str, JSON] = {"names": ["{unique}", "{unique}-b"]}
    look = (LOOK, get(PATH + "/{other}", "read_other"))
    first = lease({"names": ["{unique}-b"]}, "first")
    yield "full/one of two", (MADE, both, first, lease(pair), *look)


def renewed() -> Named:
    bodies: dict[str, JSON] = {
        "as it was": None,
        "for a minute": {"lease_duration": 60},
        "for less": {"lease_duration": 1},
        "for more than a day": {"lease_duration": 90000},
        "for no time": {"lease_duration": None},
        "with an unknown field": {"nobody": 1},
    }
    for label, body in bodies.items():
        yield f"renew/{label}", (MADE, lease(), renew(body=body), LOOK)
    yield "renew/after its end", (MADE, lease(), end(), renew())
    yield "renew/of an inactive one", (post(PATH + "/", BASE | {"active": False}, "made"), lease(), renew())
    yield "renew/of no lease", (post(f"{PATH}/leases/{{uuid_none}}/renew", {}, "renew"),)
    yield "renew/of no id", (post(f"{PATH}/leases/none/renew", {}, "renew"),)
    yield (
        "renew/of a limit that is gone",
        (MADE, lease(), delete(PATH + "/{made}", "gone", record=True), renew(), end()),
    )


def ended() -> Named:
    yield "end/once", (MADE, lease({"slots": 2}), end(), LOOK)
    yield "end/twice", (MADE, lease(), lease({}, "other"), end(), end(name="again"), LOOK)
    yield "end/of no lease", (post(f"{PATH}/decrement-with-lease", {"lease_id": "{uuid_none}"}, "end"),)
    yield "end/of no id", (post(f"{PATH}/decrement-with-lease", {"lease_id": "none"}, "end"),)
    yield "end/of nothing", (post(f"{PATH}/decrement-with-lease", {}, "end"),)
    yield "end/null", (post(f"{PATH}/decrement-with-lease", {"lease_id": None}, "end"),)
    off = call("PATCH", PATH + "/{made}", "off", {"active": False})
    yield "end/while the limit is off", (MADE, lease(), off, end())
    rename = call("PATCH", PATH + "/{made}", "rename", {"name": "{unique}-new"})
    yield "end/under another name", (MADE, lease(), rename, end(), LOOK)


def of_tags() -> Named:
    """A limit that operators made for a tag."""
    made = post("/concurrency_limits/", {"tag": "{unique}", "concurrency_limit": 1}, "made", record=False)
    by_tag = get("/concurrency_limits/tag/{unique}", "by_tag")
    by_id = get("/concurrency_limits/{made}", "by_id")
    as_global = get(f"{PATH}/{TAG}", "as_global")
    named: dict[str, JSON] = {"names": [TAG]}
    held = lease(named | {"holder": HOLDER})
    reset = post("/concurrency_limits/tag/{unique}/reset", {}, "reset")
    yield "tags/made", (made, by_tag, by_id, as_global)
    yield "tags/held by a task run", (made, held, by_tag, by_id, as_global)
    yield "tags/held by a flow run", (made, lease(named | {"holder": HOLDER | {"type": "flow_run"}}), by_tag, as_global)
    yield "tags/held by nobody told", (made, lease(named), by_tag, as_global)
    yield "tags/full", (made, held, lease(named, "other"), by_tag)
    yield "tags/given back", (made, held, end(), by_tag, as_global)
    yield "tags/reset", (made, held, reset, by_tag, renew(), lease(named, "other"), as_global)
    override = post("/concurrency_limits/tag/{unique}/reset", {"slot_override": ["{uuid_run}"]}, "reset")
    yield "tags/reset to a run", (made, override, by_tag, lease(named))
    for label, path in (("by tag", "/concurrency_limits/tag/{unique}"), ("by id", "/concurrency_limits/{made}")):
        yield f"tags/deleted {label}", (made, held, delete(path, "gone", record=True), renew(), end(), as_global)
    gone = delete(f"{PATH}/{TAG}", "gone", record=True)
    yield "tags/deleted as a global limit", (made, held, gone, renew(), end(), by_tag)
    lowered = post("/concurrency_limits/", {"tag": "{unique}", "concurrency_limit": 0}, "lower", record=False)
    yield "tags/closed", (made, lowered, held, as_global)


def of_tags_by_request() -> Named:
    """Slots of tags that are taken for a task run without a lease that it knows of."""
    made = post("/concurrency_limits/", {"tag": "{unique}", "concurrency_limit": 1}, "made", record=False)
    closed = post("/concurrency_limits/", {"tag": "{unique}", "concurrency_limit": 0}, "made", record=False)
    by_tag = get("/concurrency_limits/tag/{unique}", "by_tag")

    def asked(way: str, name: str, **fields: JSON) -> Step:
        body = {"names": ["{unique}", "{unique}-b"], "task_run_id": "{uuid_run}"} | fields
        return post(f"/concurrency_limits/{way}", body, name)

    take, free = asked("increment", "take"), asked("decrement", "free")
    other = asked("increment", "other", task_run_id="{uuid_other}")
    yield "tags/taken by request", (made, take, by_tag)
    yield "tags/taken by request, full", (made, take, other, by_tag)
    yield "tags/taken by request, closed", (closed, take, by_tag)
    yield "tags/taken by request, freed", (made, take, free, by_tag, other)
    yield "tags/freed by request, never taken", (made, free, by_tag)
    yield "tags/taken by request, of no limit", (take, free)
    yield "tags/taken by request, then leased", (made, take, lease({"names": [TAG]}, "leased"))
    yield "tags/leased, then taken by request", (made, lease({"names": [TAG]}, "leased"), take)
    wrong: dict[str, dict[str, JSON]] = {"no run": {"task_run_id": "x"}, "no names": {"names": []}}
    for label, fields in wrong.items():
        yield f"tags/taken by request, {label}", (asked("increment", "take", **fields),)


def of_tags_as_global_limits() -> Named:
    """A global limit whose name is that of a tag's."""
    made = post(PATH + "/", {"name": TAG, "limit": 1}, "made")
    by_tag = get("/concurrency_limits/tag/{unique}", "by_tag")
    by_id = get("/concurrency_limits/{made}", "by_id")
    yield "named as of a tag/made", (made, by_tag, by_id)
    again = post("/concurrency_limits/", {"tag": "{unique}", "concurrency_limit": 5}, "again")
    yield "named as of a tag/made again for the tag", (made, again, by_tag, LOOK)
    change = call("PATCH", f"{PATH}/{TAG}", "change", {"limit": 7})
    yield "named as of a tag/changed", (made, change, by_tag)
    yield "named as of a tag/deleted", (made, delete(f"{PATH}/{TAG}", "gone", record=True), by_tag)
    yield "of no tag/by id", (MADE, by_id)
