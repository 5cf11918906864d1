"""Inputs of flow runs over HTTP."""

from typing import Any

import httpx
import pytest

from tests.api.records import NOWHERE, new_flow_run


@pytest.fixture
def path(api: httpx.Client) -> str:
    """The path of the inputs of a flow run that has none."""
    return f"/flow_runs/{new_flow_run(api)['id']}/input"


def give(api: httpx.Client, path: str, key: str, value: Any = "1", **fields: Any) -> httpx.Response:
    return api.post(path, json={"key": key, "value": value, **fields})


def keys(api: httpx.Client, path: str, **criteria: Any) -> list[str]:
    answer = api.post(f"{path}/filter", json=criteria)
    assert answer.status_code == 200, answer.text
    return [x["key"] for x in answer.json()]


def test_an_input_is_read_back_as_it_was_given(api: httpx.Client, path: str) -> None:
    """As plain text, whatever it holds."""
    answer = give(api, path, "key-1", '{"a": "ü€"}')
    assert (answer.status_code, answer.json()) == (201, None)
    read = api.get(f"{path}/key-1")
    assert (read.text, read.headers["content-type"]) == ('{"a": "ü€"}', "text/plain; charset=utf-8")


def test_a_number_is_a_value(api: httpx.Client, path: str) -> None:
    """It becomes its text, as a key does."""
    give(api, path, 12, 5)  # type: ignore[arg-type]
    assert api.get(f"{path}/12").text == "5"


def test_a_key_is_used_once(api: httpx.Client, path: str) -> None:
    """A second value is refused and the first one stays; another run may use the same key."""
    give(api, path, "key", "first")
    answer = give(api, path, "key", "second")
    assert (answer.status_code, answer.json()) == (409, {"detail": "A flow run input with this key already exists."})
    assert api.get(f"{path}/key").text == "first"
    other = f"/flow_runs/{new_flow_run(api)['id']}/input"
    assert give(api, other, "key").status_code == 201


@pytest.mark.parametrize("key", ["a_b", "Key", "a b", "ü"])
def test_a_key_is_lower_case_letters_digits_and_dashes(api: httpx.Client, path: str, key: str) -> None:
    """Others are refused."""
    answer = give(api, path, key)
    error = answer.json()["exception_detail"][0]
    assert (answer.status_code, error["loc"]) == (422, ["body", "key"])
    assert error["msg"] == "value must only contain lowercase letters, numbers, and dashes."


@pytest.mark.parametrize(
    ("value", "message"), [(None, "field required"), ([1], "byte type expected"), ({"a": 1}, "byte type expected")]
)
def test_a_value_is_text(api: httpx.Client, path: str, value: Any, message: str) -> None:
    """JSON is given as text."""
    answer = give(api, path, "key", value)
    assert answer.status_code == 422
    assert [x["msg"] for x in answer.json()["exception_detail"]] == [message]


def test_inputs_of_an_unknown_run(api: httpx.Client) -> None:
    """There are none, and none can be given."""
    path = f"/flow_runs/{NOWHERE}/input"
    assert give(api, path, "key").json() == {"detail": "Flow run not found"}
    assert api.get(f"{path}/key").json() == {"detail": "Flow run input not found"}
    assert keys(api, path, prefix="") == []


def test_inputs_are_found_by_the_beginning_of_their_keys(api: httpx.Client, path: str) -> None:
    """Oldest first; the wildcards of LIKE work, and case does not matter."""
    for key in ("ab-2", "ab-1", "b-1"):
        give(api, path, key)
    assert keys(api, path, prefix="ab", limit=10) == ["ab-2", "ab-1"]
    assert keys(api, path, prefix="AB", limit=10) == ["ab-2", "ab-1"]
    assert keys(api, path, prefix="%-1", limit=10) == ["ab-1", "b-1"]
    assert keys(api, path, prefix="_b", limit=10) == ["ab-2", "ab-1"]
    assert keys(api, path, prefix="", limit=10, exclude_keys=["ab-1"]) == ["ab-2", "b-1"]


@pytest.mark.parametrize(("limit", "found"), [(None, 1), (0, 0), (2, 2), ("2", 2), (-1, 3), (1000, 3)])
def test_the_first_inputs_are_enough(api: httpx.Client, path: str, limit: Any, found: int) -> None:
    """One where nothing is asked for, all where the limit is below 0."""
    for key in ("a-1", "a-2", "a-3"):
        give(api, path, key)
    assert len(keys(api, path, prefix="a", limit=limit)) == found


def test_a_found_input_is_whole(api: httpx.Client, path: str) -> None:
    """With its sender, and the run it belongs to."""
    give(api, path, "key", "v", sender="prefect.flow-run.x", unknown="ignored")
    found = api.post(f"{path}/filter", json={"prefix": "key"}).json()[0]
    assert list(found) == ["id", "created", "updated", "flow_run_id", "key", "value", "sender"]
    assert (found["flow_run_id"], found["value"], found["sender"]) == (path.split("/")[2], "v", "prefect.flow-run.x")


def test_a_deleted_input_is_gone(api: httpx.Client, path: str) -> None:
    """Its key can be used again."""
    give(api, path, "key")
    assert api.delete(f"{path}/key").status_code == 204
    assert api.delete(f"{path}/key").json() == {"detail": "Flow run input not found"}
    assert give(api, path, "key").status_code == 201
