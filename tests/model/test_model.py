"""The server, driven at random, and a simple model of it agree: on every answer, and on all that is there afterwards.

On a failure hypothesis prints the shortest walk it found to it, with the answers, and a `@reproduce_failure(...)` line:
put above `machine`, that takes the same walk again.
"""

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from interlock.settings import Settings
from tests.conftest import FakeClock
from tests.model.machine import LedgerMachine
from tests.model.server import Server

PROFILES = ("model", "model-campaign")


def test_whatever_is_asked_in_whatever_order_server_and_model_agree(database_url: str, clock: FakeClock) -> None:
    """Creations, transitions, deletions, limits, time that passes and restarts, on each kind of database."""
    with Server(Settings(database_url=database_url), clock) as server:

        def machine() -> LedgerMachine:
            return LedgerMachine(server, clock)

        run_state_machine_as_test(machine, settings=_profile())


def _profile() -> settings:
    chosen = settings.get_current_profile_name()
    return settings.get_profile(chosen if chosen in PROFILES else PROFILES[0])
