"""Hot routes and the ordinary ones behind them."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from interlock.api.app import create_app, documented_api
from interlock.orchestration.facts import Chance
from interlock.server import create_context
from interlock.settings import Settings
from interlock.storage.store import Store
from tests.conftest import FakeClock

UNKNOWN = "00000000-0000-4000-8000-00000000dead"


@pytest.fixture
async def ways(store: Store, clock: FakeClock, chance: Chance) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Two ways into one ledger: through the whole application, and through FastAPI alone."""
    context = create_context(store, Settings(), clock, chance)
    plain = documented_api()
    plain.state.context = context
    whole = httpx.AsyncClient(transport=httpx.ASGITransport(create_app(context)), base_url="http://test/api")
    alone = httpx.AsyncClient(transport=httpx.ASGITransport(plain), base_url="http://test")
    async with whole, alone:
        yield [whole, alone]


async def test_both_ways_answer_alike(ways: list[httpx.AsyncClient]) -> None:
    """The same requests have the same answers, but for ids, whichever way they go."""
    flow = (await ways[0].post("/flows/", json={"name": "f"})).json()
    answers = [await run_through(way, flow["id"], str(n)) for n, way in enumerate(ways)]
    assert answers[0] == answers[1]
    assert [status for status, _ in answers[0]] == [201, 201, 200, 201, 200, 201, 201, 200, 404, 404, 404, 422, 422]


async def run_through(way: httpx.AsyncClient, flow_id: str, key: str) -> list[tuple[int, Any]]:
    """Status and shape of the answers to a run's whole life and to what can be wrong with it."""
    answers: list[httpx.Response] = []

    async def ask(method: str, path: str, body: Any = None) -> Any:
        answers.append(await way.request(method, path, json=body))
        return answers[-1].json()

    flow_run = await ask("POST", "/flow_runs/", {"flow_id": flow_id})
    await ask("POST", f"/flow_runs/{flow_run['id']}/set_state", {"state": {"type": "RUNNING"}})
    await ask("GET", f"/flow_runs/{flow_run['id']}")
    body = {"flow_run_id": flow_run["id"], "task_key": "k", "dynamic_key": key, "name": "n"}
    run = await ask("POST", "/task_runs/", body)
    await ask("POST", "/task_runs/", body)
    await ask("POST", f"/task_runs/{run['id']}/set_state", {"state": {"type": "RUNNING"}, "force": False})
    await ask("POST", f"/task_runs/{run['id']}/set_state", {"state": {"type": "RUNNING"}} | {"force": None})
    await ask("GET", f"/task_runs/{run['id'].upper()}")
    await ask("GET", f"/task_runs/{UNKNOWN}")
    await ask("POST", f"/task_runs/{UNKNOWN}/set_state", {"state": {"type": "RUNNING"}})
    await ask("GET", f"/flow_runs/{UNKNOWN}")
    await ask("POST", f"/task_runs/{run['id']}/set_state", {"state": {"type": "NONE"}})
    await ask("POST", "/task_runs/", {"task_key": "k"})
    return [(x.status_code, shape(x.json())) for x in answers]


def shape(value: Any) -> Any:
    """The value with its texts left out, since ids and generated names are among them."""
    if isinstance(value, dict):
        return {key: shape(x) for key, x in value.items()}
    if isinstance(value, list):
        return [shape(x) for x in value]
    return str if isinstance(value, str) else value
