"""What the clients sent and what was acknowledged: all that must hold of the ledger, whatever happened to the server.

What lives here: the records. What does not: who fills them (client.py) and who compares them with the ledger
(verify.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["task_runs", "flow_runs"]


@dataclass(eq=False, slots=True)
class Write:
    """One answered transition of a run.

    `sent` and `answered` are ticks of the journal's clock. `made` says that a state was written for it; `state_id` is
    that state's, where the answer named it.
    """

    transition_id: str
    sent: int
    answered: int
    made: bool
    state_id: str | None = None


@dataclass(eq=False)
class Run:
    """A run that was acknowledged.

    `is_shared`: several clients create it and set its states. `initial_id` is its first state's id, None where nobody
    who created a shared run was told that it was the first. `follows` are the types of the states that it was given
    because another run moved.
    """

    kind: Kind
    id: str
    initial_id: str | None = None
    tags: tuple[str, ...] = ()
    parent: "Run | None" = None
    writes: list[Write] = field(default_factory=list)
    follows: list[str] = field(default_factory=list)
    tasks: list["Run"] = field(default_factory=list)
    is_shared: bool = False
    is_deleted: bool = False

    def delete(self) -> None:
        """The run is gone, and its task runs with it."""
        self.is_deleted = True
        for task in self.tasks:
            task.is_deleted = True


class Journal:
    """All that is known of the ledger. It is in one thread, and knows no more than a client may."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.by_key: dict[tuple[str, ...], Run] = {}
        self.logs: dict[str, list[str]] = {}
        self.queued: set[Run] = set()
        """The runs that workers are to be given."""

        self.taken: set[Run] = set()
        """Those of them that a worker is about to begin, or has begun."""
        self.era = 0
        self._touched: dict[str, Run] = {}
        self._now = 0

    def tick(self) -> int:
        """The next moment."""
        self._now += 1
        return self._now

    def add(self, run: Run) -> None:
        self.runs[run.id] = run
        self.touch(run)

    def touch(self, run: Run) -> None:
        self._touched[run.id] = run

    def take_touched(self) -> list[Run]:
        """The runs that something was acknowledged of since this was last asked."""
        touched = list(self._touched.values())
        self._touched.clear()
        return touched

    def living(self, kind: Kind) -> Iterator[Run]:
        """The runs that were not deleted."""
        return (run for run in self.runs.values() if run.kind == kind and not run.is_deleted)
