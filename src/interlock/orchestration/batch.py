"""A batch of commands, decided one after another against one working set of facts.

What lives here: the working set, which the store fills before and writes down after; it is the only mutable thing in
this package, and it lives for one batch. What does not: the rules (decide.py) and how facts are loaded (storage/).
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from interlock.orchestration import decide
from interlock.orchestration.commands import (
    Command,
    CreateFlowRun,
    CreateTaskRun,
    RecordEvent,
    RecordTaskRunState,
    SetFlowRunState,
    SetTaskRunState,
)
from interlock.orchestration.concurrency_leases import Grant, Holder, Lease, Share, give_back
from interlock.orchestration.decision import (
    Decision,
    Effect,
    EndLease,
    Enqueue,
    EventDecision,
    FlowDecision,
    FlowEffect,
    LeaseSlot,
    ReleaseSlots,
    RememberCacheKey,
    RenewLease,
    TakeSlot,
    TaskDecision,
)
from interlock.orchestration.events import Event
from interlock.orchestration.facts import (
    Chance,
    DeploymentLimit,
    FlowFacts,
    Moment,
    RecordFacts,
    TagLimit,
    TaskFacts,
)
from interlock.orchestration.global_limits import TAG_PREFIX, GlobalLimit
from interlock.orchestration.observed import draft_of, record_task_run_state
from interlock.orchestration.refusals import ConflictError, NotFoundError
from interlock.orchestration.runs import FlowRun, TaskRun
from interlock.orchestration.states import Proposal, State, StateType
from interlock.orchestration.task_queue import QueueChange, queue_change
from interlock.orchestration.work_queues import WorkLimits

TaskRunKey = tuple[str | None, str, str]
"""A task run's natural key: flow run id, task key, dynamic key."""

FlowRunKey = tuple[str, str]
"""A flow run's natural key: flow id, idempotency key."""

TransitionKey = tuple[str, str]
"""A request that made a state: the run's id and the request's transition id."""

OLD_RETRY_API_VERSION = (0, 8, 3)
"""Clients below this version leave it to the server to reschedule the failed task runs of a flow run they retry."""


class Limit(msgspec.Struct):
    """The concurrency limit of a tag or of deployments, and the ids of the task runs that hold its slots: by their
    transitions (`holders`), or by leases, which hold `leased` slots in all."""

    record: GlobalLimit
    holders: set[str] = msgspec.field(default_factory=set)
    leased: int = 0
    lease_holders: set[str] = msgspec.field(default_factory=set)

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def tag(self) -> str:
        return self.record.name.removeprefix(TAG_PREFIX)

    def add_holder(self, task_run_id: str | None, leased: int) -> None:
        """Count a run that holds a slot by a transition, or, where `leased` is not 0, a lease of so many slots, which
        may be a run's."""
        self.leased += leased
        if task_run_id is not None:
            (self.lease_holders if leased else self.holders).add(task_run_id)

    def facts_for(self, run_id: str) -> TagLimit:
        """What this run may know of it. A run that holds slots in both ways holds those of the lease."""
        return TagLimit(
            self.tag,
            self.record.limit,
            self.record.active_slots + self._held,
            held=run_id in self.holders,
            leased=run_id in self.lease_holders,
            active=self.record.active,
        )

    @property
    def _held(self) -> int:
        return self.leased + len(self.holders - self.lease_holders)

    def as_held(self) -> GlobalLimit:
        """The limit with all that is held of it."""
        return replace(self.record, held=self._held)

    def lend(self, grant: Grant) -> None:
        """Note what a new lease took."""
        for after, share in zip(grant.limits, grant.shares, strict=True):
            self.record = replace(after, held=0)
            self.leased += 0 if share.is_stored else share.slots

    def take_back(self, share: Share, seconds: float, now: datetime) -> None:
        """Note what came back from a lease after so many seconds."""
        self.record = give_back(self.record, share, seconds, now)
        self.leased -= 0 if share.is_stored else share.slots


class HeldLease(msgspec.Struct, frozen=True):
    """A lease that has not expired, and its shares of limits."""

    lease: Lease
    shares: tuple[Share, ...]


class DeploymentTerms(msgspec.Struct, frozen=True):
    """Which limit holds for the runs of a deployment, and what it says of them."""

    limit_id: str
    grace_seconds: int | None
    cancels_new: bool


class CacheEntry(msgspec.Struct, frozen=True):
    """A state to be taken by runs that propose the key, until it expires."""

    cache_key: str
    expiration: datetime | None
    state: State


class WorkingSet:
    """The facts that a batch of commands needs, and what became of them.

    Filled by the store: the runs that the commands name (by id and by natural key) with their flow runs and parents,
    which flows exist, with their labels, the limits on the runs' tags with their holders, those of the deployments
    whose runs are to begin and those of their work queues and pools, the leases that flow runs hold, the newest
    unexpired state of each proposed cache key, which of the requests were carried out before, and which of the states
    to record are known.
    Read back by the store afterwards: `touched_*` (the runs to write by their ids, each as it was before, `created_*`
    those to insert, `rewritten_*` those to write as a whole), `new_*_states`, `new_events`, and the changes of slots,
    cache and queue.
    """

    def __init__(self, slot_wait_seconds: int = 30) -> None:
        self.slot_wait_seconds = slot_wait_seconds
        self.task_runs: dict[str, TaskRun] = {}
        self.task_run_ids: dict[TaskRunKey, str] = {}
        self.flow_runs: dict[str, FlowRun] = {}
        self.flow_run_ids: dict[FlowRunKey, str] = {}
        self.failed_task_runs: dict[str, set[str]] = {}
        self.flow_labels: dict[str, dict[str, Any]] = {}
        self.limits: dict[str, Limit] = {}
        self.limits_by_id: dict[str, Limit] = {}
        self.deployments: dict[str, DeploymentTerms] = {}
        self.leases: dict[str, HeldLease] = {}
        self.work_limits = WorkLimits()
        self.cache: dict[str, CacheEntry] = {}
        self.carried_out: set[TransitionKey] = set()
        self.known_states: set[str] = set()

        self.created_task_runs: set[str] = set()
        self.touched_task_runs: dict[str, TaskRun | None] = {}
        self.rewritten_task_runs: set[str] = set()
        self.created_flow_runs: set[str] = set()
        self.touched_flow_runs: dict[str, FlowRun | None] = {}
        self.new_task_run_states: list[State] = []
        self.new_flow_run_states: list[tuple[str, State]] = []
        self.new_events: list[Event] = []
        self.touched_limits: dict[str, datetime] = {}
        self.new_leases: dict[str, HeldLease] = {}
        self.renewed_leases: dict[str, Lease] = {}
        self.ended_leases: list[str] = []
        self.new_cache_entries: list[CacheEntry] = []
        self.enqueued: dict[str, Enqueue] = {}
        self.queue_changes: dict[str, QueueChange] = {}

    def add_task_run(self, run: TaskRun) -> None:
        self.task_runs[run.id] = run
        self.task_run_ids[run.flow_run_id, run.task_key, run.dynamic_key] = run.id

    def add_limit(self, limit: Limit) -> None:
        self.limits_by_id[limit.id] = limit
        if limit.record.name.startswith(TAG_PREFIX):
            self.limits[limit.tag] = limit

    def add_flow_run(self, run: FlowRun) -> None:
        self.flow_runs[run.id] = run
        if run.idempotency_key is not None:
            self.flow_run_ids[run.flow_id, run.idempotency_key] = run.id

    def task_facts(self, run: TaskRun, proposal: Proposal) -> TaskFacts:
        """The facts for one transition of a task run."""
        flow_run = self.flow_runs.get(run.flow_run_id) if run.flow_run_id else None
        cached = None
        if proposal.details.cache_key is not None and proposal.type == StateType.RUNNING:
            entry = self.cache.get(proposal.details.cache_key)
            cached = entry.state if entry else None
        return TaskFacts(
            repeated=self._is_repeated(run.id, proposal),
            flow_run=flow_run,
            limits=self._tag_limits(run) if self.limits and run.tags else (),
            cached=cached,
            slot_wait_seconds=self.slot_wait_seconds,
        )

    def _is_repeated(self, run_id: str, proposal: Proposal) -> bool:
        transition_id = proposal.details.transition_id
        return transition_id is not None and (run_id, transition_id) in self.carried_out

    def _tag_limits(self, run: TaskRun) -> tuple[TagLimit, ...]:
        return tuple(self.limits[tag].facts_for(run.id) for tag in dict.fromkeys(run.tags) if tag in self.limits)

    def flow_facts(
        self, run: FlowRun, proposal: Proposal | None, api_version: tuple[int, int, int] | None
    ) -> FlowFacts:
        """The facts for one transition of a flow run, with those of the task runs that would follow it."""
        parent = self.task_runs.get(run.parent_task_run_id) if run.parent_task_run_id else None
        failed: tuple[TaskRun, ...] = ()
        if api_version is not None and api_version < OLD_RETRY_API_VERSION:
            candidates = (self.task_runs[i] for i in sorted(self.failed_task_runs.get(run.id, ())))
            failed = tuple(x for x in candidates if x.state is not None and x.state.type == StateType.FAILED)
        return FlowFacts(
            repeated=proposal is not None and self._is_repeated(run.id, proposal),
            parent=(parent, self._forced_facts(parent)) if parent else None,
            failed_task_runs=tuple((x, self._forced_facts(x)) for x in failed),
            limit=self._deployment_limit(run),
            lease=self._lease_of(run),
            work_limits=self.work_limits.of(run),
        )

    def _deployment_limit(self, run: FlowRun) -> DeploymentLimit | None:
        terms = self.deployments.get(run.deployment_id or "")
        limit = None if terms is None else self.limits_by_id.get(terms.limit_id)
        if terms is None or limit is None or not limit.record.active:
            return None
        return DeploymentLimit(limit=limit.as_held(), grace_seconds=terms.grace_seconds, cancels_new=terms.cancels_new)

    def _lease_of(self, run: FlowRun) -> Lease | None:
        """The lease that the run's state names, if it is alive and the run's own."""
        named = None if run.state is None else run.state.details.deployment_concurrency_lease_id
        held = self.leases.get(named or "")
        return held.lease if held is not None and held.lease.holder == Holder("flow_run", run.id) else None

    def _forced_facts(self, run: TaskRun) -> TaskFacts:
        return TaskFacts(limits=self._tag_limits(run), slot_wait_seconds=self.slot_wait_seconds)

    def recorded_draft(self, command: RecordTaskRunState) -> TaskRun:
        """The run that a state is told of, as it is to be kept."""
        return draft_of(command, knows_flow_run=self._knows_flow_run(command))

    def _knows_flow_run(self, command: RecordTaskRunState) -> bool:
        return command.run.flow_run_id is None or command.run.flow_run_id in self.flow_runs

    def record_facts(self, command: RecordTaskRunState) -> RecordFacts:
        """The facts for recording a state. In a flow run the run is told by its keys, and otherwise by its id."""
        draft = self.recorded_draft(command)
        by_id, by_key = self.task_runs.get(draft.id), self._task_run_of(_key(draft))
        run = by_id or by_key if draft.flow_run_id is None else by_key or by_id
        return RecordFacts(
            run=run,
            may_take_keys=by_key is None or by_key is run,
            knows_flow_run=self._knows_flow_run(command),
            is_known=command.state.id in self.known_states,
            limits=self._tag_limits(run) if run is not None and self.limits else (),
        )

    def _task_run_of(self, key: TaskRunKey) -> TaskRun | None:
        """The run that has these keys now."""
        run = self.task_runs.get(self.task_run_ids.get(key, ""))
        return run if run is not None and _key(run) == key else None

    def apply(self, decision: Decision) -> None:
        """Let the commands after this one see what it was granted, and note what is to be written."""
        match decision:
            case TaskDecision():
                self._apply_task(decision)
            case FlowDecision():
                self._apply_flow(decision)
            case EventDecision(event=event):
                self.new_events.append(event)

    def _apply_task(self, decision: TaskDecision) -> None:
        run = decision.run
        if decision.created:
            self.created_task_runs.add(run.id)
        before = self.task_runs.get(run.id)
        # A refusal can leave its mark on the run too, without a state.
        if run is not before:
            self.add_task_run(run)
            self.touched_task_runs.setdefault(run.id, before)
        if decision.written and run.state is not None:
            self._keep_task_run_state(run.state)
            self._note_request(run.id, run.state)
            if run.state.type == StateType.FAILED and run.flow_run_id is not None:
                self.failed_task_runs.setdefault(run.flow_run_id, set()).add(run.id)
            change = queue_change(run, before)
            if change is not None:
                self.enqueued.pop(run.id, None)
                self.queue_changes[run.id] = change
        if decision.stale is not None:
            self._keep_task_run_state(decision.stale)
        if decision.rewritten:
            self.rewritten_task_runs.add(run.id)
        for effect in decision.effects:
            self._apply_effect(effect, run.updated)

    def _keep_task_run_state(self, state: State) -> None:
        self.new_task_run_states.append(state)
        self.known_states.add(state.id)

    def _apply_flow(self, decision: FlowDecision) -> None:
        run = decision.run
        if decision.created:
            self.created_flow_runs.add(run.id)
        before = self.flow_runs.get(run.id)
        if run is not before:
            self.add_flow_run(run)
            self.touched_flow_runs.setdefault(run.id, before)
            self.work_limits.follow(before, run)
        if decision.written and run.state is not None:
            self.new_flow_run_states.append((run.id, run.state))
            self._note_request(run.id, run.state)
        for follower in decision.followers:
            self._apply_task(follower)
        for effect in decision.effects:
            self._apply_flow_effect(effect)

    def _apply_flow_effect(self, effect: FlowEffect) -> None:
        match effect:
            case LeaseSlot(lease, grant):
                self._lend(HeldLease(lease, grant.shares), grant)
            case RenewLease(lease_id, expires):
                self._renew(lease_id, expires)
            case EndLease(lease_id, at):
                self._end(self.leases.pop(lease_id), at)

    def _lend(self, held: HeldLease, grant: Grant) -> None:
        for share in grant.shares:
            self.limits_by_id[share.limit_id].lend(grant)
            self.touched_limits[share.limit_id] = held.lease.created
        self.leases[held.lease.id] = self.new_leases[held.lease.id] = held

    def _renew(self, lease_id: str, expires: datetime) -> None:
        held = self.leases[lease_id]
        renewed = HeldLease(replace(held.lease, expires=expires), held.shares)
        self.leases[lease_id] = renewed
        if lease_id in self.new_leases:
            self.new_leases[lease_id] = renewed
        else:
            self.renewed_leases[lease_id] = renewed.lease

    def _end(self, held: HeldLease, at: datetime) -> None:
        for share in held.shares:
            if limit := self.limits_by_id.get(share.limit_id):
                limit.take_back(share, (at - held.lease.created).total_seconds(), at)
                self.touched_limits[share.limit_id] = at
        self.renewed_leases.pop(held.lease.id, None)
        if self.new_leases.pop(held.lease.id, None) is None:
            self.ended_leases.append(held.lease.id)

    def _note_request(self, run_id: str, state: State) -> None:
        if state.transition_id is not None:
            self.carried_out.add((run_id, state.transition_id))

    def _apply_effect(self, effect: Effect, now: datetime) -> None:
        match effect:
            case TakeSlot(tag, task_run_id):
                self.limits[tag].holders.add(task_run_id)
                self.touched_limits[self.limits[tag].id] = now
            case ReleaseSlots(tags, task_run_id):
                for tag in tags:
                    if tag in self.limits and task_run_id in self.limits[tag].holders:
                        self.limits[tag].holders.discard(task_run_id)
                        self.touched_limits[self.limits[tag].id] = now
            case RememberCacheKey(cache_key, expiration, state):
                entry = CacheEntry(cache_key, expiration, state)
                self.new_cache_entries.append(entry)
                if expiration is None or expiration > state.timestamp:
                    self.cache[cache_key] = entry
            case Enqueue(task_run_id=task_run_id):
                self.queue_changes.pop(task_run_id, None)
                self.enqueued[task_run_id] = effect


def _key(run: TaskRun) -> TaskRunKey:
    return run.flow_run_id, run.task_key, run.dynamic_key


def decide_batch(
    commands: Iterable[Command], working_set: WorkingSet, clock: Callable[[], datetime], chance: Chance
) -> Sequence[Decision | Exception]:
    """Decide commands in their order; each sees what those before it were granted. A refused command stands alone."""
    outcomes: list[Decision | Exception] = []
    for command in commands:
        try:
            decision = decide_one(command, working_set, Moment(clock(), chance))
        except Exception as error:
            # Mostly a Refusal. Rules change nothing, so whatever they raise concerns this command alone.
            outcomes.append(error)
        else:
            working_set.apply(decision)
            outcomes.append(decision)
    return outcomes


def decide_one(command: Command, facts: WorkingSet, moment: Moment) -> Decision:
    """Decide one command without applying it: also the answer to "what would happen if?". Raises a Refusal."""
    match command:
        case SetTaskRunState():
            return _set_task_run_state(command, facts, moment)
        case CreateTaskRun():
            return _create_task_run(command, facts, moment)
        case SetFlowRunState():
            return _set_flow_run_state(command, facts, moment)
        case CreateFlowRun():
            return _create_flow_run(command, facts, moment)
        case RecordTaskRunState():
            return record_task_run_state(command, facts.record_facts(command), moment)
        case RecordEvent(event=event):
            return EventDecision(event=event)


def _set_task_run_state(command: SetTaskRunState, facts: WorkingSet, moment: Moment) -> TaskDecision:
    run = facts.task_runs.get(command.task_run_id)
    if run is None:
        raise NotFoundError(f"Task run with id {command.task_run_id} not found")
    return decide.set_task_run_state(run, command, facts.task_facts(run, command.proposal), moment.after(run.state))


def _create_task_run(command: CreateTaskRun, facts: WorkingSet, moment: Moment) -> TaskDecision:
    draft = command.run
    if draft.flow_run_id is not None and draft.flow_run_id not in facts.flow_runs:
        raise ConflictError(f"flow run {draft.flow_run_id} does not exist")
    existing_id = facts.task_run_ids.get((draft.flow_run_id, draft.task_key, draft.dynamic_key))
    if existing_id is not None:
        existing = facts.task_runs[existing_id]
        return TaskDecision(run=existing, state=existing.state)
    if draft.id in facts.task_runs:
        raise ConflictError(f"task run {draft.id} exists under other keys")
    return decide.create_task_run(command, facts.task_facts(draft, command.proposal), moment)


def _set_flow_run_state(command: SetFlowRunState, facts: WorkingSet, moment: Moment) -> FlowDecision:
    run = facts.flow_runs.get(command.flow_run_id)
    if run is None:
        raise NotFoundError(f"Flow run with id {command.flow_run_id} not found")
    flow_facts = facts.flow_facts(run, command.proposal, command.api_version)
    return decide.set_flow_run_state(run, command, flow_facts, moment.after(run.state))


def _create_flow_run(command: CreateFlowRun, facts: WorkingSet, moment: Moment) -> FlowDecision:
    draft = command.run
    if draft.flow_id not in facts.flow_labels:
        raise ConflictError(f"flow {draft.flow_id} does not exist")
    if draft.idempotency_key is not None:
        existing_id = facts.flow_run_ids.get((draft.flow_id, draft.idempotency_key))
        if existing_id is not None:
            existing = facts.flow_runs[existing_id]
            return FlowDecision(run=existing, state=existing.state)
    if draft.parent_task_run_id is not None and draft.parent_task_run_id not in facts.task_runs:
        raise ConflictError(f"task run {draft.parent_task_run_id} does not exist")
    if draft.id in facts.flow_runs:
        raise ConflictError(f"flow run {draft.id} exists already")
    command = _labelled(command, facts.flow_labels[draft.flow_id])
    return decide.create_flow_run(command, facts.flow_facts(draft, command.proposal, command.api_version), moment)


def _labelled(command: CreateFlowRun, inherited: dict[str, Any]) -> CreateFlowRun:
    """The command for a run that has the labels of its flow too; its own go before them."""
    if not inherited:
        return command
    labels = inherited | msgspec.json.decode(command.run.labels)
    return replace(command, run=replace(command.run, labels=msgspec.json.encode(labels).decode()))
