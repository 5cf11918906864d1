"""What there is in a demo: flows with their tasks, tags, outcomes and how often each occurs.

What lives here: tables of constants, and how many of what there are. What does not: what is made of them
(flow_runs.py).
"""

from collections.abc import Sequence
from typing import NamedTuple

from interlock.orchestration.states import StateType


class Step(NamedTuple):
    """A state on a run's way."""

    type: StateType
    name: str
    message: str | None = None


class DemoFlow(NamedTuple):
    """A flow: its tasks run in stages, one after the other. `weight` is how many task runs its flow runs have, compared
    with those of the others."""

    name: str
    tasks: tuple[str, ...]
    tags: tuple[str, ...]
    weight: int


FLOWS = (
    DemoFlow("ingest-orders", ("list_files", "read_file", "validate", "load_table"), ("ingest", "sales"), 2),
    DemoFlow("ingest-events", ("list_partitions", "read_partition", "load_table"), ("ingest", "product"), 3),
    DemoFlow("clean-customers", ("read_table", "deduplicate", "validate", "write_table"), ("sales",), 1),
    DemoFlow("backfill-history", ("list_days", "read_day", "transform", "load_table"), ("backfill",), 8),
    DemoFlow("train-forecast", ("read_table", "split", "fit", "score", "register_model"), ("research", "gpu"), 1),
    DemoFlow("score-churn", ("read_table", "load_model", "score", "write_table"), ("research", "ml"), 1),
    DemoFlow("reconcile-invoices", ("read_ledger", "match", "report"), ("finance",), 1),
    DemoFlow("archive-logs", ("list_files", "compress", "upload", "delete_file"), ("ops",), 1),
    DemoFlow("nightly-report", ("read_table", "aggregate", "render", "send_mail"), ("finance", "nightly"), 1),
    DemoFlow("refresh-dashboards", ("read_table", "aggregate", "publish"), ("nightly", "warehouse"), 1),
)
CALLER = 8
"""The flow whose runs call the next flow as a subflow."""

TASK_TAGS = ("critical", "experimental", "eu", "us")
RARE_TAG = "incident"
RARE_TAG_SHARE = 1 / 10_000
TAG_LIMITS = {"warehouse": 500, "gpu": 100}

PENDING = Step(StateType.PENDING, "Pending")
RUNNING = Step(StateType.RUNNING, "Running")
RETRYING = Step(StateType.RUNNING, "Retrying")
AWAITING_RETRY = Step(StateType.SCHEDULED, "AwaitingRetry", "Task run is awaiting a retry.")
COMPLETED = Step(StateType.COMPLETED, "Completed")
CACHED = Step(StateType.COMPLETED, "Cached")
NOT_READY = Step(StateType.PENDING, "NotReady", "Upstream task run did not reach a 'COMPLETED' state.")
FAILED = Step(StateType.FAILED, "Failed", "Task run encountered an exception ValueError: unexpected column 'amount'")
TIMED_OUT = Step(StateType.FAILED, "TimedOut", "Task run exceeded timeout of 60.0 second(s)")
CRASHED = Step(
    StateType.CRASHED, "Crashed", "Execution was interrupted by an unexpected exception: OSError: [Errno 28]"
)
CANCELLING = Step(StateType.CANCELLING, "Cancelling")
CANCELLED = Step(StateType.CANCELLED, "Cancelled")
FLOW_FAILED = Step(StateType.FAILED, "Failed", "1/1 states failed.")

_RETRY = (AWAITING_RETRY, RETRYING)
Paths = Sequence[tuple[Step, ...]]


def _spread(*shares: tuple[int, tuple[Step, ...]]) -> Paths:
    """Each path as often as its share says, to be drawn from."""
    return [path for share, path in shares for _ in range(share)]


TASK_PATHS = _spread(
    (900, (PENDING, RUNNING, COMPLETED)),
    (30, (PENDING, CACHED)),
    (20, (PENDING, RUNNING, *_RETRY, COMPLETED)),
    (6, (PENDING, RUNNING, *_RETRY, *_RETRY, COMPLETED)),
    (4, (PENDING, RUNNING, *_RETRY, *_RETRY, *_RETRY, FAILED)),
    (18, (PENDING, RUNNING, FAILED)),
    (4, (PENDING, RUNNING, TIMED_OUT)),
    (3, (PENDING, NOT_READY)),
    (5, (PENDING, RUNNING, CRASHED)),
    (10, (PENDING, RUNNING, CANCELLED)),
)
FLOW_PATHS = _spread(
    (90, (PENDING, RUNNING, COMPLETED)),
    (6, (PENDING, RUNNING, FLOW_FAILED)),
    (2, (PENDING, RUNNING, CRASHED)),
    (2, (PENDING, RUNNING, CANCELLING, CANCELLED)),
)
INTERRUPTIONS = frozenset({CRASHED, CANCELLED})
"""A flow run that ends so leaves its task runs as they were."""

ADJECTIVES = (
    *("amber", "bold", "calm", "clever", "crimson", "daring", "eager", "fearless", "gentle", "golden", "hidden"),
    *("icy", "jolly", "keen", "lucky", "mellow", "nimble", "olive", "proud", "quiet", "rapid", "silver", "tidy"),
    *("upbeat", "vivid", "witty", "young", "zealous"),
)
ANIMALS = (
    *("ant", "badger", "crane", "deer", "eagle", "falcon", "gecko", "heron", "ibis", "jackal", "koala", "lynx"),
    *("marten", "newt", "otter", "panda", "quail", "raven", "seal", "tapir", "urchin", "viper", "wombat", "yak"),
)

MIN_FLOW_RUNS = 1_000
TASK_RUNS_PER_FLOW_RUN = 400
_WEIGHTS_BEFORE = [sum(x.weight for x in FLOWS[:i]) for i in range(len(FLOWS) + 1)]


def flow_runs_for(task_runs: int) -> int:
    """How many flow runs so many task runs belong to."""
    return max(min(task_runs, MIN_FLOW_RUNS), task_runs // TASK_RUNS_PER_FLOW_RUN)


def task_runs_before(number: int, task_runs: int) -> int:
    """How many of all task runs belong to the flow runs before this one."""
    return task_runs * _weight_before(number) // _weight_before(flow_runs_for(task_runs))


def _weight_before(number: int) -> int:
    rounds, rest = divmod(number, len(FLOWS))
    return rounds * _WEIGHTS_BEFORE[-1] + _WEIGHTS_BEFORE[rest]
