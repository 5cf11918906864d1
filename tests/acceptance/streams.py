"""A stream of background tasks of either client line, and the workers that serve it, which may be killed.

What lives here: starting them (flows/stream.py), what the executions left, and what the ledger says. What does not:
what happens to whom (the tests).
"""

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.crash.servers import Server

from .api import Api, Json
from .client import FLOWS, INTERPRETER, INTERPRETER_3, TIMEOUT, Client, Found, Running, wait_until

INTERPRETERS = {"2.20": INTERPRETER, "3.9": INTERPRETER_3}
SETTINGS = {"PREFECT_EXPERIMENTAL_ENABLE_TASK_SCHEDULING": "true", "PREFECT_LOGGING_TO_API_ENABLED": "false"}
LIMIT = 10
SECONDS_A_RUN = 0.5
"""How long a run may take, on a busy machine, beside what all takes that is started."""


class Trace(NamedTuple):
    """What an execution left: `began` or `ended`, of the run with this number, in this process."""

    what: str
    number: int
    pid: int


class Stream:
    """Runs of one task, in the order of their numbers, and their workers. `client` asks the server of `api`."""

    def __init__(self, client: Client, api: Api, tags: Sequence[str] = ()) -> None:
        self.client = client
        self.api = api
        self.ids: list[str] = []
        self._word = uuid.uuid4().hex[:10]
        self._tags = json.dumps(tags)
        self._patience = TIMEOUT

    def _start(self, what: str, *numbers: int, late: bool, api_url: str | None = None) -> Running:
        arguments = (self._word, self.client.home, self._tags, "late" if late else "soon", what, *map(str, numbers))
        env = SETTINGS | ({"PREFECT_API_URL": api_url} if api_url else {})
        return self.client.start(self.client.interpreter, FLOWS / "stream.py", *arguments, env=env)

    def submitter(self, count: int, *, first: int = 0, late: bool = False) -> Running:
        """A program that calls the task so many times; where it is `late`, once the gate is open."""
        self._patience += count * SECONDS_A_RUN
        return self._start("submit", count, first, late=late)

    def worker(self, *, limit: int = LIMIT, late: bool = False, api_url: str | None = None) -> Running:
        """A worker that is on its way, and serves so many runs at a time (in the 3.x line); where it is `late`, once
        the gate is open. `api_url` is the server that it asks, if another one than the client."""
        return self._start("serve", limit, late=late, api_url=api_url)

    def note(self, submitter: Running) -> None:
        """Wait until a program has submitted all its runs, which follow on those known, and take note of them."""
        self.ids += submitter.finish(self._patience).expect().result

    def wait_for_workers(self, count: int) -> None:
        """Wait until so many are connected."""
        wait_until(lambda: len(self.api.post("/task_workers/filter")) == count, f"{count} workers are connected")

    def _wait_until(self, probe: Callable[[], Found | None], what: str) -> Found:
        return wait_until(probe, what, self._patience)

    def open_gate(self) -> None:
        """Let executions end."""
        (self.client.home / f"gate-{self._word}").touch()

    def traces(self, what: str) -> list[Trace]:
        """Of all executions, in the order in which they left them."""
        path = Path(self.client.home / f"traces-{self._word}")
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        traces = [Trace(what, int(number), int(pid)) for what, number, pid in map(str.split, lines)]
        return [x for x in traces if x.what == what]

    def wait_for(self, what: str, count: int) -> list[Trace]:
        """Wait until executions left so many traces, at least."""
        return self._wait_until(lambda: found if len(found := self.traces(what)) >= count else None, f"{count} {what}")

    def executions(self) -> Counter[int]:
        """How often each run was begun."""
        return Counter(x.number for x in self.traces("began"))

    def runs(self) -> list[Json]:
        """The runs as the ledger has them, in the order of their numbers."""
        found = self.api.pages("/task_runs/filter", {"task_runs": {"id": {"any_": self.ids}}, "sort": "ID_DESC"})
        by_id = {x["id"]: x for x in found}
        return [by_id[x] for x in self.ids]

    def in_state(self, state_type: str) -> set[int]:
        """The numbers of the runs in a state."""
        return {number for number, run in enumerate(self.runs()) if run["state_type"] == state_type}

    def wait_until_completed(self, numbers: set[int]) -> None:
        """Wait until all of these runs are COMPLETED."""
        self._wait_until(lambda: numbers <= self.in_state("COMPLETED"), f"COMPLETED: {sorted(numbers)}")

    def begun_by(self, workers: Iterable[Running]) -> set[int]:
        """The numbers of the runs that these workers were the last to begin."""
        last = {x.number: x.pid for x in self.traces("began")}
        pids = {x.process.pid for x in workers}
        return {number for number, pid in last.items() if pid in pids}

    def wait_until_completed_or_left_by(self, gone: list[Running]) -> None:
        """Wait until each run is COMPLETED, or else left RUNNING by a worker that is gone."""

        def unsettled() -> dict[int, str]:
            states = {number: run["state_type"] for number, run in enumerate(self.runs())}
            left = self._left_by(gone)
            return {x: y for x, y in states.items() if y != "COMPLETED" and (y != "RUNNING" or x not in left)}

        try:
            self._wait_until(lambda: not unsettled(), "each run has ended, or was left by a worker that is gone")
        except AssertionError as error:
            raise AssertionError(f"{error}: {unsettled()}") from None

    def _left_by(self, workers: list[Running]) -> set[int]:
        """What they may have been about to begin, or did begin."""
        unbegun = set(range(len(self.ids))) - self.executions().keys()
        return self.begun_by(workers) | unbegun if workers else set()


def url_of(server: Server) -> str:
    """Where clients find a server."""
    return f"http://127.0.0.1:{server.port}/api"


@contextmanager
def stream(line: str, api_url: str, home: Path, tags: Sequence[str] = ()) -> Iterator[Stream]:
    """A stream of a client line with nothing in it yet. At the end nobody serves it any more."""
    interpreter = INTERPRETERS[line]
    assert interpreter.exists(), f"no client at {interpreter}: `./run peers` installs it"
    home.mkdir()
    client, api = Client(api_url, home, interpreter), Api(api_url)
    yield Stream(client, api, tags)
    client.close()
    api.http.close()
