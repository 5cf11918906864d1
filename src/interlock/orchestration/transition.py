"""A transition while it is being decided: what a rule sees of it, and what it may answer.

What lives here: the records that pass from rule to rule, and how one rule's answer is carried to the next. What does
not: the rules (task_rules.py, flow_rules.py, shared_rules.py), their order (policies.py) and what is made of the
outcome (decide.py).

A rule answers None where it has no objection, a verdict where it has, or the transition with something about it
changed. Once a rule puts a state of another type, or none, in the place of the proposed one, the rules after it have
nothing to say any more, and what the rules before it changed about the run is undone.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from interlock.orchestration.commands import SLOT_TERMS, SlotTerms
from interlock.orchestration.decision import NO_OBJECTION, Accept, Effect, FlowEffect, Reject, Ruling, Verdict
from interlock.orchestration.facts import FlowFacts, Moment, TaskFacts
from interlock.orchestration.runs import FlowRun, TaskRun
from interlock.orchestration.states import Proposal, State

PAUSES_API_VERSION = (0, 8, 4)
"""Clients below this version know of no pauses: what is remembered about pauses is left alone for them."""

ApiVersion = tuple[int, int, int]

ACCEPT = Accept()


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """From the state a run is in (`initial`, None before the first) to the proposed one, as the rules leave it.

    `run` is the run as it will be if the transition goes through. `is_undone` tells that a rule had changed something
    about it before another stopped the transition: clients then see the run's time of update move, and nothing else.
    `ruling` is known once all rules were asked.
    """

    run: TaskRun | FlowRun
    initial: State | None
    proposal: Proposal
    verdict: Verdict = ACCEPT
    is_undone: bool = False
    ruling: Ruling = NO_OBJECTION

    @property
    def current(self) -> State:
        """The state that the run is in. Only for rules that don't govern a run's first state."""
        assert self.initial is not None
        return self.initial

    @property
    def is_written(self) -> bool:
        """Whether the run gets a new state: the proposed one, or another in its place."""
        verdict = self.verdict
        return isinstance(verdict, Accept) or (isinstance(verdict, Reject) and verdict.proposal is not None)


class TaskTransition(Transition, frozen=True, kw_only=True):
    """A task run's transition, and the effects that come with it if it goes through."""

    run: TaskRun
    effects: tuple[Effect, ...] = ()


class FlowTransition(Transition, frozen=True, kw_only=True):
    """A flow run's transition.

    `api_version` is the caller's, None where it named none. `is_resuming` marks a run that leaves a pause;
    `retries_task_runs` says that the failed task runs are to be retried along with the flow run; `effects` come with it
    if it goes through.
    """

    run: FlowRun
    terms: SlotTerms = SLOT_TERMS
    effects: tuple[FlowEffect, ...] = ()
    api_version: ApiVersion | None = None
    is_resuming: bool = False
    retries_task_runs: bool = False

    @property
    def knows_pauses(self) -> bool:
        return self.api_version is None or self.api_version >= PAUSES_API_VERSION


TaskRule = Callable[[TaskTransition, TaskFacts, Moment], Verdict | TaskTransition | None]
FlowRule = Callable[[FlowTransition, FlowFacts, Moment], Verdict | FlowTransition | None]

TransitionT = TypeVar("TransitionT", bound=Transition)
FactsT = TypeVar("FactsT")


def govern(
    proposed: TransitionT,
    rules: Sequence[Callable[[TransitionT, FactsT, Moment], Verdict | TransitionT | None]],
    facts: FactsT,
    moment: Moment,
) -> TransitionT:
    """The transition as the rules, asked in their order, leave it."""
    transition, by = proposed, None
    besides: list[str] = []
    for rule in rules:
        answer = rule(transition, facts, moment)
        if answer is None:
            continue
        verdict = transition.verdict
        transition = answer if isinstance(answer, Transition) else _judged(proposed, transition, answer)
        if transition.verdict is verdict:
            besides.append(rule.__name__)
        else:
            by = rule.__name__
        if not transition.is_written or transition.proposal.type is not proposed.proposal.type:
            if not isinstance(answer, Transition):
                besides.clear()
            break
    return replace(transition, ruling=Ruling(by, tuple(besides))) if by or besides else transition


def _judged(proposed: TransitionT, transition: TransitionT, verdict: Verdict) -> TransitionT:
    instead = verdict.proposal if isinstance(verdict, Reject) else None
    if instead is None:
        return replace(proposed, verdict=verdict, is_undone=transition.run != proposed.run)
    kept = transition if instead.type is proposed.proposal.type else proposed
    return replace(kept, verdict=verdict, proposal=instead)


def renamed(transition: TransitionT, name: str) -> TransitionT:
    """The transition to the same state under another name."""
    return amended(transition, name=name)


def amended(transition: TransitionT, **changes: Any) -> TransitionT:
    """The transition with these fields of the proposed state changed."""
    return replace(transition, proposal=replace(transition.proposal, **changes))
