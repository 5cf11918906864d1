"""What a load asks of a server: one request after another, and what follows from their answers.

Does not send anything (open_load.py does).
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

from bench.bodies import TaskRunRequests, encode, id_of
from bench.http_client import Answer, Target
from bench.queries import PAGE

Settle = Callable[[Answer], None]


class Work(Protocol):
    """Requests without an end."""

    def take(self) -> tuple[bytes, Settle]:
        """The next request, and what is to be told its answer."""
        ...


class Writes:
    """Task runs of a flow run, each created and taken to RUNNING and COMPLETED; what was refused is asked again."""

    def __init__(self, target: Target, flow_run_id: str) -> None:
        self._requests = TaskRunRequests(target, flow_run_id)
        self._numbers = itertools.count()
        self._due: deque[tuple[bytes, Settle]] = deque()

    def take(self) -> tuple[bytes, Settle]:
        if self._due:
            return self._due.popleft()
        request = self._requests.create(next(self._numbers))
        return request, partial(self._created, request)

    def _created(self, request: bytes, answer: Answer) -> None:
        if answer.ok:
            self._follow(request for _, request in self._requests.transitions(0, id_of(answer.body)))
        else:
            self._due.append((request, partial(self._created, request)))

    def _follow(self, requests: Iterator[bytes]) -> None:
        for request in requests:
            self._due.append((request, partial(self._changed, request, requests)))
            return

    def _changed(self, request: bytes, later: Iterator[bytes], answer: Answer) -> None:
        if answer.ok:
            self._follow(later)
        else:
            self._due.append((request, partial(self._changed, request, later)))


class Reads:
    """Two pages of 200 task runs and a count, in turn."""

    def __init__(self, target: Target) -> None:
        failed = {"state": {"type": {"any_": ["FAILED"]}}, "tags": {"all_": ["finance"]}}
        completed = {"state": {"type": {"any_": ["COMPLETED"]}}}
        newest = {"sort": "EXPECTED_START_TIME_DESC", "limit": PAGE}
        self._requests = itertools.cycle(
            [
                target.post("/task_runs/filter", encode(newest)),
                target.post("/task_runs/count", encode({"task_runs": completed})),
                target.post("/task_runs/filter", encode({"task_runs": failed, "limit": PAGE})),
            ]
        )

    def take(self) -> tuple[bytes, Settle]:
        return next(self._requests), _nothing


class Mixed:
    """Nine writes, then a read."""

    def __init__(self, writes: Writes, reads: Reads) -> None:
        self._turns: itertools.cycle[Work] = itertools.cycle([writes] * 9 + [reads])

    def take(self) -> tuple[bytes, Settle]:
        return next(self._turns).take()


def _nothing(_answer: Answer) -> None:
    """Nothing follows from the answer to a read."""
