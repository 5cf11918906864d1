"""The ledger against the journal: what was acknowledged and is not there, and what is there and nobody asked for.

What lives here: the comparison, through the API. What does not: what a ledger must be by itself
(`interlock database check`).
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from tests.crash.caller import Caller, Gate, Tally
from tests.crash.journal import Journal, Kind, Run, Write
from tests.crash.walks import LIMITS, QUEUED

PAGE = 200
KINDS: tuple[Kind, ...] = ("task_runs", "flow_runs")
HOLDING_TYPES = ("RUNNING", "CANCELLING")

Record = dict[str, Any]


class Verifier:
    """Compares the ledger with the journal, while no client writes."""

    def __init__(self, caller: Caller, journal: Journal) -> None:
        self._caller = caller
        self._journal = journal

    async def losses(self, runs: Collection[Run]) -> list[str]:
        """A line for each thing that is not as acknowledged: of these runs, and of all limits and numbers of runs."""
        lines: list[str] = []
        for kind in KINDS:
            wanted = [run for run in runs if run.kind == kind]
            records = await self._records(kind, wanted)
            for run in wanted:
                lines += run_losses(run, records.get(run.id), await self._states(run))
            lines += await self._miscounted(kind, {}, sum(1 for _ in self._journal.living(kind)))
        for tag in LIMITS:
            lines += await self._wrong_holders(tag)
        return lines + await self._lost_from_queue()

    async def all_losses(self) -> list[str]:
        """The same of everything that was ever acknowledged."""
        lines = await self.losses(self._journal.runs.values())
        for kind in KINDS:
            records = await self._records(kind, self._journal.living(kind))
            for state_type, number in Counter(record["state_type"] for record in records.values()).items():
                lines += await self._miscounted(kind, {"state": {"type": {"any_": [state_type]}}}, number)
        for flow_run_id, messages in self._journal.logs.items():
            lines += await self._lost_logs(flow_run_id, messages)
        return lines

    async def _post(self, path: str, body: Record) -> Any:
        return (await self._caller.call("POST", path, body)).body

    async def _records(self, kind: Kind, runs: Iterable[Run]) -> dict[str, Record]:
        ids = [run.id for run in runs]
        found: dict[str, Record] = {}
        for start in range(0, len(ids), PAGE):
            wanted = {kind: {"id": {"any_": ids[start : start + PAGE]}}, "limit": PAGE}
            found.update({record["id"]: record for record in await self._post(f"/{kind}/filter", wanted)})
        return found

    async def _states(self, run: Run) -> list[Record]:
        noun = run.kind.removesuffix("s")
        states: list[Record] = (await self._caller.call("GET", f"/{noun}_states/?{noun}_id={run.id}")).body
        return states

    async def _miscounted(self, kind: Kind, wanted: Record, number: int) -> list[str]:
        """As many runs as were acknowledged and not deleted, and no others: no run was made twice."""
        count = await self._post(f"/{kind}/count", {kind: wanted})
        return [] if count == number else [f"{count} {kind} {wanted} instead of {number}"]

    async def _wrong_holders(self, tag: str) -> list[str]:
        """The slots are held by the runs with the tag that run or are being cancelled, and by no others."""
        limit = (await self._caller.call("GET", f"/concurrency_limits/tag/{tag}")).body
        wanted = {"state": {"type": {"any_": HOLDING_TYPES}}, "tags": {"all_": [tag]}}
        running = [run["id"] for run in await self._post("/task_runs/filter", {"task_runs": wanted, "limit": PAGE})]
        held = limit["active_slots"]
        return [] if sorted(held) == sorted(running) else [f"slots of {tag}: held by {held}, running: {running}"]

    async def _lost_from_queue(self) -> list[str]:
        """As many runs wait for a worker to begin them as were acknowledged and not begun."""
        queues = (await self._caller.call("GET", "/task_runs/queues")).body
        waiting = sum(x["depth"] + x["leased"] for x in queues if x["task_key"] == QUEUED)
        expected = sum(not run.writes for run in self._journal.queued)
        return [] if waiting == expected else [f"{waiting} runs wait for workers instead of {expected}"]

    async def _lost_logs(self, flow_run_id: str, messages: list[str]) -> list[str]:
        wanted = {"logs": {"flow_run_id": {"any_": [flow_run_id]}}, "limit": PAGE}
        stored = {line["message"] for line in await self._post("/logs/filter", wanted)}
        return [f"log line {x!r} of flow run {flow_run_id} is lost" for x in messages if x not in stored]


@asynccontextmanager
async def verifier_at(port: int, journal: Journal) -> AsyncIterator[Verifier]:
    """A verifier that asks the server at this port."""
    gate = Gate()
    gate.open()
    caller = Caller([port], gate, Tally(), Random(0))
    try:
        yield Verifier(caller, journal)
    finally:
        await caller.close()


def run_losses(run: Run, record: Record | None, states: list[Record]) -> list[str]:
    """What of a run is not as acknowledged, given its record and its states, the oldest first."""
    if run.is_deleted:
        faults = ["is deleted and there"] * (record is not None or bool(states))
    elif record is None:
        faults = ["is lost"]
    else:
        faults = [*_torn(run, record, states), *_unlike_journal(run, states)]
    detail = json.dumps({"record": record, "states": states}) if faults else ""
    return [f"{run.kind} {run.id} {fault}: {run.writes} {detail}" for fault in faults]


def _torn(run: Run, record: Record, states: list[Record]) -> list[str]:
    """Where a run's record and its states do not belong together."""
    faults = []
    last = states[-1] if states else {"id": None, "type": None, "name": None}
    if [record["state_id"], record["state_type"], record["state_name"]] != [last["id"], last["type"], last["name"]]:
        faults.append("does not show its last state")
    attempts = sum(state["type"] == "RUNNING" for state in states)
    # Going on after an end sets the count back, which only those do who share a run.
    if not run.is_shared and record["run_count"] != attempts:
        faults.append(f"counts {record['run_count']} attempts instead of {attempts}")
    return faults


def _unlike_journal(run: Run, states: list[Record]) -> list[str]:
    """Where a run's states are not those that were acknowledged, once each and in the order of the requests."""
    faults = []
    if run.initial_id is not None and states[0]["id"] != run.initial_id:
        faults.append("lost its first state")
    owners = [_owner(run, state) for state in states[1:]]
    followed = [state["type"] for state, owner in zip(states[1:], owners, strict=True) if owner is None]
    if followed != run.follows:
        faults.append(f"went to {followed} unasked, instead of {run.follows}")
    times = Counter(id(owner) for owner in owners if owner is not None)
    faults += [f"made {times[id(x)]} states for {x}" for x in run.writes if times[id(x)] != int(x.made)]
    if not _is_in_order([owner for owner in owners if owner is not None]):
        faults.append("has its states in another order than they were asked for")
    return faults


def _owner(run: Run, state: Record) -> Write | None:
    """The request that led to a state."""
    mark = state["state_details"]["transition_id"]
    for write in run.writes:
        if state["id"] == write.state_id or mark == write.transition_id:
            return write
    return None


def _is_in_order(writes: list[Write]) -> bool:
    """Whether no request was sent after another's answer and still came before it."""
    latest_sent = 0
    for write in writes:
        if write.answered < latest_sent:
            return False
        latest_sent = max(latest_sent, write.sent)
    return True
