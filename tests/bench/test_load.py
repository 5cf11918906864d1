"""The load generator counts what it was answered, and nothing else, against real servers on a socket."""

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest

from bench.bare_servers import ACCEPTED, CREATED, TrivialServer
from bench.bodies import TaskRunRequests
from bench.http_client import Target
from bench.load import Load, measure, measure_while, take_runs
from bench.machine import ProcessTree

FLOW_RUN = "9d07a8ff-3c0d-4571-89a1-1cb2befc3d85"


def answer(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)


class FaultyServer(asyncio.Protocol):
    """Accepts everything but RUNNING, which gets `on_running`, or a closed connection where that is None."""

    on_running: bytes | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        if b'"RUNNING"' not in data:
            self.transport.write(answer(201, ACCEPTED if b"/set_state" in data else CREATED))
        elif self.on_running is None:
            self.transport.close()
        else:
            self.transport.write(self.on_running)


def drive(protocol: Callable[[], asyncio.Protocol], connections: int, runs: int) -> Load:
    """A load of so many runs against a server of this protocol."""

    async def run() -> Load:
        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
        target = Target(*server.sockets[0].getsockname(), "/api")
        load = Load([target], TaskRunRequests(target, FLOW_RUN), connections, runs)
        await load.run()
        server.close()
        return load

    return asyncio.run(run())


def test_every_run_is_created_and_taken_to_its_end_once() -> None:
    load = drive(TrivialServer, connections=3, runs=20)
    assert load.acknowledged == {"create": 20, "RUNNING": 20, "COMPLETED": 20}
    assert {kind: len(seconds) for kind, seconds in load.latencies.items()} == load.acknowledged
    assert load.writes_in_window == 60
    assert not load.failures


@pytest.mark.parametrize(
    ("on_running", "failure"),
    [
        (answer(503, b"{}"), "RUNNING: HTTP 503"),
        (answer(200, b'{"status":"REJECT"}'), "RUNNING: not accepted"),
        (None, "the connection was lost: closed by the server"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "chunked answers are not supported"),
    ],
)
def test_a_failed_write_is_counted_and_ends_its_run_only(on_running: bytes | None, failure: str) -> None:
    server = type("Server", (FaultyServer,), {"on_running": on_running})
    load = drive(server, connections=2, runs=3)
    assert load.acknowledged == {"create": 3}
    assert load.failures.total() == 3
    assert all(text.startswith(failure) for text in load.failures)


def test_the_measured_window_is_reported_with_what_the_server_stored() -> None:
    async def run() -> dict[str, Any]:
        server = await asyncio.get_running_loop().create_server(TrivialServer, "127.0.0.1", 0)
        target = Target(*server.sockets[0].getsockname(), "/api")
        report = await measure(
            [target], connections=2, seconds=0.2, warm_up=0.05, watched={"me": ProcessTree(os.getpid())}
        )
        server.close()
        return report

    report = asyncio.run(run())
    assert report["completed"]["counted"] == report["completed"]["acknowledged"] > 0
    assert report["writes_per_second"] == pytest.approx(report["writes"] / 0.2)
    assert report["latency_ms"]["set_state"]["n"] > report["latency_ms"]["create"]["n"]
    assert report["failed"] == 0
    assert report["cpu_ms_per_write"]["me"] > 0


def test_the_load_goes_on_for_as_long_as_the_work_beside_it() -> None:
    """And is told as a rate, beside the work's result."""

    async def run() -> tuple[float, str]:
        server = await asyncio.get_running_loop().create_server(TrivialServer, "127.0.0.1", 0)
        target = Target(*server.sockets[0].getsockname(), "/api")

        async def work() -> str:
            await take_runs(target, connections=1, runs=50)
            return "done"

        rate, result = await measure_while(target, 2, 0.05, work)
        server.close()
        return rate, result

    rate, result = asyncio.run(run())
    assert rate > 0
    assert result == "done"


def test_the_connections_are_spread_over_the_servers() -> None:
    opened = [0, 0]

    def protocol(number: int) -> Callable[[], asyncio.Protocol]:
        class Counting(TrivialServer):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                opened[number] += 1

        return Counting

    async def run() -> Load:
        loop = asyncio.get_running_loop()
        servers = [await loop.create_server(protocol(n), "127.0.0.1", 0) for n in range(2)]
        targets = [Target(*server.sockets[0].getsockname(), "/api") for server in servers]
        load = Load(targets, TaskRunRequests(targets[0], FLOW_RUN), connections=4, runs=20)
        await load.run()
        for server in servers:
            server.close()
        return load

    assert asyncio.run(run()).acknowledged.total() == 60
    assert opened == [2, 2]
