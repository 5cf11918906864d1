"""One campaign: load, a strike at a random moment, a comparison; and so on.

What lives here: the order of things and the totals. What does not: what is struck (the tests).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from tests.crash.caller import Tally
from tests.crash.load import load_on
from tests.crash.servers import Server, database_faults
from tests.crash.verify import verifier_at

LOSSES_SHOWN = 3


@dataclass(frozen=True)
class Plan:
    """How many strikes, how long the load lasts before one at most, and the seed of the moments and of the walks."""

    kills: int
    seconds: float
    seed: int


@dataclass
class Totals:
    """What a campaign was, for the closing lines."""

    title: str
    seed: int
    tally: Tally = field(default_factory=Tally)
    kills: int = 0
    losses: int = 0

    def note(self, losses: list[str]) -> None:
        """Fail where something is lost."""
        self.losses += len(losses)
        assert not losses, "\n".join([f"{len(losses)} losses", *losses[:LOSSES_SHOWN]])

    def line(self) -> str:
        """One line for people."""
        made = ", ".join(f"{count:,} {kind}s" for kind, count in sorted(self.tally.acknowledged.items()))
        return (
            f"{self.title}: {self.kills} kills, {self.tally.answered:,} requests answered ({self.tally.retried:,} of "
            f"them at a later try), acknowledged {made}; {self.losses} lost (seed {self.seed})"
        )


async def run_campaign(
    plan: Plan, totals: Totals, servers: Sequence[Server], strike: Callable[[Random], Awaitable[None]]
) -> None:
    """Strike under load, as often as planned, and compare the ledger with what was acknowledged.

    `strike` kills something and brings it back; it is done once the clients' requests can be answered again.
    """
    random = Random(plan.seed)
    ports = [server.port for server in servers]
    async with load_on(ports, plan.seed) as load, verifier_at(ports[0], load.journal) as verifier:
        totals.tally = load.tally
        for _ in range(plan.kills):
            load.resume()
            await asyncio.sleep(random.uniform(0.05, plan.seconds))
            totals.kills += 1
            await strike(random)
            await load.pause()
            totals.note(await verifier.losses(load.journal.take_touched()))
        totals.note(await verifier.all_losses())
        totals.note(await database_faults(servers[0].database_url))
