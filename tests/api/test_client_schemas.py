"""What the 3.9.1 client sends is accepted, and what it is answered fits its models: for every operation that it and its
server share with this one (client_walk.py)."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.api.client_walk import STATE_DETAILS, Heard, Models, whole_walk
from tools.compatibility import peer
from tools.compatibility.__main__ import ours
from tools.compatibility.outline import shape

VERSION = "3.9.1"
PLAIN = {
    *("GET /health", "GET /ready", "GET /hello", "GET /version", "GET /admin/settings", "GET /csrf-token"),
    *("POST /events/count-by/{}", "GET /flow_runs/{}/graph", "GET /flow_runs/{}/graph-v2", "GET /block_capabilities/"),
    *("POST /ui/flow_runs/history", "POST /ui/task_runs/dashboard/counts", "POST /ui/task_runs/count"),
    "POST /block_types/install_system_block_types",
}
"""What the client has no models for: it asks for a word or nothing, or only the dashboard asks."""


AMONG_OTHERS = {"labels", "tags", "empirical_policy", "state"}
KEPT_DETAILS = {name: STATE_DETAILS[name] for name in ("traceparent", "deployment_concurrency_lease_id", "retriable")}


@pytest.fixture(scope="module")
def models() -> Iterator[Models]:
    models = Models()
    yield models
    models.close()


@pytest.fixture(scope="module")
def heard(api: httpx.Client, models: Models) -> list[Heard]:
    """Every operation with its answer."""
    return whole_walk(api, models)


def test_the_walk_leaves_nothing_out(heard: list[Heard]) -> None:
    """Each operation that both servers have was called, but for those without models."""
    shared = {shape(x) for x in peer.kept()[VERSION]} & {shape(x) for x in ours()}
    assert shared - {shape(x.operation) for x in heard} == PLAIN


def test_what_the_client_sends_is_accepted(heard: list[Heard]) -> None:
    """All fields that its models have, and nulls where it sends them."""
    refused = [(x.operation, x.answer.status_code, x.answer.text) for x in heard if not x.answer.is_success]
    assert refused == []


def test_what_is_answered_fits_the_models_of_the_client(heard: list[Heard], models: Models) -> None:
    """Field by field; an answer without a model has no body."""
    assert [x.operation for x in heard if not x.model and x.answer.status_code not in (200, 201, 204)] == []
    faults = [(x.operation, models.fault(x.model, x.answer.json())) for x in heard if x.model]
    assert [x for x in faults if x[1] is not None] == []


def test_what_the_client_says_of_runs_is_kept(heard: list[Heard]) -> None:
    """What it sent of a flow run, a task run and their states comes back, but for what only the request is about."""
    for operation in ("POST /flow_runs/", "POST /task_runs/", "POST /deployments/{id}/create_flow_run"):
        answer = next(x.answer for x in heard if x.operation == operation)
        sent, kept = json.loads(answer.request.content), answer.json()
        same = sent.keys() - AMONG_OTHERS - {"enforce_parameter_schema", "work_pool_name", "cache_expiration"}
        assert {name: kept[name] for name in same} == {name: sent[name] for name in same}
        assert kept["labels"].items() >= sent["labels"].items()
        assert set(kept["tags"]) >= set(sent["tags"])
        assert kept["empirical_policy"].items() >= sent["empirical_policy"].items()
        assert {x: kept["state"]["state_details"][x] for x in KEPT_DETAILS} == KEPT_DETAILS
