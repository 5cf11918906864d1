"""Writes that wait for a batch."""

import asyncio

import pytest

from interlock.engine.batcher import Batcher
from interlock.engine.overload import OverloadedError
from interlock.storage.sqlite import SqliteStore
from tests.overload.http import SECONDS
from tests.overload.slow import Slow, one


async def test_a_write_that_would_wait_too_long_is_refused_however_long_the_batch_before_it_takes(
    sqlite_store: SqliteStore,
) -> None:
    """It is not carried out later on; the one under way is answered when it is done."""
    batcher = Batcher(sqlite_store, max_wait_seconds=0.01)
    slow, late = Slow(), Slow()
    late.may_end.set()
    under_way = asyncio.create_task(batcher.write(slow))
    assert await asyncio.to_thread(slow.begun.acquire, timeout=SECONDS)
    with pytest.raises(OverloadedError):
        await batcher.write(late)
    slow.may_end.set()
    assert await under_way == 1
    await batcher.drain()
    assert not late.begun.acquire(blocking=False)
    assert await batcher.write(one) == 1
