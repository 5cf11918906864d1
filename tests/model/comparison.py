"""What the server shows, beside what the model has.

What lives here: looking, and the comparisons. What does not: the answers to the requests themselves (ledger.py).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from interlock.storage.invariants import Violation
from tests.model.ledger import Ledger, Queued
from tests.model.records import TYPES, Run
from tests.model.server import Servers
from tests.model.wire import Json, same, shown_flow_run, shown_limit, shown_state, shown_task_run

NOUNS = ("flow_run", "task_run")
SLOT_VIOLATIONS = {"slot-of-unknown-run", "slot-of-idle-run", "slot-of-other-tag", "limit-exceeded"}
"""What an operator may bring about who resets a limit. The model knows of every slot who holds it."""


@dataclass
class Shown:
    """What the server shows at one moment: every run with its state, the limits with their holders, and the queue."""

    flow_runs: list[Json]
    task_runs: list[Json]
    limits: list[Json]
    queue: dict[str, Queued]

    def agreeing(self, ledger: Ledger) -> Ledger:
        """The ledger, which has learned the ids of states that it did not know; AssertionError where it differs."""
        now = ledger.now
        _same_records(self.flow_runs, {x.id: shown_flow_run(x, now) for x in ledger.flow_runs.values()})
        _same_records(self.task_runs, {x.id: shown_task_run(x, now) for x in ledger.task_runs.values()})
        _same_records(self.limits, {tag: shown_limit(tag, x) for tag, x in ledger.limits.items()}, key="tag")
        assert self.queue == ledger.queue, f"in the queue are {self.queue} instead of {ledger.queue}"
        _learn_state_ids(ledger.flow_runs, self.flow_runs)
        _learn_state_ids(ledger.task_runs, self.task_runs)
        return ledger


@dataclass
class ShownWhole(Shown):
    """All of that, each run's whole history, the counts of runs by state, the flows, the results, and what is wrong."""

    histories: dict[str, list[Json]]
    counts: dict[str, list[int]]
    flows: list[Json]
    results: list[Json]
    violations: list[Violation]

    def agreeing(self, ledger: Ledger) -> Ledger:
        super().agreeing(ledger)
        runs: list[Run] = [*ledger.flow_runs.values(), *ledger.task_runs.values()]
        for run in runs:
            same(self.histories[run.id], [shown_state(x) for x in run.states], f"states of {run.id}")
        _same_counts(self.counts["flow_run"], ledger.flow_runs.values())
        _same_counts(self.counts["task_run"], ledger.task_runs.values())
        assert {x["id"]: x["name"] for x in self.flows} == ledger.flows
        assert Counter((x["flow_run_id"], x["task_run_id"], repr(x["data"])) for x in self.results) == ledger.results
        assert [x for x in self.violations if x.name not in SLOT_VIOLATIONS] == []
        return ledger


def at_a_glance(servers: Servers) -> Shown:
    pages = servers.pages("/flow_runs/filter", "/task_runs/filter", "/concurrency_limits/filter")
    return Shown(*pages, servers.queue())


def whole(servers: Servers) -> ShownWhole:
    seen = at_a_glance(servers)
    histories = {**_histories(servers, "flow_run", seen.flow_runs), **_histories(servers, "task_run", seen.task_runs)}
    filters = [{"state": {"type": {"any_": [x]}}} for x in TYPES]
    counts = {noun: servers.found(f"/{noun}s/count", [{f"{noun}s": x} for x in filters]) for noun in NOUNS}
    flows, results = servers.pages("/flows/filter", "/artifacts/filter")
    wrong = servers.violations()
    return ShownWhole(**vars(seen), histories=histories, counts=counts, flows=flows, results=results, violations=wrong)


def _histories(servers: Servers, noun: str, runs: Sequence[Json]) -> dict[str, list[Json]]:
    ids = [x["id"] for x in runs]
    return dict(zip(ids, servers.at([f"/{noun}_states/?{noun}_id={x}" for x in ids]), strict=True))


def _same_records(shown: list[Json], expected: dict[str, Json], key: str = "id") -> None:
    found = {x[key]: x for x in shown}
    assert found.keys() == expected.keys(), f"there are {sorted(found)} instead of {sorted(expected)}"
    same(found, expected, "records")


def _learn_state_ids(runs: Mapping[str, Run], shown: list[Json]) -> None:
    """A state that followed from another run's is shown here for the first time."""
    for record in shown:
        state = runs[record["id"]].state
        if state is not None:
            state.id = record["state"]["id"]


def _same_counts(shown: list[int], runs: Iterable[Run]) -> None:
    expected = Counter(run.type for run in runs)
    assert dict(zip(TYPES, shown, strict=True)) == {x: expected[x] for x in TYPES}
