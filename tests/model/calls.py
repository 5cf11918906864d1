"""The requests of the model-based test, each with what the model makes of its answer.

What lives here: paths and bodies. What does not: which requests are sent (machine.py), and what must be answered
(ledger.py).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.model.ledger import Ledger
from tests.model.records import Proposal
from tests.model.wire import Answer, body_of


@dataclass(frozen=True)
class Call:
    """A request. `check` lets a model expect its answer: `check(ledger, answer)`."""

    method: str
    path: str
    body: Any
    check: Callable[[Ledger, Answer], None] = field(repr=False)


def create_flow(name: str) -> Call:
    return Call("POST", "/flows/", {"name": name}, partial(Ledger.create_flow, name=name))


def create_deployment(flow_id: str) -> Call:
    body = {"name": "deployment", "flow_id": flow_id}
    return Call("POST", "/deployments/", body, partial(Ledger.create_deployment, flow_id=flow_id))


def create_flow_run(draft: dict[str, Any], proposal: Proposal | None) -> Call:
    check = partial(Ledger.create_flow_run, draft=draft, proposal=proposal)
    return Call("POST", "/flow_runs/", _run_body(draft, proposal), check)


def create_task_run(run_id: str | None, draft: dict[str, Any], proposal: Proposal | None) -> Call:
    body = _run_body(draft, proposal) | ({"id": run_id} if run_id else {})
    check = partial(Ledger.create_task_run, run_id=run_id, draft=draft, proposal=proposal)
    return Call("POST", "/task_runs/", body, check)


def _run_body(draft: dict[str, Any], proposal: Proposal | None) -> dict[str, Any]:
    fields = {name: value for name, value in draft.items() if name not in ("retries", "delay")}
    policy = {"retries": draft["retries"], "retry_delay": draft["delay"]}
    state = {} if proposal is None else {"state": body_of(proposal)}
    return fields | {"empirical_policy": policy} | state


def set_task_run_state(run_id: str, proposal: Proposal, force: bool) -> Call:
    check = partial(Ledger.set_task_run_state, run_id=run_id, proposal=proposal, force=force)
    return Call("POST", f"/task_runs/{run_id}/set_state", {"state": body_of(proposal), "force": force}, check)


def set_flow_run_state(run_id: str, proposal: Proposal, force: bool) -> Call:
    check = partial(Ledger.set_flow_run_state, run_id=run_id, proposal=proposal, force=force)
    return Call("POST", f"/flow_runs/{run_id}/set_state", {"state": body_of(proposal), "force": force}, check)


def delete_task_run(run_id: str) -> Call:
    return Call("DELETE", f"/task_runs/{run_id}", None, partial(Ledger.delete_task_run, run_id=run_id))


def delete_flow_run(run_id: str) -> Call:
    return Call("DELETE", f"/flow_runs/{run_id}", None, partial(Ledger.delete_flow_run, run_id=run_id))


def delete_flow(flow_id: str) -> Call:
    return Call("DELETE", f"/flows/{flow_id}", None, partial(Ledger.delete_flow, flow_id=flow_id))


def set_limit(tag: str, size: int) -> Call:
    body = {"tag": tag, "concurrency_limit": size}
    return Call("POST", "/concurrency_limits/", body, partial(Ledger.set_limit, tag=tag, size=size))


def reset_limit(tag: str, holders: list[str]) -> Call:
    check = partial(Ledger.reset_limit, tag=tag, holders=holders)
    return Call("POST", f"/concurrency_limits/tag/{tag}/reset", {"slot_override": holders}, check)


def delete_limit(tag: str) -> Call:
    return Call("DELETE", f"/concurrency_limits/tag/{tag}", None, partial(Ledger.delete_limit, tag=tag))
