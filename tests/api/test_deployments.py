"""Deployments over HTTP: creation and replacement, changes, pauses, deletion."""

from typing import Any

import httpx
import pytest

from tests.api.records import NOWHERE, made, new_block_document, new_deployment, new_flow, new_flow_run, unique

INTERVAL = {"interval": 3600.0, "anchor_date": "2020-01-01T00:00:00-05:00", "timezone": "UTC"}
CRON = {"cron": "0 0 * * *", "timezone": None, "day_or": True}
RRULE = {"rrule": "FREQ=DAILY", "timezone": "UTC"}
SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
CONFLICT = (
    "Data integrity conflict. This usually means a unique or foreign key constraint was violated. "
    "See server logs for details."
)
NO_SCHEMA = (
    "Error updating deployment: Cannot update parameters because parameter schema enforcement is enabled and the "
    "deployment does not have a valid parameter schema."
)
EVERYTHING = {
    "version": "1",
    "description": "d",
    "parameters": {"x": 1},
    "tags": ["t"],
    "path": "/p",
    "entrypoint": "e:f",
    "manifest_path": "m",
    "parameter_openapi_schema": {"type": "object"},
    "pull_steps": [{"clone": {"from": "here"}}],
    "work_queue_name": "queue",
    "enforce_parameter_schema": True,
    "paused": True,
}


def read(api: httpx.Client, deployment: Any) -> Any:
    answer = api.get(f"/deployments/{deployment['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def change(api: httpx.Client, deployment: Any, **fields: Any) -> httpx.Response:
    return api.patch(f"/deployments/{deployment['id']}", json=fields)


def kept_schedules(deployment: Any) -> list[tuple[Any, bool]]:
    return [(x["schedule"], x["active"]) for x in deployment["schedules"]]


def refusal(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()["detail"]


class TestCreation:
    def test_a_bare_deployment_has_defaults(self, api: httpx.Client) -> None:
        """It is active, without schedules, and not ready until someone asks for its runs."""
        deployment = new_deployment(api)
        given = {"id", "created", "updated", "name", "flow_id"}
        empty: dict[str, Any] = {"infra_overrides": {}, "parameters": {}, "job_variables": {}}
        empty["labels"] = {"prefect.flow.id": deployment["flow_id"]}
        lists: dict[str, Any] = {"schedules": [], "tags": []}
        flags = {"is_schedule_active": True, "paused": False, "enforce_parameter_schema": False}
        expected = empty | lists | flags | {"status": "NOT_READY"}
        rest = deployment.keys() - given - expected.keys()
        assert {name: deployment[name] for name in expected} == expected
        assert {name: deployment[name] for name in rest} == dict.fromkeys(rest)
        assert read(api, deployment) == deployment

    def test_everything_is_kept(self, api: httpx.Client) -> None:
        """As it was given."""
        deployment = read(api, new_deployment(api, **EVERYTHING))
        assert {name: deployment[name] for name in EVERYTHING} == EVERYTHING

    def test_flow_and_name_are_one_deployment(self, api: httpx.Client) -> None:
        """A second creation answers 200 and replaces all but the id, the time of creation and the queue."""
        body = {"flow_id": new_flow(api)["id"], "name": "d"}
        first = api.post("/deployments/", json=body | EVERYTHING | {"schedules": [{"schedule": CRON}]})
        second = api.post("/deployments/", json=body)
        assert (first.status_code, second.status_code) == (201, 200)
        bare = new_deployment(api)
        own = ("id", "created", "updated", "flow_id", "name")
        own_place = ("work_queue_name", "work_queue_id", "work_pool_name")
        kept = {name: first.json()[name] for name in ("id", "created", "flow_id", "name", *own_place)}
        fresh = {"updated": second.json()["updated"], "labels": {"prefect.flow.id": body["flow_id"]}}
        assert second.json() == bare | kept | fresh
        assert {name for name in own if second.json()[name] != first.json()[name]} == {"updated"}

    def test_the_same_name_may_be_used_for_another_flow(self, api: httpx.Client) -> None:
        """Names are a flow's own."""
        assert new_deployment(api, name="d")["id"] != new_deployment(api, name="d")["id"]

    def test_job_variables_have_an_older_name(self, api: httpx.Client) -> None:
        """Either may be given; both are answered, alike."""
        for name in ("job_variables", "infra_overrides"):
            deployment = new_deployment(api, **{name: {"image": "x"}})
            assert deployment["infra_overrides"] == deployment["job_variables"] == {"image": "x"}
        body = {"flow_id": new_flow(api)["id"], "name": "d", "job_variables": {"a": 1}, "infra_overrides": {"a": 2}}
        answer = api.post("/deployments/", json=body)
        assert answer.status_code == 422
        error = answer.json()["exception_detail"][0]
        assert "has been renamed to `job_variables`" in error["msg"]
        assert error["loc"] == ["body", "__root__"]

    def test_fields_of_old_clients_are_dropped(self, api: httpx.Client) -> None:
        """They had other names for pools and queues."""
        old = {"worker_pool_queue_id": NOWHERE, "worker_pool_name": "a", "work_pool_queue_name": "b"}
        assert new_deployment(api, **old)["work_queue_name"] is None

    @pytest.mark.parametrize(
        "fields",
        [{"name": "a/b"}, {"name": None}, {"flow_id": "nonsense"}, {"unknown": 1}, {"parameters": None},
         {"tags": None}, {"schedules": None}, {"paused": None}, {"job_variables": None}],
    )  # fmt: skip
    def test_a_malformed_body_is_422(self, api: httpx.Client, fields: dict[str, Any]) -> None:
        """The answer names the field."""
        answer = api.post("/deployments/", json={"flow_id": new_flow(api)["id"], "name": "d", **fields})
        assert answer.status_code == 422
        assert answer.json()["exception_detail"][0]["loc"] == ["body", next(iter(fields))]

    @pytest.mark.parametrize("fields", [{"flow_id": NOWHERE}, {"infra_overrides": None}])
    def test_a_flow_and_variables_are_needed(self, api: httpx.Client, fields: dict[str, Any]) -> None:
        """Otherwise it is a conflict."""
        answer = api.post("/deployments/", json={"flow_id": new_flow(api)["id"], "name": "d", **fields})
        assert refusal(answer) == (409, CONFLICT)

    @pytest.mark.parametrize("role", ["infrastructure", "storage"])
    def test_a_block_document_must_exist(self, api: httpx.Client, role: str) -> None:
        """The answer says which is missing."""
        body = {"flow_id": new_flow(api)["id"], "name": "d", f"{role}_document_id": NOWHERE}
        status, detail = refusal(api.post("/deployments/", json=body))
        assert status == 409
        assert detail.startswith(f"Error creating deployment. Could not find {role} block with id: {NOWHERE}. This")

    def test_a_deployment_goes_with_its_block_documents(self, api: httpx.Client) -> None:
        """Without them it could not run."""
        document_id = new_block_document(api)["id"]
        both = {"storage_document_id": document_id, "infrastructure_document_id": document_id}
        deployment = new_deployment(api, **both)
        assert {name: deployment[name] for name in both} == both
        run = made(api, f"/deployments/{deployment['id']}/create_flow_run", {})
        assert run["infrastructure_document_id"] == document_id
        api.delete(f"/block_documents/{document_id}")
        gone = [f"/deployments/{deployment['id']}", f"/flow_runs/{run['id']}"]
        assert [api.get(path).status_code for path in gone] == [404, 404]

    def test_a_work_pool_must_exist(self, api: httpx.Client) -> None:
        """Unless it is the one that queues without a pool belong to."""
        body = {"flow_id": new_flow(api)["id"], "name": "d"}
        answer = api.post("/deployments/", json=body | {"work_pool_name": "nope"})
        assert refusal(answer) == (404, 'Work pool "nope" not found.')
        assert api.post("/deployments/", json=body | {"work_pool_name": "default-agent-pool"}).status_code == 201


class TestSchedules:
    def test_schedules_come_with_the_deployment(self, api: httpx.Client) -> None:
        """The last one first, with the defaults of single schedules; the first is the deployment's `schedule`."""
        given = [{"schedule": INTERVAL}, {"schedule": CRON, "active": False, "max_active_runs": 2, "catchup": True}]
        deployment = new_deployment(api, schedules=given)
        assert kept_schedules(deployment) == [(CRON, False), (INTERVAL, True)]
        assert deployment["schedule"] == CRON
        first = deployment["schedules"][0]
        assert (first["max_active_runs"], first["max_scheduled_runs"], first["catchup"]) == (None, None, False)
        assert first["deployment_id"] == deployment["id"]

    def test_a_single_schedule_may_be_given_the_old_way(self, api: httpx.Client) -> None:
        """It is as active as the deployment then is said to be; the newer way goes first."""
        assert kept_schedules(new_deployment(api, schedule=RRULE)) == [(RRULE, True)]
        assert kept_schedules(new_deployment(api, schedule=RRULE, is_schedule_active=False)) == [(RRULE, False)]
        both = new_deployment(api, schedule=RRULE, schedules=[{"schedule": CRON}])
        assert kept_schedules(both) == [(CRON, True)]

    @pytest.mark.parametrize(
        ("fields", "paused"),
        [
            ({"paused": True}, True),
            ({"is_schedule_active": False}, True),
            ({"is_schedule_active": False, "paused": False}, False),
            ({"is_schedule_active": True, "paused": True}, True),
        ],
    )
    def test_a_pause_has_two_names(self, api: httpx.Client, fields: dict[str, bool], paused: bool) -> None:
        """`is_schedule_active` is the older one; where they disagree, `paused` counts."""
        deployment = new_deployment(api, **fields)
        assert (deployment["paused"], deployment["is_schedule_active"]) == (paused, not paused)

    @pytest.mark.parametrize(
        ("fields", "loc"),
        [
            ({"schedule": {"interval": 0}}, "interval"),
            ({"schedule": {"cron": "bad"}}, "cron"),
            ({"schedule": CRON, "max_scheduled_runs": 51}, "max_scheduled_runs"),
            ({"schedule": CRON, "max_active_runs": 0}, "max_active_runs"),
            ({"schedule": CRON, "unknown": 1}, "unknown"),
            ({"active": True}, "schedule"),
        ],
    )
    def test_a_malformed_schedule_is_422(self, api: httpx.Client, fields: dict[str, Any], loc: str) -> None:
        """The answer says where in the list."""
        body = {"flow_id": new_flow(api)["id"], "name": "d", "schedules": [{"schedule": CRON}, fields]}
        answer = api.post("/deployments/", json=body)
        assert answer.status_code == 422
        places = [x["loc"] for x in answer.json()["exception_detail"]]
        assert all(place[:3] == ["body", "schedules", 1] for place in places)
        assert loc in [place[-1] for place in places]


class TestParameters:
    @pytest.mark.parametrize("parameters", [{"x": 1}, {}, {"y": 2}])
    def test_parameters_may_be_incomplete(self, api: httpx.Client, parameters: dict[str, int]) -> None:
        """A run may bring the rest."""
        fields = {"enforce_parameter_schema": True, "parameter_openapi_schema": SCHEMA, "parameters": parameters}
        assert new_deployment(api, **fields)["parameters"] == parameters

    def test_parameters_must_fit_an_enforced_schema(self, api: httpx.Client) -> None:
        """The answer says which does not; a schema that is not enforced is not looked at."""
        fields = {"parameter_openapi_schema": SCHEMA, "parameters": {"x": "one"}}
        new_deployment(api, **fields)
        body = {"flow_id": new_flow(api)["id"], "name": "d", "enforce_parameter_schema": True, **fields}
        error = api.post("/deployments/", json=body).json()["exception_detail"][0]
        message = "Validation failed for field 'x'. Failure reason: 'one' is not of type 'integer'"
        assert (error["loc"], error["msg"]) == (["body", "parameters"], message)

    def test_an_enforced_schema_must_be_one(self, api: httpx.Client) -> None:
        """Otherwise nothing could fit it."""
        body = {"flow_id": new_flow(api)["id"], "name": "d", "enforce_parameter_schema": True}
        answer = api.post("/deployments/", json=body | {"parameter_openapi_schema": {"type": "nope"}})
        error = answer.json()["exception_detail"][0]
        assert error["loc"] == ["body", "parameter_openapi_schema"]
        assert error["msg"].startswith("The provided schema is not a valid json schema. Schema error: 'nope'")

    def test_changed_parameters_must_fit(self, api: httpx.Client) -> None:
        """Where the deployment enforces its schema, or starts to."""
        deployment = new_deployment(api, parameter_openapi_schema=SCHEMA, parameters={"x": "one"})
        message = "Error updating deployment: Validation failed for field 'x'. Failure reason: "
        assert refusal(change(api, deployment, enforce_parameter_schema=True)) == (
            409,
            f"{message}'one' is not of type 'integer'",
        )
        fit = {"enforce_parameter_schema": True, "parameters": {"x": 2}}
        assert change(api, deployment, **fit).status_code == 204
        assert refusal(change(api, deployment, parameters={"x": None}))[0] == 409
        loose = {"enforce_parameter_schema": False, "parameters": {"x": None}}
        assert change(api, deployment, **loose).status_code == 204

    def test_a_schema_is_needed_to_enforce_it(self, api: httpx.Client) -> None:
        """And it can be given at creation only."""
        assert refusal(change(api, new_deployment(api), enforce_parameter_schema=True)) == (409, NO_SCHEMA)

    @pytest.mark.parametrize(
        ("schema", "detail"),
        [
            ({"type": "nope"}, "Invalid schema: 'nope' is not valid under any of the given schemas"),
            (
                {"$ref": "#/definitions/A", "definitions": {"A": {"$ref": "#/definitions/A"}}},
                "Invalid schema: Unable to validate schema with circular references.",
            ),
        ],
    )
    def test_an_unusable_schema_can_not_be_enforced(self, api: httpx.Client, schema: Any, detail: str) -> None:
        """The answer says why."""
        deployment = new_deployment(api, parameter_openapi_schema=schema)
        assert refusal(change(api, deployment, enforce_parameter_schema=True)) == (422, detail)

    def test_placeholders_are_put_into_effect_by_an_update(self, api: httpx.Client) -> None:
        """What is kept is their values."""
        deployment = new_deployment(api)
        change(api, deployment, parameters={"x": {"__prefect_kind": "json", "value": "[1]"}})
        assert read(api, deployment)["parameters"] == {"x": [1]}
        answer = change(api, deployment, parameters={"x": {"__prefect_kind": "jinja"}})
        detail = "Error hydrating deployment parameters: Missing 'template' key in __prefect object"
        assert refusal(answer) == (400, detail)


class TestUpdate:
    def test_what_is_given_changes(self, api: httpx.Client) -> None:
        """And nothing else."""
        deployment = new_deployment(api, **EVERYTHING)
        fields = {"version": "2", "description": None, "tags": ["u"], "path": None, "entrypoint": "g", "paused": False}
        assert change(api, deployment, **fields).status_code == 204
        updated = {"updated": read(api, deployment)["updated"], "is_schedule_active": True}
        assert read(api, deployment) == deployment | fields | updated

    def test_an_empty_update_is_fine(self, api: httpx.Client) -> None:
        """It changes nothing that clients give."""
        deployment = new_deployment(api, **EVERYTHING)
        assert change(api, deployment).status_code == 204
        assert read(api, deployment) == deployment | {"updated": read(api, deployment)["updated"]}

    def test_a_queue_can_be_changed_but_not_taken_away(self, api: httpx.Client) -> None:
        """Null leaves it."""
        deployment = new_deployment(api, work_queue_name="a")
        change(api, deployment, work_queue_name=None)
        assert read(api, deployment)["work_queue_name"] == "a"
        change(api, deployment, work_queue_name="b")
        assert read(api, deployment)["work_queue_name"] == "b"

    def test_job_variables_change_under_either_name(self, api: httpx.Client) -> None:
        """An empty object empties them, null leaves them."""
        deployment = new_deployment(api, job_variables={"a": 1})
        change(api, deployment, job_variables=None)
        assert read(api, deployment)["job_variables"] == {"a": 1}
        change(api, deployment, infra_overrides={"b": 1})
        assert read(api, deployment)["job_variables"] == {"b": 1}
        change(api, deployment, job_variables={})
        assert read(api, deployment)["infra_overrides"] == {}

    @pytest.mark.parametrize("field", ["name", "flow_id", "parameter_openapi_schema", "pull_steps", "unknown"])
    def test_some_fields_are_fixed(self, api: httpx.Client, field: str) -> None:
        """They are given by another creation."""
        assert change(api, new_deployment(api), **{field: "x"}).status_code == 422

    @pytest.mark.parametrize(
        "field", ["parameters", "infra_overrides", "enforce_parameter_schema", "infrastructure_document_id"]
    )
    def test_what_can_not_be_is_a_conflict(self, api: httpx.Client, field: str) -> None:
        """Null where there must be a value, and a block document that does not exist."""
        value = NOWHERE if field.endswith("id") else None
        assert refusal(change(api, new_deployment(api), **{field: value})) == (409, CONFLICT)

    def test_a_work_pool_must_exist(self, api: httpx.Client) -> None:
        """As at creation."""
        answer = change(api, new_deployment(api), work_pool_name="nope")
        assert refusal(answer) == (404, 'Work pool "nope" not found.')

    def test_schedules_are_replaced(self, api: httpx.Client) -> None:
        """All of them, by as many."""
        deployment = new_deployment(api, schedules=[{"schedule": CRON}])
        change(api, deployment, schedules=[{"schedule": RRULE}, {"schedule": INTERVAL, "active": False}])
        assert kept_schedules(read(api, deployment)) == [(INTERVAL, False), (RRULE, True)]
        change(api, deployment, schedules=[])
        assert kept_schedules(read(api, deployment)) == []

    def test_a_single_schedule_is_replaced_the_old_way(self, api: httpx.Client) -> None:
        """It takes the place of the one there is, and is as active as the deployment."""
        deployment = new_deployment(api, schedule=CRON)
        change(api, deployment, schedule=RRULE)
        assert kept_schedules(read(api, deployment)) == [(RRULE, True)]
        change(api, deployment, is_schedule_active=False)
        after = read(api, deployment)
        assert (kept_schedules(after), after["paused"]) == ([(RRULE, False)], True)
        change(api, deployment, schedule=None)
        assert kept_schedules(read(api, deployment)) == []

    def test_the_old_way_knows_no_schedule_that_came_the_new_way(self, api: httpx.Client) -> None:
        """What such a client does not see, it removes."""
        deployment = new_deployment(api, schedules=[{"schedule": CRON}])
        change(api, deployment, is_schedule_active=False)
        assert kept_schedules(read(api, deployment)) == []

    @pytest.mark.parametrize("fields", [{"schedule": None}, {"is_schedule_active": True}])
    def test_several_schedules_can_not_be_changed_the_old_way(self, api: httpx.Client, fields: dict[str, Any]) -> None:
        """Such a client would lose all but one."""
        deployment = new_deployment(api, schedules=[{"schedule": CRON}, {"schedule": RRULE}])
        answer = change(api, deployment, **fields)
        assert refusal(answer) == (422, [several_schedules(deployment["id"])])

    def test_an_unknown_deployment_is_404(self, api: httpx.Client) -> None:
        """Whatever is to change."""
        answer = api.patch(f"/deployments/{NOWHERE}", json={})
        assert refusal(answer) == (404, "Deployment not found.")


def several_schedules(deployment_id: str) -> str:
    return (
        f"Error updating deployment: Deployment UUID('{deployment_id}') has multiple schedules. Please use the UI or "
        "update your client to adjust this deployment's schedules."
    )


class TestReading:
    def test_a_deployment_is_found_by_the_names_of_its_flow_and_its_own(self, api: httpx.Client) -> None:
        """Both must be right."""
        flow = new_flow(api)
        deployment = new_deployment(api, flow_id=flow["id"], schedules=[{"schedule": CRON}])
        path = "/deployments/name"
        assert api.get(f"{path}/{flow['name']}/{deployment['name']}").json() == deployment
        for names in (f"{flow['name']}/nope", f"nope/{deployment['name']}"):
            assert refusal(api.get(f"{path}/{names}")) == (404, "Deployment not found")

    def test_an_unknown_id_is_404(self, api: httpx.Client) -> None:
        """And what is no id is 422."""
        assert refusal(api.get(f"/deployments/{NOWHERE}")) == (404, "Deployment not found")
        assert api.get("/deployments/nonsense").status_code == 422


class TestPause:
    @pytest.mark.parametrize(
        ("pause", "resume"),
        [("pause_deployment", "resume_deployment"), ("set_schedule_inactive", "set_schedule_active")],
    )
    def test_a_deployment_is_paused_with_its_schedule(self, api: httpx.Client, pause: str, resume: str) -> None:
        """And resumed with it."""
        deployment = new_deployment(api, schedules=[{"schedule": CRON}])
        for action, paused in ((pause, True), (resume, False)):
            answer = api.post(f"/deployments/{deployment['id']}/{action}")
            assert (answer.status_code, answer.json()) == (200, None)
            after = read(api, deployment)
            assert (after["paused"], after["is_schedule_active"]) == (paused, not paused)
            assert kept_schedules(after) == [(CRON, not paused)]

    def test_a_schedule_that_is_on_already_counts_as_unchanged(self, api: httpx.Client) -> None:
        """Its time of change, by which schedules are ordered, stays."""
        deployment = new_deployment(api, schedules=[{"schedule": CRON}])
        api.post(f"/deployments/{deployment['id']}/resume_deployment")
        assert read(api, deployment)["schedules"] == deployment["schedules"]

    @pytest.mark.parametrize("action", ["pause_deployment", "resume_deployment"])
    def test_several_schedules_are_paused_one_by_one(self, api: httpx.Client, action: str) -> None:
        """Not with their deployment."""
        deployment = new_deployment(api, schedules=[{"schedule": CRON}, {"schedule": RRULE}])
        answer = api.post(f"/deployments/{deployment['id']}/{action}")
        assert refusal(answer) == (422, [several_schedules(deployment["id"])])
        assert read(api, deployment) == deployment

    @pytest.mark.parametrize("action", ["pause_deployment", "resume_deployment"])
    def test_an_unknown_deployment_is_404(self, api: httpx.Client, action: str) -> None:
        """As is what is no id."""
        assert refusal(api.post(f"/deployments/{NOWHERE}/{action}")) == (404, "Deployment not found")
        assert refusal(api.post(f"/deployments/nonsense/{action}")) == (404, "Not Found")


class TestDeletion:
    def test_runs_that_wait_go_and_others_stay(self, api: httpx.Client) -> None:
        """The others still name the deployment, and go on as if it were there."""
        deployment = new_deployment(api)
        path = f"/deployments/{deployment['id']}/create_flow_run"
        waiting = [made(api, path, {}), made(api, path, {"state": {"type": "SCHEDULED", "name": "Late"}})]
        started = [made(api, path, {"state": {"type": x}}) for x in ("PENDING", "RUNNING", "COMPLETED")]
        assert api.delete(f"/deployments/{deployment['id']}").status_code == 204
        assert [api.get(f"/flow_runs/{x['id']}").status_code for x in waiting] == [404, 404]
        for run in started:
            assert api.get(f"/flow_runs/{run['id']}").json()["deployment_id"] == deployment["id"]
        body = {"state": {"type": "COMPLETED"}}
        assert api.post(f"/flow_runs/{started[1]['id']}/set_state", json=body).status_code == 201

    def test_waiting_runs_of_others_stay(self, api: httpx.Client) -> None:
        """Of another deployment of the same flow, and of none."""
        deployment = new_deployment(api)
        flow_id = deployment["flow_id"]
        other = new_deployment(api, flow_id=flow_id)
        runs = [new_flow_run(api, flow_id=flow_id, state={"type": "SCHEDULED"})]
        runs.append(made(api, f"/deployments/{other['id']}/create_flow_run", {}))
        api.delete(f"/deployments/{deployment['id']}")
        assert [api.get(f"/flow_runs/{x['id']}").status_code for x in runs] == [200, 200]

    def test_a_deleted_deployment_is_unknown(self, api: httpx.Client) -> None:
        """And its name is free."""
        name = unique("deployment")
        deployment = new_deployment(api, name=name, schedules=[{"schedule": CRON}])
        path = f"/deployments/{deployment['id']}"
        api.delete(path)
        assert refusal(api.delete(path)) == (404, "Deployment not found")
        again = api.post("/deployments/", json={"flow_id": deployment["flow_id"], "name": name})
        assert (again.status_code, again.json()["schedules"]) == (201, [])


class TestLimits:
    """How many runs of a deployment may be under way: a global limit, of its own or one it shares."""

    def limit(self, api: httpx.Client, deployment: Any) -> Any:
        return read(api, deployment)["global_concurrency_limit"]

    def patch(self, api: httpx.Client, deployment: Any, **fields: Any) -> httpx.Response:
        return api.patch(f"/deployments/{deployment['id']}", json=fields)

    def test_a_limit_is_made_changed_and_deleted_with_its_deployment(self, api: httpx.Client) -> None:
        deployment = new_deployment(api, concurrency_limit=2)
        name = f"deployment:{deployment['id']}"
        first = deployment["global_concurrency_limit"]
        assert (first["name"], first["limit"], deployment["concurrency_limit"]) == (name, 2, None)
        assert api.get(f"/v2/concurrency_limits/{name}").json() == first
        assert self.patch(api, deployment, concurrency_limit=5).status_code == 204
        assert self.limit(api, deployment) == first | {"limit": 5, "updated": self.limit(api, deployment)["updated"]}
        assert self.patch(api, deployment, tags=["t"]).status_code == 204
        assert self.limit(api, deployment)["limit"] == 5
        assert self.patch(api, deployment, concurrency_limit=None).status_code == 204
        assert self.limit(api, deployment) is None
        assert api.get(f"/v2/concurrency_limits/{name}").status_code == 404
        self.patch(api, deployment, concurrency_limit=1)
        assert api.delete(f"/deployments/{deployment['id']}").status_code == 204
        assert api.get(f"/v2/concurrency_limits/{name}").status_code == 404

    def test_a_limit_stays_where_a_deployment_is_replaced(self, api: httpx.Client) -> None:
        """Unless another is given."""
        deployment = new_deployment(api, concurrency_limit=2)
        again = {"flow_id": deployment["flow_id"], "name": deployment["name"]}
        assert api.post("/deployments/", json=again).json()["global_concurrency_limit"]["limit"] == 2
        changed = api.post("/deployments/", json=again | {"concurrency_limit": 3}).json()["global_concurrency_limit"]
        assert (changed["id"], changed["limit"]) == (deployment["global_concurrency_limit"]["id"], 3)

    def test_a_limit_can_be_shared(self, api: httpx.Client) -> None:
        """It is not deleted with a deployment; a limit that is deleted is none."""
        limit = api.post("/v2/concurrency_limits/", json={"name": unique("limit"), "limit": 9}).json()
        shared = {"global_concurrency_limit_id": limit["id"], "concurrency_limit": None}
        one, other = new_deployment(api, **shared), new_deployment(api)
        assert self.patch(api, other, global_concurrency_limit_id=limit["id"]).status_code == 204
        assert self.limit(api, one)["id"] == self.limit(api, other)["id"] == limit["id"]
        assert api.delete(f"/deployments/{one['id']}").status_code == 204
        assert api.delete(f"/v2/concurrency_limits/{limit['id']}").status_code == 204
        assert self.limit(api, other) is None
        assert self.patch(api, other, concurrency_limit=1).status_code == 204
        assert self.limit(api, other)["name"] == f"deployment:{other['id']}"

    def test_a_limit_must_be_one_and_be_there(self, api: httpx.Client) -> None:
        deployment = new_deployment(api)
        answer = self.patch(api, deployment, global_concurrency_limit_id=NOWHERE)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Concurrency limit not found"})
        assert self.patch(api, deployment, global_concurrency_limit_id=NOWHERE, concurrency_limit=1).status_code == 422
        assert self.patch(api, deployment, concurrency_limit=0).status_code == 422

    def test_options_are_kept(self, api: httpx.Client) -> None:
        """Until they are taken away."""
        options = {"collision_strategy": "CANCEL_NEW", "grace_period_seconds": 60}
        deployment = new_deployment(api, concurrency_options=options)
        assert read(api, deployment)["concurrency_options"] == options
        assert self.patch(api, deployment, concurrency_options=None).status_code == 204
        assert read(api, deployment)["concurrency_options"] is None
        for wrong in ({"collision_strategy": "X"}, {"collision_strategy": "ENQUEUE", "grace_period_seconds": 59}):
            assert self.patch(api, deployment, concurrency_options=wrong).status_code == 422


def test_schema_and_steps_of_a_deployment_can_be_changed(api: httpx.Client) -> None:
    """Each when it is given."""
    deployment = new_deployment(api)
    schema, steps = {"type": "object"}, [{"step": {}}]
    path = f"/deployments/{deployment['id']}"
    assert api.patch(path, json={"parameter_openapi_schema": schema, "pull_steps": steps}).status_code == 204
    assert api.patch(path, json={"version_info": {"type": "x", "version": "1"}}).status_code == 204
    changed = read(api, deployment)
    assert (changed["parameter_openapi_schema"], changed["pull_steps"]) == (schema, steps)
