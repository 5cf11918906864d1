"""Events on the wire, and the states of task runs that they tell of.

What lives here: the shape of an event, the way from one to the command that keeps it or records its state, and what is
answered of events. What does not: what is done with it (events.py), and filters (event_filters.py).
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from interlock.api.schemas.base import Answer, Body, Id, Number, Text, Timestamp, WholeNumber, json_text, timestamp
from interlock.api.schemas.states import StateDetailsBody
from interlock.api.schemas.task_runs import Name, TaskRunInput, TaskRunPolicyBody
from interlock.engine.names import generated_name
from interlock.orchestration.commands import RecordEvent, RecordTaskRunState
from interlock.orchestration.events import ORCHESTRATION, RESOURCE_ID, RESOURCE_ROLE, Event
from interlock.orchestration.runs import TaskRun, TaskRunPolicy
from interlock.orchestration.states import State, StateType, default_name

MAX_NAME_LENGTH = 1024
MAX_LABELS = 500
MAX_RELATED = 100

TASK_RUN_EVENTS = "prefect.task-run"


def _resource(labels: dict[str, str]) -> dict[str, str]:
    if len(labels) > MAX_LABELS:
        raise ValueError(f"The maximum number of labels per resource is {MAX_LABELS}")
    if not labels.get(RESOURCE_ID):
        raise ValueError("Resources must include the prefect.resource.id label, and not an empty one")
    return labels


def _related(labels: dict[str, str]) -> dict[str, str]:
    if not labels.get(RESOURCE_ROLE):
        raise ValueError("Related Resources must include the prefect.resource.role label, and not an empty one")
    return labels


Resource = Annotated[dict[str, str], AfterValidator(_resource)]
"""What an event is about: labels, of which one is its id."""

RelatedResource = Annotated[Resource, AfterValidator(_related)]
"""What else an event is about, and in which role."""


class FlowRunResultInput(Body):
    """The result of a flow run."""

    input_type: Literal["flow_run"] = "flow_run"
    id: Id


class ObservedPolicyBody(TaskRunPolicyBody):
    """Retry settings of the 3.x line, whose delays may be fractions."""

    retry_delay: int | Number | list[int | Number] | None = None  # type: ignore[assignment]


class ObservedTaskRunBody(Body):
    """What a client says of a task run. What it leaves out is not said."""

    name: Name = Field(default_factory=generated_name)
    task_key: Text
    dynamic_key: Text
    cache_key: Text | None = None
    cache_expiration: Timestamp | None = None
    task_version: Text | None = None
    empirical_policy: ObservedPolicyBody = Field(default_factory=ObservedPolicyBody)
    tags: list[Text] = Field(default_factory=list)
    labels: dict[str, Any] | None = None
    task_inputs: dict[str, list[TaskRunInput | FlowRunResultInput]] = Field(default_factory=dict)
    run_count: WholeNumber = 0
    flow_run_run_count: WholeNumber = 0
    expected_start_time: Timestamp | None = None
    next_scheduled_start_time: Timestamp | None = None
    start_time: Timestamp | None = None
    end_time: Timestamp | None = None
    total_run_time: timedelta = timedelta()

    def values(self) -> dict[str, Any]:
        """All of it, as the decision core has it."""
        return {name: _VALUES.get(name, _same)(value) for name, value in self.__dict__.items()}


def _same(value: Any) -> Any:
    return value


def _in_utc(time: datetime | None) -> datetime | None:
    return time if time is None else time.astimezone(UTC)


def _policy(policy: TaskRunPolicyBody) -> TaskRunPolicy:
    return policy.policy()


def _inputs(inputs: dict[str, list[Body]]) -> str:
    return json_text({name: [x.__dict__ for x in values] for name, values in inputs.items()})


_VALUES: dict[str, Any] = {
    "tags": tuple,
    "labels": lambda labels: json_text(labels or {}),
    "task_inputs": _inputs,
    "empirical_policy": _policy,
    "total_run_time": timedelta.total_seconds,
    **dict.fromkeys(
        ("cache_expiration", "expected_start_time", "next_scheduled_start_time", "start_time", "end_time"), _in_utc
    ),
}
"""How a field becomes the record's, where it is spelt otherwise."""


class ObservedStateBody(Body):
    """A state that a task run is in."""

    type: StateType
    name: Text | None = None
    message: Text | None = None
    data: Any = None
    state_details: StateDetailsBody = Field(default_factory=StateDetailsBody)


class TaskRunPayload(Body):
    """The payload of an event that tells of a task run's state."""

    validated_state: ObservedStateBody
    task_run: ObservedTaskRunBody


class EventBody(BaseModel):
    """Something that happened to a resource."""

    model_config = ConfigDict(extra="ignore")

    occurred: Timestamp = Field(description="When it happened, as the sender sees it.")
    event: str = Field(max_length=MAX_NAME_LENGTH, description="The name of what happened.")
    resource: Resource
    related: list[RelatedResource] = Field(default_factory=list, max_length=MAX_RELATED)
    payload: dict[str, Any] = Field(default_factory=dict)
    id: Id = Field(description="The sender's id of the event.")
    follows: Id | None = Field(None, description="The event that is known to have happened before this one.")

    def kept(self, now: datetime) -> RecordEvent:
        """The command that keeps it as it is."""
        return RecordEvent(
            event=Event(
                id=self.id,
                occurred=self.occurred.astimezone(UTC),
                event=self.event,
                resource=self.resource,
                related=tuple(self.related),
                payload=self.payload,
                follows=self.follows,
                received=now,
            )
        )

    def recording(self, now: datetime) -> RecordTaskRunState | None:
        """The command that records the state of a task run, None where the event tells of none that a client decided
        on. Raises ValueError where it can't be understood."""
        if not self.event.startswith(TASK_RUN_EVENTS) or self.resource.get(ORCHESTRATION) != "client":
            return None
        payload = TaskRunPayload.model_validate(self.payload)
        values = payload.task_run.values()
        run_id, flow_run_id = _object_id(self.resource, "task-run"), self._flow_run_id()
        return RecordTaskRunState(
            run=TaskRun(id=run_id, flow_run_id=flow_run_id, created=now, updated=now, **values),
            said=frozenset(payload.task_run.model_fields_set),
            state=self._state(payload.validated_state, run_id, flow_run_id),
        )

    def _flow_run_id(self) -> str | None:
        first = next((x for x in self.related if x[RESOURCE_ROLE] == "flow-run"), None)
        return None if first is None else _object_id(first, "flow-run")

    def _state(self, body: ObservedStateBody, run_id: str, flow_run_id: str | None) -> State:
        ids = {"task_run_id": run_id, "flow_run_id": flow_run_id}
        details = body.state_details.model_copy(update=ids).details()
        return State(
            id=self.id,
            type=body.type,
            name=default_name(body.type) if body.name is None else body.name,
            timestamp=self.occurred.astimezone(UTC),
            message=body.message,
            data=body.data,
            details=details,
        )


def _object_id(resource: dict[str, str], kind: str) -> str:
    """The id of the record that a resource stands for; raises ValueError where it stands for another kind."""
    prefix, _, identity = resource[RESOURCE_ID].rpartition(".")
    if prefix != f"prefect.{kind}":
        raise ValueError(f"Resource ID {resource[RESOURCE_ID]} does not start with prefect.{kind}.")
    return str(UUID(identity))


class ReceivedEventAnswer(Answer):
    """An event, and when the server came to know of it."""

    occurred: datetime
    event: str
    resource: dict[str, str]
    related: list[dict[str, str]]
    payload: dict[str, Any]
    id: UUID
    follows: UUID | None
    received: datetime


class EventPageAnswer(Answer):
    """Some of the events that meet a filter, how many do so in all, and where to ask for the next ones."""

    events: list[ReceivedEventAnswer]
    total: int
    next_page: str | None


class EventCountAnswer(Answer):
    """How many events have a value in common."""

    value: str
    label: str
    count: int
    start_time: datetime
    end_time: datetime


def encode_event(event: Event) -> dict[str, Any]:
    """An event as JSON-ready values."""
    return {
        "occurred": timestamp(event.occurred),
        "event": event.event,
        "resource": event.resource,
        "related": event.related,
        "payload": event.payload,
        "id": event.id,
        "follows": event.follows,
        "received": timestamp(event.received),
    }


def first_fault(error: ValidationError) -> str:
    """What is wrong with an event, in a line: where, and why."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}".removeprefix(": ")
