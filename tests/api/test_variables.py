"""Variables over HTTP, for both lines of clients."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.records import NOWHERE, made
from tests.conftest import LiveServer

NAME_RULE = "Variable name must only contain lowercase letters, numbers, and dashes or underscores."
NAME_RULE_2X = "Variable name must only contain lowercase letters, numbers, and underscores."
NOT_FOUND = (404, {"detail": "Variable not found."})

_made = iter(range(10**6))


def new_variable(api: httpx.Client, **fields: Any) -> Any:
    return made(api, "/variables/", {"name": f"variable_{next(_made)}", "value": "a value", **fields})


def names(api: httpx.Client, wanted: Any, **page: Any) -> list[str]:
    """The names of the variables that a filter asks for; their number must be the one that is counted."""
    answer = api.post("/variables/filter", json={"variables": wanted, **page})
    assert answer.status_code == 200, answer.text
    if not page:
        assert api.post("/variables/count", json={"variables": wanted}).json() == len(answer.json())
    return [x["name"] for x in answer.json()]


def test_a_variable_is_created_and_read_by_id_and_by_name(api: httpx.Client) -> None:
    variable = new_variable(api, tags=["b", "a", "b"])
    assert list(variable) == ["id", "created", "updated", "name", "value", "tags"]
    assert variable["tags"] == ["b", "a", "b"]
    assert api.get(f"/variables/{variable['id']}").json() == variable
    assert api.get(f"/variables/name/{variable['name']}").json() == variable


def test_a_name_can_be_taken_once(api: httpx.Client) -> None:
    variable = new_variable(api)
    answer = api.post("/variables/", json={"name": variable["name"], "value": "other"})
    assert (answer.status_code, list(answer.json())) == (409, ["detail"])
    assert api.get(f"/variables/{variable['id']}").json() == variable


@pytest.fixture(scope="module")
def api_2x(live_server: LiveServer) -> Iterator[httpx.Client]:
    """The same API for a client of the 2.x line."""
    with live_server.client({"User-Agent": "prefect/2.20.25 (API 0.8.4)"}) as client:
        yield client


JSON = [3, 2.5, True, None, {"a": [1, None], "b": {}}, [1, "b"], "", "text", "v" * 4998]


@pytest.mark.parametrize("value", JSON, ids=lambda x: repr(x)[:20])
def test_a_value_is_any_json(api: httpx.Client, value: Any) -> None:
    """As it was given, in every answer and after a change."""
    variable = new_variable(api, value=value)
    other = new_variable(api)
    assert api.patch(f"/variables/{other['id']}", json={"value": value}).status_code == 204
    wanted = {"id": {"any_": [variable["id"], other["id"]]}}
    found = api.post("/variables/filter", json={"variables": wanted}).json()
    read = [api.get(f"/variables/name/{x['name']}").json() for x in (variable, other)]
    assert [x["value"] for x in (variable, *found, *read)] == [value] * 5
    assert [type(x["value"]) for x in read] == [type(value)] * 2


@pytest.mark.parametrize("value", ["v" * 4999, {"a": "v" * 5000}, "ü" * 2500], ids=["text", "object", "bytes"])
def test_a_value_is_bounded(api: httpx.Client, value: Any) -> None:
    """5,000 bytes of JSON, the quotes of a text included."""
    variable = new_variable(api)
    assert api.post("/variables/", json={"name": "refused", "value": value}).status_code == 422
    assert api.patch(f"/variables/{variable['id']}", json={"value": value}).status_code == 422


def test_there_is_no_variable_without_a_value(api: httpx.Client) -> None:
    """It may be null, but not absent."""
    assert api.post("/variables/", json={"name": "refused"}).status_code == 422


@pytest.mark.parametrize(
    ("value", "shown"),
    [("text", "text"), ('{"a": 1}', '{"a": 1}'), (3, "3"), (True, "true"), (None, "null"), ({"a": [1]}, '{"a":[1]}')],
)
def test_clients_of_texts_see_other_values_as_json(
    api: httpx.Client, api_2x: httpx.Client, value: Any, shown: str
) -> None:
    """In every answer; what they see is also what they find it by. Nothing is changed by that."""
    variable = new_variable(api, value=value)
    path = f"/variables/name/{variable['name']}"
    wanted = {"name": {"any_": [variable["name"]]}, "value": {"any_": [shown]}}
    (found,) = api_2x.post("/variables/filter", json={"variables": wanted}).json()
    assert api_2x.get(path).json() == found == variable | {"value": shown}
    assert api_2x.patch(path, json={"tags": ["t"]}).status_code == 204
    assert api.get(path).json()["value"] == value


def test_a_text_is_a_text_for_all(api: httpx.Client, api_2x: httpx.Client) -> None:
    """Also where it could be read as JSON, and where it takes the place of another value."""
    made_2x = new_variable(api_2x, value="[1]")
    assert api.get(f"/variables/{made_2x['id']}").json() == made_2x
    variable = new_variable(api, value=[1])
    assert api_2x.patch(f"/variables/{variable['id']}", json={"value": "[2]"}).status_code == 204
    assert api.get(f"/variables/{variable['id']}").json()["value"] == "[2]"


@pytest.mark.parametrize(
    ("given", "kept"), [(3, "3"), (3.0, "3.0"), (True, "True"), ("", ""), ("v" * 5000, "v" * 5000)]
)
def test_clients_of_texts_give_texts(api_2x: httpx.Client, given: Any, kept: str) -> None:
    """Numbers and flags become text."""
    assert new_variable(api_2x, value=given)["value"] == kept


@pytest.mark.parametrize("value", [None, {"a": 1}, ["a"], "v" * 5001])
def test_clients_of_texts_give_nothing_else(api_2x: httpx.Client, value: Any) -> None:
    """Also in a change, but for null, which can't be stored."""
    variable = new_variable(api_2x)
    assert api_2x.post("/variables/", json={"name": "refused", "value": value}).status_code == 422
    status = 409 if value is None else 422
    for path in (f"/variables/{variable['id']}", f"/variables/name/{variable['name']}"):
        assert api_2x.patch(path, json={"value": value}).status_code == status
    assert api_2x.get(f"/variables/{variable['id']}").json() == variable


@pytest.mark.parametrize("name", ["A", "a.b", "a b", "ä", True])
def test_names_are_of_small_letters_digits_dashes_and_underscores(api: httpx.Client, name: Any) -> None:
    answer = api.post("/variables/", json={"name": name, "value": "v"})
    expected = {"loc": ["body", "name"], "msg": NAME_RULE, "type": "value_error"}
    assert (answer.status_code, answer.json()["exception_detail"]) == (422, [expected])


def test_names_have_dashes_for_newer_clients_only(api: httpx.Client, api_2x: httpx.Client) -> None:
    """Those that there are can be read by all."""
    answer = api_2x.post("/variables/", json={"name": "a-b", "value": "v"})
    expected = {"loc": ["body", "name"], "msg": NAME_RULE_2X, "type": "value_error"}
    assert (answer.status_code, answer.json()["exception_detail"]) == (422, [expected])
    assert api_2x.get(f"/variables/name/{new_variable(api, name='a-b')['name']}").json()["name"] == "a-b"


def test_names_are_bounded(api: httpx.Client) -> None:
    """255 characters; a number is a name as well."""
    assert new_variable(api, name="n" * 255)["name"] == "n" * 255
    assert new_variable(api, name=12345)["name"] == "12345"
    answer = api.post("/variables/", json={"name": "N" * 256, "value": "v"})
    (error,) = answer.json()["exception_detail"]
    assert (error["type"], error["ctx"]) == ("value_error.any_str.max_length", {"limit_value": 255})


@pytest.mark.parametrize("way", ["id", "name"])
def test_only_what_is_given_changes(api: httpx.Client, way: str) -> None:
    variable = new_variable(api, tags=["a"])
    path = f"/variables/{variable['id']}" if way == "id" else f"/variables/name/{variable['name']}"
    for change in ({"value": "new"}, {"tags": []}, {}):
        assert api.patch(path, json=change).status_code == 204
    changed = api.get(path).json()
    assert changed == variable | {"value": "new", "tags": [], "updated": changed["updated"]}
    assert api.patch(path, json={"name": f"{variable['name']}_new"}).status_code == 204
    assert api.get(f"/variables/{variable['id']}").json()["name"] == f"{variable['name']}_new"


def test_a_variable_cannot_take_the_name_of_another(api: httpx.Client) -> None:
    one, other = new_variable(api), new_variable(api)
    assert api.patch(f"/variables/{one['id']}", json={"name": other["name"]}).status_code == 409
    assert api.patch(f"/variables/name/{one['name']}", json={"name": other["name"]}).status_code == 409
    assert api.patch(f"/variables/{one['id']}", json={"name": one["name"]}).status_code == 204


def test_a_name_cannot_be_taken_away(api: httpx.Client) -> None:
    """Null is refused in its own words, null tags as a conflict."""
    path = f"/variables/{new_variable(api)['id']}"
    answer = api.patch(path, json={"name": None})
    message = "expected string or bytes-like object, got 'NoneType'"
    assert answer.json()["exception_detail"] == [{"loc": ["body", "name"], "msg": message, "type": "type_error"}]
    assert api.patch(path, json={"tags": None}).status_code == 409


@pytest.mark.parametrize("way", ["id", "name"])
def test_a_deleted_variable_is_gone(api: httpx.Client, way: str) -> None:
    variable = new_variable(api)
    path = f"/variables/{variable['id']}" if way == "id" else f"/variables/name/{variable['name']}"
    assert api.delete(path).status_code == 204
    for answer in (api.delete(path), api.get(path), api.patch(path, json={})):
        assert (answer.status_code, answer.json()) == NOT_FOUND


def test_what_was_never_there_is_not_found(api: httpx.Client) -> None:
    """A path that is no id leads nowhere at all."""
    assert api.get(f"/variables/{NOWHERE}").status_code == 404
    answer = api.get("/variables/nonsense")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


@pytest.fixture(scope="module")
def three(api: httpx.Client) -> dict[str, Any]:
    """Variables to be found, by the last letter of their names."""
    given = {"a": ("One %", ["x", "y"]), "b": ("two", []), "c": ("three", ["x"])}
    return {
        key: new_variable(api, name=f"wanted_{key}", value=value, tags=tags) for key, (value, tags) in given.items()
    }


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, "abc"),
        ({"name": {"any_": ["wanted_a", "wanted_c", "WANTED_B"]}}, "ac"),
        ({"name": {"any_": []}}, ""),
        ({"name": {"like_": "wanted_", "any_": None}}, "abc"),
        ({"name": {"like_": "ED_B"}}, "b"),
        ({"value": {"any_": ["two", "Three"]}}, "b"),
        ({"value": {"like_": "E"}}, "ac"),
        ({"value": {"like_": "t_o"}}, "b"),
        ({"tags": {"all_": ["x"]}}, "ac"),
        ({"tags": {"all_": ["y", "x"]}}, "a"),
        ({"tags": {"all_": []}}, "abc"),
        ({"tags": {"is_null_": True}}, "b"),
        ({"tags": {"is_null_": False}}, "ac"),
        ({"tags": {"operator": "or_", "all_": ["y"], "is_null_": True}}, "ab"),
        ({"value": {"any_": ["two"]}, "tags": {"all_": ["x"]}}, ""),
    ],
)
def test_variables_are_found_by_filter(api: httpx.Client, three: dict[str, Any], wanted: Any, found: str) -> None:
    mine = {"name": {"like_": "wanted_"}, **wanted}
    assert names(api, mine) == [f"wanted_{x}" for x in found]


def test_any_part_of_a_filter_may_do(api: httpx.Client, three: dict[str, Any]) -> None:
    """Once its operator says so; a part that asks for nothing holds for all."""
    ids = {"any_": [three["a"]["id"]]}
    wanted = {"operator": "or_", "id": ids, "name": {"any_": ["wanted_c"]}}
    assert names(api, wanted) == ["wanted_a", "wanted_c"]
    assert set(names(api, wanted | {"value": {}})) >= {"wanted_a", "wanted_b", "wanted_c"}


def test_variables_are_sorted_and_paged(api: httpx.Client, three: dict[str, Any]) -> None:
    mine = {"name": {"like_": "wanted_"}}
    assert names(api, mine, sort="NAME_DESC") == ["wanted_c", "wanted_b", "wanted_a"]
    assert names(api, mine, sort="CREATED_DESC") == ["wanted_c", "wanted_b", "wanted_a"]
    assert names(api, mine, limit=1, offset=1) == ["wanted_b"]
    api.patch(f"/variables/{three['b']['id']}", json={"value": "two"})
    assert names(api, mine, sort="UPDATED_DESC") == ["wanted_b", "wanted_c", "wanted_a"]


@pytest.mark.parametrize("body", [{"variables": {"nobody": 1}}, {"sort": "X"}, {"limit": 201}, {"offset": -1}])
def test_filters_that_mean_nothing_are_refused(api: httpx.Client, body: Any) -> None:
    assert api.post("/variables/filter", json=body).status_code == 422


def test_without_a_filter_all_are_meant(api: httpx.Client, three: dict[str, Any]) -> None:
    """With no body at all as well."""
    assert api.post("/variables/count").json() == api.post("/variables/count", json={"variables": None}).json() >= 3
