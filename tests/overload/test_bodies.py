"""Large bodies: together they take so much memory and no more."""

from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from interlock.api.large_bodies import LARGE_BYTES, LARGEST_AT_ONCE, LargeBodies, TooLargeError
from interlock.engine.overload import Overload, OverloadedError
from tests.overload.http import connect, exchange, served_until, serving

MOST = 100_000
"""The largest body of these servers, which is a large one."""


class Sender:
    """A client's body in chunks, as a server receives them."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks: Iterator[bytes] = iter(chunks)
        self._left = len(chunks)

    async def __call__(self) -> Message:
        self._left -= 1
        return {"type": "http.request", "body": next(self._chunks), "more_body": self._left > 0}


async def test_a_body_is_put_together_from_its_chunks() -> None:
    """Empty ones, and none but those, included."""
    bodies = LargeBodies(Overload(), 9)
    async with bodies.received(Sender(b"ab", b"", b"cd")) as body:
        assert body == b"abcd"
    async with bodies.received(Sender(b"")) as body:
        assert body == b""


async def test_a_body_larger_than_any_may_be_is_read_no_further() -> None:
    """What was read of it no longer counts."""
    bodies = LargeBodies(Overload(), 4)
    for _ in range(LARGEST_AT_ONCE + 1):
        sender = Sender(b"abc", b"de", b"never read")
        with pytest.raises(TooLargeError):
            async with bodies.received(sender):
                raise AssertionError("it was taken")
        assert (await sender())["body"] == b"never read"


async def test_a_client_that_leaves_leaves_no_body() -> None:
    """Half of one might be taken for a whole one."""

    async def leave() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnect):
        async with LargeBodies(Overload(), 9).received(leave):
            raise AssertionError("it was taken")


async def test_bodies_that_are_too_much_together_are_refused_until_others_are_done() -> None:
    """What counts is what has come, not what is announced."""
    bodies = LargeBodies(Overload(), 4)
    async with AsyncExitStack() as held:
        for _ in range(LARGEST_AT_ONCE):
            await held.enter_async_context(bodies.received(Sender(b"ab", b"cd")))
        with pytest.raises(OverloadedError) as refused:
            await held.enter_async_context(bodies.received(Sender(b"a")))
        assert refused.value.retry_after >= 1
    async with bodies.received(Sender(b"abcd")) as body:
        assert body == b"abcd"


def upload(size: int) -> bytes:
    """A request that creates a flow with a body of so many bytes."""
    body = b'{"name": "large", "tags": ["' + b"x" * (size - 31) + b'"]}'
    return b"POST /api/flows/ HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def test_uploads_under_way_leave_no_room_for_more_large_ones(tmp_path: Path) -> None:
    """Small ones are served meanwhile; those under way are served when they are whole, and then there is room again."""
    large = upload(MOST)
    with serving(tmp_path, max_body_bytes=MOST) as server, ExitStack() as stack:
        slow = [stack.enter_context(connect(server)) for _ in range(LARGEST_AT_ONCE)]
        for connection in slow:
            connection.sendall(large[:-1])
        another = stack.enter_context(connect(server))
        assert served_until(lambda: exchange(another, large), b" 503 ")
        assert b" 201 " in exchange(another, upload(LARGE_BYTES))
        assert all(b" 200 " in exchange(x, large[-1:]) for x in slow)
        assert b" 200 " in exchange(another, large)


def test_a_client_that_leaves_in_the_middle_of_its_body_takes_no_room(tmp_path: Path) -> None:
    """Its request is not carried out."""
    large = upload(MOST)
    with serving(tmp_path, max_body_bytes=MOST) as server, connect(server) as staying:
        for _ in range(LARGEST_AT_ONCE + 1):
            with connect(server) as leaving:
                leaving.sendall(large[:-1])
        assert served_until(lambda: exchange(staying, large), b" 201 ")
