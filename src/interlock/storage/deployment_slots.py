"""The slots that flow runs hold of their deployments' limits, as transitions see them.

What lives here: what a batch reads and writes of deployments' limits and of leases. What does not: the limits as such
(tag_limits.py), and what clients do to leases by request (queries/concurrency_leases.py).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from interlock.orchestration.batch import DeploymentTerms, HeldLease, WorkingSet
from interlock.orchestration.commands import Command, SetFlowRunState
from interlock.orchestration.concurrency_leases import Lease, Share
from interlock.orchestration.states import StateType
from interlock.storage.expressions import among
from interlock.storage.prepared import BulkDelete, BulkInsert, BulkUpdate, Prepared, Writes
from interlock.storage.queries.concurrency_leases import SHARES, lease_and_share, lease_values, share_values
from interlock.storage.tables import concurrency_lease_slots, concurrency_leases, deployments
from interlock.storage.types import Keys, UtcTime

_KEYS = bindparam("keys", type_=Keys(deployments.c.id.type))
_TERMS = Prepared(
    select(deployments.c.id, deployments.c.concurrency_limit_id, deployments.c.concurrency_options).where(
        among(deployments.c.id, _KEYS), deployments.c.concurrency_limit_id.is_not(None)
    )
)
_LEASED_LIMITS = Prepared(
    select(concurrency_lease_slots.c.concurrency_limit_id).where(among(concurrency_lease_slots.c.lease_id, _KEYS))
)
_LEASES = Prepared(
    SHARES.where(among(concurrency_leases.c.id, _KEYS), concurrency_leases.c.expires > bindparam("now", type_=UtcTime))
)
_INSERT_LEASE = BulkInsert(concurrency_leases, concurrency_leases.c.keys())
_INSERT_SHARE = BulkInsert(concurrency_lease_slots, concurrency_lease_slots.c.keys())
_RENEW_LEASE = BulkUpdate(concurrency_leases, ("expires",))
_DELETE_LEASE = BulkDelete(concurrency_leases, ("id",))


def load_terms(conn: Connection, commands: Sequence[Command], facts: WorkingSet) -> set[str]:
    """Which limits hold for the runs that are to begin; the ids of these, and of those that the runs hold slots of."""
    moves = _moves(commands, facts)
    of_deployments = {facts.flow_runs[c.flow_run_id].deployment_id for c in moves if _asks_for_slot(c, facts)} - {None}
    if of_deployments:
        for deployment_id, limit_id, options in _TERMS.fetch(conn, {"keys": of_deployments}):
            facts.deployments[deployment_id] = _terms(limit_id, options or {})
    limits = {x.limit_id for x in facts.deployments.values()}
    if named := _named_leases(moves, facts):
        limits.update(row[0] for row in _LEASED_LIMITS.fetch(conn, {"keys": named}))
    return limits


def _asks_for_slot(command: SetFlowRunState, facts: WorkingSet) -> bool:
    """A run that begins asks only where it was given a slot before, which it may have lost."""
    if command.proposal.type is StateType.RUNNING:
        return not command.force and bool(_named_leases([command], facts))
    return command.marking_late or (command.proposal.type is StateType.PENDING and not command.force)


def _terms(limit_id: str, options: dict[str, Any]) -> DeploymentTerms:
    cancels_new = options.get("collision_strategy") == "CANCEL_NEW"
    return DeploymentTerms(limit_id, options.get("grace_period_seconds"), cancels_new)


def _moves(commands: Sequence[Command], facts: WorkingSet) -> list[SetFlowRunState]:
    return [c for c in commands if isinstance(c, SetFlowRunState) and c.flow_run_id in facts.flow_runs]


def _named_leases(moves: Sequence[SetFlowRunState], facts: WorkingSet) -> set[str]:
    """The leases that the states name which the runs are in that are to move."""
    states = (state for c in moves if (state := facts.flow_runs[c.flow_run_id].state) is not None)
    return {x for state in states if (x := state.details.deployment_concurrency_lease_id) is not None}


def load_leases(conn: Connection, commands: Sequence[Command], facts: WorkingSet, now: datetime) -> None:
    """The leases that the flow runs at hand hold now. The limits are locked by then, so that nobody ends them."""
    named = _named_leases(_moves(commands, facts), facts)
    if not named:
        return
    found: dict[str, tuple[Lease, list[Share]]] = {}
    for row in _LEASES.fetch(conn, {"keys": named, "now": now}):
        lease, share = lease_and_share(row)
        found.setdefault(lease.id, (lease, []))[1].append(share)
    facts.leases.update((x, HeldLease(lease, tuple(shares))) for x, (lease, shares) in found.items())


def gather(writes: Writes, facts: WorkingSet) -> None:
    """Add to the writes which leases the batch made, renewed and ended."""
    made = facts.new_leases.values()
    writes.add(_INSERT_LEASE, [lease_values(x.lease) for x in made])
    writes.add(_INSERT_SHARE, [row for x in made for row in share_values(x.lease.id, x.shares)])
    renewed = facts.renewed_leases.values()
    writes.add(_RENEW_LEASE, [{"id": x.id, "expires": x.expires} for x in renewed])
    writes.add(_DELETE_LEASE, [{"id": x} for x in facts.ended_leases])
