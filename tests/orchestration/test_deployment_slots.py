"""Slots of deployments' limits: never more runs than slots, and a slot never outlives the run that had it."""

from collections.abc import Sequence
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from interlock.orchestration import decide
from interlock.orchestration.batch import DeploymentTerms, HeldLease, Limit, WorkingSet
from interlock.orchestration.commands import SetFlowRunState, SlotTerms
from interlock.orchestration.concurrency_leases import LASTING
from interlock.orchestration.decision import Accept, FlowDecision, Reject
from interlock.orchestration.facts import Moment
from interlock.orchestration.runs import FlowRun, FlowRunPolicy
from interlock.orchestration.states import Proposal, StateType
from tests.orchestration.build import (
    CANCELLED,
    COMPLETED,
    FAILED,
    PAUSED,
    PENDING,
    RUNNING,
    SCHEDULED,
    TERMINAL,
    a_chance,
    a_flow_run,
    a_limit,
    later,
    propose,
)

RENEWING = SlotTerms(renews=True, wait_seconds=30, lease_seconds=300)


class World:
    """Runs of a deployment and its limit in memory, from one transition to the next, as a store would keep them."""

    def __init__(self, slots: int = 1, *, runs: int = 2, retries: int | None = None, **terms: object) -> None:
        self.limit = replace(a_limit("deployment", name="deployment:d", limit=slots).record)
        policy = FlowRunPolicy(retries=retries, retry_delay=0)
        self.runs = {
            f"run-{i}": a_flow_run(SCHEDULED, id=f"run-{i}", deployment_id="d", empirical_policy=policy)
            for i in range(runs)
        }
        self.leases: dict[str, HeldLease] = {}
        self.terms = DeploymentTerms("deployment", **{"grace_seconds": None, "cancels_new": False} | terms)  # type: ignore[arg-type]
        self.chance = a_chance()

    def alive(self, now: datetime) -> dict[str, HeldLease]:
        return {key: x for key, x in self.leases.items() if x.lease.expires > now}

    def move(
        self, run_id: str, proposal: Proposal, at: float, *, terms: SlotTerms = RENEWING, **fields: bool
    ) -> FlowDecision:
        facts, now = self._facts(later(at)), later(at)
        command = SetFlowRunState(flow_run_id=run_id, proposal=proposal, slot_terms=terms, **fields)
        flow_facts = facts.flow_facts(self.runs[run_id], proposal, None)
        decision = decide.set_flow_run_state(self.runs[run_id], command, flow_facts, Moment(now, self.chance))
        facts.apply(decision)
        self.runs[run_id] = decision.run
        self.limit = facts.limits_by_id["deployment"].record
        self._keep(facts)
        return decision

    def _facts(self, now: datetime) -> WorkingSet:
        facts = WorkingSet()
        alive = self.alive(now)
        facts.add_limit(Limit(self.limit, leased=len(alive)))
        facts.deployments["d"] = self.terms
        facts.leases.update(alive)
        for run in self.runs.values():
            facts.add_flow_run(run)
        return facts

    def _keep(self, facts: WorkingSet) -> None:
        self.leases |= facts.new_leases
        for lease in facts.renewed_leases.values():
            self.leases[lease.id] = HeldLease(lease, self.leases[lease.id].shares)
        for lease_id in facts.ended_leases:
            del self.leases[lease_id]

    def begin(self, run_id: str, at: float, terms: SlotTerms = RENEWING) -> None:
        for kind in (PENDING, RUNNING):
            assert self.move(run_id, propose(kind), at, terms=terms).verdict == Accept()


def lease_of(run: FlowRun) -> str | None:
    assert run.state is not None
    return run.state.details.deployment_concurrency_lease_id


def test_a_run_without_a_slot_waits() -> None:
    """It is scheduled for as long after now as the operator says, and gets the slot when that is free."""
    world = World()
    world.begin("run-0", 0)
    waiting = world.move("run-1", propose(PENDING), 5, terms=replace(RENEWING, wait_seconds=7)).run.state
    assert waiting is not None
    assert (waiting.type, waiting.name) == (SCHEDULED, "AwaitingConcurrencySlot")
    assert waiting.details.scheduled_time == later(12)
    world.move("run-0", propose(COMPLETED), 6)
    assert world.move("run-1", propose(PENDING), 12).verdict == Accept()


def test_a_run_is_cancelled_where_its_deployment_has_none_wait() -> None:
    world = World(cancels_new=True)
    world.begin("run-0", 0)
    cancelled = world.move("run-1", propose(PENDING), 1).run.state
    assert cancelled is not None
    assert (cancelled.type, cancelled.message) == (CANCELLED, "Deployment concurrency limit reached.")


def test_the_slot_of_a_run_that_never_begins_is_free_after_its_grace() -> None:
    """The deployment's own grace counts; at its very end another may have the slot, and not a moment earlier."""
    world = World(grace_seconds=60)
    world.move("run-0", propose(PENDING), 0)
    assert isinstance(world.move("run-1", propose(PENDING), 59.9).verdict, Reject)
    assert world.move("run-1", propose(PENDING), 60).verdict == Accept()


def test_a_run_that_lost_its_slot_before_it_began_is_cancelled_unless_there_is_another() -> None:
    for slots, kind in ((1, CANCELLED), (2, RUNNING)):
        world = World(slots, grace_seconds=60)
        world.move("run-0", propose(PENDING), 0)
        world.begin("run-1", 61)
        begun = world.move("run-0", propose(RUNNING), 62).run
        assert begun.state is not None
        assert begun.state.type is kind
        assert len(world.alive(later(62))) == slots


def test_a_client_that_does_not_renew_keeps_its_slot_while_it_runs() -> None:
    """However long that takes; and it is free with the run's end."""
    world = World()
    world.begin("run-0", 0, replace(RENEWING, renews=False))
    assert [x.lease.expires for x in world.leases.values()] == [LASTING]
    assert isinstance(world.move("run-1", propose(PENDING), 1e6).verdict, Reject)
    world.move("run-0", propose(COMPLETED), 1e6)
    assert not world.leases


def test_a_retry_in_the_same_process_keeps_its_slot_and_one_by_schedule_does_not() -> None:
    """The process renews the lease all the while."""
    world = World(retries=1)
    world.begin("run-0", 0)
    lease = lease_of(world.runs["run-0"])
    retried = world.move("run-0", propose(FAILED), 1).run
    assert retried.state is not None
    assert (retried.state.name, lease_of(retried)) == ("AwaitingRetry", lease)
    assert world.move("run-0", propose(RUNNING), 2).verdict == Accept()
    assert list(world.alive(later(2))) == [lease]
    world.move("run-0", propose(SCHEDULED, "AwaitingRetry", scheduled_time=later(60)), 3)
    assert not world.leases


def test_a_pause_in_the_same_process_keeps_its_slot_and_a_suspension_does_not() -> None:
    world = World(runs=1)
    world.begin("run-0", 0)
    world.move("run-0", propose(PAUSED, pause_key="a"), 1)
    assert world.move("run-0", propose(RUNNING), 2).verdict == Accept()
    assert list(world.alive(later(2))) == [lease_of(world.runs["run-0"])]
    world.move("run-0", propose(PAUSED, "Suspended", pause_key="b", pause_reschedule=True), 3)
    assert not world.leases


def test_a_limit_that_is_gone_leaves_nothing_to_renew() -> None:
    """The state of a run that begins then names no lease, which its client would fail to renew."""
    world = World(grace_seconds=60)
    world.move("run-0", propose(PENDING), 0)
    world.terms = replace(world.terms, limit_id="another")
    assert lease_of(world.move("run-0", propose(RUNNING), 61).run) is None


def test_a_lease_of_another_run_is_nobodys() -> None:
    """A state that names it, as a client may write it, ends nothing."""
    world = World()
    world.begin("run-0", 0)
    named = propose(SCHEDULED, deployment_concurrency_lease_id=lease_of(world.runs["run-0"]))
    world.move("run-1", named, 1)
    world.move("run-1", propose(CANCELLED), 2)
    assert list(world.leases) == [lease_of(world.runs["run-0"])]


def test_a_late_run_is_cancelled_only_where_none_wait_and_there_is_no_slot() -> None:
    late = propose(SCHEDULED, "Late")
    for cancels_new, is_full, kind in ((True, True, CANCELLED), (True, False, SCHEDULED), (False, True, SCHEDULED)):
        world = World(cancels_new=cancels_new)
        if is_full:
            world.begin("run-0", 0)
        marked = world.move("run-1", late, 1, marking_late=True).run.state
        assert marked is not None
        assert marked.type is kind


proposals = st.one_of(
    st.sampled_from(StateType).map(propose),
    st.sampled_from(
        [
            propose(PENDING, "Submitting"),
            propose(SCHEDULED, "AwaitingRetry"),
            propose(PAUSED, "Suspended", pause_reschedule=True),
        ]
    ),
)
steps = st.lists(
    st.tuples(st.integers(0, 3), proposals, st.booleans(), st.booleans(), st.sampled_from([0.0, 1.0, 45.0, 90.0])),
    max_size=40,
)


@given(slots=st.integers(0, 3), cancels_new=st.booleans(), retries=st.sampled_from([None, 1]), walk=steps)
def test_no_more_runs_hold_slots_than_there_are_and_none_after_its_end(
    slots: int, cancels_new: bool, retries: int | None, walk: Sequence[tuple[int, Proposal, bool, bool, float]]
) -> None:
    """Whatever is proposed to whichever run, forced or not, by clients that renew and others, as time goes by."""
    world = World(slots, runs=4, retries=retries, cancels_new=cancels_new, grace_seconds=60)
    at = 0.0
    for number, proposal, force, renews, wait in walk:
        at += wait
        run_id = f"run-{number}"
        world.move(run_id, proposal, at, force=force, terms=replace(RENEWING, renews=renews))
        held = world.alive(later(at))
        assert len(held) <= slots
        assert len({x.lease.holder for x in held.values()}) == len(held)
        for x in held.values():
            assert x.lease.holder is not None
            run = world.runs[x.lease.holder.id]
            assert run.state is not None
            assert run.state.type not in TERMINAL
            assert lease_of(run) == x.lease.id
    for run_id in world.runs:
        world.move(run_id, propose(COMPLETED), at + 1, force=True)
    assert not world.alive(later(at + 1))
