"""A client's persistence: the same request again and again until it is answered, as real clients do.

What lives here: retries, the counts of what it took, and the gate that holds all clients back. What does not: what is
asked (walks.py).
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.crash.wire import ANSWER_SECONDS, Answer, NoAnswerError, Wire

PATIENCE_SECONDS = 60
"""A request that is not answered for so long fails the test: the server did not come back."""


HANG_UP_SHARE = 0.05
HANG_UP_SECONDS = 0.02
"""So many tries of those who hang up are given up before that time, about as long as an answer takes: the request may
have been carried out, or be on its way while it is sent again."""


class BrokenPromiseError(AssertionError):
    """An answer that the server must never give."""


@dataclass
class Tally:
    """What the load was, and what it met."""

    tries: int = 0
    answered: int = 0
    retried: int = 0
    unanswered_tries: int = 0
    unavailable_tries: int = 0
    acknowledged: Counter[str] = field(default_factory=Counter)
    """How many were acknowledged of each kind of write (create, transition, delete, log, event), and by workers, of
    runs that they were given (receipt)."""


class Gate:
    """Holds back requests while it is shut; those already through are waited for."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._under_way = 0

    def open(self) -> None:
        self._open.set()

    async def shut(self) -> None:
        """Let nobody through any more, and wait until everyone who is through has the answer."""
        self._open.clear()
        await self._idle.wait()

    @asynccontextmanager
    async def passed(self) -> AsyncIterator[None]:
        await self._open.wait()
        self._under_way += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if self._under_way == 0:
                self._idle.set()


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer that a request got in the end, and which try it was that got it."""

    status: int
    body: Any
    tries: int


class Caller:
    """One client of the servers at these ports. Where one does not answer, the next is asked."""

    def __init__(self, ports: Sequence[int], gate: Gate, tally: Tally, random: Random) -> None:
        self._wires = [Wire(port) for port in ports]
        random.shuffle(self._wires)
        self._gate = gate
        self._tally = tally
        self._random = random

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        expected: Sequence[int] = (200, 201),
        hangs_up: bool = False,
    ) -> Reply:
        """The answer to a request, sent unchanged until there is one.

        `hangs_up`: some tries are given up early, while the server goes on with them. Raises BrokenPromiseError for a
        status that is not expected, for any 5xx but a 503 that says when to come back, and where no answer comes in
        time.
        """
        async with self._gate.passed():
            answer, tries = await self._persist(method, path, body, hangs_up)
        self._tally.answered += 1
        self._tally.retried += tries > 1
        if answer.status not in expected:
            raise BrokenPromiseError(f"{method} {path} {body}: {answer.status} {answer.body} at try {tries}")
        return Reply(answer.status, answer.body, tries)

    async def _persist(self, method: str, path: str, body: Any, hangs_up: bool) -> tuple[Answer, int]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        tries = 0
        while True:
            tries += 1
            answer = await self._try(method, path, body, self._patience(hangs_up))
            if answer is not None:
                return answer, tries
            if time.monotonic() > deadline:
                raise BrokenPromiseError(f"{method} {path}: no answer in {PATIENCE_SECONDS} s, {tries} tries")
            # Far sooner than a real client would come back, so that the server meets the crowd while it starts.
            await asyncio.sleep(self._random.uniform(0.01, 0.1))

    async def _try(self, method: str, path: str, body: Any, patience: float) -> Answer | None:
        self._tally.tries += 1
        try:
            answer = await self._wires[0].ask(method, path, body, patience)
        except NoAnswerError:
            self._tally.unanswered_tries += 1
            self._wires.append(self._wires.pop(0))
            return None
        if answer.status != 503:
            return answer
        if not answer.headers.get("retry-after", "").isdigit():
            raise BrokenPromiseError(f"{method} {path}: 503 without Retry-After")
        self._tally.unavailable_tries += 1
        return None

    def _patience(self, hangs_up: bool) -> float:
        if hangs_up and self._random.random() < HANG_UP_SHARE:
            return self._random.uniform(0, HANG_UP_SECONDS)
        return ANSWER_SECONDS

    async def close(self) -> None:
        for wire in self._wires:
            await wire.close()
