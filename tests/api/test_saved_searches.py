"""Saved searches over HTTP."""

from typing import Any
from uuid import uuid4

import httpx

FILTER: dict[str, Any] = {"object": "flow_run", "property": "name", "type": "string", "operation": "equals"}


def test_a_search_is_saved_and_read(api: httpx.Client) -> None:
    """With what its filters look for, whatever that is."""
    filters = [FILTER | {"value": value} for value in ("a", 1, None, [1, {"b": None}])]
    made = api.put("/saved_searches/", json={"name": f"search-{uuid4()}", "filters": filters})
    assert made.status_code == 201
    assert made.json()["filters"] == filters
    assert api.get(f"/saved_searches/{made.json()['id']}").json() == made.json()


def test_a_search_of_the_same_name_takes_the_place_of_the_first(api: httpx.Client) -> None:
    """200, under the same id."""
    name = f"search-{uuid4()}"
    first = api.put("/saved_searches/", json={"name": name, "filters": [FILTER | {"value": 1}]}).json()
    second = api.put("/saved_searches/", json={"name": name})
    assert second.status_code == 200
    assert (second.json()["id"], second.json()["filters"]) == (first["id"], [])


def test_what_a_filter_lacks_is_told_by_its_place(api: httpx.Client) -> None:
    """Unknown keys of a filter are ignored, those of a search are not."""
    answer = api.put("/saved_searches/", json={"name": "x", "filters": [FILTER | {"more": 1}], "more": 1})
    places = [x["loc"] for x in answer.json()["exception_detail"]]
    assert (answer.status_code, places) == (422, [["body", "filters", 0, "value"], ["body", "more"]])


def test_searches_are_listed_by_name(api: httpx.Client) -> None:
    """In pages."""
    for name in (f"b-{uuid4()}", f"a-{uuid4()}"):
        api.put("/saved_searches/", json={"name": name})
    names = [x["name"] for x in api.post("/saved_searches/filter", json={}).json()]
    assert names == sorted(names)
    page = api.post("/saved_searches/filter", json={"limit": 1, "offset": 1}).json()
    assert [x["name"] for x in page] == [names[1]]


def test_a_deleted_search_is_gone(api: httpx.Client) -> None:
    """And can't be deleted again."""
    path = f"/saved_searches/{api.put('/saved_searches/', json={'name': f'search-{uuid4()}'}).json()['id']}"
    assert api.delete(path).status_code == 204
    for answer in (api.delete(path), api.get(path)):
        assert (answer.status_code, answer.json()) == (404, {"detail": "Saved search not found"})
