"""The state machine that hypothesis drives: requests at random, and after each step server and model are compared.

What lives here: the steps. What does not: which requests there are (requests.py), and what is compared (comparison.py).
"""

import sys
from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import partial
from itertools import permutations, product

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.conftest import FakeClock
from tests.model import calls, comparison, requests
from tests.model.calls import Call
from tests.model.comparison import Shown
from tests.model.ledger import Ledger
from tests.model.records import Proposal
from tests.model.server import Servers
from tests.model.wire import Answer

WAITS = st.sampled_from((0.25,) * 8 + (0.0, 2.0, 20.0, 60.0))
"""Seconds between two requests: mostly few, now and then as long as retries, limits and caches take."""

REQUESTS_BETWEEN_RESTARTS = 20
"""At least. A start takes as long as many requests, and is of interest only after some."""

Exchange = tuple[Call, Answer]


class LedgerMachine(RuleBasedStateMachine):
    """One walk through the API, from an empty database on."""

    def __init__(self, servers: Servers, clock: FakeClock) -> None:
        super().__init__()
        self._servers = servers
        self._clock = clock
        # As many as there are orders in which requests that were sent at once may have been carried out.
        self._ledgers = [Ledger(clock.now)]
        self._last: Call
        self._asked = 0
        servers.empty()

    @property
    def _ledger(self) -> Ledger:
        """What there is to ask about. The ledgers differ in little, and seldom."""
        return self._ledgers[0]

    def _wait(self, seconds: float) -> None:
        self._clock.advance(seconds=seconds)
        for ledger in self._ledgers:
            ledger.now = self._clock.now

    def _ask(self, *requested: Call) -> None:
        """Send these at once; whatever order the server put them in, it must be one in which the answers are right."""
        self._asked += len(requested)
        answers = self._servers.ask(requested)
        orders = list(permutations(zip(requested, answers, strict=True)))
        cases = list(product(self._ledgers, orders))
        if len(cases) > 1:
            # A ledger is changed by what it expects, even where that is not what it gets.
            cases = [(deepcopy(ledger), order) for ledger, order in cases]
        self._ledgers = _those_that_agree(partial(_after, ledger, order) for ledger, order in cases)

    def _compare(self, shown: Shown) -> None:
        self._ledgers = _those_that_agree(partial(shown.agreeing, ledger) for ledger in self._ledgers)

    @initialize()
    def begin(self) -> None:
        """Something to go on with: a limit, a flow run that is running, one of its task runs, and a background run."""
        self._ask(calls.set_limit("x", 1))
        self._ask(calls.create_flow("one"))
        (flow_id,) = self._ledger.flows
        self._ask(calls.create_deployment(flow_id))
        self._ask(calls.create_flow_run(requests.flow_run_draft(flow_id), Proposal("RUNNING")))
        (flow_run_id,) = self._ledger.flow_runs
        for owner in (flow_run_id, None):
            self._last = calls.create_task_run(None, requests.task_run_draft(owner), None)
            self._ask(self._last)

    @rule(data=st.data(), times=st.integers(1, 8))
    def ask_one_after_another(self, data: st.DataObject, times: int) -> None:
        """A client that did not get its answer may send the same request again."""
        for _ in range(times):
            self._wait(data.draw(WAITS))
            self._last = data.draw(st.one_of(*[requests.anything(self._ledger)] * 5, st.just(self._last)))
            self._ask(self._last)

    @rule(data=st.data())
    def ask_at_once(self, data: st.DataObject) -> None:
        """Requests that meet in one batch, perhaps the same one twice among them."""
        self._wait(data.draw(WAITS))
        wanted = data.draw(st.lists(requests.anything(self._ledger), min_size=1, max_size=3))
        self._ask(*wanted, data.draw(requests.anything(self._ledger) | st.sampled_from(wanted)))

    @precondition(lambda self: self._asked >= REQUESTS_BETWEEN_RESTARTS)
    @rule()
    def restart(self) -> None:
        """Whatever was answered is there afterwards."""
        self._asked = 0
        self._servers.restart()
        self._compare(comparison.whole(self._servers))

    @invariant()
    def runs_limits_and_queue_agree(self) -> None:
        self._compare(comparison.at_a_glance(self._servers))

    def teardown(self) -> None:
        # A step that failed is to be reported as it is.
        if sys.exception() is None:
            self._compare(comparison.whole(self._servers))


def _after(ledger: Ledger, exchanges: Iterable[Exchange]) -> Ledger:
    for call, answer in exchanges:
        call.check(ledger, answer)
    return ledger


def _those_that_agree(attempts: Iterable[Callable[[], Ledger]]) -> list[Ledger]:
    """The different ledgers that come of it without contradiction. Raises the first contradiction where none does."""
    agreeing: list[Ledger] = []
    contradictions = []
    for attempt in attempts:
        try:
            ledger = attempt()
        except AssertionError as contradiction:
            contradictions.append(contradiction)
        else:
            agreeing += [ledger] if ledger not in agreeing else []
    if not agreeing:
        raise contradictions[0]
    return agreeing
