"""Filters on the wire: what a request asks of flows, runs, deployments, work pools and work queues.

What lives here: the spelling of filters, and the criterion that each of them is. What does not: what a criterion means
(storage/filters.py), orders (sorting.py), and the filters of other resources (beside them).

The parts of a filter are named like the columns that they ask about. What is asked of one column goes together as the
filter of that column says: all of it, unless it has an `operator` that says any.
"""

from collections.abc import Iterator
from functools import partial

from pydantic import Field

from interlock.api.schemas.base import FilterBody, FilterOperator, Id, Text, Timestamp, WholeNumber
from interlock.orchestration.states import StateType
from interlock.storage.filters import (
    EVERYTHING,
    AnyOf,
    Between,
    Criterion,
    FieldAnyOf,
    HasAllTags,
    HasAnyTag,
    IsNull,
    Like,
    NoneOf,
    Related,
    Untagged,
    all_of,
    any_of,
)


class ColumnFilter(FilterBody):
    """What is asked of one column."""

    def conditions(self, column: str) -> Iterator[Criterion]:
        """One criterion for each thing that is asked."""
        raise NotImplementedError

    def criterion(self, column: str) -> Criterion:
        """All that is asked of the column."""
        return all_of(*self.conditions(column))


class Combined(ColumnFilter):
    """A filter that says how its parts go together."""

    operator: FilterOperator = FilterOperator.and_

    def criterion(self, column: str) -> Criterion:
        return self.combined(self.conditions(column))

    def combined(self, parts: Iterator[Criterion]) -> Criterion:
        """The parts, put together by the operator."""
        return any_of(*parts) if self.operator == FilterOperator.or_ else all_of(*parts)


_any = partial(Field, None, description="It is one of these.")
_none = partial(Field, None, description="It is none of these.")
_null = partial(Field, None, description="True: it has none. False: it has one.")


class IdFilter(ColumnFilter):
    any_: list[Id] | None = _any()

    def conditions(self, column: str) -> Iterator[Criterion]:
        if self.any_ is not None:
            yield AnyOf(column, tuple(self.any_))


class TextFilter(ColumnFilter):
    any_: list[Text] | None = _any()

    def conditions(self, column: str) -> Iterator[Criterion]:
        if self.any_ is not None:
            yield AnyOf(column, tuple(self.any_))


class IdOrNotFilter(IdFilter):
    not_any_: list[Id] | None = _none()

    def conditions(self, column: str) -> Iterator[Criterion]:
        yield from super().conditions(column)
        if self.not_any_ is not None:
            yield NoneOf(column, tuple(self.not_any_))


class TextOrNotFilter(TextFilter):
    not_any_: list[Text] | None = _none()

    def conditions(self, column: str) -> Iterator[Criterion]:
        yield from super().conditions(column)
        if self.not_any_ is not None:
            yield NoneOf(column, tuple(self.not_any_))


class NameFilter(TextFilter):
    like_: Text | None = Field(
        None, description="It contains this, in any case. % and _ stand for any text and letter."
    )

    def conditions(self, column: str) -> Iterator[Criterion]:
        yield from super().conditions(column)
        if self.like_ is not None:
            yield Like(column, f"%{self.like_}%")


class WorkQueueNameFilter(TextFilter):
    startswith_: list[Text] | None = Field(None, description="It starts with one of these, in any case.")

    def conditions(self, column: str) -> Iterator[Criterion]:
        yield from super().conditions(column)
        if self.startswith_ is not None:
            yield any_of(*(Like(column, f"{x}%") for x in self.startswith_))


class OptionalIdFilter(Combined):
    any_: list[Id] | None = _any()
    is_null_: bool | None = _null()

    def conditions(self, column: str) -> Iterator[Criterion]:
        if self.any_ is not None:
            yield AnyOf(column, tuple(self.any_))
        if self.is_null_ is not None:
            yield IsNull(column, self.is_null_)


class OptionalTextFilter(Combined):
    any_: list[Text] | None = _any()
    is_null_: bool | None = _null()

    def conditions(self, column: str) -> Iterator[Criterion]:
        if self.any_ is not None:
            yield AnyOf(column, tuple(self.any_))
        if self.is_null_ is not None:
            yield IsNull(column, self.is_null_)


class TagsFilter(Combined):
    all_: list[Text] | None = Field(None, description="All these are among the tags.", examples=[["tag-1", "tag-2"]])
    is_null_: bool | None = Field(None, description="True: there are no tags. False: there are some.")

    def conditions(self, column: str) -> Iterator[Criterion]:
        if self.all_ is not None:
            yield HasAllTags(tuple(self.all_))
        if self.is_null_ is not None:
            yield Untagged(self.is_null_)


class AnyTagsFilter(TagsFilter):
    any_: list[Text] | None = Field(None, description="One of these is among the tags.", examples=[["tag-1", "tag-2"]])

    def conditions(self, column: str) -> Iterator[Criterion]:
        yield from super().conditions(column)
        if self.any_ is not None:
            yield HasAnyTag(tuple(self.any_))


class TimeFilter(ColumnFilter):
    before_: Timestamp | None = Field(None, description="At this time or before it.")
    after_: Timestamp | None = Field(None, description="At this time or after it.")

    def conditions(self, column: str) -> Iterator[Criterion]:
        if self.before_ is not None or self.after_ is not None:
            yield Between(column, self.after_, self.before_)


class OptionalTimeFilter(TimeFilter):
    is_null_: bool | None = _null()

    def conditions(self, column: str) -> Iterator[Criterion]:
        yield from super().conditions(column)
        if self.is_null_ is not None:
            yield IsNull(column, self.is_null_)


class StateTypeFilter(ColumnFilter):
    any_: list[StateType] | None = _any()

    def conditions(self, column: str) -> Iterator[Criterion]:
        if self.any_ is not None:
            yield AnyOf(column, tuple(x.value for x in self.any_))


class MessageFilter(FilterBody):
    like_: Text | None = Field(
        None,
        description="It contains this, in any case. % and _ stand for any text and letter. No index serves this: the "
        "runs that all else is true of are read one after another until there are enough.",
    )


class StateFilter(Combined):
    """What is asked of the state that a run is in."""

    type: StateTypeFilter | None = None
    name: TextFilter | None = None
    message: MessageFilter | None = None

    def conditions(self, column: str) -> Iterator[Criterion]:
        if self.type is not None:
            yield from self.type.conditions("state_type")
        if self.name is not None:
            yield from self.name.conditions("state_name")
        if self.message is not None and self.message.like_ is not None:
            yield Related("state", Like("message", f"%{self.message.like_}%"))


class StateTypeOrNotFilter(StateTypeFilter):
    not_any_: list[StateType] | None = _none()

    def conditions(self, column: str) -> Iterator[Criterion]:
        yield from super().conditions(column)
        if self.not_any_ is not None:
            yield NoneOf(column, tuple(x.value for x in self.not_any_))


class FlowRunStateFilter(StateFilter):
    """What is asked of the state that a flow run is in."""

    type: StateTypeOrNotFilter | None = None
    name: TextOrNotFilter | None = None


class CreatorFilter(Combined):
    id_: list[Id] | None = Field(None, description="The id of what made it is one of these.")
    type_: list[Text] | None = Field(
        None, description="The kind of what made it is one of these.", examples=[["DEPLOYMENT", "AUTOMATION"]]
    )
    is_null_: bool | None = _null()

    def conditions(self, column: str) -> Iterator[Criterion]:
        if self.id_ is not None:
            yield FieldAnyOf(column, "id", tuple(self.id_))
        if self.type_ is not None:
            yield FieldAnyOf(column, "type", tuple(self.type_))
        if self.is_null_ is not None:
            yield IsNull(column, self.is_null_)


class OwnOrFlowNameFilter(ColumnFilter):
    like_: Text | None = Field(None, description="Its name, or that of its flow, contains this, in any case.")

    def conditions(self, column: str) -> Iterator[Criterion]:
        if self.like_:
            named = Like("name", f"%{self.like_}%")
            yield any_of(named, Related("flow", named))


class ConcurrencyLimitFilter(ColumnFilter):
    """Taken, and asks for nothing, as in the peer."""

    ge_: WholeNumber | None = None
    le_: WholeNumber | None = None
    is_null_: bool | None = None

    def conditions(self, column: str) -> Iterator[Criterion]:
        return iter(())


class FlagFilter(ColumnFilter):
    eq_: bool | None = Field(None, description="It is this.")

    def conditions(self, column: str) -> Iterator[Criterion]:
        if self.eq_ is not None:
            yield AnyOf(column, (self.eq_,))


class ScheduleActiveFilter(FlagFilter):
    """An older way to ask whether a deployment is not paused."""

    def conditions(self, column: str) -> Iterator[Criterion]:
        if self.eq_ is not None:
            yield AnyOf("paused", (not self.eq_,))


class FlowDeploymentFilter(Combined):
    is_null_: bool | None = Field(None, description="True: the flow has no deployments. False: it has some.")

    def conditions(self, column: str) -> Iterator[Criterion]:
        if self.is_null_ is not None:
            yield Related("deployments", EVERYTHING, exists=not self.is_null_)


class ParentFlowRunFilter(Combined):
    any_: list[Id] | None = Field(None, description="It is a subflow of one of these flow runs.")

    def conditions(self, column: str) -> Iterator[Criterion]:
        if self.any_ is not None:
            yield Related("parent_task_run", AnyOf("flow_run_id", tuple(self.any_)))


class TaskFlowRunFilter(Combined):
    any_: list[Id] | None = Field(None, description="Its flow run is one of these.")
    is_null_: bool = Field(False, description="It has no flow run. Where this is true, any_ does not count.")

    def conditions(self, column: str) -> Iterator[Criterion]:
        if self.is_null_:
            yield IsNull(column)
        elif self.any_ is not None:
            yield AnyOf(column, tuple(self.any_))


class SubflowRunFilter(ColumnFilter):
    exists_: bool | None = Field(None, description="True: it stands for a subflow. False: it does not.")

    def conditions(self, column: str) -> Iterator[Criterion]:
        if self.exists_ is not None:
            yield Related("subflow_run", EVERYTHING, exists=self.exists_)


class RecordFilter(Combined):
    """What is asked of a record: a filter for each column that something is asked of."""

    def conditions(self, column: str = "") -> Iterator[Criterion]:
        for name in type(self).model_fields:
            part = getattr(self, name)
            if isinstance(part, ColumnFilter):
                yield part.criterion(name)

    def criterion(self, column: str = "") -> Criterion:
        return self.combined(self.conditions())


class FlowFilter(RecordFilter):
    """Which flows."""

    id: IdOrNotFilter | None = None
    deployment: FlowDeploymentFilter | None = None
    name: NameFilter | None = None
    tags: TagsFilter | None = None


class FlowRunFilter(RecordFilter):
    """Which flow runs."""

    id: IdOrNotFilter | None = None
    name: NameFilter | None = None
    tags: AnyTagsFilter | None = None
    deployment_id: OptionalIdFilter | None = None
    work_queue_name: OptionalTextFilter | None = None
    state: FlowRunStateFilter | None = None
    flow_version: TextFilter | None = None
    start_time: OptionalTimeFilter | None = None
    end_time: OptionalTimeFilter | None = None
    expected_start_time: TimeFilter | None = None
    next_scheduled_start_time: TimeFilter | None = None
    parent_flow_run_id: ParentFlowRunFilter | None = None
    parent_task_run_id: OptionalIdFilter | None = None
    idempotency_key: TextOrNotFilter | None = None
    created_by: CreatorFilter | None = None


class TaskRunFilter(RecordFilter):
    """Which task runs."""

    id: IdFilter | None = None
    name: NameFilter | None = None
    tags: TagsFilter | None = None
    state: StateFilter | None = None
    start_time: OptionalTimeFilter | None = None
    end_time: OptionalTimeFilter | None = None
    expected_start_time: TimeFilter | None = None
    subflow_runs: SubflowRunFilter | None = None
    flow_run_id: TaskFlowRunFilter | None = None


class DeploymentFilter(RecordFilter):
    """Which deployments."""

    id: IdOrNotFilter | None = None
    name: NameFilter | None = None
    flow_or_deployment_name: OwnOrFlowNameFilter | None = None
    paused: FlagFilter | None = None
    is_schedule_active: ScheduleActiveFilter | None = None
    tags: AnyTagsFilter | None = None
    work_queue_name: TextFilter | None = None
    concurrency_limit: ConcurrencyLimitFilter | None = None


class WorkPoolFilter(RecordFilter):
    """Which work pools."""

    id: IdFilter | None = None
    name: TextFilter | None = None
    type: TextFilter | None = None


class WorkQueueFilter(RecordFilter):
    """Which work queues."""

    id: IdFilter | None = None
    name: WorkQueueNameFilter | None = None
