"""A tag's concurrency limit is exact across servers: never exceeded, never leaked."""

from itertools import cycle, islice
from random import Random

from tests.fleet.fleet import Fleet, at_once, unique
from tests.fleet.slots import Holdings, Walker, assert_as_acknowledged, sampled

SIZES = (8, 3)
RUNS_EACH = 2


async def test_a_limit_is_used_up_but_never_exceeded_and_never_leaked(fleet: Fleet) -> None:
    """By what the clients are told, and by what the database holds at any moment; runs with one tag, and with two."""
    wide, narrow = tags = unique("wide"), unique("narrow")
    for tag, size in zip(tags, SIZES, strict=True):
        await fleet.clients[0].post("/concurrency_limits/", {"tag": tag, "concurrency_limit": size})
    flow_run_id = await fleet.running_flow_run()
    holdings = Holdings()
    walkers = [Walker(x.ask, holdings, Random(i)) for i, x in enumerate(fleet.clients)]
    tags_of = list(islice(cycle([(wide,), (wide, narrow), (wide,), (narrow,)]), len(walkers)))
    runs = [await fleet.task_runs(flow_run_id, RUNS_EACH, tags=x) for x in tags_of]

    async def walk(walker: Walker, task_run_ids: list[str], held: tuple[str, ...]) -> None:
        for task_run_id in task_run_ids:
            await walker.run(task_run_id, held)

    async with sampled(fleet.database_url) as sampler:
        await at_once(walk(*x) for x in zip(walkers, runs, tags_of, strict=True))

    assert sum(x.waits for x in walkers) > 0
    for tag, size in zip(tags, SIZES, strict=True):
        assert sampler.most[tag] == size
        assert holdings.most(tag) <= size
        assert (await fleet.clients[0].get(f"/concurrency_limits/tag/{tag}"))["active_slots"] == []
    await assert_as_acknowledged(fleet, walkers)
