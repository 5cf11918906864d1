"""The queue of background task runs: what of it is decided without looking.

What lives here: which runs are in the queue, what a new state means for that, and which waiting worker is given a run
of which task. What does not: the rows of the queue (storage/queries/task_queue.py) and delivery (engine/task_queue.py).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

import msgspec

from interlock.orchestration.runs import TaskRun
from interlock.orchestration.states import TERMINAL_TYPES, StateType

TURNS_IN_ORDER = 9
"""After so many turns in the order of its keys a worker has one for the key that it was longest without: those in
front, however full, leave a tenth to the others."""


class QueueChange(Enum):
    """What a state that was written means for the run's place in the queue."""

    TAKEN = "taken"
    """Someone works on it. Who that is stays known, so that the run can be given to another when they are gone."""

    DONE = "done"
    """Nobody is to be given it again."""


def queue_change(run: TaskRun, before: TaskRun | None) -> QueueChange | None:
    """What follows from the run's new state, which puts it nowhere; None where its place, if it has one, stays.

    A run of a flow run is in the queue only if it was deferred, and is done with once it leaves that state: its worker
    retries it without asking. Any other is kept in mind until it ends.
    """
    assert run.state is not None
    if before is None or before.state is None:
        return None
    waited = before.state.type == StateType.SCHEDULED
    if run.flow_run_id is not None:
        is_known = before.flow_run_id is None or (waited and before.state.details.deferred)
        return QueueChange.DONE if is_known else None
    if run.state.type in TERMINAL_TYPES:
        return QueueChange.DONE
    return QueueChange.TAKEN if waited else None


class Waiting(msgspec.Struct, frozen=True):
    """A worker without a run in flight, and the keys of its tasks, those first that it is to be given first."""

    worker_id: str
    task_keys: Sequence[str]


def assign(waiting: Iterable[Waiting], ready: Mapping[str, int]) -> dict[str, list[str]]:
    """The workers that are given a run, by the key of its task, in the order in which they have waited.

    `ready` tells how many runs there are of a key. Who comes first is served first, with the first of its keys that has
    a run left.
    """
    left = Counter(ready)
    assigned: dict[str, list[str]] = {}
    for worker in waiting:
        key = next((key for key in worker.task_keys if left[key] > 0), None)
        if key is not None:
            left[key] -= 1
            assigned.setdefault(key, []).append(worker.worker_id)
    return assigned


class Turns:
    """In which order a worker wants its keys served, from one run to the next."""

    def __init__(self, task_keys: Iterable[str]) -> None:
        self.task_keys = tuple(dict.fromkeys(task_keys))
        self._turn = 0
        self._served = dict.fromkeys(self.task_keys, 0)

    def order(self) -> Sequence[str]:
        """The keys for the next run: in the order given, but every tenth time the longest unserved first."""
        if self._turn % (TURNS_IN_ORDER + 1) < TURNS_IN_ORDER:
            return self.task_keys
        return sorted(self.task_keys, key=self._served.__getitem__)

    def take(self, task_key: str) -> None:
        """Note that a run of the key was delivered."""
        self._turn += 1
        self._served[task_key] = self._turn
