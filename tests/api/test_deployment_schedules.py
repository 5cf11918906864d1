"""The schedules of a deployment over HTTP, one by one."""

from typing import Any

import httpx
import pytest

from tests.api.records import NOWHERE, new_deployment

CRON = {"cron": "0 0 * * *", "timezone": None, "day_or": True}
RRULE = {"rrule": "FREQ=DAILY", "timezone": "UTC"}
DAILY = {"interval": 86400.0, "anchor_date": "2020-01-01T00:00:00+00:00", "timezone": "Europe/Berlin"}
FULL = {
    "schedule": CRON,
    "active": False,
    "max_active_runs": 2,
    "max_scheduled_runs": 50,
    "catchup": True,
    "parameters": {"x": 1},
    "slug": "nightly",
}


@pytest.fixture
def path(api: httpx.Client) -> str:
    """The path of the schedules of a deployment that has none."""
    return f"/deployments/{new_deployment(api)['id']}/schedules"


def add(api: httpx.Client, path: str, *schedules: Any) -> Any:
    answer = api.post(path, json=list(schedules))
    assert answer.status_code == 201, answer.text
    return answer.json()


def without_times(schedule: Any) -> Any:
    return {name: x for name, x in schedule.items() if name not in ("id", "created", "updated", "deployment_id")}


def test_schedules_are_added_to_those_there_are(api: httpx.Client, path: str) -> None:
    """The answer has the new ones in the order given."""
    first = add(api, path, FULL)
    more = add(api, path, {"schedule": DAILY}, {"schedule": RRULE})
    assert without_times(first[0]) == FULL
    defaults = {"active": True, "max_active_runs": None, "max_scheduled_runs": None, "catchup": False}
    defaults |= {"parameters": {}, "slug": None}
    assert [without_times(x) for x in more] == [{"schedule": x, **defaults} for x in (DAILY, RRULE)]
    assert {x["deployment_id"] for x in first + more} == {path.split("/")[2]}
    assert add(api, path) == []


def test_the_schedule_changed_last_comes_first(api: httpx.Client, path: str) -> None:
    """In the list as in the deployment, whose `schedule` it is."""
    first, second, third = add(api, path, {"schedule": CRON}, {"schedule": RRULE}, {"schedule": DAILY})
    assert api.get(path).json() == [third, second, first]
    assert api.patch(f"{path}/{first['id']}", json={}).status_code == 204
    listed = api.get(path).json()
    assert [x["id"] for x in listed] == [first["id"], third["id"], second["id"]]
    deployment = api.get(path.removesuffix("/schedules")).json()
    assert (deployment["schedules"], deployment["schedule"]) == (listed, CRON)


@pytest.mark.parametrize(
    ("fields", "after"),
    [
        ({"active": True}, {"active": True}),
        ({"schedule": DAILY}, {"schedule": DAILY}),
        ({"max_active_runs": "7", "max_scheduled_runs": 1}, {"max_active_runs": 7, "max_scheduled_runs": 1}),
        ({"catchup": False}, {"catchup": False}),
        ({"slug": "daily", "replaces": "nightly"}, {"slug": "daily"}),
        ({"parameters": {}}, {"parameters": {}}),
        (dict.fromkeys(FULL), {}),
    ],
)
def test_what_is_given_changes(api: httpx.Client, path: str, fields: dict[str, Any], after: dict[str, Any]) -> None:
    """Null leaves what there is."""
    schedule = add(api, path, FULL)[0]
    assert api.patch(f"{path}/{schedule['id']}", json=fields).status_code == 204
    assert without_times(api.get(path).json()[0]) == FULL | after


@pytest.mark.parametrize(
    "fields", [{"schedule": {"interval": -1}}, {"max_scheduled_runs": 51}, {"max_active_runs": 1.5}, {"unknown": 1}]
)
def test_a_malformed_change_is_422(api: httpx.Client, path: str, fields: dict[str, Any]) -> None:
    """The schedule stays as it was."""
    schedule = add(api, path, FULL)[0]
    assert api.patch(f"{path}/{schedule['id']}", json=fields).status_code == 422
    assert api.get(path).json() == [schedule]


@pytest.mark.parametrize("body", [None, {"schedule": CRON}, [{"schedule": {"cron": "bad"}}], [{}]])
def test_malformed_schedules_are_422(api: httpx.Client, path: str, body: Any) -> None:
    """None of them is added."""
    assert api.post(path, json=body).status_code == 422
    assert api.get(path).json() == []


def test_a_deleted_schedule_is_gone(api: httpx.Client, path: str) -> None:
    """The others stay."""
    first, second = add(api, path, {"schedule": CRON}, {"schedule": RRULE})
    assert api.delete(f"{path}/{first['id']}").status_code == 204
    assert api.get(path).json() == [second]
    answer = api.delete(f"{path}/{first['id']}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Schedule not found."})


def test_a_schedule_belongs_to_its_deployment(api: httpx.Client, path: str) -> None:
    """Through another it can be neither changed nor deleted."""
    schedule = add(api, path, {"schedule": CRON})[0]
    elsewhere = f"/deployments/{new_deployment(api)['id']}/schedules/{schedule['id']}"
    for answer in (api.patch(elsewhere, json={"active": False}), api.delete(elsewhere)):
        assert (answer.status_code, answer.json()) == (404, {"detail": "Schedule not found."})
    assert api.get(path).json() == [schedule]


def test_an_unknown_deployment_is_404(api: httpx.Client) -> None:
    """For all that can be done with schedules."""
    path = f"/deployments/{NOWHERE}/schedules"
    one = f"{path}/{NOWHERE}"
    answers = [api.get(path), api.post(path, json=[]), api.patch(one, json={}), api.delete(one)]
    assert [x.status_code for x in answers] == [404] * 4
    assert {x.json()["detail"] for x in answers} == {"Deployment not found."}


def test_a_slug_names_one_schedule_of_a_deployment(api: httpx.Client, path: str) -> None:
    """A second one of the same is refused; another deployment may use it as well."""
    add(api, path, FULL)
    assert api.post(path, json=[FULL]).status_code == 409
    add(api, f"/deployments/{new_deployment(api)['id']}/schedules", FULL)


@pytest.fixture
def deployment(api: httpx.Client) -> Any:
    """A deployment whose two schedules have slugs."""
    schedules = [{"schedule": CRON, "slug": "a", "active": False}, {"schedule": DAILY, "slug": "b"}]
    return new_deployment(api, schedules=schedules)


def by_slug(api: httpx.Client, deployment: Any) -> Any:
    return {x["slug"]: x for x in api.get(f"/deployments/{deployment['id']}/schedules").json()}


def test_schedules_with_slugs_are_changed_one_by_one(api: httpx.Client, deployment: Any) -> None:
    """Those that are not named stay, new ones come, and one may get another slug. Each keeps its id and its switch."""
    before = by_slug(api, deployment)
    wanted = [
        {"schedule": RRULE, "slug": "c", "replaces": "a"},
        {"schedule": CRON, "slug": "d", "parameters": {"x": 1}},
    ]
    assert api.patch(f"/deployments/{deployment['id']}", json={"schedules": wanted}).status_code == 204
    after = by_slug(api, deployment)
    assert after.keys() == {"b", "c", "d"}
    assert after["b"] == before["b"]
    fresh = {"slug": "c", "schedule": RRULE, "updated": after["c"]["updated"]}
    assert after["c"] == before["a"] | fresh
    assert after["d"]["parameters"] == {"x": 1}


def test_schedules_with_slugs_stay_where_none_is_named(api: httpx.Client, deployment: Any) -> None:
    """An empty list changes nothing, and one without a slug is refused."""
    path, before = f"/deployments/{deployment['id']}", by_slug(api, deployment)
    assert api.patch(path, json={"schedules": []}).status_code == 204
    answer = api.patch(path, json={"schedules": [{"schedule": CRON}]})
    assert answer.status_code == 422
    assert "provide a slug" in answer.json()["detail"]
    assert by_slug(api, deployment) == before
