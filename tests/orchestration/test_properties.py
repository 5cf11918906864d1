"""What holds for every decision, and for every sequence of decisions about one run."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from interlock.orchestration import decide
from interlock.orchestration.commands import SetFlowRunState, SetTaskRunState
from interlock.orchestration.decision import (
    Abort,
    FlowDecision,
    Reject,
    ReleaseSlots,
    TakeSlot,
    TaskDecision,
    Wait,
)
from interlock.orchestration.facts import FlowFacts, Moment, TagLimit, TaskFacts
from interlock.orchestration.runs import FlowRun, FlowRunPolicy, TaskRun, TaskRunPolicy
from interlock.orchestration.states import TERMINAL_TYPES, Proposal, StateDetails, StateType
from tests.orchestration.build import (
    CANCELLING,
    COMPLETED,
    FAILED,
    NOW,
    REFERENCE,
    RUNNING,
    UNPERSISTED,
    a_chance,
    a_flow_run,
    a_state,
    a_task_run,
    create_flow,
    create_task,
    later,
    propose,
)

ALWAYS_WRITTEN = {RUNNING, CANCELLING}

types = st.sampled_from(StateType)
names = st.sampled_from([None, "Late", "AwaitingRetry", "Resuming", "Suspended", "Custom"])
data = st.sampled_from([None, REFERENCE, UNPERSISTED, {"type": "literal", "value": 1}, "text", [1], {}, 0])
seconds = st.sampled_from([None, -600.0, -0.2, 0.4, 30.0])
versions = st.sampled_from([None, (0, 8, 2), (0, 8, 3), (0, 8, 4)])
transition_ids = st.sampled_from([None, None, "t1", "t2"])


@st.composite
def proposals(draw: st.DrawFn) -> Proposal:
    when = draw(seconds)
    details = StateDetails(
        scheduled_time=None if when is None else later(when),
        cache_key=draw(st.sampled_from([None, "k"])),
        refresh_cache=draw(st.sampled_from([None, True])),
        retriable=draw(st.sampled_from([None, False])),
        pause_key=draw(st.sampled_from([None, "p"])),
        pause_reschedule=draw(st.booleans()),
        transition_id=draw(transition_ids),
    )
    return Proposal(type=draw(types), name=draw(names), data=draw(data), details=details)


task_policies = st.builds(
    TaskRunPolicy,
    retries=st.sampled_from([None, 0, 1, 2]),
    retry_delay=st.sampled_from([None, 0, 5, [1, 2], []]),
    retry_jitter_factor=st.sampled_from([None, 0.5]),
)
flow_policies = st.builds(FlowRunPolicy, retries=st.sampled_from([None, 0, 1, 2]), resuming=st.booleans())


@st.composite
def limits(draw: st.DrawFn) -> tuple[TagLimit, ...]:
    found = []
    for tag in draw(st.sampled_from([(), (), ("a",), ("a", "b")])):
        size = draw(st.integers(0, 2))
        held = draw(st.booleans())
        leased = draw(st.booleans())
        taken = draw(st.integers(1 if held or leased else 0, 2))
        found.append(TagLimit(tag, size, taken, held, leased, active=draw(st.booleans())))
    return tuple(found)


@st.composite
def task_facts(draw: st.DrawFn) -> TaskFacts:
    flow_run = a_flow_run(draw(st.one_of(st.none(), types)), run_count=draw(st.integers(0, 3)))
    cached = draw(st.sampled_from([None, a_state(COMPLETED, data=REFERENCE, cache_key="k")]))
    return TaskFacts(flow_run=flow_run, limits=draw(limits()), cached=cached)


task_runs = st.builds(
    a_task_run, flow_run_id=st.sampled_from(["flow-run", "flow-run", None]), empirical_policy=task_policies
)
flow_runs = st.builds(
    a_flow_run,
    empirical_policy=flow_policies,
    deployment_id=st.sampled_from([None, "d"]),
    parent_task_run_id=st.sampled_from([None, "task-run"]),
    infrastructure_pid=st.sampled_from([None, "host:1"]),
)

TaskStep = tuple[Proposal, TaskFacts, bool]
task_steps = st.lists(st.tuples(proposals(), task_facts(), st.booleans()), min_size=1, max_size=12)
FlowStep = tuple[Proposal, bool, Any]
flow_steps = st.lists(st.tuples(proposals(), st.booleans(), versions), min_size=1, max_size=12)

TaskWalk = list[tuple[TaskRun, Proposal, bool, TaskDecision]]
FlowWalk = list[tuple[FlowRun, Proposal, bool, FlowDecision]]


def walk_task(run: TaskRun, steps: Sequence[TaskStep]) -> TaskWalk:
    """A task run from its creation through these steps, a second apart: each with the run before, and the decision."""
    run, walk = create_task(run, propose(StateType.PENDING)).run, []
    for number, (proposal, facts, force) in enumerate(steps, 1):
        command = SetTaskRunState(task_run_id=run.id, proposal=proposal, force=force)
        decision = decide.set_task_run_state(run, command, facts, Moment(later(number), a_chance()))
        walk.append((run, proposal, force, decision))
        run = decision.run
    return walk


def walk_flow(run: FlowRun, steps: Sequence[FlowStep]) -> FlowWalk:
    run, walk = create_flow(run, propose(StateType.PENDING)).run, []
    for number, (proposal, force, version) in enumerate(steps, 1):
        command = SetFlowRunState(flow_run_id=run.id, proposal=proposal, force=force, api_version=version)
        facts = FlowFacts(parent=(a_task_run(RUNNING), TaskFacts()) if run.parent_task_run_id else None)
        decision = decide.set_flow_run_state(run, command, facts, Moment(later(number), a_chance()))
        walk.append((run, proposal, force, decision))
        run = decision.run
    return walk


@given(run=task_runs, steps=task_steps)
def test_what_is_waited_for_aborted_or_plainly_rejected_writes_no_state_and_has_no_effect(
    run: TaskRun, steps: list[TaskStep]
) -> None:
    for before, _, _, decision in walk_task(run, steps):
        verdict = decision.verdict
        refused = isinstance(verdict, Wait | Abort) or (isinstance(verdict, Reject) and verdict.proposal is None)
        assert decision.written is not refused
        if refused:
            assert decision.run.state == before.state == decision.state
            assert decision.effects == ()


@given(run=flow_runs, steps=flow_steps)
def test_the_same_holds_for_flow_runs_and_their_followers(run: FlowRun, steps: list[FlowStep]) -> None:
    for before, _, _, decision in walk_flow(run, steps):
        verdict = decision.verdict
        refused = isinstance(verdict, Wait | Abort) or (isinstance(verdict, Reject) and verdict.proposal is None)
        assert decision.written is not refused
        if refused:
            assert decision.run.state == before.state == decision.state
            assert decision.followers == ()
        else:
            assert len(decision.followers) == (1 if before.parent_task_run_id else 0)


@given(run=task_runs, steps=task_steps)
def test_a_kept_result_is_never_left_unless_forced_or_cached(run: TaskRun, steps: list[TaskStep]) -> None:
    for before, _, force, decision in walk_task(run, steps):
        state = before.state
        if state is None or state.type is not COMPLETED or not state.data or (force and before.flow_run_id):
            continue
        assert decision.run.state is not None
        assert decision.run.state == state or decision.run.state.name == "Cached"


@given(run=task_runs, steps=task_steps)
def test_each_written_running_state_counts_one_attempt(run: TaskRun, steps: list[TaskStep]) -> None:
    for before, proposal, force, decision in walk_task(run, steps):
        after = decision.run
        assert before.state is not None
        assert after.state is not None
        started_over = (
            before.state.type in TERMINAL_TYPES
            and proposal.type not in TERMINAL_TYPES
            and after.state.type is proposal.type
            and not (force and before.flow_run_id)
        )
        base = 0 if decision.written and started_over else before.run_count
        runs = decision.written and after.state.type is RUNNING
        assert after.run_count == base + (1 if runs else 0)


@given(run=task_runs, steps=task_steps)
def test_an_end_time_is_that_of_a_run_that_started_and_ended(run: TaskRun, steps: list[TaskStep]) -> None:
    for _, _, _, decision in walk_task(run, steps):
        after = decision.run
        assert after.state is not None
        ended = after.state.type in TERMINAL_TYPES and after.start_time is not None
        assert (after.end_time is not None) is ended


@given(run=flow_runs, steps=flow_steps)
def test_the_same_holds_for_flow_runs(run: FlowRun, steps: list[FlowStep]) -> None:
    for _, _, _, decision in walk_flow(run, steps):
        after = decision.run
        assert after.state is not None
        ended = after.state.type in TERMINAL_TYPES and after.start_time is not None
        assert (after.end_time is not None) is ended


@given(run=task_runs, steps=task_steps)
def test_total_run_time_is_the_time_spent_in_running_states(run: TaskRun, steps: list[TaskStep]) -> None:
    spent = timedelta(0)
    for before, _, _, decision in walk_task(run, steps):
        assert before.state is not None
        if decision.written and before.state.type is RUNNING:
            assert decision.state is not None
            spent += decision.state.timestamp - before.state.timestamp
        assert decision.run.total_run_time == spent.total_seconds()


@given(run=task_runs, steps=task_steps)
def test_slots_are_taken_all_or_none_and_given_back_by_all_that_does_not_run(
    run: TaskRun, steps: list[TaskStep]
) -> None:
    for (before, _, _, decision), (_, facts, force) in zip(walk_task(run, steps), steps, strict=True):
        taken = {effect.tag for effect in decision.effects if isinstance(effect, TakeSlot)}
        released = {tag for effect in decision.effects if isinstance(effect, ReleaseSlots) for tag in effect.tags}
        held = {limit.tag for limit in facts.limits if limit.held}
        assert decision.run.state is not None
        if not decision.written:
            assert not taken | released
        elif decision.run.state.type in ALWAYS_WRITTEN:
            asked = decision.run.state.type is RUNNING and not (force and before.flow_run_id)
            assert taken == ({limit.tag for limit in facts.limits if limit.active} - held if asked else set())
            assert not released
        else:
            assert released == held
            assert not taken


@given(run=task_runs, steps=task_steps)
def test_a_full_limit_is_never_overrun(run: TaskRun, steps: list[TaskStep]) -> None:
    for (_, _, _, decision), (_, facts, _) in zip(walk_task(run, steps), steps, strict=True):
        taken = {effect.tag for effect in decision.effects if isinstance(effect, TakeSlot)}
        assert all(x.taken < x.limit or x.leased for x in facts.limits if x.tag in taken)


@given(run=task_runs, steps=task_steps)
def test_retries_never_exceed_their_limit(run: TaskRun, steps: list[TaskStep]) -> None:
    """Counted from the last time that the run started over."""
    retries = 0
    for before, _, _, decision in walk_task(run, steps):
        if decision.run.run_count < before.run_count or before.run_count == 0:
            retries = 0
        if isinstance(decision.verdict, Reject) and decision.verdict.reason == "Retrying":
            retries += 1
            assert before.empirical_policy.retries is not None
            assert retries <= before.empirical_policy.retries


@given(run=flow_runs, steps=flow_steps)
def test_a_flow_run_is_retried_only_within_its_limit(run: FlowRun, steps: list[FlowStep]) -> None:
    for before, proposal, force, decision in walk_flow(run, steps):
        if isinstance(decision.verdict, Reject) and decision.verdict.reason == "Retrying":
            assert before.empirical_policy.retries is not None
            assert before.run_count <= before.empirical_policy.retries
            assert before.state is not None
            assert (before.state.type, proposal.type, force) == (RUNNING, FAILED, False)


@given(run=task_runs, steps=task_steps)
def test_a_repeated_request_changes_nothing(run: TaskRun, steps: list[TaskStep]) -> None:
    for _, proposal, force, decision in walk_task(run, steps):
        if decision.written and proposal.details.transition_id is not None:
            command = SetTaskRunState(task_run_id=run.id, proposal=proposal, force=force)
            moment = Moment(later(99), a_chance())
            again = decide.set_task_run_state(decision.run, command, TaskFacts(), moment)
            assert again.run == decision.run
            assert (again.written, again.effects, again.state) == (False, (), decision.run.state)


@given(run=task_runs, steps=task_steps)
def test_the_same_question_at_the_same_moment_has_the_same_answer(run: TaskRun, steps: list[TaskStep]) -> None:
    assert walk_task(run, steps) == walk_task(run, steps)


@given(run=flow_runs, steps=flow_steps)
def test_so_it_has_for_flow_runs(run: FlowRun, steps: list[FlowStep]) -> None:
    assert walk_flow(run, steps) == walk_flow(run, steps)


@given(run=task_runs, steps=task_steps)
def test_what_a_decision_may_not_touch_stays(run: TaskRun, steps: list[TaskStep]) -> None:
    """The identity of a run, its settings, and the times that are set once."""
    kept = ("id", "created", "name", "flow_run_id", "task_key", "dynamic_key", "tags", "empirical_policy")
    for before, _, _, decision in walk_task(run, steps):
        for field in (*kept, "expected_start_time"):
            assert getattr(decision.run, field) == getattr(before, field)
        assert before.start_time in (None, decision.run.start_time)
        assert decision.run.updated >= before.updated >= NOW


@given(run=flow_runs, steps=flow_steps)
def test_a_cancelled_flow_run_stays_cancelled_unless_forced(run: FlowRun, steps: list[FlowStep]) -> None:
    for before, _, force, decision in walk_flow(run, steps):
        assert before.state is not None
        assert decision.run.state is not None
        if before.state.type in (CANCELLING, StateType.CANCELLED) and not force:
            assert decision.run.state.type in (before.state.type, StateType.CANCELLED)


@given(run=flow_runs, steps=flow_steps)
def test_the_parent_task_run_is_kept_in_step(run: FlowRun, steps: list[FlowStep]) -> None:
    for _, _, _, decision in walk_flow(run, steps):
        for follower in decision.followers:
            assert follower.run.state is not None
            assert decision.run.state is not None
            assert follower.written
            assert follower.run.state.type is decision.run.state.type
            assert follower.run.state.name == decision.run.state.name
            assert follower.run.state.details.child_flow_run_id == decision.run.id
