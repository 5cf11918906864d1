"""Variables over HTTP."""

from typing import Any

import httpx
import pytest

from tests.api.records import NOWHERE, made

NAME_RULE = "Variable name must only contain lowercase letters, numbers, and underscores."
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


@pytest.mark.parametrize(
    ("given", "kept"), [(3, "3"), (3.0, "3.0"), (True, "True"), ("", ""), ("v" * 5000, "v" * 5000)]
)
def test_values_are_text(api: httpx.Client, given: Any, kept: str) -> None:
    """Numbers and flags become text."""
    assert new_variable(api, value=given)["value"] == kept


@pytest.mark.parametrize("value", [None, {"a": 1}, ["a"], "v" * 5001])
def test_other_values_are_refused(api: httpx.Client, value: Any) -> None:
    """Also in a change, but for null, which can't be stored."""
    variable = new_variable(api)
    assert api.post("/variables/", json={"name": "refused", "value": value}).status_code == 422
    status = 409 if value is None else 422
    assert api.patch(f"/variables/{variable['id']}", json={"value": value}).status_code == status
    assert api.get(f"/variables/{variable['id']}").json() == variable


@pytest.mark.parametrize("name", ["A", "a-b", "a b", "ä", True])
def test_names_are_of_small_letters_digits_and_underscores(api: httpx.Client, name: Any) -> None:
    answer = api.post("/variables/", json={"name": name, "value": "v"})
    expected = {"loc": ["body", "name"], "msg": NAME_RULE, "type": "value_error"}
    assert (answer.status_code, answer.json()["exception_detail"]) == (422, [expected])


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
