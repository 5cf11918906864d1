"""The harness itself: it sees what it is there to see."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.crash.journal import Run, Write
from tests.crash.verify import run_losses

Ledger = tuple[Run, dict[str, Any], list[dict[str, Any]]]


def state(number: int, state_type: str, mark: str | None = None) -> dict[str, Any]:
    return {"id": f"s{number}", "type": state_type, "name": state_type, "state_details": {"transition_id": mark}}


def record_of(states: list[dict[str, Any]]) -> dict[str, Any]:
    last = states[-1]
    return {"state_id": last["id"], "state_type": last["type"], "state_name": last["name"], "run_count": 1}


def ledger() -> Ledger:
    """A run that ran to its end, one of whose requests was answered only after its state had been made."""
    run = Run("task_runs", "run", initial_id="s0")
    run.writes = [
        Write("t1", sent=1, answered=2, made=True, state_id="s1"),
        Write("t2", sent=3, answered=4, made=False),
        Write("t3", sent=5, answered=6, made=True, state_id="s2"),
    ]
    states = [state(0, "PENDING"), state(1, "RUNNING", "t1"), state(2, "COMPLETED", "t3")]
    return run, record_of(states), states


def without_record(run: Run, record: Any, states: Any) -> Any:
    return run, None, states


def without_first_state(run: Run, record: Any, states: Any) -> Any:
    return run, record, [state(9, "PENDING"), *states[1:]]


def without_last_state(run: Run, record: Any, states: Any) -> Any:
    return run, record_of(states[:-1]), states[:-1]


def without_last_state_but_shown(run: Run, record: Any, states: Any) -> Any:
    return run, record, states[:-1]


def made_twice(run: Run, record: Any, states: Any) -> Any:
    twice = [*states[:2], state(9, "RUNNING", "t1"), states[2]]
    return run, record | {"run_count": 2}, twice


def made_though_refused(run: Run, record: Any, states: Any) -> Any:
    return run, record, [*states[:2], state(9, "PENDING", "t2"), states[2]]


def made_by_nobody(run: Run, record: Any, states: Any) -> Any:
    return run, record, [*states[:2], state(9, "PENDING"), states[2]]


def in_another_order(run: Run, record: Any, states: Any) -> Any:
    swapped = [states[0], states[2], states[1]]
    return run, record_of(swapped), swapped


def counted_wrongly(run: Run, record: Any, states: Any) -> Any:
    return run, record | {"run_count": 2}, states


def not_followed(run: Run, record: Any, states: Any) -> Any:
    run.follows.append("RUNNING")
    return run, record, states


def deleted(run: Run, record: Any, states: Any) -> Any:
    run.delete()
    return run, record, states


def deleted_but_for_states(run: Run, record: Any, states: Any) -> Any:
    run.delete()
    return run, None, states


def test_a_whole_ledger_has_no_losses() -> None:
    assert run_losses(*ledger()) == []


def test_nor_has_one_of_a_deleted_run() -> None:
    run, _, _ = ledger()
    run.delete()
    assert run_losses(run, None, []) == []


def test_requests_that_overlapped_may_have_been_carried_out_in_either_order() -> None:
    run, _, states = ledger()
    run.writes[2].sent = 1
    swapped = [states[0], states[2], states[1]]
    assert run_losses(run, record_of(swapped), swapped) == []


@pytest.mark.parametrize(
    "harm",
    [
        without_record,
        without_first_state,
        without_last_state,
        without_last_state_but_shown,
        made_twice,
        made_though_refused,
        made_by_nobody,
        in_another_order,
        counted_wrongly,
        not_followed,
        deleted,
        deleted_but_for_states,
    ],
    ids=lambda harm: harm.__name__,
)
def test_every_harm_is_a_loss(harm: Callable[..., Ledger]) -> None:
    assert run_losses(*harm(*ledger())) != []
