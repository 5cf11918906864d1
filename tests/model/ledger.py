"""The model: a ledger in plain dictionaries, and what each request makes of it.

What lives here: for each request what must be answered, and what it changes. What does not: the rules (task_rules.py,
flow_rules.py), what a new state sets on its run (bookkeeping.py) and the wire's spelling (wire.py).

Each request is a method that takes the server's answer first: it raises AssertionError where the answer is not the one
that is due, and otherwise learns from it what only the server could know, the ids.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.model import flow_rules, task_rules
from tests.model.bookkeeping import write
from tests.model.records import CacheEntry, Facts, FlowRun, Limit, Outcome, Proposal, Run, State, TaskRun
from tests.model.wire import Answer, expect, shown_flow_run, shown_limit, shown_state, shown_task_run

Queued = tuple[datetime, bool]
"""From when a background run can be delivered, and whether it goes ahead of the others."""

Result = tuple[str | None, str | None, str]
"""The data of a state, in Python's spelling, with the flow run and the task run that it is a result of."""

PENDING = Proposal("PENDING")
TICK = timedelta(microseconds=1)


@dataclass
class Ledger:
    """All that is remembered, as of `now`: flows by id with their names, deployments by the ids of their flows, runs by
    id, limits by tag, cache entries by key, the queue by task run. `gone` are the ids of what was deleted."""

    now: datetime
    flows: dict[str, str] = field(default_factory=dict)
    deployments: dict[str, str] = field(default_factory=dict)
    flow_runs: dict[str, FlowRun] = field(default_factory=dict)
    task_runs: dict[str, TaskRun] = field(default_factory=dict)
    limits: dict[str, Limit] = field(default_factory=dict)
    cache: dict[str, list[CacheEntry]] = field(default_factory=dict)
    queue: dict[str, Queued] = field(default_factory=dict)
    results: Counter[Result] = field(default_factory=Counter)
    gone: dict[str, None] = field(default_factory=dict)

    # --- creations

    def create_flow(self, answer: Answer, name: str) -> None:
        known = next((i for i, x in self.flows.items() if x == name), None)
        expect(answer, 201 if known is None else 200, {"name": name} | ({"id": known} if known else {}))
        self.flows[answer.body["id"]] = name

    def create_deployment(self, answer: Answer, flow_id: str) -> None:
        if flow_id not in self.flows:
            return expect(answer, 409)
        expect(answer, 200 if flow_id in self.deployments else 201, {"flow_id": flow_id})
        self.deployments[flow_id] = answer.body["id"]
        return None

    def create_flow_run(self, answer: Answer, draft: dict[str, Any], proposal: Proposal | None) -> None:
        """`draft` holds the fields of a FlowRun that a client gives."""
        if draft["flow_id"] not in self.flows:
            return expect(answer, 409)
        known = self._flow_run_of_key(draft["flow_id"], draft["idempotency_key"])
        if known is not None:
            return expect(answer, 200, shown_flow_run(known, self.now))
        if draft["parent_task_run_id"] not in (None, *self.task_runs):
            return expect(answer, 409)
        expect(answer, 201)
        run = self.flow_runs[answer.body["id"]] = FlowRun(id=answer.body["id"], created=self.now, **draft)
        first = _timed(proposal or PENDING, self.now)
        self._move_flow_run(run, first, flow_rules.unprotected(run, first), self.now)
        return _learn(answer, run, shown_flow_run(run, self.now))

    def _flow_run_of_key(self, flow_id: str, key: str | None) -> FlowRun | None:
        if key is None:
            return None
        return next((x for x in self.flow_runs.values() if (x.flow_id, x.idempotency_key) == (flow_id, key)), None)

    def create_task_run(
        self, answer: Answer, run_id: str | None, draft: dict[str, Any], proposal: Proposal | None
    ) -> None:
        """`draft` holds the fields of a TaskRun that a client gives, `run_id` the id it asks for, if any."""
        if draft["flow_run_id"] not in (None, *self.flow_runs):
            return expect(answer, 409)
        key = draft["flow_run_id"], draft["task_key"], draft["dynamic_key"]
        known = next((x for x in self.task_runs.values() if x.key == key), None)
        if known is not None:
            return expect(answer, 200, shown_task_run(known, self.now))
        if run_id in self.task_runs:
            return expect(answer, 409)
        expect(answer, 201, {"id": run_id} if run_id else {})
        run = self.task_runs[answer.body["id"]] = TaskRun(id=answer.body["id"], created=self.now, **draft)
        self._move_task_run(run, _timed(proposal or PENDING, self.now), force=True, now=self.now)
        return _learn(answer, run, shown_task_run(run, self.now))

    # --- transitions

    def set_task_run_state(self, answer: Answer, run_id: str, proposal: Proposal, force: bool) -> None:
        run = self.task_runs.get(run_id)
        if run is None:
            return expect(answer, 404)
        if run.has_taken(proposal):
            return _expect_outcome(answer, run, task_rules.REJECT)
        now = _after(run.state, self.now)
        return _expect_outcome(answer, run, self._move_task_run(run, _timed(proposal, now), force, now))

    def set_flow_run_state(self, answer: Answer, run_id: str, proposal: Proposal, force: bool) -> None:
        run = self.flow_runs.get(run_id)
        if run is None:
            return expect(answer, 404)
        if run.has_taken(proposal):
            return _expect_outcome(answer, run, flow_rules.REJECT)
        now = _after(run.state, self.now)
        timed = _timed(proposal, now)
        outcome = flow_rules.unprotected(run, timed) if force else flow_rules.protected(run, timed, now)
        self._move_flow_run(run, timed, outcome, now)
        return _expect_outcome(answer, run, outcome)

    def _move_task_run(self, run: TaskRun, proposal: Proposal, force: bool, now: datetime) -> Outcome:
        """Nothing is forced on a background run."""
        is_protected = not force or run.flow_run_id is None
        if is_protected:
            outcome = task_rules.protected(run, proposal, self._facts(run, proposal, now))
        else:
            outcome = task_rules.unprotected(run, proposal)
        if outcome.written is not None:
            self._write_task_run(run, proposal, outcome, now)
            if is_protected:
                self._remember(run, proposal)
        return outcome

    def _facts(self, run: TaskRun, proposal: Proposal, now: datetime) -> Facts:
        key = proposal.details.get("cache_key")
        return Facts(
            now=now,
            flow_run=None if run.flow_run_id is None else self.flow_runs[run.flow_run_id],
            limits={tag: self.limits[tag] for tag in run.tags if tag in self.limits},
            cached=None if key is None else self._cached(key),
        )

    def _cached(self, key: str) -> State | None:
        """The state of the newest entry that has not expired, unless its run is gone."""
        entries = [x for x in self.cache.get(key, ()) if x.expiration is None or x.expiration > self.now]
        return entries[-1].state if entries and entries[-1].task_run_id in self.task_runs else None

    # --- what follows from a state

    def _write_task_run(self, run: TaskRun, proposal: Proposal, outcome: Outcome, now: datetime) -> None:
        assert outcome.written is not None
        if outcome.starts_over:
            run.run_count = 0
        if outcome.takes_slots and run.flow_run_id is not None:
            run.flow_run_run_count = self.flow_runs[run.flow_run_id].run_count
        owners = {"flow_run_id": run.flow_run_id, "task_run_id": run.id}
        state = write(run, outcome.written, owners, proposal.details.get("transition_id"), now)
        run.run_count += state.type == "RUNNING"
        self._keep_result(state, run.id)
        self._hold_slots(run, outcome.takes_slots)
        if run.flow_run_id is None:
            self._enqueue(run, proposal)

    def _keep_result(self, state: State, task_run_id: str | None) -> None:
        if state.data is not None:
            self.results[state.details["flow_run_id"], task_run_id, repr(state.data)] += 1

    def _hold_slots(self, run: TaskRun, takes_slots: bool) -> None:
        for tag in run.tags:
            if tag in self.limits and takes_slots:
                self.limits[tag].holders.add(run.id)
            elif tag in self.limits and run.type not in ("RUNNING", "CANCELLING"):
                self.limits[tag].holders.discard(run.id)

    def _enqueue(self, run: TaskRun, proposal: Proposal) -> None:
        """What is asked to be scheduled waits for a worker, until it is anything else."""
        if run.type != "SCHEDULED":
            self.queue.pop(run.id, None)
        elif proposal.type == "SCHEDULED":
            state = run.states[-1]
            available = max(state.timestamp, state.details["scheduled_time"])
            self.queue[run.id] = available, state.name == "AwaitingRetry"

    def _remember(self, run: TaskRun, proposal: Proposal) -> None:
        """What is asked to be completed is kept under its cache key."""
        key = proposal.details.get("cache_key")
        if proposal.type == "COMPLETED" and key is not None:
            entry = CacheEntry(proposal.details.get("cache_expiration"), run.id, run.states[-1])
            self.cache.setdefault(key, []).append(entry)

    def _move_flow_run(self, run: FlowRun, proposal: Proposal, outcome: Outcome, now: datetime) -> None:
        if outcome.written is None:
            # To be refused a way out of a pause leaves its mark.
            run.resuming = run.resuming or outcome.resumes
            return
        if outcome.starts_over:
            run.pause_keys, run.resuming, run.retry_type = set(), False, outcome.retry_type
        if outcome.pause_key is not None:
            run.pause_keys = run.pause_keys | {outcome.pause_key}
        parent_id = run.parent_task_run_id
        owners = {"flow_run_id": run.id} | ({"task_run_id": parent_id} if parent_id else {})
        state = write(run, outcome.written, owners, proposal.details.get("transition_id"), now)
        # A run that resumes makes no new attempt.
        run.run_count += state.type == "RUNNING" and not run.resuming
        if outcome.resumes or state.type == "RUNNING" or state.has_ended:
            run.resuming = outcome.resumes
        self._keep_result(state, None)
        if parent_id is not None:
            self._follow(self.task_runs[parent_id], run, outcome.written, state)

    def _follow(self, parent: TaskRun, run: FlowRun, written: Proposal, state: State) -> None:
        """The task run that stands for a subflow takes each of its states."""
        details = state.details | {"child_flow_run_id": run.id}
        proposal = Proposal(state.type, state.name, state.message, written.data, details)
        self._move_task_run(parent, proposal, force=True, now=_after(parent.state, state.timestamp))

    # --- deletions

    def delete_task_run(self, answer: Answer, run_id: str) -> None:
        expect(answer, 204 if run_id in self.task_runs else 404)
        self._forget_task_run(run_id)

    def delete_flow_run(self, answer: Answer, run_id: str) -> None:
        expect(answer, 204 if run_id in self.flow_runs else 404)
        self._forget_flow_run(run_id)

    def delete_flow(self, answer: Answer, flow_id: str) -> None:
        expect(answer, 204 if flow_id in self.flows else 404)
        for run in [x for x in self.flow_runs.values() if x.flow_id == flow_id]:
            self._forget_flow_run(run.id)
        self.deployments.pop(flow_id, None)
        if self.flows.pop(flow_id, None):
            self.gone[flow_id] = None

    def _forget_flow_run(self, run_id: str) -> None:
        for run in [x for x in self.task_runs.values() if x.flow_run_id == run_id]:
            self._forget_task_run(run.id)
        if self.flow_runs.pop(run_id, None):
            self.gone[run_id] = None

    def _forget_task_run(self, run_id: str) -> None:
        for limit in self.limits.values():
            limit.holders.discard(run_id)
        for run in self.flow_runs.values():
            if run.parent_task_run_id == run_id:
                run.parent_task_run_id = None
        self.queue.pop(run_id, None)
        if self.task_runs.pop(run_id, None):
            self.gone[run_id] = None

    # --- limits

    def set_limit(self, answer: Answer, tag: str, size: int) -> None:
        """Whoever holds a slot keeps it."""
        limit = self.limits.setdefault(tag, Limit(size))
        limit.size = size
        expect(answer, 200, shown_limit(tag, limit))

    def reset_limit(self, answer: Answer, tag: str, holders: list[str]) -> None:
        if tag not in self.limits:
            return expect(answer, 404)
        self.limits[tag].holders = set(holders)
        return expect(answer, 200)

    def delete_limit(self, answer: Answer, tag: str) -> None:
        expect(answer, 200 if tag in self.limits else 404)
        self.limits.pop(tag, None)


def _timed(proposal: Proposal, now: datetime) -> Proposal:
    """What is scheduled for no time in particular is scheduled for now."""
    if proposal.type != "SCHEDULED" or proposal.details.get("scheduled_time") is not None:
        return proposal
    return proposal.with_details(scheduled_time=now)


def _after(state: State | None, now: datetime) -> datetime:
    """Now, or the next moment after the state: a run's states follow each other."""
    return now if state is None or state.timestamp < now else state.timestamp + TICK


def _learn(answer: Answer, run: Run, shown: dict[str, Any]) -> None:
    """A created run is as the model has it; from here on its first state has the id that was shown."""
    expect(answer, 201, shown)
    if run.state is not None:
        run.state.id = answer.body["state"]["id"]


def _expect_outcome(answer: Answer, run: Run, outcome: Outcome) -> None:
    """The state that the run is in is shown, be it a new one or not."""
    details = {} if outcome.delay is None else {"delay_seconds": outcome.delay}
    expect(answer, 200 if outcome.written is None else 201, {"status": outcome.verdict, "details": details})
    if run.state is None:
        assert answer.body["state"] is None
        return
    # That data is not kept is told to the caller alone.
    echo = {} if outcome.written is None else {"data": outcome.written.data}
    expect(answer, answer.status, {"state": shown_state(run.state) | echo})
    run.state.id = answer.body["state"]["id"]
