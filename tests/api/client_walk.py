"""A walk through the operations that the 3.9.1 client shares with this server: each is called with a body that the
client's models make, with all fields that they have, and what is answered is noted.

What lives here: the requests. What does not: what the client makes of the answers (test_client_schemas.py), and the
models themselves (client_models.py).
"""

import json
import subprocess
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx

from tests.api.records import unique

PYTHON = Path(__file__).parents[2] / ".peers" / "prefect-3.9" / "bin" / "python"
PROGRAM = Path(__file__).with_name("client_models.py")

NOON = "2030-01-01T12:00:00+00:00"
NOWHERE = "00000000-0000-4000-8000-00000000000a"
STATE_DETAILS = {
    "cache_key": "key",
    "cache_expiration": NOON,
    "deferred": False,
    "untrackable_result": True,
    "pause_timeout": NOON,
    "pause_reschedule": True,
    "pause_key": "pause",
    "run_input_keyset": {"a": "b"},
    "refresh_cache": False,
    "retriable": True,
    "transition_id": NOWHERE,
    "task_parameters_id": NOWHERE,
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "deployment_concurrency_lease_id": NOWHERE,
}


class Models:
    """The models of the client, in a process of its environment."""

    def __init__(self) -> None:
        command = [str(PYTHON), str(PROGRAM)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def body(self, model: str, *, whole: bool = False, **fields: Any) -> Any:
        """What the client sends of these fields: only these, or with nulls and defaults for all others."""
        return self._ask({"model": model, "fields": fields, "whole": whole})

    def fault(self, model: str, answer: Any) -> Any:
        """What the client finds wrong with an answer, None where it takes it."""
        return self._ask({"model": model, "answer": answer})

    def _ask(self, question: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


class Heard(NamedTuple):
    """An operation, what it answered, and the model that this must fit; an empty name where there is nothing to fit."""

    operation: str
    answer: httpx.Response
    model: str


class Walk:
    """Calls operations, and notes what it heard."""

    def __init__(self, api: httpx.Client, models: Models) -> None:
        self._api = api
        self.body = models.body
        self.heard: list[Heard] = []

    def call(self, operation: str, model: str = "", body: Any = None, query: Any = None, **path: str) -> Any:
        """One request; the body of its answer."""
        method, _, template = operation.partition(" ")
        answer = self._api.request(method, template.format(**path), json=body, params=query)
        self.heard.append(Heard(operation, answer, model))
        return answer.json() if answer.content else None

    def state(self, kind: str, **details: Any) -> Any:
        """A state with all that one can have."""
        given = STATE_DETAILS | details
        return self.body("actions.StateCreate", whole=True, type=kind, name="Named", message="m", state_details=given)

    def criteria(self) -> Any:
        """Filters of all nouns with all their parts, which ask for nothing."""
        parts = {"flows": "Flow", "flow_runs": "FlowRun", "task_runs": "TaskRun", "deployments": "Deployment"}
        return {noun: self.body(f"filters.{name}Filter", whole=True) for noun, name in parts.items()}

    def pages(self, noun: str, model: str, page: str) -> None:
        """What is found of a noun, in its ways."""
        every = self.criteria()
        asked = {noun: every[noun]}
        self.call(f"POST /{noun}/filter", f"list[{model}]", every | {"limit": 200, "offset": 0, "sort": None})
        assert self.call(f"POST /{noun}/filter", f"list[{model}]", asked)
        self.call(f"POST /{noun}/count", "int", every)
        self.call(
            f"POST /{noun}/paginate", f"server.responses.{page}PaginationResponse", asked | {"limit": 5, "page": 1}
        )

    def history(self, noun: str) -> None:
        """How many there were over time."""
        times = {"history_start": NOON, "history_end": "2030-01-01T18:00:00Z", "history_interval_seconds": 3600}
        self.call(f"POST /{noun}/history", "list[responses.HistoryResponse]", self.criteria() | times)


def whole_walk(api: httpx.Client, models: Models) -> list[Heard]:
    """All operations."""
    walk = Walk(api, models)
    flow = flows(walk)
    run = flow_runs(walk, flow)
    inputs(walk, run)
    task_runs(walk, run)
    deployments(walk, flow)
    blocks(walk)
    artifacts(walk, run)
    variables(walk)
    logs_and_searches(walk, run)
    limits(walk)
    events(walk)
    work(walk)
    many(walk)
    return walk.heard


def flows(walk: Walk) -> str:
    made = walk.body("actions.FlowCreate", whole=True, name=unique("flow"), tags=["a"], labels={"team": "x", "n": 1})
    flow: str = walk.call("POST /flows/", "objects.Flow", made)["id"]
    walk.call("PATCH /flows/{id}", body=walk.body("actions.FlowUpdate", tags=["b"]), id=flow)
    walk.call("GET /flows/{id}", "objects.Flow", id=flow)
    walk.call("GET /flows/name/{name}", "objects.Flow", name=made["name"])
    walk.pages("flows", "objects.Flow", "Flow")
    doomed = walk.call("POST /flows/", "objects.Flow", walk.body("actions.FlowCreate", name=unique("flow")))["id"]
    walk.call("DELETE /flows/{id}", id=doomed)
    return flow


def flow_runs(walk: Walk, flow: str) -> str:
    policy = {"retries": 2, "retry_delay": 1, "pause_keys": ["k"], "resuming": False, "retry_type": "in_process"}
    said = {"flow_version": "1", "parameters": {"x": 1}, "tags": ["a"], "empirical_policy": policy}
    made = walk.body(
        "actions.FlowRunCreate",
        state=walk.state("SCHEDULED", scheduled_time=NOON),
        name="run",
        flow_id=flow,
        context={"y": 2},
        parent_task_run_id=None,
        infrastructure_document_id=None,
        idempotency_key=unique("key"),
        labels={"mine": True, "weight": 2.5},
        deployment_id=None,
        work_pool_name=None,
        work_queue_name="queue",
        job_variables={"env": {}},
        **said,
    )
    run: str = walk.call("POST /flow_runs/", "objects.FlowRun", made)["id"]
    walk.call("GET /flow_runs/{id}", "responses.FlowRunResponse", id=run)
    asked = {"state": walk.state("RUNNING"), "force": False}
    walk.call("POST /flow_runs/{id}/set_state", "responses.OrchestrationResult", asked, id=run)
    change = walk.body("actions.FlowRunUpdate", name="renamed", infrastructure_pid="7", **said)
    walk.call("PATCH /flow_runs/{id}", body=change, id=run)
    walk.call("PATCH /flow_runs/{id}/labels", body={"more": 1.5}, id=run)
    walk.call("POST /flow_runs/{id}/resume", "responses.OrchestrationResult", {"run_input": None}, id=run)
    walk.call("GET /flow_runs/{id}", "objects.FlowRun", id=run)
    (state, *_) = walk.call("GET /flow_run_states/", "list[objects.State]", query={"flow_run_id": run})
    walk.call("GET /flow_run_states/{id}", "objects.State", id=state["id"])
    flow_runs_found(walk)
    doomed = walk.call("POST /flow_runs/", "objects.FlowRun", walk.body("actions.FlowRunCreate", flow_id=flow))["id"]
    walk.call("DELETE /flow_runs/{id}", id=doomed)
    return run


def flow_runs_found(walk: Walk) -> None:
    """With all that a filter can ask for, part by part."""
    times, ids = {"before_": NOON, "after_": NOON}, {"any_": [NOWHERE], "is_null_": False}
    narrow = walk.body(
        "filters.FlowRunFilter",
        whole=True,
        operator="or_",
        id={"any_": [NOWHERE], "not_any_": [NOWHERE]},
        name={"any_": ["a"], "like_": "b"},
        tags={"all_": ["a"], "any_": ["a"], "is_null_": False},
        deployment_id=ids,
        work_queue_name={"any_": ["a"], "is_null_": False},
        state={"type": {"any_": ["FAILED"], "not_any_": ["RUNNING"]}, "name": {"any_": [], "not_any_": ["x"]}},
        flow_version={"any_": ["1"]},
        start_time=times | {"is_null_": False},
        end_time=times | {"is_null_": False},
        expected_start_time=times,
        next_scheduled_start_time=times,
        parent_flow_run_id={"any_": [NOWHERE]},
        parent_task_run_id=ids,
        idempotency_key={"any_": ["a"], "not_any_": ["b"]},
    )
    walk.call("POST /flow_runs/filter", "list[objects.FlowRun]", {"flow_runs": narrow})
    walk.pages("flow_runs", "objects.FlowRun", "FlowRun")
    walk.history("flow_runs")
    walk.call("POST /flow_runs/lateness", "float", {"flow_runs": walk.criteria()["flow_runs"]})


def inputs(walk: Walk, run: str) -> None:
    path = {"id": run, "key": "k"}
    said = walk.body("objects.FlowRunInput", whole=True, flow_run_id=run, key="k", value="1", sender="s")
    given = {name: said[name] for name in ("key", "value", "sender")}
    walk.call("POST /flow_runs/{id}/input", body=given, id=run)
    wanted = {"prefix": "k", "limit": 5, "exclude_keys": ["z"]}
    walk.call("POST /flow_runs/{id}/input/filter", "list[objects.FlowRunInput]", wanted, id=run)
    walk.call("GET /flow_runs/{id}/input/{key}", "int", **path)
    walk.call("DELETE /flow_runs/{id}/input/{key}", **path)


def task_runs(walk: Walk, run: str) -> None:
    inputs_of_task = {"a": [{"input_type": "parameter", "name": "p"}, {"input_type": "constant", "type": "int"}]}
    made = walk.body(
        "actions.TaskRunCreate",
        id="00000000-0000-4000-9000-00000000000b",
        state=walk.state("PENDING"),
        name="task",
        flow_run_id=run,
        task_key="task",
        dynamic_key="0",
        cache_key="key",
        cache_expiration=NOON,
        task_version="1",
        empirical_policy={"retries": 2, "retry_delay": [1, 2], "retry_jitter_factor": 0.5},
        tags=["a"],
        labels={"mine": 1},
        task_inputs=inputs_of_task | {"b": [{"input_type": "task_run", "id": NOWHERE}]},
    )
    task: str = walk.call("POST /task_runs/", "objects.TaskRun", made)["id"]
    asked = {"state": walk.state("RUNNING"), "force": False}
    walk.call("POST /task_runs/{id}/set_state", "responses.OrchestrationResult", asked, id=task)
    walk.call("PATCH /task_runs/{id}", body=walk.body("actions.TaskRunUpdate", name="renamed"), id=task)
    walk.call("GET /task_runs/{id}", "objects.TaskRun", id=task)
    (state, *_) = walk.call("GET /task_run_states/", "list[objects.State]", query={"task_run_id": task})
    walk.call("GET /task_run_states/{id}", "objects.State", id=state["id"])
    walk.pages("task_runs", "objects.TaskRun", "TaskRun")
    walk.history("task_runs")
    walk.call("POST /task_workers/filter", "list[dict]", {})
    walk.call("DELETE /task_runs/{id}", id=task)


def deployments(walk: Walk, flow: str) -> None:
    schedules = [{"schedule": {"cron": "0 0 * * *"}, "slug": "a", "parameters": {"x": 1}, "max_scheduled_runs": 3}]
    name = unique("deployment")
    said = {
        "paused": True,
        "concurrency_limit": 2,
        "concurrency_options": {"collision_strategy": "CANCEL_NEW", "grace_period_seconds": 60},
        "enforce_parameter_schema": True,
        "parameter_openapi_schema": {"type": "object", "properties": {"x": {"type": "integer"}}},
        "parameters": {"x": 1},
        "tags": ["a"],
        "pull_steps": [{"step": {}}],
        "work_queue_name": "queue",
        "description": "d",
        "path": "p",
        "entrypoint": "e",
        "job_variables": {"env": {}},
        "version": "1",
        "version_info": {"type": "vcs:git", "version": "1"},
    }
    made = walk.body("actions.DeploymentCreate", name=name, flow_id=flow, labels={"d": 1}, schedules=schedules, **said)
    answered = "responses.DeploymentResponse"
    one = walk.call("POST /deployments/", answered, made)["id"]
    changed = walk.body("actions.DeploymentUpdate", schedules=[schedules[0] | {"active": False}], **said)
    walk.call("PATCH /deployments/{id}", body=changed, id=one)
    walk.call("GET /deployments/{id}", answered, id=one)
    flow_name = walk.call("GET /flows/{id}", "objects.Flow", id=flow)["name"]
    walk.call("GET /deployments/name/{flow}/{deployment}", answered, flow=flow_name, deployment=name)
    walk.call("POST /deployments/{id}/pause_deployment", id=one)
    walk.call("POST /deployments/{id}/resume_deployment", id=one)
    walk.pages("deployments", answered, "Deployment")
    schedules_of(walk, one)
    runs_of(walk, one)
    walk.call("DELETE /deployments/{id}", id=one)


def schedules_of(walk: Walk, deployment: str) -> None:
    path, kinds = "/deployments/{id}/schedules", ({"interval": 3600}, {"rrule": "FREQ=DAILY"}, {"cron": "0 1 * * *"})
    more = [walk.body("actions.DeploymentScheduleCreate", whole=True, schedule=x) for x in kinds]
    (first, *_) = walk.call(f"POST {path}", "list[objects.DeploymentSchedule]", more, id=deployment)
    fields = {"active": False, "schedule": {"interval": 60}, "parameters": {"x": 2}, "slug": "b", "replaces": "z"}
    change = walk.body("actions.DeploymentScheduleUpdate", max_scheduled_runs=5, **fields)
    one = {"id": deployment, "schedule_id": first["id"]}
    walk.call(f"PATCH {path}/{{schedule_id}}", body=change, **one)
    walk.call(f"GET {path}", "list[objects.DeploymentSchedule]", id=deployment)
    walk.call(f"DELETE {path}/{{schedule_id}}", **one)


def runs_of(walk: Walk, deployment: str) -> None:
    made = walk.body(
        "actions.DeploymentFlowRunCreate",
        state=walk.state("SCHEDULED", scheduled_time=NOON),
        name="run",
        parameters={"x": 2},
        enforce_parameter_schema=True,
        context={"y": 1},
        infrastructure_document_id=None,
        empirical_policy={"retries": 1},
        tags=["b"],
        idempotency_key=unique("key"),
        parent_task_run_id=None,
        work_queue_name="queue",
        job_variables={"env": {"A": "1"}},
        labels={"r": "s"},
    )
    walk.call("POST /deployments/{id}/create_flow_run", "objects.FlowRun", made, id=deployment)
    both = [made, {"parameters": {"x": "no number"}}]
    answered = "server.responses.FlowRunBulkCreateResponse"
    walk.call("POST /deployments/{id}/create_flow_run/bulk", answered, both, id=deployment)
    wanted = {"deployment_ids": [deployment], "scheduled_before": NOON, "limit": 10}
    walk.call("POST /deployments/get_scheduled_flow_runs", "list[objects.FlowRun]", wanted)
    walk.call("POST /deployments/{id}/schedule", body={"start_time": NOON, "min_runs": 1, "max_runs": 2}, id=deployment)
    walk.call("GET /automations/related-to/{id}", id=f"prefect.deployment.{deployment}")
    checked = {"schema": {"properties": {"x": {"type": "integer"}}}, "values": {"x": "no number"}}
    walk.call("POST /ui/schemas/validate", "server.responses.SchemaValuesValidationResponse", checked)


def blocks(walk: Walk) -> None:
    slug = unique("block")
    texts = {"logo_url": "https://a.example/l.png", "documentation_url": "https://a.example", "description": "d"}
    texts |= {"code_example": "c"}
    made = walk.body("actions.BlockTypeCreate", whole=True, name=slug, slug=slug, **texts)
    kind = walk.call("POST /block_types/", "objects.BlockType", made)["id"]
    walk.call("PATCH /block_types/{id}", body=walk.body("actions.BlockTypeUpdate", **texts), id=kind)
    walk.call("GET /block_types/{id}", "objects.BlockType", id=kind)
    walk.call("GET /block_types/slug/{slug}", "objects.BlockType", slug=slug)
    asked = {"block_types": walk.body("filters.BlockTypeFilter", whole=True, slug={"any_": [slug]}), "limit": 5}
    walk.call("POST /block_types/filter", "list[objects.BlockType]", asked)
    schema = block_schema(walk, kind)
    block_documents(walk, kind, schema, slug)
    walk.call("DELETE /block_schemas/{id}", id=schema)
    walk.call("DELETE /block_types/{id}", id=kind)


def block_schema(walk: Walk, kind: str) -> str:
    fields = {"title": "T", "type": "object", "properties": {"a": {"type": "string"}}, "secret_fields": ["a"]}
    said = {"fields": fields, "capabilities": ["write-path"], "version": "1"}
    made = walk.body("actions.BlockSchemaCreate", block_type_id=kind, **said)
    schema = walk.call("POST /block_schemas/", "objects.BlockSchema", made)
    walk.call("GET /block_schemas/{id}", "objects.BlockSchema", id=schema["id"])
    walk.call("GET /block_schemas/checksum/{checksum}", "objects.BlockSchema", checksum=schema["checksum"])
    wanted = walk.body("filters.BlockSchemaFilter", whole=True, block_type_id={"any_": [kind]})
    walk.call("POST /block_schemas/filter", "list[objects.BlockSchema]", {"block_schemas": wanted})
    return str(schema["id"])


def block_documents(walk: Walk, kind: str, schema: str, slug: str) -> None:
    said = {"name": "document", "data": {"a": "b"}, "block_schema_id": schema, "block_type_id": kind}
    made = walk.body("actions.BlockDocumentCreate", is_anonymous=False, **said)
    document = walk.call("POST /block_documents/", "objects.BlockDocument", made)["id"]
    changed = walk.body("actions.BlockDocumentUpdate", whole=True, block_schema_id=schema, data={"a": "c"})
    walk.call("PATCH /block_documents/{id}", body=changed, id=document)
    walk.call("GET /block_documents/{id}", "objects.BlockDocument", query={"include_secrets": True}, id=document)
    asked = {"block_documents": walk.body("filters.BlockDocumentFilter", whole=True, is_anonymous=None), "limit": 200}
    walk.call("POST /block_documents/filter", "list[objects.BlockDocument]", asked)
    walk.call("POST /block_documents/count", "int", {"block_documents": None})
    path = "/block_types/slug/{slug}/block_documents"
    walk.call(f"GET {path}", "list[objects.BlockDocument]", slug=slug)
    walk.call(f"GET {path}/name/{{name}}", "objects.BlockDocument", slug=slug, name="document")
    default_storage(walk, document)
    walk.call("DELETE /block_documents/{id}", id=document)


def default_storage(walk: Walk, document: str) -> None:
    walk.call("GET /admin/storage", "objects.ServerDefaultResultStorage")
    chosen = walk.body("objects.ServerDefaultResultStorageUpdate", default_result_storage_block_id=document)
    walk.call("PUT /admin/storage", "objects.ServerDefaultResultStorage", chosen)
    walk.call("DELETE /admin/storage")
    walk.call("GET /admin/version", "str")


def artifacts(walk: Walk, run: str) -> None:
    said = {"description": "d", "data": {"a": [1]}, "metadata_": {"m": "n"}}
    made = walk.body("actions.ArtifactCreate", key="key", type="progress", flow_run_id=run, task_run_id=None, **said)
    one = walk.call("POST /artifacts/", "objects.Artifact", made)["id"]
    walk.call("PATCH /artifacts/{id}", body=walk.body("actions.ArtifactUpdate", **said), id=one)
    walk.call("GET /artifacts/{id}", "objects.Artifact", id=one)
    walk.call("GET /artifacts/{key}/latest", "objects.Artifact", key="key")
    whole = walk.body("filters.ArtifactFilter", whole=True), walk.body("filters.ArtifactCollectionFilter", whole=True)
    runs = {"flow_runs": None, "task_runs": None, "limit": 5, "offset": 0}
    walk.call("POST /artifacts/filter", "list[objects.Artifact]", {"artifacts": whole[0], **runs})
    walk.call("POST /artifacts/count", "int", {"artifacts": whole[0]})
    walk.call("POST /artifacts/latest/filter", "list[objects.ArtifactCollection]", {"artifacts": whole[1], **runs})
    walk.call("POST /artifacts/latest/count", "int", {"artifacts": whole[1]})
    walk.call("DELETE /artifacts/{id}", id=one)


def variables(walk: Walk) -> None:
    name = f"variable_{unique('x').replace('-', '_')}"
    made = walk.body("actions.VariableCreate", name=name, value={"a": [1, None]}, tags=["t"])
    one = walk.call("POST /variables/", "objects.Variable", made)["id"]
    change = walk.body("actions.VariableUpdate", name=name, value=[True], tags=[])
    walk.call("PATCH /variables/{id}", body=change, id=one)
    walk.call("PATCH /variables/name/{name}", body=change, name=name)
    walk.call("GET /variables/{id}", "objects.Variable", id=one)
    walk.call("GET /variables/name/{name}", "objects.Variable", name=name)
    walk.call("POST /variables/filter", "list[objects.Variable]", {"limit": 200})
    walk.call("POST /variables/count", "int", {})
    walk.call("DELETE /variables/name/{name}", name=name)
    other = walk.call("POST /variables/", "objects.Variable", made)["id"]
    walk.call("DELETE /variables/{id}", id=other)


def logs_and_searches(walk: Walk, run: str) -> None:
    said = {"name": "prefect", "level": 20, "message": "m", "timestamp": NOON, "flow_run_id": run}
    walk.call("POST /logs/", body=[walk.body("actions.LogCreate", whole=True, **said)])
    wanted = walk.body("filters.LogFilter", whole=True, flow_run_id={"any_": [run]}, level={"ge_": 0})
    asked = {"logs": wanted, "limit": 200, "offset": 0, "sort": "TIMESTAMP_ASC"}
    walk.call("POST /logs/filter", "list[objects.Log]", asked)
    part = {"object": "o", "property": "p", "type": "t", "operation": "e", "value": 1}
    search = walk.body("actions.SavedSearchCreate", name=unique("search"), filters=[part])
    one = walk.call("PUT /saved_searches/", "objects.SavedSearch", search)["id"]
    walk.call("GET /saved_searches/{id}", "objects.SavedSearch", id=one)
    walk.call("POST /saved_searches/filter", "list[objects.SavedSearch]", {"limit": 5})
    walk.call("DELETE /saved_searches/{id}", id=one)


def limits(walk: Walk) -> None:
    tag, model = unique("tag"), "objects.ConcurrencyLimit"
    made = walk.body("actions.ConcurrencyLimitCreate", tag=tag, concurrency_limit=2)
    one = walk.call("POST /concurrency_limits/", model, made)["id"]
    walk.call("GET /concurrency_limits/{id}", model, id=one)
    walk.call("GET /concurrency_limits/tag/{tag}", model, tag=tag)
    walk.call("POST /concurrency_limits/filter", f"list[{model}]", {"limit": 5, "offset": 0})
    walk.call("POST /concurrency_limits/tag/{tag}/reset", body={"slot_override": None}, tag=tag)
    walk.call("DELETE /concurrency_limits/tag/{tag}", tag=tag)
    walk.call("DELETE /concurrency_limits/{id}", id=walk.call("POST /concurrency_limits/", model, made)["id"])
    tag_slots(walk)
    global_limits(walk)
    leases(walk)


def tag_slots(walk: Walk) -> None:
    tag, run = unique("tag"), NOWHERE
    walk.call(
        "POST /concurrency_limits/", body=walk.body("actions.ConcurrencyLimitCreate", tag=tag, concurrency_limit=2)
    )
    taken = {"names": [tag], "task_run_id": run}
    answered = "list[responses.MinimalConcurrencyLimitResponse]"
    walk.call("POST /concurrency_limits/increment", answered, taken)
    walk.call("POST /concurrency_limits/decrement", answered, taken)


def leases(walk: Walk) -> None:
    name = unique("leased")
    walk.call(
        "POST /v2/concurrency_limits/", body=walk.body("actions.GlobalConcurrencyLimitCreate", name=name, limit=2)
    )
    taken = {"names": [name], "slots": 1, "mode": "concurrency", "lease_duration": 60}
    taken["holder"] = walk.body("objects.ConcurrencyLeaseHolder", type="task_run", id=NOWHERE)
    answered = "responses.ConcurrencyLimitWithLeaseResponse"
    lease = walk.call("POST /v2/concurrency_limits/increment-with-lease", answered, taken)["lease_id"]
    walk.call("POST /v2/concurrency_limits/leases/{id}/renew", body={"lease_duration": 300}, id=lease)
    walk.call("POST /v2/concurrency_limits/decrement-with-lease", body={"lease_id": lease})


def events(walk: Walk) -> None:
    resource = {"prefect.resource.id": unique("shop")}
    sent = [{"id": str(uuid4()), "occurred": NOON, "event": "shop.sold", "resource": resource} for _ in range(2)]
    walk.call("POST /events", body=sent)
    asked = {"filter": {"order": "ASC", "occurred": {"since": "2020-01-01T00:00:00Z", "until": NOON}}}
    page = walk.call("POST /events/filter", "events.EventPage", asked | {"limit": 1})
    token = page["next_page"].partition("page-token=")[2]
    walk.call("GET /events/filter/next", "events.EventPage", query=f"page-token={token}")


def global_limits(walk: Walk) -> None:
    name, model = unique("limit"), "responses.GlobalConcurrencyLimitResponse"
    said = {"active": True, "name": name, "limit": 3, "active_slots": 0, "slot_decay_per_second": 0.5}
    walk.call("POST /v2/concurrency_limits/", body=walk.body("actions.GlobalConcurrencyLimitCreate", **said))
    walk.call("GET /v2/concurrency_limits/{name}", model, name=name)
    change = walk.body("actions.GlobalConcurrencyLimitUpdate", **said)
    walk.call("PATCH /v2/concurrency_limits/{name}", body=change, name=name)
    walk.call("POST /v2/concurrency_limits/filter", f"list[{model}]", {"limit": 5, "offset": 0})
    answered = "list[responses.MinimalConcurrencyLimitResponse]"
    taken = {"names": [name], "slots": 1, "mode": "concurrency"}
    walk.call("POST /v2/concurrency_limits/increment", answered, taken)
    given_back = {"names": [name], "slots": 1, "occupancy_seconds": 1.5}
    walk.call("POST /v2/concurrency_limits/decrement", answered, given_back)
    walk.call("DELETE /v2/concurrency_limits/{name}", name=name)


def work(walk: Walk) -> None:
    """Work pools, their queues and workers, and what these ask for."""
    pool, queue, model = unique("pool"), unique("queue"), "server.responses.WorkPoolResponse"
    said = {"description": "d", "is_paused": False, "concurrency_limit": 3, "base_job_template": {}}
    body = walk.body("actions.WorkPoolCreate", whole=True, name=pool, type="process", **said)
    walk.call("POST /work_pools/", model, body)
    change = walk.body("actions.WorkPoolUpdate", **said)
    walk.call("PATCH /work_pools/{name}", body=change, name=pool)
    walk.call("GET /work_pools/{name}", model, name=pool)
    asked = walk.body("filters.WorkPoolFilter", whole=True, name={"any_": [pool]})
    walk.call("POST /work_pools/filter", f"list[{model}]", {"work_pools": asked, "limit": 5, "offset": 0})
    walk.call("POST /work_pools/count", "int", {"work_pools": asked})
    _work_queues(walk, pool, queue)
    beat = {"name": "worker", "heartbeat_interval_seconds": 30.0}
    walk.call("POST /work_pools/{work_pool_name}/workers/heartbeat", body=beat, work_pool_name=pool)
    found = walk.body("filters.WorkerFilter", whole=True)
    workers = {"workers": found, "limit": 5, "offset": 0}
    answered = "list[server.responses.WorkerResponse]"
    walk.call("POST /work_pools/{work_pool_name}/workers/filter", answered, workers, work_pool_name=pool)
    walk.call("DELETE /work_pools/{work_pool_name}/workers/{name}", work_pool_name=pool, name="worker")
    _handed_out(walk, pool, queue)
    walk.call("DELETE /work_pools/{work_pool_name}/queues/{name}", work_pool_name=pool, name=queue)
    walk.call("DELETE /work_pools/{name}", name=pool)
    walk.call("GET /collections/views/{view}", view="aggregate-worker-metadata")


def _work_queues(walk: Walk, pool: str, queue: str) -> None:
    """In the pool by name, and by their ids."""
    model, own = "server.responses.WorkQueueResponse", {"work_pool_name": pool}
    said = {"name": queue, "description": "d", "is_paused": False, "concurrency_limit": 3, "priority": 1}
    made = walk.body("actions.WorkQueueCreate", whole=True, **said)
    walk.call("POST /work_pools/{work_pool_name}/queues", model, made, **own)
    change = walk.body("actions.WorkQueueUpdate", **said)
    walk.call("PATCH /work_pools/{work_pool_name}/queues/{name}", body=change, name=queue, **own)
    found = walk.call("GET /work_pools/{work_pool_name}/queues/{name}", model, name=queue, **own)
    asked = {"work_queues": walk.body("filters.WorkQueueFilter", whole=True), "limit": 5, "offset": 0}
    walk.call("POST /work_pools/{work_pool_name}/queues/filter", f"list[{model}]", asked, **own)
    walk.call("POST /work_queues/filter", f"list[{model}]", asked)
    walk.call("GET /work_queues/{id}", model, id=found["id"])
    walk.call("GET /work_queues/{id}/status", "server.core.WorkQueueStatusDetail", id=found["id"])
    standalone = walk.call("POST /work_queues/", model, made | {"name": unique("queue")})
    walk.call("GET /work_queues/name/{name}", model, name=standalone["name"])
    walk.call("PATCH /work_queues/{id}", body={"is_paused": True}, id=standalone["id"])
    walk.call("DELETE /work_queues/{id}", id=standalone["id"])


def _handed_out(walk: Walk, pool: str, queue: str) -> None:
    """A run that waits in the queue, and how slots are taken."""
    flow = walk.call("POST /flows/", "objects.Flow", walk.body("actions.FlowCreate", name=unique("flow")))["id"]
    said = {"name": unique("deployment"), "flow_id": flow, "work_pool_name": pool, "work_queue_name": queue}
    body = walk.body("actions.DeploymentCreate", **said)
    deployment = walk.call("POST /deployments/", "server.responses.DeploymentResponse", body)
    walk.call("POST /deployments/{id}/create_flow_run", "objects.FlowRun", {}, id=deployment["id"])
    check = "list[server.core.WorkQueue]"
    walk.call("GET /deployments/{id}/work_queue_check", check, id=deployment["id"])
    asked = {"work_queue_names": [queue], "scheduled_before": "2100-01-01T00:00:00Z", "limit": 5}
    offered = "list[responses.WorkerFlowRunResponse]"
    assert walk.call("POST /work_pools/{name}/get_scheduled_flow_runs", offered, asked, name=pool)
    runs = walk.call("POST /work_queues/{id}/get_runs", "list[objects.FlowRun]", {}, id=deployment["work_queue_id"])
    pending = {"state": walk.body("actions.StateCreate", type="PENDING")}
    walk.call("POST /flow_runs/{id}/set_state", "responses.OrchestrationResult", pending, id=runs[0]["id"])
    status = "server.responses.WorkPoolConcurrencyStatus"
    walk.call("POST /work_pools/{name}/concurrency_status", status, {}, name=pool)
    status = "server.responses.WorkQueueConcurrencyStatus"
    walk.call("POST /work_queues/{id}/concurrency_status", status, {}, id=deployment["work_queue_id"])


def many(walk: Walk) -> None:
    """What is done to many at once; to none of what other tests have made."""
    flow = walk.call("POST /flows/", "objects.Flow", walk.body("actions.FlowCreate", name=unique("flow")))["id"]
    for _ in range(2):
        walk.call("POST /flow_runs/", "objects.FlowRun", walk.body("actions.FlowRunCreate", flow_id=flow))
    found = walk.call("POST /flow_runs/filter", "list[objects.FlowRun]", {"flows": {"id": {"any_": [flow]}}})
    mine = walk.body("filters.FlowRunFilter", whole=True, id={"any_": [x["id"] for x in found]})
    asked = {"flow_runs": mine, "state": walk.state("RUNNING"), "force": True, "limit": 50}
    walk.call("POST /flow_runs/bulk_set_state", "server.responses.FlowRunBulkSetStateResponse", asked)
    walk.call("POST /flow_runs/bulk_delete", "server.responses.FlowRunBulkDeleteResponse", {"flow_runs": mine})
    nothing = walk.body("filters.DeploymentFilter", whole=True, id={"any_": [NOWHERE]})
    deleted = "server.responses.DeploymentBulkDeleteResponse"
    walk.call("POST /deployments/bulk_delete", deleted, {"deployments": nothing})
    flows_asked = walk.body("filters.FlowFilter", whole=True, id={"any_": [flow]})
    walk.call("POST /flows/bulk_delete", "server.responses.FlowBulkDeleteResponse", {"flows": flows_asked})
