"""The answers to failures that nobody foresaw."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import StreamingResponse

from interlock.api.errors import Settled, add_error_handlers


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that fails, before its answer or within it. What it raises reaches the client."""
    app = FastAPI()

    @app.get("/at-once")
    async def at_once() -> None:
        raise RuntimeError("a secret")

    @app.get("/half-way")
    async def half_way() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"one"
            raise RuntimeError("a secret")

        return StreamingResponse(parts())

    add_error_handlers(app)
    transport = httpx.ASGITransport(app=Settled(app), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as opened:
        yield opened


async def test_an_unforeseen_failure_is_answered_and_settled(client: httpx.AsyncClient) -> None:
    """In the wire's shape, without telling what failed, and without a failure of the connection."""
    answer = await client.get("/at-once")
    assert (answer.status_code, answer.json()) == (500, {"exception_message": "Internal Server Error"})


async def test_an_answer_that_breaks_off_breaks_the_connection(client: httpx.AsyncClient) -> None:
    """Since a client must not take the part for the whole."""
    with pytest.raises(RuntimeError):
        await client.get("/half-way")
