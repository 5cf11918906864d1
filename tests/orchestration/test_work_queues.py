"""Work queues: their priorities, and the slots that their runs take."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from interlock.orchestration.commands import SetFlowRunState
from interlock.orchestration.decide import set_flow_run_state
from interlock.orchestration.decision import FlowDecision, Reject
from interlock.orchestration.facts import FlowFacts, WorkLimit
from interlock.orchestration.states import Proposal, StateType
from interlock.orchestration.work_queues import BUSY, Ranked, WorkLimits, free_priority, is_busy, with_priority
from tests.orchestration.build import a_flow_run, a_moment

PRIORITIES = st.lists(st.integers(1, 12), unique=True, max_size=8)


class TestPriorities:
    @given(PRIORITIES)
    def test_the_first_free_one_is_the_lowest_that_nobody_has(self, taken: list[int]) -> None:
        free = free_priority(taken)
        assert free not in taken
        assert set(range(1, free)) <= set(taken)

    @given(PRIORITIES.filter(bool), st.data())
    def test_a_queue_gets_the_priority_it_wants_and_no_two_have_the_same(
        self, taken: list[int], data: st.DataObject
    ) -> None:
        """The others keep their order, and none moves up, nor further down than it must."""
        queues = [Ranked(str(x), x) for x in taken]
        chosen, wanted = data.draw(st.sampled_from(queues)), data.draw(st.integers(1, 15))
        after = {x.id: x.priority for x in queues} | {
            x.id: x.priority for x in with_priority(queues, chosen.id, wanted)
        }
        assert after[chosen.id] == wanted
        assert len(set(after.values())) == len(queues)
        others = sorted((x for x in queues if x is not chosen), key=lambda x: x.priority)
        moved = [after[x.id] for x in others]
        assert all(x < y for x, y in pairwise(moved))
        assert all(x.priority <= y for x, y in zip(others, moved, strict=True))
        for before, now in zip(others, moved, strict=True):
            assert now == before.priority or {wanted, *moved} >= set(range(max(wanted, before.priority), now))

    @given(PRIORITIES.filter(bool))
    def test_nothing_changes_that_need_not(self, taken: list[int]) -> None:
        queues = [Ranked(str(x), x) for x in taken]
        assert with_priority(queues, str(taken[0]), taken[0]) == []

    def test_a_new_queue_is_told_with_its_priority(self) -> None:
        queues = [Ranked("a", 1), Ranked("b", 2), Ranked("c", 4)]
        assert with_priority(queues, "new", 1) == [Ranked("new", 1), Ranked("a", 2), Ranked("b", 3)]


def decided(leaving: StateType | None, entering: StateType, *limits: WorkLimit, force: bool = False) -> FlowDecision:
    run = a_flow_run(leaving, deployment_id="d")
    command = SetFlowRunState(flow_run_id=run.id, proposal=Proposal(type=entering), force=force)
    return set_flow_run_state(run, command, FlowFacts(work_limits=limits), a_moment())


FULL, FREE = WorkLimit("work pool 'p'", 2, 2), WorkLimit("work queue 'q'", 2, 1)


class TestSlots:
    def test_a_run_is_submitted_while_all_limits_have_slots_left(self) -> None:
        assert decided(StateType.SCHEDULED, StateType.PENDING, FREE, FREE).written
        assert decided(StateType.SCHEDULED, StateType.PENDING).written

    def test_a_run_without_a_slot_stays_as_it_is(self) -> None:
        """So workers let go of it, and it is offered again."""
        for limits in ((FULL,), (FREE, FULL), (WorkLimit("work pool 'p'", 0, 0),)):
            decision = decided(StateType.SCHEDULED, StateType.PENDING, *limits)
            assert isinstance(decision.verdict, Reject)
            assert decision.verdict.proposal is None
            assert not decision.written

    def test_only_submission_asks_for_a_slot(self) -> None:
        """What is under way has one, and who forces a state needs none."""
        assert decided(StateType.PENDING, StateType.RUNNING, FULL).written
        assert decided(StateType.SCHEDULED, StateType.RUNNING, FULL).written
        assert decided(StateType.RUNNING, StateType.COMPLETED, FULL).written
        assert decided(StateType.SCHEDULED, StateType.PENDING, FULL, force=True).written

    @given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([None, *StateType])), max_size=30))
    def test_slots_follow_the_states_of_runs(self, moves: list[tuple[int, StateType | None]]) -> None:
        """Whatever they do: as many are taken as there are runs PENDING or RUNNING, in the queue and in the pool."""
        queue_of = ("a", "a", "b", None)
        limits = WorkLimits({x: WorkLimit(x, 9, 0) for x in ("pool", "a")}, {"a": ("a", "pool"), "b": ("pool",)})
        runs = {n: a_flow_run(work_queue_id=queue) for n, queue in enumerate(queue_of)}
        for n, kind in moves:
            after = a_flow_run(kind, work_queue_id=queue_of[n])
            limits.follow(runs[n], after)
            runs[n] = after
        busy = [x for x in runs.values() if x.state is not None and x.state.type in BUSY]
        assert busy == [x for x in runs.values() if is_busy(x)]
        assert limits.limits["pool"].taken == sum(x.work_queue_id is not None for x in busy)
        assert limits.limits["a"].taken == sum(x.work_queue_id == "a" for x in busy)
