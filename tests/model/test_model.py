"""The server, driven at random, and a simple model of it agree: on every answer, and on all that is there afterwards.

On a failure hypothesis prints the shortest walk it found to it, with the answers, and a `@reproduce_failure(...)` line:
put above `machine`, that takes the same walk again.
"""

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from interlock.settings import Settings
from tests.conftest import FakeClock
from tests.model.conftest import CAMPAIGN, ORDINARY
from tests.model.machine import LedgerMachine
from tests.model.server import Servers
from tests.quiet import QUIET

SERVERS = {"sqlite": 1, "postgresql": 3}
LONG = 1e9
"""What a service does of its own accord, after this time, the model knows nothing of."""
IS_CAMPAIGN = settings.get_current_profile_name() == CAMPAIGN
PROFILE = settings.get_profile(CAMPAIGN if IS_CAMPAIGN else ORDINARY)


@pytest.mark.timeout(0 if IS_CAMPAIGN else 900)
def test_whatever_is_asked_in_whatever_order_servers_and_model_agree(
    database: str, database_url: str, clock: FakeClock
) -> None:
    """Creations, transitions, deletions, limits, time that passes and restarts; on PostgreSQL with several servers."""
    settings = Settings(database_url=database_url, task_grace_seconds=LONG, task_pending_seconds=LONG, **QUIET)
    with Servers(settings, clock, SERVERS[database]) as servers:

        def machine() -> LedgerMachine:
            return LedgerMachine(servers, clock)

        run_state_machine_as_test(machine, settings=PROFILE)
