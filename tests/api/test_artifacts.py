"""Artifacts over HTTP."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

Make = Callable[..., dict[str, Any]]
NOT_FOUND = {"detail": "Artifact not found."}


@pytest.fixture
def key() -> str:
    return f"key-{uuid4()}"


@pytest.fixture
def make(api: httpx.Client) -> Make:
    """Publish an artifact with these fields."""

    def made(**fields: Any) -> dict[str, Any]:
        answer = api.post("/artifacts/", json=fields)
        assert answer.status_code == 201, answer.text
        artifact: dict[str, Any] = answer.json()
        return artifact

    return made


@pytest.fixture
def flow_run(api: httpx.Client) -> dict[str, Any]:
    """A running flow run."""
    flow = api.post("/flows/", json={"name": f"flow-{uuid4()}"}).json()
    run: dict[str, Any] = api.post("/flow_runs/", json={"flow_id": flow["id"], "state": {"type": "RUNNING"}}).json()
    return run


def task_run(api: httpx.Client, flow_run: dict[str, Any], key: str = "0") -> str:
    """The id of a task run of the flow run."""
    body = {"flow_run_id": flow_run["id"], "task_key": "t", "dynamic_key": key}
    run_id: str = api.post("/task_runs/", json=body).json()["id"]
    return run_id


def found(api: httpx.Client, path: str = "/artifacts/filter", **body: Any) -> list[dict[str, Any]]:
    answer = api.post(path, json=body)
    assert answer.status_code == 200, answer.text
    artifacts: list[dict[str, Any]] = answer.json()
    return artifacts


def of_key(key: str) -> dict[str, Any]:
    return {"key": {"any_": [key]}}


def test_an_artifact_is_read_as_it_was_published(api: httpx.Client, make: Make, key: str) -> None:
    """With all its fields; those not given are null."""
    fields = {
        "key": key,
        "type": "markdown",
        "description": "d",
        "data": "# text",
        "metadata_": {"a": "b"},
        "flow_run_id": str(uuid4()),
        "task_run_id": str(uuid4()),
    }
    made = make(**fields)
    assert {x: made[x] for x in fields} == fields
    assert api.get(f"/artifacts/{made['id']}").json() == made
    assert set(make().values()) >= {None}


@pytest.mark.parametrize(
    "data", ["text", 5, 2**70, True, [1, {"a": None}], {"a": [1, 2.5]}, {}, None, "👋", [[]], {"a": {"b": {"c": []}}}]
)
def test_data_is_any_json_and_kept_as_it_is(api: httpx.Client, make: Make, data: Any) -> None:
    """Also numbers of more than 64 bits."""
    made = make(data=data)
    assert made["data"] == data
    assert api.get(f"/artifacts/{made['id']}").json()["data"] == data
    assert found(api, artifacts={"id": {"any_": [made["id"]]}})[0]["data"] == data


@pytest.mark.parametrize("bad", ["Key", "a_b", "a/b", "a b", "žluť"])
def test_a_key_is_lower_case_letters_digits_and_dashes(api: httpx.Client, bad: str) -> None:
    """Since it stands in paths."""
    answer = api.post("/artifacts/", json={"key": bad})
    (error,) = answer.json()["exception_detail"]
    assert error["msg"] == "Artifact key must only contain lowercase letters, numbers, and dashes."


def test_long_metadata_is_cut(make: Make) -> None:
    """After 500 characters; numbers become text."""
    made = make(metadata_={"long": "x" * 501, "just": "x" * 500, "number": 1})
    assert made["metadata_"] == {"long": "x" * 500 + "...", "just": "x" * 500, "number": "1"}


def test_the_newest_of_a_key_is_read_by_the_key(api: httpx.Client, make: Make, key: str) -> None:
    """Under an id that stays; nothing of an older artifact shows through."""
    make(key=key, type="table", data=1, description="old")
    first = api.get(f"/artifacts/{key}/latest").json()
    second = make(key=key, data=2)
    newest = api.get(f"/artifacts/{key}/latest").json()
    assert (newest["id"], newest["created"]) == (first["id"], first["created"])
    assert (newest["data"], newest["type"], newest["description"]) == (2, None, None)
    (record,) = found(api, "/artifacts/latest/filter", artifacts=of_key(key))
    assert (record["id"], record["latest_id"]) == (first["id"], second["id"])


def test_an_unknown_key_has_no_newest(api: httpx.Client, key: str) -> None:
    """404."""
    answer = api.get(f"/artifacts/{key}/latest")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


def test_the_newest_of_a_key_is_changed_with_its_record(api: httpx.Client, make: Make, key: str) -> None:
    """In what is given; null is a value."""
    made = make(key=key, data=1, description="d", metadata_={"a": "b"})
    path = f"/artifacts/{made['id']}"
    assert api.patch(path, json={"data": {"x": 1}}).status_code == 204
    assert api.patch(path, json={}).status_code == 204
    assert api.patch(path, json={"metadata_": None}).status_code == 204
    for artifact in (api.get(path).json(), api.get(f"/artifacts/{key}/latest").json()):
        assert (artifact["data"], artifact["description"], artifact["metadata_"]) == ({"x": 1}, "d", None)


def test_the_change_of_another_artifact_is_answered_with_404(api: httpx.Client, make: Make, key: str) -> None:
    """Though it is made: that is how clients know it."""
    older, _newest, keyless = make(key=key, data=1), make(key=key, data=2), make(data=1)
    for made in (older, keyless):
        answer = api.patch(f"/artifacts/{made['id']}", json={"data": 3})
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
        assert api.get(f"/artifacts/{made['id']}").json()["data"] == 3
    assert api.get(f"/artifacts/{key}/latest").json()["data"] == 2


def test_after_a_deletion_the_one_before_is_the_newest(api: httpx.Client, make: Make, key: str) -> None:
    """And after the last one the key is unknown."""
    first, second, third = (make(key=key, data=i) for i in range(3))
    assert api.delete(f"/artifacts/{second['id']}").status_code == 204
    assert api.get(f"/artifacts/{key}/latest").json()["data"] == 2
    assert api.delete(f"/artifacts/{third['id']}").status_code == 204
    (record,) = found(api, "/artifacts/latest/filter", artifacts=of_key(key))
    assert (record["latest_id"], record["data"], record["created"]) == (first["id"], 0, first["created"])
    assert api.delete(f"/artifacts/{first['id']}").status_code == 204
    for answer in (api.get(f"/artifacts/{key}/latest"), api.delete(f"/artifacts/{first['id']}")):
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert api.post("/artifacts/latest/count", json={"artifacts": of_key(key)}).json() == 0


@pytest.mark.parametrize(
    ("extra", "names"),
    [
        ({}, "abc"),
        ({"type": {"any_": ["table"]}}, "a"),
        ({"type": {"not_any_": ["table"]}}, "b"),
        ({"key": {"like_": "KEY-%-X"}}, "ab"),
        ({"key": {"exists_": False}}, "c"),
        ({"key": {"exists_": True}}, "ab"),
        ({"key": {"any_": []}}, ""),
        ({"task_run_id": {"any_": None}, "type": None}, "abc"),
    ],
)
def test_artifacts_are_found_by_their_fields(
    api: httpx.Client, make: Make, key: str, extra: dict[str, Any], names: str
) -> None:
    """All parts must hold."""
    run = str(uuid4())
    make(key=f"{key}-x", type="table", data="a", flow_run_id=run)
    make(key=f"{key}-x", type="markdown", data="b", flow_run_id=run)
    make(data="c", flow_run_id=run)
    wanted = {"flow_run_id": {"any_": [run]}} | extra
    assert sorted(x["data"] for x in found(api, artifacts=wanted)) == list(names)
    assert api.post("/artifacts/count", json={"artifacts": wanted}).json() == len(names)


def test_artifacts_are_found_where_any_part_holds(api: httpx.Client, make: Make, key: str) -> None:
    """With the operator `or_`."""
    one, two = make(key=key), make()
    wanted = {"operator": "or_", "key": {"any_": [key]}, "id": {"any_": [two["id"]]}}
    assert {x["id"] for x in found(api, artifacts=wanted)} == {one["id"], two["id"]}


@pytest.mark.parametrize(
    ("sort", "order"),
    [("CREATED_DESC", "cba"), ("ID_DESC", "cba"), ("UPDATED_DESC", "acb"), ("KEY_ASC", "bac"), ("KEY_DESC", "cab")],
)
def test_pages_are_in_the_order_asked_for(api: httpx.Client, make: Make, key: str, sort: str, order: str) -> None:
    """An artifact without a key counts as the least."""
    run = str(uuid4())
    first = make(key=f"{key}-1", data="a", flow_run_id=run)
    make(data="b", flow_run_id=run)
    make(key=f"{key}-2", data="c", flow_run_id=run)
    api.patch(f"/artifacts/{first['id']}", json={})
    wanted = {"flow_run_id": {"any_": [run]}}
    assert [x["data"] for x in found(api, artifacts=wanted, sort=sort)] == list(order)
    assert [x["data"] for x in found(api, artifacts=wanted, sort=sort, limit=1, offset=1)] == [order[1]]


def test_artifacts_are_found_by_the_runs_around_them(
    api: httpx.Client, make: Make, key: str, flow_run: dict[str, Any]
) -> None:
    """By flow run, its flow and deployment, and by task run; artifacts of unknown runs drop out."""
    task = task_run(api, flow_run)
    make(key=f"{key}-a", data="a", flow_run_id=flow_run["id"])
    make(key=f"{key}-b", data="b", flow_run_id=flow_run["id"], task_run_id=task)
    make(key=f"{key}-c", data="c", flow_run_id=str(uuid4()))
    mine = {"key": {"like_": key}}
    asked: dict[str, dict[str, Any]] = {
        "ab": {"flow_runs": {}},
        "ba": {"flows": {"id": {"any_": [flow_run["flow_id"]]}}},
        "b": {"task_runs": {"id": {"any_": [task]}}},
        "abc": {},
    }
    for names, runs in asked.items():
        for path in ("/artifacts", "/artifacts/latest"):
            assert {x["data"] for x in found(api, f"{path}/filter", artifacts=mine, **runs)} == set(names)
            assert api.post(f"{path}/count", json={"artifacts": mine, **runs}).json() == len(names)
    for nothing in ({"deployments": {}}, {"flows": {"id": {"any_": [str(uuid4())]}}}):
        assert found(api, artifacts=mine, **nothing) == []


def complete(api: httpx.Client, task: str, data: Any) -> dict[str, Any]:
    body = {"state": {"type": "COMPLETED", "data": data}, "force": True}
    answer = api.post(f"/task_runs/{task}/set_state", json=body)
    assert answer.status_code == 201, answer.text
    state: dict[str, Any] = answer.json()["state"]
    return state


@pytest.mark.parametrize("data", [{"type": "reference", "key": 1}, [1, 2], "text", 0, {}, {"big": 2**70}])
def test_the_result_of_a_run_is_an_artifact_of_it(api: httpx.Client, flow_run: dict[str, Any], data: Any) -> None:
    """Whatever JSON it is, and the state still has it."""
    task = task_run(api, flow_run)
    assert complete(api, task, data)["data"] == data
    assert api.get(f"/task_runs/{task}").json()["state"]["data"] == data
    (artifact,) = found(api, artifacts={"task_run_id": {"any_": [task]}})
    assert (artifact["data"], artifact["flow_run_id"]) == (data, flow_run["id"])


@pytest.mark.parametrize("data", [None, {"type": "unpersisted"}])
def test_what_is_not_kept_is_no_artifact(api: httpx.Client, flow_run: dict[str, Any], data: Any) -> None:
    """No result, or one that the client says it did not keep."""
    task = task_run(api, flow_run)
    complete(api, task, data)
    assert found(api, artifacts={"task_run_id": {"any_": [task]}}) == []


def test_a_result_may_say_how_its_artifact_is_called(api: httpx.Client, flow_run: dict[str, Any], key: str) -> None:
    """The labels go to the artifact and its key's record, and are no part of the data."""
    label = {"artifact_key": key, "artifact_type": "result", "artifact_description": "d"}
    task = task_run(api, flow_run)
    assert complete(api, task, {"type": "reference", **label})["data"] == {"type": "reference"}
    newest = api.get(f"/artifacts/{key}/latest").json()
    named = ("result", "d", {"type": "reference"}, task)
    assert (newest["type"], newest["description"], newest["data"], newest["task_run_id"]) == named
    (artifact,) = found(api, artifacts={"task_run_id": {"any_": [task]}})
    assert (artifact["key"], artifact["type"], artifact["description"]) == (key, "result", "d")


def test_a_later_result_of_a_key_leaves_labels_that_it_does_not_give(
    api: httpx.Client, flow_run: dict[str, Any], key: str
) -> None:
    """On the record of the key; the artifact itself has only its own."""
    label = {"artifact_key": key, "artifact_type": "result"}
    complete(api, task_run(api, flow_run, "0"), {"a": 1, **label})
    second = task_run(api, flow_run, "1")
    complete(api, second, {"a": 2, "artifact_key": key})
    newest = api.get(f"/artifacts/{key}/latest").json()
    assert (newest["type"], newest["data"], newest["task_run_id"]) == ("result", {"a": 2}, second)
    (artifact,) = found(api, artifacts={"task_run_id": {"any_": [second]}})
    assert (artifact["key"], artifact["type"]) == (key, None)


def test_the_result_of_a_flow_run_is_an_artifact_of_it(api: httpx.Client, flow_run: dict[str, Any], key: str) -> None:
    """Without a task run."""
    data = {"type": "reference", "artifact_key": key}
    api.post(f"/flow_runs/{flow_run['id']}/set_state", json={"state": {"type": "COMPLETED", "data": data}})
    newest = api.get(f"/artifacts/{key}/latest").json()
    assert (newest["data"], newest["flow_run_id"], newest["task_run_id"]) == (
        {"type": "reference"},
        flow_run["id"],
        None,
    )
