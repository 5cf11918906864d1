"""Runs of deployments on the wire: what a caller gives, and what the deployment gives where the caller is silent."""

from datetime import datetime
from typing import Any

from pydantic import Field

from interlock.api.schemas.base import Id, JsonObject, Labels, StrictBody, Text, json_text
from interlock.api.schemas.flow_runs import FlowRunPolicyBody, system_labels
from interlock.api.schemas.states import StateBody
from interlock.api.schemas.task_runs import Name
from interlock.engine.names import generated_name
from interlock.orchestration.runs import FlowRun


class DeploymentFlowRunCreateBody(StrictBody):
    """The body of a run's creation from a deployment."""

    state: StateBody | None = Field(None, description="The first state, SCHEDULED for now where none is given.")
    name: Name = Field(default_factory=generated_name, examples=["my-flow-run"])
    parameters: JsonObject = Field(default_factory=dict, description="They go before the deployment's.")
    enforce_parameter_schema: bool | None = Field(None, description="The deployment's setting where none is given.")
    context: JsonObject = Field(default_factory=dict)
    infrastructure_document_id: Id | None = None
    empirical_policy: FlowRunPolicyBody = Field(default_factory=FlowRunPolicyBody)
    tags: list[Text] = Field(default_factory=list, description="They come on top of the deployment's.")
    labels: Labels | None = None
    idempotency_key: Text | None = None
    parent_task_run_id: Id | None = None
    work_queue_name: Text | None = None
    job_variables: JsonObject | None = None

    def draft(
        self,
        deployment: dict[str, Any],
        parameters: dict[str, Any],
        new_id: str,
        now: datetime,
        created_by: dict[str, str] | None,
        work_queue_id: str | None,
    ) -> FlowRun:
        """The run as it is to be created, under `new_id`, with parameters that are checked already."""
        return FlowRun(
            id=new_id,
            created=now,
            updated=now,
            name=self.name,
            flow_id=deployment["flow_id"],
            deployment_id=deployment["id"],
            deployment_version=deployment["version"],
            work_queue_id=work_queue_id,
            work_queue_name=self.work_queue_name or deployment["work_queue_name"],
            parameters=json_text(parameters),
            context=json_text(self.context),
            parent_task_run_id=self.parent_task_run_id,
            infrastructure_document_id=self.infrastructure_document_id or deployment["infrastructure_document_id"],
            empirical_policy=self.empirical_policy.policy(),
            tags=tuple(dict.fromkeys([*deployment["tags"], *self.tags])),
            labels=json_text(self._all_labels(deployment)),
            idempotency_key=self.idempotency_key,
            created_by=json_text(created_by) if created_by else None,
            job_variables=json_text(self._kept_job_variables()),
        )

    def _all_labels(self, deployment: dict[str, Any]) -> dict[str, Any]:
        system = system_labels(deployment["flow_id"], deployment["id"])
        return {**deployment["labels"], **system, **(self.labels or {})}

    def _kept_job_variables(self) -> dict[str, Any] | None:
        """Where none are given: none in a run with a key, an empty set of them in another. Clients know it so."""
        return {} if self.job_variables is None and not self.idempotency_key else self.job_variables
