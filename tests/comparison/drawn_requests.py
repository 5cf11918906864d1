"""Requests drawn at random: which route, which filters, in what order, which page; now and then one without sense.

What lives here: the bodies as wholes, and by what an answer is ordered. What does not: what stands in filters
(`drawn_filters`), and the comparison of answers (`alike`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random

from tests.comparison.drawn_filters import FILTERS, NOBODY, artifact_filter, log_filter
from tests.comparison.drawn_world import STRIDE, World
from tests.comparison.model import JSON

RUNS = ("flows", "flow_runs", "task_runs", "deployments")
POOLS = (*RUNS, "work_pools")
QUEUES = (*POOLS, "work_queues")
POOL_QUEUES = (*POOLS, "work_pool_queues")
NONSENSE_CHANCE = 0.1
HOUR = 3600


@dataclass(frozen=True)
class Asked:
    """A request that changes nothing.

    `order`: the columns by which the records of the answer are ordered, the first that is not null; none where their
    order is left to chance. `skips` and `fills`: how many come before the page, and how many it has room for.
    """

    path: str
    body: JSON = None
    since: JSON = None
    order: tuple[str, ...] | None = None
    skips: int = 0
    fills: int | None = None


def drawn_requests(random: Random, world: World, count: int) -> Iterator[Asked]:
    draws = [draw for draw, weight in ROUTES for _ in range(weight)]
    for _ in range(count):
        asked = random.choice(draws)(random, world)
        yield _nonsense(random, asked) if asked.body and random.random() < NONSENSE_CHANCE else asked


# --- pages and counts ------------------------------------------------------------------------------------------------


def _filters(random: Random, world: World, own: str, nouns: tuple[str, ...]) -> dict[str, JSON]:
    """Mostly a filter of the noun that is asked for, seldom several others."""
    chosen = [noun for noun in nouns if random.random() < (0.8 if noun == own else _chance(noun))]
    drawn = {noun: FILTERS[noun](random, world) for noun in chosen}
    return drawn | ({random.choice(nouns): random.choice((None, {}))} if random.random() < 0.05 else {})


def _chance(noun: str) -> float:
    return 0.01 if noun.startswith("work_") else 0.15


def _page(random: Random, most: int = 200) -> dict[str, JSON]:
    """Now and then all that one page can hold."""
    page: dict[str, JSON] = {}
    if random.random() < 0.6:
        page["limit"] = random.choice((0, 1, 2, 5, 10, random.randint(1, 60), most))
    if random.random() < 0.3:
        page["offset"] = random.choice((0, 1, 2, 5, random.randint(0, 60)))
    return page


def _sorted(random: Random, sorts: tuple[str, ...], usual: str) -> tuple[dict[str, JSON], tuple[str, ...] | None]:
    """What a body says of the order, and the columns that it means."""
    sort = random.choice(sorts) if random.random() < 0.75 else None
    column = (sort or usual).lower().rpartition("_")[0]
    return {"sort": sort} if sort else {}, COLUMNS.get(column, (column,))


COLUMNS = {"start_time": ("start_time", "expected_start_time"), "latest_id": ("id",)}
TIMES = ("EXPECTED_START_TIME_ASC", "EXPECTED_START_TIME_DESC", "NEXT_SCHEDULED_START_TIME_ASC", "END_TIME_DESC")
NAMES = ("NAME_ASC", "NAME_DESC")
SORTS = {
    "flow_runs": ("ID_DESC", *TIMES, *NAMES, "START_TIME_ASC", "START_TIME_DESC"),
    "task_runs": ("ID_DESC", *TIMES, *NAMES),
    "flows": ("CREATED_DESC", "UPDATED_DESC", *NAMES),
    "deployments": ("CREATED_DESC", "UPDATED_DESC", *NAMES),
    "logs": ("TIMESTAMP_ASC", "TIMESTAMP_DESC"),
    "artifacts": ("CREATED_DESC", "UPDATED_DESC", "ID_DESC", "KEY_DESC", "KEY_ASC"),
}
USUAL = {"flow_runs": "ID_DESC", "task_runs": "ID_DESC", "logs": "TIMESTAMP_ASC", "artifacts": "ID_DESC"}
NOUNS = {"flow_runs": POOL_QUEUES, "task_runs": RUNS, "flows": POOLS, "deployments": POOL_QUEUES}


def _asked_page(random: Random, path: str, noun: str, filters: JSON, most: int = 200, usual: str = "") -> Asked:
    sort, order = _sorted(random, SORTS[noun], usual or USUAL.get(noun, "NAME_ASC"))
    page = _page(random, most)
    # Ids are the client's own for task runs only.
    by_chance = order == ("id",) and noun != "task_runs"
    order = None if by_chance else order
    return Asked(path, filters | sort | page, None, order, page.get("offset", 0), page.get("limit", most))


def _page_of(noun: str) -> Callable[[Random, World], Asked]:
    def draw(random: Random, world: World) -> Asked:
        return _asked_page(random, f"/{noun}/filter", noun, _filters(random, world, noun, NOUNS[noun]))

    return draw


def _sum_of(noun: str, path: str, nouns: tuple[str, ...]) -> Callable[[Random, World], Asked]:
    """A count, or another sum over all that filters ask for."""

    def draw(random: Random, world: World) -> Asked:
        return Asked(path, _filters(random, world, noun, nouns))

    return draw


def _logs(random: Random, world: World) -> Asked:
    filters = {"logs": log_filter(random, world)} if random.random() < 0.9 else {}
    return _asked_page(random, "/logs/filter", "logs", filters)


def _artifacts(random: Random, world: World) -> Asked:
    return _asked_artifacts(random, world, "/artifacts", "id")


def _latest_artifacts(random: Random, world: World) -> Asked:
    return _asked_artifacts(random, world, "/artifacts/latest", "latest_id")


def _asked_artifacts(random: Random, world: World, path: str, id_name: str) -> Asked:
    filters = _filters(random, world, "", RUNS)
    if random.random() < 0.8:
        filters["artifacts"] = artifact_filter(random, world, id_name)
    return Asked(f"{path}/count", filters) if random.random() < 0.4 else _artifact_page(random, path, filters)


def _artifact_page(random: Random, path: str, filters: JSON) -> Asked:
    return _asked_page(random, f"{path}/filter", "artifacts", filters)


def _points(random: Random, world: World) -> Asked:
    filters = _filters(random, world, "flow_runs", POOLS)
    return _asked_page(random, "/ui/flow_runs/history", "flow_runs", filters, 1000, "EXPECTED_START_TIME_DESC")


# --- sums over time --------------------------------------------------------------------------------------------------


def _history_of(noun: str, nouns: tuple[str, ...]) -> Callable[[Random, World], Asked]:
    def draw(random: Random, world: World) -> Asked:
        grid = _seconds_of_one_stride(random) if random.random() < 0.4 else _hours(random)
        return Asked(f"/{noun}/history", _filters(random, world, noun, nouns) | grid)

    return draw


def _hours(random: Random) -> dict[str, JSON]:
    """Long intervals. The present is in the middle of one: it does not matter how long a server is being filled."""
    width = random.choice((HOUR, 10 * HOUR, STRIDE // 2, STRIDE, 10 * STRIDE))
    before, after = (random.choice((0, 1, random.randint(0, 40), random.randint(0, 300))) for _ in range(2))
    start, end = -before * width - width // 2, after * width + random.choice((width // 2, 0, width))
    return _grid(start, end, width)


def _seconds_of_one_stride(random: Random) -> dict[str, JSON]:
    """Short intervals about a moment for which runs may be scheduled."""
    middle = random.choice((-1, 1)) * random.randint(1, 15) * STRIDE
    width = random.choice((1, 1.0, 1.5, 2, 3, *WIDTHS))
    return _grid(middle - random.randint(0, 10), middle + random.randint(-1, 20), width)


WIDTHS = (0, 0.9, -1, 1.0004, 1.0006, "2", "00:00:02", "PT3S", "P1D", "x", True, None, 10**9, 1.25)
"""Lengths in other spellings, and some that won't do."""


def _grid(start: float, end: float, width: JSON) -> dict[str, JSON]:
    return {"history_start": {"$second": start}, "history_end": {"$second": end}, "history_interval_seconds": width}


def _dashboard(random: Random, world: World) -> Asked:
    """Twenty bars; the present is in the middle of one, or in the last one, which ends with it."""
    width = random.choice((HOUR, 10 * HOUR, STRIDE))
    bars_before = random.randint(0, 19)
    started: dict[str, JSON] = {"after_": {"$second": -bars_before * width - width // 2}}
    started["before_"] = {"$second": (19 - bars_before) * width + width // 2}
    if random.random() < 0.3:
        started = {"after_": {"$second": -20 * width}}
    filters = _filters(random, world, "task_runs", QUEUES)
    filters["task_runs"] = (filters.get("task_runs") or {}) | {"start_time": started}
    return Asked("/ui/task_runs/dashboard/counts", filters)


def _graph(random: Random, world: World) -> Asked:
    run = random.choice(world.flow_runs[:12] if random.random() < 0.8 else world.flow_runs)
    if random.random() < 0.25:
        return Asked(f"/flow_runs/{{{run}}}/graph")
    if random.random() < 0.1:
        return Asked(f"/flow_runs/{{{run}}}/graph-v2", since=random.choice(SINCE))
    since = {
        "$field": f"{random.choice(world.alone() + world.flow_runs)}.end_time",
        "microseconds": random.choice((-1, 0, 1)),
    }
    return Asked(f"/flow_runs/{{{run}}}/graph-v2", since=since if random.random() < 0.6 else None)


SINCE = (
    *("no", "1.5", "0", "1600000000", "1600000000000", "-1", "2020-01-01", "2020-01-01T00:00", "2020-01-01T00:00:00"),
    *("2100-01-01 00:00:00Z", "2100-01-01T00:00:00+02:00", "2020-13-01T00:00:00Z", "20200101T000000Z", "now", "00:00"),
)
"""Times in other spellings, and what is no time."""

ROUTES: tuple[tuple[Callable[[Random, World], Asked], int], ...] = (
    (_page_of("task_runs"), 12),
    (_page_of("flow_runs"), 12),
    (_page_of("flows"), 3),
    (_page_of("deployments"), 3),
    (_sum_of("task_runs", "/task_runs/count", RUNS), 8),
    (_sum_of("flow_runs", "/flow_runs/count", POOL_QUEUES), 8),
    (_sum_of("flows", "/flows/count", POOLS), 2),
    (_sum_of("deployments", "/deployments/count", POOL_QUEUES), 2),
    (_sum_of("flow_runs", "/flow_runs/lateness", POOL_QUEUES), 2),
    (_sum_of("task_runs", "/ui/task_runs/count", RUNS), 3),
    (_history_of("task_runs", RUNS), 3),
    (_history_of("flow_runs", QUEUES), 3),
    (_dashboard, 3),
    (_points, 3),
    (_logs, 5),
    (_artifacts, 3),
    (_latest_artifacts, 2),
    (_graph, 4),
)


# --- nonsense --------------------------------------------------------------------------------------------------------

UNUSUAL: tuple[JSON, ...] = (
    *(-1, 0, 1, 201, 1.5, 10**20, -(2**63) - 1, True, False, None, NOBODY, NOBODY.replace("-", "").upper()),
    *("", "x", "1", "5.0", "true", "yes", "off", "T", "or_", "RUNNING", "running", "NAME_ASC", "name_asc", "null"),
    *([], ["x"], [1], [1.5, True], [None], [[]], [{}], ["RUNNING"], ["running"], [NOBODY], [NOBODY.upper()], ["", "1"]),
    *({}, {"nobody": 1}, {"any_": []}, {"any_": None}, {"any_": "x"}, [["any_", []]], [["is_null_", True]], [[1, 2]]),
    *("2020-01-01", "2020-01-01T00:00:00", "2100-01-01T00:00:00Z", "2100-01-01 00:00:00.1+02:00", "20200101T000000Z"),
    *("2020-01-01T00:00", "2100-12-31T24:00:00Z", "2020-01-01T00:00:00.123456789Z", "2020-13-01", "2020-W01-1"),
)
"""Values that stand for others, or don't make sense anywhere."""


def _nonsense(random: Random, asked: Asked) -> Asked:
    """The same with some value in the wrong place, or with a key that nobody knows.

    Where that is the page or its order, it is only known how many records are to be there.
    """
    body = copy.deepcopy(asked.body)
    place = random.choice(list(_objects(body)))
    key = random.choice(["nobody", *place]) if place else "nobody"
    if not key.startswith("$") and key != "microseconds" and not _is_moment(place.get(key)):
        place[key] = random.choice(UNUSUAL)
    if key in ("sort", "limit", "offset"):
        return Asked(asked.path, body, skips=1, fills=0)
    return replace(asked, body=body)


def _is_moment(value: JSON) -> bool:
    return isinstance(value, dict) and bool({"$now", "$second", "$field"} & value.keys())


def _objects(value: JSON) -> Iterator[dict[str, JSON]]:
    """The objects in a body, but for moments."""
    if isinstance(value, dict) and not _is_moment(value):
        yield value
        for item in value.values():
            yield from _objects(item)
