"""What is asked of one run at the same moment through different servers comes one after the other."""

from collections import Counter
from itertools import pairwise
from uuid import uuid4

from tests.fleet.fleet import Fleet, at_once, set_state, unique

RUNS = 8
SENDERS = 6
RESULT = {"type": "reference", "storage_key": "key"}


async def test_a_transition_that_is_sent_again_makes_one_state(fleet: Fleet) -> None:
    """To one sender it is new; the others are shown the state that it made."""
    runs = await fleet.task_runs(await fleet.running_flow_run(), RUNS)
    for run_id in runs:
        path, body = set_state(run_id, "RUNNING", state_details={"transition_id": str(uuid4())})
        answers = await at_once(x.ask("POST", path, body) for x in fleet.clients[:SENDERS])
        assert Counter((x.status, x.body["status"]) for x in answers) == {
            (201, "ACCEPT"): 1,
            (200, "REJECT"): SENDERS - 1,
        }
        _, running = await fleet.states(run_id)
        assert {x.body["state"]["id"] for x in answers} == {running["id"]}


async def test_it_makes_no_second_state_whatever_came_between(fleet: Fleet) -> None:
    """A sender who is late is shown where the run has got to."""
    run_id = await fleet.task_run(await fleet.running_flow_run())
    first = set_state(run_id, "RUNNING", state_details={"transition_id": str(uuid4())})
    assert (await fleet.clients[0].post(*first))["status"] == "ACCEPT"
    assert (await fleet.clients[0].post(*set_state(run_id, "FAILED")))["status"] == "ACCEPT"
    answers = await at_once(x.post(*first) for x in fleet.clients[:SENDERS])
    assert {(x["status"], x["state"]["type"]) for x in answers} == {("REJECT", "FAILED")}
    assert [x["type"] for x in await fleet.states(run_id)] == ["PENDING", "RUNNING", "FAILED"]


async def test_so_it_is_with_flow_runs(fleet: Fleet) -> None:
    flow_run_id = await fleet.running_flow_run()
    body = {"state": {"type": "RUNNING", "state_details": {"transition_id": str(uuid4())}}}
    path = f"/flow_runs/{flow_run_id}/set_state"
    answers = await at_once(x.ask("POST", path, body) for x in fleet.clients)
    assert Counter(x.status for x in answers) == {201: 1, 200: len(answers) - 1}
    _, again = await fleet.clients[0].get(f"/flow_run_states/?flow_run_id={flow_run_id}")
    assert {x.body["state"]["id"] for x in answers} == {again["id"]}


async def test_different_transitions_at_once_are_a_sequence(fleet: Fleet) -> None:
    """Every state that was acknowledged is there, once, no other is, and none comes after the end that is for good."""
    proposals = [{"data": RESULT, "kind": "COMPLETED"}, *({"kind": x} for x in ("RUNNING", "FAILED", "CANCELLED") * 3)]
    for run_id in await fleet.task_runs(await fleet.running_flow_run(), RUNS):
        requests = [set_state(run_id, **x) for x in proposals]
        answers = await at_once(x.ask("POST", *y) for x, y in zip(fleet.clients, requests, strict=False))
        states = await fleet.states(run_id)
        made = [x.body["state"]["id"] for x in answers if x.status == 201]
        assert sorted(made) == sorted(x["id"] for x in states[1:])
        assert states[-1]["type"] == "COMPLETED"
        shown = {x.body["state"]["id"] for x in answers if x.status == 200}
        assert shown <= {states[-1]["id"]}
        await _assert_counts(fleet, run_id, [x["type"] for x in states])


async def _assert_counts(fleet: Fleet, run_id: str, types: list[str]) -> None:
    """The run agrees with its states: the attempts since it last started over, and the state it is in."""
    attempts = 0
    for before, after in pairwise(types):
        if before in ("FAILED", "CANCELLED") and after == "RUNNING":
            attempts = 0
        attempts += after == "RUNNING"
    run = await fleet.clients[0].get(f"/task_runs/{run_id}")
    assert (run["run_count"], run["state_type"]) == (attempts, types[-1])


async def test_a_cache_key_that_is_set_is_taken_by_all_later_runs(fleet: Fleet) -> None:
    """Through whichever server, from the moment at which it was acknowledged."""
    flow_run_id, key = await fleet.running_flow_run(), unique("cache")
    first, *others = await fleet.task_runs(flow_run_id, len(fleet.clients))
    details = {"cache_key": key}
    early = set_state(first, "RUNNING", state_details=details)
    assert (await fleet.clients[0].post(*early))["status"] == "ACCEPT"
    await fleet.clients[0].post(*set_state(first, "COMPLETED", data=RESULT, state_details=details))
    requests = [set_state(x, "RUNNING", state_details=details) for x in others]
    answers = await at_once(x.post(*y) for x, y in zip(fleet.clients[1:], requests, strict=True))
    assert {(x["status"], x["state"]["name"], str(x["state"]["data"])) for x in answers} == {
        ("REJECT", "Cached", str(RESULT))
    }
