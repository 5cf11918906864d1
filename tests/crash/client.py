"""A client that writes down what is acknowledged to it.

What lives here: one method a request that changes the ledger, and what its answer says for the journal. What does not:
in which order requests go (walks.py).
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from tests.crash.caller import BrokenPromiseError, Caller, Reply, Tally
from tests.crash.journal import Journal, Run, Write

REPEATED = "This run has already made this state transition."


class Client:
    """One client of many. `flow_id` is the flow of all flow runs; `name` tells its keys from those of others."""

    def __init__(self, name: str, flow_id: str, caller: Caller, journal: Journal, tally: Tally, random: Random) -> None:
        self.name = name
        self.journal = journal
        self.random = random
        self.tally = tally
        self._flow_id = flow_id
        self._caller = caller
        self._keys = 0

    def new_key(self) -> str:
        """A key that no one else uses."""
        self._keys += 1
        return f"{self.name}-{self._keys}"

    async def create_flow_run(self, *, key: str | None = None, parent: Run | None = None, retries: int = 0) -> Run:
        """A flow run of an idempotency key of its own, or of one that others use too."""
        body = {
            "flow_id": self._flow_id,
            "idempotency_key": key or self.new_key(),
            "parent_task_run_id": parent.id if parent else None,
            "empirical_policy": {"retries": retries, "retry_delay": 0},
        }
        return await self._create("flow_runs", body, shared_key=key, parent=parent)

    async def create_task_run(
        self,
        flow_run: Run | None,
        *,
        task_key: str = "crash",
        key: str | None = None,
        tags: Sequence[str] = (),
        retries: int = 0,
        state: dict[str, Any] | None = None,
    ) -> Run:
        """A task run of a natural key of its own, or of one that others use too; without a flow run, in the
        background."""
        body = {
            "flow_run_id": flow_run.id if flow_run else None,
            "task_key": task_key,
            "dynamic_key": key or self.new_key(),
            "tags": list(tags),
            "empirical_policy": {"retries": retries, "retry_delay": 0},
            "state": state,
        }
        run = await self._create("task_runs", body, shared_key=key)
        if flow_run is not None and run not in flow_run.tasks:
            flow_run.tasks.append(run)
        return run

    async def _create(
        self, kind: Any, body: dict[str, Any], *, shared_key: str | None, parent: Run | None = None
    ) -> Run:
        # Nobody hangs up on a creation: carried out late, it would bring back a run that was deleted meanwhile.
        reply = await self._caller.call("POST", f"/{kind}/", body)
        self.tally.acknowledged["create"] += 1
        if shared_key is not None:
            return self._shared(kind, shared_key, reply)
        if reply.status == 200 and reply.tries == 1:
            raise BrokenPromiseError(f"{kind} {body}: a key of one's own was taken")
        return self._created(kind, reply, initial_id=reply.body["state_id"], parent=parent)

    def _created(self, kind: Any, reply: Reply, *, initial_id: str | None, parent: Run | None = None) -> Run:
        run = Run(kind, reply.body["id"], initial_id, tuple(reply.body["tags"]), parent)
        self.journal.add(run)
        if parent is not None:
            parent.follows.append(reply.body["state_type"])
            self.journal.touch(parent)
        return run

    def _shared(self, kind: Any, key: str, reply: Reply) -> Run:
        """The one run of a key that several clients create: whoever is first, all get the same."""
        run = self.journal.by_key.get((kind, key))
        if run is None:
            run = self.journal.by_key[kind, key] = self._created(kind, reply, initial_id=None)
            run.is_shared = True
        if run.id != reply.body["id"]:
            raise BrokenPromiseError(f"two {kind} of one key {key}: {run.id} and {reply.body['id']}")
        if reply.status == 201:
            if run.initial_id is not None:
                raise BrokenPromiseError(f"{kind} {run.id} was created twice")
            run.initial_id = reply.body["state_id"]
        return run

    async def set_state(
        self, run: Run, state_type: str, *, force: bool = False, details: dict[str, Any] | None = None, **state: Any
    ) -> dict[str, Any]:
        """Propose a state, and answer with the wire's answer: `status`, `state`, `details`."""
        transition_id = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        body = {
            "state": {
                "type": state_type,
                "state_details": {"transition_id": transition_id, **(details or {})},
                **state,
            },
            "force": force,
        }
        sent = self.journal.tick()
        # Nobody hangs up on what may have to wait for a slot: carried out late, it may get one after all.
        hangs_up = state_type != "RUNNING" or not run.tags
        reply = await self._caller.call("POST", f"/{run.kind}/{run.id}/set_state", body, hangs_up=hangs_up)
        self._note(run, transition_id, sent, reply)
        answer: dict[str, Any] = reply.body
        return answer

    def _note(self, run: Run, transition_id: str, sent: int, reply: Reply) -> None:
        is_repeated = reply.body["details"].get("reason") == REPEATED
        if is_repeated and reply.tries == 1:
            raise BrokenPromiseError(f"{run.kind} {run.id}: a first request is taken for a repeated one")
        made = is_repeated or reply.status == 201
        state = reply.body["state"]
        # A repeated request is answered with the state that the run is in by now, which may be another client's.
        is_named = made and not (is_repeated and run.is_shared)
        run.writes.append(Write(transition_id, sent, self.journal.tick(), made, state["id"] if is_named else None))
        self.journal.touch(run)
        if not made:
            return
        self.tally.acknowledged["transition"] += 1
        if run.parent is not None:
            run.parent.follows.append(state["type"])
            self.journal.touch(run.parent)

    async def delete(self, run: Run) -> None:
        """Delete a run. One that is gone at a later try went at an earlier one."""
        reply = await self._caller.call("DELETE", f"/{run.kind}/{run.id}", expected=(204, 404), hangs_up=True)
        if reply.status == 404 and reply.tries == 1:
            raise BrokenPromiseError(f"{run.kind} {run.id} is gone and nobody deleted it")
        self.tally.acknowledged["delete"] += 1
        run.delete()
        self.journal.touch(run)
        for task in run.tasks:
            self.journal.touch(task)

    async def log(self, flow_run: Run, message: str) -> None:
        """Write a line about a flow run."""
        line = {
            "name": "crash",
            "level": 20,
            "message": message,
            "timestamp": datetime.now(UTC).isoformat(),
            "flow_run_id": flow_run.id,
        }
        await self._caller.call("POST", "/logs/", [line])
        self.tally.acknowledged["log"] += 1
        self.journal.logs.setdefault(flow_run.id, []).append(message)

    async def close(self) -> None:
        await self._caller.close()
