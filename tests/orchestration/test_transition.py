"""How the answers of rules are carried from one to the next."""

from typing import Any

from msgspec.structs import replace

from interlock.orchestration.decision import Abort, Accept, Effect, Reject, Ruling, TakeSlot, Verdict, Wait
from interlock.orchestration.facts import Moment, TaskFacts
from interlock.orchestration.transition import TaskTransition, govern, renamed
from tests.orchestration.build import (
    PAUSED,
    PENDING,
    RUNNING,
    a_flow_run,
    a_moment,
    a_task_run,
    flow_transition,
    propose,
    task_transition,
)

SLOT: Effect = TakeSlot("tag", "task-run")


def asked(*answers: Any) -> TaskTransition:
    """PENDING to RUNNING, put to rules that give these answers; a callable is asked for its answer."""

    def rule(answer: Any) -> Any:
        def ask(transition: TaskTransition, facts: TaskFacts, moment: Moment) -> Verdict | TaskTransition | None:
            answered: Verdict | TaskTransition | None = answer(transition) if callable(answer) else answer
            return answered

        return ask

    transition = task_transition(a_task_run(PENDING, run_count=3), propose(RUNNING))
    return govern(transition, [rule(answer) for answer in answers], TaskFacts(), a_moment())


def changing_the_run(transition: TaskTransition) -> TaskTransition:
    return replace(transition, run=replace(transition.run, run_count=0), effects=(SLOT,))


def never(transition: TaskTransition) -> None:
    raise AssertionError("a rule was asked that has nothing to say any more")


def test_a_transition_that_no_rule_objects_to_is_accepted_as_proposed() -> None:
    transition = asked(None, None)
    assert transition.verdict == Accept()
    assert transition.is_written
    assert transition.proposal == propose(RUNNING)


def test_a_rule_sees_what_the_rules_before_it_changed() -> None:
    seen = []
    asked(changing_the_run, lambda transition: seen.append(transition.run.run_count))
    assert seen == [0]


def test_a_new_name_leaves_the_rules_after_it_their_say() -> None:
    transition = asked(lambda transition: renamed(transition, "Retrying"), changing_the_run)
    assert transition.proposal.name == "Retrying"
    assert transition.run.run_count == 0


def test_after_a_verdict_that_stops_the_transition_no_rule_is_asked() -> None:
    for verdict in (Abort("no"), Wait("not yet", 30), Reject("no")):
        transition = asked(verdict, never)
        assert transition.verdict == verdict
        assert not transition.is_written


def test_after_another_type_of_state_was_put_in_place_no_rule_is_asked() -> None:
    transition = asked(Reject("paused", propose(PAUSED)), never)
    assert transition.is_written
    assert transition.proposal == propose(PAUSED)


def test_another_state_of_the_proposed_type_leaves_the_rules_their_say_and_their_changes() -> None:
    seen: list[str | None] = []
    named = Reject("named", propose(RUNNING, "Other"))
    transition = asked(changing_the_run, named, lambda transition: seen.append(transition.proposal.name))
    assert seen == ["Other"]
    assert transition.verdict == Reject("named", propose(RUNNING, "Other"))
    assert transition.proposal.name == "Other"
    assert transition.run.run_count == 0
    assert transition.effects == (SLOT,)


def test_what_rules_changed_is_undone_where_the_proposed_type_of_state_is_not_written() -> None:
    for verdict in (Abort("no"), Wait("not yet", 30), Reject("no"), Reject("paused", propose(PAUSED))):
        transition = asked(changing_the_run, verdict)
        assert transition.run.run_count == 3
        assert transition.effects == ()


def test_a_change_of_the_run_that_was_undone_is_told() -> None:
    assert asked(changing_the_run, Abort("no")).is_undone
    assert not asked(lambda transition: replace(transition, effects=(SLOT,)), Abort("no")).is_undone
    assert not asked(None, Abort("no")).is_undone


def test_which_rules_had_something_to_say_is_told() -> None:
    """Whose verdict it is, and who changed something that goes through; not who had no objection."""

    def first(*_: Any) -> TaskTransition:
        return changing_the_run(task_transition(a_task_run(PENDING), propose(RUNNING)))

    def second(*_: Any) -> Verdict | None:
        return None

    def third(*_: Any) -> Verdict:
        return Reject("named", propose(RUNNING, "Other"))

    def fourth(*_: Any) -> Verdict:
        return Abort("no")

    def ruling(*rules: Any) -> Ruling:
        transition = task_transition(a_task_run(PENDING), propose(RUNNING))
        return govern(transition, rules, TaskFacts(), a_moment()).ruling

    assert ruling() == ruling(second) == Ruling()
    assert ruling(first, second) == Ruling(besides=("first",))
    assert ruling(first, third) == Ruling(by="third", besides=("first",))
    assert ruling(first, third, fourth) == Ruling(by="fourth")


def test_clients_below_0_8_4_know_no_pauses() -> None:
    def knows(version: tuple[int, int, int] | None) -> bool:
        return flow_transition(a_flow_run(), propose(RUNNING), api_version=version).knows_pauses

    assert knows(None)
    assert knows((0, 8, 4))
    assert not knows((0, 8, 3))
