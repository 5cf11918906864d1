"""Records that have a name of their own, created by many at once."""

from tests.api.records import new_flow_run, unique
from tests.concurrency.conftest import Call, Fleet, post, statuses

MANY = 20


def test_a_flow_is_made_once(fleet: Fleet) -> None:
    """Whoever comes second is given the one that is there. (Guards.)"""
    name = unique("flow")
    answers = fleet.at_once(*[post("/flows/", {"name": name})] * MANY)
    assert statuses(answers) == {201: 1, 200: MANY - 1}
    assert len({x.json()["id"] for x in answers}) == 1


def test_a_variable_is_made_once(fleet: Fleet) -> None:
    """Whoever comes second is told so. (Guards.)"""
    name = unique("variable").replace("-", "_")
    answers = fleet.at_once(*(post("/variables/", {"name": name, "value": str(x)}) for x in range(MANY)))
    assert statuses(answers) == {201: 1, 409: MANY - 1}
    (first,) = (x.json() for x in answers if x.status_code == 201)
    assert fleet.api.get(f"/variables/name/{name}").json()["value"] == first["value"]


def test_a_saved_search_is_made_once(fleet: Fleet) -> None:
    """Whoever comes second replaces what it looks for. (Guards.)"""
    search = {"name": unique("search"), "filters": []}
    answers = fleet.at_once(*[Call("PUT", "/saved_searches/", search)] * MANY)
    assert statuses(answers) == {201: 1, 200: MANY - 1}
    assert len({x.json()["id"] for x in answers}) == 1


def test_a_tag_has_one_limit(fleet: Fleet) -> None:
    """Whoever comes second changes it. (Guards.)"""
    tag = unique("tag")
    answers = fleet.at_once(*[post("/concurrency_limits/", {"tag": tag, "concurrency_limit": 3})] * MANY)
    assert statuses(answers) == {200: MANY}
    assert len({x.json()["id"] for x in answers}) == 1


def test_a_global_limit_is_made_once(fleet: Fleet) -> None:
    """Whoever comes second is told so. (Guards.)"""
    answers = fleet.at_once(*[post("/v2/concurrency_limits/", {"name": unique("limit"), "limit": 3})] * MANY)
    assert statuses(answers) == {201: 1, 409: MANY - 1}


def test_an_input_is_taken_once(fleet: Fleet) -> None:
    """Whoever comes second is told so, and the value stays that of the first. (Guards.)"""
    path = f"/flow_runs/{new_flow_run(fleet.api)['id']}/input"
    answers = fleet.at_once(*(post(path, {"key": "key", "value": str(x)}) for x in range(MANY)))
    assert statuses(answers) == {201: 1, 409: MANY - 1}
    (first,) = (at for at, x in enumerate(answers) if x.status_code == 201)
    assert fleet.api.get(f"{path}/key").text == str(first)
