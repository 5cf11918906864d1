"""How bodies are read where the framework serves a request."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Body, FastAPI
from fastapi.routing import APIWebSocketRoute

from interlock.api.app import ROUTERS
from interlock.api.errors import add_error_handlers
from interlock.api.wire_route import MOST_CHARACTERS, WireRoute
from interlock.storage.store import SlowQueryError


@pytest.fixture
async def slow() -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application whose queries take too long."""
    router = APIRouter(route_class=WireRoute)

    @router.post("/runs/filter")
    async def read_runs(runs: Annotated[dict[str, Any] | None, Body(embed=True)] = None) -> None:
        raise SlowQueryError("interrupted")

    @router.get("/runs/{id}")
    async def read_run(id: str) -> None:
        raise SlowQueryError("interrupted")

    app = FastAPI()
    app.include_router(router)
    add_error_handlers(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server") as opened:
        yield opened


async def test_a_query_that_took_too_long_is_named(slow: httpx.AsyncClient) -> None:
    """So that whoever reads the answer, or a log of it, knows which filter it was."""
    answer = await slow.post("/runs/filter", json={"runs": {"name": {"like_": "x"}}})
    assert answer.status_code == 503
    assert answer.json()["detail"].endswith(': POST /runs/filter {"runs":{"name":{"like_":"x"}}}')
    assert int(answer.headers["Retry-After"]) > 1


async def test_one_without_a_body_is_named_by_its_path(slow: httpx.AsyncClient) -> None:
    answer = await slow.get("/runs/7")
    assert answer.json()["detail"].endswith(": GET /runs/7")


async def test_of_a_long_filter_the_beginning_is_named(slow: httpx.AsyncClient) -> None:
    answer = await slow.post("/runs/filter", json={"runs": {"name": {"any_": ["x" * 10_000]}}})
    assert len(answer.json()["detail"]) < MOST_CHARACTERS + 200


def test_all_routes_read_bodies_alike() -> None:
    """A router that is made without the route class would take null for a value and text for no parameters."""
    others = [
        route for router in ROUTERS for route in router.routes if not isinstance(route, WireRoute | APIWebSocketRoute)
    ]
    assert others == []
