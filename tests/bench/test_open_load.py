"""Load that does not wait counts what it sent and what that came to; obedient clients do as they are told."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from bench.http_client import Answer, Target
from bench.open_load import Latencies, OpenLoad
from bench.overload import ATTEMPTS, capacity, measure, obey
from bench.work import Writes
from tests.conftest import LiveServer

ID = "9d07a8ff-3c0d-4571-89a1-1cb2befc3d85"
TARGET = Target("127.0.0.1", 1, "/api")


def reply(status: int, body: bytes = b"{}", head: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d X\r\n%bcontent-length: %d\r\n\r\n%b" % (status, head, len(body), body)


REFUSAL = reply(503, head=b"Retry-After: 0\r\n")


class Scripted(asyncio.Protocol):
    """Answers request number n with `script(n)`, or closes the connection where that is None."""

    def __init__(self, script: Callable[[int], bytes | None], seen: list[bytes]) -> None:
        self._script = script
        self._seen = seen

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._seen.append(data)
        answer = self._script(len(self._seen) - 1)
        if answer is None:
            self.transport.close()
        else:
            self.transport.write(answer)


class Numbered:
    """Requests that tell their number."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.taken = 0

    def take(self) -> tuple[bytes, Callable[[Answer], None]]:
        self.taken += 1
        return TARGET.get(f"/{self.taken}"), lambda answer: self.answers.append(answer.status)


def against(script: Callable[[int], bytes | None], use: Callable[[Target], Any]) -> tuple[Any, list[bytes]]:
    """What the use of a scripted server returned, and the requests that the server saw."""
    seen: list[bytes] = []

    async def run() -> Any:
        server = await asyncio.get_running_loop().create_server(lambda: Scripted(script, seen), "127.0.0.1", 0)
        result = await use(Target(*server.sockets[0].getsockname(), "/api"))
        server.close()
        return result

    return asyncio.run(run()), seen


def test_latencies_are_told_within_one_per_cent() -> None:
    latencies = Latencies()
    assert latencies.summary() is None
    for milliseconds in range(1, 1001):
        latencies.add(milliseconds / 1000)
    summary = latencies.summary()
    assert summary is not None
    assert summary["p50"] == pytest.approx(500, rel=0.011)
    assert summary["p99"] == pytest.approx(990, rel=0.011)
    assert (summary["max"], summary["n"]) == (1000, 1000)


def test_each_request_is_served_refused_or_failed() -> None:
    """And what follows from an answer is told whoever asked."""
    work = Numbered()
    answers = [reply(200), REFUSAL, reply(500), None]

    async def use(target: Target) -> OpenLoad:
        load = OpenLoad(target, work, connections=3)
        await load.run(0.2)
        return load

    load, seen = against(lambda n: answers[n % 4], use)
    counts = Counter(work.answers)
    served, refused = load.served.summary(), load.refused.summary()
    assert load.sent == work.taken == len(seen)
    assert served is not None
    assert refused is not None
    assert (served["n"], refused["n"], load.failed["HTTP 500"]) == (counts[200], counts[503], counts[500])
    assert load.failed["ConnectionFailure"] == load.sent - len(work.answers) > 0


def test_no_more_is_sent_than_the_rate_says() -> None:
    """Nor more than one request at a time on a connection: what finds none free is left out."""

    async def use(target: Target) -> tuple[OpenLoad, OpenLoad]:
        slow, stuck = OpenLoad(target, Numbered(), 5, rate=10), OpenLoad(target, Numbered(), 1, rate=1e6)
        await slow.run(0.5)
        await stuck.run(0.05)
        return slow, stuck

    (slow, stuck), _ = against(lambda _: reply(200), use)
    assert slow.sent <= 5
    assert slow.left_out == 0
    assert 0 < stuck.sent < stuck.left_out


def test_runs_are_written_step_by_step_and_what_is_refused_again() -> None:
    """RUNNING only when the run is there, COMPLETED only when it is RUNNING."""
    work = Writes(TARGET, ID)
    steps = []
    for status in (503, 201, 503, 201, 201, 201):
        request, settle = work.take()
        body = json.loads(request.partition(b"\r\n\r\n")[2])
        steps.append(body["state"]["type"] + (" " + body["dynamic_key"] if "dynamic_key" in body else ""))
        settle(Answer(status, json.dumps({"id": ID}).encode(), 0))
    assert steps == ["PENDING 00000000"] * 2 + ["RUNNING"] * 2 + ["COMPLETED", "PENDING 00000001"]


@pytest.mark.parametrize(("refusals", "through"), [(0, 1), (ATTEMPTS - 1, 1), (ATTEMPTS, 0)])
def test_an_obedient_client_asks_six_times_before_it_gives_up(refusals: int, through: int) -> None:
    """As the published one does."""
    report, seen = against(
        lambda n: REFUSAL if n < refusals else reply(200), lambda target: obey(target, "reads", clients=1, requests=1)
    )
    assert (report["through"], report["refusals"]) == (through, refusals)
    assert len(seen) == min(refusals + 1, ATTEMPTS)


@pytest.mark.parametrize("kind", ["writes", "reads", "mixed"])
def test_a_real_server_is_measured(live_server: LiveServer, kind: str) -> None:
    """Nothing fails, and health is asked for meanwhile."""
    target = Target.parse(live_server.url)
    assert asyncio.run(capacity(target, kind, 0.3)) > 0
    report = asyncio.run(measure(target, kind, rate=200, connections=5, seconds=0.5, server=None))
    assert report["served_ms"]["n"] > 0
    assert not report["failed"]
    assert all(report["probes_ms"].values())
    assert asyncio.run(obey(target, kind, clients=3, requests=3))["through"] == 3
