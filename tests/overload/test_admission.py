"""Requests that would wait in vain are refused before anything is done for them."""

import asyncio

from starlette.types import Message, Receive, Scope, Send

from interlock.api.admission import Admission
from interlock.api.context import Context
from interlock.api.front import Front
from interlock.engine.overload import OverloadedError
from interlock.engine.reader import caller_gone
from interlock.storage.sqlite import SqliteStore
from tests.overload.http import SECONDS
from tests.overload.slow import Slow

READS = [
    ("GET", "/api/flow_runs/00000000-0000-7000-8000-000000000001"),
    ("POST", "/api/task_runs/filter"),
    ("POST", "/api/flows/count"),
    ("POST", "/api/flow_runs/history"),
    ("POST", "/api/ui/task_runs/dashboard/counts"),
]
WRITES = [
    ("POST", "/api/task_runs/"),
    ("POST", "/api/task_runs/00000000-0000-7000-8000-000000000001/set_state"),
    ("POST", "/api/logs/"),
    ("PATCH", "/api/flows/00000000-0000-7000-8000-000000000001"),
    ("DELETE", "/api/flows/00000000-0000-7000-8000-000000000001"),
]
ALWAYS = [("GET", f"/api/{x}") for x in ("health", "ready", "hello", "admin/version", "csrf-token", "docs")]


async def refused(context: Context, requests: list[tuple[str, str]]) -> set[tuple[str, str]]:
    admission, found = Admission(context), set()
    for method, path in requests:
        try:
            await admission.wait({"type": "http", "method": method, "path": path})
        except OverloadedError:
            found.add((method, path))
    return found


async def test_nothing_is_refused_while_there_is_room(context: Context) -> None:
    """Be it read or written."""
    assert await refused(context, READS + WRITES + ALWAYS) == set()


async def test_reads_are_refused_where_reads_wait(context: Context, sqlite_store: SqliteStore) -> None:
    """Writes have a line of their own, and what is asked of the server itself has none."""
    slow = Slow()
    under_way = [asyncio.create_task(context.store.read(slow)) for _ in range(sqlite_store.readers)]
    for _ in under_way:
        assert await asyncio.to_thread(slow.begun.acquire, timeout=SECONDS)
    under_way.append(asyncio.create_task(context.store.read(slow)))
    await asyncio.sleep(0)
    assert await refused(context, READS + WRITES + ALWAYS) == set(READS)
    slow.may_end.set()
    await asyncio.gather(*under_way)


async def test_writes_are_refused_where_writes_wait(context: Context) -> None:
    """Decisions and plain writes alike, as they share a line on this database."""
    slow = Slow()
    under_way = [asyncio.create_task(context.batcher.write(slow))]
    assert await asyncio.to_thread(slow.begun.acquire, timeout=SECONDS)
    under_way.append(asyncio.create_task(context.batcher.write(slow)))
    await asyncio.sleep(0)
    assert await refused(context, READS + WRITES + ALWAYS) == set(WRITES)
    slow.may_end.set()
    await asyncio.gather(*under_way)


async def test_whoever_serves_a_request_can_find_out_whether_its_caller_is_gone(context: Context) -> None:
    """From the moment on at which the server knows of it."""
    gone: list[bool] = []
    messages: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def api(_scope: Scope, receive: Receive, _send: Send) -> None:
        gone.append(await caller_gone.get()())
        gone.append(await caller_gone.get()())

    async def send(_message: Message) -> None:
        raise AssertionError("nothing is answered")

    scope: Scope = {"type": "http", "path": "/api/flows/filter", "method": "POST", "headers": []}
    await Front(api, context)(scope, receive, send)
    assert gone == [False, True]
