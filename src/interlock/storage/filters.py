"""Criteria: which runs, flows and deployments are asked for, and in what order.

What lives here: the records that criteria are made of, how the criteria of a request go together, and their SQL. What
does not: the wire's spelling of them (api/schemas/filters), and the statements that use them (queries/).

A column or relation in a criterion is one of the noun that the criterion is about: `Related("flow", AnyOf("name", x))`
about flow runs means that their flow's name is one of x. A comparison with a NULL holds for nothing, as in SQL.
"""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, FromClause, Table, and_, exists, false, nulls_first, nulls_last, or_, select, true

from interlock.orchestration.states import StateType
from interlock.storage.expressions import has_tag, json_field, matches, unindexed
from interlock.storage.tables import (
    deployments,
    flow_run_states,
    flow_runs,
    flows,
    task_run_states,
    task_runs,
    work_pools,
    work_queues,
)
from interlock.storage.tags import is_told_whole, runs_with


class AnyOf(msgspec.Struct, frozen=True):
    """The column is one of the values; nothing is one of none."""

    column: str
    values: tuple[Any, ...]


class NoneOf(msgspec.Struct, frozen=True):
    """The column is none of the values, nor NULL where there are values."""

    column: str
    values: tuple[Any, ...]


class Like(msgspec.Struct, frozen=True):
    """The column matches a pattern in any case: `%` stands for any text, `_` for any character."""

    column: str
    pattern: str


class Between(msgspec.Struct, frozen=True):
    """The column is a time within these bounds, which count as within. One of them may be None, for no bound."""

    column: str
    earliest: datetime | None = None
    latest: datetime | None = None


class IsNull(msgspec.Struct, frozen=True):
    """The column is NULL, or is not."""

    column: str
    null: bool = True


class HasAllTags(msgspec.Struct, frozen=True):
    """All these are among the tags; there may be others."""

    tags: tuple[str, ...]


class HasAnyTag(msgspec.Struct, frozen=True):
    """One of these is among the tags; none of none is."""

    tags: tuple[str, ...]


class ByTag(msgspec.Struct, frozen=True):
    """This is among the tags of a task run, which is to be found by that: few have it, or all that do are wanted."""

    tag: str


class Untagged(msgspec.Struct, frozen=True):
    """There are no tags, or there are some."""

    untagged: bool = True


class FieldAnyOf(msgspec.Struct, frozen=True):
    """A field of the JSON object in the column is one of the texts."""

    column: str
    field: str
    values: tuple[str, ...]


class And(msgspec.Struct, frozen=True):
    """All of the criteria hold: always, where there are none. Made by `all_of`."""

    criteria: "tuple[Criterion, ...]"


class Or(msgspec.Struct, frozen=True):
    """Any of the criteria holds. Made by `any_of`."""

    criteria: "tuple[Criterion, ...]"


class Related(msgspec.Struct, frozen=True):
    """There is a record at the other end of the relation for which the criterion holds; or there is none."""

    relation: str
    criterion: "Criterion"
    exists: bool = True


Criterion = (
    AnyOf
    | NoneOf
    | Like
    | Between
    | IsNull
    | HasAllTags
    | HasAnyTag
    | ByTag
    | Untagged
    | FieldAnyOf
    | And
    | Or
    | Related
)

EVERYTHING = And(())


def all_of(*criteria: Criterion) -> Criterion:
    """A criterion that holds where all of these do."""
    parts = [y for x in criteria for y in (x.criteria if isinstance(x, And) else (x,))]
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def any_of(*criteria: Criterion) -> Criterion:
    """A criterion that holds where any of these does, and always where there are none."""
    if not criteria or EVERYTHING in criteria:
        return EVERYTHING
    return criteria[0] if len(criteria) == 1 else Or(criteria)


def by_tag(criterion: Criterion, tag: str) -> Criterion:
    """The same criterion about task runs that are to be found by one of the tags that they must all have."""
    rest = (_without(x, tag) if isinstance(x, HasAllTags) else x for x in parts(criterion))
    return all_of(ByTag(tag), *rest)


def _without(asked: HasAllTags, tag: str) -> Criterion:
    left = tuple(x for x in asked.tags if x != tag)
    return HasAllTags(left) if left else EVERYTHING


class Criteria(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks of each noun; None asks for nothing, not even that there is such a record.

    `EVERYTHING` about a noun still drops the records that are related to none of it.
    """

    flows: Criterion | None = None
    flow_runs: Criterion | None = None
    task_runs: Criterion | None = None
    deployments: Criterion | None = None
    work_pools: Criterion | None = None
    work_queues: Criterion | None = None

    def of_task_runs(self) -> Criterion:
        """Which task runs."""
        around = (_related("flow", self.flows), _related("deployment", self.deployments), self._queue())
        return _every(self.task_runs, _related("flow_run", _together(self.flow_runs, *around)))

    def of_flow_runs(self) -> Criterion:
        """Which flow runs."""
        return _every(
            self.flow_runs,
            _related("flow", self.flows),
            _related("deployment", self.deployments),
            _related("task_runs", self.task_runs),
            self._queue(),
        )

    def of_flows(self) -> Criterion:
        """Which flows."""
        return _every(
            self.flows,
            _related("flow_runs", _together(self.flow_runs, _related("task_runs", self.task_runs))),
            _related("deployments", _together(self.deployments, self._queue())),
        )

    def of_deployments(self) -> Criterion:
        """Which deployments."""
        return _every(
            self.deployments,
            _related("flow", self.flows),
            _related("flow_runs", _together(self.flow_runs, _related("task_runs", self.task_runs))),
            self._queue(),
        )

    def of_artifacts(self) -> Criterion:
        """Which artifacts, or keys by their newest artifact."""
        around = (_related("flow", self.flows), _related("deployment", self.deployments))
        return _every(
            _related("flow_run", _together(self.flow_runs, *around)),
            _related("task_run", self.task_runs),
        )

    def _queue(self) -> Criterion | None:
        return _related("work_queue", _together(self.work_queues, _related("work_pool", self.work_pools)))


def _related(relation: str, criterion: Criterion | None) -> Criterion | None:
    return None if criterion is None else Related(relation, criterion)


def _together(*criteria: Criterion | None) -> Criterion | None:
    given = [x for x in criteria if x is not None]
    return all_of(*given) if given else None


def _every(*criteria: Criterion | None) -> Criterion:
    return _together(*criteria) or EVERYTHING


class Relation(msgspec.Struct, frozen=True):
    """How two tables are joined: `local` of the one is `remote` of the other. One that `owns` is shared by many: a list
    of those that are asked for is short. Unless it is `single`: then hardly any owns more than one, and few records are
    found by however many owners."""

    table: Table
    local: str
    remote: str
    single: bool = False

    @property
    def owns(self) -> bool:
        return self.remote == "id" and self.local != "state_id"


RELATIONS = {
    ("task_runs", "flow_run"): Relation(flow_runs, "flow_run_id", "id"),
    ("task_runs", "state"): Relation(task_run_states, "state_id", "id"),
    ("task_runs", "subflow_run"): Relation(flow_runs, "id", "parent_task_run_id"),
    ("flow_runs", "state"): Relation(flow_run_states, "state_id", "id"),
    ("flow_runs", "flow"): Relation(flows, "flow_id", "id"),
    ("flow_runs", "deployment"): Relation(deployments, "deployment_id", "id"),
    ("flow_runs", "work_queue"): Relation(work_queues, "work_queue_id", "id"),
    ("flow_runs", "parent_task_run"): Relation(task_runs, "parent_task_run_id", "id", single=True),
    ("flow_runs", "task_runs"): Relation(task_runs, "id", "flow_run_id"),
    ("flows", "flow_runs"): Relation(flow_runs, "id", "flow_id"),
    ("flows", "deployments"): Relation(deployments, "id", "flow_id"),
    ("deployments", "flow"): Relation(flows, "flow_id", "id"),
    ("deployments", "flow_runs"): Relation(flow_runs, "id", "deployment_id"),
    ("deployments", "work_queue"): Relation(work_queues, "work_queue_id", "id"),
    ("artifacts", "flow_run"): Relation(flow_runs, "flow_run_id", "id"),
    ("artifacts", "task_run"): Relation(task_runs, "task_run_id", "id"),
    ("artifact_collections", "flow_run"): Relation(flow_runs, "flow_run_id", "id"),
    ("artifact_collections", "task_run"): Relation(task_runs, "task_run_id", "id"),
    ("work_queues", "work_pool"): Relation(work_pools, "work_pool_id", "id"),
}


class Order(msgspec.Struct, frozen=True):
    """By a column; records that are equal in it go by their ids. NULLs count as less than everything else."""

    column: str
    descending: bool = False


def ordering(table: Table, order: Order) -> list[ColumnElement[Any]]:
    """The order as SQL, for ORDER BY."""
    keys = [table.c[x] for x in dict.fromkeys((order.column, "id"))]
    directed: list[ColumnElement[Any]] = [x.desc() if order.descending else x.asc() for x in keys]
    if table.c[order.column].nullable:
        directed[0] = nulls_last(directed[0]) if order.descending else nulls_first(directed[0])
    return directed


def parts(criterion: Criterion) -> tuple[Criterion, ...]:
    """Criteria that must all hold for this one to hold."""
    return criterion.criteria if isinstance(criterion, And) else (criterion,)


def names_owners(table: Table, criterion: Criterion) -> bool:
    """Whether the criterion asks for records of certain owners, by their ids or by a tag: these are best found by that
    index."""
    return any(
        isinstance(x, ByTag)
        or (isinstance(x, AnyOf) and x.column.endswith("id"))
        or (isinstance(x, Related) and x.exists and RELATIONS[table.name, x.relation].owns)
        for x in parts(criterion)
    )


ALL_TYPES = frozenset(x.value for x in StateType)


def condition(table: Table, criterion: Criterion, *, by_state: bool = True) -> ColumnElement[bool]:
    """The criterion as SQL about rows of the table, all of which are to be found: also by the index of states, unless
    it is known that few are found otherwise."""
    indexed_types = ALL_TYPES if by_state and not names_owners(table, criterion) else frozenset()
    return _Compiler(indexed_types=indexed_types).sql(table.name, table, criterion)


def condition_on_the_way(
    table: Table, criterion: Criterion, sparse_types: frozenset[str], sparse_nulls: frozenset[str]
) -> ColumnElement[bool]:
    """The criterion as SQL about rows of the table that are passed in an order, until there are enough for a page.

    What many rows may meet is only tested on the way: finding all these rows and sorting them takes longer. Runs in
    states of the sparse types are few, and so are those with a NULL in one of the columns of sparse NULLs: they are
    worth finding.
    """
    compiler = _Compiler(passing=True, indexed_types=sparse_types, indexed_nulls=sparse_nulls)
    return compiler.sql(table.name, table, criterion)


class _Compiler(msgspec.Struct, frozen=True):
    """Criteria to SQL.

    `passing`: rows are passed, not found. `indexed_types`: for which types of state their index may find the rows.
    `indexed_nulls`: the same for columns, where rows are passed.
    """

    passing: bool = False
    indexed_types: frozenset[str] = ALL_TYPES
    indexed_nulls: frozenset[str] = frozenset()

    def sql(self, noun: str, table: FromClause, x: Criterion) -> ColumnElement[bool]:
        """The condition on a row of the table, which is the noun's own or an alias of it."""
        match x:
            case And(criteria):
                return and_(true(), *(self.sql(noun, table, y) for y in criteria))
            case Or(criteria):
                return or_(false(), *(self.sql(noun, table, y) for y in criteria))
            case Related():
                return self._related(table, x, RELATIONS[noun, x.relation])
            case AnyOf("state_type", values) if not self.indexed_types.issuperset(values):
                return unindexed(table.c.state_type).in_(values)
            case IsNull(column, True) if self.passing and column not in self.indexed_nulls:
                return unindexed(table.c[column]).is_(None)
        return _of_one_row(table, x)

    def _related(self, table: FromClause, x: Related, relation: Relation) -> ColumnElement[bool]:
        other = relation.table.alias()
        local = table.c[relation.local]
        if x.exists and relation.owns:
            # A list that is made once, rather than a search for every row.
            owners = select(other.c.id).where(_Compiler().sql(relation.table.name, other, x.criterion))
            return (unindexed(local) if self.passing and not relation.single else local).in_(owners)
        holds = _Compiler(indexed_types=frozenset()).sql(relation.table.name, other, x.criterion)
        found = exists(select(1).select_from(other).where(other.c[relation.remote] == local, holds).correlate(table))
        return found if x.exists else ~found


def _of_one_row(table: FromClause, x: Criterion) -> ColumnElement[bool]:
    match x:
        case AnyOf(column, values):
            return table.c[column].in_(values)
        case NoneOf(column, values):
            return table.c[column].not_in(values)
        case Like(column, pattern):
            return matches(table.c[column], pattern)
        case Between(column, earliest, latest):
            bounded = table.c[column]
            lower = true() if earliest is None else bounded >= earliest
            return and_(lower, true() if latest is None else bounded <= latest)
        case IsNull(column, null):
            return table.c[column].is_(None) if null else table.c[column].is_not(None)
        case HasAllTags(tags):
            return and_(true(), *(has_tag(table.c.tags, tag) for tag in tags))
        case HasAnyTag(tags):
            return or_(false(), *(has_tag(table.c.tags, tag) for tag in tags))
        case FieldAnyOf(column, field, values):
            return json_field(table.c[column], field).in_(values)
        case ByTag(tag):
            found = table.c.id.in_(runs_with(tag))
            return found if is_told_whole(tag) else and_(found, has_tag(table.c.tags, tag))
        case Untagged(untagged):
            return table.c.tags == [] if untagged else table.c.tags != []
    raise TypeError(f"not a criterion: {x!r}")
